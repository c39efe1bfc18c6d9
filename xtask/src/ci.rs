//! Every gate, in the order in which they fail fastest.

use std::process::Command;
use std::time::{Duration, Instant};

use crate::workspace;

/// Runs all gates, also after one has failed, and tells how long each took.
pub(crate) fn run() -> crate::Result {
    let mut done = Vec::new();
    for (name, mut command) in gates()? {
        println!("\n==> {name}");
        let start = Instant::now();
        let result = workspace::must(&mut command);
        if let Err(error) = &result {
            println!("{error}");
        }
        done.push((name, result.is_ok(), start.elapsed()));
    }
    println!("\n{}", summary(&done));
    match done.iter().filter(|(_, passed, _)| !passed).count() {
        0 => Ok(()),
        count => Err(format!("{count} gates failed").into()),
    }
}

type Gate = (&'static str, Command);

fn gates() -> crate::Result<Vec<Gate>> {
    let nextest = has("nextest");
    let mut gates = vec![
        ("format", cargo(&["fmt", "--all", "--check"])),
        ("tidy", own(&["tidy"])?),
        ("clippy", cargo(&["clippy", "--workspace", "--all-targets", "--", "-D", "warnings"])),
    ];
    if nextest {
        gates.push(("tests", cargo(&["nextest", "run", "--workspace"])));
        gates.push(("doc tests", cargo(&["test", "--workspace", "--doc"])));
    } else {
        gates.push(("tests and doc tests", cargo(&["test", "--workspace"])));
    }
    let mut docs = cargo(&["doc", "--workspace", "--no-deps"]);
    docs.env("RUSTDOCFLAGS", "-D warnings");
    gates.push(("documentation", docs));
    if has("deny") {
        // Advisories come from a database that not every machine reaches: `cargo deny check advisories`.
        gates.push(("dependencies", cargo(&["deny", "check", "bans", "licenses", "sources"])));
    } else {
        println!("cargo-deny is not installed: licences and sources are not checked");
    }
    gates.push(("end to end", own(&["e2e"])?));
    gates.push(("mutants", own(&["mutants"])?));
    gates.push(("bench, smoke", own(&["bench", "--smoke"])?));
    Ok(gates)
}

fn cargo(arguments: &[&str]) -> Command {
    let mut command = workspace::cargo();
    command.args(arguments);
    command
}

/// Another chore of this program, as a process, so that every gate is timed and told alike.
fn own(arguments: &[&str]) -> crate::Result<Command> {
    let mut command = Command::new(std::env::current_exe()?);
    command.args(arguments).current_dir(workspace::root());
    Ok(command)
}

fn has(tool: &str) -> bool {
    let version = workspace::cargo().args([tool, "--version"]).output();
    version.is_ok_and(|output| output.status.success())
}

fn summary(done: &[(&str, bool, Duration)]) -> String {
    let lines = done.iter().map(|(name, passed, time)| {
        let verdict = if *passed { "passed" } else { "FAILED" };
        format!("{name:<22}{verdict:>8}{:>8.0} s", time.as_secs_f64())
    });
    let passed = done.iter().filter(|(_, passed, _)| *passed).count();
    let closing = format!("{passed} passed, {} failed", done.len() - passed);
    lines.chain([closing]).collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_summary_names_what_failed() {
        let time = Duration::from_secs(3);
        let text = summary(&[("format", true, time), ("tidy", false, time)]);
        let lines: Vec<_> = text.lines().collect();
        assert!(lines[0].starts_with("format") && lines[0].contains("passed"));
        assert!(lines[1].starts_with("tidy") && lines[1].contains("FAILED"));
        assert_eq!(lines[2], "1 passed, 1 failed");
    }
}
