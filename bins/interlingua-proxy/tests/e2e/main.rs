//! Real clients, through the real gateway, against upstreams as strict as the strictest.
//!
//! Run by `cargo xtask e2e`. Each scenario prints one line; `--stage=` and words on the command line
//! choose among them.
#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a test runner reports")]
#![expect(clippy::unwrap_used, reason = "a test may fail")]

mod claude;
mod compaction;
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
use std::time::Instant;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let stage = arguments.iter().find_map(|it| it.strip_prefix("--stage="));
    let words: Vec<_> = arguments.iter().filter(|it| !it.starts_with('-')).collect();
    let (mut passed, mut failed, mut waiting) = (0, 0, 0);
    for scenario in scenarios::all() {
        let name = &scenario.name;
        let is_wanted = words.is_empty() || words.iter().any(|word| name.contains(word.as_str()));
        if !is_wanted || stage.is_some_and(|stage| stage != scenario.stage) {
            continue;
        }
        if scenario.waits() {
            println!("waits   {name}");
            waiting += 1;
            continue;
        }
        let begun = Instant::now();
        let result = catch_unwind(AssertUnwindSafe(&scenario.run));
        let verdict = if result.is_ok() { "ok" } else { "FAILED" };
        println!("{verdict:<7} {name} ({:.1} s)", begun.elapsed().as_secs_f32());
        match result {
            Ok(()) => passed += 1,
            Err(_) => failed += 1,
        }
    }
    if waiting > 0 {
        println!("{waiting} wait for what the gateway cannot do yet");
    }
    println!("{passed} passed, {failed} failed");
    let is_empty = passed + waiting == 0;
    if failed > 0 || is_empty { ExitCode::FAILURE } else { ExitCode::SUCCESS }
}
