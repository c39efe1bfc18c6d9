//! Server-sent events: bytes in, frames out.

use std::borrow::Cow;
use std::mem;

use memchr::memchr2;

use crate::lossy;

/// Cuts a byte stream into server-sent events.
///
/// Bytes go in wherever the network happened to cut them, frames come out whole and borrow from the
/// bytes wherever they can. The framer never reads and knows no clock. It takes what real servers
/// send: LF, CRLF or CR, a missing blank after the colon, comments, a byte order mark, bytes that are
/// not UTF-8 (they become U+FFFD), and a last frame without its blank line.
///
/// # Examples
///
/// ```
/// use interlingua_protocol::sse::{FrameError, Framer};
///
/// let mut framer = Framer::new(1 << 20);
/// let mut frames = Vec::new();
/// let mut keep = |frame: interlingua_protocol::sse::Frame<'_>| {
///     frames.push(frame.data.to_owned());
///     Ok::<(), FrameError>(())
/// };
/// framer.push(b"data: {\"a\":1}\n\nda", &mut keep)?;
/// framer.push(b"ta:2\n", &mut keep)?; // the blank line has not arrived yet
/// framer.finish(&mut keep)?;
/// assert_eq!(frames, ["{\"a\":1}", "2"]);
/// # Ok::<(), FrameError>(())
/// ```
#[derive(Debug)]
pub struct Framer {
    /// The start of a line whose end has not arrived.
    line: Vec<u8>,
    /// The data lines of a frame whose blank line has not arrived.
    data: Option<String>,
    event: String,
    /// A CR ended the last line; an LF right after it belongs to it.
    after_cr: bool,
    /// No line has been read; the first may begin with a byte order mark.
    fresh: bool,
    limit: usize,
}

/// One event.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Frame<'a> {
    /// What the `event` field says; empty when there is none.
    pub event: &'a str,
    /// What the `data` fields say, joined by newlines.
    pub data: &'a str,
}

impl Framer {
    /// Makes a framer that refuses frames of more than `limit` bytes.
    pub fn new(limit: usize) -> Self {
        Self {
            line: Vec::new(),
            data: None,
            event: String::new(),
            after_cr: false,
            fresh: true,
            limit,
        }
    }

