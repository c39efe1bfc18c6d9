//! The form of the items that an input is made of.

use serde_json::Value;

use super::super::{Found, Rule, is_word};

/// How the id of an item begins, by its type.
const PREFIXES: [(&str, &str); 6] = [
    ("message", "msg"),
    ("reasoning", "rs"),
    ("function_call", "fc"),
    ("custom_tool_call", "ctc"),
    ("web_search_call", "ws"),
    ("compaction", "cmp"),
];

/// Types that need no more words here; what the client's own tools leave behind ends in `_call` or
/// `_call_output`.
const OTHERS: [&str; 4] =
    ["compaction", "compaction_trigger", "additional_tools", "tool_search_output"];

/// An item's type; a message may leave it out.
pub(super) fn kind(item: &Value) -> &str {
    item["type"].as_str().unwrap_or("message")
}

/// What an item says to others: a result that answers, or a call that waits for one.
pub(super) fn is_result(item: &Value) -> bool {
    kind(item).ends_with("_call_output")
}

/// A call that the client runs.
pub(super) fn is_call(item: &Value) -> bool {
    ["function_call", "custom_tool_call", "local_shell_call"].contains(&kind(item))
}

pub(super) fn check(item: &Value, at: usize, found: &mut Found) {
    let place = format!("/input/{at}");
    let kind = kind(item);
    check_id(item, kind, at, found);
    match kind {
        "message" => check_message(item, at, found),
        "reasoning" if !item["summary"].is_array() => {
            let param = format!("Missing required parameter: 'input[{at}].summary'.");
            found.add(Rule::MissingParameter, format!("{place}/summary"), param);
        }
        "reasoning" => {}
        "function_call" => check_arguments(item, at, found),
        "function_call_output" | "custom_tool_call_output" => check_output(item, at, found),
        _ if kind.ends_with("_call") || is_result(item) || OTHERS.contains(&kind) => {}
        _ => {
            let param = format!("Invalid value: '{kind}'.");
            found.add(Rule::UnknownContent, format!("{place}/type"), param);
        }
    }
}

fn check_id(item: &Value, kind: &str, at: usize, found: &mut Found) {
    let place = format!("/input/{at}/id");
    let prefix = PREFIXES.iter().find(|(it, _)| *it == kind).map(|(_, prefix)| *prefix);
    if let (Some(id), Some(prefix)) = (item["id"].as_str(), prefix) {
        if !id.starts_with(prefix) {
            let param = format!(
                "Invalid 'input[{at}].id': '{id}'. Expected an ID that begins with '{prefix}'."
            );
            found.add(Rule::BadId, place, param);
        } else if !is_word(id, 64) {
            let param = format!(
                "Invalid 'input[{at}].id': '{id}'. Expected an ID that contains letters, numbers, \
                 underscores, or dashes."
            );
            found.add(Rule::BadId, place, param);
        }
    }
    if item
        .get("call_id")
        .is_some_and(|id| id.as_str().is_none_or(|id| !(1..=64).contains(&id.len())))
    {
        let param =
            format!("Invalid 'input[{at}].call_id': expected a string with maximum length 64.");
        found.add(Rule::BadId, format!("/input/{at}/call_id"), param);
    }
}

fn check_message(item: &Value, at: usize, found: &mut Found) {
    let role = item["role"].as_str().unwrap_or_default();
    let allowed: &[&str] = match role {
        "assistant" => &["output_text", "refusal"],
        "user" | "system" | "developer" => &["input_text", "input_image", "input_file"],
        _ => {
            let param = format!("Invalid value: '{role}'.");
            found.add(Rule::UnknownRole, format!("/input/{at}/role"), param);
            return;
        }
    };
    match &item["content"] {
        Value::String(_) => {}
        Value::Array(parts) => check_parts(parts, allowed, &format!("/input/{at}/content"), found),
        _ => {
            let param = format!("Missing required parameter: 'input[{at}].content'.");
            found.add(Rule::NullContent, format!("/input/{at}/content"), param);
        }
    }
}

fn check_parts(parts: &[Value], allowed: &[&str], place: &str, found: &mut Found) {
    for (index, part) in parts.iter().enumerate() {
        let kind = part["type"].as_str().unwrap_or_default();
        if !allowed.contains(&kind) {
            let param =
                format!("Invalid value: '{kind}'. Supported values are: {}.", quoted(allowed));
            found.add(Rule::UnknownContent, format!("{place}/{index}"), param);
        }
    }
}

fn quoted(words: &[&str]) -> String {
    let words: Vec<_> = words.iter().map(|word| format!("'{word}'")).collect();
    words.join(" and ")
}

fn check_arguments(item: &Value, at: usize, found: &mut Found) {
    let place = format!("/input/{at}/arguments");
    let arguments = item["arguments"].as_str().map(serde_json::from_str::<Value>);
    if !matches!(arguments, Some(Ok(Value::Object(_)))) {
        let param = format!("Invalid 'input[{at}].arguments': expected a JSON object as a string.");
        found.add(Rule::BadArguments, place, param);
    }
    if !is_word(item["name"].as_str().unwrap_or_default(), 64) {
        let param = format!("Invalid 'input[{at}].name': string does not match pattern.");
        found.add(Rule::BadTool, format!("/input/{at}/name"), param);
    }
}

fn check_output(item: &Value, at: usize, found: &mut Found) {
    let place = format!("/input/{at}/output");
    match &item["output"] {
        Value::String(_) => {}
        Value::Array(parts) => {
            check_parts(parts, &["input_text", "input_image", "input_file"], &place, found);
        }
        _ => {
            let param = format!("Missing required parameter: 'input[{at}].output'.");
            found.add(Rule::NullContent, place, param);
        }
    }
}
