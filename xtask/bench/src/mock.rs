//! The upstream: reads a request, writes bytes that were made at the start. Nothing else, so that what
//! is measured beside it is the relay.

use std::io;
use std::time::Duration;

use bytes::{Buf, BytesMut};
use memchr::memmem;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::Instant;

use crate::answer::{self, Stream};
use crate::pace::Pace;
use crate::pair::Wire;

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

/// An answer with its head, and when its parts are sent.
struct Script {
    bytes: Vec<u8>,
    /// So much later than the request, everything up to here. Rising, and the last one is the end.
    cuts: Vec<(Duration, usize)>,
}

struct Answers {
    scripts: Vec<(Wire, Pace, Script)>,
    whole: Vec<(Wire, Script)>,
}

impl Answers {
    fn make() -> Self {
        let each = |wire| Pace::ALL.map(|pace| (wire, pace, Script::stream(wire, pace)));
        Self {
            scripts: Wire::ALL.into_iter().flat_map(each).collect(),
            whole: Wire::ALL.map(|wire| (wire, Script::whole(wire))).into(),
        }
    }

    fn find(&self, wire: Wire, body: &[u8]) -> Option<&Script> {
        if !wants_stream(body) {
            return self.whole.iter().find(|it| it.0 == wire).map(|it| &it.1);
        }
        let pace = Pace::asked(body);
        self.scripts.iter().find(|it| (it.0, it.1) == (wire, pace)).map(|it| &it.2)
    }
}

impl Script {
    fn stream(wire: Wire, pace: Pace) -> Self {
        let stream = Stream::new(wire, pace.deltas());
        let mut bytes = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n\
                          transfer-encoding: chunked\r\n\r\n"
            .to_vec();
        let mut ends = Vec::new();
        for event in stream.events() {
            bytes.extend_from_slice(format!("{:x}\r\n", event.len()).as_bytes());
            bytes.extend_from_slice(event);
            bytes.extend_from_slice(b"\r\n");
            ends.push(bytes.len());
        }
        bytes.extend_from_slice(b"0\r\n\r\n");
        let opening = stream.opening.len();
        let mut cuts = Vec::new();
        if let Some(gap) = pace.gap() {
            cuts.push((Duration::ZERO, ends[opening - 1]));
            let mut time = Duration::ZERO;
            for end in &ends[opening..opening + stream.deltas.len()] {
                time += gap;
                cuts.push((time, *end));
            }
            // The end comes with the last delta.
            cuts.pop();
            cuts.push((time, bytes.len()));
        } else {
            if pace == Pace::Start {
                cuts.push((Duration::ZERO, ends[opening]));
            }
            cuts.push((if pace == Pace::Start { LATER } else { Duration::ZERO }, bytes.len()));
        }
        Self { bytes, cuts }
    }

    fn whole(wire: Wire) -> Self {
        let body = answer::whole(wire);
        let head = "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length:";
        let mut bytes = format!("{head} {}\r\n\r\n", body.len()).into_bytes();
        bytes.extend_from_slice(&body);
        let cuts = vec![(Duration::ZERO, bytes.len())];
        Self { bytes, cuts }
    }

    async fn play(&self, stream: &mut TcpStream) -> io::Result<()> {
        let start = Instant::now();
        let mut from = 0;
        for (time, to) in &self.cuts {
            if !time.is_zero() {
                tokio::time::sleep_until(start + *time).await;
            }
            stream.write_all(&self.bytes[from..*to]).await?;
            from = *to;
        }
        Ok(())
    }
}

/// From the first delta to the others, where an answer starts like a real one.
const LATER: Duration = Duration::from_millis(2);

/// Every request has more than this; whoever sends less has lost something and only seems fast.
const LEAST: usize = 40_000;

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
            return refuse(&mut stream, "411 Length Required", "no length").await;
        };
        let Some(wire) = wire(&buffer[..head]) else {
            return refuse(&mut stream, "404 Not Found", "no such protocol").await;
        };
        buffer.reserve((head + length).saturating_sub(buffer.len()));
        while buffer.len() < head + length {
            if stream.read_buf(&mut buffer).await? == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
        }
        let body = &buffer[head..head + length];
        let script = answers.find(wire, body).filter(|_| length > LEAST);
        buffer.advance(head + length);
        match script {
            Some(script) => script.play(&mut stream).await?,
            None => {
                let why = format!("only {length} bytes: a part of the request is lost");
                return refuse(&mut stream, "400 Bad Request", &why).await;
            }
        }
    }
}

async fn refuse(stream: &mut TcpStream, status: &str, why: &str) -> io::Result<()> {
    let length = why.len();
    let answer =
        format!("HTTP/1.1 {status}\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n{why}");
    stream.write_all(answer.as_bytes()).await
}

/// The protocol whose path is asked for.
fn wire(head: &[u8]) -> Option<Wire> {
    let target = head.split(|byte| *byte == b' ').nth(1)?;
    let path = target.split(|byte| *byte == b'?').next()?;
    Wire::ALL.into_iter().find(|wire| wire.path().as_bytes() == path)
}

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
    fn the_path_tells_the_protocol() {
        assert_eq!(wire(b"POST /v1/messages?beta=true HTTP/1.1\r\n"), Some(Wire::Messages));
        assert_eq!(wire(b"POST /v1/chat/completions HTTP/1.1\r\n"), Some(Wire::Chat));
        assert_eq!(wire(b"POST /v1/models HTTP/1.1\r\n"), None);
    }

    #[test]
    fn the_first_delta_ends_its_part() {
        for wire in Wire::ALL {
            let script = Script::stream(wire, Pace::Start);
            let (first, rest) = script.bytes.split_at(script.cuts[0].1);
            let word = answer::word(0);
            assert!(memmem::find(first, &word).is_some() && first.ends_with(b"\n\n\r\n"));
            assert!(memmem::find(first, &answer::word(1)).is_none());
            assert!(memmem::find(rest, &answer::word(1)).is_some());
        }
    }

    #[test]
    fn the_stream_has_one_chunk_for_each_event() {
        for wire in Wire::ALL {
            let bytes = Script::stream(wire, Pace::Burst).bytes;
            let events = Stream::new(wire, answer::DELTAS).events().count();
            let heads = [&b"}\n\n\r\n"[..], b"data: [DONE]\n\n\r\n"];
            let ends = heads.map(|it| memmem::find_iter(&bytes, it).count());
            assert_eq!(ends.iter().sum::<usize>(), events);
        }
    }

    #[test]
    fn a_paced_answer_sends_a_delta_at_a_time_and_nothing_is_left() {
        for (pace, seconds) in [(Pace::Slow, 4), (Pace::Quick, 4)] {
            let script = Script::stream(Wire::Messages, pace);
            assert_eq!(script.cuts.len(), pace.deltas() + 1);
            assert!(script.cuts.windows(2).all(|it| it[0].0 < it[1].0 && it[0].1 < it[1].1));
            assert_eq!(
                script.cuts.last(),
                Some(&(Duration::from_secs(seconds), script.bytes.len()))
            );
        }
    }
}
