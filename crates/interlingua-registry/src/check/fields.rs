//! The fields of a provider that can be read one by one.

use url::Url;

use crate::address::HiddenUrl;
use crate::problem::{Origin, Problem};
use crate::provider::{KeyState, MissingKey, Proxy};
use crate::raw::{Node, Value};
use crate::secret::{KeySource, Secret};
use crate::section::Section;

pub(super) fn key_source(section: &Section<'_>, node: &Node) -> Option<(KeySource, Origin)> {
    let wanted = "write { env = \"NAME\" }, { file = \"/path\" } or { command = [\"program\", \"argument\"] }";
    let refuse = |what: &str| {
        section.problem(Problem::new(&node.origin, what).remedy(wanted));
        None
    };
    let table = match (&node.value, &node.origin) {
        (Value::Table(table), _) => table,
        // `INTERLINGUA_PROVIDERS__X__KEY` holds the key itself.
        (Value::Loose(_), Origin::Variable(name)) => {
            return Some((KeySource::Env(name.to_string()), node.origin.clone()));
        }
        (Value::Text(_) | Value::Loose(_), _) => {
            return refuse("a key does not belong into the configuration, only where it is kept");
        }
        _ => return refuse("`key` does not say where the key is kept"),
    };
    let inner = Section::new(section.path("key"), table, node.origin.clone(), section.findings);
    let env = inner.text("env").map(|found| KeySource::Env(found.value));
    let file = inner.text("file").map(|found| KeySource::File(found.value));
    let command = inner.texts("command").map(|found| {
        KeySource::Command(found.value.into_iter().map(|argument| argument.value).collect())
    });
    inner.close();
    let mut sources = [env, file, command].into_iter().flatten();
    match (sources.next(), sources.next()) {
        (Some(KeySource::Command(argv)), None) if argv.is_empty() => refuse("`command` is empty"),
        (Some(source), None) => Some((source, node.origin.clone())),
        (None, _) => refuse("`key` does not say where the key is kept"),
        (Some(_), Some(_)) => refuse("`key` names more than one place"),
    }
}

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

pub(super) fn headers(section: &Section<'_>) -> Vec<(String, Secret)> {
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
                inner.row(name, &"(set)", &node.origin);
                headers.push((lower, Secret::new(value.clone())));
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

pub(super) fn show_keys(
    sources: &[(KeySource, Origin)],
    missing: &[(MissingKey, Origin)],
    state: &KeyState,
) -> String {
    match (state, sources) {
        (KeyState::NotNeeded, _) => "(none needed)".to_owned(),
        (_, []) => "(none)".to_owned(),
        _ => {
            let show = |(source, _): &(KeySource, Origin)| {
                let name = source.to_string();
                match missing.iter().find(|(missing, _)| missing.name == name) {
                    Some((missing, _)) => format!("{name} ({})", missing.why),
                    None => format!("{name} (set)"),
                }
            };
            sources.iter().map(show).collect::<Vec<_>>().join(", ")
        }
    }
}

pub(super) fn warn_about_keys(
    id: &str,
    section: &Section<'_>,
    missing: &[(MissingKey, Origin)],
    state: &KeyState,
    docs: Option<&str>,
) {
    match state {
        KeyState::NotNeeded => {}
        KeyState::Missing(_) if missing.is_empty() => {
            let what = format!("provider `{id}` cannot be used: no key is configured");
            let remedy = "add `key = { env = \"NAME\" }`, or `key = []` if it needs none";
            section.findings.warning(Problem::new(&section.origin, what).remedy(remedy).docs(docs));
        }
        KeyState::Missing(_) | KeyState::Ready => {
            let cannot =
                if *state == KeyState::Ready { "goes without a key" } else { "cannot be used" };
            for (key, origin) in missing {
                // A preset has no place that one could look at.
                let origin = if origin.file().is_some() { origin } else { &section.origin };
                let what = format!("provider `{id}` {cannot}: {key}");
                let remedy = "set it and start again";
                section.findings.warning(Problem::new(origin, what).remedy(remedy).docs(docs));
            }
        }
    }
}
