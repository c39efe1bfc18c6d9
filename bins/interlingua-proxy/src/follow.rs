//! Keeps a running gateway in step with its files and with its providers' models.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use interlingua_gateway::State;
use interlingua_registry::files::{Look, look};
use interlingua_registry::load::{discovered, keep_discovered};
use interlingua_registry::{Discovered, Snapshot};
use tokio::sync::mpsc;

use crate::catalogs;
use crate::discovery::{Discovery, Told, now, tells};
use crate::load::{Files, Loaded, Start, reload};

/// How often the files are looked at. A look costs a few system calls, and unlike the system's own
/// notices it works on every file system.
const LOOK: Duration = Duration::from_secs(1);

/// How long a changed file has to rest before it is read: editors write in steps.
const REST: Duration = Duration::from_millis(100);

/// Looks that a file has to come to rest.
const MOST_LOOKS: usize = 20;

/// Answers of providers that may wait to be taken.
const WAITING: usize = 16;

/// Follows the files that the configuration was made from, SIGHUP, and what open providers say about
/// their models. What cannot be put into force leaves what is, and is told: in the log, and by the
/// gateway's `/status`.
pub(crate) async fn follow(start: Start, loaded: Loaded, state: Arc<State>, mut hangup: Hangup) {
    let (tell, mut told) = mpsc::channel(WAITING);
    let discovered = discovered(&loaded.paths);
    let mut follower = Follower {
        start,
        files: loaded.files.clone(),
        loaded,
        state,
        discovered,
        discovery: Discovery::default(),
        other_models: false,
        stale_catalogs: true,
        tell,
    };
    let mut clock = tokio::time::interval(LOOK);
    clock.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        follower.ask();
        tokio::select! {
            _ = clock.tick() => {
                follower.keep_up(&mut hangup).await;
                follower.keep_catalogs().await;
            }
            () = hangup.next() => follower.reload(SIGHUP).await,
            Some(answer) = told.recv() => follower.told(answer),
        }
    }
}

struct Follower {
    start: Start,
    /// What the last attempt to load depends on.
    files: Files,
    loaded: Loaded,
    state: Arc<State>,
    discovered: Discovered,
    discovery: Discovery,
    /// What is discovered is neither in force nor in the cache yet.
    other_models: bool,
    /// Codex may have catalog files that are not in step.
    stale_catalogs: bool,
    tell: mpsc::Sender<Told>,
}

impl Follower {
    /// Reads everything anew if something has changed. Providers that answer together are taken in
    /// together, because a password store may be asked for its keys each time.
    async fn keep_up(&mut self, hangup: &mut Hangup) {
        let changed = self.changed(hangup).await;
        let other_models = std::mem::take(&mut self.other_models);
        if other_models {
            self.keep_discovered().await;
        }
        match (changed, other_models) {
            (Some(because), _) => self.reload(because).await,
            (None, true) => self.reload("a provider lists other models").await,
            (None, false) => {}
        }
    }

