//! What upstreams have refused by name, so that they are spared it from then on.

use std::collections::HashMap;
use std::sync::Mutex;

use interlingua_dialect::Fix;
use interlingua_registry::Target;
use interlingua_translate::Repairs;

/// How many models are remembered. A configuration has fewer; providers that are open may be asked for
/// more.
const MAX_MODELS: usize = 1024;

/// The parameters that models turned out not to take.
///
/// A parameter is remembered once a request without it was answered. It lives as long as its
/// configuration: whoever reloads it starts anew.
#[derive(Debug, Default)]
pub(crate) struct Learned(Mutex<HashMap<(String, String), Repairs>>);

impl Learned {
    /// What is known to be left out for a target.
    pub(crate) fn of(&self, target: &Target) -> Repairs {
        let known = self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        known.get(&key(target)).cloned().unwrap_or_default()
    }

    /// Remembers that a target does not take `param`.
    pub(crate) fn add(&self, target: &Target, param: &str) {
        let mut known = self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        let key = key(target);
        if known.len() >= MAX_MODELS && !known.contains_key(&key) {
            return;
        }
        if known.entry(key).or_default().add(Fix::DropParam, Some(param)) {
            let (provider, model) = (&target.provider.id, &target.model.id);
            tracing::warn!(%provider, %model, param, "the model does not take this parameter; it is left out until the configuration is reloaded");
        }
    }
}

fn key(target: &Target) -> (String, String) {
    (target.provider.id.to_string(), target.model.id.to_string())
}
