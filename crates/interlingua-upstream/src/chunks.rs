//! The chunks of HTTP/1.1 answers: what one read brought becomes one of them.

use std::mem;

use http::StatusCode;

/// Reads along with answers, far enough to know where chunks begin.
///
/// Whatever it does not understand, and all that follows on the connection, it leaves as it is.
#[derive(Debug, Default)]
pub(crate) struct Joiner {
    state: State,
    /// Of a head, what has come so far; of a line with a chunk's size, what has come and was not passed on.
    held: Vec<u8>,
}

/// Where in an answer the next byte stands.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
enum State {
    #[default]
    Head,
    /// In a body of known length, of which so much is left.
    Body(u64),
    /// In the line that says how long a chunk is.
    Size,
    /// In a chunk, of which so much is left.
    Data(u64),
    /// Behind a chunk, before the end of its line, or in the middle of that.
    DataEnd,
    DataEndLf,
    /// Behind the last chunk's size, before the end of the body, or in the middle of that.
    BodyEnd,
    BodyEndLf,
    /// Where nothing is joined any more.
    Alone,
}

/// The largest head, and the longest line with a size, that are read along with.
const MAX_HEAD: usize = 64 << 10;
const MAX_SIZE_LINE: usize = 10;

/// Chunks from this size on are left alone, in bytes: with all that one read brings, smaller ones have sizes
/// that fit into [`SIZE`].
const MAX_CHUNK: u64 = 1 << 28;

/// The most fields of a head that are read.
const MAX_FIELDS: usize = 100;

impl Joiner {
    /// Joins nothing.
    pub(crate) fn done() -> Self {
        Self { state: State::Alone, held: Vec::new() }
    }

    /// Whether nothing is joined any more, and all may pass as it comes.
    pub(crate) fn is_done(&self) -> bool {
        self.state == State::Alone
    }

    /// Takes what was read, and gives what it becomes.
    pub(crate) fn push(&mut self, mut data: &[u8], out: &mut Vec<u8>) {
        let mut chunk = None;
        while let [first, rest @ ..] = data {
            data = match (self.state, first) {
                (State::Head, _) => self.head(data, out),
                (State::Body(left), _) => self.pass(data, left, State::Body, State::Head, out),
                (State::Size, _) => self.size(data, &mut chunk, out),
                (State::Data(left), _) => self.pass(data, left, State::Data, State::DataEnd, out),
                (State::DataEnd, b'\r') => {
                    self.state = State::DataEndLf;
                    rest
                }
                (State::DataEndLf, b'\n') => {
                    // What was begun in another read ends here; what was begun in this one may go on.
                    if chunk.is_none() {
                        out.extend_from_slice(b"\r\n");
                    }
                    self.state = State::Size;
                    rest
                }
                (State::BodyEnd, b'\r') => {
                    out.push(b'\r');
                    self.state = State::BodyEndLf;
                    rest
                }
                (State::BodyEndLf, b'\n') => {
                    out.push(b'\n');
                    self.state = State::Head;
                    rest
                }
                (State::Alone, _) => {
                    out.extend_from_slice(data);
                    return;
                }
                _ => {
                    end(&mut chunk, false, out);
                    self.leave_alone(out);
                    data
                }
            };
        }
        end(&mut chunk, self.state == State::Size, out);
    }

    /// Passes on of a head what is there, and gives what follows it.
    fn head<'d>(&mut self, data: &'d [u8], out: &mut Vec<u8>) -> &'d [u8] {
        let before = self.held.len();
        self.held.extend_from_slice(data);
        let from = before.saturating_sub(END_OF_HEAD.len());
        let end = memchr::memmem::find(&self.held[from..], END_OF_HEAD);
        let end = end.map(|at| from + at + END_OF_HEAD.len());
        let (now, later) = data.split_at(end.map_or(data.len(), |end| end - before));
        out.extend_from_slice(now);
        if let Some(end) = end {
            self.state = after_head(&self.held[..end]);
            self.held = Vec::new();
        } else if self.held.len() > MAX_HEAD {
            self.state = State::Alone;
            self.held = Vec::new();
        }
        later
    }

    /// Passes on what is there of a piece, and gives what follows it.
    fn pass<'d>(
        &mut self,
        data: &'d [u8],
        left: u64,
        more: fn(u64) -> State,
        then: State,
        out: &mut Vec<u8>,
    ) -> &'d [u8] {
        let most = usize::try_from(left).map_or(data.len(), |left| left.min(data.len()));
        let (now, later) = data.split_at(most);
        out.extend_from_slice(now);
        self.state = match left - now.len() as u64 {
            0 => then,
            left => more(left),
        };
        later
    }

    /// Reads the size of a chunk, which joins the one that is being written; gives what follows.
    fn size<'d>(
        &mut self,
        data: &'d [u8],
        chunk: &mut Option<Chunk>,
        out: &mut Vec<u8>,
    ) -> &'d [u8] {
        let line = memchr::memchr(b'\n', data).map_or(data.len(), |end| end + 1);
        let (now, later) = data.split_at(line);
        self.held.extend_from_slice(now);
        if !self.held.ends_with(b"\n") && self.held.len() < MAX_SIZE_LINE {
            return later;
        }
        match size(&self.held) {
            None => {
                end(chunk, true, out);
                self.leave_alone(out);
            }
            Some(0) => {
                end(chunk, true, out);
                out.append(&mut self.held);
                self.state = State::BodyEnd;
            }
            Some(size) => {
                self.held.clear();
                chunk.get_or_insert_with(|| Chunk::begin(out)).size += size;
                self.state = State::Data(size);
            }
        }
        later
    }

    /// Changes nothing from here on.
    pub(crate) fn leave_alone(&mut self, out: &mut Vec<u8>) {
        match mem::replace(&mut self.state, State::Alone) {
            State::Size => out.append(&mut self.held),
            State::DataEndLf => out.push(b'\r'),
            _ => {}
        }
        self.held = Vec::new();
    }
}

