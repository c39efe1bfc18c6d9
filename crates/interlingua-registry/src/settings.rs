use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use url::Url;

use crate::problem::{Origin, Problem, ProblemKind};
use crate::section::{Found, Section};
use crate::units::{show_duration, show_size};

const KIB: usize = 1 << 10;
const MIB: usize = 1 << 20;
const DEFAULT_PORT: u16 = 8787;

/// How the gateway itself behaves.
#[non_exhaustive]
#[derive(Clone, Debug)]
pub struct Settings {
    /// Where to listen.
    pub listen: Vec<Listener>,
    /// Names that the `Host` header may have besides the loopback names and the addresses listened
    /// on. Lower case, exact, perhaps with a port.
    pub allowed_hosts: Vec<String>,
    /// Origins of web pages that may call.
    pub cors_origins: Vec<String>,
    /// Whether answers tell in headers who answered.
    pub expose_headers: bool,
    /// Whether the catalog offers the models of all providers instead of the default one's.
    pub expose_all_models: bool,
    /// Whether open providers are asked which models they have.
    pub discover: bool,
    /// What Codex is shown.
    pub codex: CodexSettings,
    /// Threads that serve requests; one where nothing is said.
    pub workers: Option<usize>,
    /// Bounds of what is accepted.
    pub limits: Limits,
    /// Bounds of how long is waited.
    pub timeouts: Timeouts,
}

/// What Codex is shown.
#[non_exhaustive]
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct CodexSettings {
    /// By which names the catalog calls models.
    pub catalog: CatalogMode,
    /// Whether the tools of MCP servers hide behind Codex's `tool_search`.
    pub tool_search: bool,
}

/// By which names Codex's catalog calls models.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum CatalogMode {
    /// By their slugs.
    #[default]
    Slug,
    /// By the names of `[codex.slots]`, for pickers that hide what has a slash.
    Slots,
}

impl CatalogMode {
    /// Its name in the configuration.
    pub fn name(self) -> &'static str {
        match self {
            Self::Slug => "slug",
            Self::Slots => "slots",
        }
    }
}

/// An address to listen on.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Listener {
    /// The address.
    pub address: SocketAddr,
    /// Whether the gateway may start without it: a machine need not have IPv6.
    pub optional: bool,
}

