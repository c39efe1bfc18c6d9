//! What clients can ask for.

mod count_tokens;
mod models;
mod status;
mod stored;
mod turns;

use std::net::SocketAddr;
use std::sync::Arc;

use http::header::{
    ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS, ACCESS_CONTROL_MAX_AGE,
    ACCESS_CONTROL_REQUEST_HEADERS, ALLOW, AUTHORIZATION, HeaderName, HeaderValue, UPGRADE,
};
use http::{HeaderMap, Method, Request, Response};
use hyper::body::Incoming;
use interlingua_codex_integration::LOCAL_TOKEN;
use interlingua_ir::{Class, Fault, Protocol};
use interlingua_registry::{ProviderKey, is_client_key, tidy_key};

use crate::candidates::OWN_KEY;
use crate::catch::caught;
use crate::fresh;
use crate::guard::{self, Origin};
use crate::reply::{self, Form, Reply};
use crate::state::{State, View};

/// What every route may need to know about its request.
#[derive(Debug)]
pub(crate) struct Context {
    pub(crate) state: Arc<State>,
    /// The configuration by which the request was let in, and is answered.
    pub(crate) view: Arc<View>,
    pub(crate) request_id: String,
    /// The key id of the client.
    pub(crate) tenant: String,
    /// Whether that is the id of a key, and not what an open gateway calls everybody.
    pub(crate) has_key: bool,
}

/// Answers one request.
pub(crate) async fn serve(
    state: Arc<State>,
    request: Request<Incoming>,
    local: SocketAddr,
) -> Response<Reply> {
    let request_id = request_id(request.headers());
    let view = state.view();
    let settings = view.snapshot.settings();
    let form = form(&request, &request_id);
    let origin = match guard::check(&request, settings, local) {
        Ok(origin) => origin,
        Err(denied) => {
            let guard::Denied { status, fault } = denied;
            tracing::warn!(%request_id, status, path = request.uri().path(), "{fault}");
            let mut response = reply::error_with(status, form, &fault);
            if status == 405 {
                response.headers_mut().insert(ALLOW, HeaderValue::from_static("GET, HEAD, POST"));
            }
            return finish(response, form, &request_id, &Origin::None);
        }
    };
    if request.method() == Method::OPTIONS {
        return finish(preflight(&origin, request.headers()), form, &request_id, &origin);
    }
    let (method, path) = (request.method().clone(), request.uri().path().to_owned());
    let response =
        caught(route(state, view, request, &request_id, form)).await.unwrap_or_else(|_| {
            tracing::error!(%request_id, path, "the gateway failed; this is a bug");
            let what = "the gateway failed; this is a bug of it";
            reply::error(form, &Fault::new(Class::Internal, what))
        });
    tracing::debug!(%request_id, %method, path, status = response.status().as_u16(), "answered");
    finish(response, form, &request_id, &origin)
}

async fn route(
    state: Arc<State>,
    view: Arc<View>,
    request: Request<Incoming>,
    request_id: &str,
    form: Form<'_>,
) -> Response<Reply> {
    let asked = request.uri().path().to_owned();
    let path = plain(&asked);
    match path {
        "/healthz" | "/health" | "/livez" => return get(&request, form, status::health),
        "/readyz" => return get(&request, form, || status::ready(&state)),
        "/version" => return get(&request, form, status::version),
        _ => {}
    }
    let turn = turns_of(path);
    let Some(tenant) = view.snapshot.client_keys().admit(presented(request.headers())) else {
        let asked = turn.map(|it| it.protocol).filter(|_| request.method() == Method::POST);
        return turns::refused(&unauthenticated(), request.headers(), asked, form, request_id);
    };
    let (tenant, has_key) = (tenant.to_owned(), !view.snapshot.client_keys().is_open());
    let context = Context { state, view, request_id: request_id.to_owned(), tenant, has_key };
    let Context { state, view, .. } = &context;
    match path {
        "/" => get(&request, form, || status::overview(view, state)),
        "/status" => get(&request, form, || status::status(view, state)),
        "/models" => get(&request, form, || models::list(view, request.headers())),
        "/codex/models" => get(&request, form, || models::catalog(view, request.headers())),
        "/responses" if is_websocket(request.headers()) => {
            // Codex then uses plain requests for the rest of its session, without a word.
            let what = "WebSocket is not served here; send the request with POST";
            reply::error_with(426, form, &Fault::new(Class::InvalidRequest, what))
        }
        COUNT_TOKENS if request.method() == Method::POST => {
            count_tokens::serve(context, request).await
        }
        COUNT_TOKENS => not_allowed(form, "POST"),
        _ if let Some(turn) = turn => {
            if request.method() != Method::POST {
                return not_allowed(form, "POST");
            }
            turns::serve(context, request, turn).await
        }
        _ => match (path.strip_prefix("/models/"), path.strip_prefix("/responses/")) {
            (Some(slug), _) => get(&request, form, || models::one(view, form, slug)),
            (None, Some(id)) if !id.contains('/') => {
                let method = request.method().clone();
                stored::serve(&context, &method, id).await
            }
            (None, _) => not_found(form, &asked),
        },
    }
}

