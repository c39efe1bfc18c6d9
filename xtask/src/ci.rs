//! Every gate, in the order in which they fail fastest; or only the stages that are asked for.

use std::process::Command;
use std::str::FromStr;
use std::time::{Duration, Instant};

use clap::Args;

use crate::workspace;

/// What to run.
#[derive(Args)]
pub(crate) struct Options {
    /// Only this stage: lint, tests, docs, e2e, e2e:WORDS, mutants or bench; may be given several times
    #[arg(long = "stage", value_name = "STAGE")]
    stages: Vec<Stage>,
}

/// Gates that belong together. Each stage can be run alone, so that several machines can share them.
#[derive(Clone, Debug, PartialEq)]
enum Stage {
    Lint,
    Tests,
    Docs,
    /// All scenarios, or those that the words choose.
    EndToEnd(Vec<String>),
    Mutants,
    Bench,
}

impl FromStr for Stage {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "lint" => Ok(Self::Lint),
            "tests" => Ok(Self::Tests),
            "docs" => Ok(Self::Docs),
            "e2e" => Ok(Self::EndToEnd(Vec::new())),
            "mutants" => Ok(Self::Mutants),
            "bench" => Ok(Self::Bench),
            _ => match text.strip_prefix("e2e:") {
                Some(words) if !words.trim().is_empty() => {
                    Ok(Self::EndToEnd(words.split_whitespace().map(str::to_owned).collect()))
                }
                _ => Err("the stages are lint, tests, docs, e2e, e2e:WORDS, mutants, bench".into()),
            },
        }
    }
}

/// Runs the gates, also after one has failed, and tells how long each took.
pub(crate) fn run(options: &Options) -> crate::Result {
    let mut done = Vec::new();
    for (name, mut command) in gates(&wanted(&options.stages))? {
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

/// Everything, unless something was asked for; nothing twice.
fn wanted(asked: &[Stage]) -> Vec<Stage> {
    if asked.is_empty() {
        let end_to_end = Stage::EndToEnd(Vec::new());
        return vec![
            Stage::Lint,
            Stage::Tests,
            Stage::Docs,
            end_to_end,
            Stage::Mutants,
            Stage::Bench,
        ];
    }
    let mut stages = Vec::new();
    for stage in asked {
        if !stages.contains(stage) {
            stages.push(stage.clone());
        }
    }
    stages
}

type Gate = (String, Command);

fn gates(stages: &[Stage]) -> crate::Result<Vec<Gate>> {
    let mut gates = Vec::new();
    for stage in stages {
        match stage {
            Stage::Lint => lint(&mut gates)?,
            Stage::Tests => tests(&mut gates),
            Stage::Docs => {
                let mut docs = cargo(&["doc", "--workspace", "--no-deps"]);
                docs.env("RUSTDOCFLAGS", "-D warnings");
                gates.push(("documentation".into(), docs));
            }
            Stage::EndToEnd(words) => {
                let mut command = own(&["e2e"])?;
                command.args(words);
                let colon = if words.is_empty() { "" } else { ": " };
                gates.push((format!("end to end{colon}{}", words.join(" ")), command));
            }
            Stage::Mutants => gates.push(("mutants".into(), own(&["mutants"])?)),
            Stage::Bench => gates.push(("bench, smoke".into(), own(&["bench", "--smoke"])?)),
        }
    }
    Ok(gates)
}

fn lint(gates: &mut Vec<Gate>) -> crate::Result {
    gates.push(("format".into(), cargo(&["fmt", "--all", "--check"])));
    gates.push(("tidy".into(), own(&["tidy"])?));
    let clippy = cargo(&["clippy", "--workspace", "--all-targets", "--", "-D", "warnings"]);
    gates.push(("clippy".into(), clippy));
    if has("deny") {
        // Advisories come from a database that not every machine reaches: `cargo deny check advisories`.
        let deny = cargo(&["deny", "check", "bans", "licenses", "sources"]);
        gates.push(("dependencies".into(), deny));
    } else {
        println!("cargo-deny is not installed: licences and sources are not checked");
    }
    Ok(())
}

fn tests(gates: &mut Vec<Gate>) {
    if has("nextest") {
        gates.push(("tests".into(), cargo(&["nextest", "run", "--workspace"])));
        gates.push(("doc tests".into(), cargo(&["test", "--workspace", "--doc"])));
    } else {
        gates.push(("tests and doc tests".into(), cargo(&["test", "--workspace"])));
    }
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

fn summary(done: &[(String, bool, Duration)]) -> String {
    let lines = done.iter().map(|(name, passed, time)| {
        let verdict = if *passed { "passed" } else { "FAILED" };
        format!("{name:<32}{verdict:>8}{:>8.0} s", time.as_secs_f64())
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
        let text = summary(&[("format".into(), true, time), ("tidy".into(), false, time)]);
        let lines: Vec<_> = text.lines().collect();
        assert!(lines[0].starts_with("format") && lines[0].contains("passed"));
        assert!(lines[1].starts_with("tidy") && lines[1].contains("FAILED"));
        assert_eq!(lines[2], "1 passed, 1 failed");
    }

    #[track_caller]
    fn check(asked: &[&str], expected: &[&str]) {
        let stages: Vec<Stage> = asked.iter().map(|it| it.parse().unwrap()).collect();
        let gates = gates(&wanted(&stages)).unwrap();
        let names: Vec<_> = gates.iter().map(|(name, _)| name.as_str()).collect();
        assert_eq!(names, expected);
    }

    #[test]
    fn stages_are_run_as_asked_and_once() {
        check(&["docs", "mutants", "docs"], &["documentation", "mutants"]);
        check(&["bench", "e2e:sdk", "e2e"], &["bench, smoke", "end to end: sdk", "end to end"]);
    }

    #[test]
    fn without_a_stage_nothing_is_left_out() {
        let every = ["lint", "tests", "docs", "e2e", "mutants", "bench"];
        let every: Vec<Stage> = every.iter().map(|it| it.parse().unwrap()).collect();
        assert_eq!(wanted(&[]), every);
    }

    #[test]
    fn an_unknown_stage_is_told_the_known_ones() {
        for text in ["linty", "e2e:", "e2e: ", ""] {
            assert!(text.parse::<Stage>().unwrap_err().contains("mutants"), "{text:?}");
        }
    }
}
