use std::fmt;
use std::net::IpAddr;

use url::{Host, Url};

use crate::secret::Secret;

/// The address of an upstream, without a slash at its end.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct BaseUrl(Url);

impl BaseUrl {
    /// Reads a base URL the way people paste it: with blanks around it, a slash at its end, the
    /// path of an endpoint, or `/v1` twice.
    ///
    /// # Errors
    ///
    /// A sentence that says what is wrong with it. It does not repeat the URL, which may hold a
    /// password.
    pub fn parse(text: &str) -> Result<Self, BadUrl> {
        let text = text.trim();
        let has_scheme = text.starts_with("http://") || text.starts_with("https://");
        if !has_scheme {
            return Err(BadUrl::Scheme);
        }
        if text.contains(|c: char| c.is_whitespace() || c.is_control()) {
            return Err(BadUrl::Blank);
        }
        let mut url = Url::parse(text).map_err(|error| BadUrl::Other(error.to_string()))?;
        if !url.username().is_empty() || url.password().is_some() {
            return Err(BadUrl::Credentials);
        }
        if url.query().is_some() || url.fragment().is_some() {
            return Err(BadUrl::Query);
        }
        let mut path = url.path().trim_end_matches('/');
        for endpoint in ENDPOINTS {
            path = path.strip_suffix(endpoint).unwrap_or(path).trim_end_matches('/');
        }
        while let Some(rest) = path.strip_suffix("/v1").filter(|rest| rest.ends_with("/v1")) {
            path = rest;
        }
        let path = path.to_owned();
        url.set_path(&path);
        Ok(Self(url))
    }

    /// The URL of an endpoint. `path` begins with a slash; a version that both have stands there once.
    pub fn join(&self, path: &str) -> String {
        let base = self.to_string();
        let path = match path.strip_prefix("/v1") {
            Some(rest) if rest.starts_with('/') && base.ends_with("/v1") => rest,
            _ => path,
        };
        base + path
    }

    /// Where only a host was given, adds the path that the vendor's own address has.
    pub(crate) fn with_path_of(mut self, usual: &Self) -> Self {
        if self.0.path() == "/" {
            self.0.set_path(usual.0.path());
        }
        self
    }

    /// The parsed URL.
    pub fn as_url(&self) -> &Url {
        &self.0
    }

    /// Whether the host is this machine or one of a private network.
    ///
    /// A name without a dot counts as private: it can only come from the local resolver.
    pub fn is_local(&self) -> bool {
        self.0.host().is_some_and(|host| is_local(&host))
    }

    /// Whether what is sent there can be read on its way.
    pub(crate) fn is_plain(&self) -> bool {
        self.0.scheme() == "http"
    }
}

impl fmt::Display for BaseUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0.as_str().trim_end_matches('/'))
    }
}

/// Why a base URL cannot be used.
#[non_exhaustive]
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum BadUrl {
    /// It is neither `http://` nor `https://`.
    #[error("must begin with `http://` or `https://`")]
    Scheme,
    /// It has blanks inside.
    #[error("must not have blanks inside")]
    Blank,
    /// It has a user or a password.
    #[error("must not hold a user or a password; a key belongs into `key`")]
    Credentials,
    /// It has a query or a fragment.
    #[error("must not have a query or a fragment")]
    Query,
    /// Anything else, in the parser's words.
    #[error("is not a URL: {0}")]
    Other(String),
}

const ENDPOINTS: &[&str] =
    &["/chat/completions", "/completions", "/responses", "/messages", "/models"];

fn is_local(host: &Host<&str>) -> bool {
    match host {
        Host::Domain(name) => {
            let name = name.trim_end_matches('.').to_ascii_lowercase();
            let suffixes = [".localhost", ".local", ".internal", ".lan", ".home.arpa"];
            !name.contains('.') || suffixes.iter().any(|suffix| name.ends_with(suffix))
        }
        Host::Ipv4(ip) => is_private(&IpAddr::V4(*ip)),
        Host::Ipv6(ip) => is_private(&IpAddr::V6(*ip)),
    }
}

fn is_private(ip: &IpAddr) -> bool {
    match ip.to_canonical() {
        // 100.64/10 is what overlay networks between one's own machines use.
        IpAddr::V4(ip) => {
            let [a, b, ..] = ip.octets();
            ip.is_loopback()
                || ip.is_private()
                || ip.is_link_local()
                || (a == 100 && b & 0xc0 == 64)
        }
        IpAddr::V6(ip) => ip.is_loopback() || ip.is_unique_local() || ip.is_unicast_link_local(),
    }
}

