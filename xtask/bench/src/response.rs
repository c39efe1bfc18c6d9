//! One HTTP/1.1 exchange over a connection that stays open. The load generator reads by hand, so that it
//! costs little beside what it measures, and so that it judges with other code than the one it judges.

use std::time::{Duration, Instant};

use bytes::{Buf, BytesMut};
use memchr::memmem;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::answer;

/// A client's connection.
pub(crate) struct Connection {
    stream: TcpStream,
    buffer: BytesMut,
}

/// When the parts of an answer came, from the moment the request began to be written.
pub(crate) struct Timing {
    /// Of each delta that was looked out for; nothing of an answer that holds none.
    pub(crate) deltas: Vec<Duration>,
    pub(crate) total: Duration,
}

impl Connection {
    pub(crate) async fn open(address: &str) -> Result<Self, String> {
        let stream = TcpStream::connect(address).await.map_err(|it| format!("{address}: {it}"))?;
        stream.set_nodelay(true).map_err(|it| it.to_string())?;
        Ok(Self { stream, buffer: BytesMut::with_capacity(64 * 1024) })
    }

    /// Sends a request, leaves the body of a 200 in `body`, and notes when the first so many deltas came.
    pub(crate) async fn exchange(
        &mut self,
        request: &[u8],
        body: &mut Vec<u8>,
        watched: usize,
    ) -> Result<Timing, String> {
        let start = Instant::now();
        body.clear();
        self.stream.write_all(request).await.map_err(|it| format!("writing: {it}"))?;
        let head = loop {
            if let Some(end) = memmem::find(&self.buffer, b"\r\n\r\n") {
                break self.buffer.split_to(end + 4);
            }
            self.read().await?;
        };
        let head = String::from_utf8_lossy(&head).to_ascii_lowercase();
        let mut framing = Framing::of(&head)?;
        let (mut deltas, mut seen) = (Vec::with_capacity(watched), 0);
        loop {
            let is_over = framing.decode(&mut self.buffer, body)?;
            let now = start.elapsed();
            while deltas.len() < watched {
                let word = answer::word(deltas.len());
                let Some(at) = memmem::find(&body[seen..], &word) else {
                    // A word may be cut by the end of what is there.
                    seen = seen.max(body.len().saturating_sub(word.len()));
                    break;
                };
                deltas.push(now);
                seen += at + word.len();
            }
            if is_over {
                break;
            }
            self.read().await?;
        }
        let total = start.elapsed();
        if !head.starts_with("http/1.1 200 ") {
            let status = head.lines().next().unwrap_or_default();
            return Err(format!("{status}: {}", String::from_utf8_lossy(body)));
        }
        Ok(Timing { deltas, total })
    }

    async fn read(&mut self) -> Result<(), String> {
        match self.stream.read_buf(&mut self.buffer).await {
            Ok(0) => Err("the connection closed in the middle of an answer".into()),
            Ok(_) => Ok(()),
            Err(error) => Err(format!("reading: {error}")),
        }
    }
}

/// How the end of a body is told.
enum Framing {
    /// So many bytes are missing.
    Length(usize),
    /// Chunks; so many bytes of the current one are missing.
    Chunk(usize),
    /// The line end after a chunk.
    AfterChunk,
}

impl Framing {
    fn of(head: &str) -> Result<Self, String> {
        if head.contains("\r\ntransfer-encoding: chunked\r\n") {
            return Ok(Self::Chunk(0));
        }
        let mut lengths = head.lines().filter_map(|line| line.strip_prefix("content-length:"));
        let length = lengths.find_map(|value| value.trim().parse().ok());
        length.map(Self::Length).ok_or_else(|| format!("neither length nor chunks in: {head}"))
    }

    /// Moves what is there to `body`; true at the end.
    fn decode(&mut self, buffer: &mut BytesMut, body: &mut Vec<u8>) -> Result<bool, String> {
        loop {
            match self {
                Self::Length(left) => {
                    *left -= take(buffer, *left, body);
                    return Ok(*left == 0);
                }
                Self::Chunk(0) => {
                    let Some(end) = memmem::find(buffer, b"\r\n") else { return Ok(false) };
                    let line = String::from_utf8_lossy(&buffer[..end]).into_owned();
                    let size = usize::from_str_radix(line.trim(), 16)
                        .map_err(|_| format!("bad chunk size: {line:?}"))?;
                    if size == 0 {
                        // The blank line after the last chunk ends the body; nobody sends trailers.
                        if buffer.len() < end + 4 {
                            return Ok(false);
                        }
                        buffer.advance(end + 4);
                        return Ok(true);
                    }
                    buffer.advance(end + 2);
                    *self = Self::Chunk(size);
                }
                Self::Chunk(left) => {
                    *left -= take(buffer, *left, body);
                    if *left > 0 {
                        return Ok(false);
                    }
                    *self = Self::AfterChunk;
                }
                Self::AfterChunk => {
                    if buffer.len() < 2 {
                        return Ok(false);
                    }
                    buffer.advance(2);
                    *self = Self::Chunk(0);
                }
            }
        }
    }
}

fn take(buffer: &mut BytesMut, most: usize, body: &mut Vec<u8>) -> usize {
    let count = buffer.len().min(most);
    body.extend_from_slice(&buffer[..count]);
    buffer.advance(count);
    count
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn chunks_join_at_every_cut() {
        let wire = b"4\r\nabcd\r\n10\r\n0123456789abcdef\r\n0\r\n\r\n";
        for length in [1, 2, 3, 7, 100] {
            let mut framing = Framing::of("x\r\ntransfer-encoding: chunked\r\n\r\n").unwrap();
            let (mut buffer, mut body, mut is_over) = (BytesMut::new(), Vec::new(), false);
            for piece in wire.chunks(length) {
                assert!(!is_over);
                buffer.extend_from_slice(piece);
                is_over = framing.decode(&mut buffer, &mut body).unwrap();
            }
            assert!(is_over, "cut at {length}");
            assert_eq!(body, b"abcd0123456789abcdef");
        }
    }
}
