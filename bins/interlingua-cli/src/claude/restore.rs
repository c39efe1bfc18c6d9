//! `interlingua claude restore`

use clap::Args;
use interlingua_clients::claude::ClaudeCode;

use crate::failure::Failure;
use crate::foreign;

/// Put back what was there before `apply`.
///
/// If nobody else has changed Claude Code's `settings.json` since, it is put back to the byte. Otherwise
/// our keys are put back one by one; those that have got another value since stay, and are named.
#[derive(Debug, Args)]
pub(crate) struct Options {
    /// Only show what would change
    #[arg(long)]
    dry_run: bool,
}

pub(super) fn run(options: &Options) -> Result<(), Failure> {
    foreign::restore::<ClaudeCode>(options.dry_run)
}
