//! Builds what is measured, in release mode, and starts the measurement.

use std::path::PathBuf;

use clap::Args;

use crate::workspace;

/// What to measure.
#[derive(Args)]
pub(crate) struct Options {
    /// Only these pairs of client and provider, as in `messages-chat,chat-book`; `all` are all of them
    #[arg(long, default_value = "all")]
    pairs: String,
    /// Only answers that come at once, and time to the first token
    #[arg(long)]
    bursts: bool,
    /// Only a thousand slow streams at a time
    #[arg(long)]
    streams: bool,
    /// Only large requests
    #[arg(long)]
    large: bool,
    /// Everything once and short, to see that it works; only what is far off fails
    #[arg(long)]
    smoke: bool,
    /// Rounds; every figure is the median over them
    #[arg(long, default_value_t = 5)]
    rounds: usize,
    /// Measure the relays only
    #[arg(long)]
    relays: bool,
    /// Also write the table and every sample into this folder: `docs/bench/<date>-<machine>`
    #[arg(long)]
    save: Option<PathBuf>,
}

pub(crate) fn run(options: &Options) -> crate::Result {
    let mut packages = vec!["xtask-bench"];
    if !options.relays {
        packages.push("interlingua-proxy");
    }
    let mut build = workspace::cargo();
    build.args(["build", "--release"]);
    build.args(packages.iter().flat_map(|package| ["--package", package]));
    workspace::must(&mut build)?;

    let release = workspace::target().join("release");
    let mut bench = std::process::Command::new(release.join("xtask-bench"));
    bench.current_dir(workspace::root()).arg("run");
    bench.args(["--rounds", &options.rounds.to_string()]);
    if options.pairs != "all" {
        bench.args(["--pairs", &options.pairs]);
    }
    let flags = [
        ("--bursts", options.bursts),
        ("--streams", options.streams),
        ("--large", options.large),
        ("--smoke", options.smoke),
    ];
    bench.args(flags.iter().filter(|it| it.1).map(|it| it.0));
    if !options.relays {
        bench.arg("--gateway").arg(release.join("interlingua-proxy"));
    }
    if let Some(folder) = &options.save {
        bench.arg("--save").arg(folder);
    }
    workspace::must(&mut bench)
}
