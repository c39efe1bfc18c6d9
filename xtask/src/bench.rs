//! Builds what is measured, in release mode, and starts the measurement.

use std::path::PathBuf;

use clap::Args;

use crate::{dist, workspace};

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
    /// Measure the gateway that `cargo xtask dist` builds, as it is released
    #[arg(long, conflicts_with_all = ["relays", "smoke"])]
    dist: bool,
    /// Measure the relays only
    #[arg(long)]
    relays: bool,
    /// Also write the table and every sample into this folder: `docs/bench/<date>-<machine>`
    #[arg(long)]
    save: Option<PathBuf>,
}

pub(crate) fn run(options: &Options) -> crate::Result {
    let gateway = match options {
        Options { relays: true, .. } => None,
        Options { dist: true, .. } => Some(dist::build()?),
        _ => Some(workspace::release("interlingua-proxy")?),
    };
    let mut bench = std::process::Command::new(workspace::release("xtask-bench")?);
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
    if let Some(gateway) = gateway {
        bench.arg("--gateway").arg(gateway);
    }
    if let Some(folder) = &options.save {
        bench.arg("--save").arg(folder);
    }
    workspace::must(&mut bench)
}
