use http::Uri;
use hyper_util::client::proxy::matcher::{Intercept, Matcher};

/// The proxies of the environment, by the names and rules that curl made usual.
#[derive(Clone, Debug, Default)]
pub struct ProxySettings {
    all: String,
    http: String,
    https: String,
    none: String,
}

impl ProxySettings {
    /// Reads `HTTP_PROXY`, `HTTPS_PROXY`, `ALL_PROXY` and `NO_PROXY`, in upper or lower case, from
    /// whatever `variable` looks them up in.
    pub fn read(variable: impl Fn(&str) -> Option<String>) -> Self {
        let either = |name: &str| variable(&name.to_lowercase()).or_else(|| variable(name));
        Self {
            all: either("ALL_PROXY").unwrap_or_default(),
            http: either("HTTP_PROXY").unwrap_or_default(),
            https: either("HTTPS_PROXY").unwrap_or_default(),
            none: either("NO_PROXY").unwrap_or_default(),
        }
    }

    /// One proxy for everything.
    pub fn only(url: &str) -> Self {
        Self { all: url.to_owned(), ..Self::default() }
    }

    pub(crate) fn matcher(&self) -> Matcher {
        Matcher::builder()
            .all(self.all.as_str())
            .http(self.http.as_str())
            .https(self.https.as_str())
            .no(self.none.as_str())
            .build()
    }
}

/// The proxy through which `destination` is reached, if any.
pub(crate) fn intercept(matcher: &Matcher, destination: &Uri) -> Option<Intercept> {
    // A local model server is not behind anybody's proxy, whatever the environment says.
    if is_loopback(destination.host().unwrap_or_default()) {
        return None;
    }
    matcher.intercept(destination)
}

fn is_loopback(host: &str) -> bool {
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    bare.eq_ignore_ascii_case("localhost")
        || bare.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(variables: &[(&str, &str)], destination: &str, expect: Option<&str>) {
        let settings = ProxySettings::read(|name| {
            let found = variables.iter().find(|(known, _)| *known == name);
            found.map(|(_, value)| (*value).to_owned())
        });
        let found = intercept(&settings.matcher(), &destination.parse().unwrap());
        assert_eq!(found.map(|it| it.uri().to_string()).as_deref(), expect);
    }

    #[test]
    fn each_scheme_has_its_proxy() {
        let both = [("HTTPS_PROXY", "http://a:1"), ("http_proxy", "http://b:2")];
        check(&both, "https://x.test/v1", Some("http://a:1/"));
        check(&both, "http://x.test/v1", Some("http://b:2/"));
        check(&[("ALL_PROXY", "socks5h://c:3")], "https://x.test", Some("socks5h://c:3/"));
        check(&[], "https://x.test", None);
    }

    #[test]
    fn some_hosts_need_none() {
        let all = [("ALL_PROXY", "http://a:1"), ("NO_PROXY", "x.test")];
        check(&all, "https://x.test/v1", None);
        check(&all, "https://y.test/v1", Some("http://a:1/"));
        for local in ["http://127.0.0.1:11434/v1", "http://[::1]:8000", "http://localhost:1234"] {
            check(&all, local, None);
        }
    }
}
