//! The gateway as a process.
#![expect(clippy::print_stderr, reason = "a process reports to its terminal")]

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Parser;
use interlingua_proxy::{Start, Verbosity, exit_code, init_log, load, run};

/// Lets any coding agent use any model.
///
/// Exit codes: 0 stopped as told; 2 wrong usage; 71 the system refuses something; 74 a file cannot be written; 78 the configuration is
/// wrong, or an address other than loopback is asked for without a client key; 98 the port is taken.
#[derive(Debug, Parser)]
#[command(version)]
struct Arguments {
    /// A configuration file, laid over the usual ones
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Where to listen instead of the configured address
    #[arg(long, value_name = "ADDRESS")]
    listen: Option<String>,
    /// Say more: -v what is sent upstream (without keys), -vv everything
    #[arg(short, long, action = clap::ArgAction::Count)]
    verbose: u8,
    /// Say only what went wrong
    #[arg(short, long, conflicts_with = "verbose")]
    quiet: bool,
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    init_log(Verbosity { more: arguments.verbose, quiet: arguments.quiet });
    let start = Start { config: arguments.config, listen: arguments.listen, preset: None };
    let result = load(&start).and_then(|loaded| run(&start, &loaded, |_, _| {}));
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            exit_code(&error)
        }
    }
}
