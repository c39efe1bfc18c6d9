//! Rules about the order of an input, and about thoughts that come back.

use std::collections::BTreeSet;

use serde_json::Value;

use super::super::{Found, Rule, Strict};
use super::items::{self, kind};
use crate::upstream::Thought;

pub(super) fn check(strict: &Strict, body: &Value, found: &mut Found) {
    let Some(input) = body["input"].as_array() else { return };
    if input.is_empty() {
        found.add(Rule::NullContent, "/input", "Invalid 'input': empty array.");
    }
    let blind = strict.is_blind(body);
    for (at, item) in input.iter().enumerate() {
        items::check(item, at, found);
        if kind(item) == "reasoning" {
            check_thought(strict, input, at, found);
        }
        if blind && has_image(item) {
            let param = "Image inputs are not supported by this model.";
            found.add(Rule::ImageForBlindModel, format!("/input/{at}"), param);
        }
    }
    check_results(input, found);
    for at in 0..input.len() {
        if items::is_call(&input[at]) {
            check_call(strict, input, at, found);
        }
    }
}

/// Encrypted thought is one of ours, its summary is untouched, and something follows it.
fn check_thought(strict: &Strict, input: &[Value], at: usize, found: &mut Found) {
    let (item, place) = (&input[at], format!("/input/{at}"));
    let id = item["id"].as_str().unwrap_or_default();
    let Some(seal) = item["encrypted_content"].as_str() else {
        let param = format!(
            "Item with id '{id}' not found. Items are not persisted when `store` is set to false. \
             Try again with `store` set to true, or remove this item from your input."
        );
        found.add(Rule::ThoughtMissing, place, param);
        return;
    };
    if !strict.seals.get(seal).is_some_and(|thought| is_same(item, thought)) {
        let param = format!("The encrypted content {seal} could not be verified.");
        found.add(Rule::ThoughtForged, format!("{place}/encrypted_content"), param);
    }
    let next = input[at + 1..].iter().find(|it| kind(it) != "reasoning");
    let is_own = |item: &Value| item["role"] == "assistant" || kind(item).ends_with("_call");
    if !next.is_some_and(is_own) {
        let param = format!(
            "Item '{id}' of type 'reasoning' was provided without its required following item."
        );
        found.add(Rule::ThoughtMisplaced, place, param);
    }
}

fn is_same(item: &Value, thought: &Thought) -> bool {
    let summary = item["summary"].as_array().into_iter().flatten();
    let summary: String = summary.filter_map(|part| part["text"].as_str()).collect();
    item["encrypted_content"] == thought.seal.as_str() && summary == thought.text
}

/// One result for each call, and one call for each result.
fn check_results(input: &[Value], found: &mut Found) {
    let mut waiting: Vec<(usize, &str)> = Vec::new();
    let mut answered = BTreeSet::new();
    for (at, item) in input.iter().enumerate() {
        let id = item["call_id"].as_str().unwrap_or_default();
        let place = format!("/input/{at}");
        if items::is_call(item) {
            waiting.push((at, id));
        } else if items::is_result(item) && kind(item) != "tool_search_call_output" {
            match waiting.iter().position(|(_, it)| *it == id) {
                Some(open) => {
                    waiting.remove(open);
                    answered.insert(id);
                }
                None if answered.contains(id) => {
                    let param = format!("Duplicate function call output for call_id {id}.");
                    found.add(Rule::RepeatedResult, place, param);
                }
                None => {
                    let param =
                        format!("No tool call found for function call output with call_id {id}.");
                    found.add(Rule::OrphanResult, place, param);
                }
            }
        }
    }
    for (at, id) in waiting {
        let param = format!("No tool output found for function call {id}.");
        found.add(Rule::CallWithoutResult, format!("/input/{at}"), param);
    }
}

/// All thoughts of the answer that a call was part of stand before it, since the last result or prompt.
fn check_call(strict: &Strict, input: &[Value], at: usize, found: &mut Found) {
    let item = &input[at];
    let Some(issued) = item["call_id"].as_str().and_then(|id| strict.issued(id)) else { return };
    let own = |item: &Value| {
        kind(item) == "reasoning" || item["role"] == "assistant" || kind(item).ends_with("_call")
    };
    let begin = input[..at].iter().rposition(|it| !own(it)).map_or(0, |at| at + 1);
    let seals: Vec<_> =
        input[begin..at].iter().filter_map(|it| it["encrypted_content"].as_str()).collect();
    // Thought that came behind this call in its answer belongs to a later one.
    let missing = issued.iter().find(|it| !seals.contains(&it.seal.as_str()));
    // A forged one has been told already, where it stands.
    if missing.is_some() && seals.len() < issued.len() && !comes_later(input, at, missing) {
        let id = item["id"].as_str().or(item["call_id"].as_str()).unwrap_or_default();
        let param = format!(
            "Item '{id}' of type '{}' was provided without its required 'reasoning' item.",
            kind(item)
        );
        found.add(Rule::ThoughtMissing, format!("/input/{at}"), param);
    }
}

fn comes_later(input: &[Value], at: usize, missing: Option<&Thought>) -> bool {
    let until = input[at..].iter().take_while(|it| !items::is_result(it));
    let mut seals = until.filter_map(|it| it["encrypted_content"].as_str());
    missing.is_some_and(|missing| seals.any(|seal| seal == missing.seal))
}

fn has_image(item: &Value) -> bool {
    let parts = [&item["content"], &item["output"]];
    let mut parts = parts.into_iter().filter_map(Value::as_array).flatten();
    parts.any(|part| part["type"] == "input_image")
}
