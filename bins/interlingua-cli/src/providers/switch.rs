//! `interlingua providers enable` and `disable`

use clap::Args;
use interlingua_registry::edit::{Field, set, unset};

use super::edit::ensure;
use crate::change::Target;
use crate::failure::Failure;
use crate::output;

/// Let a provider take part, or not.
#[derive(Debug, Args)]
pub(crate) struct Options {
    /// The provider
    id: String,
    #[command(flatten)]
    target: Target,
}

pub(super) fn run(options: &Options, enabled: bool) -> Result<(), Failure> {
    let id = &options.id;
    let file = options.target.open()?;
    let now = file.now().ok();
    let is = now.as_ref().and_then(|now| Some(now.snapshot.provider(id)?.enabled));
    if is == Some(enabled) {
        output::say(&format!("`{id}` is {} already", if enabled { "enabled" } else { "disabled" }));
        return Ok(());
    }
    let text = ensure(&file, now.as_ref(), id)?;
    let field: Field = "enabled".parse().map_err(Failure::argument)?;
    // Taking part is what a provider does if nothing is said.
    let bare = if enabled { unset(&text, id, &field).ok() } else { None };
    let bare = bare.and_then(|text| file.check(text).ok());
    let bare = bare.filter(|it| it.snapshot.provider(id).is_some_and(|it| it.enabled));
    let checked = match bare {
        Some(checked) => checked,
        None => file.with(set(&text, id, &field, &enabled.into())?)?,
    };
    file.commit(&checked).map(drop)
}
