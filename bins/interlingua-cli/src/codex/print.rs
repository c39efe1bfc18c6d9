//! `interlingua codex print`

use std::path::PathBuf;

use clap::Args;
use interlingua_codex_integration::config_toml;

use super::catalog;
use super::target::Target;
use crate::choice::choose;
use crate::failure::Failure;
use crate::output;

/// Print a `config.toml` for Codex, and nothing else.
///
/// The gateway need not run. Nothing is written but what is asked for; `codex apply` puts the same into
/// Codex's own file.
#[derive(Debug, Args)]
pub(crate) struct Print {
    #[command(flatten)]
    target: Target,
    /// Print the model catalog instead
    #[arg(long, conflicts_with_all = ["env_key", "catalog_file", "base_url"])]
    catalog: bool,
    /// Also write the catalog into this file and point Codex to it, for Codex before 0.159
    #[arg(long, value_name = "FILE")]
    catalog_file: Option<PathBuf>,
}

pub(super) fn run(print: &Print) -> Result<(), Failure> {
    let target = &print.target;
    let wanted = target.model.as_deref();
    let loaded = target.load(wanted)?;
    let snapshot = &*loaded.snapshot;
    let choice = choose(snapshot, wanted)?;
    if print.catalog {
        return output::print(&format!("{}\n", catalog::of(snapshot, &choice).as_json()));
    }
    let source = catalog::source(print.catalog_file.as_deref(), snapshot, &choice)?;
    let text = config_toml(&target.options(snapshot, &choice, source)?);
    output::print(&text)?;
    target.hints(snapshot, &choice).iter().for_each(|hint| output::hint(hint));
    if print.catalog_file.is_some() {
        output::hint("the catalog does not follow the configuration; print again when it changes");
    }
    output::hint("`interlingua codex apply` puts it beside what is in `~/.codex/config.toml`");
    Ok(())
}
