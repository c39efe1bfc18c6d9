//! `interlingua providers reorder`

use clap::Args;
use interlingua_registry::edit::reorder_providers;

use crate::change::Target;
use crate::failure::Failure;

/// Put some providers before the others.
///
/// The order decides which provider a client is set up with if nothing else is said, and in which order
/// models are listed. No slug changes.
#[derive(Debug, Args)]
pub(crate) struct Options {
    /// The providers that come first; the others follow as they did
    #[arg(required = true, value_name = "ID")]
    ids: Vec<String>,
    #[command(flatten)]
    target: Target,
}

pub(super) fn run(options: &Options) -> Result<(), Failure> {
    let file = options.target.open()?;
    let ids: Vec<_> = options.ids.iter().map(String::as_str).collect();
    let checked = file.with(reorder_providers(file.text(), &ids)?)?;
    file.commit(&checked).map(drop)
}
