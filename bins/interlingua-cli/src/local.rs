//! Talking to a gateway that runs on this machine.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;

use bytes::Bytes;
use http::{Method, Request, StatusCode, header};
use http_body_util::{BodyExt as _, Full, Limited};
use hyper_util::rt::TokioIo;
use interlingua_registry::Snapshot;
use serde_json::Value;
use tokio::net::TcpStream;

use crate::codex::ENV_KEY;

/// How long a connection to this machine may take.
const CONNECT: Duration = Duration::from_secs(2);

/// How long a gateway may take to tell its status.
const PATIENCE: Duration = Duration::from_secs(5);

/// The largest answer that is read.
const MOST: usize = 16 << 20;

/// An answer, whole.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) body: Bytes,
}

/// Where a client on this machine reaches the gateway of a configuration, as host and port; nothing if
/// that is known only once it runs.
pub(crate) fn address(snapshot: &Snapshot) -> Option<SocketAddr> {
    let address = snapshot.settings().listen.first()?.address;
    let ip = match address.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(ip) if ip.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
        ip => ip,
    };
    (address.port() != 0).then(|| SocketAddr::new(ip, address.port()))
}

/// Asks for a page.
///
/// # Errors
///
/// When nobody answers within `limit`.
pub(crate) fn get(host: &str, path: &str, limit: Duration) -> io::Result<Answer> {
    exchange(host, Method::GET, path, Bytes::new(), limit)
}

/// Why a gateway does not tell its status.
#[derive(Debug)]
pub(crate) enum NoStatus {
    /// Nobody answers.
    Silent(io::Error),
    /// It wants a client key.
    WantsKey,
    /// What answers is none of ours.
    Other,
}

/// What the gateway there says about itself.
///
/// # Errors
///
/// [`NoStatus`] says why it says nothing.
pub(crate) fn status(address: &SocketAddr) -> Result<Value, NoStatus> {
    let answer = get(&address.to_string(), "/status", PATIENCE).map_err(NoStatus::Silent)?;
    if answer.status == StatusCode::UNAUTHORIZED {
        return Err(NoStatus::WantsKey);
    }
    let status: Option<Value> = serde_json::from_slice(&answer.body).ok();
    status.filter(|it| it["schema"] == "interlingua.status/1").ok_or(NoStatus::Other)
}

/// The version of the gateway that answers there; nothing if what answers is none of ours.
///
/// # Errors
///
/// When nobody answers.
pub(crate) fn version(host: &str, limit: Duration) -> io::Result<Option<String>> {
    let answer = get(host, "/version", limit)?;
    let body: Option<Value> = serde_json::from_slice(&answer.body).ok();
    let ours = body.filter(|it| it["name"] == "interlingua");
    Ok(ours.and_then(|it| it["version"].as_str().map(str::to_owned)))
}

/// Sends a request and reads the answer to its end.
///
/// # Errors
///
/// When no whole answer comes within `limit`.
pub(crate) fn exchange(
    host: &str,
    method: Method,
    path: &str,
    body: Bytes,
    limit: Duration,
) -> io::Result<Answer> {
    let mut request = Request::builder()
        .method(method)
        .uri(path)
        .header(header::HOST, host)
        .header(header::CONTENT_TYPE, "application/json");
    if let Ok(key) = std::env::var(ENV_KEY) {
        request = request.header(header::AUTHORIZATION, format!("Bearer {key}"));
    }
    let request = request.body(Full::new(body)).map_err(io::Error::other)?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let answer = tokio::time::timeout(limit, send(host, request)).await;
        answer.map_err(|_| io::Error::new(io::ErrorKind::TimedOut, "it does not answer"))?
    })
}

async fn send(host: &str, request: Request<Full<Bytes>>) -> io::Result<Answer> {
    let connected = tokio::time::timeout(CONNECT, TcpStream::connect(host)).await;
    let stream = connected
        .map_err(|_| io::Error::new(io::ErrorKind::TimedOut, "the connection takes too long"))??;
    let handshake = hyper::client::conn::http1::handshake(TokioIo::new(stream));
    let (mut sender, connection) = handshake.await.map_err(io::Error::other)?;
    let connection = tokio::spawn(connection);
    let response = sender.send_request(request).await.map_err(io::Error::other)?;
    let (head, body) = response.into_parts();
    let body = Limited::new(body, MOST).collect().await.map_err(io::Error::other)?.to_bytes();
    connection.abort();
    Ok(Answer { status: head.status, body })
}
