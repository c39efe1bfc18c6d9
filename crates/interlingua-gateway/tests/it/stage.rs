//! A gateway on a thread of its own, an upstream behind it, and its log.

use std::io::{self, Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use interlingua_dialect::Dialects;
use interlingua_gateway::{Gateway, State, Tools};
use interlingua_reasoning::{SealKey, SealKeys};
use interlingua_registry::{Environment, RawConfig, Snapshot, check};
use interlingua_store::{Place, Settings, Stores};
use interlingua_testkit::http::{Call, Reply};
pub(crate) use interlingua_testkit::upstream::{Answer, Script, Scripted};
use interlingua_upstream::{ProxySettings, Upstream};
use serde_json::{Value, json};
use tokio::sync::oneshot;

/// The key that the upstream is asked with.
pub(crate) const KEY: &str = "canary-provider-key-5501";

/// A second one, where a provider has two.
pub(crate) const KEY2: &str = "canary-provider-key-7702";

/// A text model of the scripted upstream.
pub(crate) const MODEL: &str = "up/m";

/// Long enough for a slow machine; a test that waits as long has failed.
pub(crate) const LONG: Duration = Duration::from_secs(10);

pub(crate) struct Stage {
    pub(crate) upstream: Scripted,
    pub(crate) gateway: Running,
}

/// What differs from a plain configuration.
#[derive(Default)]
pub(crate) struct Plan<'p> {
    /// Lines at its top.
    pub(crate) top: &'p str,
    /// Lines in the provider's table.
    pub(crate) provider: &'p str,
    /// Tables at its end.
    pub(crate) tables: &'p str,
}

impl Stage {
    pub(crate) fn new(script: Script) -> Self {
        Self::with(script, &Plan::default())
    }

    /// A gateway with its times cut short by a `[timeouts]` table's lines.
    pub(crate) fn timed(script: Script, timeouts: &str) -> Self {
        Self::with(script, &Plan { tables: &format!("[timeouts]\n{timeouts}"), ..Plan::default() })
    }

    pub(crate) fn with(script: Script, plan: &Plan<'_>) -> Self {
        let upstream = Scripted::start(script).unwrap();
        let gateway = Running::start(&config(&upstream.base_url(), plan));
        Self { upstream, gateway }
    }

    /// A gateway whose upstream always answers the same.
    pub(crate) fn saying(prose: &str) -> Self {
        Self::new(Script::new().otherwise(Answer::text(prose)))
    }

    pub(crate) fn send(&self, call: &Call) -> Reply {
        self.gateway.send(call)
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.gateway.address
    }
}

/// A configuration with one provider.
pub(crate) fn config(base_url: &str, plan: &Plan<'_>) -> String {
    let Plan { top, provider, tables } = plan;
    format!(
        r#"
        listen = "127.0.0.1:0"
        {top}
        [providers.up]
        base_url = "{base_url}"
        dialect = "mimo"
        key = {{ env = "UP_KEY" }}
        {provider}
        [[providers.up.models]]
        id = "m"
        context_window = 100000
        {tables}
        "#
    )
}

/// The record of models that have no tools.
const WORDY: &str = "id = 'wordy'\nextends = 'generic'\ntools.offered_in = 'prompt'\n";

fn snapshot(config: &str) -> Arc<Snapshot> {
    let environment = Environment::from_iter([("UP_KEY", KEY), ("UP_KEY2", KEY2)]);
    let raw = RawConfig::new().file("config.toml", config);
    let dialects = Dialects::builtin().with([("wordy.toml", WORDY)]).unwrap();
    let snapshot = check(&raw, &Arc::new(dialects), &environment);
    Arc::new(snapshot.unwrap_or_else(|problems| panic!("{problems}")))
}

