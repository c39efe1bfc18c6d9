//! `interlingua run claude`

use std::ffi::OsString;
use std::fs::DirBuilder;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::process::Command as Program;

use clap::Args;
use interlingua_clients::claude::{
    INSTALL, Options, Setup, in_the_way, session_settings, variables,
};
use tempfile::NamedTempFile;

use super::{gateway, start};
use crate::claude::{Key, Models};
use crate::failure::Failure;
use crate::gateway::Gateway;
use crate::{output, paths};

/// The option by which Claude Code takes settings that beat all files but managed ones.
const SETTINGS: &str = "--settings";

/// Run Claude Code with settings of its own.
///
/// None of your files is changed: where the gateway is and which models there are is told to this one
/// Claude Code only, and beats what stands in your settings and in those of the project. If no gateway
/// answers at the configured address, one runs for as long as Claude Code does. Claude Code's exit code is
/// passed on.
#[derive(Debug, Args)]
pub(crate) struct Claude {
    #[command(flatten)]
    models: Models,
    #[command(flatten)]
    key: Key,
    /// Use a folder of its own, without your login, settings and sessions; it is kept
    #[arg(long)]
    isolated: bool,
    /// A configuration file, laid over the usual ones
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// What Claude Code is told
    #[arg(last = true, value_name = "ARGS")]
    arguments: Vec<OsString>,
}

pub(super) fn run(claude: &Claude) -> Result<(), Failure> {
    let configured = Gateway::new(claude.config.clone());
    let loaded = configured.load(claude.models.model.as_deref())?;
    let snapshot = &*loaded.snapshot;
    let nothing = Setup::default();
    let chosen = claude.models.choose(snapshot, &nothing)?;
    let token = claude.key.token(snapshot, &nothing)?;
    let url = configured.base_url(snapshot).ok();
    let (base_url, _own) = gateway(url, claude.config.as_deref(), "Claude Code")?;
    chosen.hints().iter().for_each(|hint| output::hint(hint));
    let options = chosen.options(base_url, token);

    let mut program = Program::new("claude");
    program.envs(variables(&options));
    for name in in_the_way() {
        program.env_remove(name);
    }
    if claude.isolated {
        let home = paths::find()?.state.join("claude").join("home");
        // Made by Claude Code itself, others could read it.
        make(&home).map_err(|error| Failure::file(&home, &error))?;
        program.env("CLAUDE_CONFIG_DIR", home);
    }
    let _settings = settings(claude, &options, &mut program)?;
    program.args(&claude.arguments);
    start(program, "claude", INSTALL)
}

/// Makes a folder and those above it, for their owner alone.
fn make(folder: &Path) -> io::Result<()> {
    let mut builder = DirBuilder::new();
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.recursive(true).create(folder)
}

/// Tells Claude Code its settings by a file that only its owner can read; it goes when this is dropped.
fn settings(
    claude: &Claude,
    options: &Options,
    program: &mut Program,
) -> Result<Option<NamedTempFile>, Failure> {
    let is_settings = |it: &&OsString| it.to_str().is_some_and(|it| it.starts_with(SETTINGS));
    if claude.arguments.iter().any(|it| is_settings(&it)) {
        output::hint(
            "Claude Code takes one `--settings` only, so it is told by variables; what stands in a \
             settings file beats them",
        );
        return Ok(None);
    }
    let failed = |error| Failure::file(&std::env::temp_dir(), &error);
    let mut file = tempfile::Builder::new().suffix(".json").tempfile().map_err(failed)?;
    file.write_all(session_settings(options).as_bytes()).map_err(failed)?;
    program.arg(SETTINGS).arg(file.path());
    Ok(Some(file))
}
