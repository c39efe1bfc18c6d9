//! A relay that understands nothing: the yardstick for what HTTP itself costs on this stack.
//!
//! A plain relay makes one write for each chunk of the upstream, because hyper's client hands over one
//! chunk per turn of the scheduler and hyper's server flushes whenever the body has nothing. So this
//! one holds what it has until the upstream had nothing for two turns, without any timer.

use std::convert::Infallible;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::{Bytes, BytesMut};
use http::uri::{Authority, Scheme};
use http::{Request, Response, StatusCode, Uri, header};
use http_body::{Body, Frame, SizeHint};
use http_body_util::Either;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::{TokioExecutor, TokioIo};

pub(crate) fn run(upstream: &str) -> io::Result<()> {
    let upstream: Authority = upstream.parse().map_err(io::Error::other)?;
    crate::runtime()?.block_on(async move {
        let mut connector = HttpConnector::new();
        connector.set_nodelay(true);
        let client = Client::builder(TokioExecutor::new())
            .pool_max_idle_per_host(1024)
            .set_host(false)
            .build(connector);
        let listener = crate::listen()?;
        loop {
            let (stream, _) = listener.accept().await?;
            stream.set_nodelay(true)?;
            let (client, upstream) = (client.clone(), upstream.clone());
            tokio::spawn(async move {
                let relay = service_fn(|request| relay(&client, &upstream, request));
                let io = TokioIo::new(stream);
                // Ends with its connection; the load generator notices what is missing.
                drop(http1::Builder::new().serve_connection(io, relay).await);
            });
        }
    })
}

type Upstream = Client<HttpConnector, Incoming>;
type Answer = Response<Either<Gather<Incoming>, String>>;

async fn relay(
    client: &Upstream,
    upstream: &Authority,
    mut request: Request<Incoming>,
) -> Result<Answer, Infallible> {
    let mut parts = std::mem::take(request.uri_mut()).into_parts();
    parts.scheme = Some(Scheme::HTTP);
    parts.authority = Some(upstream.clone());
    match Uri::from_parts(parts) {
        Ok(uri) => *request.uri_mut() = uri,
        Err(error) => return Ok(failure(&error)),
    }
    request.headers_mut().remove(header::CONNECTION);
    match client.request(request).await {
        Ok(response) => Ok(response.map(|body| Either::Left(Gather::new(body)))),
        Err(error) => Ok(failure(&error)),
    }
}

fn failure(error: &dyn std::error::Error) -> Answer {
    let mut response = Response::new(Either::Right(error.to_string()));
    *response.status_mut() = StatusCode::BAD_GATEWAY;
    response
}

/// Joins the chunks that are ready together.
struct Gather<B> {
    inner: B,
    held: BytesMut,
    /// How often `inner` came back empty since something is held.
    empty: u8,
    is_over: bool,
}

/// The upstream's next chunk comes with the next turn of the scheduler at the earliest, and hyper asks
/// a body twice within one turn. So the third empty answer is the first that means something.
const PATIENCE: u8 = 3;

/// More than this is not held, whatever else is ready.
const HOLD: usize = 64 * 1024;

impl<B> Gather<B> {
    fn new(inner: B) -> Self {
        Self { inner, held: BytesMut::new(), empty: 0, is_over: false }
    }

    fn release(&mut self) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        self.empty = 0;
        Poll::Ready(Some(Ok(Frame::data(self.held.split().freeze()))))
    }
}

impl<B: Body<Data = Bytes, Error = hyper::Error> + Unpin> Body for Gather<B> {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        while !self.is_over && self.held.len() < HOLD {
            match Pin::new(&mut self.inner).poll_frame(context) {
                Poll::Ready(Some(Ok(frame))) => {
                    let Ok(data) = frame.into_data() else { continue };
                    // A body that is one piece passes as it is.
                    if self.held.is_empty() && self.inner.is_end_stream() {
                        self.is_over = true;
                        return Poll::Ready(Some(Ok(Frame::data(data))));
                    }
                    self.empty = 0;
                    self.held.extend_from_slice(&data);
                }
                Poll::Ready(Some(Err(error))) => return Poll::Ready(Some(Err(error))),
                Poll::Ready(None) => self.is_over = true,
                Poll::Pending if self.held.is_empty() => return Poll::Pending,
                Poll::Pending => {
                    self.empty += 1;
                    if self.empty >= PATIENCE {
                        return self.release();
                    }
                    context.waker().wake_by_ref();
                    return Poll::Pending;
                }
            }
        }
        if self.held.is_empty() { Poll::Ready(None) } else { self.release() }
    }

    fn is_end_stream(&self) -> bool {
        self.held.is_empty() && (self.is_over || self.inner.is_end_stream())
    }

    fn size_hint(&self) -> SizeHint {
        // Exact only before the first byte, which is when the server asks.
        if self.held.is_empty() && !self.is_over { self.inner.size_hint() } else { SizeHint::new() }
    }
}
