//! The gateway in front of servers that nobody here wrote, with a tiny model of random weights.
//!
//! Run by `cargo xtask servers`, which has built the server and made the model. Each check prints one
//! line; words on the command line choose among them. `--record=FOLDER` keeps what the server sent.
#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a test runner reports")]

mod ask;
mod checks;
mod foreign;
mod probe;
mod record;
mod tap;

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Instant;

use interlingua_testkit::gateway::{Gateway, Setup};
use interlingua_testkit::server::Server;

use foreign::Foreign;
use tap::Tap;

/// The gateway's program.
const PROXY: &str = env!("CARGO_BIN_EXE_interlingua-proxy");

/// A server, the gateway before it, and what listens between them.
struct Bench {
    foreign: &'static Foreign,
    server: Server,
    tap: Tap,
    gateway: Gateway,
    /// The program for people.
    cli: Option<PathBuf>,
}

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let option = |name: &str| arguments.iter().find_map(|it| it.strip_prefix(name));
    let words: Vec<_> = arguments.iter().filter(|it| !it.starts_with('-')).collect();
    let Some(foreign) = option("--server=").and_then(Foreign::named) else {
        eprintln!("say which server: run `cargo xtask servers`");
        return ExitCode::FAILURE;
    };
    let folder = PathBuf::from(option("--folder=").unwrap_or_default());
    let bench = match Bench::start(foreign, &folder, option("--cli=").map(PathBuf::from)) {
        Ok(bench) => bench,
        Err(error) => {
            eprintln!("{}: {error}", foreign.name);
            return ExitCode::FAILURE;
        }
    };
    let (mut passed, mut failed) = (0, 0);
    for check in checks::all() {
        if !words.is_empty() && !words.iter().any(|word| check.name.contains(word.as_str())) {
            continue;
        }
        let begun = Instant::now();
        let came = (check.run)(&bench);
        let exchanges = bench.tap.take();
        let seconds = begun.elapsed().as_secs_f32();
        let (verdict, what) = match &came {
            Ok(what) => ("ok", what),
            Err(why) => ("FAILED", why),
        };
        println!("{verdict:<7} {} {} ({seconds:.1} s): {what}", foreign.name, check.name);
        if came.is_ok() {
            passed += 1;
        } else {
            failed += 1;
            for exchange in &exchanges {
                println!("        asked {} {}", exchange.path, exchange.body);
                let said = exchange.reply.text();
                println!("        {} {}", exchange.reply.status, tail(&said));
            }
        }
        if let (Some(folder), Some(name)) = (option("--record="), check.record)
            && let Err(error) = record::keep(Path::new(folder), foreign, name, &exchanges)
        {
            eprintln!("{}: not recorded: {error}", check.name);
            failed += 1;
        }
    }
    println!("{passed} passed, {failed} failed");
    if failed > 0 {
        println!("{}", tail(&bench.server.log()));
        println!("{}", tail(&bench.gateway.log()));
    }
    if failed + passed == 0 {
        eprintln!("no check has one of these words in its name: {words:?}");
    }
    if failed > 0 || passed == 0 { ExitCode::FAILURE } else { ExitCode::SUCCESS }
}

impl Bench {
    fn start(
        foreign: &'static Foreign,
        folder: &Path,
        cli: Option<PathBuf>,
    ) -> std::io::Result<Self> {
        let command = |address| (foreign.command)(folder, address);
        let server = Server::start(command, foreign.ready, foreign.limit)?;
        let tap = Tap::before(server.address())?;
        let config = foreign.config(foreign.dialect, tap.address());
        let gateway = Setup::new(PROXY.as_ref(), &config).start()?;
        Ok(Self { foreign, server, tap, gateway, cli })
    }
}

/// The end of a log, or of a stream.
fn tail(log: &str) -> String {
    let lines: Vec<_> = log.lines().collect();
    lines[lines.len().saturating_sub(25)..].join("\n")
}
