use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use interlingua_dialect::{Dialect, Wire};

use crate::address::{BaseUrl, HiddenUrl};
use crate::header::Header;
use crate::model::Models;
use crate::secret::{KeyError, Secret};

/// An upstream account: where it is, what it speaks, how it is paid, which models it has.
#[non_exhaustive]
#[derive(Debug)]
pub struct Provider {
    /// Part of every slug; never changes.
    pub id: Arc<str>,
    /// For humans.
    pub name: String,
    /// A short name for the command line.
    pub shortcut: Option<String>,
    /// The preset that filled in what was not said.
    pub preset: Option<&'static str>,
    /// Where it is.
    pub base_url: BaseUrl,
    /// The protocol that it is spoken to in; overrules what its dialect says.
    pub wire: Wire,
    /// The dialect's id.
    pub dialect: String,
    /// How to speak with it where no model is meant, as when it is asked for its list.
    pub speaks: Arc<Dialect>,
    /// The keys that are there; any of them will do.
    pub keys: Vec<ProviderKey>,
    /// Whether a key is there or needed.
    pub key_state: KeyState,
    /// How it is reached.
    pub proxy: Proxy,
    /// Header fields that every request carries.
    pub headers: Vec<Header>,
    /// Whether a key may travel unencrypted beyond the local network.
    pub allow_insecure: bool,
    /// The vendor's documentation.
    pub docs: Option<String>,
    /// Where the vendor makes keys.
    pub console: Option<String>,
    /// Whether it takes part at all.
    pub enabled: bool,
    /// The model to offer first.
    pub default_model: Option<String>,
    /// Patterns of the models that are offered. Nothing said means those that somebody described; of
    /// a provider about whose models nobody says anything, all that it lists itself.
    pub expose: Option<Vec<String>>,
    /// How long is waited for it.
    pub timeouts: UpstreamTimeouts,
    /// Its models.
    pub models: Models,
}

impl Provider {
    /// Whether requests can be sent there.
    ///
    /// # Errors
    ///
    /// [`Unusable`] says why not.
    pub fn usable(&self) -> Result<(), Unusable> {
        if !self.enabled {
            return Err(Unusable::Disabled);
        }
        match &self.key_state {
            KeyState::Ready | KeyState::NotNeeded | KeyState::OfClient => Ok(()),
            KeyState::Missing(missing) => Err(Unusable::KeyMissing(missing.clone())),
        }
    }

    /// Where its turns go; `dialect` is that of the model.
    pub fn turns_url(&self, dialect: &Dialect) -> String {
        let path = match self.wire {
            wire if wire == dialect.wire => dialect.endpoint.path.as_str(),
            Wire::Chat => "/chat/completions",
            Wire::Responses => "/responses",
            Wire::Messages => "/v1/messages",
        };
        self.base_url.join(path)
    }

    /// Where its list of models is.
    pub fn models_url(&self) -> String {
        // Messages has pages, and short ones unless it is asked for more.
        let of_messages = self.wire == Wire::Messages;
        self.base_url.join(if of_messages { "/v1/models?limit=1000" } else { "/models" })
    }

    /// Stands for the account that is asked: another address, wire or key is another one. Says nothing
    /// about any of them.
    pub fn identity(&self) -> String {
        identity(&self.base_url, self.wire, &self.keys)
    }

    /// Whether it is the built-in model that answers while nothing else can.
    pub fn is_demo(&self) -> bool {
        &*self.id == DEMO
    }

    /// The slug of the model to offer first, if one is known.
    pub fn default_slug(&self) -> Option<String> {
        let first = || self.models.listed().first().map(|model| model.id.to_string());
        let model = self.default_model.clone().or_else(first)?;
        Some(format!("{}/{model}", self.id))
    }
}

pub(crate) fn identity(base_url: &BaseUrl, wire: Wire, keys: &[ProviderKey]) -> String {
    let mut hasher = blake3::Hasher::new();
    hasher.update(base_url.to_string().as_bytes());
    for part in [wire.name()].into_iter().chain(keys.iter().map(|key| key.secret.expose())) {
        hasher.update(b"\0").update(part.as_bytes());
    }
    hasher.finalize().to_hex().chars().take(32).collect()
}

/// The id of the built-in provider.
pub const DEMO: &str = "demo";

/// A key of a provider.
#[derive(Clone, Debug)]
pub struct ProviderKey {
    /// What messages call it.
    pub name: String,
    /// The key itself.
    pub secret: Secret,
}

/// Whether a provider has the key that it needs.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum KeyState {
    /// There is one.
    Ready,
    /// There is none, and it takes requests without.
    NotNeeded,
    /// Each caller brings its own.
    OfClient,
    /// There is none; these are the ones that were looked for, perhaps none at all.
    Missing(Vec<MissingKey>),
}

/// A key that is not there.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct MissingKey {
    /// What messages call it.
    pub name: String,
    /// Why it is not there.
    pub why: KeyError,
}

impl fmt::Display for MissingKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.name, self.why)
    }
}

/// Why no request can be sent to a provider.
#[non_exhaustive]
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Unusable {
    /// The configuration says so.
    Disabled,
    /// Its key is not there.
    KeyMissing(Vec<MissingKey>),
}

impl fmt::Display for Unusable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Disabled => f.write_str("it is disabled in the configuration"),
            Self::KeyMissing(missing) if missing.is_empty() => f.write_str("no key is configured"),
            Self::KeyMissing(missing) => {
                let names: Vec<_> = missing.iter().map(ToString::to_string).collect();
                write!(f, "its key is missing: {}", names.join(", "))
            }
        }
    }
}

/// How a provider is reached.
#[derive(Clone, Debug, Default)]
pub enum Proxy {
    /// Through what `HTTPS_PROXY` and its like say.
    #[default]
    Environment,
    /// Through no proxy.
    Direct,
    /// Through this one: `http`, `socks5` or `socks5h`.
    Url(HiddenUrl),
}

impl fmt::Display for Proxy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Environment => f.write_str("environment"),
            Self::Direct => f.write_str("direct"),
            Self::Url(url) => url.fmt(f),
        }
    }
}

/// How long is waited for an upstream.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct UpstreamTimeouts {
    /// For a connection: name, TCP and TLS together.
    pub connect: Duration,
    /// For the first byte of the answer.
    pub first_byte: Duration,
    /// Between two pieces of the answer.
    pub idle: Duration,
}
