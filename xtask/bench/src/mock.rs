//! The upstream: reads a request, writes bytes that were made at the start. Nothing else, so that what
//! is measured beside it is the relay.

use std::io;
use std::time::Duration;

use bytes::{Buf, BytesMut};
use memchr::memmem;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::{answer, request};

pub(crate) fn run() -> io::Result<()> {
    let answers: &'static Answers = Box::leak(Box::new(Answers::make()));
    crate::runtime()?.block_on(async {
        let listener = crate::listen()?;
        loop {
            let (stream, _) = listener.accept().await?;
            stream.set_nodelay(true)?;
            tokio::spawn(async move {
                // Ends with its connection; the load generator notices what is missing.
                drop(serve(stream, answers).await);
            });
        }
    })
}

struct Answers {
    stream: Vec<u8>,
    /// Where the first delta ends in it.
    first: usize,
    whole: Vec<u8>,
}

impl Answers {
    fn make() -> Self {
        let mut stream = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n\
                           transfer-encoding: chunked\r\n\r\n"
            .to_vec();
        let mut first = 0;
        for (index, event) in answer::events().into_iter().enumerate() {
            stream.extend_from_slice(format!("{:x}\r\n", event.len()).as_bytes());
            stream.extend_from_slice(&event);
            stream.extend_from_slice(b"\r\n");
            if index == 1 {
                first = stream.len();
            }
        }
        stream.extend_from_slice(b"0\r\n\r\n");
        let body = answer::whole();
        let head = "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length:";
        let mut whole = format!("{head} {}\r\n\r\n", body.len()).into_bytes();
        whole.extend_from_slice(&body);
        Self { stream, first, whole }
    }
}

async fn serve(mut stream: TcpStream, answers: &Answers) -> io::Result<()> {
    let mut buffer = BytesMut::with_capacity(128 * 1024);
    loop {
        let head = loop {
            if let Some(end) = memmem::find(&buffer, b"\r\n\r\n") {
                break end + 4;
            }
            if stream.read_buf(&mut buffer).await? == 0 {
                return Ok(());
            }
        };
        let Some(length) = content_length(&buffer[..head]) else {
            let refusal = b"HTTP/1.1 411 Length Required\r\ncontent-length: 0\r\n\r\n";
            return stream.write_all(refusal).await;
        };
        buffer.reserve((head + length).saturating_sub(buffer.len()));
        while buffer.len() < head + length {
            if stream.read_buf(&mut buffer).await? == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
        }
        let body = &buffer[head..head + length];
        let answer = if wants_stream(body) { &answers.stream } else { &answers.whole };
        let is_paced = memmem::find(body, request::PACED.as_bytes()).is_some();
        buffer.advance(head + length);
        let (first, rest) = answer.split_at(if is_paced { answers.first } else { 0 });
        if is_paced {
            stream.write_all(first).await?;
            tokio::time::sleep(PACE).await;
        }
        stream.write_all(rest).await?;
    }
}

/// From the first delta to the others.
const PACE: Duration = Duration::from_millis(2);

fn content_length(head: &[u8]) -> Option<usize> {
    let lines = head.split(|byte| *byte == b'\n');
    let mut values = lines.filter_map(|line| {
        let (name, value) = line.split_at_checked(b"content-length:".len())?;
        name.eq_ignore_ascii_case(b"content-length:").then_some(value)
    });
    str::from_utf8(values.next()?).ok()?.trim().parse().ok()
}

fn wants_stream(body: &[u8]) -> bool {
    memmem::find(body, br#""stream":true"#).is_some()
        || memmem::find(body, br#""stream": true"#).is_some()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_length_is_found_in_any_case() {
        assert_eq!(content_length(b"POST / HTTP/1.1\r\nContent-Length: 12\r\n\r\n"), Some(12));
        assert_eq!(content_length(b"POST / HTTP/1.1\r\nhost: a\r\n\r\n"), None);
    }

    #[test]
    fn the_first_delta_ends_its_part() {
        let answers = Answers::make();
        let (first, rest) = answers.stream.split_at(answers.first);
        assert!(memmem::find(first, answer::FIRST).is_some() && first.ends_with(b"\n\n\r\n"));
        assert!(memmem::find(rest, answer::FIRST).is_none());
    }

    #[test]
    fn the_stream_has_one_chunk_for_each_event() {
        let stream = Answers::make().stream;
        assert_eq!(memmem::find_iter(&stream, b"\r\ndata: ").count(), answer::DELTAS + 4);
    }
}
