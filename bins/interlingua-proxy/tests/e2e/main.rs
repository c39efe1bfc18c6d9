//! The real Codex, through the real gateway, against an upstream as strict as the strictest.
//!
//! Run by `cargo xtask e2e`. Each scenario prints one line; words on the command line choose among
//! them by name.
#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a test runner reports")]
#![expect(clippy::unwrap_used, reason = "a test may fail")]

mod compaction;
mod errors;
mod memory;
mod patches;
mod pool;
mod setup;
mod stage;
mod talk;
mod tools;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::process::ExitCode;
use std::time::Instant;

type Scenario = (&'static str, fn());

const SCENARIOS: &[Scenario] = &[
    ("demo: a newcomer sees thought, text, a command and a patch", talk::demo),
    ("codex reads every awkward file that we have set up", setup::every_file),
    ("text turn", talk::text_turn),
    ("text turn, whole, for other clients", talk::whole),
    ("openai sdk for python, types enforced", talk::openai_sdk),
    ("json schema output", talk::json_schema),
    ("image in", talk::image_in),
    ("image to a text model becomes a placeholder", talk::image_to_text_model),
    ("unknown model", talk::unknown_model),
    ("shell loop of three rounds with reasoning", tools::shell_loop),
    ("without injection the strict upstream refuses", tools::without_injection),
    ("apply_patch changes a file", tools::apply_patch),
    ("46 malformed patches are mended or left alone", patches::malformed),
    ("parallel calls", tools::parallel_calls),
    ("mcp namespace tool", tools::mcp),
    ("tool search", tools::tool_search),
    ("image from a tool", tools::image_from_tool),
    ("sub-agent beside its parent", memory::sub_agent),
    ("resume after a gateway restart in mid-loop", memory::restart),
    ("resume with a lost seal key", memory::lost_key),
    ("local compaction", memory::compaction),
    ("compaction by the gateway and by codex in one long session", compaction::long_session),
    ("a compaction storm is stopped", compaction::storm),
    ("missing reasoning heals itself", memory::self_healing),
    ("three providers in one pool", pool::one_pool),
    ("without the pool nothing changes for one provider", pool::without_the_pool),
    ("a provider comes and goes while codex works", pool::pool_changes),
    ("failover along a chain", pool::failover),
    ("a thousand unknown names reach nobody", pool::unknown_names),
    ("context overflow", errors::context_overflow),
    ("429 with Retry-After", errors::rate_limit),
    ("429 without Retry-After", errors::rate_limit_unknown),
    ("upstream dies in mid-call", errors::dies_in_call),
    ("stall", errors::stall),
    ("slow first token keeps the client alive", errors::slow_start),
    ("wrong upstream key", errors::wrong_key),
    ("wrong gateway key", errors::wrong_client_key),
    ("client gone, upstream cancelled", errors::client_gone),
];

fn main() -> ExitCode {
    let wanted: Vec<String> = std::env::args().skip(1).filter(|it| !it.starts_with('-')).collect();
    let (mut passed, mut failed) = (0, 0);
    for (name, scenario) in SCENARIOS {
        if !wanted.is_empty() && !wanted.iter().any(|word| name.contains(word.as_str())) {
            continue;
        }
        let begun = Instant::now();
        let result = catch_unwind(AssertUnwindSafe(scenario));
        let verdict = if result.is_ok() { "ok" } else { "FAILED" };
        println!("{verdict:<7} {name} ({:.1} s)", begun.elapsed().as_secs_f32());
        match result {
            Ok(()) => passed += 1,
            Err(_) => failed += 1,
        }
    }
    println!("{passed} passed, {failed} failed");
    if failed > 0 || passed == 0 { ExitCode::FAILURE } else { ExitCode::SUCCESS }
}
