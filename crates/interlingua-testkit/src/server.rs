//! A server that is not ours, as a process on 127.0.0.1.

use std::io;
use std::net::{SocketAddr, TcpListener};
use std::process::Command;
use std::time::{Duration, Instant};

use crate::http::Call;
use crate::process::Process;

/// How often it is looked at while it starts.
const POLL: Duration = Duration::from_millis(100);

/// A running server; it is killed when this is dropped.
#[derive(Debug)]
pub struct Server {
    address: SocketAddr,
    process: Process,
}

impl Server {
    /// Starts it on a port that is free, and waits until a `GET` of `ready` is answered by 200.
    ///
    /// # Errors
    ///
    /// If that takes longer than `limit`, or if it ends; the message holds what it wrote.
    pub fn start(
        command: impl FnOnce(SocketAddr) -> Command,
        ready: &str,
        limit: Duration,
    ) -> io::Result<Self> {
        // Nobody else takes it in the moment between: one server is started after the other.
        let address = TcpListener::bind(("127.0.0.1", 0))?.local_addr()?;
        let mut server = Self { address, process: Process::spawn(&mut command(address))? };
        let end = Instant::now() + limit;
        loop {
            let status = server.process.wait(POLL)?;
            if status.is_some() || Instant::now() > end {
                let what = status.map_or("is not ready".to_owned(), |it| format!("ended: {it}"));
                return Err(io::Error::other(format!("the server {what}\n{}", server.log())));
            }
            let call = Call::get(ready).limit(Duration::from_secs(5));
            if call.send(address).is_ok_and(|it| it.status == 200) {
                return Ok(server);
            }
        }
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Everything that it wrote.
    pub fn log(&self) -> String {
        [self.process.stdout.text(), self.process.stderr.text()].concat()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMIT: Duration = Duration::from_secs(20);

    fn python(script: &'static str) -> impl FnOnce(SocketAddr) -> Command {
        move |address| {
            let mut command = Command::new("python3");
            command.args(["-c", script, &address.port().to_string()]);
            command
        }
    }

    #[test]
    fn it_is_ready_when_it_says_so_and_gone_when_dropped() {
        let script = "import http.server, sys; http.server.test(port=int(sys.argv[1]), \
                      HandlerClass=http.server.SimpleHTTPRequestHandler, bind='127.0.0.1')";
        let server = Server::start(python(script), "/", LIMIT).unwrap();
        let address = server.address();
        assert!(Call::get("/").send(address).is_ok());
        drop(server);
        assert!(Call::get("/").send(address).is_err());
    }

    #[test]
    fn one_that_ends_is_reported_with_what_it_wrote() {
        let script = "import sys; print('no model', file=sys.stderr); sys.exit(3)";
        let error = Server::start(python(script), "/", LIMIT).unwrap_err().to_string();
        assert!(error.contains("exit status: 3") && error.contains("no model"), "{error}");
    }
}
