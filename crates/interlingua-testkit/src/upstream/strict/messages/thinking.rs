//! Rules about thoughts that come back.

use serde_json::Value;

use super::super::{Found, Rule, Strict};
use super::history::{Turn, pointer};
use crate::upstream::Thought;

/// The blocks that hold thought.
const KINDS: [&str; 2] = ["thinking", "redacted_thinking"];

pub(super) fn check(strict: &Strict, body: &Value, turns: &[Turn], found: &mut Found) {
    for (at, block) in turns.iter().flat_map(|turn| &turn.blocks) {
        check_seal(strict, at, block, found);
    }
    for turn in current_loop(turns) {
        check_turn(strict, body, turn, found);
    }
}

/// A thought is one of ours, and to the letter: its signature covers the text.
fn check_seal(strict: &Strict, at: &str, block: &Value, found: &mut Found) {
    let (kind, seal) = match block["type"].as_str().unwrap_or_default() {
        "thinking" => ("thinking", &block["signature"]),
        "redacted_thinking" => ("redacted_thinking", &block["data"]),
        _ => return,
    };
    let issued = seal.as_str().and_then(|seal| strict.seals.get(seal));
    let is_ours = issued.is_some_and(|thought| is_same(block, thought));
    // Where nothing is signed, anybody's thought will do.
    let unsigned = seal.is_null() && strict.takes_unsigned();
    if !is_ours && !unsigned {
        let field = if kind == "thinking" { "signature" } else { "data" };
        let param = format!("{at}: Invalid `{field}` in `{kind}` block");
        found.add(Rule::ThoughtForged, pointer(at), param);
    }
}

fn is_same(block: &Value, thought: &Thought) -> bool {
    if thought.redacted {
        block["type"] == "redacted_thinking" && block["data"] == thought.seal.as_str()
    } else {
        block["type"] == "thinking"
            && block["signature"] == thought.seal.as_str()
            && block["thinking"] == thought.text.as_str()
    }
}

/// The assistant's turns since the user last said something of his own.
fn current_loop(turns: &[Turn]) -> impl Iterator<Item = &Turn> {
    let is_prompt =
        |turn: &Turn| turn.role == "user" && turn.of_kind("tool_result").next().is_none();
    let begin = turns.iter().rposition(is_prompt).map_or(0, |at| at + 1);
    turns[begin..].iter().filter(|turn| turn.role == "assistant")
}

/// What was issued with a turn's calls stands in it again, first and in order.
fn check_turn(strict: &Strict, body: &Value, turn: &Turn, found: &mut Found) {
    let mut calls = turn.of_kind("tool_use").peekable();
    let Some((_, call)) = calls.peek() else { return };
    let (first_at, first) = &turn.blocks[0];
    let kind = first["type"].as_str().unwrap_or_default();
    let thoughts: Vec<_> = turn.blocks.iter().filter(|(_, it)| is_thought(it)).collect();
    let issued = strict.issued(call["id"].as_str().unwrap_or_default());
    let wanted = match issued {
        Some(issued) => !issued.is_empty(),
        // Whoever asks for thought in every turn has to show that there was one.
        None => !strict.form_only && body["thinking"]["type"] == "enabled",
    };
    if wanted && !KINDS.contains(&kind) {
        let param = format!(
            "{first_at}.type: Expected `thinking` or `redacted_thinking`, but found `{kind}`. When \
             `thinking` is enabled, a final `assistant` message must start with a thinking block \
             (preceeding the lastmost set of `tool_use` and `tool_result` blocks)."
        );
        found.add(Rule::ThoughtMissing, pointer(first_at), param);
        return;
    }
    let Some(issued) = issued else { return };
    let is_whole = thoughts.len() == issued.len()
        && thoughts.iter().zip(issued).all(|((_, block), thought)| is_same(block, thought));
    // A forged one has been told already.
    let is_forged = thoughts.iter().any(|(_, block)| {
        let seal = block["signature"].as_str().or_else(|| block["data"].as_str());
        !seal.and_then(|it| strict.seals.get(it)).is_some_and(|it| is_same(block, it))
    });
    if !is_whole && !is_forged {
        let param = format!(
            "{first_at}: `thinking` or `redacted_thinking` blocks in the latest assistant message \
             cannot be modified. These blocks must remain as they were in the original response."
        );
        found.add(Rule::ThoughtMissing, pointer(first_at), param);
    }
}

fn is_thought(block: &Value) -> bool {
    KINDS.iter().any(|kind| block["type"] == *kind)
}
