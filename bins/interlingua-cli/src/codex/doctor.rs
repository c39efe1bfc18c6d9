//! `interlingua codex doctor`

use clap::Args;

use crate::doctor::{self, report};
use crate::failure::Failure;
use crate::read::Read;

/// Look for what keeps Codex from the gateway, and for what other tools have left.
///
/// `interlingua doctor` looks at everything else, too.
#[derive(Debug, Args)]
pub(crate) struct Options {
    #[command(flatten)]
    read: Read,
}

pub(super) fn run(options: &Options) -> Result<(), Failure> {
    report(&doctor::codex::check(options.read.config.clone(), None), options.read.json)
}
