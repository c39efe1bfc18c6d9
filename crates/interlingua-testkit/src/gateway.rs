//! A built gateway as a process, with a configuration and a state folder of its own.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus};
use std::time::{Duration, Instant};

use tempfile::TempDir;

use crate::http::{Call, Reply};
use crate::process::Process;

/// How long it may take until `/readyz` answers 200.
const START: Duration = Duration::from_secs(10);

/// How often it is looked at meanwhile.
const POLL: Duration = Duration::from_millis(2);

/// What to start.
#[derive(Debug)]
pub struct Setup {
    binary: PathBuf,
    config: String,
    arguments: Vec<String>,
    env: BTreeMap<String, String>,
}

impl Setup {
    /// The binary, and its configuration as TOML. Providers are not asked for their models: a test that
    /// sets a vendor's variable must not call the vendor.
    pub fn new(binary: &Path, config: &str) -> Self {
        let env = BTreeMap::from([("INTERLINGUA_DISCOVER".to_owned(), "false".to_owned())]);
        Self { binary: binary.into(), config: config.into(), arguments: Vec::new(), env }
    }

    /// Adds a variable; nothing is inherited but `PATH`.
    #[must_use]
    pub fn env(mut self, name: &str, value: &str) -> Self {
        self.env.insert(name.into(), value.into());
        self
    }

    /// Adds an argument.
    #[must_use]
    pub fn argument(mut self, argument: &str) -> Self {
        self.arguments.push(argument.into());
        self
    }

    /// Starts it and waits until it is ready.
    ///
    /// # Errors
    ///
    /// If it does not become ready; the message holds its log.
    pub fn start(self) -> io::Result<Gateway> {
        let folder = tempfile::Builder::new().prefix("gateway-").tempdir()?;
        let any = SocketAddr::from(([127, 0, 0, 1], 0));
        let mut gateway =
            Gateway { setup: self, folder, address: any, process: None, log: String::new() };
        gateway.start()?;
        Ok(gateway)
    }
}

/// A running gateway; it is killed when this is dropped.
#[derive(Debug)]
pub struct Gateway {
    setup: Setup,
    folder: TempDir,
    address: SocketAddr,
    process: Option<Process>,
    /// The logs of earlier processes.
    log: String,
}

impl Gateway {
    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// What clients are told, for example `http://127.0.0.1:40123/v1`.
    pub fn base_url(&self) -> String {
        format!("http://{}/v1", self.address)
    }

    /// Its home; state and configuration lie below it.
    pub fn home(&self) -> &Path {
        self.folder.path()
    }

    /// The configuration file.
    pub fn config(&self) -> PathBuf {
        self.folder.path().join("config.toml")
    }

    /// Everything it wrote to stderr, over all restarts.
    pub fn log(&self) -> String {
        let now = self.process.as_ref().map(|it| it.stderr.text());
        format!("{}{}", self.log, now.unwrap_or_default())
    }

    /// Sends a request.
    ///
    /// # Errors
    ///
    /// If no answer comes.
    pub fn send(&self, call: &Call) -> io::Result<Reply> {
        call.send(self.address)
    }

    /// Sends a signal, by its short name.
    ///
    /// # Errors
    ///
    /// If it does not run.
    pub fn signal(&self, name: &str) -> io::Result<()> {
        let process = self.process.as_ref();
        process.ok_or_else(|| io::Error::other("the gateway does not run"))?.signal(name)
    }

    /// Asks it to end, by SIGTERM, and waits.
    ///
    /// # Errors
    ///
    /// If it still runs after `limit`, or ran no more.
    pub fn terminate(&mut self, limit: Duration) -> io::Result<ExitStatus> {
        self.end("TERM", limit)
    }

    /// Ends it without warning, by SIGKILL.
    ///
    /// # Errors
    ///
    /// If it ran no more.
    pub fn kill(&mut self) -> io::Result<ExitStatus> {
        self.end("KILL", Duration::from_secs(5))
    }

