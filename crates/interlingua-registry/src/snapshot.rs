use std::sync::Arc;

use interlingua_dialect::Dialects;

use crate::header::Header;
use crate::keys::ClientKeys;
use crate::pool::{PoolEntry, PoolMap};
use crate::problem::Problem;
use crate::provider::Provider;
use crate::route::{Alias, Target};
use crate::secret::Secret;
use crate::section::Row;
use crate::settings::{CatalogMode, Settings};
use crate::store::{Store, StorePlace};

/// A configuration that was checked whole, and never changes.
///
/// Share it in an [`Arc`] and let each request use one from its start to its end; a reload makes
/// another. Fields can be read through methods only, so that nobody mends a snapshot in place.
#[derive(Debug)]
pub struct Snapshot {
    pub(crate) settings: Settings,
    pub(crate) client_keys: ClientKeys,
    pub(crate) providers: Vec<Arc<Provider>>,
    pub(crate) pool: Arc<PoolMap>,
    pub(crate) aliases: Vec<Alias>,
    pub(crate) default_model: Option<String>,
    pub(crate) store: Store,
    pub(crate) dialects: Arc<Dialects>,
    pub(crate) warnings: Vec<Problem>,
    pub(crate) rows: Vec<Row>,
}

impl Snapshot {
    /// How the gateway itself behaves.
    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    /// Who may call.
    pub fn client_keys(&self) -> &ClientKeys {
        &self.client_keys
    }

    /// All providers in the order of the configuration, those that the environment made last. The
    /// built-in demo is among them only while no other can be used.
    pub fn providers(&self) -> &[Arc<Provider>] {
        &self.providers
    }

    /// The provider of that id.
    pub fn provider(&self, id: &str) -> Option<&Arc<Provider>> {
        self.providers.iter().find(|provider| &*provider.id == id)
    }

    /// Which slugs there are.
    pub fn pool(&self) -> &Arc<PoolMap> {
        &self.pool
    }

    /// The names that the user gave to models.
    pub fn aliases(&self) -> &[Alias] {
        &self.aliases
    }

    /// What answers a request that names no model, if anything does.
    pub fn default_model(&self) -> Option<&str> {
        self.default_model.as_deref()
    }

    /// The slug to set up a client with, if nobody chose one: the default model, else the first
    /// model of the first provider that can be used.
    pub fn suggested_slug(&self) -> Option<String> {
        let mut usable = self.providers.iter().filter(|provider| provider.usable().is_ok());
        self.default_model.clone().or_else(|| usable.find_map(|it| it.default_slug()))
    }

    /// Names that are answered though the pool does not list them: aliases, the default model, those of
    /// open providers, and `chosen` if it is one. A client that is told about models by a catalog has to
    /// be told about these, too.
    pub fn unlisted(&self, chosen: Option<&str>) -> Vec<PoolEntry> {
        let aliases = self.aliases.iter().map(|alias| alias.name.clone());
        let defaults = self.providers.iter().filter_map(|provider| provider.default_slug());
        let single = [self.default_model.as_deref(), chosen].into_iter().flatten();
        let mut entries: Vec<PoolEntry> = Vec::new();
        for name in aliases.chain(single.map(str::to_owned)).chain(defaults) {
            if self.pool.get(&name).is_some() || entries.iter().any(|it| *it.slug == *name) {
                continue;
            }
            entries.extend(self.entry_of(&name));
        }
        entries
    }

    /// The names of `[codex.slots]`, each as a model of the pool. Those that nobody answers for now are
    /// left out.
    pub fn slots(&self) -> Vec<PoolEntry> {
        let slots = self.aliases.iter().filter(|alias| alias.slot);
        slots.filter_map(|slot| self.entry_of(&slot.name)).collect()
    }

    /// The name under which a picker shows the model of a slug, where Codex is shown slots.
    pub fn slot_of(&self, slug: &str) -> Option<&str> {
        let stands_for =
            |alias: &&Alias| alias.slot && alias.targets.iter().any(|it| it.slug == slug);
        let slot = self.aliases.iter().find(stands_for);
        slot.filter(|_| self.settings.codex.catalog == CatalogMode::Slots)
            .map(|it| it.name.as_str())
    }

    /// The first model that answers for a name, under that name.
    fn entry_of(&self, name: &str) -> Option<PoolEntry> {
        let target = self.route(Some(name)).ok()?.targets.into_iter().next()?;
        let Target { provider, model, .. } = target;
        Some(PoolEntry { slug: name.into(), provider, model, exposed: true })
    }

    /// Where reasoning and responses are kept, and how much of them.
    pub fn store(&self) -> &Store {
        &self.store
    }

    /// The dialects that providers speak.
    pub fn dialects(&self) -> &Arc<Dialects> {
        &self.dialects
    }

    /// What works, but deserves a look: keys that are not there, windows that are assumed.
    pub fn warnings(&self) -> &[Problem] {
        &self.warnings
    }

    /// Every effective value and where it came from. Secrets appear by their name only.
    pub fn rows(&self) -> &[Row] {
        &self.rows
    }

    /// Every secret that the snapshot holds, for whoever scrubs them from what leaves the process.
    pub fn secrets(&self) -> impl Iterator<Item = &Secret> {
        let of_providers = self.providers.iter().flat_map(|provider| {
            let keys = provider.keys.iter().map(|key| &key.secret);
            keys.chain(provider.headers.iter().map(Header::secret))
        });
        let of_store = match &self.store.place {
            StorePlace::Redis(url) => url.password(),
            StorePlace::Memory | StorePlace::Sqlite => None,
        };
        of_providers.chain(of_store)
    }
}
