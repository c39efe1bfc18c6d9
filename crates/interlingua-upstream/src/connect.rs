use std::future::Future;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use http::Uri;
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::connect::proxy::{SocksV5, Tunnel};
use hyper_util::client::legacy::connect::{Connection, HttpConnector};
use hyper_util::client::proxy::matcher::Matcher;
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tower_service::Service;

use crate::joined::Joined;
use crate::proxy::{ProxySettings, intercept};

type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// Opens connections, through a proxy where one is set, with TLS where the URL asks for it.
pub(crate) type Connector = Deadline<HttpsConnector<Proxied>>;

/// Makes a connector. `connect` bounds name lookup, TCP, the proxy's consent and TLS together.
///
/// # Errors
///
/// When the operating system's store of trusted certificates cannot be read.
pub(crate) fn connector(proxies: &ProxySettings, connect: Duration) -> io::Result<Connector> {
    use hyper_rustls::ConfigBuilderExt as _;

    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(io::Error::other)?;
    // The system's certificates include those of a company; a bare container has none of its own.
    let tls = match builder.clone().try_with_platform_verifier() {
        Ok(builder) => builder.with_no_client_auth(),
        Err(_) => builder.with_webpki_roots().with_no_client_auth(),
    };
    let mut tcp = HttpConnector::new();
    tcp.enforce_http(false);
    tcp.set_nodelay(true);
    tcp.set_keepalive(Some(Duration::from_mins(1)));
    let inner = Proxied { tcp, proxies: Arc::new(proxies.matcher()) };
    let https = HttpsConnectorBuilder::new()
        .with_tls_config(tls)
        .https_or_http()
        .enable_http1()
        .enable_http2()
        .wrap_connector(inner);
    Ok(Deadline { inner: https, limit: connect })
}

/// A connector that gives up, and whose connections join what comes in small chunks.
#[derive(Clone)]
pub(crate) struct Deadline<C> {
    inner: C,
    limit: Duration,
}

impl<C> Service<Uri> for Deadline<C>
where
    C: Service<Uri, Error = BoxError>,
    C::Response: Connection,
    C::Future: Send + 'static,
{
    type Response = Joined<C::Response>;
    type Error = BoxError;
    type Future = Pin<Box<dyn Future<Output = Result<Joined<C::Response>, BoxError>> + Send>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, destination: Uri) -> Self::Future {
        let (limit, connecting) = (self.limit, self.inner.call(destination));
        Box::pin(async move {
            let connected = tokio::time::timeout(limit, connecting).await.map_err(|_| {
                let what = format!("no connection within {} s", limit.as_secs());
                BoxError::from(io::Error::new(io::ErrorKind::TimedOut, what))
            })?;
            connected.map(Joined::new)
        })
    }
}

/// Connects directly or by way of a proxy, as the destination asks for.
#[derive(Clone)]
pub(crate) struct Proxied {
    tcp: HttpConnector,
    proxies: Arc<Matcher>,
}

impl Service<Uri> for Proxied {
    type Response = TokioIo<TcpStream>;
    type Error = BoxError;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, BoxError>> + Send>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        self.tcp.poll_ready(cx).map_err(Into::into)
    }

    fn call(&mut self, destination: Uri) -> Self::Future {
        Box::pin(self.connect(destination))
    }
}

impl Proxied {
    fn connect(
        &self,
        destination: Uri,
    ) -> impl Future<Output = Result<TokioIo<TcpStream>, BoxError>> + Send + use<> {
        let mut tcp = self.tcp.clone();
        let proxy = intercept(&self.proxies, &destination);
        async move {
            let Some(proxy) = proxy else { return Ok(tcp.call(destination).await?) };
            let scheme = proxy.uri().scheme_str().unwrap_or_default();
            if scheme.starts_with("socks") {
                let mut socks =
                    SocksV5::new(proxy.uri().clone(), tcp).local_dns(scheme == "socks5");
                if let Some((user, password)) = proxy.raw_auth() {
                    socks = socks.with_auth(user.to_owned(), password.to_owned());
                }
                return Ok(socks.call(destination).await?);
            }
            let mut tunnel = Tunnel::new(proxy.uri().clone(), tcp);
            if let Some(auth) = proxy.basic_auth() {
                tunnel = tunnel.with_auth(auth.clone());
            }
            Ok(tunnel.call(destination).await?)
        }
    }
}
