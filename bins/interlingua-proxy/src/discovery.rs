//! Asking open providers which models they have.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use interlingua_gateway::State;
use interlingua_ir::Fault;
use interlingua_registry::{Discovered, KeyState, ListedModel, Provider, Snapshot};
use tokio::sync::mpsc;
use tokio::time::Instant;

/// How old a provider's list may become.
const FRESH: Duration = Duration::from_hours(1);

/// The first pause after a provider did not tell; it doubles up to [`FRESH`].
const FIRST_PAUSE: Duration = Duration::from_mins(1);

/// What a provider was asked, and when it may be asked again.
#[derive(Debug, Default)]
pub(crate) struct Discovery {
    asked: HashMap<String, Asked>,
}

#[derive(Debug)]
struct Asked {
    /// The account that was asked; another one is asked at once.
    identity: String,
    failures: u32,
    /// Not before; never while the question is open.
    next: Option<Instant>,
}

/// What a provider answered.
#[derive(Debug)]
pub(crate) struct Told {
    pub(crate) provider: Arc<Provider>,
    pub(crate) result: Result<Vec<ListedModel>, Fault>,
}

impl Discovery {
    /// Asks those whose lists are missing or old. Their answers come through `tell`.
    pub(crate) fn ask(
        &mut self,
        snapshot: &Snapshot,
        discovered: &Discovered,
        state: &Arc<State>,
        tell: &mpsc::Sender<Told>,
    ) {
        let now = Instant::now();
        self.asked.retain(|id, _| snapshot.provider(id).is_some_and(|it| tells(snapshot, it)));
        for provider in snapshot.providers().iter().filter(|provider| tells(snapshot, provider)) {
            let identity = provider.identity();
            let known = discovered.of(provider);
            match self.asked.get(&*provider.id).filter(|asked| asked.identity == identity) {
                Some(asked) if asked.next.is_none_or(|next| next > now) => continue,
                None if known.is_some_and(|listing| is_fresh(listing.at)) => continue,
                _ => {}
            }
            let failures = self.asked.get(&*provider.id).map_or(0, |asked| asked.failures);
            let asked = Asked { identity, failures, next: None };
            self.asked.insert(provider.id.to_string(), asked);
            let (provider, state, tell) = (Arc::clone(provider), Arc::clone(state), tell.clone());
            tokio::spawn(async move {
                let result = state.models(&provider).await;
                // Nobody listens any more when the gateway stops.
                drop(tell.send(Told { provider, result }).await);
            });
        }
    }

    /// Remembers when a provider may be asked again. `false` when this is the answer of a former one,
    /// which was removed or has another address or key by now.
    pub(crate) fn told(&mut self, told: &Told) -> bool {
        let asked = self.asked.get_mut(&*told.provider.id);
        let Some(asked) = asked.filter(|asked| asked.identity == told.provider.identity()) else {
            return false;
        };
        asked.failures = if told.result.is_ok() { 0 } else { asked.failures.saturating_add(1) };
        let pause = match asked.failures {
            0 => FRESH,
            failures => (FIRST_PAUSE * 2_u32.saturating_pow(failures.min(8) - 1)).min(FRESH),
        };
        asked.next = Some(Instant::now() + pause);
        true
    }
}

/// Whether a provider is asked: it may have models that nobody described, and they may be offered.
pub(crate) fn tells(snapshot: &Snapshot, provider: &Provider) -> bool {
    snapshot.settings().discover
        && provider.models.is_open()
        && provider.usable().is_ok()
        && provider.key_state != KeyState::OfClient
        && provider.expose.as_ref().is_none_or(|patterns| !patterns.is_empty())
}

/// Seconds since 1970.
pub(crate) fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |it| it.as_secs())
}

/// A list of tomorrow is not: some clock was wrong.
fn is_fresh(at: u64) -> bool {
    now().checked_sub(at).is_some_and(|age| age < FRESH.as_secs())
}

#[cfg(test)]
mod tests {
    use interlingua_registry::{Environment, RawConfig, check};

    use super::*;

    #[test]
    fn nobody_is_asked_where_the_user_forbids_it_or_nothing_would_come_of_it() {
        let tells = |top: &str, provider: &str| {
            let url = "http://127.0.0.1:1";
            let config = format!("{top}\n[providers.up]\nbase_url = '{url}'\n{provider}");
            let raw = RawConfig::new().file("config.toml", &config);
            let snapshot = check(&raw, &Arc::default(), &Environment::default()).unwrap();
            tells(&snapshot, snapshot.provider("up").unwrap())
        };
        assert!(tells("", ""));
        assert!(!tells("discover = false", ""));
        for provider in ["enabled = false", "key = { client = true }", "expose = []", "models = []"]
        {
            assert!(!tells("", provider), "{provider}");
        }
    }

    #[test]
    fn a_list_is_fresh_for_an_hour_and_not_before_it_was_made() {
        assert!(is_fresh(now()) && is_fresh(now() - 3_500));
        assert!(!is_fresh(now() - 3_600) && !is_fresh(now() + 60) && !is_fresh(u64::MAX));
    }
}