/// A gateway at work; it ends when this is dropped.
pub(crate) struct Running {
    pub(crate) address: SocketAddr,
    pub(crate) log: Log,
    pub(crate) state: Arc<State>,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Running {
    pub(crate) fn start(config: &str) -> Self {
        Self::keeping(config, None)
    }

    /// A gateway that keeps what it has to remember in a folder, if there is one.
    pub(crate) fn keeping(config: &str, folder: Option<&Path>) -> Self {
        Self::with(config, folder, |stores| stores)
    }

    /// Like [`keeping`](Self::keeping), with something put before its stores.
    pub(crate) fn with(
        config: &str,
        folder: Option<&Path>,
        before: impl FnOnce(Stores) -> Stores + Send + 'static,
    ) -> Self {
        let snapshot = snapshot(config);
        let place = if folder.is_some() { Place::Sqlite } else { Place::Memory };
        let folder = folder.unwrap_or(Path::new("")).to_owned();
        let log = Log::default();
        let (stop, stopped) = oneshot::channel::<()>();
        let (tell, told) = mpsc::channel();
        let written = log.clone();
        let thread = std::thread::spawn(move || {
            let subscriber = tracing_subscriber::fmt()
                .json()
                .flatten_event(true)
                .with_max_level(tracing::Level::TRACE)
                .with_writer(move || written.clone())
                .finish();
            let _log = tracing::subscriber::set_default(subscriber);
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
            runtime.unwrap().block_on(async {
                let connect = snapshot.settings().timeouts.connect;
                let upstream = Upstream::new(&ProxySettings::default(), connect).unwrap();
                let seal = Arc::new(SealKeys::new(SealKey::new(&[7; 32])));
                // What is kept has to be there again, however slow the machine's disk is.
                let settings = Settings { place, wait: LONG, ..Settings::default() };
                let stores = interlingua_store::open(&settings, &folder).await.unwrap();
                let Stores { thoughts, responses } = before(stores);
                let tools = Tools { upstream, seal, thoughts, responses };
                let state = Arc::new(State::new(snapshot, tools));
                let gateway = Gateway::bind(Arc::clone(&state)).unwrap();
                tell.send((gateway.addresses()[0], state)).unwrap();
                let stop = async { drop(stopped.await) };
                // A test that is over has nothing to drain.
                gateway.serve(stop, std::future::ready(())).await;
            });
        });
        let (address, state) = told.recv().unwrap();
        Self { address, log, state, stop: Some(stop), thread: Some(thread) }
    }

    /// Puts another configuration into force.
    pub(crate) fn replace(&self, config: &str) -> u64 {
        self.state.replace(snapshot(config))
    }

    pub(crate) fn send(&self, call: &Call) -> Reply {
        call.send(self.address).unwrap()
    }

    /// The log lines of requests, as soon as there are `count` of them.
    #[track_caller]
    pub(crate) fn requests(&self, count: usize) -> Vec<Value> {
        let end = Instant::now() + LONG;
        loop {
            let lines = self.log.requests();
            if lines.len() >= count {
                assert_eq!(lines.len(), count, "{lines:?}");
                return lines;
            }
            assert!(Instant::now() < end, "{} of {count} requests are logged", lines.len());
            std::thread::sleep(Duration::from_millis(5));
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            // A panic in there has been printed already.
            drop(thread.join());
        }
    }
}

/// Everything that a gateway logged.
#[derive(Clone, Default)]
pub(crate) struct Log(Arc<Mutex<Vec<u8>>>);

impl Log {
    fn lock(&self) -> MutexGuard<'_, Vec<u8>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn text(&self) -> String {
        String::from_utf8(self.lock().clone()).unwrap()
    }

    fn requests(&self) -> Vec<Value> {
        let text = self.text();
        let lines = text.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
        lines.filter(|it| it["target"] == "interlingua::request").collect()
    }
}

impl io::Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.lock().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Checks many items at once: most of their time is waiting. Hundreds at once would only wait for each
/// other, until the first has waited too long.
pub(crate) fn at_once<T: Send>(items: impl IntoIterator<Item = T>, check: impl Fn(T) + Sync) {
    const WORKERS: usize = 24;
    let items = Mutex::new(items.into_iter().collect::<Vec<_>>());
    let next = || items.lock().unwrap_or_else(PoisonError::into_inner).pop();
    std::thread::scope(|scope| {
        for _ in 0..WORKERS {
            scope.spawn(|| {
                while let Some(item) = next() {
                    check(item);
                }
            });
        }
    });
}

/// A turn.
pub(crate) fn turn(stream: bool) -> Call {
    Call::post("/v1/responses", &json!({ "model": MODEL, "input": "hi", "stream": stream }))
        .limit(LONG)
}

