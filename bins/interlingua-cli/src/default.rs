//! `interlingua default`

use clap::Args;
use interlingua_registry::edit::set_default_model;

use crate::change::Target;
use crate::failure::Failure;
use crate::output;

/// Show or choose the default model.
///
/// It answers requests that name no model, is what clients are set up with, and, while the pool is off,
/// its provider is the one whose models are offered.
#[derive(Debug, Args)]
pub(crate) struct Options {
    /// A slug, an alias, a provider or its shortcut; nothing shows what is chosen
    name: Option<String>,
    /// Choose none
    #[arg(long, conflicts_with = "name")]
    none: bool,
    #[command(flatten)]
    target: Target,
}

pub(crate) fn run(options: &Options) -> Result<(), Failure> {
    let file = options.target.open()?;
    let chosen = match &options.name {
        Some(name) => {
            let loaded = file.now()?;
            Some(loaded.snapshot.pick(name).map_err(Failure::argument)?)
        }
        None if options.none => None,
        None => {
            let loaded = file.now()?;
            let snapshot = &loaded.snapshot;
            return match (snapshot.default_model(), snapshot.suggested_slug()) {
                (Some(model), _) => output::print(&format!("{model}\n")),
                (None, suggested) => {
                    output::hint(
                        "none is chosen, so clients are set up with the first that can be used",
                    );
                    output::print(&suggested.map(|it| it + "\n").unwrap_or_default())
                }
            };
        }
    };
    let text = set_default_model(file.text(), chosen.as_deref())?;
    let effective = file.with(text)?;
    file.commit(&effective)?;
    if effective.snapshot.default_model() != chosen.as_deref() {
        output::hint(
            "something above this file says otherwise; see `interlingua config show --origin`",
        );
    }
    Ok(())
}
