//! Interlingua for people: start it, look at its configuration, point an agent to it.

mod aliases;
mod banner;
mod change;
mod choice;
mod claude;
mod codex;
mod config;
mod default;
mod diff;
mod doctor;
mod failure;
mod foreign;
mod gateway;
mod import;
mod keys;
mod local;
mod models;
mod output;
mod own;
mod paths;
mod pool;
mod print;
mod probe;
mod providers;
mod reach;
mod read;
mod run;
mod status;
mod store;
mod up;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

use crate::failure::Failure;

/// Lets any coding agent use any model.
///
/// Without a command it starts the gateway, as `up` does.
#[derive(Debug, Parser)]
#[command(
    name = "interlingua",
    version,
    args_conflicts_with_subcommands = true,
    after_long_help = EXIT_CODES
)]
struct Arguments {
    #[command(subcommand)]
    command: Option<Command>,
    #[command(flatten)]
    up: up::Options,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Start the gateway and say what is there
    Up(up::Options),
    /// Check or show the configuration
    #[command(subcommand)]
    Config(config::Command),
    /// Add, change and try the providers of models
    #[command(subcommand)]
    Providers(providers::Command),
    /// Find out how a server departs from the standard, and propose a record of it
    Probe(probe::Options),
    /// List the models that can be asked for
    Models(models::Options),
    /// Offer the models of all providers at once, or of one
    #[command(subcommand)]
    Pool(pool::Command),
    /// Show or choose the default model
    Default(default::Options),
    /// Give models names of your own
    #[command(subcommand)]
    Aliases(aliases::Command),
    /// Take the providers of another tool over
    Import(import::Options),
    /// Make, list and revoke the keys of clients
    #[command(subcommand)]
    Keys(keys::Command),
    /// Point the Codex CLI to the gateway
    #[command(subcommand)]
    Codex(codex::Command),
    /// Point Claude Code to the gateway
    #[command(subcommand)]
    Claude(claude::Command),
    /// Show what the running gateway does, and what it could not keep in step
    Status(status::Options),
    /// Run a client against the gateway, with nothing of its own touched
    #[command(subcommand)]
    Run(run::Command),
    /// Print what another program is set up with
    Print(print::Print),
    /// Look at everything that the gateway needs, and say what is wrong
    Doctor(doctor::Options),
    /// Show where everything is kept
    Paths(paths::Options),
}

const EXIT_CODES: &str = "\
Exit codes:
    0  done, or stopped as told
    1  something was found that is not as it should be
    2  wrong usage
   64  an argument names what is not there, or is there already
   65  a file of another program is not what it has to be; it stays as it is
   69  what was asked does not answer
   71  the system refuses what every server needs
   74  a file cannot be read or written
   75  another one is at work; try again
   76  a provider answers what it should not
   77  a provider does not take its key
   78  the configuration is wrong, or would let strangers in
   98  the port is taken
  127  the program to run is not there
  141  nobody reads the output any more";

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let result = match arguments.command {
        None => up::run(&arguments.up),
        Some(Command::Up(options)) => up::run(&options),
        Some(Command::Config(command)) => config::run(&command),
        Some(Command::Providers(command)) => providers::run(&command),
        Some(Command::Probe(options)) => probe::run(&options),
        Some(Command::Models(options)) => models::run(&options),
        Some(Command::Pool(command)) => pool::run(&command),
        Some(Command::Aliases(command)) => aliases::run(&command),
        Some(Command::Default(options)) => default::run(&options),
        Some(Command::Import(options)) => import::run(&options),
        Some(Command::Keys(command)) => keys::run(&command),
        Some(Command::Codex(command)) => codex::run(&command),
        Some(Command::Claude(command)) => claude::run(&command),
        Some(Command::Status(options)) => status::run(&options),
        Some(Command::Run(command)) => run::run(&command),
        Some(Command::Print(print)) => print::run(&print),
        Some(Command::Doctor(options)) => doctor::run(&options),
        Some(Command::Paths(options)) => paths::run(&options),
    };
    result.map_or_else(Failure::report, |()| ExitCode::SUCCESS)
}
