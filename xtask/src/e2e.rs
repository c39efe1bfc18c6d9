//! Real clients through the real gateway.

use std::process::Command;

use clap::Args;

use crate::workspace;

/// The Codex that the scenarios were written against.
const CODEX: &str = "@openai/codex@0.169.0";

/// The SDK whose types answers have to fit.
const OPENAI_SDK: &str = "openai==3.52.0";

#[derive(Args)]
pub(crate) struct Options {
    /// Only scenarios whose name holds one of these words
    words: Vec<String>,
}

/// Runs the scenarios, after fetching the clients that they need.
pub(crate) fn run(options: &Options) -> crate::Result {
    if let Err(reason) = fetch_codex().and_then(|()| fetch_sdk()) {
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

fn fetch_sdk() -> Result<(), String> {
    let folder = workspace::root().join("target/e2e/venv");
    if folder.join("fetched").is_file() {
        return Ok(());
    }
    println!("fetching {OPENAI_SDK}");
    let run = |command: &mut Command| {
        let status = command
            .status()
            .map_err(|error| format!("Python is needed for {OPENAI_SDK}: {error}"))?;
        if status.success() {
            Ok(())
        } else {
            Err(format!("Python could not fetch {OPENAI_SDK}: {status}"))
        }
    };
    run(Command::new("python3").args(["-m", "venv"]).arg(&folder))?;
    run(Command::new(folder.join("bin/pip")).args(["install", "--quiet", OPENAI_SDK]))?;
    // Only what is whole counts as fetched.
    std::fs::write(folder.join("fetched"), OPENAI_SDK).map_err(|error| error.to_string())
}
