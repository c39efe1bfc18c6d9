//! `interlingua providers remove`

use clap::Args;
use interlingua_registry::edit::{drop_references, references, remove_provider};

use crate::change::Target;
use crate::failure::Failure;
use crate::output;

/// Remove a provider.
#[derive(Debug, Args)]
pub(crate) struct Options {
    /// The provider
    id: String,
    /// Also take out what names its models
    #[arg(long)]
    force: bool,
    #[command(flatten)]
    target: Target,
}

pub(super) fn run(options: &Options) -> Result<(), Failure> {
    let id = &options.id;
    let file = options.target.open()?;
    let mut text = remove_provider(file.text(), id)?;
    let named = references(file.text(), id)?;
    if !named.is_empty() {
        let named: Vec<_> = named.iter().map(ToString::to_string).collect();
        let named = named.join(", ");
        if !options.force {
            return Err(Failure::argument(format!(
                "models of `{id}` are named by {named}; change that first, or take it out with `--force`"
            )));
        }
        output::say(&format!("also taken out: {named}"));
        text = drop_references(&text, id)?;
    }
    let checked = file.with(text)?;
    file.commit(&checked)?;
    if let Some(left) = checked.snapshot.provider(id).filter(|it| !it.is_demo()) {
        let key = left.keys.first().map_or("a variable or another file", |key| key.name.as_str());
        output::hint(&format!(
            "`{id}` is still there, because of {key}; `interlingua providers disable {id}` keeps it out"
        ));
    }
    Ok(())
}