    /// Takes the next bytes of the stream and hands every whole frame to `each`.
    ///
    /// # Errors
    ///
    /// [`FrameError`] once a frame exceeds the limit, and whatever `each` fails with. The framer is of
    /// no use afterwards.
    pub fn push<E: From<FrameError>>(
        &mut self,
        bytes: &[u8],
        mut each: impl FnMut(Frame<'_>) -> Result<(), E>,
    ) -> Result<(), E> {
        self.push_ahead(bytes, |frame, _| each(frame).map(|()| 0))
    }

    /// As [`push`](Self::push), and shows `each` what follows the frame in `bytes`, unless the frame was cut or
    /// has more than one data line. It says how many bytes of that it has taken for further frames itself: whole
    /// ones, blank lines and all.
    ///
    /// # Errors
    ///
    /// As [`push`](Self::push).
    pub fn push_ahead<E: From<FrameError>>(
        &mut self,
        bytes: &[u8],
        mut each: impl FnMut(Frame<'_>, &[u8]) -> Result<usize, E>,
    ) -> Result<(), E> {
        let mut rest = bytes;
        while !rest.is_empty() {
            if mem::take(&mut self.after_cr) && rest[0] == b'\n' {
                rest = &rest[1..];
                continue;
            }
            let Some(end) = memchr2(b'\n', b'\r', rest) else {
                self.line.extend_from_slice(rest);
                return self.check_limit();
            };
            let (line, ending) = (&rest[..end], rest[end]);
            rest = &rest[end + 1..];
            self.after_cr = ending == b'\r';
            if self.line.is_empty() {
                // Nearly every frame is one data line and its blank line, and both are here.
                if let (Some(data), None, b'\n', Some(b'\n')) =
                    (line.strip_prefix(b"data:"), &self.data, ending, rest.first())
                {
                    rest = &rest[1..];
                    self.fresh = false;
                    let data = value(data);
                    self.check_len(data.len())?;
                    let taken = each(Frame { event: &self.event, data: &data }, rest)?;
                    rest = rest.get(taken..).unwrap_or_default();
                    self.event.clear();
                    continue;
                }
                self.take_line(line, &mut |frame| each(frame, &[]).map(drop))?;
            } else {
                self.line.extend_from_slice(line);
                let line = mem::take(&mut self.line);
                self.take_line(&line, &mut |frame| each(frame, &[]).map(drop))?;
                // Keep the allocation: a stream that is cut inside lines is cut there all the time.
                self.line = line;
                self.line.clear();
            }
        }
        Ok(())
    }

    /// Takes note that the stream is over, and hands a frame to `each` that misses only its end.
    ///
    /// # Errors
    ///
    /// As [`push`](Self::push).
    pub fn finish<E: From<FrameError>>(
        &mut self,
        mut each: impl FnMut(Frame<'_>) -> Result<(), E>,
    ) -> Result<(), E> {
        let line = mem::take(&mut self.line);
        if !line.is_empty() {
            self.take_line(&line, &mut each)?;
        }
        self.take_line(b"", &mut each)
    }

    fn take_line<E: From<FrameError>>(
        &mut self,
        line: &[u8],
        each: &mut impl FnMut(Frame<'_>) -> Result<(), E>,
    ) -> Result<(), E> {
        let first = mem::take(&mut self.fresh);
        let line = if first { line.strip_prefix(BOM).unwrap_or(line) } else { line };
        if line.is_empty() {
            if let Some(data) = self.data.take() {
                each(Frame { event: &self.event, data: &data })?;
            }
            self.event.clear();
            return Ok(());
        }
        match field(line) {
            ("data", value) => {
                match &mut self.data {
                    None => self.data = Some(value.into_owned()),
                    Some(data) => {
                        data.push('\n');
                        data.push_str(&value);
                    }
                }
                self.check_limit()
            }
            ("event", value) => {
                self.event.clear();
                self.event.push_str(&value);
                self.check_limit()
            }
            _ => Ok(()),
        }
    }

    fn check_limit<E: From<FrameError>>(&self) -> Result<(), E> {
        let data = self.data.as_ref().map_or(0, String::len);
        self.check_len(self.line.len().max(self.event.len()) + data)
    }

    fn check_len<E: From<FrameError>>(&self, len: usize) -> Result<(), E> {
        if len > self.limit {
            return Err(FrameError::TooLong { limit: self.limit }.into());
        }
        Ok(())
    }
}

const BOM: &[u8] = b"\xEF\xBB\xBF";

/// Splits a line into its field's name and value.
fn field(line: &[u8]) -> (&str, Cow<'_, str>) {
    // Of some protocols every frame begins with one.
    if let Some(event) = line.strip_prefix(b"event:") {
        return ("event", value(event));
    }
    let colon = memchr::memchr(b':', line).unwrap_or(line.len());
    let (name, rest) = line.split_at(colon);
    let name = std::str::from_utf8(name).unwrap_or_default();
    (name, value(rest.strip_prefix(b":").unwrap_or(rest)))
}

/// A field's value, as it stands behind the colon.
fn value(bytes: &[u8]) -> Cow<'_, str> {
    lossy(bytes.strip_prefix(b" ").unwrap_or(bytes))
}

/// A byte stream that is no event stream.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub enum FrameError {
    /// A frame exceeds the limit.
    #[error("an event is longer than {limit} bytes")]
    TooLong {
        /// The limit it exceeds.
        limit: usize,
    },
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Feeds `input` in pieces of `step` bytes and gives back every frame.
    fn frames(input: &[u8], step: usize) -> Result<Vec<String>, FrameError> {
        let mut framer = Framer::new(64);
        let mut out = Vec::new();
        let mut keep = |frame: Frame<'_>| {
            let event = Some(frame.event).filter(|it| !it.is_empty());
            out.push(event.map_or(String::new(), |it| format!("{it}: ")) + frame.data);
            Ok::<(), FrameError>(())
        };
        for piece in input.chunks(step) {
            framer.push(piece, &mut keep)?;
        }
        framer.finish(&mut keep)?;
        Ok(out)
    }

    /// The one place that knows the API: every cut of the input has to give the same frames.
    #[track_caller]
    fn check(input: impl AsRef<[u8]>, expect: Result<&[&str], FrameError>) {
        let input = input.as_ref();
        for step in 1..=input.len().max(1) {
            let got = frames(input, step);
            let got = got.as_ref().map(|frames| frames.iter().map(String::as_str).collect());
            assert_eq!(got.map_err(|e| *e), expect.map(<[&str]>::to_vec), "in pieces of {step}");
        }
    }

    #[test]
    fn two_frames() {
        check("data: a\n\ndata: b\n\n", Ok(&["a", "b"]));
    }

    #[test]
    fn every_line_ending() {
        check("data: a\r\n\r\ndata: b\r\rdata: c\n\r\ndata: d\r\n\n", Ok(&["a", "b", "c", "d"]));
    }

    #[test]
    fn comments_are_skipped_and_events_are_named() {
        check(": keep-alive\n\nevent: x\ndata: a\n\ndata: b\n\n", Ok(&["x: a", "b"]));
        check("event: lost\n\ndata: b\n\n", Ok(&["b"]));
    }

    #[test]
    fn several_lines_make_one_frame() {
        check("data: a\ndata:b\ndata\n\n", Ok(&["a\nb\n"]));
        check("data: a\r\ndata: b\r\n\r\n", Ok(&["a\nb"]));
    }

    #[test]
    fn a_byte_order_mark_is_no_text() {
        check("\u{feff}data: a\n\ndata: b\n\n", Ok(&["a", "b"]));
    }

    #[test]
    fn characters_may_be_cut_and_bytes_may_be_wrong() {
        check("data: 你好\n\n", Ok(&["你好"]));
        check(b"data: a\xffb\n\n", Ok(&["a\u{fffd}b"]));
    }

    #[test]
    fn the_last_frame_may_miss_its_blank_line() {
        check("data: a\n\ndata: b\n", Ok(&["a", "b"]));
        check("data: a\n\ndata: b", Ok(&["a", "b"]));
    }

    #[test]
    fn a_frame_has_a_limit() {
        let limit = Err(FrameError::TooLong { limit: 64 });
        check(format!("data: {}\n\n", "x".repeat(80)), limit);
        check("data: xxxxxxxxxxxxxxxx\n".repeat(8), limit);
    }
}
