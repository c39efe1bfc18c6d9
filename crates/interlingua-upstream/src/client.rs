use std::collections::HashMap;
use std::error::Error as _;
use std::fmt;
use std::io;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use http::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, RETRY_AFTER, USER_AGENT};
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, Response, StatusCode};
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::body::Incoming;
use hyper_util::client::legacy::Client;
use hyper_util::rt::{TokioExecutor, TokioTimer};
use interlingua_dialect::{AnswerLimit, AuthScheme, Dialect, Endpoint, Fix};
use interlingua_ir::{Class, Fault};
use interlingua_registry::{Provider, ProviderKey, Proxy, Target};

use crate::body::AnswerBody;
use crate::connect::{Connector, connector};
use crate::demo;
use crate::pieces::Pieces;
use crate::proxy::ProxySettings;

/// How much of a refusal's body is read.
const REFUSAL_LIMIT: usize = 64 << 10;

/// How long a refusal's body may take.
const REFUSAL_TIME: Duration = Duration::from_secs(10);

/// How long an idle connection is kept. Providers' load balancers keep theirs for about a minute.
const POOL_IDLE: Duration = Duration::from_secs(50);

type HttpClient = Client<Connector, Full<Pieces>>;

/// Reaches providers.
#[derive(Debug)]
pub struct Upstream {
    connect: Duration,
    proxies: ProxySettings,
    environment: HttpClient,
    /// Clients of providers with a proxy or a connection time of their own. Few, and made once.
    others: Mutex<HashMap<(Route, Duration), HttpClient>>,
    user_agent: HeaderValue,
}

/// How a provider is reached.
#[derive(Eq, Hash, PartialEq)]
enum Route {
    Environment,
    Direct,
    /// Its URL, with what is secret in it.
    Through(String),
}

impl fmt::Debug for Route {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Environment => "environment",
            Self::Direct => "direct",
            Self::Through(_) => "proxy",
        })
    }
}

/// One request to one provider.
#[derive(Debug)]
pub struct Call<'c> {
    /// Where it goes.
    pub target: &'c Target,
    /// With which key, if it needs one.
    pub key: Option<&'c ProviderKey>,
    /// The client's session, for headers that depend on it.
    pub session: Option<&'c str>,
    /// The request, in the provider's protocol, in pieces.
    pub body: Vec<Bytes>,
    /// Whether an event stream is asked for.
    pub stream: bool,
    /// What is wanted of the provider.
    pub purpose: Purpose,
    /// The headers of a client of the same protocol; those that the provider's record lists go on.
    pub forward: Option<&'c HeaderMap>,
    /// Our id of the request; the upstream may log it.
    pub request_id: &'c str,
}

/// What is wanted of a provider.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum Purpose {
    /// An answer to a turn.
    #[default]
    Answer,
    /// How many tokens a prompt has, where the provider's record says that it counts.
    CountTokens,
}

/// The beginning of an answer.
#[derive(Debug)]
pub struct Answer {
    /// The upstream's own id of the request.
    pub request_id: Option<String>,
    /// The answer itself.
    pub body: AnswerBody,
}

/// Why there is no answer.
#[derive(Clone, Debug)]
pub struct Refusal {
    /// What went wrong.
    pub fault: Fault,
    /// The one repair of the request that may help.
    pub fix: Option<Fix>,
    /// How long the answer may be, if it was asked to be longer.
    pub answer_limit: Option<AnswerLimit>,
}

impl From<Fault> for Refusal {
    fn from(fault: Fault) -> Self {
        Self { fault, fix: None, answer_limit: None }
    }
}

impl Upstream {
    /// Makes a client. `connect` bounds how long a connection may take to be made where a provider says
    /// nothing else.
    ///
    /// # Errors
    ///
    /// When TLS cannot be set up on this machine.
    pub fn new(proxies: &ProxySettings, connect: Duration) -> io::Result<Self> {
        let version = env!("CARGO_PKG_VERSION");
        let user_agent = HeaderValue::from_str(&format!("interlingua/{version}"));
        Ok(Self {
            connect,
            proxies: proxies.clone(),
            environment: client(proxies, connect)?,
            others: Mutex::default(),
            user_agent: user_agent.map_err(io::Error::other)?,
        })
    }

    /// Sends `call` and waits for the beginning of the answer.
    ///
    /// # Errors
    ///
    /// [`Refusal`] when the provider cannot be reached, says no, or is silent for longer than its
    /// first-byte limit.
    pub async fn send(&self, call: Call<'_>) -> Result<Answer, Refusal> {
        let provider = &call.target.provider;
        if provider.is_demo() {
            let body = AnswerBody::Demo(demo::Replay::of(&call.body.concat()));
            return Ok(Answer { request_id: None, body });
        }
        let (head, body) = self.exchange(provider, self.request(&call)?).await?.into_parts();
        if head.status == StatusCode::OK {
            let request_id = ["x-request-id", "request-id"]
                .iter()
                .find_map(|name| head.headers.get(*name)?.to_str().ok().map(str::to_owned));
            return Ok(Answer { request_id, body: AnswerBody::Http(body) });
        }
        let dialect = &call.target.model.dialect;
        Err(refused(provider, call.key, dialect, head.status, &head.headers, body).await)
    }

