use std::fmt;
use std::sync::Arc;

use interlingua_ir::{Class, Fault};

use crate::pool::{PoolEntry, PoolMap};
use crate::preset::{KeyNeed, Preset};
use crate::provider::{DEMO, Facts, Model, Models, Provider, Unusable};
use crate::snapshot::Snapshot;

/// Longer names are no model's; they are refused before anything is compared with them.
const MAX_NAME: usize = 256;

/// Who answers a request.
#[derive(Clone, Debug)]
pub struct Route {
    /// The model as the client asked for it, or the default one.
    pub asked: String,
    /// Which rule found the targets.
    pub rule: Rule,
    /// How to choose among the targets.
    pub policy: Policy,
    /// Those who can answer, the preferred one first. Never empty.
    pub targets: Vec<Target>,
    /// Those who are listed but cannot, and why.
    pub skipped: Vec<Skipped>,
}

/// One model of one provider that can answer.
#[derive(Clone, Debug)]
pub struct Target {
    /// Where to send the request.
    pub provider: Arc<Provider>,
    /// Which model to ask there.
    pub model: Arc<Model>,
    /// `<provider>/<model>`
    pub slug: Arc<str>,
}

/// A target that is listed but cannot answer.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Skipped {
    /// `<provider>/<model>`
    pub slug: String,
    /// Why it cannot.
    pub why: Unusable,
}

/// How a model name led to its targets.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Rule {
    /// It is a slug.
    Slug,
    /// It is an alias of the configuration.
    Alias,
    /// It is the name of one model only.
    BareName,
}

/// How to choose among the targets of an alias.
#[non_exhaustive]
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum Policy {
    /// The first one that answers.
    #[default]
    Failover,
    /// Each in turn, by weight.
    Weighted,
}

impl Policy {
    /// Its name in the configuration.
    pub fn name(self) -> &'static str {
        match self {
            Self::Failover => "failover",
            Self::Weighted => "weighted",
        }
    }
}

/// A name that the user gave to one model or several.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Alias {
    /// The name.
    pub name: String,
    /// Slugs, the preferred one first.
    pub targets: Vec<String>,
    /// How to choose among them.
    pub policy: Policy,
}

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

/// A model whose name is close to the one that was asked for.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Near {
    /// Its slug or alias.
    pub name: String,
    /// Why it would not work either.
    pub out: Option<Unusable>,
}

impl Snapshot {
    /// Finds who answers for a model name: exact slug, then alias, then a bare model name that only
    /// one usable provider has. Nothing is guessed and nothing rewritten.
    ///
    /// # Errors
    ///
    /// [`RouteError`] says why nobody does, and which names are close.
    pub fn route(&self, model: Option<&str>) -> Result<Route, RouteError> {
        let asked = model.filter(|model| !model.is_empty()).or(self.default_model());
        let asked = asked.ok_or(RouteError::NoModel)?;
        if asked.len() > MAX_NAME {
            let asked = asked.chars().take(60).chain(['…']).collect();
            let why = format!("names have at most {MAX_NAME} bytes");
            return Err(RouteError::NotFound { asked, why, near: Vec::new() });
        }
        let route = |rule, policy, targets, skipped| {
            Ok(Route { asked: asked.to_owned(), rule, policy, targets, skipped })
        };
        if let Some(found) = self.slug(asked) {
            let target = found?;
            return match target.provider.usable() {
                Ok(()) => route(Rule::Slug, Policy::default(), vec![target], Vec::new()),
                Err(why) => Err(unusable(asked, &target.provider, why)),
            };
        }
        if let Some(alias) = self.aliases.iter().find(|alias| alias.name == asked) {
            let (targets, skipped) = self.alias(alias)?;
            return route(Rule::Alias, alias.policy, targets, skipped);
        }
        match self.bare(asked) {
            Some(found) => route(Rule::BareName, Policy::default(), vec![found?], Vec::new()),
            None => Err(self.not_found(asked)),
        }
    }

    /// The only usable model of a bare name; the reason, if only unusable providers have it.
    ///
    /// What begins like a slug of a provider is none: the provider has spoken already.
    fn bare(&self, name: &str) -> Option<Result<Target, RouteError>> {
        if PoolMap::split(name).is_some_and(|(id, _)| self.provider(id).is_some()) {
            return None;
        }
        let mut named = self.pool.named(name);
        match (named.next(), named.next()) {
            (Some(only), None) => Some(Ok(target(only))),
            (Some(_), Some(_)) => None,
            (None, _) => {
                let mut out = self.pool.all().filter(|entry| !entry.provider.is_demo());
                let provider = &out.find(|entry| *entry.model.id == *name)?.provider;
                let why = provider.usable().err()?;
                Some(Err(unusable(name, provider, why)))
            }
        }
    }

