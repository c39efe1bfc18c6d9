//! A `redis-server` of a test's own.

use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use tempfile::TempDir;

pub use crate::program::Missing;

use crate::process::Process;

/// How long it may take to answer after its start.
const START: Duration = Duration::from_secs(10);

/// Finds the program where systems install it.
///
/// # Errors
///
/// [`Missing`] says where it was looked for and how to get it.
pub fn find() -> Result<PathBuf, Missing> {
    let folders = ["/usr/bin", "/usr/local/bin", "/opt/homebrew/bin"];
    let places = folders.map(|folder| Path::new(folder).join("redis-server"));
    let found = places.iter().find(|it| it.is_file()).cloned();
    found.ok_or_else(|| Missing {
        what: "redis-server".into(),
        hint: "`apt-get install redis-server`".into(),
        places: places.to_vec(),
    })
}

/// A server on 127.0.0.1 that keeps what it knows while it is stopped; it is killed when dropped.
#[derive(Debug)]
pub struct Redis {
    binary: PathBuf,
    folder: TempDir,
    address: SocketAddr,
    process: Option<Process>,
}

impl Redis {
    /// Starts it on a port that is free.
    ///
    /// # Errors
    ///
    /// If it does not answer.
    pub fn start_new(binary: &Path) -> io::Result<Self> {
        let folder = tempfile::Builder::new().prefix("redis-").tempdir()?;
        // Nobody else takes it in the moment between: tests of this kind run one after the other.
        let address = TcpListener::bind(("127.0.0.1", 0))?.local_addr()?;
        let mut redis = Self { binary: binary.into(), folder, address, process: None };
        redis.start()?;
        Ok(redis)
    }

    /// For a store's `url`.
    pub fn url(&self) -> String {
        format!("redis://{}", self.address)
    }

    /// Starts it again, with what it knew.
    ///
    /// # Errors
    ///
    /// If it runs already or does not answer.
    pub fn start(&mut self) -> io::Result<()> {
        if self.process.is_some() {
            return Err(io::Error::other("the server runs already"));
        }
        let mut command = Command::new(&self.binary);
        command.args(["--bind", "127.0.0.1", "--port", &self.address.port().to_string()]);
        command.args(["--appendonly", "yes", "--appendfsync", "always", "--save", ""]);
        command.arg("--dir").arg(self.folder.path()).env_clear();
        self.process = Some(Process::spawn(&mut command)?);
        let end = Instant::now() + START;
        while self.ask("PING").is_none_or(|answer| !answer.starts_with("+PONG")) {
            if Instant::now() > end {
                return Err(io::Error::other("redis-server does not answer"));
            }
            std::thread::sleep(Duration::from_millis(5));
        }
        Ok(())
    }

    /// Ends it; connections are refused from now on.
    ///
    /// # Errors
    ///
    /// If it did not run.
    pub fn stop(&mut self) -> io::Result<()> {
        let stopped = io::Error::other("the server does not run");
        let mut process = self.process.take().ok_or(stopped)?;
        process.signal("KILL")?;
        process.wait(START)?;
        Ok(())
    }

    /// Makes it hang: connections are taken, and nothing is answered.
    ///
    /// # Errors
    ///
    /// If it does not run.
    pub fn hang(&self) -> io::Result<()> {
        self.signal("STOP")
    }

    /// Ends the hanging.
    ///
    /// # Errors
    ///
    /// If it does not run.
    pub fn go_on(&self) -> io::Result<()> {
        self.signal("CONT")
    }

    /// How many entries it holds; `None` when it does not answer.
    pub fn entries(&self) -> Option<usize> {
        self.ask("DBSIZE")?.trim().strip_prefix(':')?.parse().ok()
    }

    fn signal(&self, name: &str) -> io::Result<()> {
        let process = self.process.as_ref();
        process.ok_or_else(|| io::Error::other("the server does not run"))?.signal(name)
    }

    fn ask(&self, command: &str) -> Option<String> {
        let limit = Duration::from_secs(1);
        let mut socket = TcpStream::connect_timeout(&self.address, limit).ok()?;
        socket.set_read_timeout(Some(limit)).ok()?;
        socket.write_all(format!("{command}\r\n").as_bytes()).ok()?;
        let mut buffer = [0; 64];
        let count = socket.read(&mut buffer).ok()?;
        Some(String::from_utf8_lossy(&buffer[..count]).into_owned())
    }
}

impl Drop for Redis {
    fn drop(&mut self) {
        // A process that is stopped does not die of anything else.
        if self.process.is_some() {
            drop(self.go_on());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_stops_hangs_and_keeps_what_it_knows() {
        let binary = match find() {
            Ok(binary) => binary,
            // On the server nothing that is missing passes for proven.
            Err(missing) if std::env::var_os("CI").is_none() => {
                eprintln!("skipped: {missing}");
                return;
            }
            Err(missing) => panic!("{missing}"),
        };
        let mut redis = Redis::start_new(&binary).unwrap();
        assert_eq!(redis.entries(), Some(0));
        assert_eq!(redis.ask("SET a 1").as_deref(), Some("+OK\r\n"));
        redis.stop().unwrap();
        assert_eq!(redis.entries(), None);
        redis.start().unwrap();
        assert_eq!(redis.entries(), Some(1));
        redis.hang().unwrap();
        assert_eq!(redis.entries(), None);
        redis.go_on().unwrap();
        assert_eq!(redis.entries(), Some(1));
    }
}