    /// Sends a request and waits for the head of its answer.
    pub(crate) async fn exchange(
        &self,
        provider: &Provider,
        request: Request<Full<Pieces>>,
    ) -> Result<Response<Incoming>, Fault> {
        let client = self.client_of(provider)?;
        tokio::time::timeout(provider.timeouts.first_byte, client.request(request))
            .await
            .map_err(|_| silent(provider))?
            .map_err(|error| unreachable(provider, &error))
    }

    fn client_of(&self, provider: &Provider) -> Result<HttpClient, Fault> {
        let connect = provider.timeouts.connect;
        let route = match &provider.proxy {
            Proxy::Environment if connect == self.connect => return Ok(self.environment.clone()),
            Proxy::Environment => Route::Environment,
            Proxy::Direct => Route::Direct,
            Proxy::Url(url) => Route::Through(url.expose().to_owned()),
        };
        let settings = match &route {
            Route::Environment => self.proxies.clone(),
            Route::Direct => ProxySettings::default(),
            Route::Through(url) => ProxySettings::only(url),
        };
        let name = (route, connect);
        let mut others = self.others.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(client) = others.get(&name) {
            return Ok(client.clone());
        }
        let made = client(&settings, connect).map_err(|error| {
            Fault::new(Class::Internal, format!("TLS cannot be set up: {error}")).by(&provider.id)
        })?;
        others.insert(name, made.clone());
        Ok(made)
    }

    fn request(&self, call: &Call<'_>) -> Result<Request<Full<Pieces>>, Fault> {
        let Call { target, key, session, body, stream, purpose, forward, request_id } = call;
        let Target { provider, model, .. } = target;
        let endpoint = &model.dialect.endpoint;
        let url = match (purpose, &endpoint.count_tokens_path) {
            (Purpose::CountTokens, Some(path)) => provider.base_url.join(path),
            _ => provider.turns_url(&model.dialect),
        };
        let mut request = self.head(provider, *key, *session, endpoint, url)?;
        *request.method_mut() = Method::POST;
        *request.body_mut() = Full::new(Pieces::of(body));
        let headers = request.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        let accept = if *stream { "text/event-stream" } else { "application/json" };
        headers.insert(ACCEPT, HeaderValue::from_static(accept));
        for name in &model.dialect.cache.session_headers {
            let fault = |what: &str| Fault::new(Class::Internal, what);
            if let Some(session) = session {
                // What the user has set stays.
                let name = header_name(name, &fault)?;
                headers.entry(name).or_insert(header_value(session, &fault)?);
            }
        }
        for name in &endpoint.forward_headers {
            if let Some(value) = forward.and_then(|it| it.get(name)) {
                headers.insert(
                    header_name(name, &|what| Fault::new(Class::Internal, what))?,
                    value.clone(),
                );
            }
        }
        if let Ok(id) = HeaderValue::from_str(request_id) {
            headers.insert(HeaderName::from_static("x-client-request-id"), id);
        }
        Ok(request)
    }

    /// What every request to a provider has: its address, its headers, its key.
    ///
    /// The key may become a part of the address.
    pub(crate) fn head(
        &self,
        provider: &Provider,
        key: Option<&ProviderKey>,
        session: Option<&str>,
        endpoint: &Endpoint,
        mut url: String,
    ) -> Result<Request<Full<Pieces>>, Fault> {
        let internal = |what: &str| {
            Fault::new(Class::Internal, format!("{}: {what}", provider.id)).by(&provider.id)
        };
        let mut headers = HeaderMap::new();
        headers.insert(USER_AGENT, self.user_agent.clone());
        for (name, value) in &endpoint.headers {
            headers.insert(header_name(name, &internal)?, header_value(value, &internal)?);
        }
        for header in &provider.headers {
            if let Some(value) = header.value(session) {
                let name = header_name(&header.name, &internal)?;
                headers.insert(name, secret(value.expose(), &internal)?);
            }
        }
        if let Some(key) = key {
            let auth = &endpoint.auth;
            let key = key.secret.expose();
            match auth.scheme {
                AuthScheme::Bearer => {
                    headers.insert(AUTHORIZATION, secret(&format!("Bearer {key}"), &internal)?);
                }
                AuthScheme::Header => {
                    let name = auth.name.as_deref().unwrap_or("api-key");
                    headers.insert(header_name(name, &internal)?, secret(key, &internal)?);
                }
                AuthScheme::Query => {
                    let name = auth.name.as_deref().unwrap_or("key");
                    let mut with_key = url::Url::parse(&url)
                        .map_err(|error| internal(&format!("the base URL is wrong: {error}")))?;
                    with_key.query_pairs_mut().append_pair(name, key);
                    url = with_key.into();
                }
                AuthScheme::None => {}
            }
        }
        let mut request = Request::new(Full::default());
        *request.uri_mut() = url.parse().map_err(|_| internal("the base URL is wrong"))?;
        *request.headers_mut() = headers;
        Ok(request)
    }
}

