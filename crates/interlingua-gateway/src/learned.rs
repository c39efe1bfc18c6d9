//! What upstreams have refused from everybody, so that they are spared it from then on.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::sync::{Mutex, MutexGuard, PoisonError};

use interlingua_dialect::Fix;
use interlingua_registry::Target;
use interlingua_translate::Repairs;

/// How many models are remembered. A configuration has fewer; providers that are open may be asked for
/// more.
const MAX_MODELS: usize = 1024;

/// The parameters that models turned out not to take, and the longest answers that they give.
///
/// Something is remembered once a request without it was answered. It lives as long as its
/// configuration: whoever reloads it starts anew. Where nothing was refused, it costs a request one load.
#[derive(Debug, Default)]
pub(crate) struct Learned {
    any: AtomicBool,
    by_model: Mutex<HashMap<(String, String), Repairs>>,
}

impl Learned {
    /// What is known to be left out for a target.
    pub(crate) fn of(&self, target: &Target) -> Repairs {
        if !self.any.load(Relaxed) {
            return Repairs::default();
        }
        self.lock().get(&key(target)).cloned().unwrap_or_default()
    }

    /// Remembers that a target does not take `param`.
    pub(crate) fn bar(&self, target: &Target, param: &str) {
        if self.change(target, |known| known.add(Fix::DropParam, Some(param))) {
            let (provider, model) = (&target.provider.id, &target.model.id);
            tracing::warn!(%provider, %model, param, "the model does not take this parameter; it is left out until the configuration is reloaded");
        }
    }

    /// Remembers that a target answers with no more than so many tokens.
    pub(crate) fn limit(&self, target: &Target, tokens: u64) {
        if self.change(target, |known| known.limit_answer(tokens)) {
            let (provider, model) = (&target.provider.id, &target.model.id);
            tracing::warn!(%provider, %model, tokens, "the model answers with no more tokens; it is asked for no more until the configuration is reloaded");
        }
    }

    /// Changes what is known about a target; tells whether that is new.
    fn change(&self, target: &Target, change: impl FnOnce(&mut Repairs) -> bool) -> bool {
        let mut known = self.lock();
        let key = key(target);
        if known.len() >= MAX_MODELS && !known.contains_key(&key) {
            return false;
        }
        self.any.store(true, Relaxed);
        change(known.entry(key).or_default())
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<(String, String), Repairs>> {
        self.by_model.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn key(target: &Target) -> (String, String) {
    (target.provider.id.to_string(), target.model.id.to_string())
}
