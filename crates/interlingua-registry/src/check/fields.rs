//! The fields of a provider that can be read one by one.

use url::Url;

use crate::address::HiddenUrl;
use crate::header::Header;
use crate::problem::Problem;
use crate::provider::Proxy;
use crate::raw::Value;
use crate::section::Section;

pub(super) fn proxy(section: &Section<'_>) -> Proxy {
    let Some(found) = section.text("proxy") else { return Proxy::default() };
    let proxy = match found.value.trim() {
        "direct" => Proxy::Direct,
        text => {
            let url = Url::parse(text).ok().filter(|url| {
                matches!(url.scheme(), "http" | "socks5" | "socks5h") && url.host().is_some()
            });
            let Some(url) = url else {
                let remedy = "write \"http://host:port\", \"socks5h://host:port\" or \"direct\"";
                let problem = Problem::new(&found.origin, "`proxy` is no address of a proxy");
                section.problem(problem.remedy(remedy));
                return Proxy::default();
            };
            Proxy::Url(HiddenUrl::new(&url))
        }
    };
    section.row("proxy", &proxy, &found.origin);
    proxy
}

/// Fields that frame a message; who sets them breaks the connection.
const FRAMING: &[&str] =
    &["connection", "content-length", "host", "te", "trailer", "transfer-encoding", "upgrade"];

pub(super) fn headers(section: &Section<'_>) -> Vec<Header> {
    let Some(inner) = section.table("headers") else { return Vec::new() };
    let mut headers = Vec::new();
    for (name, origin, node) in inner.entries() {
        let lower = name.to_ascii_lowercase();
        let is_token = |c: u8| c.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&c);
        if name.is_empty() || !name.bytes().all(is_token) || FRAMING.contains(&lower.as_str()) {
            let what = format!("the header {name:?} cannot be set");
            inner.problem(Problem::new(origin, what).remedy("remove it"));
            continue;
        }
        match &node.value {
            Value::Text(value) | Value::Loose(value)
                if value.bytes().all(|c| c == b' ' || c.is_ascii_graphic()) =>
            {
                let header = Header::new(lower, value.clone());
                let shown = if header.depends_on_session() { "(per session)" } else { "(set)" };
                inner.row(name, shown, &node.origin);
                headers.push(header);
            }
            _ => {
                let what = format!("the header `{name}` must be text without control characters");
                inner.problem(Problem::new(&node.origin, what).remedy("write plain ASCII"));
            }
        }
    }
    headers
}

pub(super) fn expose(section: &Section<'_>) -> Option<Vec<String>> {
    let found = section.texts("expose")?;
    let patterns: Vec<String> = found.value.into_iter().map(|pattern| pattern.value).collect();
    section.row("expose", &patterns.join(", "), &found.origin);
    Some(patterns)
}