fn client(proxies: &ProxySettings, connect: Duration) -> io::Result<HttpClient> {
    Ok(Client::builder(TokioExecutor::new())
        .pool_timer(TokioTimer::new())
        .timer(TokioTimer::new())
        .pool_idle_timeout(POOL_IDLE)
        .build(connector(proxies, connect)?))
}

fn header_name(name: &str, fault: &impl Fn(&str) -> Fault) -> Result<HeaderName, Fault> {
    let parsed = HeaderName::from_bytes(name.as_bytes());
    parsed.map_err(|_| fault(&format!("`{name}` is no header name")))
}

fn header_value(value: &str, fault: &impl Fn(&str) -> Fault) -> Result<HeaderValue, Fault> {
    HeaderValue::from_str(value).map_err(|_| fault("a header value holds what no header may"))
}

fn secret(value: &str, fault: &impl Fn(&str) -> Fault) -> Result<HeaderValue, Fault> {
    let mut value = header_value(value, fault)?;
    value.set_sensitive(true);
    Ok(value)
}

/// The fault of a provider that does not begin to answer.
pub fn silent(provider: &Provider) -> Fault {
    let what = format!(
        "{} did not begin to answer within {} s; raise `timeouts.first_byte` if its models think longer",
        provider.id,
        provider.timeouts.first_byte.as_secs()
    );
    Fault::new(Class::Timeout, what).by(&provider.id)
}

/// Explains why a request did not get through, without the address of a proxy that may hold a
/// password.
fn unreachable(provider: &Provider, error: &hyper_util::client::legacy::Error) -> Fault {
    let mut reason = String::new();
    let mut cause = error.source();
    while let Some(error) = cause {
        reason = error.to_string();
        cause = error.source();
    }
    let host = provider.base_url.as_url().host_str().unwrap_or("its host").to_owned();
    let what = match error.is_connect() {
        true => format!("{} cannot be reached at {host}: {reason}", provider.id),
        false => format!("{} at {host} broke the connection: {reason}", provider.id),
    };
    let class = if error.is_connect() { Class::Unreachable } else { Class::Upstream };
    Fault::new(class, what).by(&provider.id)
}

/// Explains an answer that is none.
pub(crate) async fn refused(
    provider: &Provider,
    key: Option<&ProviderKey>,
    dialect: &Dialect,
    status: StatusCode,
    headers: &HeaderMap,
    body: Incoming,
) -> Refusal {
    if status.is_redirection() {
        let what = format!(
            "{} answered with a redirect ({status}), which is not followed because the key would travel along; \
             correct its `base_url`",
            provider.id
        );
        let mut fault = Fault::new(Class::Upstream, what).by(&provider.id);
        // It would redirect us again.
        fault.transient = Some(false);
        return fault.into();
    }
    let limited = Limited::new(body, REFUSAL_LIMIT).collect();
    let body = match tokio::time::timeout(REFUSAL_TIME, limited).await {
        Ok(Ok(body)) => body.to_bytes(),
        Ok(Err(_)) | Err(_) => Bytes::new(),
    };
    tracing::debug!(provider = %provider.id, %status, "the upstream refused");
    let refusal = dialect.classify(status.as_u16(), retry_after(headers), &body);
    let (fix, answer_limit) = (refusal.fix, refusal.answer_limit);
    let key = key.map(|key| key.name.as_str());
    Refusal { fault: refusal.into_fault(&provider.id, key), fix, answer_limit }
}

/// The wait that an upstream asks for, in any of the three ways in which it may be said.
fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let text = |name: &str| headers.get(name)?.to_str().ok();
    if let Some(milliseconds) = text("retry-after-ms").and_then(|it| it.trim().parse().ok()) {
        return Some(Duration::from_millis(milliseconds));
    }
    let value = text(RETRY_AFTER.as_str())?.trim();
    if let Ok(seconds) = value.parse::<f64>() {
        return Duration::try_from_secs_f64(seconds).ok();
    }
    let until = httpdate::parse_http_date(value).ok()?;
    Some(until.duration_since(SystemTime::now()).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_are_read_in_every_form() {
        let wait = |name: &'static str, value: &str| {
            let mut headers = HeaderMap::new();
            headers.insert(name, HeaderValue::from_str(value).unwrap());
            retry_after(&headers)
        };
        assert_eq!(wait("retry-after", "7"), Some(Duration::from_secs(7)));
        assert_eq!(wait("retry-after", "1.5"), Some(Duration::from_millis(1500)));
        assert_eq!(wait("retry-after-ms", "20"), Some(Duration::from_millis(20)));
        assert_eq!(wait("retry-after", "Sun, 06 Nov 1994 08:49:37 GMT"), Some(Duration::ZERO));
        assert_eq!(wait("retry-after", "soon"), None);
        assert_eq!(wait("retry-after", "-1"), None);
    }
}
