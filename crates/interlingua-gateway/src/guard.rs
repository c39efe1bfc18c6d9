//! Who may talk to the gateway at all.
//!
//! A gateway on loopback is reachable by every page that the user's browser shows. A page can point a
//! name of its own to 127.0.0.1, or send a form to it; what it cannot do is to lie in the `Host` and
//! `Origin` headers. Both are checked on every route, before anything is read.

use http::header::{CONTENT_TYPE, HOST, ORIGIN, TRANSFER_ENCODING};
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, Uri, Version};
use interlingua_ir::{Class, Fault};
use interlingua_registry::Settings;
use std::net::SocketAddr;

const SEC_FETCH_SITE: &str = "sec-fetch-site";

/// What became of a request's origin.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) enum Origin {
    /// No browser sent it.
    None,
    /// A page that may call; its origin is repeated in the answer.
    Allowed(String),
}

/// Why a request is not let in.
#[derive(Debug)]
pub(crate) struct Denied {
    pub(crate) status: u16,
    pub(crate) fault: Box<Fault>,
}

/// Checks the parts of a request that browsers and smugglers get wrong.
///
/// # Errors
///
/// [`Denied`], which says which setting would allow the request.
pub(crate) fn check<B>(
    request: &Request<B>,
    settings: &Settings,
    local: SocketAddr,
) -> Result<Origin, Denied> {
    let headers = request.headers();
    if matches!(*request.method(), Method::TRACE | Method::CONNECT) {
        return Err(denied(405, "method_not_allowed", "this method is not served"));
    }
    // "GET", the target, "HTTP/1.1" and the blanks between them.
    let line = request.method().as_str().len() + target_length(request.uri()) + " HTTP/1.1 ".len();
    if line > settings.limits.request_line {
        let limit = settings.limits.request_line;
        let what = format!("the request line is longer than {limit} bytes");
        return Err(denied(414, "uri_too_long", &what));
    }
    let fields: usize = headers.iter().map(|(name, value)| field_length(name, value)).sum();
    if fields > settings.limits.header_size {
        let limit = settings.limits.header_size;
        let what = format!("the header fields are longer than {limit} bytes together");
        return Err(denied(431, "headers_too_large", &what));
    }
    let host = host(request)?;
    if !is_own(&host, local) && !settings.allowed_hosts.iter().any(|it| names(it, &host)) {
        let what = format!(
            "the host `{host}` is not served here; add it to `allowed_hosts` if it is yours"
        );
        return Err(denied(421, "host_not_allowed", &what));
    }
    if headers
        .get_all(TRANSFER_ENCODING)
        .iter()
        .any(|it| !it.as_bytes().eq_ignore_ascii_case(b"chunked"))
    {
        return Err(denied(400, "invalid_request", "only `chunked` is taken as transfer encoding"));
    }
    origin(request, settings, &host)
}

fn origin<B>(request: &Request<B>, settings: &Settings, host: &str) -> Result<Origin, Denied> {
    let headers = request.headers();
    let cross_site =
        headers.get(SEC_FETCH_SITE).is_some_and(|it| it != "same-origin" && it != "none");
    // A form can be sent without the browser asking first; JSON cannot.
    let is_form = request.method() == Method::POST && !is_json(headers);
    let not_json =
        || denied(415, "unsupported_media_type", "send `content-type: application/json`");
    let Some(origin) = headers.get(ORIGIN) else {
        return match headers.contains_key(SEC_FETCH_SITE) {
            true if cross_site => Err(forbidden("a page of another site")),
            true if is_form => Err(not_json()),
            _ => Ok(Origin::None),
        };
    };
    let origin = origin.to_str().unwrap_or("null").to_ascii_lowercase();
    let own = origin == format!("http://{host}");
    let listed = settings.cors_origins.contains(&origin);
    if !own && !listed {
        return Err(forbidden(&origin));
    }
    if is_form {
        return Err(not_json());
    }
    Ok(if listed { Origin::Allowed(origin) } else { Origin::None })
}

fn is_json(headers: &HeaderMap) -> bool {
    let kind = headers.get(CONTENT_TYPE).and_then(|it| it.to_str().ok()).unwrap_or_default();
    let kind = kind.split(';').next().unwrap_or_default().trim();
    kind.eq_ignore_ascii_case("application/json")
}

/// As it was sent: with a colon, a blank and the end of the line.
fn field_length(name: &HeaderName, value: &HeaderValue) -> usize {
    name.as_str().len() + value.len() + ": \r\n".len()
}

fn target_length(uri: &Uri) -> usize {
    let path = uri.path_and_query().map_or(0, |it| it.as_str().len());
    let scheme = uri.scheme_str().map_or(0, |it| it.len() + "://".len());
    scheme + uri.authority().map_or(0, |it| it.as_str().len()) + path
}

