//! `interlingua run codex`

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::Command as Program;

use clap::Args;
use interlingua_codex_integration::apply::ApplyError;
use interlingua_codex_integration::{
    CatalogSource, ConfigOptions, EditError, configured_model, plan,
};
use interlingua_registry::files;

use super::{gateway, start};
use crate::codex::Target;
use crate::failure::Failure;
use crate::{output, paths};

/// Run Codex in a home of its own.
///
/// Nothing of yours is read or changed: configuration, login and sessions are those of this home, which
/// is kept, so that `resume` works. If no gateway answers at the configured address, one runs for as
/// long as Codex does. Codex's exit code is passed on.
#[derive(Debug, Args)]
pub(crate) struct Codex {
    /// The model to start with: a slug, a provider, a shortcut
    #[arg(long, value_name = "NAME")]
    model: Option<String>,
    /// A configuration file, laid over the usual ones
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// What Codex is told
    #[arg(last = true, value_name = "ARGS")]
    arguments: Vec<OsString>,
}

pub(super) fn run(codex: &Codex) -> Result<(), Failure> {
    let home = paths::find()?.state.join("codex").join("home");
    let config = home.join("config.toml");
    let text = files::read(&config).map_err(|error| Failure::file(&config, &error))?;
    let cannot_edit = |source| ApplyError::Edit { path: config.clone(), source };
    let current = configured_model(&text).map_err(cannot_edit)?;

    let target = Target::new(codex.model.clone(), codex.config.clone());
    let loaded = target.load(target.model.as_deref().or(current.as_deref()))?;
    let snapshot = &*loaded.snapshot;
    let aliases = snapshot.unlisted(None);
    let choice = target.choose(snapshot, current.as_deref(), &aliases)?;

    let configured = target.base_url(snapshot).ok();
    let (base_url, _own) = gateway(configured, codex.config.as_deref(), "Codex")?;
    let options = target.options_at(base_url, snapshot, &choice, CatalogSource::Gateway);
    set_up(&config, &text, &options)?;
    target.hints(snapshot, &choice).iter().for_each(|hint| output::hint(hint));
    run_codex(&home, &codex.arguments)
}

/// Writes what is ours into the home's configuration; what Codex has written there stays.
fn set_up(config: &Path, text: &str, options: &ConfigOptions) -> Result<(), Failure> {
    let cannot_edit = |source: EditError| ApplyError::Edit { path: config.to_owned(), source };
    let plan = plan(Some(text), None, options).map_err(cannot_edit)?;
    match plan.is_noop() {
        true => Ok(()),
        false => files::write(config, &plan.after).map_err(|error| Failure::file(config, &error)),
    }
}

fn run_codex(home: &Path, arguments: &[OsString]) -> Result<(), Failure> {
    let mut program = Program::new("codex");
    program.args(arguments).env("CODEX_HOME", home);
    start(program, "codex", "npm install -g @openai/codex")
}
