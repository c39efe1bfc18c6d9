//! A gateway for as long as something needs one.

use std::io::{BufRead as _, BufReader, Read};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{self, Sender};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use crate::failure::Failure;
use crate::output;

/// A gateway that has not started by then has failed.
const PATIENCE: Duration = Duration::from_secs(30);

/// What the gateway says before its address.
const LISTENING: &str = "listening on ";

/// Lines of the gateway's that are kept for the end; a client that fills the screen must not be
/// disturbed.
const MOST_LINES: usize = 50;

/// A gateway of our own; it ends when this is dropped.
pub(crate) struct Own {
    child: Child,
    address: String,
    /// Gives what the gateway has said.
    said: Option<JoinHandle<Vec<String>>>,
}

impl Own {
    /// Starts this very program on a free port.
    pub(crate) fn start(config: Option<&Path>) -> Result<Self, Failure> {
        let cannot_start = |error| Failure::config(format!("no gateway can be started: {error}"));
        let mut program = Command::new(std::env::current_exe().map_err(cannot_start)?);
        program.args(["up", "--quiet", "--listen", "127.0.0.1:0"]);
        if let Some(config) = config {
            program.arg("--config").arg(config);
        }
        // Ctrl-C is meant for the client, which may go on talking.
        #[cfg(unix)]
        std::os::unix::process::CommandExt::process_group(&mut program, 0);
        program.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
        let mut child = program.spawn().map_err(cannot_start)?;
        let stderr = child.stderr.take().expect("it was piped");
        let (sender, receiver) = mpsc::channel();
        let said = Some(thread::spawn(move || listen(stderr, &sender)));
        let mut own = Self { child, address: String::new(), said };
        match receiver.recv_timeout(PATIENCE) {
            Ok(address) => own.address = address,
            // It has said why, which is told when it is dropped.
            Err(_) => return Err(Failure::config("no gateway answers, and none can be started")),
        }
        Ok(own)
    }

    /// Where its API begins.
    pub(crate) fn base_url(&self) -> String {
        format!("{}/v1", self.address)
    }
}

impl Drop for Own {
    fn drop(&mut self) {
        // It keeps no state that could be hurt, and may have ended by itself.
        drop(self.child.kill());
        drop(self.child.wait());
        let said = self.said.take().and_then(|said| said.join().ok()).unwrap_or_default();
        for line in said {
            output::say(&format!("gateway: {line}"));
        }
    }
}

/// Tells the address once it is known, and keeps the rest.
fn listen(stderr: impl Read, address: &Sender<String>) -> Vec<String> {
    let mut said = Vec::new();
    for line in BufReader::new(stderr).lines().map_while(Result::ok) {
        match line.strip_prefix(LISTENING) {
            // Whoever started it may have given up.
            Some(found) => drop(address.send(found.to_owned())),
            None if said.len() < MOST_LINES => said.push(line),
            None => {}
        }
    }
    said
}