/// Where it is asked how long a prompt is; no model answers there.
const COUNT_TOKENS: &str = "/messages/count_tokens";

/// In which form whoever asks reads errors: by the route, or by the header that all clients of the Messages
/// API send.
fn form<'r>(request: &Request<Incoming>, request_id: &'r str) -> Form<'r> {
    let by_route = plain(request.uri().path()).starts_with("/messages");
    match by_route || request.headers().contains_key(models::MESSAGES_VERSION) {
        true => Form::Messages(request_id),
        false => Form::OpenAi,
    }
}

/// The path as the routes are written here.
fn plain(path: &str) -> &str {
    unversioned(path.strip_suffix('/').filter(|it| !it.is_empty()).unwrap_or(path))
}

/// The path without its version, which people paste twice, or not at all.
fn unversioned(mut path: &str) -> &str {
    while let Some(rest) = path.strip_prefix("/v1").filter(|it| it.starts_with('/')) {
        path = rest;
    }
    path
}

/// The routes on which a model answers.
fn turns_of(path: &str) -> Option<turns::Route> {
    match path {
        "/responses" => Some(turns::Route::of(Protocol::Responses)),
        "/responses/compact" => Some(turns::Route::compact()),
        "/chat/completions" => Some(turns::Route::of(Protocol::Chat)),
        "/messages" => Some(turns::Route::of(Protocol::Messages)),
        _ => None,
    }
}

fn get(
    request: &Request<Incoming>,
    form: Form<'_>,
    answer: impl FnOnce() -> Response<Reply>,
) -> Response<Reply> {
    match *request.method() {
        Method::GET | Method::HEAD => answer(),
        _ => not_allowed(form, "GET, HEAD"),
    }
}

/// Whether a WebSocket is asked for. Other upgrades, such as curl's to HTTP/2, may be ignored.
fn is_websocket(headers: &HeaderMap) -> bool {
    let wanted = headers.get_all(UPGRADE).iter().filter_map(|it| it.to_str().ok());
    wanted.flat_map(|it| it.split(',')).any(|it| it.trim().eq_ignore_ascii_case("websocket"))
}

fn not_allowed(form: Form<'_>, allowed: &'static str) -> Response<Reply> {
    let what = format!("this route takes {allowed} only");
    let mut response = reply::error_with(405, form, &Fault::new(Class::InvalidRequest, what));
    response.headers_mut().insert(ALLOW, HeaderValue::from_static(allowed));
    response
}

/// Names the route that was probably meant.
fn not_found(form: Form<'_>, path: &str) -> Response<Reply> {
    // The last of those that are equally near is named.
    const ROUTES: [&str; 11] = [
        "/version",
        "/readyz",
        "/healthz",
        "/status",
        "/v1/codex/models",
        "/v1/models",
        "/v1/chat/completions",
        "/v1/messages/count_tokens",
        "/v1/messages",
        "/v1/responses/compact",
        "/v1/responses",
    ];
    let plain = plain(path);
    let nearest = ROUTES
        .iter()
        .max_by_key(|route| shared(plain, route))
        .expect("the list of routes is not empty");
    let what = format!(
        "there is no route `{path}` here; the nearest is `{nearest}`, and `GET /` lists all"
    );
    let mut fault = Fault::new(Class::InvalidRequest, what);
    fault.code = Some("route_not_found".to_owned());
    reply::error_with(404, form, &fault)
}

