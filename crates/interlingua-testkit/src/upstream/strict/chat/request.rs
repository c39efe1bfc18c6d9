//! Rules about everything but the conversation.

use std::collections::BTreeSet;

use serde_json::Value;

use super::super::{Found, Rule, is_word};
use super::Kind;

/// What every vendor documents. Everything else on the top level is refused.
const PARAMETERS: [&str; 15] = [
    "frequency_penalty",
    "max_completion_tokens",
    "max_tokens",
    "messages",
    "model",
    "presence_penalty",
    "response_format",
    "stop",
    "stream",
    "stream_options",
    "temperature",
    "thinking",
    "tool_choice",
    "tools",
    "top_p",
];

/// What one vendor documents beside these.
fn more(kind: Kind) -> &'static [&'static str] {
    match kind {
        Kind::Mimo => &[],
        Kind::DeepSeek => &["logprobs", "reasoning_effort", "top_logprobs"],
        Kind::Kimi => &["n", "partial", "prompt_cache_key", "safety_identifier"],
    }
}

/// Built-in tools that stand beside functions.
const BUILT_IN: [&str; 1] = ["web_search"];

pub(super) fn check(kind: Kind, body: &Value, found: &mut Found) {
    let Some(fields) = body.as_object() else {
        found.add(Rule::UnknownParameter, "", "the body is not a JSON object");
        return;
    };
    for (name, value) in fields {
        if !PARAMETERS.contains(&name.as_str()) && !more(kind).contains(&name.as_str()) {
            let param = format!("unknown parameter: {name}");
            found.add(Rule::UnknownParameter, format!("/{name}"), param);
        } else if value.is_null() {
            found.add(Rule::UnknownParameter, format!("/{name}"), format!("{name} is null"));
        }
    }
    if let Some(tools) = body.get("tools") {
        check_tools(tools, found);
    }
    if kind == Kind::Mimo && body.get("tool_choice").is_some_and(|choice| choice != "auto") {
        found.add(Rule::ToolChoice, "/tool_choice", "tool_choice supports auto only");
    }
}

fn check_tools(tools: &Value, found: &mut Found) {
    let Some(tools) = tools.as_array().filter(|tools| !tools.is_empty()) else {
        found.add(Rule::EmptyTools, "/tools", "tools must be a non-empty array");
        return;
    };
    let mut names = BTreeSet::new();
    for (index, tool) in tools.iter().enumerate() {
        let place = format!("/tools/{index}");
        let kind = tool["type"].as_str().unwrap_or_default();
        if BUILT_IN.contains(&kind) {
            continue;
        }
        let function = &tool["function"];
        let name = function["name"].as_str().unwrap_or_default();
        if kind != "function" || !is_word(name, 64) {
            let param = format!("tool type `{kind}` with name `{name}` is not supported");
            found.add(Rule::BadTool, place.clone(), param);
        }
        if function.get("parameters").is_some_and(|schema| schema["type"] != "object") {
            let param = format!("parameters of {name} must be an object schema");
            found.add(Rule::BadTool, format!("{place}/function/parameters"), param);
        }
        if function.get("strict").is_some_and(|strict| !strict.is_boolean()) {
            found.add(Rule::NullStrict, format!("{place}/function/strict"), "strict is not a bool");
        }
        if !names.insert(name) {
            let param = format!("tools contains duplicate names: {name}");
            found.add(Rule::DuplicateTool, place, param);
        }
    }
}