/// Makes a table of the configuration from a table of its keys: name, kind, default.
macro_rules! table {
    (
        $(#[$doc:meta])* $name:ident ($path:literal)
        { $($(#[$field_doc:meta])* $field:ident: $kind:ident = $default:expr,)* }
    ) => {
        $(#[$doc])*
        #[non_exhaustive]
        #[derive(Clone, Debug, Eq, PartialEq)]
        pub struct $name { $($(#[$field_doc])* pub $field: table!(@type $kind),)* }

        impl Default for $name {
            fn default() -> Self {
                Self { $($field: $default,)* }
            }
        }

        impl $name {
            fn read(root: &Section<'_>) -> Self {
                let section = root.table($path);
                let mut table = Self::default();
                $(
                    let found = section.as_ref().and_then(|section| section.$kind(stringify!($field)));
                    let origin = match found {
                        Some(Found { value, origin }) => {
                            table.$field = table!(@convert $kind value);
                            origin
                        }
                        None => Origin::Default,
                    };
                    let path = concat!($path, ".", stringify!($field)).to_owned();
                    root.findings.row(path, &table!(@show $kind table.$field), &origin);
                )*
                if let Some(section) = section {
                    section.close();
                }
                table
            }
        }
    };
    (@type duration) => { Duration };
    (@type $other:ident) => { usize };
    (@convert count $value:expr) => { usize::try_from($value).unwrap_or(usize::MAX) };
    (@convert $other:ident $value:expr) => { $value };
    (@show duration $value:expr) => { show_duration($value) };
    (@show size $value:expr) => { show_size($value) };
    (@show count $value:expr) => { $value };
}

table! {
    /// Bounds of what is accepted. Sizes are written `"64KiB"`, `"16MiB"` or as bytes.
    Limits ("limits") {
        /// All header fields of a request together, in bytes.
        header_size: size = 64 * KIB,
        /// Header fields of a request.
        header_fields: count = 100,
        /// Method, target and version of a request, in bytes.
        request_line: size = 8 * KIB,
        /// A request's body, in bytes.
        body: size = 64 * MIB,
        /// How deep JSON may nest.
        json_depth: count = 128,
        /// Values in the JSON of a request.
        json_nodes: count = 2_000_000,
        /// One event of an upstream's stream, in bytes; images come in them.
        upstream_event: size = 16 * MIB,
        /// An upstream's answer that is read as a whole, in bytes.
        upstream_body: size = 64 * MIB,
        /// Connections of clients; at most a third of the file descriptors that the system grants.
        connections: count = 10_000,
        /// Requests at work.
        in_flight: count = 1_024,
        /// Requests at work for one client key. An open gateway has no keys, so it has no such bound.
        in_flight_per_key: count = 64,
        /// Requests at work with one provider.
        in_flight_per_provider: count = 256,
        /// Requests that wait for their turn.
        queue: count = 256,
    }
}

table! {
    /// Bounds of how long is waited. Written `"300s"`, `"500ms"`, `"2m"` or `"1h"`.
    Timeouts ("timeouts") {
        /// For a connection to an upstream: name, TCP and TLS together.
        connect: duration = Duration::from_secs(10),
        /// For the first word of an upstream's answer; models think before they write. Comments and
        /// empty events do not count.
        first_byte: duration = Duration::from_mins(5),
        /// Between two pieces of an upstream's answer.
        idle: duration = Duration::from_mins(5),
        /// Silence towards a client before it is told that we are still there.
        heartbeat: duration = Duration::from_secs(15),
        /// Silence of an upstream before the answer to the client begins without it.
        commit_grace: duration = Duration::from_secs(10),
        /// For running answers when the gateway stops.
        drain: duration = Duration::from_mins(2),
        /// In the queue, before a request is sent away.
        queue: duration = Duration::from_secs(2),
        /// For the first byte on a new connection of a client.
        client_first_byte: duration = Duration::from_secs(10),
        /// For the head of a request.
        client_head: duration = Duration::from_secs(10),
        /// Between two pieces of a request's body.
        client_body: duration = Duration::from_secs(30),
        /// Between two requests on a connection.
        client_idle: duration = Duration::from_mins(2),
        /// For a client that does not take what is written to it.
        client_write: duration = Duration::from_mins(1),
    }
}

impl Settings {
    pub(crate) fn read(root: &Section<'_>, has_client_keys: bool, codex: CodexSettings) -> Self {
        let boolean = |key| {
            let found = root.boolean(key);
            let (value, origin) =
                found.map_or((None, Origin::Default), |it| (Some(it.value), it.origin));
            (value, origin)
        };
        let listen = read_listen(root, has_client_keys);
        let allowed_hosts = read_list(root, "allowed_hosts", allowed_host);
        let cors_origins = read_list(root, "cors_origins", cors_origin);
        let (expose_headers, origin) = boolean("expose_headers");
        let expose_headers = expose_headers.unwrap_or(true);
        root.row("expose_headers", &expose_headers, &origin);
        let (expose_all_models, origin) = boolean("expose_all_models");
        let expose_all_models = expose_all_models.unwrap_or(false);
        root.row("expose_all_models", &expose_all_models, &origin);
        let (discover, origin) = boolean("discover");
        let discover = discover.unwrap_or(true);
        root.row("discover", &discover, &origin);
        let workers = root.count("workers").and_then(|found| {
            root.row("workers", &found.value, &found.origin);
            usize::try_from(found.value).ok()
        });
        Self {
            listen,
            allowed_hosts,
            cors_origins,
            expose_headers,
            expose_all_models,
            discover,
            codex,
            workers,
            limits: Limits::read(root),
            timeouts: Timeouts::read(root),
        }
    }
}

fn read_listen(root: &Section<'_>, has_client_keys: bool) -> Vec<Listener> {
    let Some(found) = root.texts("listen") else {
        let addresses = [IpAddr::from([127, 0, 0, 1]), IpAddr::from([0, 0, 0, 0, 0, 0, 0, 1])]
            .map(|ip| SocketAddr::new(ip, DEFAULT_PORT));
        root.row("listen", &addresses.map(|it| it.to_string()).join(", "), &Origin::Default);
        return addresses.map(|address| Listener { address, optional: address.is_ipv6() }).into();
    };
    let mut listeners: Vec<Listener> = Vec::new();
    for text in &found.value {
        let Some(addresses) = listener(&text.value) else {
            let what = format!("`listen` cannot be {:?}", text.value);
            root.problem(
                Problem::new(&text.origin, what)
                    .remedy("write an address and a port: \"127.0.0.1:8787\""),
            );
            continue;
        };
        for new in addresses {
            if listeners.iter().any(|it| it.address == new.address) {
                let what = format!("`listen` names {} twice", new.address);
                root.problem(Problem::new(&text.origin, what).remedy("remove one"));
                continue;
            }
            if !new.address.ip().to_canonical().is_loopback() && !has_client_keys {
                let what = format!(
                    "{} can be reached from other machines, and there is no client key",
                    new.address
                );
                let remedy =
                    "make a key with `interlingua keys add <name>`, or listen on 127.0.0.1";
                let mut problem = Problem::new(&text.origin, what).remedy(remedy);
                problem.kind = ProblemKind::OpenListener;
                root.problem(problem);
            }
            listeners.push(new);
        }
    }
    let shown: Vec<_> = listeners.iter().map(|it| it.address.to_string()).collect();
    root.row("listen", &shown.join(", "), &found.origin);
    listeners
}

fn listener(text: &str) -> Option<Vec<Listener>> {
    let text = text.trim();
    if let Some(port) = text.strip_prefix("localhost:") {
        let port = port.parse().ok()?;
        let both = [IpAddr::from([127, 0, 0, 1]), IpAddr::from([0, 0, 0, 0, 0, 0, 0, 1])];
        let both =
            both.map(|ip| Listener { address: SocketAddr::new(ip, port), optional: ip.is_ipv6() });
        return Some(both.into());
    }
    Some(vec![Listener { address: text.parse().ok()?, optional: false }])
}

fn read_list(
    root: &Section<'_>,
    key: &'static str,
    parse: fn(&str) -> Result<String, &'static str>,
) -> Vec<String> {
    let Some(found) = root.texts(key) else {
        root.row(key, &"", &Origin::Default);
        return Vec::new();
    };
    let mut list = Vec::new();
    for text in &found.value {
        match parse(text.value.trim()) {
            Ok(item) => list.push(item),
            Err(remedy) => {
                let what = format!("`{key}` cannot hold {:?}", text.value);
                root.problem(Problem::new(&text.origin, what).remedy(remedy));
            }
        }
    }
    root.row(key, &list.join(", "), &found.origin);
    list
}

fn allowed_host(text: &str) -> Result<String, &'static str> {
    if text.contains('*') {
        return Err("wildcards would let any page in; write each name");
    }
    let remedy =
        "write a host name as it stands in the URL, perhaps with a port: \"gateway.lan:8787\"";
    let url = Url::parse(&format!("http://{text}")).map_err(|_| remedy)?;
    let bare = !text.is_empty() && !text.contains(['/', '@', '?', '#']);
    let host = url.host_str().filter(|_| bare).ok_or(remedy)?;
    Ok(url.port().map_or_else(|| host.to_owned(), |port| format!("{host}:{port}")))
}

fn cors_origin(text: &str) -> Result<String, &'static str> {
    if text.contains('*') || text == "null" {
        return Err("that would let any page in; write each origin");
    }
    let remedy = "write an origin as the browser sends it: \"https://editor.example.com\"";
    let (scheme, rest) = text.split_once("://").ok_or(remedy)?;
    let bare = !rest.is_empty()
        && !rest.contains(['/', '@', '?', '#'])
        && !rest.contains(char::is_whitespace);
    if !bare || Url::parse(text).is_err() {
        return Err(remedy);
    }
    Ok(format!("{}://{}", scheme.to_ascii_lowercase(), rest.to_ascii_lowercase()))
}
