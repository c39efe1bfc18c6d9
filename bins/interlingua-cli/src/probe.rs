//! Whether a gateway of ours answers.

use std::fmt;
use std::io::{self, Read as _, Write as _};
use std::net::{TcpStream, ToSocketAddrs as _};
use std::time::Duration;

/// A gateway on the same machine answers at once or not at all.
const PATIENCE: Duration = Duration::from_secs(2);

/// An answer that is longer is none of ours.
const MAX_ANSWER: u64 = 4096;

/// What is at an address.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Answer {
    /// A gateway of ours.
    Gateway,
    /// Something else.
    Other,
    /// Nothing.
    Nothing,
    /// Nobody has looked, because it speaks TLS.
    Unknown,
}

/// Looks who answers at a base URL such as `http://127.0.0.1:8787/v1`.
pub(crate) fn gateway(base_url: &str) -> Answer {
    let Some(rest) = base_url.strip_prefix("http://") else { return Answer::Unknown };
    let host = rest.split('/').next().unwrap_or_default();
    let has_port = host.rsplit_once(':').is_some_and(|(_, port)| port.parse::<u16>().is_ok());
    let address = if has_port { host.to_owned() } else { format!("{host}:80") };
    match version(&address, host) {
        Ok(answer) if answer.contains(r#""name":"interlingua""#) => Answer::Gateway,
        Ok(_) => Answer::Other,
        Err(_) => Answer::Nothing,
    }
}

fn version(address: &str, host: &str) -> io::Result<String> {
    let mut last = io::Error::from(io::ErrorKind::AddrNotAvailable);
    for address in address.to_socket_addrs()? {
        let mut stream = match TcpStream::connect_timeout(&address, PATIENCE) {
            Ok(stream) => stream,
            Err(error) => {
                last = error;
                continue;
            }
        };
        stream.set_read_timeout(Some(PATIENCE))?;
        stream.set_write_timeout(Some(PATIENCE))?;
        let request = format!("GET /version HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\n\r\n");
        stream.write_all(request.as_bytes())?;
        let mut answer = Vec::new();
        stream.take(MAX_ANSWER).read_to_end(&mut answer)?;
        return Ok(String::from_utf8_lossy(&answer).into_owned());
    }
    Err(last)
}

impl Answer {
    /// For programs.
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Gateway => "answers",
            Self::Other => "other",
            Self::Nothing => "silent",
            Self::Unknown => "unknown",
        }
    }
}

impl fmt::Display for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Gateway => "the gateway answers",
            Self::Other => "something else answers there",
            Self::Nothing => "nothing answers; start it with `interlingua up`",
            Self::Unknown => "not asked, since it speaks TLS",
        })
    }
}
