//! The gateway under load, beside plain relays, with every byte checked.
//!
//! `cargo xtask bench` builds and starts this. The mock upstream, the byte pipe and the load
//! generator are sub-commands, so that each is a process whose processor time can be read.
#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a command-line tool reports")]

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, Subcommand};

mod answer;
mod bytepipe;
mod check;
mod lab;
mod load;
mod mock;
mod pace;
mod pair;
mod plan;
mod process;
mod report;
mod request;
mod response;
mod servers;
mod targets;

#[derive(Parser)]
struct Arguments {
    #[command(subcommand)]
    task: Task,
}

#[derive(Subcommand)]
enum Task {
    /// Measures everything and prints the table.
    Run(plan::Options),
    /// The upstream: answers from memory.
    Mock,
    /// A relay that gathers what is ready together.
    Bytepipe {
        /// Where to relay to, for example `127.0.0.1:9000`.
        #[arg(long)]
        upstream: String,
    },
    /// Sends requests, checks the answers, prints one line of JSON.
    Load(load::Options),
    /// Writes a request body as the load generator sends it.
    Body {
        /// The way that it takes.
        #[arg(long, default_value = "responses-chat")]
        pair: pair::Pair,
        /// Approximate size in bytes.
        #[arg(long)]
        size: usize,
        /// How fast the answer is to come.
        #[arg(long, value_enum, default_value_t = pace::Pace::Burst)]
        pace: pace::Pace,
        /// The file to write.
        file: PathBuf,
    },
}

fn main() -> ExitCode {
    let result = match Arguments::parse().task {
        Task::Run(options) => plan::run(&options),
        Task::Mock => mock::run().map_err(Into::into),
        Task::Bytepipe { upstream } => bytepipe::run(&upstream).map_err(Into::into),
        Task::Load(options) => load::run(&options),
        Task::Body { pair, size, pace, file } => {
            let request = request::Request { pair, size, stream: true, pace };
            std::fs::write(file, request.body()).map_err(Into::into)
        }
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

/// A runtime of one thread: none of these programs needs more, and two cores are shared by four.
fn runtime() -> std::io::Result<tokio::runtime::Runtime> {
    tokio::runtime::Builder::new_current_thread().enable_all().build()
}

/// Listens on a free port (within a runtime) and tells it, in the words that the gateway uses too.
fn listen() -> std::io::Result<tokio::net::TcpListener> {
    let socket = tokio::net::TcpSocket::new_v4()?;
    socket.bind(std::net::SocketAddr::from(([127, 0, 0, 1], 0)))?;
    let listener = socket.listen(4096)?;
    eprintln!("listening on http://{}", listener.local_addr()?);
    Ok(listener)
}
