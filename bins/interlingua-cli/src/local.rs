//! Talking to a gateway that runs on this machine.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;

use bytes::Bytes;
use http::{Method, Request, StatusCode, header};
use http_body_util::{BodyExt as _, Full, Limited};
use hyper_util::rt::TokioIo;
use interlingua_registry::Snapshot;
use tokio::net::TcpStream;

/// How long a connection to this machine may take.
const CONNECT: Duration = Duration::from_secs(2);

/// The largest answer that is read.
const MOST: usize = 16 << 20;

/// The variable that holds the client key unless another is named.
pub(crate) const ENV_KEY: &str = "INTERLINGUA_KEY";

/// An answer, whole.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) body: Bytes,
}

/// Where a client on this machine reaches the gateway of a configuration; nothing if that is known only
/// once it runs.
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
pub(crate) fn get(address: SocketAddr, path: &str, limit: Duration) -> io::Result<Answer> {
    exchange(address, Method::GET, path, &[], Bytes::new(), limit)
}

/// Sends a request and reads the answer to its end.
///
/// # Errors
///
/// When no whole answer comes within `limit`.
pub(crate) fn exchange(
    address: SocketAddr,
    method: Method,
    path: &str,
    headers: &[(&str, &str)],
    body: Bytes,
    limit: Duration,
) -> io::Result<Answer> {
    let mut request = Request::builder()
        .method(method)
        .uri(path)
        .header(header::HOST, address.to_string())
        .header(header::CONTENT_TYPE, "application/json");
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    if let Ok(key) = std::env::var(ENV_KEY) {
        request = request.header(header::AUTHORIZATION, format!("Bearer {key}"));
    }
    let request = request.body(Full::new(body)).map_err(io::Error::other)?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let answer = tokio::time::timeout(limit, send(address, request)).await;
        answer.map_err(|_| io::Error::new(io::ErrorKind::TimedOut, "it does not answer"))?
    })
}

async fn send(address: SocketAddr, request: Request<Full<Bytes>>) -> io::Result<Answer> {
    let connected = tokio::time::timeout(CONNECT, TcpStream::connect(address)).await;
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
