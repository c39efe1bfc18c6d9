//! Real clients through the real gateway.

use std::process::Command;

use clap::Args;

use crate::workspace;

/// The Codex that the scenarios were written against.
const CODEX: &str = "@openai/codex@0.169.0";

#[derive(Args)]
pub(crate) struct Options {
    /// Only scenarios whose name holds one of these words
    words: Vec<String>,
}

/// Runs the scenarios, after fetching the clients that they need.
pub(crate) fn run(options: &Options) -> crate::Result {
    if let Err(reason) = fetch_codex() {
        // On the server a client that is missing is a failure: nothing would be proven.
        if std::env::var_os("CI").is_some() {
            return Err(reason.into());
        }
        println!("skipped: {reason}");
        return Ok(());
    }
    let mut command = workspace::cargo();
    command.args(["test", "--quiet", "--package", "interlingua-proxy", "--test", "e2e", "--"]);
    workspace::must(command.args(&options.words))
}

fn fetch_codex() -> Result<(), String> {
    let folder = workspace::root().join("target/e2e");
    if std::env::var_os("CODEX_BIN").is_some() || folder.join("node_modules/.bin/codex").is_file() {
        return Ok(());
    }
    println!("fetching {CODEX}");
    let mut npm = Command::new("npm");
    npm.args(["install", "--no-audit", "--no-fund", "--prefix"]).arg(&folder).arg(CODEX);
    let status =
        npm.status().map_err(|error| format!("npm is needed to fetch {CODEX}: {error}"))?;
    if status.success() { Ok(()) } else { Err(format!("npm could not fetch {CODEX}: {status}")) }
}
