//! The processes under measurement.

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

use crate::pair::Provider;
use crate::process::Process;

mod nginx;

/// The servers' names in reports.
pub(crate) const DIRECT: &str = "direct";
pub(crate) const NGINX: &str = "nginx";
pub(crate) const BYTEPIPE: &str = "bytepipe";
pub(crate) const GATEWAY: &str = "gateway";

/// A running server; it ends when this is dropped.
pub(crate) struct Server {
    pub(crate) name: &'static str,
    pub(crate) address: String,
    /// From the start of the process to its first 200 on `/readyz`, where it has one.
    pub(crate) ready: Option<Duration>,
    child: Child,
}

/// How long a server may take to come up.
const PATIENCE: Duration = Duration::from_secs(20);

/// How often `/readyz` is asked.
const POLL: Duration = Duration::from_micros(500);

impl Server {
    /// The mock upstream.
    pub(crate) fn mock() -> Result<Self, String> {
        let mut command = own_binary()?;
        Self::announced(DIRECT, command.arg("mock"))
    }

    /// The gathering relay.
    pub(crate) fn bytepipe(upstream: &str) -> Result<Self, String> {
        let mut command = own_binary()?;
        Self::announced(BYTEPIPE, command.args(["bytepipe", "--upstream", upstream]))
    }

    /// The gateway, with the mock as each of the providers.
    pub(crate) fn gateway(
        binary: &Path,
        folder: &Path,
        upstream: &str,
        providers: &[Provider],
    ) -> Result<Self, String> {
        let folder = folder.join("gateway");
        fs::create_dir_all(&folder).map_err(|it| it.to_string())?;
        let file = folder.join("config.toml");
        let mut config = include_str!("../providers/settings.toml").to_owned();
        for provider in providers {
            config.push_str(&provider.config().replace("{upstream}", upstream));
        }
        fs::write(&file, config).map_err(|it| it.to_string())?;
        let start = Instant::now();
        let mut command = Command::new(binary);
        command.args(["--listen", "127.0.0.1:0", "--config"]).arg(&file);
        command
            .current_dir(&folder)
            .env_clear()
            .envs([("HOME", &folder), ("XDG_STATE_HOME", &folder)]);
        command.env("UP_KEY", "bench");
        let mut server = Self::announced(GATEWAY, &mut command)?;
        while !server.is_ready() {
            if start.elapsed() > PATIENCE {
                return Err("the gateway does not become ready".into());
            }
            std::thread::sleep(POLL);
        }
        server.ready = Some(start.elapsed());
        Ok(server)
    }

    /// Starts a program that tells its address on stderr: `listening on http://ADDRESS`.
    fn announced(name: &'static str, command: &mut Command) -> Result<Self, String> {
        let mut child = command
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .map_err(|error| format!("{name}: {error}"))?;
        let stderr = child.stderr.take().ok_or("no stderr")?;
        let (tell, told) = mpsc::channel();
        std::thread::spawn(move || {
            for line in BufReader::new(stderr).lines().map_while(Result::ok) {
                // Nobody listens any more once the address is known; the pipe is still emptied.
                drop(tell.send(line));
            }
        });
        let mut server = Self { name, address: String::new(), ready: None, child };
        let mut said = String::new();
        while let Ok(line) = told.recv_timeout(PATIENCE) {
            if let Some((_, address)) = line.split_once("listening on http://") {
                address
                    .split_whitespace()
                    .next()
                    .unwrap_or_default()
                    .clone_into(&mut server.address);
                return Ok(server);
            }
            said.push_str(&line);
            said.push('\n');
        }
        Err(format!("{name} does not say where it listens. It said:\n{said}"))
    }

    fn is_ready(&self) -> bool {
        let Ok(mut socket) = TcpStream::connect(&self.address) else { return false };
        let host = &self.address;
        let request = format!("GET /readyz HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\n\r\n");
        let mut answer = [0; 12];
        socket.write_all(request.as_bytes()).is_ok()
            && socket.read_exact(&mut answer).is_ok()
            && answer.ends_with(b" 200")
    }

    /// What the system tells about it.
    pub(crate) fn process(&self) -> Process {
        Process(self.child.id())
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // Told and not killed, because a build that counts writes down what it counted when it ends. Each of
        // these fails only if it is gone already.
        let told =
            kill_process(Pid::from_child(&self.child), Signal::TERM).map(|()| Instant::now());
        while told.is_ok_and(|it| it.elapsed() < PATIENCE)
            && matches!(self.child.try_wait(), Ok(None))
        {
            std::thread::sleep(POLL);
        }
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

fn own_binary() -> Result<Command, String> {
    std::env::current_exe().map(Command::new).map_err(|it| it.to_string())
}
