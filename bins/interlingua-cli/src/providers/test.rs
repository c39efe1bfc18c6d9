//! `interlingua providers test`

use clap::Args;
use interlingua_registry::Provider;
use serde_json::{Value, json};

use super::attempt::{Attempt, ask, variant};
use crate::failure::Failure;
use crate::output;
use crate::read::Read;

/// Ask a provider for its models, to see whether address and key are right.
#[derive(Debug, Args)]
pub(crate) struct Options {
    /// The provider
    id: String,
    #[command(flatten)]
    read: Read,
}

pub(super) fn run(options: &Options) -> Result<(), Failure> {
    let loaded = options.read.load()?;
    let provider = super::find(&loaded.snapshot, &options.id)?;
    let attempt = ask(&loaded.snapshot, provider)?;
    if options.read.json {
        let outcome = &attempt.outcome;
        output::print_json(&json!({
            "schema": "interlingua.provider-test/1",
            "id": &*provider.id,
            "ok": outcome.is_ok(),
            "usable": provider.usable().is_ok(),
            "why": provider.usable().err().map(|why| why.to_string()),
            "keys": provider.keys.iter().map(|key| &key.name).collect::<Vec<_>>(),
            "tried": [as_json(&attempt)],
        }))?;
    }
    match &attempt.outcome {
        Ok(models) => {
            if !options.read.json {
                attempt.tell();
                compare(provider, models.iter().map(|model| model.id.as_str()));
            }
            Ok(())
        }
        Err(fault) => {
            output::say(&format!("tried {}", attempt.url()));
            if let (true, Some(other)) = (attempt.missed(), variant(&provider.base_url)) {
                output::hint(&format!(
                    "perhaps it is at {other}: `interlingua providers edit {} --set base_url={other}` tries that",
                    provider.id
                ));
            }
            if let Some(remedy) = attempt.remedy(provider) {
                output::hint(&remedy);
            }
            Err(Failure::provider(fault))
        }
    }
}

/// Says which of the models that the configuration names are not among those that there are.
fn compare<'m>(provider: &Provider, listed: impl Iterator<Item = &'m str>) {
    let listed: Vec<&str> = listed.collect();
    let named = provider.models.listed().iter().map(|model| &*model.id);
    let missing: Vec<_> = named.filter(|id| !listed.contains(id)).collect();
    if !missing.is_empty() && !listed.is_empty() {
        output::hint(&format!("it does not list {}", missing.join(", ")));
    }
}

fn as_json(attempt: &Attempt) -> Value {
    let fault = attempt.outcome.as_ref().err();
    json!({
        "base_url": attempt.base_url.to_string(),
        "ok": fault.is_none(),
        "models": attempt.outcome.as_ref().ok().map(Vec::len),
        "class": fault.map(|fault| fault.class.name()),
        "status": fault.and_then(|fault| fault.status),
        "message": fault.map(ToString::to_string),
        "ms": u64::try_from(attempt.took.as_millis()).unwrap_or(u64::MAX),
    })
}
