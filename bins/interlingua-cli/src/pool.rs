//! `interlingua pool`

use clap::Subcommand;
use interlingua_registry::edit::set_expose_all_models;
use interlingua_registry::{DEMO, PoolMap, Snapshot};
use serde_json::json;

use crate::change::Target;
use crate::failure::Failure;
use crate::output;
use crate::read::Read;

/// Offer the models of all providers at once, or of one.
///
/// Whatever the switch says, every model can be asked for by its slug; it decides what a client's
/// picker shows.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Offer the models of all providers
    On(Target),
    /// Offer the models of one provider
    Off(Target),
    /// Show what is offered
    Status(Read),
}

pub(crate) fn run(command: &Command) -> Result<(), Failure> {
    match command {
        Command::On(target) => switch(target, true),
        Command::Off(target) => switch(target, false),
        Command::Status(options) => status(options),
    }
}

fn switch(target: &Target, on: bool) -> Result<(), Failure> {
    let file = target.open()?;
    let checked = file.with(set_expose_all_models(file.text(), on)?)?;
    let effective = checked.snapshot.settings().expose_all_models;
    file.commit(&checked)?;
    if !target.dry_run {
        output::say(&summary(&checked.snapshot));
        if effective != on {
            output::hint(
                "something above this file says otherwise; see `interlingua config show --origin`",
            );
        }
    }
    Ok(())
}

fn status(options: &Read) -> Result<(), Failure> {
    let loaded = options.load()?;
    let snapshot = &loaded.snapshot;
    if !options.json {
        return output::print(&format!("{}\n", summary(snapshot)));
    }
    let usable = snapshot.providers().iter().filter(|it| !it.is_demo() && it.usable().is_ok());
    output::print_json(&json!({
        "schema": "interlingua.pool/1",
        "on": snapshot.settings().expose_all_models,
        "providers": usable.map(|it| &*it.id).collect::<Vec<_>>(),
        "models": snapshot.pool().iter().filter(|it| !it.provider.is_demo()).count(),
    }))
}

/// The state of the pool in one line.
fn summary(snapshot: &Snapshot) -> String {
    let models = snapshot.pool().iter().filter(|entry| !entry.provider.is_demo()).count();
    match snapshot.settings().expose_all_models {
        true => format!("the pool is on: {models} models of all usable providers are offered"),
        false => {
            let chosen = snapshot.suggested_slug();
            let chosen = chosen.as_deref().and_then(PoolMap::split).map(|(id, _)| id);
            match chosen.filter(|id| *id != DEMO) {
                Some(id) => {
                    format!("the pool is off: the models of `{id}` are offered, of {models}")
                }
                None => "the pool is off, and no provider can be used".to_owned(),
            }
        }
    }
}

/// Says how the pool is switched on, once there is something to put into it.
pub(crate) fn advise(snapshot: &Snapshot) {
    let providers = snapshot.providers().iter().filter(|it| !it.is_demo() && it.enabled).count();
    if providers > 1 && !snapshot.settings().expose_all_models {
        output::hint(&format!(
            "there are {providers} providers now; `interlingua pool on` offers the models of all of them"
        ));
    }
}
