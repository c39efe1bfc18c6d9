//! What Codex is pointed to, as the arguments say it.

use std::path::PathBuf;

use clap::Args;
use interlingua_codex_integration::{Access, CatalogSource, Choice, ConfigOptions};
use interlingua_proxy::{Loaded, StartError};
use interlingua_registry::{PoolEntry, Snapshot};

use crate::choice::{choose, hint, offer};
use crate::failure::Failure;
use crate::gateway::Gateway;

/// The variable that holds the client key unless another is named.
pub(crate) const ENV_KEY: &str = "INTERLINGUA_KEY";

/// The gateway and the model.
#[derive(Debug, Args)]
pub(crate) struct Target {
    /// The model to start with: a slug, a provider, a shortcut
    #[arg(long, value_name = "NAME")]
    pub(crate) model: Option<String>,
    /// Let Codex take the client key from this variable
    #[arg(long, value_name = "NAME", num_args = 0..=1, default_missing_value = ENV_KEY)]
    env_key: Option<String>,
    #[command(flatten)]
    gateway: Gateway,
}

impl Target {
    /// The configured gateway.
    pub(crate) fn new(model: Option<String>, config: Option<PathBuf>) -> Self {
        Self { model, env_key: None, gateway: Gateway::new(config) }
    }

    /// The one that other arguments speak of.
    pub(crate) fn at(model: Option<String>, env_key: Option<String>, gateway: Gateway) -> Self {
        Self { model, env_key, gateway }
    }

    /// Reads the configuration.
    pub(crate) fn load(&self, wanted: Option<&str>) -> Result<Loaded, StartError> {
        self.gateway.load(wanted)
    }

    /// The same, where the configuration has been read.
    pub(crate) fn with_vendor(
        &self,
        loaded: Loaded,
        wanted: Option<&str>,
    ) -> Result<Loaded, StartError> {
        self.gateway.with_vendor(loaded, wanted)
    }

    /// Where Codex reaches the gateway.
    pub(crate) fn base_url(&self, snapshot: &Snapshot) -> Result<String, Failure> {
        self.gateway.base_url(snapshot)
    }

    /// The variable from which Codex takes its key. A gateway that asks for keys keeps their hashes
    /// only, so there is nothing else to write.
    pub(crate) fn env_key(&self, snapshot: &Snapshot) -> Option<&str> {
        match self.env_key.as_deref() {
            None if !snapshot.client_keys().is_open() => Some(ENV_KEY),
            asked => asked,
        }
    }

    /// What Codex's configuration is to say.
    pub(crate) fn options(
        &self,
        snapshot: &Snapshot,
        choice: &Choice<'_>,
        catalog: CatalogSource,
    ) -> Result<ConfigOptions, Failure> {
        Ok(self.options_at(self.base_url(snapshot)?, snapshot, choice, catalog))
    }

    /// The same for a gateway that is elsewhere.
    pub(crate) fn options_at(
        &self,
        base_url: String,
        snapshot: &Snapshot,
        choice: &Choice<'_>,
        catalog: CatalogSource,
    ) -> ConfigOptions {
        let env_key = self.env_key(snapshot).map(str::to_owned);
        ConfigOptions {
            base_url,
            model: choice.slug.clone(),
            access: env_key.map_or_else(Access::local, Access::EnvKey),
            catalog,
            search: choice.can_search(),
        }
    }

    /// The model that is asked for; else the one that Codex has already, if the gateway has it, too;
    /// else a suggested one. `aliases` are names that the gateway's catalog has though no provider does.
    pub(crate) fn choose<'s>(
        &self,
        snapshot: &'s Snapshot,
        current: Option<&str>,
        aliases: &'s [PoolEntry],
    ) -> Result<Choice<'s>, Failure> {
        let choice = self.choose_any(snapshot, current, aliases)?;
        // A picker that hides the slug would show a model that it does not know.
        let slot = snapshot.slot_of(&choice.slug).map(str::to_owned);
        Ok(Choice { slug: slot.unwrap_or(choice.slug), ..choice })
    }

    fn choose_any<'s>(
        &self,
        snapshot: &'s Snapshot,
        current: Option<&str>,
        aliases: &'s [PoolEntry],
    ) -> Result<Choice<'s>, Failure> {
        let Some(current) = current.filter(|_| self.model.is_none()) else {
            return choose(snapshot, self.model.as_deref());
        };
        if let Some(entry) = aliases.iter().find(|entry| *entry.slug == *current) {
            let (provider, model) = (&entry.provider, Some(&entry.model));
            return Ok(Choice { slug: current.to_owned(), provider, model });
        }
        choose(snapshot, Some(current).filter(|slug| offer(snapshot).has(slug)))
    }

    /// What the choice asks of the person.
    pub(crate) fn hints(&self, snapshot: &Snapshot, choice: &Choice<'_>) -> Vec<String> {
        let provider = choice.provider;
        let mut hints: Vec<_> = hint(provider).into_iter().collect();
        if choice.model.is_none() && provider.default_slug().as_deref() != Some(&choice.slug) {
            hints.push(format!(
                "Codex gives tools only to models in the gateway's catalog; list `{}` under \
                 `[[providers.{}.models]]` of the gateway's configuration",
                choice.slug, provider.id
            ));
        }
        match self.env_key(snapshot) {
            Some(name) if snapshot.client_keys().is_open() => {
                hints
                    .push(format!("Codex reads `{name}`; any text will do while no key is needed"));
            }
            Some(name) => hints.push(format!(
                "the gateway wants a client key and keeps its hash only; set `{name}` to what \
                 `interlingua keys add` printed, where Codex runs"
            )),
            None => {}
        }
        hints
    }
}
