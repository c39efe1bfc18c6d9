//! Trying a provider's address.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use interlingua_ir::{Class, Fault};
use interlingua_registry::load::{discovered, keep_discovered};
use interlingua_registry::{BaseUrl, KeyState, ListedModel, Provider, Scrubber, Snapshot};
use interlingua_upstream::{ProxySettings, Upstream};

use crate::failure::Failure;
use crate::{output, paths};

/// How long a provider may take to list its models.
const PATIENCE: Duration = Duration::from_secs(20);

/// What came of asking at one address.
#[derive(Debug)]
pub(crate) struct Attempt {
    /// The address that was asked.
    pub(crate) base_url: BaseUrl,
    /// The models, or why there are none.
    pub(crate) outcome: Result<Vec<ListedModel>, Fault>,
    /// How long it took.
    pub(crate) took: Duration,
}

/// Asks a provider for its models. What an open one tells is kept, as a running gateway keeps it, so that
/// the other commands know its models before any gateway has run.
///
/// # Errors
///
/// When this machine cannot ask at all.
pub(crate) fn ask(snapshot: &Snapshot, provider: &Provider) -> Result<Attempt, Failure> {
    let begun = Instant::now();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let outcome = runtime.and_then(|runtime| {
        // Wherever nobody listens, name lookup may still be at work on a thread of its own.
        let outcome = runtime.block_on(within(provider));
        runtime.shutdown_background();
        outcome
    });
    let outcome = outcome.map_err(|it| Failure::argument(format!("nothing can be asked: {it}")))?;
    let outcome = outcome.map_err(|mut fault| {
        Scrubber::of(snapshot).mask_fault(&mut fault);
        fault
    });
    if let Ok(models) = &outcome
        && provider.models.is_open()
        && snapshot.settings().discover
    {
        keep(provider, models);
    }
    Ok(Attempt { base_url: provider.base_url.clone(), outcome, took: begun.elapsed() })
}

fn keep(provider: &Provider, models: &[ListedModel]) {
    let Ok(paths) = paths::find() else { return };
    let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |it| it.as_secs());
    let mut all = discovered(&paths);
    all.keep(provider, now, models.to_vec());
    if let Err(error) = keep_discovered(&paths, &all) {
        output::say(&format!("warning: its models cannot be kept in the cache: {error}"));
    }
}

/// What a provider says the time is, if it says so.
pub(crate) fn date(provider: &Provider) -> Option<SystemTime> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().ok()?;
    let date = runtime.block_on(async {
        let upstream = upstream(provider).ok()?;
        tokio::time::timeout(PATIENCE, upstream.date(provider)).await.ok()?.ok()?
    });
    runtime.shutdown_background();
    date
}

/// The client that the gateway would use.
pub(crate) fn upstream(provider: &Provider) -> std::io::Result<Upstream> {
    let proxies = ProxySettings::read(|name| std::env::var(name).ok());
    Upstream::new(&proxies, provider.timeouts.connect)
}

async fn within(provider: &Provider) -> std::io::Result<Result<Vec<ListedModel>, Fault>> {
    let upstream = upstream(provider)?;
    let asked = tokio::time::timeout(PATIENCE, upstream.models(provider)).await;
    Ok(asked.unwrap_or_else(|_| {
        let what = format!("{} did not answer within {} s", provider.id, PATIENCE.as_secs());
        Err(Fault::new(Class::Timeout, what).by(&provider.id))
    }))
}

impl Attempt {
    /// Whether another path at the same host might be the right one.
    pub(crate) fn missed(&self) -> bool {
        let fault = self.outcome.as_ref().err();
        fault.is_some_and(|it| it.class == Class::Upstream && it.transient == Some(false))
    }

    /// What to do where a key is wanted and none is named.
    pub(super) fn remedy(&self, provider: &Provider) -> Option<String> {
        let wants_key = self.outcome.as_ref().err().is_some_and(|it| it.class == Class::Auth);
        let none_named = provider.keys.is_empty() && provider.key_state != KeyState::OfClient;
        (wants_key && none_named).then(|| {
            let id = &provider.id;
            format!("say where its key is: `interlingua providers edit {id} --key-env <NAME>`")
        })
    }

    /// Where the list was asked for.
    pub(crate) fn url(&self) -> String {
        self.base_url.join("/models")
    }

    /// Tells a person what was tried and what came of it.
    pub(crate) fn tell(&self) {
        let (url, took) = (self.url(), self.took.as_millis());
        match &self.outcome {
            Ok(models) => {
                let models = output::count(models.len(), "model");
                output::say(&format!("tried {url}: {models}, {took} ms"));
            }
            Err(fault) => output::say(&format!("tried {url}: {fault}")),
        }
    }
}

/// The same address with `/v1` at its end, or without.
pub(crate) fn variant(base_url: &BaseUrl) -> Option<BaseUrl> {
    let text = base_url.to_string();
    let other = match text.strip_suffix("/v1") {
        Some(without) => without.to_owned(),
        None => format!("{text}/v1"),
    };
    BaseUrl::parse(&other).ok()
}
