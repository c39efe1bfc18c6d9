//! `interlingua up`

use std::path::PathBuf;

use clap::{ArgAction, Args};
use interlingua_proxy::{Start, Verbosity, init_log, load};

use crate::banner;
use crate::failure::Failure;
use crate::output;

/// Start the gateway and say what is there.
#[derive(Debug, Args)]
pub(crate) struct Options {
    /// A configuration file, laid over the usual ones
    #[arg(long, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
    /// Where to listen instead of the configured address
    #[arg(long, value_name = "ADDRESS")]
    pub(crate) listen: Option<String>,
    /// Say more: -v what is sent upstream (without keys), -vv everything
    #[arg(short, long, action = ArgAction::Count)]
    verbose: u8,
    /// Say only what went wrong
    #[arg(short, long, conflicts_with = "verbose")]
    quiet: bool,
}

pub(crate) fn run(options: &Options) -> Result<(), Failure> {
    init_log(Verbosity { more: options.verbose, quiet: options.quiet });
    let (config, listen) = (options.config.clone(), options.listen.clone());
    let start = Start { config, listen, preset: None };
    let loaded = load(&start)?;
    interlingua_proxy::run(&start, &loaded, |loaded, addresses| {
        if !options.quiet {
            output::say(&banner::text(&loaded.snapshot, addresses, &banner::command(options)));
        }
    })?;
    Ok(())
}
