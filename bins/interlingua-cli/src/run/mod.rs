//! `interlingua run`

mod child;
mod claude;
mod codex;

use std::path::Path;
use std::process::Command as Program;

use clap::Subcommand;

use crate::failure::Failure;
use crate::output;
use crate::own::Own;
use crate::reach::{self, Answer};

/// Run a client against the gateway, with nothing of its own touched.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Run Codex in a home of its own
    Codex(codex::Codex),
    /// Run Claude Code with settings of its own
    Claude(claude::Claude),
}

pub(crate) fn run(command: &Command) -> Result<(), Failure> {
    match command {
        Command::Codex(options) => codex::run(options),
        Command::Claude(options) => claude::run(options),
    }
}

/// Where a gateway answers: at the configured address, else one of our own, which ends with what is
/// given back.
fn gateway(
    configured: Option<String>,
    config: Option<&Path>,
    client: &str,
) -> Result<(String, Option<Own>), Failure> {
    if let Some(url) = configured.filter(|url| reach::gateway(url) == Answer::Gateway) {
        return Ok((url, None));
    }
    let own = Own::start(config)?;
    output::say(&format!(
        "no gateway answers at the configured address; one runs at {} for as long as {client} does",
        own.base_url()
    ));
    Ok((own.base_url(), Some(own)))
}

/// Runs a client to its end.
fn start(mut program: Program, name: &str, install: &str) -> Result<(), Failure> {
    // Clients ask a proxy even for this machine, unless they are told not to.
    for name in ["NO_PROXY", "no_proxy"] {
        let before = std::env::var(name).map_or(String::new(), |hosts| format!("{hosts},"));
        program.env(name, format!("{before}127.0.0.1,::1,localhost"));
    }
    match child::run(program) {
        Ok(0) => Ok(()),
        Ok(code) => Err(Failure::passed_on(code)),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            Err(Failure::no_program(format!("there is no `{name}` in PATH; `{install}` brings it")))
        }
        Err(error) => Err(Failure::no_program(format!("`{name}` cannot be started: {error}"))),
    }
}
