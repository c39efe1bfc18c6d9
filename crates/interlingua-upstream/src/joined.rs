//! A connection that joins what comes in small pieces.
//!
//! Model servers send every delta as a chunk of its own, and hyper hands chunks over one by one, each with
//! a turn of the scheduler. Of an answer that comes in a burst half of the time would go into handing over.
//! So what one read brought is made [one chunk](crate::chunks) before hyper parses it. A chunk that comes
//! alone is passed on at once.

use std::cell::RefCell;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use hyper::rt::{Read, ReadBuf, ReadBufCursor, Write};
use hyper_util::client::legacy::connect::{Connected, Connection};

use crate::chunks::Joiner;

/// A connection whose answers come in chunks as large as what is there.
#[derive(Debug)]
pub(crate) struct Joined<T> {
    inner: T,
    joiner: Joiner,
    /// What was read and found no room in the reader's buffer.
    left: Bytes,
}

impl<T: Connection> Joined<T> {
    pub(crate) fn new(inner: T) -> Self {
        // HTTP/2 has frames of its own.
        let is_other = inner.connected().is_negotiated_h2();
        let joiner = if is_other { Joiner::done() } else { Joiner::default() };
        Self { inner, joiner, left: Bytes::new() }
    }
}

/// The most that is read at once, in bytes.
const AT_ONCE: usize = 64 << 10;

thread_local! {
    /// What comes in, and what goes on, of the read that is at work.
    static BUFFERS: RefCell<(Vec<u8>, Vec<u8>)> = RefCell::new((vec![0; AT_ONCE], Vec::new()));
}

impl<T: Read + Unpin> Read for Joined<T> {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        mut buf: ReadBufCursor<'_>,
    ) -> Poll<io::Result<()>> {
        let Self { inner, joiner, left } = self.get_mut();
        if !left.is_empty() {
            buf.put_slice(&left.split_to(left.len().min(buf.remaining())));
            return Poll::Ready(Ok(()));
        }
        if joiner.is_done() {
            return Pin::new(inner).poll_read(cx, buf);
        }
        BUFFERS.with_borrow_mut(|(read, joined)| {
            joined.clear();
            // To give nothing would mean that the connection has ended.
            while joined.is_empty() {
                let mut part = ReadBuf::new(read);
                ready!(Pin::new(&mut *inner).poll_read(cx, part.unfilled()))?;
                match part.filled() {
                    [] => {
                        joiner.leave_alone(joined);
                        break;
                    }
                    data => joiner.push(data, joined),
                }
            }
            let (now, later) = joined.split_at(joined.len().min(buf.remaining()));
            buf.put_slice(now);
            *left = Bytes::copy_from_slice(later);
            Poll::Ready(Ok(()))
        })
    }
}

impl<T: Write + Unpin> Write for Joined<T> {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.get_mut().inner).poll_write(cx, buf)
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().inner).poll_flush(cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().inner).poll_shutdown(cx)
    }

    fn is_write_vectored(&self) -> bool {
        self.inner.is_write_vectored()
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.get_mut().inner).poll_write_vectored(cx, bufs)
    }
}

impl<T: Connection> Connection for Joined<T> {
    fn connected(&self) -> Connected {
        self.inner.connected()
    }
}