    /// Why to read anew, if some file is another one than before: all have come to rest, or whoever writes them
    /// says that they shall be read.
    async fn changed(&mut self, hangup: &mut Hangup) -> Option<&'static str> {
        let mut seen = self.look().await;
        if seen == self.files {
            return None;
        }
        for _ in 0..MOST_LOOKS {
            tokio::select! {
                () = hangup.next() => return Some(SIGHUP),
                () = tokio::time::sleep(REST) => {}
            }
            let again = self.look().await;
            if again == std::mem::replace(&mut seen, again.clone()) {
                break;
            }
        }
        Some("its files have changed")
    }

    /// The same files as they are now.
    async fn look(&self) -> Files {
        let files = self.files.clone();
        let look = move |(path, _): (PathBuf, Look)| {
            let now = look(&path);
            (path, now)
        };
        let looks = tokio::task::spawn_blocking(move || files.into_iter().map(look).collect());
        looks.await.unwrap_or_default()
    }

    /// Reads everything anew and puts it into force, or tells why not.
    async fn reload(&mut self, because: &str) {
        let (start, discovered) = (self.start.clone(), self.discovered.clone());
        // A program that prints a key may take its time.
        let loading = tokio::task::spawn_blocking(move || reload(&start, discovered));
        let Ok((files, result)) = loading.await else { return };
        self.files = files;
        match result {
            Ok(loaded) => {
                let (old, new) = (&self.loaded.snapshot, &loaded.snapshot);
                let number = self.state.replace(Arc::clone(new));
                let known: Vec<&str> = old.warnings().iter().map(|it| it.what.as_str()).collect();
                for warning in new.warnings().iter().filter(|it| !known.contains(&&*it.what)) {
                    tracing::warn!("{warning}");
                }
                let (added, removed) = (offered(new, old), offered(old, new));
                tracing::info!(
                    because,
                    number,
                    ?added,
                    ?removed,
                    "a new configuration is in force"
                );
                if old.settings().listen != new.settings().listen
                    || old.settings().workers != new.settings().workers
                    || old.store() != new.store()
                {
                    tracing::warn!("`listen`, `workers` and `store` take effect at the next start");
                }
                self.state.retain_synced(|what| {
                    new.providers().iter().any(|it| tells(new, it) && *what == models_of(&it.id))
                        || [CACHE, catalogs::WHAT].contains(&what)
                });
                self.loaded = loaded;
                self.stale_catalogs = true;
                self.keep_catalogs().await;
            }
            Err(error) => {
                tracing::error!(because, "the configuration in force stays: {error}");
                self.state.refuse(error.to_string());
            }
        }
    }

    async fn keep_catalogs(&mut self) {
        if self.stale_catalogs {
            let (snapshot, paths) = (Arc::clone(&self.loaded.snapshot), &self.loaded.paths);
            self.stale_catalogs = catalogs::keep(snapshot, paths.state.clone(), &self.state).await;
        }
    }

    /// Asks open providers whose lists are missing or old.
    fn ask(&mut self) {
        let snapshot = &self.loaded.snapshot;
        self.discovery.ask(snapshot, &self.discovered, &self.state, &self.tell);
    }

    /// Takes in what a provider says about its models.
    fn told(&mut self, told: Told) {
        if !self.discovery.told(&told) {
            return;
        }
        let Told { provider, result } = told;
        let what = models_of(&provider.id);
        match result {
            Ok(models) => {
                self.state.synced(&what, Ok(()));
                let count = models.len();
                if self.discovered.keep(&provider, now(), models) {
                    tracing::info!(provider = %provider.id, count, "the provider lists its models");
                    self.other_models = true;
                }
            }
            Err(fault) if matches!(fault.status, Some(404 | 405)) => {
                tracing::info!(provider = %provider.id, "the provider lists no models: {fault}");
                self.state.synced(&what, Ok(()));
            }
            Err(fault) => {
                tracing::warn!(provider = %provider.id, "its models are not known: {fault}");
                self.state.synced(&what, Err(fault.to_string()));
            }
        }
    }

    /// Keeps what is discovered for the next start.
    async fn keep_discovered(&mut self) {
        let ids = self.loaded.snapshot.providers().iter().map(|provider| &*provider.id);
        self.discovered.retain(ids);
        let (paths, discovered) = (self.loaded.paths.clone(), self.discovered.clone());
        let keeping = tokio::task::spawn_blocking(move || keep_discovered(&paths, &discovered));
        // The runtime is going away otherwise.
        let Ok(kept) = keeping.await else { return };
        if let Err(error) = &kept {
            tracing::warn!(%error, "the providers' models cannot be kept in the cache");
        }
        self.state.synced(CACHE, kept.map_err(|error| error.to_string()));
    }
}

/// Why the configuration is read when the signal says so.
const SIGHUP: &str = "SIGHUP";

/// By what `/status` calls the file that keeps the providers' models.
const CACHE: &str = "cache of models";

fn models_of(provider: &str) -> String {
    format!("models of {provider}")
}

/// Slugs that the log shows of what came or went.
const SHOWN: usize = 20;

/// The slugs that one configuration offers and the other does not; of many the first, and how many
/// more.
fn offered(of: &Snapshot, not_of: &Snapshot) -> Vec<String> {
    let only = of.pool().offered().filter(|entry| {
        not_of.pool().get(&entry.slug).is_none_or(|it| !it.is_usable() || !it.exposed)
    });
    let mut slugs: Vec<String> = only.map(|entry| entry.slug.to_string()).collect();
    if let Some(more @ 1..) = slugs.len().checked_sub(SHOWN) {
        slugs.truncate(SHOWN);
        slugs.push(format!("{more} more"));
    }
    slugs
}

/// The signal by which people tell servers to read their configuration.
pub(crate) struct Hangup {
    #[cfg(unix)]
    signal: Option<tokio::signal::unix::Signal>,
}

impl Hangup {
    pub(crate) fn new() -> Self {
        Self {
            #[cfg(unix)]
            signal: tokio::signal::unix::signal(tokio::signal::unix::SignalKind::hangup())
                .inspect_err(|error| tracing::warn!(%error, "SIGHUP cannot be heard"))
                .ok(),
        }
    }

    async fn next(&mut self) {
        #[cfg(unix)]
        if let Some(signal) = &mut self.signal
            && signal.recv().await.is_some()
        {
            return;
        }
        std::future::pending::<()>().await;
    }
}

#[cfg(test)]
mod tests {
    use interlingua_registry::{Environment, RawConfig, check};

    use super::*;

    #[test]
    fn a_long_list_of_models_does_not_fill_the_log() {
        let snapshot = |count| {
            let models: Vec<_> = (0..count).map(|n| format!("{{ id = 'm{n}' }}")).collect();
            let models = models.join(", ");
            let url = "http://127.0.0.1:1";
            let config = format!("[providers.up]\nbase_url = '{url}'\nmodels = [{models}]");
            let raw = RawConfig::new().file("config.toml", &config);
            check(&raw, &Arc::default(), &Environment::default()).unwrap()
        };
        let [few, more, many] = [1, 2, 500].map(snapshot);
        assert_eq!(offered(&few, &many), [""; 0]);
        assert_eq!(offered(&more, &few), ["up/m1"]);
        let shown = offered(&many, &few);
        assert_eq!((shown.len(), shown[SHOWN].as_str()), (SHOWN + 1, "479 more"));
    }
}
