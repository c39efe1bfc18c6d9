//! `interlingua codex doctor`

use std::path::PathBuf;

use clap::Args;

use crate::doctor::{self, report};
use crate::failure::Failure;

/// Look for what keeps Codex from the gateway, and for what other tools have left.
///
/// `interlingua doctor` looks at everything else, too.
#[derive(Debug, Args)]
pub(crate) struct Options {
    /// Print one JSON object
    #[arg(long)]
    json: bool,
    /// A configuration file, laid over the usual ones
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
}

pub(super) fn run(options: &Options) -> Result<(), Failure> {
    report(&doctor::codex::check(options.config.clone(), None), options.json)
}