/// The one host that a request names, in lower case.
fn host<B>(request: &Request<B>) -> Result<String, Denied> {
    let bad = |what: &str| denied(400, "invalid_host", what);
    let headers: &HeaderMap = request.headers();
    let authority = request.uri().authority().map(|it| it.as_str().to_ascii_lowercase());
    let mut hosts = headers.get_all(HOST).iter();
    let named = match (hosts.next(), hosts.next()) {
        (Some(_), Some(_)) => return Err(bad("the request names two hosts")),
        (Some(host), None) => {
            Some(host.to_str().map_err(|_| bad("the host is no text"))?.to_ascii_lowercase())
        }
        (None, _) => None,
    };
    match (named, authority) {
        (Some(named), Some(authority)) if named != authority => {
            Err(bad("the target and the `host` header differ"))
        }
        (Some(host), _) => Ok(host),
        (None, Some(authority)) if request.version() == Version::HTTP_2 => Ok(authority),
        (None, _) => Err(bad("the request names no host")),
    }
}

/// Whether `host` is a loopback name, or the address that was listened on, with the right port.
fn is_own(host: &str, local: SocketAddr) -> bool {
    let (ip, port) = (local.ip().to_canonical(), local.port());
    let bare = match host.strip_suffix(&format!(":{port}")) {
        Some(bare) => bare,
        None if port == 80 => host,
        None => return false,
    };
    matches!(bare, "127.0.0.1" | "localhost" | "[::1]")
        || (!ip.is_unspecified()
            && SocketAddr::new(ip, port).to_string() == format!("{bare}:{port}"))
}

/// Whether a setting names `host`: with its port, or with any.
fn names(setting: &str, host: &str) -> bool {
    let bare = host.rsplit_once(':').filter(|(_, port)| port.parse::<u16>().is_ok());
    setting == host || bare.is_some_and(|(bare, _)| setting == bare)
}

fn forbidden(origin: &str) -> Denied {
    let what = format!(
        "a web page from `{origin}` may not use this gateway; list its origin in `cors_origins` if it may"
    );
    let mut fault = Fault::new(Class::Forbidden, what);
    fault.code = Some("origin_not_allowed".to_owned());
    Denied { status: 403, fault: Box::new(fault) }
}

fn denied(status: u16, code: &str, what: &str) -> Denied {
    let mut fault = Fault::new(Class::InvalidRequest, what);
    fault.code = Some(code.to_owned());
    Denied { status, fault: Box::new(fault) }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use interlingua_dialect::Dialects;
    use interlingua_registry::{Environment, RawConfig};

    use super::*;

    /// Checks a request with the given headers; gives the status, 200 if it may pass.
    fn check(headers: &[(&str, &str)]) -> u16 {
        let environment = Environment::default();
        let config = r#"
            allowed_hosts = ["gateway.test"]
            cors_origins = ["https://editor.test"]
        "#;
        let raw = RawConfig::new().file("c", config);
        let snapshot =
            interlingua_registry::check(&raw, &Arc::new(Dialects::builtin()), &environment)
                .unwrap();
        let mut request = Request::post("/v1/responses");
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let local = SocketAddr::from(([127, 0, 0, 1], 8787));
        match super::check(&request.body(()).unwrap(), snapshot.settings(), local) {
            Ok(_) => 200,
            Err(denied) => denied.status,
        }
    }

    #[test]
    fn only_our_own_names_are_answered() {
        for host in [
            "127.0.0.1:8787",
            "localhost:8787",
            "LOCALHOST:8787",
            "[::1]:8787",
            "gateway.test",
            "gateway.test:8787",
        ] {
            assert_eq!(check(&[("host", host)]), 200, "{host}");
        }
        for host in [
            "evil.test",
            "evil.test:8787",
            "127.0.0.1",
            "127.0.0.1:80",
            "127.1:8787",
            "0x7f.1:8787",
            "[::ffff:127.0.0.1]:8787",
            "localhost.:8787",
            "user@127.0.0.1:8787",
            "127.0.0.1.evil.test:8787",
            "gateway.test.evil.test",
            "",
            "*",
        ] {
            assert_eq!(check(&[("host", host)]), 421, "{host}");
        }
    }

    #[test]
    fn a_request_names_one_host() {
        assert_eq!(check(&[]), 400);
        assert_eq!(check(&[("host", "localhost:8787"), ("host", "localhost:8787")]), 400);
    }

    #[test]
    fn pages_need_leave() {
        let with = |extra: &[(&'static str, &'static str)]| {
            check(
                &[&[("host", "localhost:8787"), ("content-type", "application/json")], extra]
                    .concat(),
            )
        };
        assert_eq!(with(&[("origin", "https://editor.test")]), 200);
        assert_eq!(with(&[("origin", "http://localhost:8787")]), 200);
        assert_eq!(with(&[("origin", "https://evil.test")]), 403);
        assert_eq!(with(&[("origin", "null")]), 403);
        assert_eq!(with(&[("sec-fetch-site", "cross-site")]), 403);
        assert_eq!(with(&[("sec-fetch-site", "none")]), 200);
    }

    #[test]
    fn a_page_sends_json() {
        let headers = [
            ("host", "localhost:8787"),
            ("origin", "https://editor.test"),
            ("content-type", "text/plain"),
        ];
        assert_eq!(check(&headers), 415);
    }

    #[test]
    fn odd_framing_is_refused() {
        let headers = [("host", "localhost:8787"), ("transfer-encoding", "gzip, chunked")];
        assert_eq!(check(&headers), 400);
    }
}
