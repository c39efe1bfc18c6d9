//! Trying a provider's address.

use std::time::{Duration, Instant};

use interlingua_ir::{Class, Fault};
use interlingua_registry::{BaseUrl, ListedModel, Provider};
use interlingua_upstream::{ProxySettings, Upstream};

use crate::failure::Failure;
use crate::output;

/// How long a provider may take to list its models.
const PATIENCE: Duration = Duration::from_secs(20);

/// What came of asking at one address.
#[derive(Debug)]
pub(super) struct Attempt {
    /// The address that was asked.
    pub(super) base_url: BaseUrl,
    /// The models, or why there are none.
    pub(super) outcome: Result<Vec<ListedModel>, Fault>,
    /// How long it took.
    pub(super) took: Duration,
}

/// Asks a provider for its models.
///
/// # Errors
///
/// When this machine cannot ask at all.
pub(super) fn ask(provider: &Provider) -> Result<Attempt, Failure> {
    let begun = Instant::now();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let outcome = runtime.and_then(|runtime| {
        // Wherever nobody listens, name lookup may still be at work on a thread of its own.
        let outcome = runtime.block_on(within(provider));
        runtime.shutdown_background();
        outcome
    });
    let outcome = outcome.map_err(|it| Failure::argument(format!("nothing can be asked: {it}")))?;
    Ok(Attempt { base_url: provider.base_url.clone(), outcome, took: begun.elapsed() })
}

async fn within(provider: &Provider) -> std::io::Result<Result<Vec<ListedModel>, Fault>> {
    let proxies = ProxySettings::read(|name| std::env::var(name).ok());
    let upstream = Upstream::new(&proxies, provider.timeouts.connect)?;
    let asked = tokio::time::timeout(PATIENCE, upstream.models(provider)).await;
    Ok(asked.unwrap_or_else(|_| {
        let what = format!("{} did not answer within {} s", provider.id, PATIENCE.as_secs());
        Err(Fault::new(Class::Timeout, what).by(&provider.id))
    }))
}

impl Attempt {
    /// Whether another path at the same host might be the right one.
    pub(super) fn missed(&self) -> bool {
        let fault = self.outcome.as_ref().err();
        fault.is_some_and(|it| it.class == Class::Upstream && it.transient == Some(false))
    }

    /// Where the list was asked for.
    pub(super) fn url(&self) -> String {
        self.base_url.join("/models")
    }

    /// Tells a person what was tried and what came of it.
    pub(super) fn tell(&self) {
        let (url, took) = (self.url(), self.took.as_millis());
        match &self.outcome {
            Ok(models) => {
                let s = if models.len() == 1 { "" } else { "s" };
                output::say(&format!("tried {url}: {} model{s}, {took} ms", models.len()));
            }
            Err(fault) => output::say(&format!("tried {url}: {fault}")),
        }
    }
}

/// The same address with `/v1` at its end, or without.
pub(super) fn variant(base_url: &BaseUrl) -> Option<BaseUrl> {
    let text = base_url.to_string();
    let other = match text.strip_suffix("/v1") {
        Some(without) => without.to_owned(),
        None => format!("{text}/v1"),
    };
    BaseUrl::parse(&other).ok()
}
