use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, RwLock};
use std::time::Duration;

use interlingua_dialect::{Dialect, Dialects, Images, Wire};

use crate::address::{BaseUrl, HiddenUrl};
use crate::secret::{KeyError, Secret};

/// The window that is assumed where nobody tells one: small enough for every model in use.
pub const ASSUMED_WINDOW: u64 = 131_072;

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
    /// Header fields that every request carries, by lower-case name.
    pub headers: Vec<(String, Secret)>,
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
    /// Patterns of the models that enter the catalog; nothing said means the known ones.
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
            KeyState::Ready | KeyState::NotNeeded => Ok(()),
            KeyState::Missing(missing) => Err(Unusable::KeyMissing(missing.clone())),
        }
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

/// The id of the built-in provider.
pub const DEMO: &str = "demo";

/// The models of a provider.
#[derive(Debug)]
pub enum Models {
    /// The user listed them; there are no others.
    Declared(Vec<Arc<Model>>),
    /// Some are known, and any other name is passed on.
    Open {
        /// Those of the preset.
        known: Vec<Arc<Model>>,
        /// Those that were asked for.
        asked: Asked,
    },
}

impl Models {
    /// The models that are known by name.
    pub fn listed(&self) -> &[Arc<Model>] {
        match self {
            Self::Declared(models) | Self::Open { known: models, .. } => models,
        }
    }

    /// Whether names that are not listed are passed on.
    pub fn is_open(&self) -> bool {
        matches!(self, Self::Open { .. })
    }
}

/// Models of an open provider, made when somebody first asks for one.
///
/// Remembers what is always the same, so that a dialect is not resolved for every request.
#[derive(Default)]
pub struct Asked(RwLock<HashMap<Box<str>, Arc<Model>>>);

impl Asked {
    /// Names come from clients; more than these are not worth the memory.
    const MOST: usize = 256;

    pub(crate) fn get_or_make<E>(
        &self,
        id: &str,
        make: impl FnOnce() -> Result<Model, E>,
    ) -> Result<Arc<Model>, E> {
        // A panic elsewhere cannot leave the map half written.
        let known = self.0.read().unwrap_or_else(std::sync::PoisonError::into_inner);
        if let Some(model) = known.get(id) {
            return Ok(model.clone());
        }
        drop(known);
        let model = Arc::new(make()?);
        let mut known = self.0.write().unwrap_or_else(std::sync::PoisonError::into_inner);
        if known.len() < Self::MOST {
            known.insert(id.into(), model.clone());
        }
        Ok(model)
    }
}

impl fmt::Debug for Asked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Asked")
    }
}

/// One model of one provider.
#[non_exhaustive]
#[derive(Clone, Debug)]
pub struct Model {
    /// The upstream's spelling, byte for byte.
    pub id: Arc<str>,
    /// For humans.
    pub name: Option<String>,
    /// Other names for it, within its provider.
    pub aliases: Vec<String>,
    /// In tokens.
    pub context_window: u64,
    /// Whether nobody told the window, so that [`ASSUMED_WINDOW`] stands for it.
    pub window_assumed: bool,
    /// In tokens.
    pub max_output_tokens: Option<u64>,
    /// Whether it sees images, where that is known.
    pub images: Option<bool>,
    /// Whether it thinks before it answers, where that is known.
    pub reasoning: Option<bool>,
    /// How to speak with it.
    pub dialect: Arc<Dialect>,
}

/// What somebody says about a model.
#[derive(Clone, Debug, Default)]
pub(crate) struct Facts {
    pub(crate) name: Option<String>,
    pub(crate) aliases: Vec<String>,
    pub(crate) context_window: Option<u64>,
    pub(crate) max_output_tokens: Option<u64>,
    pub(crate) images: Option<bool>,
    pub(crate) reasoning: Option<bool>,
}

impl Model {
    /// Joins what is said about a model with its dialect.
    pub(crate) fn new(
        id: &str,
        facts: Facts,
        dialects: &Dialects,
        dialect: &str,
    ) -> Result<Self, String> {
        let mut dialect = dialects.resolve(dialect, id).map_err(|error| error.to_string())?;
        if let Some(images) = facts.images {
            dialect.vision.images = if images { Images::Yes } else { Images::No };
        }
        let images = match dialect.vision.images {
            Images::Yes => Some(true),
            Images::No => Some(false),
            Images::ByModel => None,
        };
        Ok(Self {
            id: id.into(),
            name: facts.name,
            aliases: facts.aliases,
            context_window: facts.context_window.unwrap_or(ASSUMED_WINDOW),
            window_assumed: facts.context_window.is_none(),
            max_output_tokens: facts.max_output_tokens,
            images,
            reasoning: facts.reasoning,
            dialect: Arc::new(dialect),
        })
    }
}

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
