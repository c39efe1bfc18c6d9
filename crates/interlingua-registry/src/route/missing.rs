use std::fmt;

use interlingua_ir::{Class, Fault};

use crate::pool::{PoolEntry, PoolMap};
use crate::preset::{KeyNeed, Preset};
use crate::provider::{DEMO, Provider, Unusable};
use crate::snapshot::Snapshot;

/// Why nobody answers a request. Printed for the person in front of the agent.
#[non_exhaustive]
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum RouteError {
    /// The request names no model, and there is no default.
    NoModel,
    /// There is no such model.
    NotFound {
        /// What was asked for.
        asked: String,
        /// Why it is none.
        why: String,
        /// The names closest to it, the closest first.
        near: Vec<Near>,
    },
    /// There is such a model, but its provider cannot be used.
    Unusable {
        /// What was asked for.
        asked: String,
        /// The provider's id.
        provider: String,
        /// Why it cannot.
        why: Unusable,
        /// Where the provider's documentation is.
        docs: Option<String>,
    },
}

/// Letters of a name that are compared with thousands of others: it takes as long as both are.
const COMPARED: usize = 64;

/// A model whose name is close to the one that was asked for.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Near {
    /// Its slug or alias.
    pub name: String,
    /// Why it would not work either.
    pub out: Option<Unusable>,
}

impl Snapshot {
    pub(super) fn not_found(&self, asked: &str) -> RouteError {
        let why = self.why_not(asked);
        RouteError::NotFound { asked: asked.to_owned(), why, near: self.nearest(asked) }
    }

    fn why_not(&self, asked: &str) -> String {
        let named: Vec<_> = self.pool.named(asked).map(|it| format!("`{}`", it.slug)).collect();
        if !named.is_empty() {
            return format!("several providers have it; say which: {}", named.join(", "));
        }
        let same = |name: &&str| {
            name.eq_ignore_ascii_case(asked) || model_of(name).eq_ignore_ascii_case(asked)
        };
        if let Some(name) = self.names().map(|(name, _)| name).find(same) {
            return format!("names are case-sensitive, and there is `{name}`");
        }
        let Some((id, _)) = PoolMap::split(asked) else {
            let of_preset = Preset::all().iter().find(|preset| preset.model(asked).is_some());
            return match of_preset.filter(|preset| self.provider(&preset.id).is_none()) {
                Some(preset) => format!("it is one of `{}/…`, but {}", preset.id, switched_off(preset)),
                None => "it is neither a slug `<provider>/<model>` nor an alias, and no usable provider lists it".to_owned(),
            };
        };
        if self.provider(id).is_some() {
            return format!("provider `{id}` does not list it");
        }
        if id == DEMO {
            return "the demo is there only while no other provider can be used".to_owned();
        }
        Preset::find(id).map_or_else(|| format!("there is no provider `{id}`"), switched_off)
    }

    /// The three names closest to one that is none.
    fn nearest(&self, asked: &str) -> Vec<Near> {
        let asked: String = asked.chars().take(COMPARED).collect::<String>().to_lowercase();
        let likeness = |name: &str| {
            let name = name.to_lowercase();
            let whole = strsim::jaro_winkler(&asked, &name);
            whole.max(strsim::jaro_winkler(model_of(&asked), model_of(&name)))
        };
        let mut names: Vec<_> =
            self.names().map(|(name, entry)| (likeness(name), name, entry)).collect();
        names.sort_by(|a, b| b.0.total_cmp(&a.0));
        let near = names.into_iter().take(3).map(|(_, name, entry)| Near {
            name: name.to_owned(),
            out: entry.and_then(|entry| entry.provider.usable().err()),
        });
        near.collect()
    }

    /// Every name that routes, with the model if it stands for a single one.
    fn names(&self) -> impl Iterator<Item = (&str, Option<&PoolEntry>)> {
        let slugs = self.pool.all().map(|entry| (&*entry.slug, Some(entry)));
        slugs.chain(self.aliases.iter().map(|alias| (alias.name.as_str(), None)))
    }
}

fn switched_off(preset: &Preset) -> String {
    let (key, url) = (&preset.key_env[0], &preset.url_env);
    let variable = match preset.key {
        KeyNeed::Required if preset.base_urls.is_empty() => format!("{key} and {url}"),
        KeyNeed::Required => key.clone(),
        KeyNeed::Optional => url.clone(),
    };
    let place = preset.console.as_ref().or(preset.docs.as_ref());
    let see = place.map(|place| format!(" (see {place})")).unwrap_or_default();
    format!("provider `{}` is not switched on; set {variable}{see}", preset.id)
}

fn model_of(name: &str) -> &str {
    PoolMap::split(name).map_or(name, |(_, model)| model)
}

pub(super) fn unusable(asked: &str, provider: &Provider, why: Unusable) -> RouteError {
    let key_missing = matches!(why, Unusable::KeyMissing(_));
    let docs = provider.console.as_ref().or(provider.docs.as_ref()).filter(|_| key_missing);
    RouteError::Unusable {
        asked: asked.to_owned(),
        provider: provider.id.to_string(),
        why,
        docs: docs.cloned(),
    }
}

impl RouteError {
    /// The same, for a name that was written in another way.
    pub(super) fn asked_as(mut self, name: &str) -> Self {
        if let Self::NotFound { asked, .. } | Self::Unusable { asked, .. } = &mut self {
            name.clone_into(asked);
        }
        self
    }
}

impl fmt::Display for RouteError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoModel => f.write_str(
                "the request names no model; name one, or set `default_model` in the gateway's configuration",
            ),
            Self::NotFound { asked, why, near } => {
                write!(f, "there is no model `{asked}`: {why}")?;
                for (n, near) in near.iter().enumerate() {
                    write!(f, "{} `{}`", if n == 0 { ". Nearest:" } else { "," }, near.name)?;
                    if let Some(out) = &near.out {
                        write!(f, " ({out})")?;
                    }
                }
                Ok(())
            }
            Self::Unusable { asked, provider, why, docs } => {
                write!(f, "the model `{asked}` cannot be used: provider `{provider}`: {why}")?;
                docs.iter().try_for_each(|docs| write!(f, "; see {docs}"))
            }
        }
    }
}

impl std::error::Error for RouteError {}

impl From<&RouteError> for Fault {
    fn from(error: &RouteError) -> Self {
        let fault = |class| Self::new(class, error.to_string());
        match error {
            RouteError::NoModel => fault(Class::InvalidRequest),
            RouteError::NotFound { .. } => fault(Class::ModelNotFound),
            RouteError::Unusable { provider, .. } => fault(Class::ModelNotFound).by(provider),
        }
    }
}

impl From<RouteError> for Fault {
    fn from(error: RouteError) -> Self {
        Self::from(&error)
    }
}
