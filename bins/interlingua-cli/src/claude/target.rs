//! What Claude Code is pointed to, as the arguments say it.

use std::sync::Arc;

use clap::Args;
use interlingua_clients::claude::{Limits, Options, OwnedKey, Setup, Tiers, limits};
use interlingua_codex_integration::Choice;
use interlingua_registry::{LOCAL_TOKEN, Model, Secret, Snapshot};

use super::home::has_model;
use crate::choice::{hint, pick};
use crate::codex::ENV_KEY;
use crate::failure::Failure;
use crate::gateway::Gateway;

/// The gateway, the key, and the models.
#[derive(Debug, Args)]
pub(crate) struct Target {
    #[command(flatten)]
    pub(crate) models: Models,
    #[command(flatten)]
    pub(crate) key: Key,
    #[command(flatten)]
    pub(crate) gateway: Gateway,
}

/// What Claude Code shows to the gateway.
#[derive(Debug, Args)]
pub(crate) struct Key {
    /// The client key, where the gateway wants one
    #[arg(long, value_name = "KEY", conflicts_with = "key_env")]
    key: Option<String>,
    /// Take the client key from this variable, now
    #[arg(long, value_name = "NAME", num_args = 0..=1, default_missing_value = ENV_KEY)]
    key_env: Option<String>,
}

/// Which models Claude Code uses.
#[derive(Debug, Default, Args)]
pub(crate) struct Models {
    /// The model to start with: a slug, an alias, a provider, a shortcut
    #[arg(long, value_name = "NAME")]
    pub(crate) model: Option<String>,
    /// What Claude Code calls `opus`, if not the model to start with
    #[arg(long, value_name = "NAME")]
    opus: Option<String>,
    /// What Claude Code calls `sonnet`, if not the model to start with
    #[arg(long, value_name = "NAME")]
    sonnet: Option<String>,
    /// What Claude Code calls `haiku`, if not the model to start with
    #[arg(long, value_name = "NAME")]
    haiku: Option<String>,
    /// What Claude Code calls `fable`, if not the model to start with
    #[arg(long, value_name = "NAME")]
    fable: Option<String>,
}

/// The models that were chosen.
pub(crate) struct Chosen<'s> {
    main: Choice<'s>,
    tiers: Tiers,
    limits: Limits,
}

impl Models {
    /// Finds them. What stands in the settings stays, if the gateway has it and no other is named.
    pub(crate) fn choose<'s>(
        &self,
        snapshot: &'s Snapshot,
        setup: &Setup,
    ) -> Result<Chosen<'s>, Failure> {
        let set = |key: OwnedKey| {
            let mut models = setup.models.iter();
            models.find(|it| it.0 == key).map(|it| it.1.as_str())
        };
        let stands = |name: &&str| has_model(snapshot, name);
        let before = set(OwnedKey::MODEL);
        let main = pick(snapshot, self.model.as_deref().or(before.filter(stands)))?;
        let tier = |asked: &Option<String>, key: OwnedKey| match asked {
            Some(name) => pick(snapshot, Some(name)).map(|it| Some(it.slug)),
            // What follows the model to start with goes on following it.
            None => Ok(set(key).filter(|it| Some(*it) != before).filter(stands).map(str::to_owned)),
        };
        let tiers = Tiers {
            opus: tier(&self.opus, OwnedKey::OPUS)?,
            sonnet: tier(&self.sonnet, OwnedKey::SONNET)?,
            haiku: tier(&self.haiku, OwnedKey::HAIKU)?,
            fable: tier(&self.fable, OwnedKey::FABLE)?,
        };
        let limits = limits_of(snapshot, &main, &tiers);
        Ok(Chosen { main, tiers, limits })
    }
}

impl Chosen<'_> {
    /// What Claude Code's settings are to say.
    pub(crate) fn options(&self, base_url: String, token: Secret) -> Options {
        Options {
            base_url,
            token,
            model: self.main.slug.clone(),
            tiers: self.tiers.clone(),
            context_window: self.limits.context_window,
            max_output_tokens: self.limits.max_output_tokens,
        }
    }

    /// What the choice asks of the person.
    pub(crate) fn hints(&self) -> Vec<String> {
        let mut hints: Vec<_> = hint(self.main.provider).into_iter().collect();
        if !self.limits.assumed.is_empty() {
            hints.push(format!(
                "the window of {} is not known, so `{}` is left out, and Claude Code takes it for a \
                 million tokens; say `context_window` in the gateway's configuration",
                quoted(&self.limits.assumed),
                OwnedKey::WINDOW.name()
            ));
        }
        hints
    }
}

impl Key {
    /// The key. A gateway that asks for keys keeps their hashes only, so one has to be given, or be
    /// there already.
    pub(crate) fn token(&self, snapshot: &Snapshot, setup: &Setup) -> Result<Secret, Failure> {
        let secret = |text: &str| Secret::new(text.to_owned());
        if let Some(key) = &self.key {
            return Ok(secret(key));
        }
        if let Some(name) = &self.key_env {
            let found = std::env::var(name).ok().filter(|it| !it.is_empty());
            let found = found.map(Secret::new);
            return found.ok_or_else(|| Failure::argument(format!("`{name}` is not set here")));
        }
        if snapshot.client_keys().is_open() {
            return Ok(secret(LOCAL_TOKEN));
        }
        let admitted = |key: &Secret| snapshot.client_keys().admit(Some(key.expose())).is_some();
        let variable = std::env::var(ENV_KEY).ok().map(Secret::new);
        let known = variable.into_iter().chain(setup.token.clone()).find(admitted);
        known.ok_or_else(|| {
            Failure::argument(
                "the gateway wants a client key, and keeps the hashes of its keys only",
            )
            .hint("`interlingua keys add claude` makes one; give it by `--key-env <NAME>`")
        })
    }

    /// Whether none was given.
    pub(crate) fn is_unnamed(&self) -> bool {
        self.key.is_none() && self.key_env.is_none()
    }
}

/// What holds for everyone who may answer, whichever of the names is asked for.
fn limits_of(snapshot: &Snapshot, main: &Choice<'_>, tiers: &Tiers) -> Limits {
    let Tiers { opus, sonnet, haiku, fable } = tiers;
    let names = [Some(&main.slug), opus.as_ref(), sonnet.as_ref(), haiku.as_ref(), fable.as_ref()];
    let mut models: Vec<(String, Option<Arc<Model>>)> = Vec::new();
    for name in names.into_iter().flatten() {
        match snapshot.route(Some(name)) {
            Ok(route) => models
                .extend(route.targets.into_iter().map(|it| (it.slug.to_string(), Some(it.model)))),
            Err(_) => {
                let known = snapshot.pool().get(name).map(|entry| entry.model.clone());
                models.push((name.clone(), known));
            }
        }
    }
    limits(models.iter().map(|(name, model)| (name.as_str(), model.as_deref())))
}

fn quoted(names: &[String]) -> String {
    let names: Vec<_> = names.iter().map(|it| format!("`{it}`")).collect();
    names.join(", ")
}