/// How alike a path and a route are: words that both have count more than words that begin alike.
fn shared(path: &str, route: &str) -> usize {
    let words = |it: &'_ str| -> Vec<String> {
        it.split('/').filter(|it| !it.is_empty()).map(str::to_ascii_lowercase).collect()
    };
    let (asked, known) = (words(path), words(route));
    let alike = |asked: &String| {
        let common = |known: &String| {
            asked.bytes().zip(known.bytes()).take_while(|(one, other)| one == other).count()
        };
        let best = known.iter().map(|it| if it == asked { 100 } else { common(it) }).max();
        best.filter(|it| *it >= 4).unwrap_or_default()
    };
    asked.iter().map(alike).sum()
}

/// The key that the client shows.
fn presented(headers: &HeaderMap) -> Option<&str> {
    let bearer = headers.get(AUTHORIZATION).and_then(|it| it.to_str().ok());
    let bearer = bearer.and_then(|it| {
        let (scheme, key) = it.split_once(' ')?;
        scheme.eq_ignore_ascii_case("bearer").then(|| key.trim())
    });
    bearer.or_else(|| headers.get("x-api-key")?.to_str().ok())
}

/// The client's own key for a provider: in the header that is for it, or, where the gateway itself
/// wants no key, as bearer token. A gateway's key is none, also where it is not wanted any more.
fn own_key(headers: &HeaderMap, is_for_gateway: bool) -> Option<ProviderKey> {
    let header = headers.get(OWN_KEY).and_then(|it| it.to_str().ok());
    let bearer = || presented(headers).filter(|_| !is_for_gateway);
    let is_ours = |key: &str| key == LOCAL_TOKEN || is_client_key(key);
    let key = header.or_else(bearer).filter(|it| !is_ours(it))?;
    let secret = tidy_key(key).ok()?;
    Some(ProviderKey { name: "the caller's key".to_owned(), secret })
}

fn unauthenticated() -> Fault {
    let what = "this gateway wants a client key and knows none like yours; make one with \
                `interlingua keys add` and send it where your client has its API key";
    Fault::new(Class::Unauthenticated, what)
}

/// The client's own id of the request, or a new one.
fn request_id(headers: &HeaderMap) -> String {
    let known = headers.get("x-request-id").and_then(|it| it.to_str().ok());
    let usable = |it: &&str| {
        (1..=128).contains(&it.len())
            && it.bytes().all(|it| it.is_ascii_alphanumeric() || b"._-".contains(&it))
    };
    match known.filter(usable) {
        Some(id) => id.to_owned(),
        None => format!("req_{}", fresh::id()),
    }
}

/// A page that may call may send what it likes: SDKs have headers of their own.
fn preflight(origin: &Origin, headers: &HeaderMap) -> Response<Reply> {
    let mut response = reply::empty(204);
    if let Origin::Allowed(_) = origin {
        let wanted = headers.get(ACCESS_CONTROL_REQUEST_HEADERS).cloned();
        let allowed = response.headers_mut();
        for (name, value) in [
            (ACCESS_CONTROL_ALLOW_METHODS, HeaderValue::from_static("GET, POST, DELETE")),
            (ACCESS_CONTROL_ALLOW_HEADERS, wanted.unwrap_or(HeaderValue::from_static(USUAL))),
            (ACCESS_CONTROL_MAX_AGE, HeaderValue::from_static("600")),
        ] {
            allowed.insert(name, value);
        }
    }
    response
}

/// The headers that may be sent if the page does not say which it wants.
const USUAL: &str =
    "authorization, content-type, session-id, x-api-key, x-interlingua-provider-key, x-request-id";

/// Adds what every answer carries. The Messages API has a name of its own for the id of the request.
fn finish(
    mut response: Response<Reply>,
    form: Form<'_>,
    request_id: &str,
    origin: &Origin,
) -> Response<Reply> {
    let headers = response.headers_mut();
    if let Ok(id) = HeaderValue::from_str(request_id) {
        if let Form::Messages(_) = form {
            headers.insert(HeaderName::from_static("request-id"), id.clone());
        }
        headers.insert(HeaderName::from_static("x-request-id"), id);
    }
    if let Origin::Allowed(origin) = origin
        && let Ok(origin) = HeaderValue::from_str(origin)
    {
        headers.insert(HeaderName::from_static("access-control-allow-origin"), origin);
        headers.insert(http::header::VARY, HeaderValue::from_static("origin"));
    }
    response
}
