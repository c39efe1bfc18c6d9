//! Rules about thoughts that come back with the messages that they led to.

use serde_json::Value;

use super::super::{Found, Rule, Strict};
use super::history::calls;
use crate::upstream::Thought;
use crate::upstream::record::Record;

/// The fields in which some upstream or other has its thoughts.
const FIELDS: [&str; 4] = ["reasoning", "reasoning_content", "reasoning_details", "reasoning_text"];

pub(super) fn check(
    strict: &Strict,
    record: &Record,
    body: &Value,
    message: &Value,
    current: bool,
    place: &str,
    found: &mut Found,
) {
    let carrier = record.word("replay.carrier");
    for field in FIELDS.into_iter().filter(|it| *it != carrier && message.get(it).is_some()) {
        let param = format!("property '{field}' is unsupported");
        found.add(Rule::ThoughtMisplaced, format!("{place}/{field}"), param);
    }
    if carrier == "none" || !record.thinks(body) {
        return;
    }
    let calls = calls(message);
    let issued = calls.iter().find_map(|call| strict.issued(call["id"].as_str()?));
    let is_right = match issued {
        Some(thoughts) => brings(record, message, thoughts),
        None => {
            let wanted = match record.word("replay.rule") {
                "required_all" => current,
                "required_tool_calls" => current && !calls.is_empty(),
                _ => false,
            };
            // Where nothing can stand in for a lost thought, nobody insists on one.
            let known = !record.at("replay.placeholder").is_null();
            !(wanted && known) || brought(record, message).is_some()
        }
    };
    if !is_right {
        let param = format!("thinking is enabled but {carrier} is missing or not what was sent");
        found.add(Rule::ThoughtMissing, place, param);
    }
}

/// Whether a message brings back what was sent with its calls, to the letter.
fn brings(record: &Record, message: &Value, thoughts: &[Thought]) -> bool {
    let signed = record.word("replay.carrier") == "tool_call_extra_content";
    let details = record.word("reasoning_out.details") == "openrouter";
    let words: String = thoughts.iter().map(|it| it.text.as_str()).collect();
    let seal = thoughts.first().map(|it| it.seal.clone());
    let seal_back = || {
        let entries = message["reasoning_details"].as_array().into_iter().flatten();
        entries.filter_map(|it| it["signature"].as_str()).next_back().map(str::to_owned)
    };
    match brought(record, message) {
        _ if thoughts.is_empty() => true,
        Some(back) if signed => Some(back) == seal,
        Some(back) => back == words && (!details || seal_back() == seal),
        None => false,
    }
}

/// What a message brings back, in the record's carrier.
fn brought(record: &Record, message: &Value) -> Option<String> {
    let texts = |list: &Value, of: &dyn Fn(&Value) -> Option<String>| {
        let found: Vec<String> = list.as_array()?.iter().filter_map(of).collect();
        (!found.is_empty()).then(|| found.concat())
    };
    let text = |it: &Value| it["text"].as_str().map(str::to_owned);
    match record.word("replay.carrier") {
        "reasoning_details" => texts(&message["reasoning_details"], &text),
        "content_parts" => texts(&message["content"], &|it| texts(&it["thinking"], &text)),
        "tool_call_extra_content" => {
            let path = record.word("replay.placeholder_path").split('.');
            let first = &message["tool_calls"][0]["extra_content"];
            path.fold(first, |value, name| &value[name]).as_str().map(str::to_owned)
        }
        carrier => message[carrier].as_str().map(str::to_owned),
    }
}
