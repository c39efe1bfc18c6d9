//! `interlingua providers list`

use clap::Args;
use interlingua_registry::{KeyState, Provider};
use serde_json::{Value, json};

use crate::failure::Failure;
use crate::output;
use crate::read::Read;

/// List the providers and say which can be used.
#[derive(Debug, Args)]
pub(crate) struct Options {
    #[command(flatten)]
    read: Read,
}

pub(super) fn run(options: &Options) -> Result<(), Failure> {
    let snapshot = options.read.load()?.snapshot;
    let providers: Vec<_> = snapshot.providers().iter().filter(|it| !it.is_demo()).collect();
    if options.read.json {
        return output::print_json(&json!({
            "schema": "interlingua.providers/1",
            "pool": snapshot.settings().expose_all_models,
            "default_model": snapshot.default_model(),
            "providers": providers.iter().map(|it| as_json(it)).collect::<Vec<_>>(),
        }));
    }
    let rows: Vec<_> = providers
        .iter()
        .map(|it| {
            [it.id.to_string(), it.name.clone(), it.base_url.to_string(), models(it), state(it)]
        })
        .collect();
    output::print(&output::columns(&rows))?;
    if providers.is_empty() {
        output::hint("add one with `interlingua providers add`, or set a vendor's key");
    }
    Ok(())
}

fn models(provider: &Provider) -> String {
    let count = provider.models.listed().len();
    match (count, provider.models.is_open()) {
        (0, true) => "models not known".to_owned(),
        (count, true) => format!("{count}+ models"),
        (count, false) => output::count(count, "model"),
    }
}

fn state(provider: &Provider) -> String {
    match provider.usable() {
        Err(why) => format!("not usable: {why}"),
        Ok(()) if provider.key_state == KeyState::OfClient => "ready, the caller's key".to_owned(),
        Ok(()) if provider.keys.is_empty() => "ready, no key".to_owned(),
        Ok(()) => {
            let names: Vec<_> = provider.keys.iter().map(|key| key.name.as_str()).collect();
            format!("ready, key from {}", names.join(", "))
        }
    }
}

fn as_json(provider: &Provider) -> Value {
    let there = provider.keys.iter().map(|key| json!({ "place": key.name, "there": true }));
    let missing = match &provider.key_state {
        KeyState::Missing(missing) => missing.as_slice(),
        _ => &[],
    };
    let missing = missing
        .iter()
        .map(|key| json!({ "place": key.name, "there": false, "why": key.why.to_string() }));
    json!({
        "id": &*provider.id,
        "name": provider.name,
        "shortcut": provider.shortcut,
        "preset": provider.preset,
        "base_url": provider.base_url.to_string(),
        "wire": provider.wire.name(),
        "dialect": provider.dialect,
        "proxy": provider.proxy.to_string(),
        "docs": provider.docs,
        "enabled": provider.enabled,
        "default_model": provider.default_model,
        "expose": provider.expose,
        "callers_key": provider.key_state == KeyState::OfClient,
        "keys": there.chain(missing).collect::<Vec<_>>(),
        "models": provider.models.listed().len(),
        "open": provider.models.is_open(),
        "usable": provider.usable().is_ok(),
        "why": provider.usable().err().map(|why| why.to_string()),
    })
}
