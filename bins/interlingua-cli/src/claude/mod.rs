//! `interlingua claude`

mod apply;
mod home;
mod inspected;
mod print;
mod restore;
mod status;
mod target;

use clap::Subcommand;

pub(crate) use self::inspected::Inspected;
pub(crate) use self::target::{Key, Models};
use crate::failure::Failure;

/// Point Claude Code to the gateway.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Set Claude Code up, so that it can be put back to the byte
    Apply(apply::Options),
    /// Put back what was there before `apply`
    Restore(restore::Options),
    /// Say what is set up, what has become of it, and what keeps it from working
    Status(status::Options),
    /// Print a `settings.json` for Claude Code, and nothing else
    Print(print::Print),
}

pub(crate) fn run(command: &Command) -> Result<(), Failure> {
    match command {
        Command::Apply(options) => apply::run(options),
        Command::Restore(options) => restore::run(options),
        Command::Status(options) => status::run(options),
        Command::Print(options) => print::run(options),
    }
}
