//! The workspace's own chores. Run `cargo xtask`.
#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a command-line tool reports")]

use std::process::ExitCode;

use clap::{Parser, Subcommand};

mod bench;
mod ci;
mod dist;
mod e2e;
mod mutants;
mod servers;
mod tidy;
mod workspace;

#[derive(Parser)]
#[command(name = "cargo xtask", about = "The workspace's own chores")]
struct Arguments {
    #[command(subcommand)]
    task: Task,
}

#[derive(Subcommand)]
enum Task {
    /// Checks the rules of the house that the compiler does not know
    Tidy,
    /// Measures the gateway under load, beside plain relays
    Bench(bench::Options),
    /// Builds the programs as they are released, by what was counted under load: `target/dist`
    Dist,
    /// Drives real clients through the gateway
    E2e(e2e::Options),
    /// Asks servers that nobody here wrote, through the gateway
    Servers(servers::Options),
    /// Breaks the product on purpose and proves that its tests notice
    Mutants(mutants::Options),
    /// Runs every gate, or the stages that are asked for
    Ci(ci::Options),
}

/// What a chore comes back with: an error has been told in full by its own text.
type Result<T = ()> = std::result::Result<T, Box<dyn std::error::Error>>;

fn main() -> ExitCode {
    let result = match Arguments::parse().task {
        Task::Tidy => tidy::run(),
        Task::Bench(options) => bench::run(&options),
        Task::Dist => dist::run(),
        Task::E2e(options) => e2e::run(&options),
        Task::Servers(options) => servers::run(&options),
        Task::Mutants(options) => mutants::run(&options),
        Task::Ci(options) => ci::run(&options),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}