    fn end(&mut self, signal: &str, limit: Duration) -> io::Result<ExitStatus> {
        let Some(mut process) = self.process.take() else {
            return Err(io::Error::other("the gateway does not run"));
        };
        process.signal(signal)?;
        let status = process.wait(limit)?;
        self.log.push_str(&process.stderr.finish());
        status.ok_or_else(|| {
            io::Error::new(io::ErrorKind::TimedOut, format!("SIG{signal} did not end the gateway"))
        })
    }

    /// Starts it again at the same address and with the same state, after [`Self::kill`] or
    /// [`Self::terminate`].
    ///
    /// # Errors
    ///
    /// If it runs already or does not become ready.
    pub fn start(&mut self) -> io::Result<()> {
        if self.process.is_some() {
            return Err(io::Error::other("the gateway runs already"));
        }
        let home = self.folder.path();
        // A test may have edited it between two runs.
        if !self.config().exists() {
            fs::write(self.config(), &self.setup.config)?;
        }
        let mut command = Command::new(&self.setup.binary);
        command.arg("--config").arg(self.config());
        command.args(["--listen", &self.address.to_string()]).args(&self.setup.arguments);
        command.current_dir(home).env_clear().env("HOME", home);
        command.env("PATH", std::env::var_os("PATH").unwrap_or_default());
        command.env("XDG_CONFIG_HOME", home.join("config"));
        command.env("XDG_STATE_HOME", home.join("state"));
        command.envs(&self.setup.env);
        let process = self.process.insert(Process::spawn(&mut command)?);
        let end = Instant::now() + START;
        loop {
            if let Some(address) = address_in(&process.stderr.text()) {
                self.address = address;
                if Call::get("/readyz").send(address).is_ok_and(|it| it.status == 200) {
                    return Ok(());
                }
            }
            let status = process.wait(POLL)?;
            if status.is_some() || Instant::now() > end {
                let log = process.stderr.finish();
                self.process = None;
                let what = status.map_or("is not ready".to_owned(), |it| format!("ended: {it}"));
                return Err(io::Error::other(format!("the gateway {what}\n{log}")));
            }
        }
    }
}

/// The address in the line that says where it listens.
fn address_in(log: &str) -> Option<SocketAddr> {
    let (_, rest) = log.split_once("listening on http://")?;
    let (line, _) = rest.split_once('\n')?;
    line.split_whitespace().next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_address_is_read_once_its_line_is_whole() {
        let log = "2026-01-01 INFO listening on http://127.0.0.1:8787 (loopback)\n";
        assert_eq!(address_in(log), Some(SocketAddr::from(([127, 0, 0, 1], 8787))));
        assert_eq!(address_in("listening on http://127.0.0.1:87"), None);
    }

    #[test]
    fn a_gateway_that_ends_at_once_is_reported_with_its_log() {
        let setup = Setup::new(Path::new("/bin/ls"), "");
        let error = setup.start().unwrap_err().to_string();
        assert!(error.contains("ended: exit status") && error.contains("--config"), "{error}");
    }

    #[test]
    fn starting_stopping_and_starting_again_keeps_address_and_state() {
        let script = fixture_server();
        let mut gateway = Setup::new(&script, "x = 1\n").env("MARK", "here").start().unwrap();
        let address = gateway.address();
        assert_eq!(gateway.send(&Call::get("/mark")).unwrap().text(), "here");
        assert!(gateway.start().is_err(), "it runs already");
        assert!(gateway.terminate(Duration::from_secs(5)).is_ok());
        assert!(gateway.kill().is_err(), "it runs no more");
        gateway.start().unwrap();
        assert_eq!(gateway.address(), address);
        assert_eq!(gateway.send(&Call::get("/starts")).unwrap().text(), "2");
        assert_eq!(gateway.log().matches("listening on").count(), 2);
    }

    /// A stand-in that speaks the part of the gateway's manners that this harness relies on.
    fn fixture_server() -> PathBuf {
        Path::new(env!("CARGO_MANIFEST_DIR")).join("assets/stand_in_gateway.py")
    }
}
