//! Real clients through the real gateway.

use std::path::{Path, PathBuf};

use clap::{Args, ValueEnum};

use crate::workspace;

mod fetch;

use fetch::{Clients, Failure};

#[derive(Args)]
pub(crate) struct Options {
    /// Only these parts of the suite
    #[arg(long, value_enum)]
    stage: Vec<Stage>,
    /// Those scenarios too that the gateway cannot pass yet
    #[arg(long)]
    waiting: bool,
    /// Only scenarios whose name holds one of these words
    words: Vec<String>,
}

/// A part of the suite; each is a process of its own.
#[derive(Clone, Copy, Debug, Eq, PartialEq, ValueEnum)]
enum Stage {
    Codex,
    Claude,
    Opencode,
    Sdk,
    Dialects,
    Loops,
    Store,
}

impl Stage {
    fn name(self) -> &'static str {
        match self {
            Self::Codex => "codex",
            Self::Claude => "claude",
            Self::Opencode => "opencode",
            Self::Sdk => "sdk",
            Self::Dialects => "dialects",
            Self::Loops => "loops",
            Self::Store => "store",
        }
    }

    /// The clients that it drives, by their names in `xtask/clients.toml`.
    fn clients(self) -> &'static [&'static str] {
        match self {
            Self::Codex => &["codex", "python"],
            Self::Claude => &["claude"],
            Self::Opencode => &["opencode"],
            Self::Sdk => &["python", "node"],
            Self::Dialects => &["python", "node", "codex"],
            Self::Loops => &["python"],
            Self::Store => &["redis"],
        }
    }
}

/// Runs the scenarios, stage by stage, after fetching the clients that they need.
pub(crate) fn run(options: &Options) -> crate::Result {
    let chosen = if options.stage.is_empty() { Stage::value_variants() } else { &options.stage };
    if !options.words.is_empty() && options.stage.is_empty() {
        // Nobody knows which stage has a word; those whose client is missing say so when they are run.
        for stage in chosen {
            fetch(*stage)?;
        }
        return test(options, None);
    }
    let mut failed = Vec::new();
    for stage in chosen {
        println!("\n-- {}", stage.name());
        if fetch(*stage)?
            && let Err(error) = test(options, Some(*stage))
        {
            println!("{error}");
            failed.push(stage.name());
        }
    }
    if failed.is_empty() { Ok(()) } else { Err(format!("failed: {}", failed.join(", ")).into()) }
}

/// Whether the clients of a stage are there. On the server one that is missing is a failure: nothing
/// would be proven.
fn fetch(stage: Stage) -> crate::Result<bool> {
    let clients = Clients::read(workspace::root()).map_err(|Failure(reason)| reason)?;
    for name in stage.clients() {
        if let Err(Failure(reason)) = clients.fetch(name, &folder()) {
            if std::env::var_os("CI").is_some() {
                return Err(reason.into());
            }
            println!("skipped: {}: {reason}", stage.name());
            return Ok(false);
        }
    }
    Ok(true)
}

fn test(options: &Options, stage: Option<Stage>) -> crate::Result {
    let mut command = workspace::cargo();
    command.args(["test", "--quiet", "--package", "interlingua-proxy", "--test", "e2e", "--"]);
    command.args(stage.map(|stage| format!("--stage={}", stage.name())));
    command.args(options.waiting.then_some("--waiting"));
    workspace::must(command.args(&options.words))
}

/// Where the clients are kept.
fn folder() -> PathBuf {
    workspace::root().join(Path::new("target/e2e"))
}