/// An address that may hold a password: of a proxy or of a database.
///
/// Printed without user, password and query.
#[derive(Clone)]
pub struct HiddenUrl {
    text: zeroize::Zeroizing<String>,
    password: Option<Secret>,
    shown: String,
}

impl HiddenUrl {
    pub(crate) fn new(url: &Url) -> Self {
        let mut shown = url.clone();
        // Both fail for URLs that cannot have a user, which is as good.
        let hidden = shown.set_username("").and_then(|()| shown.set_password(None));
        shown.set_query(None);
        let shown =
            if hidden.is_ok() { shown.to_string() } else { format!("{}:…", url.scheme()) };
        let password = url.password().map(|it| Secret::new(it.to_owned()));
        Self { text: zeroize::Zeroizing::new(url.to_string()), password, shown }
    }

    /// The address with everything in it.
    pub fn expose(&self) -> &str {
        &self.text
    }

    /// The password, as the address spells it.
    pub(crate) fn password(&self) -> Option<&Secret> {
        self.password.as_ref()
    }
}

impl fmt::Display for HiddenUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.shown.trim_end_matches('/'))
    }
}

impl PartialEq for HiddenUrl {
    fn eq(&self, other: &Self) -> bool {
        self.text == other.text
    }
}

impl Eq for HiddenUrl {}

impl fmt::Debug for HiddenUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "HiddenUrl({self})")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(pasted: &str, base: &str) {
        assert_eq!(BaseUrl::parse(pasted).unwrap().to_string(), base);
    }

    #[test]
    fn what_people_paste_is_put_right() {
        check("https://api.x.com/v1", "https://api.x.com/v1");
        check("  https://api.x.com/v1/ \n", "https://api.x.com/v1");
        check("https://api.x.com/v1/chat/completions", "https://api.x.com/v1");
        check("https://api.x.com/v1/chat/completions/", "https://api.x.com/v1");
        check("https://api.x.com/v1/responses", "https://api.x.com/v1");
        check("https://api.x.com/v1/v1", "https://api.x.com/v1");
        check("https://api.x.com/v1/v1/chat/completions", "https://api.x.com/v1");
        check("https://api.x.com", "https://api.x.com");
        check("http://[::1]:8000/", "http://[::1]:8000");
        check("https://API.x.com:443/api/v3", "https://api.x.com/api/v3");
    }

    #[test]
    fn what_cannot_be_put_right_is_refused() {
        for (pasted, because) in [
            ("api.x.com/v1", BadUrl::Scheme),
            ("ftp://api.x.com", BadUrl::Scheme),
            ("https://api.x.com/v1 /chat", BadUrl::Blank),
            ("https://me:pw@api.x.com/v1", BadUrl::Credentials),
            ("https://api.x.com/v1?key=1", BadUrl::Query),
        ] {
            assert_eq!(BaseUrl::parse(pasted).unwrap_err(), because, "{pasted}");
        }
        assert!(matches!(BaseUrl::parse("https://"), Err(BadUrl::Other(_))));
    }

    #[test]
    fn an_endpoint_is_joined_with_one_slash() {
        let root = BaseUrl::parse("https://api.x.com/").unwrap();
        assert_eq!(root.join("/chat/completions"), "https://api.x.com/chat/completions");
        for base in ["https://api.x.com", "https://api.x.com/v1"] {
            let base = BaseUrl::parse(base).unwrap();
            assert_eq!(base.join("/v1/messages"), "https://api.x.com/v1/messages");
        }
    }

    #[test]
    fn local_is_this_machine_and_private_networks() {
        for url in [
            "localhost",
            "127.0.0.2",
            "[::1]",
            "10.1.2.3",
            "192.168.0.1",
            "172.16.0.1",
            "vllm",
            "100.100.1.1",
            "[fd00::1]",
            "box.local",
            "[::ffff:127.0.0.1]",
        ] {
            assert!(BaseUrl::parse(&format!("http://{url}:8000")).unwrap().is_local(), "{url}");
        }
        for url in [
            "api.x.com",
            "8.8.8.8",
            "100.128.0.1",
            "[2001:db8::1]",
            "localhost.evil.com",
            "172.32.0.1",
        ] {
            assert!(!BaseUrl::parse(&format!("http://{url}:8000")).unwrap().is_local(), "{url}");
        }
    }

    #[test]
    fn a_password_in_a_url_is_not_shown() {
        let url = Url::parse("socks5h://me:canary@10.0.0.1:1080").unwrap();
        let hidden = HiddenUrl::new(&url);
        assert_eq!(
            format!("{hidden} {hidden:?}"),
            "socks5h://10.0.0.1:1080 HiddenUrl(socks5h://10.0.0.1:1080)"
        );
        assert!(hidden.expose().contains("canary"));
    }
}
