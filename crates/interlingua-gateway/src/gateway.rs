use std::convert::Infallible;
use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::{GracefulConnection, GracefulShutdown};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::sync::Semaphore;

use crate::inbound;
use crate::socket::Socket;
use crate::state::State;

/// How many connections may wait to be accepted. The usual 1024 overflow when a team's agents start
/// at once, and every overflow costs its client a second.
const BACKLOG: u32 = 4096;

/// The pause after a connection could not be accepted: without it, a process that has run out of
/// file descriptors spins.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// How often it is told that connections cannot be accepted.
const ACCEPT_WARNING: Duration = Duration::from_mins(1);

/// A gateway that listens but does not serve yet.
#[derive(Debug)]
pub struct Gateway {
    listeners: Vec<TcpListener>,
    state: Arc<State>,
}

impl Gateway {
    /// Takes the ports.
    ///
    /// # Errors
    ///
    /// [`BindError`] when somebody else has one of them.
    pub fn bind(state: Arc<State>) -> Result<Self, BindError> {
        let view = state.view();
        let mut listeners = Vec::new();
        for wanted in &view.snapshot.settings().listen {
            match listen(wanted.address) {
                Ok(listener) => listeners.push(listener),
                Err(error) if wanted.optional && error.kind() != io::ErrorKind::AddrInUse => {
                    tracing::debug!(address = %wanted.address, %error, "not listening there");
                }
                Err(source) => return Err(BindError { address: wanted.address, source }),
            }
        }
        Ok(Self { listeners, state })
    }

    /// The addresses that were taken; they differ from the configured ones where those asked for
    /// port 0.
    pub fn addresses(&self) -> Vec<SocketAddr> {
        self.listeners.iter().filter_map(|it| it.local_addr().ok()).collect()
    }

    /// Serves until `stop` completes, then lets open answers finish, until `now` completes or the
    /// configured time is over.
    pub async fn serve(self, stop: impl Future<Output = ()>, now: impl Future<Output = ()>) {
        let view = self.state.view();
        let limit = connection_limit(view.snapshot.settings().limits.connections);
        let drain = view.snapshot.settings().timeouts.drain;
        drop(view);
        let connections = Arc::new(Semaphore::new(limit.min(Semaphore::MAX_PERMITS)));
        let open = Arc::new(GracefulShutdown::new());
        let mut accepting = tokio::task::JoinSet::new();
        for listener in self.listeners {
            let (state, connections) = (Arc::clone(&self.state), Arc::clone(&connections));
            let open = Arc::clone(&open);
            accepting.spawn(async move {
                let mut warned: Option<Instant> = None;
                loop {
                    // A connection beyond the limit waits in the kernel, where it costs us nothing.
                    let Ok(permit) = Arc::clone(&connections).acquire_owned().await else { return };
                    let (stream, _) = match listener.accept().await {
                        Ok(accepted) => accepted,
                        Err(error) => {
                            if warned.is_none_or(|it| it.elapsed() >= ACCEPT_WARNING) {
                                tracing::warn!(%error, "a connection could not be accepted");
                                warned = Some(Instant::now());
                            }
                            tokio::time::sleep(ACCEPT_PAUSE).await;
                            continue;
                        }
                    };
                    let Ok(connection) = connection(stream, &state) else { continue };
                    let connection = open.watch(connection);
                    tokio::spawn(async move {
                        if let Err(error) = connection.await {
                            tracing::debug!(%error, "a connection ended early");
                        }
                        drop(permit);
                    });
                }
            });
        }
        stop.await;
        self.state.drain();
        accepting.shutdown().await;
        let finished = async {
            // The tasks that accepted connections are gone, so nobody else holds it.
            if let Some(open) = Arc::into_inner(open) {
                open.shutdown().await;
            }
        };
        tokio::select! {
            () = finished => {}
            () = now => tracing::warn!("told to stop at once; answers are cut off"),
            () = tokio::time::sleep(drain) => {
                tracing::warn!("answers were cut off by the end of the drain time");
            }
        }
    }
}

/// How many connections of clients are served at once. An answer needs a file descriptor for its client
/// and one for its provider; the last third is for everything else.
fn connection_limit(configured: usize) -> usize {
    let limit = descriptors().map_or(configured, |granted| configured.min((granted / 3).max(1)));
    if limit < configured {
        tracing::info!(limit, configured, "fewer connections, as file descriptors are limited");
    }
    limit
}

/// How many file descriptors the system grants, where it tells without being asked through C.
fn descriptors() -> Option<usize> {
    granted(&std::fs::read_to_string("/proc/self/limits").ok()?)
}

/// The soft limit in the kernel's table.
fn granted(table: &str) -> Option<usize> {
    let row = table.lines().find_map(|line| line.strip_prefix("Max open files"))?;
    row.split_whitespace().next()?.parse().ok()
}

fn listen(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = if address.is_ipv4() { TcpSocket::new_v4()? } else { TcpSocket::new_v6()? };
    // A restart must not wait for the kernel to forget the old connections.
    socket.set_reuseaddr(cfg!(unix))?;
    socket.bind(address)?;
    socket.listen(BACKLOG)
}

/// Serves one connection.
fn connection(
    stream: TcpStream,
    state: &Arc<State>,
) -> io::Result<impl GracefulConnection<Error = hyper::Error> + Send + use<>> {
    // A piece of an answer must not wait for the acknowledgement of the one before.
    stream.set_nodelay(true)?;
    let local = stream.local_addr()?;
    let view = state.view();
    let settings = view.snapshot.settings();
    let socket = Socket::new(stream, &settings.timeouts);
    let activity = socket.activity();
    let state = Arc::clone(state);
    let service = service_fn(move |request| {
        activity.busy();
        let (state, activity) = (Arc::clone(&state), activity.clone());
        // hyper has room for it as long as the connection lives; boxed, it takes none while the answer runs.
        Box::pin(async move {
            let mut response = inbound::serve(state, request, local).await;
            response.body_mut().tell(activity);
            Ok::<_, Infallible>(response)
        })
    });
    let limits = &settings.limits;
    Ok(http1::Builder::new()
        .timer(TokioTimer::new())
        // The socket has deadlines of its own, which know more.
        .header_read_timeout(None)
        .max_buf_size(limits.header_size.saturating_add(limits.request_line).max(MIN_BUFFER))
        .max_headers(limits.header_fields)
        .serve_connection(TokioIo::new(socket), service))
}

/// The smallest buffer that hyper takes.
const MIN_BUFFER: usize = 8192;

/// A port that cannot be had.
#[derive(Debug, thiserror::Error)]
#[error("cannot listen on {address}")]
pub struct BindError {
    /// The address.
    pub address: SocketAddr,
    /// Why not.
    #[source]
    pub source: io::Error,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_kernels_table_is_read() {
        let table = "Limit                     Soft Limit           Hard Limit           Units\n\
                     Max open files            1024                 524288               files\n";
        assert_eq!(granted(table), Some(1024));
        assert_eq!(granted("Max open files            unlimited  unlimited  files"), None);
        assert_eq!(granted(""), None);
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn the_system_bounds_the_connections() {
        let granted = descriptors().unwrap();
        assert_eq!(connection_limit(usize::MAX), granted / 3);
        assert_eq!(connection_limit(1), 1);
    }
}
