//! A client for tests: one request, one connection, everything read to the end.

use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use serde_json::Value;

use crate::fixtures;

/// A request under construction.
#[derive(Clone, Debug)]
pub struct Call {
    method: String,
    path: String,
    headers: Vec<(String, String)>,
    body: Vec<u8>,
    limit: Duration,
}

/// What came back.
#[derive(Clone, Debug)]
pub struct Reply {
    /// The status.
    pub status: u16,
    /// Header names in lower case, and their values.
    pub headers: Vec<(String, String)>,
    /// The body without its framing.
    pub body: Vec<u8>,
    /// False when the socket ended before the body did.
    pub complete: bool,
}

impl Call {
    /// A `GET`.
    pub fn get(path: &str) -> Self {
        Self {
            method: "GET".into(),
            path: path.into(),
            headers: Vec::new(),
            body: Vec::new(),
            limit: Duration::from_mins(1),
        }
    }

    /// A `POST` with a JSON body.
    pub fn post(path: &str, body: &Value) -> Self {
        let call = Self { method: "POST".into(), body: body.to_string().into(), ..Self::get(path) };
        call.header("content-type", "application/json")
    }

    /// Another method than `GET` and `POST`.
    #[must_use]
    pub fn method(mut self, method: &str) -> Self {
        method.clone_into(&mut self.method);
        self
    }

    /// Adds a header.
    #[must_use]
    pub fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.into(), value.into()));
        self
    }

    /// Replaces the body by any bytes.
    #[must_use]
    pub fn body(mut self, body: impl Into<Vec<u8>>) -> Self {
        self.body = body.into();
        self
    }

    /// How long the server may be silent; a minute unless set.
    #[must_use]
    pub fn limit(mut self, limit: Duration) -> Self {
        self.limit = limit;
        self
    }

    /// Sends it and leaves the reading to the caller.
    ///
    /// # Errors
    ///
    /// If the server cannot be reached or does not take the request.
    pub fn open(&self, address: SocketAddr) -> io::Result<TcpStream> {
        let mut socket = TcpStream::connect(address)?;
        socket.set_read_timeout(Some(self.limit))?;
        let mut head = format!("{} {} HTTP/1.1\r\n", self.method, self.path);
        if !self.headers.iter().any(|(name, _)| name.eq_ignore_ascii_case("host")) {
            head.push_str(&format_header("host", &address.to_string()));
        }
        head.push_str("connection: close\r\n");
        head.push_str(&format_header("content-length", &self.body.len().to_string()));
        head.extend(self.headers.iter().map(|(name, value)| format_header(name, value)));
        head.push_str("\r\n");
        socket.write_all(head.as_bytes())?;
        socket.write_all(&self.body)?;
        Ok(socket)
    }

    /// Sends it and reads the whole answer.
    ///
    /// # Errors
    ///
    /// If the server cannot be reached or answers nothing that is HTTP.
    pub fn send(&self, address: SocketAddr) -> io::Result<Reply> {
        let mut socket = self.open(address)?;
        let mut bytes = Vec::new();
        // A socket that is cut leaves what came before; `complete` tells.
        let cut = socket.read_to_end(&mut bytes).err();
        Reply::parse(&bytes).ok_or_else(|| {
            cut.unwrap_or_else(|| io::Error::new(io::ErrorKind::InvalidData, "no HTTP answer"))
        })
    }
}

fn format_header(name: &str, value: &str) -> String {
    format!("{name}: {value}\r\n")
}

impl Reply {
    /// Reads an answer from all the bytes of a connection; nothing if they are no HTTP.
    pub fn parse(bytes: &[u8]) -> Option<Self> {
        let end = memchr::memmem::find(bytes, b"\r\n\r\n")?;
        let (head, rest) = (str::from_utf8(&bytes[..end]).ok()?, &bytes[end + 4..]);
        let mut lines = head.split("\r\n");
        let status = lines.next()?.split(' ').nth(1)?.parse().ok()?;
        let headers: Vec<_> = lines
            .filter_map(|line| line.split_once(':'))
            .map(|(name, value)| (name.to_ascii_lowercase(), value.trim().to_owned()))
            .collect();
        let find =
            |name| headers.iter().find(|(it, _)| it == name).map(|(_, value)| value.as_str());
        let (body, complete) = if find("transfer-encoding") == Some("chunked") {
            join_chunks(rest)
        } else {
            let length = find("content-length").and_then(|value| value.parse::<usize>().ok());
            (rest.to_vec(), length.is_none_or(|length| length == rest.len()))
        };
        Some(Self { status, headers, body, complete })
    }

    /// A header's value.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(it, _)| it == name).map(|(_, value)| value.as_str())
    }

    /// The body as text; bytes that are not UTF-8 are replaced.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// The body as JSON; null when it is none.
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_default()
    }

    /// The events of a stream.
    ///
    /// # Panics
    ///
    /// If an event is not JSON.
    pub fn events(&self) -> Vec<Value> {
        fixtures::sse_json(&self.text())
    }
}

/// The joined chunks, and whether the last one came.
fn join_chunks(mut rest: &[u8]) -> (Vec<u8>, bool) {
    let mut body = Vec::new();
    loop {
        let Some(end) = memchr::memmem::find(rest, b"\r\n") else { return (body, false) };
        let line = str::from_utf8(&rest[..end]).unwrap_or_default();
        let Ok(size) = usize::from_str_radix(line.trim(), 16) else { return (body, false) };
        if size == 0 {
            // An empty line is the end, behind trailers where there are some.
            let ended = memchr::memmem::find(&rest[end..], b"\r\n\r\n").is_some();
            return (body, ended);
        }
        rest = &rest[end + 2..];
        body.extend_from_slice(&rest[..size.min(rest.len())]);
        if rest.len() < size + 2 {
            return (body, false);
        }
        rest = &rest[size + 2..];
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn chunks_are_joined_and_a_missing_end_is_told() {
        let head = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
        let whole = format!("{head}3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n");
        let reply = Reply::parse(whole.as_bytes()).unwrap();
        assert_eq!((reply.text().as_str(), reply.complete), ("abcde", true));
        for (missing, text) in [(8, "abcd"), (2, "abcde"), (1, "abcde")] {
            let cut = Reply::parse(&whole.as_bytes()[..whole.len() - missing]).unwrap();
            assert_eq!((cut.text().as_str(), cut.complete), (text, false));
        }
    }

    #[test]
    fn a_length_that_is_not_reached_is_told() {
        let reply = Reply::parse(b"HTTP/1.1 404 No\r\nContent-Length: 5\r\n\r\nabc").unwrap();
        assert_eq!((reply.status, reply.complete), (404, false));
    }
}
