use std::collections::HashMap;
use std::sync::Arc;

use interlingua_dialect::glob_matches;

use crate::model::{Model, ModelSource};
use crate::provider::Provider;

/// The longest name of a model that is asked for, in bytes; longer ones are refused before anything is
/// compared with them.
pub(crate) const MAX_SLUG: usize = 256;

/// Claude Code lists only models of a gateway whose names hold its own or its vendor's; so each slug is
/// shown to it with this before it, and answers with and without.
pub const DISCOVERY_PREFIX: &str = "claude/";

/// The longest id of a provider, in bytes.
pub(crate) const MAX_PROVIDER_ID: usize = 32;

/// Which slug stands for which model of which provider.
///
/// Made once per snapshot and used by catalog, model list and router alike, so that what is offered
/// is what is answered. A slug is `<provider>/<model>` and depends on nothing else: no other
/// provider, no order.
#[derive(Debug, Default)]
pub struct PoolMap {
    entries: Vec<PoolEntry>,
    by_slug: HashMap<Arc<str>, usize>,
    /// Bare model names, and names that providers give their models, to the usable entries.
    by_name: HashMap<Arc<str>, Vec<usize>>,
}

/// One model of the pool.
#[derive(Clone, Debug)]
pub struct PoolEntry {
    /// `<provider>/<model>`
    pub slug: Arc<str>,
    /// Whose it is.
    pub provider: Arc<Provider>,
    /// The model.
    pub model: Arc<Model>,
    /// Whether its provider lets it be offered. It answers for its slug either way.
    pub exposed: bool,
}

impl PoolEntry {
    /// Whether it can be asked now.
    pub fn is_usable(&self) -> bool {
        self.provider.usable().is_ok()
    }
}

impl PoolMap {
    pub(crate) fn new<'a>(providers: impl IntoIterator<Item = &'a Arc<Provider>>) -> Self {
        let mut pool = Self::default();
        for provider in providers {
            let models = provider.models.listed();
            let described = models.iter().any(|it| it.source != ModelSource::Discovered);
            for model in models {
                let exposed = match &provider.expose {
                    Some(patterns) => patterns.iter().any(|it| glob_matches(it, &model.id)),
                    None => model.source != ModelSource::Discovered || !described,
                };
                pool.add(provider, model, exposed);
            }
        }
        pool
    }

    fn add(&mut self, provider: &Arc<Provider>, model: &Arc<Model>, exposed: bool) {
        let at = self.entries.len();
        let slug = |name: &str| Arc::<str>::from(format!("{}/{name}", provider.id));
        let entry = PoolEntry {
            slug: slug(&model.id),
            provider: provider.clone(),
            model: model.clone(),
            exposed,
        };
        self.by_slug.insert(entry.slug.clone(), at);
        for alias in &model.aliases {
            self.by_slug.entry(slug(alias)).or_insert(at);
        }
        // The demo answers for its slug and for nothing else.
        if entry.is_usable() && !provider.is_demo() {
            let aliases = model.aliases.iter().map(|alias| Arc::from(alias.as_str()));
            for name in aliases.chain([model.id.clone()]) {
                self.by_name.entry(name).or_default().push(at);
            }
        }
        self.entries.push(entry);
    }

    /// What can be asked now, in the order of the configuration.
    pub fn iter(&self) -> impl Iterator<Item = &PoolEntry> {
        self.entries.iter().filter(|entry| entry.is_usable())
    }

    /// What can be asked now and is offered: catalogs and model lists show these.
    pub fn offered(&self) -> impl Iterator<Item = &PoolEntry> {
        self.iter().filter(|entry| entry.exposed)
    }

    /// Every model that is known by name, also those that cannot be asked now.
    pub fn all(&self) -> impl Iterator<Item = &PoolEntry> {
        self.entries.iter()
    }

    /// The model that a slug stands for, usable or not.
    pub fn get(&self, slug: &str) -> Option<&PoolEntry> {
        self.by_slug.get(slug).map(|at| &self.entries[*at])
    }

    /// The usable models of a bare name.
    pub(crate) fn named(&self, name: &str) -> impl Iterator<Item = &PoolEntry> {
        let at = self.by_name.get(name).map_or(&[][..], Vec::as_slice);
        at.iter().map(|at| &self.entries[*at])
    }

    /// Cuts a slug into provider and model, at the first slash only: what follows is the upstream's
    /// spelling and may hold more of them.
    pub fn split(slug: &str) -> Option<(&str, &str)> {
        slug.split_once('/').filter(|(provider, model)| !provider.is_empty() && !model.is_empty())
    }
}