    /// The name to set up a client with when a person says a slug, an alias, a bare model name, or a
    /// provider by its id or shortcut. The provider need not be usable yet.
    ///
    /// # Errors
    ///
    /// [`RouteError::NotFound`] with the names that are close.
    pub fn pick(&self, word: &str) -> Result<String, RouteError> {
        let is_it = |it: &&Arc<Provider>| *it.id == *word || it.shortcut.as_deref() == Some(word);
        if let Some(provider) = self.providers.iter().find(is_it) {
            return provider.default_slug().ok_or_else(|| RouteError::NotFound {
                asked: word.to_owned(),
                why: format!(
                    "no model of provider `{0}` is known; write `{0}/<model>`",
                    provider.id
                ),
                near: Vec::new(),
            });
        }
        let is_alias = self.aliases.iter().any(|alias| alias.name == word);
        if is_alias || self.slug(word).is_some_and(|found| found.is_ok()) {
            return Ok(word.to_owned());
        }
        match self.route(Some(word)) {
            Ok(route) => Ok(route.targets[0].slug.to_string()),
            Err(error) => Err(error),
        }
    }

    /// The model of a slug, also where its provider cannot be used. None if it is no slug.
    fn slug(&self, slug: &str) -> Option<Result<Target, RouteError>> {
        if let Some(entry) = self.pool.get(slug) {
            return Some(Ok(target(entry)));
        }
        let (id, name) = PoolMap::split(slug)?;
        let provider = self.provider(id)?;
        let Models::Open { asked, .. } = &provider.models else { return None };
        let make = || Model::new(name, Facts::default(), &self.dialects, &provider.dialect);
        let model = asked.get_or_make(name, make).map_err(|why| RouteError::NotFound {
            asked: slug.to_owned(),
            why,
            near: Vec::new(),
        });
        Some(model.map(|model| Target { provider: provider.clone(), model, slug: slug.into() }))
    }

    /// The usable targets of an alias, and the others.
    fn alias(&self, alias: &Alias) -> Result<(Vec<Target>, Vec<Skipped>), RouteError> {
        let (mut targets, mut skipped) = (Vec::new(), Vec::new());
        let mut refused = None;
        for slug in &alias.targets {
            // A target may belong to a preset that is not switched on.
            let target = self.slug(slug).unwrap_or_else(|| Err(self.not_found(slug)));
            match target.map(|target| (target.provider.usable(), target)) {
                Ok((Ok(()), target)) => targets.push(target),
                Ok((Err(why), target)) => {
                    skipped.push(Skipped { slug: slug.clone(), why: why.clone() });
                    refused.get_or_insert(unusable(&alias.name, &target.provider, why));
                }
                Err(error) => {
                    refused.get_or_insert(error);
                }
            }
        }
        match (targets.is_empty(), refused) {
            (true, Some(error)) => Err(error),
            _ => Ok((targets, skipped)),
        }
    }

    fn not_found(&self, asked: &str) -> RouteError {
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
        let asked = asked.to_lowercase();
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
    let needs_key = preset.key == KeyNeed::Required;
    let variable = if needs_key { &preset.key_env[0] } else { &preset.url_env };
    let place = preset.console.as_ref().or(preset.docs.as_ref());
    let see = place.map(|place| format!(" (see {place})")).unwrap_or_default();
    format!("provider `{}` is not switched on; set {variable}{see}", preset.id)
}

fn model_of(name: &str) -> &str {
    PoolMap::split(name).map_or(name, |(_, model)| model)
}

fn target(entry: &PoolEntry) -> Target {
    Target {
        provider: entry.provider.clone(),
        model: entry.model.clone(),
        slug: entry.slug.clone(),
    }
}

fn unusable(asked: &str, provider: &Provider, why: Unusable) -> RouteError {
    let key_missing = matches!(why, Unusable::KeyMissing(_));
    let docs = provider.console.as_ref().or(provider.docs.as_ref()).filter(|_| key_missing);
    RouteError::Unusable {
        asked: asked.to_owned(),
        provider: provider.id.to_string(),
        why,
        docs: docs.cloned(),
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
