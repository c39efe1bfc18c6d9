//! Real clients, through the real gateway, against upstreams as strict as the strictest.
//!
//! Run by `cargo xtask e2e`. Each scenario prints one line; `--stage=` and words on the command line
//! choose among them. `--waiting` runs those too that the gateway cannot pass yet.
#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a test runner reports")]
#![expect(clippy::unwrap_used, reason = "a test may fail")]

mod claude;
mod codex;
mod compaction;
mod dialects;
mod errors;
mod house;
mod loops;
mod memory;
mod opencode;
mod patches;
mod pool;
mod scenarios;
mod sdk;
mod setup;
mod stage;
mod store;
mod talk;
mod tools;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::process::ExitCode;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

use scenarios::Scenario;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let stage = arguments.iter().find_map(|it| it.strip_prefix("--stage="));
    let words: Vec<_> = arguments.iter().filter(|it| !it.starts_with('-')).collect();
    let is_wanted = |scenario: &Scenario| {
        let is_named = words.iter().any(|word| scenario.name.contains(word.as_str()));
        (words.is_empty() || is_named) && stage.is_none_or(|stage| stage == scenario.stage)
    };
    let wanted = scenarios::all().into_iter().filter(is_wanted);
    let all = arguments.iter().any(|it| it == "--waiting");
    let (waiting, ready): (Vec<_>, Vec<_>) = wanted.partition(|it| !all && it.waits());
    let passed = ready.chunk_by(|one, other| one.stage == other.stage).map(run_all).sum::<usize>();
    for scenario in &waiting {
        println!("waits   {}", scenario.name);
    }
    if !waiting.is_empty() {
        println!("{} wait for what the gateway cannot do yet", waiting.len());
    }
    println!("{passed} passed, {} failed", ready.len() - passed);
    let is_empty = ready.is_empty() && waiting.is_empty();
    if passed < ready.len() || is_empty { ExitCode::FAILURE } else { ExitCode::SUCCESS }
}

/// Runs the scenarios of one stage, and counts those that passed.
fn run_all(scenarios: &[Scenario]) -> usize {
    let (next, passed) = (AtomicUsize::new(0), AtomicUsize::new(0));
    let work = || {
        while let Some(scenario) = scenarios.get(next.fetch_add(1, Ordering::Relaxed)) {
            passed.fetch_add(usize::from(run(scenario)), Ordering::Relaxed);
        }
    };
    let workers = scenarios.first().map_or(1, Scenario::at_once);
    std::thread::scope(|scope| {
        for _ in 1..workers {
            scope.spawn(work);
        }
        work();
    });
    passed.into_inner()
}

fn run(scenario: &Scenario) -> bool {
    let begun = Instant::now();
    let passed = catch_unwind(AssertUnwindSafe(&scenario.run)).is_ok();
    let verdict = if passed { "ok" } else { "FAILED" };
    println!("{verdict:<7} {} ({:.1} s)", scenario.name, begun.elapsed().as_secs_f32());
    passed
}