const END_OF_HEAD: &[u8] = b"\r\n\r\n";

/// What follows a head, if that is beyond doubt. Nobody sends HEAD or CONNECT from here.
fn after_head(head: &[u8]) -> State {
    let mut fields = [httparse::EMPTY_HEADER; MAX_FIELDS];
    let mut response = httparse::Response::new(&mut fields);
    let parsed = response.parse(head);
    let (Ok(httparse::Status::Complete(_)), Some(1)) = (parsed, response.version) else {
        return State::Alone;
    };
    let status = response.code.and_then(|it| StatusCode::from_u16(it).ok());
    let named = |name: &str| {
        let mut found = response.headers.iter().filter(|it| it.name.eq_ignore_ascii_case(name));
        let first = found.next().map(|it| it.value);
        if found.next().is_some() { Err(()) } else { Ok(first) }
    };
    match (status, named("transfer-encoding"), named("content-length")) {
        (Some(StatusCode::NO_CONTENT | StatusCode::NOT_MODIFIED), ..) => State::Head,
        (Some(StatusCode::SWITCHING_PROTOCOLS) | None, ..) => State::Alone,
        (Some(status), ..) if status.is_informational() => State::Head,
        (_, Ok(Some(coding)), Ok(None)) if coding.eq_ignore_ascii_case(b"chunked") => State::Size,
        (_, Ok(None), Ok(Some(length))) => match std::str::from_utf8(length).map(str::parse) {
            Ok(Ok(0)) => State::Head,
            Ok(Ok(length)) => State::Body(length),
            _ => State::Alone,
        },
        _ => State::Alone,
    }
}

/// The size in a line that holds nothing else.
fn size(line: &[u8]) -> Option<u64> {
    let digits = line.strip_suffix(b"\r\n").filter(|it| (1..=8).contains(&it.len()))?;
    let digit = |byte: &u8| char::from(*byte).to_digit(16).map(u64::from);
    let size = digits.iter().try_fold(0, |size, byte| Some(size * 16 + digit(byte)?))?;
    (size < MAX_CHUNK).then_some(size)
}

/// The chunk that is being written.
struct Chunk {
    /// Where its size is to be put.
    at: usize,
    size: u64,
}

/// Room for the size of a chunk, which may begin with zeros.
const SIZE: &[u8] = b"00000000\r\n";

impl Chunk {
    fn begin(out: &mut Vec<u8>) -> Self {
        let at = out.len();
        out.extend_from_slice(SIZE);
        Self { at, size: 0 }
    }
}

