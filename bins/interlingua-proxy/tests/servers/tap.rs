//! A relay between the gateway and a server that keeps what both say, and changes nothing but that each
//! connection serves one request.

use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use interlingua_testkit::http::Reply;
use serde_json::Value;

/// Nobody is silent for longer than this.
const SILENCE: Duration = Duration::from_secs(60);

/// A request of the gateway, and what the server answered.
#[derive(Clone, Debug)]
pub(crate) struct Exchange {
    pub(crate) path: String,
    pub(crate) body: Value,
    pub(crate) reply: Reply,
}

/// The relay. It ends with the process.
pub(crate) struct Tap {
    address: SocketAddr,
    kept: Arc<Mutex<Vec<Exchange>>>,
}

impl Tap {
    pub(crate) fn before(server: SocketAddr) -> io::Result<Self> {
        let listener = TcpListener::bind(("127.0.0.1", 0))?;
        let tap = Self { address: listener.local_addr()?, kept: Arc::default() };
        let kept = Arc::clone(&tap.kept);
        std::thread::spawn(move || {
            for client in listener.incoming().flatten() {
                let kept = Arc::clone(&kept);
                // A connection that breaks is told of by the gateway.
                std::thread::spawn(move || relay(client, server, &kept));
            }
        });
        Ok(tap)
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// What was said since this was asked for the last time.
    pub(crate) fn take(&self) -> Vec<Exchange> {
        std::mem::take(&mut *self.kept.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

fn relay(mut client: TcpStream, server: SocketAddr, kept: &Mutex<Vec<Exchange>>) -> io::Result<()> {
    client.set_read_timeout(Some(SILENCE))?;
    let (head, body) = read_request(&mut client)?;
    let mut server = TcpStream::connect(server)?;
    server.set_read_timeout(Some(SILENCE))?;
    let lines = head.split("\r\n").filter(|it| !it.to_lowercase().starts_with("connection:"));
    let lines: Vec<_> = lines.chain(["connection: close"]).collect();
    server.write_all((lines.join("\r\n") + "\r\n\r\n").as_bytes())?;
    server.write_all(&body)?;
    let (mut said, mut buffer) = (Vec::new(), [0; 8192]);
    loop {
        let length = server.read(&mut buffer)?;
        said.extend_from_slice(&buffer[..length]);
        if length == 0 {
            break;
        }
        // Kept before the client has its end: whoever has the whole answer may ask for it at once.
        if let Some(reply) = Reply::parse(&said).filter(is_whole) {
            keep(kept, &head, &body, reply);
            return client.write_all(&buffer[..length]);
        }
        client.write_all(&buffer[..length])?;
    }
    if let Some(reply) = Reply::parse(&said) {
        keep(kept, &head, &body, reply);
    }
    Ok(())
}

/// Whether an answer has its end, and does not just have to be read on.
fn is_whole(reply: &Reply) -> bool {
    let framing = ["content-length", "transfer-encoding"];
    reply.complete && framing.iter().any(|it| reply.header(it).is_some())
}

fn keep(kept: &Mutex<Vec<Exchange>>, head: &str, body: &[u8], reply: Reply) {
    let path = head.split(' ').nth(1).unwrap_or_default().to_owned();
    let body = serde_json::from_slice(body).unwrap_or_default();
    kept.lock().unwrap_or_else(PoisonError::into_inner).push(Exchange { path, body, reply });
}

/// A request's head, without the empty line behind it, and its body.
fn read_request(client: &mut TcpStream) -> io::Result<(String, Vec<u8>)> {
    let (mut bytes, mut buffer) = (Vec::new(), [0; 8192]);
    loop {
        let length = client.read(&mut buffer)?;
        if length == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        bytes.extend_from_slice(&buffer[..length]);
        let Some(end) = bytes.windows(4).position(|it| it == b"\r\n\r\n") else { continue };
        let head = String::from_utf8_lossy(&bytes[..end]).into_owned();
        let lengths = head.to_lowercase();
        let length = lengths.split("\r\n").find_map(|it| it.strip_prefix("content-length:"));
        let length = length.and_then(|it| it.trim().parse().ok()).unwrap_or(0);
        let mut body = bytes.split_off(end + 4);
        let have = body.len();
        body.resize(length.max(have), 0);
        client.read_exact(&mut body[have..])?;
        return Ok((head, body));
    }
}