/// A streamed turn, as Codex asks for it.
pub(crate) fn codex() -> Call {
    turn(true).header("originator", "codex_exec")
}

/// The types of all events of a streamed answer.
pub(crate) fn kinds(reply: &Reply) -> Vec<String> {
    reply.events().iter().map(|it| it["type"].as_str().unwrap_or_default().to_owned()).collect()
}

/// The last event of a streamed answer.
#[track_caller]
pub(crate) fn last(reply: &Reply) -> Value {
    assert!(reply.complete, "the answer broke off: {}", reply.text());
    reply.events().pop().unwrap_or_else(|| panic!("no events: {}", reply.text()))
}

/// Sends bytes as they are, and reads until the gateway closes.
pub(crate) fn raw(address: SocketAddr, bytes: &[u8]) -> String {
    let mut socket = connect(address);
    socket.write_all(bytes).unwrap();
    read(&mut socket)
}

pub(crate) fn connect(address: SocketAddr) -> TcpStream {
    let socket = TcpStream::connect(address).unwrap();
    socket.set_read_timeout(Some(LONG)).unwrap();
    socket
}

/// Everything until the end, however it comes.
pub(crate) fn read(socket: &mut TcpStream) -> String {
    let mut all = Vec::new();
    // A reset leaves what came before it.
    drop(socket.read_to_end(&mut all));
    String::from_utf8_lossy(&all).into_owned()
}

/// The status of an answer, 0 where there is none.
pub(crate) fn status(answer: &str) -> u16 {
    answer.split(' ').nth(1).and_then(|it| it.parse().ok()).unwrap_or_default()
}

/// The head of a turn that is sent byte by byte, its length at the end.
pub(crate) fn head(address: SocketAddr, fields: &str) -> String {
    format!(
        "POST /v1/responses HTTP/1.1\r\nhost: {address}\r\ncontent-type: application/json\r\n{fields}"
    )
}

/// An upstream that answers every request with the same bytes, HTTP or not.
pub(crate) struct Canned {
    address: SocketAddr,
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

/// What a [`Canned`] upstream does after its bytes.
#[derive(Clone, Copy, Eq, PartialEq)]
pub(crate) enum Then {
    /// Closes the connection.
    Close,
    /// Takes the next request.
    Stay,
}

impl Canned {
    pub(crate) fn start(bytes: Vec<u8>, then: Then) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let stop = Arc::new(AtomicBool::new(false));
        let stopped = Arc::clone(&stop);
        let bytes: Arc<[u8]> = bytes.into();
        let thread = std::thread::spawn(move || {
            while let Ok((mut socket, _)) = listener.accept() {
                if stopped.load(Ordering::SeqCst) {
                    return;
                }
                let bytes = Arc::clone(&bytes);
                std::thread::spawn(move || {
                    socket.set_read_timeout(Some(LONG)).unwrap();
                    while take_request(&mut socket).is_some() {
                        // The gateway may have gone in the middle of it.
                        if socket.write_all(&bytes).is_err() || then == Then::Close {
                            return;
                        }
                    }
                });
            }
        });
        Self { address, stop, thread: Some(thread) }
    }

    pub(crate) fn base_url(&self) -> String {
        format!("http://{}/v1", self.address)
    }
}

impl Drop for Canned {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::SeqCst);
        // Wakes the thread that accepts.
        drop(TcpStream::connect(self.address));
        if let Some(thread) = self.thread.take() {
            drop(thread.join());
        }
    }
}

/// Reads one request with a length to its end.
fn take_request(socket: &mut TcpStream) -> Option<()> {
    let mut seen = Vec::new();
    let mut piece = [0; 4096];
    loop {
        let text = String::from_utf8_lossy(&seen).to_ascii_lowercase();
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let length = head.split_once("content-length: ").map_or("0", |(_, it)| it);
            let length: usize = length.split("\r\n").next()?.parse().ok()?;
            if body.len() >= length {
                return Some(());
            }
        }
        match socket.read(&mut piece).ok()? {
            0 => return None,
            count => seen.extend_from_slice(&piece[..count]),
        }
    }
}
