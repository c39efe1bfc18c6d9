//! A client's connection that does not wait for ever.

use std::future::Future as _;
use std::io;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, AtomicU64, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::BufMut as _;
use interlingua_registry::Timeouts;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::time::{Instant, Sleep};

/// What a connection is doing, as far as its deadlines care.
///
/// ```text
///        a byte            the head is whole           the answer is sent
/// Quiet ───────▶ Head ───────────────────▶ Busy ─────────────────────▶ Quiet
/// ```
///
/// hyper's own limit for heads is also its limit for idle connections, and nothing in it bounds the
/// wait for the first byte or a client that stops reading. The socket knows all of them.
#[derive(Clone, Debug)]
pub(crate) struct Activity(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    born: Instant,
    doing: AtomicU8,
    /// When that began, in milliseconds of the connection's life.
    since: AtomicU64,
}

/// The most that is read at once, in bytes. hyper doubles a connection's buffer whenever it was filled, up to
/// the size of the largest head, and keeps it while the answer runs; the body is copied out of it anyway. So
/// a buffer of 16 KiB is never filled to its last byte.
const AT_ONCE: usize = (16 << 10) - 1;

const FRESH: u8 = 0;
const QUIET: u8 = 1;
const HEAD: u8 = 2;
const BUSY: u8 = 3;

impl Activity {
    fn new() -> Self {
        let born = Instant::now();
        Self(Arc::new(Inner { born, doing: AtomicU8::new(FRESH), since: AtomicU64::new(0) }))
    }

    /// A request's head is whole.
    pub(crate) fn busy(&self) {
        self.set(BUSY);
    }

    /// An answer is sent.
    pub(crate) fn quiet(&self) {
        self.set(QUIET);
    }

    fn set(&self, doing: u8) {
        let age = self.0.born.elapsed().as_millis();
        self.0.since.store(u64::try_from(age).unwrap_or(u64::MAX), Ordering::Relaxed);
        self.0.doing.store(doing, Ordering::Relaxed);
    }

    fn get(&self) -> u8 {
        self.0.doing.load(Ordering::Relaxed)
    }

    fn since(&self) -> Instant {
        self.0.born + Duration::from_millis(self.0.since.load(Ordering::Relaxed))
    }
}

/// A connection with deadlines.
#[derive(Debug)]
pub(crate) struct Socket {
    stream: TcpStream,
    activity: Activity,
    read: Pin<Box<Sleep>>,
    /// Whether `read` will wake the connection's task.
    armed: bool,
    write: Pin<Box<Sleep>>,
    stalled: bool,
    timeouts: Timeouts,
}

impl Socket {
    pub(crate) fn new(stream: TcpStream, timeouts: &Timeouts) -> Self {
        let sleep = |limit: Duration| Box::pin(tokio::time::sleep(limit));
        Self {
            stream,
            activity: Activity::new(),
            read: sleep(timeouts.client_first_byte),
            armed: false,
            write: sleep(timeouts.client_write),
            stalled: false,
            timeouts: timeouts.clone(),
        }
    }

    pub(crate) fn activity(&self) -> Activity {
        self.activity.clone()
    }

    /// Whether the client has been silent for longer than it may.
    ///
    /// The timer is not set anew for every request: it may ring too early and is then set to the time
    /// that counts. It must not ring too late, though nobody asks when an answer ends: hyper has then
    /// learned already that there is nothing to be read.
    fn poll_silence(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let activity = self.activity.get();
        // While an answer is on its way, a silent client is a patient one.
        if activity == BUSY && self.armed && !self.read.is_elapsed() {
            return Poll::Pending;
        }
        let now = Instant::now();
        let due = match activity {
            FRESH => self.activity.since() + self.timeouts.client_first_byte,
            HEAD => self.activity.since() + self.timeouts.client_head,
            QUIET => self.activity.since() + self.timeouts.client_idle,
            _ => now + self.timeouts.client_idle,
        };
        if due <= now {
            return Poll::Ready(());
        }
        if !self.armed || self.read.is_elapsed() || self.read.deadline() > due {
            self.read.as_mut().reset(due);
        }
        self.armed = true;
        self.read.as_mut().poll(cx)
    }

    fn poll_stall<T>(
        &mut self,
        cx: &mut Context<'_>,
        written: Poll<io::Result<T>>,
    ) -> Poll<io::Result<T>> {
        if written.is_ready() {
            self.stalled = false;
            return written;
        }
        if !std::mem::replace(&mut self.stalled, true) {
            self.write.as_mut().reset(Instant::now() + self.timeouts.client_write);
        }
        match self.write.as_mut().poll(cx) {
            Poll::Ready(()) => Poll::Ready(Err(timed_out("the client does not read"))),
            Poll::Pending => Poll::Pending,
        }
    }
}

impl AsyncRead for Socket {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        // Unlike a part that is lent, room that is only bounded need not be written to before.
        let mut room = (&mut *buf).limit(AT_ONCE);
        if let Poll::Ready(len) = pin!(self.stream.read_buf(&mut room)).poll(cx)? {
            if len > 0 && matches!(self.activity.get(), FRESH | QUIET) {
                self.activity.set(HEAD);
            }
            return Poll::Ready(Ok(()));
        }
        match self.poll_silence(cx) {
            Poll::Ready(()) => Poll::Ready(Err(timed_out("the client is silent"))),
            Poll::Pending => Poll::Pending,
        }
    }
}

impl AsyncWrite for Socket {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write(cx, buf);
        self.poll_stall(cx, written)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write_vectored(cx, bufs);
        self.poll_stall(cx, written)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

fn timed_out(what: &str) -> io::Error {
    io::Error::new(io::ErrorKind::TimedOut, what)
}

#[cfg(test)]
mod tests {
    use tokio::io::AsyncWriteExt as _;
    use tokio::net::TcpListener;
    use tokio::time::timeout;

    use super::*;

    /// The pieces are longer than one read, and each is there before the next is sent.
    #[tokio::test]
    async fn what_has_come_and_what_comes_later_is_read() {
        const PIECE: usize = 100_000;
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let mut client = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
        let (stream, _) = listener.accept().await.unwrap();
        let mut socket = Socket::new(stream, &Timeouts::default());
        let mut piece = vec![0; PIECE];
        for letter in *b"abc" {
            client.write_all(&vec![letter; PIECE]).await.unwrap();
            let read = timeout(Duration::from_secs(5), socket.read_exact(&mut piece));
            read.await.expect("it is there").unwrap();
            assert!(piece.iter().all(|it| *it == letter));
            let more = timeout(Duration::from_millis(20), socket.read(&mut piece));
            more.await.expect_err("nothing is there");
        }
        drop(client);
        assert_eq!(socket.read(&mut piece).await.unwrap(), 0);
    }
}
