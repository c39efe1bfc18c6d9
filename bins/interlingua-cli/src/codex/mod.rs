//! `interlingua codex`

mod apply;
mod catalog;
mod doctor;
mod inspected;
mod print;
mod restore;
mod slots;
mod status;
mod target;

use clap::Subcommand;

pub(crate) use self::inspected::Inspected;
pub(crate) use self::target::{ENV_KEY, Target};
use crate::failure::Failure;

/// Point the Codex CLI to the gateway.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Set Codex up, so that it can be put back to the byte
    Apply(apply::Options),
    /// Put back what was there before `apply`
    Restore(restore::Options),
    /// Say what is set up, and what has become of it
    Status(status::Options),
    /// Print a `config.toml` for Codex, and nothing else
    Print(print::Print),
    /// Look for what keeps Codex from the gateway, and for what other tools have left
    Doctor(doctor::Options),
    /// Give models the names that Codex's own picker shows
    Slots(slots::Options),
}

pub(crate) fn run(command: &Command) -> Result<(), Failure> {
    match command {
        Command::Apply(options) => apply::run(options),
        Command::Restore(options) => restore::run(options),
        Command::Status(options) => status::run(options),
        Command::Print(options) => print::run(options),
        Command::Doctor(options) => doctor::run(options),
        Command::Slots(options) => slots::run(options),
    }
}
