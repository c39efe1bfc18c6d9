use std::path::PathBuf;

use clap::Args;
use interlingua_proxy::{Loaded, Start, StartError, load};

/// What every command takes that only looks.
#[derive(Debug, Args)]
pub(crate) struct Read {
    /// Print one JSON object
    #[arg(long)]
    pub(crate) json: bool,
    /// A configuration file, laid over the usual ones
    #[arg(long, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
}

impl Read {
    /// The configuration as it is.
    pub(crate) fn load(&self) -> Result<Loaded, StartError> {
        load(&self.start())
    }

    /// Where it is.
    pub(crate) fn start(&self) -> Start {
        Start { config: self.config.clone(), ..Start::default() }
    }
}
