use std::fs;
use std::io;
use std::net::SocketAddr;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use interlingua_gateway::{BindError, Gateway, State, Tools};
use interlingua_registry::Problems;
use interlingua_store::{OpenError, Stores};
use interlingua_upstream::{ProxySettings, Upstream};

use crate::follow::{Hangup, follow};
use crate::load::{Loaded, Start};
use crate::{seal_key, store};

/// Why the gateway does not run.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// Not even a home directory is known.
    #[error("no home directory is known; set `INTERLINGUA_HOME` to a folder of your choice")]
    NoHome,
    /// The configuration is wrong, or a dialect record beside it.
    #[error("the configuration cannot be used:\n{0}")]
    Config(Problems),
    /// The key under which thoughts travel is missing and cannot be made.
    #[error("the seal key cannot be used: {0}")]
    SealKey(#[source] io::Error),
    /// The store can never be used as it is configured.
    #[error("{0}")]
    Store(#[source] OpenError),
    /// The operating system refuses something that every server needs.
    #[error("the gateway cannot start: {0}")]
    System(#[source] io::Error),
    /// A port cannot be had.
    #[error("{}", bind_message(.0))]
    Bind(#[source] BindError),
}

/// The exit code that tells scripts why the gateway does not run.
pub fn exit_code(error: &StartError) -> ExitCode {
    ExitCode::from(match error {
        StartError::NoHome | StartError::Config(_) => 78,
        StartError::Store(OpenError::System(_)) => 71,
        StartError::Store(_) => 78,
        StartError::SealKey(_) => 74,
        StartError::System(_) => 71,
        StartError::Bind(error) if error.source.kind() == io::ErrorKind::AddrInUse => 98,
        StartError::Bind(_) => 71,
    })
}

/// How long work beside the requests is waited for at the end.
const LAST_WORK: Duration = Duration::from_secs(1);

/// Runs the gateway until it is told to stop: by SIGTERM or Ctrl-C, and at once by a second one.
///
/// Meanwhile it follows its files, SIGHUP, and what providers say about their models, as `start` says
/// where they are.
///
/// `greet` is called once the ports are taken.
///
/// # Errors
///
/// [`StartError`] when it cannot start.
pub fn run(
    start: &Start,
    loaded: &Loaded,
    greet: impl FnOnce(&Loaded, &[SocketAddr]),
) -> Result<(), StartError> {
    report_panics();
    let settings = loaded.snapshot.settings();
    let seal = seal_key::load(loaded.environment.get("INTERLINGUA_SEAL_KEY"), &loaded.paths.state)
        .map_err(StartError::SealKey)?;
    let runtime = runtime(settings.workers).map_err(StartError::System)?;
    let result = runtime.block_on(async {
        let proxies = ProxySettings::read(|name| loaded.environment.get(name).map(str::to_owned));
        let upstream =
            Upstream::new(&proxies, settings.timeouts.connect).map_err(StartError::System)?;
        let place = store::settings(&loaded.snapshot);
        let stores = interlingua_store::open(&place, &loaded.paths.state).await;
        let Stores { thoughts, responses } = stores.map_err(StartError::Store)?;
        let tools = Tools { upstream, seal: Arc::new(seal), thoughts, responses };
        let state = Arc::new(State::new(Arc::clone(&loaded.snapshot), tools));
        let gateway = Gateway::bind(Arc::clone(&state)).map_err(StartError::Bind)?;
        let (stop, now) = signals().map_err(StartError::System)?;
        // Before anybody is told that the gateway is there: unheard, the signal ends the process.
        let hangup = Hangup::new();
        let addresses = gateway.addresses();
        greet(loaded, &addresses);
        announce(&addresses);
        let following = tokio::spawn(follow(start.clone(), loaded.clone(), state, hangup));
        gateway.serve(stop, now).await;
        following.abort();
        Ok(())
    });
    // A file that is being written is soon done; a program that is to print a key may never be.
    runtime.shutdown_timeout(LAST_WORK);
    result
}

/// Puts panics into the log, where the requests are. A text that was made at run time is left out: it
/// may hold a piece of a conversation.
fn report_panics() {
    std::panic::set_hook(Box::new(|panic| {
        let place = panic.location().map(ToString::to_string).unwrap_or_default();
        let what = panic.payload().downcast_ref::<&str>().copied().unwrap_or("(text withheld)");
        tracing::error!(place, what, "the gateway failed; this is a bug");
    }));
}

/// One thread serves thousands of requests per second, so one is the default: threads that hand work
/// to each other cost more than they gain until one is busy.
fn runtime(workers: Option<usize>) -> io::Result<tokio::runtime::Runtime> {
    match workers {
        Some(workers) if workers > 1 => {
            tokio::runtime::Builder::new_multi_thread().worker_threads(workers).enable_all().build()
        }
        _ => tokio::runtime::Builder::new_current_thread().enable_all().build(),
    }
}

#[expect(
    clippy::print_stderr,
    reason = "scripts and people wait for this line, whatever the log level"
)]
fn announce(addresses: &[SocketAddr]) {
    for address in addresses {
        eprintln!("listening on http://{address}");
    }
}

/// The first signal to stop, and the second.
fn signals() -> io::Result<(impl Future<Output = ()>, impl Future<Output = ()>)> {
    let (first, mut told) = tokio::sync::mpsc::channel(2);
    #[cfg(unix)]
    {
        use tokio::signal::unix::{SignalKind, signal};

        for kind in [SignalKind::terminate(), SignalKind::interrupt()] {
            let (mut signal, first) = (signal(kind)?, first.clone());
            tokio::spawn(async move {
                while signal.recv().await.is_some() && first.send(()).await.is_ok() {}
            });
        }
    }
    #[cfg(not(unix))]
    tokio::spawn(async move {
        while tokio::signal::ctrl_c().await.is_ok() && first.send(()).await.is_ok() {}
    });
    let (stop, stopped) = tokio::sync::oneshot::channel();
    let (now, at_once) = tokio::sync::oneshot::channel();
    tokio::spawn(async move {
        for signal in [stop, now] {
            if told.recv().await.is_none() {
                return std::future::pending().await;
            }
            if signal.send(()).is_err() {
                return;
            }
        }
    });
    let wait = |receiver: tokio::sync::oneshot::Receiver<()>| async {
        if receiver.await.is_err() {
            std::future::pending::<()>().await;
        }
    };
    Ok((wait(stopped), wait(at_once)))
}

fn bind_message(error: &BindError) -> String {
    let BindError { address, source } = error;
    if source.kind() == io::ErrorKind::AddrInUse {
        let holder = port_holder(*address).map_or(String::new(), |it| format!(" by {it}"));
        return format!(
            "{address} is already taken{holder}; stop that, or choose another with `--listen` or `listen = \"…\"`"
        );
    }
    format!("cannot listen on {address}: {source}")
}

/// Who holds a port, as far as the kernel tells us.
#[cfg(target_os = "linux")]
pub fn port_holder(address: SocketAddr) -> Option<String> {
    let port = format!(":{:04X}", address.port());
    let tables =
        ["/proc/net/tcp", "/proc/net/tcp6"].map(|it| fs::read_to_string(it).unwrap_or_default());
    let inode = tables.iter().flat_map(|it| it.lines()).find_map(|line| {
        let fields: Vec<&str> = line.split_whitespace().collect();
        let listening = fields.get(3) == Some(&"0A") && fields.get(1)?.ends_with(&port);
        if listening { fields.get(9).map(|it| (*it).to_owned()) } else { None }
    })?;
    let socket = format!("socket:[{inode}]");
    fs::read_dir("/proc").ok()?.flatten().find_map(|process| {
        let pid: u32 = process.file_name().to_str()?.parse().ok()?;
        let files = fs::read_dir(process.path().join("fd")).ok()?;
        let holds = files
            .flatten()
            .any(|file| fs::read_link(file.path()).is_ok_and(|it| it.to_string_lossy() == socket));
        let name = fs::read_to_string(process.path().join("comm")).unwrap_or_default();
        holds.then(|| format!("`{}` (process {pid})", name.trim()))
    })
}

/// Who holds a port; this kernel does not tell us.
#[cfg(not(target_os = "linux"))]
pub fn port_holder(_: SocketAddr) -> Option<String> {
    None
}
