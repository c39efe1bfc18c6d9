//! Places to keep entries in, and entries.

use std::net::TcpListener;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use interlingua_reasoning::{Entry, Key, Mark, Store};
use interlingua_store::{Address, Place, Settings, Stores, open};
use tempfile::TempDir;

pub(crate) fn key(name: &str) -> Key {
    Key::named("t", name)
}

/// An entry that differs from others by its text.
pub(crate) fn entry(text: &str) -> Entry {
    Entry { mark: Mark::of(text.as_bytes()), bytes: Bytes::from(text.to_owned()) }
}

pub(crate) async fn put(store: &Arc<dyn Store>, name: &str, text: &str) {
    store.put(key(name), entry(text)).await.unwrap();
}

pub(crate) async fn get(store: &Arc<dyn Store>, name: &str) -> Option<String> {
    let found = store.get(&[key(name)]).await.unwrap().remove(0)?;
    Some(String::from_utf8(found.to_vec()).unwrap())
}

/// Somewhere to keep entries, as long as it lives.
#[derive(Debug)]
pub(crate) enum Somewhere {
    Memory,
    File(TempDir),
    Server(Server),
}

impl Somewhere {
    /// All that there is.
    pub(crate) fn all() -> Vec<Self> {
        let mut all = vec![Self::Memory, Self::file()];
        all.extend(Server::start().map(Self::Server));
        all
    }

    pub(crate) fn file() -> Self {
        Self::File(tempfile::tempdir().unwrap())
    }

    /// As two gateways would open it, with much patience: the machine may be busy.
    pub(crate) async fn twice(&self, settings: &Settings) -> (Stores, Stores) {
        let settings = Settings { wait: Duration::from_secs(20), ..settings.clone() };
        let first = self.open(&settings).await;
        match self {
            Self::Memory => (first.clone(), first),
            _ => (first, self.open(&settings).await),
        }
    }

    pub(crate) async fn open(&self, settings: &Settings) -> Stores {
        let (place, folder) = match self {
            Self::Memory => (Place::Memory, Path::new("/nonexistent")),
            Self::File(folder) => (Place::Sqlite, folder.path()),
            Self::Server(server) => (server.place(), Path::new("/nonexistent")),
        };
        open(&Settings { place, ..settings.clone() }, folder).await.unwrap()
    }
}

/// A server of our own, on a port that was free, without a file.
#[derive(Debug)]
pub(crate) struct Server {
    pub(crate) port: u16,
    process: Child,
}

impl Server {
    /// `None` where it is not installed; our own server has to have it.
    pub(crate) fn start() -> Option<Self> {
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        Self::start_at(port)
    }

    pub(crate) fn start_at(port: u16) -> Option<Self> {
        Self::start_with(port, ["--port".to_owned(), port.to_string()])
    }

    pub(crate) fn start_with(
        port: u16,
        arguments: impl IntoIterator<Item = String>,
    ) -> Option<Self> {
        let mut command = Command::new("redis-server");
        command.args(["--bind", "127.0.0.1", "--save", "", "--appendonly", "no"]);
        command.args(["--requirepass", PASSWORD]).args(arguments);
        match command.stdin(Stdio::null()).stdout(Stdio::null()).spawn() {
            Ok(process) => {
                let server = Self { port, process };
                server.wait_for_it();
                Some(server)
            }
            Err(error) => {
                assert!(std::env::var_os("CI").is_none(), "redis-server is missing: {error}");
                eprintln!("skipped: redis-server is not installed ({error})");
                None
            }
        }
    }

    pub(crate) fn place(&self) -> Place {
        let url = format!("redis://:{PASSWORD}@127.0.0.1:{}", self.port);
        Place::Redis(Address::new(&url, &format!("redis://127.0.0.1:{}", self.port)))
    }

    #[cfg(unix)]
    pub(crate) fn signal(&self, signal: rustix::process::Signal) {
        let id = rustix::process::Pid::from_raw(self.process.id().cast_signed()).unwrap();
        rustix::process::kill_process(id, signal).unwrap();
    }

    fn wait_for_it(&self) {
        let begun = Instant::now();
        while std::net::TcpStream::connect(("127.0.0.1", self.port)).is_err() {
            assert!(begun.elapsed() < Duration::from_secs(20), "the server does not start");
            std::thread::sleep(Duration::from_millis(10));
        }
    }
}

pub(crate) const PASSWORD: &str = "canary-password";

impl Drop for Server {
    fn drop(&mut self) {
        drop(self.process.kill());
        drop(self.process.wait());
    }
}

/// Waits until something is so.
pub(crate) async fn until(what: &str, mut is_so: impl AsyncFnMut() -> bool) {
    let begun = Instant::now();
    while !is_so().await {
        assert!(begun.elapsed() < Duration::from_secs(20), "{what} never happens");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}