/// Writes how long a chunk has become, and the end of its last line if that has come.
fn end(chunk: &mut Option<Chunk>, is_whole: bool, out: &mut Vec<u8>) {
    let Some(Chunk { at, size }) = chunk.take() else { return };
    let digits = format!("{size:08x}");
    out[at..at + digits.len()].copy_from_slice(digits.as_bytes());
    if is_whole {
        out.extend_from_slice(b"\r\n");
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const HEAD: &str = "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n";

    /// What comes of reads.
    fn joined<'r>(reads: impl IntoIterator<Item = &'r [u8]>) -> Vec<u8> {
        let (mut joiner, mut out) = (Joiner::default(), Vec::new());
        for read in reads {
            joiner.push(read, &mut out);
        }
        joiner.leave_alone(&mut out);
        out
    }

    fn text(reads: &[&str]) -> String {
        String::from_utf8(joined(reads.iter().map(|it| it.as_bytes()))).unwrap()
    }

    #[test]
    fn chunks_of_one_read_become_one() {
        let body = "3\r\nabc\r\n1\r\nd\r\nB\r\n0123456789\n\r\n0\r\n\r\n";
        let expected = "0000000f\r\nabcd0123456789\n\r\n0\r\n\r\n";
        let answer = format!("{HEAD}{body}");
        assert_eq!(text(&[&answer]), format!("{HEAD}{expected}"));
        // The connection goes on with the next answer.
        assert_eq!(text(&[&answer, &answer]), format!("{HEAD}{expected}").repeat(2));
    }

    #[test]
    fn what_was_passed_on_is_not_joined_with_what_comes_later() {
        let reads =
            [HEAD, "3\r\nabc\r\n1\r\nd\r\n5", "\r\n12", "345\r", "\n2\r\nxy\r\n0\r\n", "\r\n"];
        let expected = "00000004\r\nabcd\r\n00000005\r\n12345\r\n00000002\r\nxy\r\n0\r\n\r\n";
        assert_eq!(text(&reads), format!("{HEAD}{expected}"));
    }

    #[test]
    fn what_is_not_understood_passes_with_all_that_follows() {
        let chunks = "1\r\na\r\n1\r\nb\r\n0\r\n\r\n";
        for before in [
            "HTTP/1.0 200 OK\r\ntransfer-encoding: chunked\r\n\r\n",
            "HTTP/1.1 200 OK\r\n\r\n",
            "HTTP/1.1 200 OK\r\ntransfer-encoding: gzip, chunked\r\n\r\n",
            "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\ncontent-length: 3\r\n\r\n",
            "HTTP/1.1 200 OK\r\ncontent-length: 3\r\ncontent-length: 4\r\n\r\n",
            "HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\n\r\n",
            &format!("{HEAD}1;ext=1\r\nx\r\n"),
            &format!("{HEAD}1 \r\nx\r\n"),
            &format!("{HEAD}1\nx\r\n"),
            &format!("{HEAD}\r\n"),
            &format!("{HEAD}-1\r\n"),
            &format!("{HEAD}000000001\r\nx\r\n"),
            &format!("{HEAD}10000000\r\nx\r\n"),
            &format!("{HEAD}0\r\ntrailer: x\r\n\r\n{HEAD}"),
        ] {
            let whole = format!("{before}{chunks}");
            assert_eq!(text(&[&whole]), whole);
        }
        // A chunk that is longer than it says.
        let broken = format!("{HEAD}1\r\na\r\n1\r\nbc\r\n{chunks}");
        let expected = format!("{HEAD}00000002\r\nabc\r\n{chunks}");
        assert_eq!(text(&[&broken]), expected);
        let broken = format!("{HEAD}1\r\na\rb{chunks}");
        assert_eq!(text(&[&broken]), format!("{HEAD}00000001\r\na\rb{chunks}"));
    }

    #[test]
    fn answers_without_chunks_are_passed_over() {
        let others = "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 204 No Content\r\n\r\n\
                      HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n\
                      HTTP/1.1 400 Bad\r\nContent-Length: 7\r\n\r\n1\r\na\r\n1";
        let whole = format!("{others}{HEAD}1\r\na\r\n1\r\nb\r\n0\r\n\r\n");
        let expected = format!("{others}{HEAD}00000002\r\nab\r\n0\r\n\r\n");
        assert_eq!(text(&[&whole]), expected);
    }

    #[test]
    fn what_a_broken_connection_leaves_is_passed_on() {
        for end in ["1", "1\r", "1\r\n", "1\r\na", "1\r\na\r", "1\r\na\r\n", "0\r\n\r"] {
            let got = text(&[HEAD, end]);
            let rest = got.strip_prefix(HEAD).unwrap();
            let expected =
                if end.starts_with("1\r\n") { format!("0000000{end}") } else { end.to_owned() };
            assert_eq!(rest, expected);
        }
    }

    /// Reads a chunked body.
    fn unchunked(mut wire: &[u8]) -> Vec<u8> {
        let mut body = Vec::new();
        loop {
            let line = memchr::memmem::find(wire, b"\r\n").unwrap();
            let size = usize::try_from(size(&wire[..line + 2]).unwrap()).unwrap();
            let (data, rest) = wire[line + 2..].split_at(size);
            body.extend_from_slice(data);
            wire = rest.strip_prefix(b"\r\n").unwrap();
            if size == 0 {
                assert!(wire.is_empty());
                return body;
            }
        }
    }

    proptest! {
        /// However an answer is cut, it says the same, and takes no more chunks than it has reads.
        #[test]
        fn the_body_stays_the_same(
            chunks in prop::collection::vec(prop::collection::vec(any::<u8>(), 1..40), 0..12),
            cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..8),
        ) {
            let mut wire = HEAD.as_bytes().to_vec();
            for chunk in &chunks {
                wire.extend_from_slice(format!("{:x}\r\n", chunk.len()).as_bytes());
                wire.extend_from_slice(chunk);
                wire.extend_from_slice(b"\r\n");
            }
            wire.extend_from_slice(b"0\r\n\r\n");
            let mut cuts: Vec<_> = cuts.iter().map(|it| it.index(wire.len())).collect();
            cuts.extend([0, wire.len()]);
            cuts.sort_unstable();
            let out = joined(cuts.windows(2).map(|cut| &wire[cut[0]..cut[1]]));
            let body = out.strip_prefix(HEAD.as_bytes()).unwrap();
            prop_assert_eq!(unchunked(body), chunks.concat());
            let most = wire.len() + 8 * (cuts.len() - 1);
            prop_assert!(out.len() <= most);
        }
    }
}
