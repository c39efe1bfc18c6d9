use serde_json::Value;

use super::{Found, Rule, calls, messages, only};

const PARAMETERS: [&str; 19] = [
    "frequency_penalty",
    "max_tokens",
    "messages",
    "model",
    "n",
    "parallel_tool_calls",
    "prediction",
    "presence_penalty",
    "prompt_mode",
    "random_seed",
    "reasoning_effort",
    "response_format",
    "safe_prompt",
    "stop",
    "stream",
    "temperature",
    "tool_choice",
    "tools",
    "top_p",
];

const MESSAGE: [&str; 6] = ["content", "name", "prefix", "role", "tool_call_id", "tool_calls"];

pub(super) fn check(body: &Value, found: &mut Found) {
    only(body, &PARAMETERS, found);
    if !matches!(body["reasoning_effort"].as_str(), None | Some("none" | "high")) {
        found.add(Rule::BadParameter, "/reasoning_effort", "Input should be 'none' or 'high'");
    }
    let choice = &body["tool_choice"];
    if !choice.is_null() && !["auto", "none", "any"].iter().any(|it| choice == it) {
        found.add(Rule::ToolChoice, "/tool_choice", "Input should be 'auto', 'none' or 'any'");
    }
    let mut before = "";
    for (place, message) in messages(body) {
        only(message, &MESSAGE, found);
        let role = message["role"].as_str().unwrap_or_default();
        if before == "tool" && role == "user" {
            found.add(
                Rule::MessageOrder,
                place.clone(),
                "Unexpected role 'user' after role 'tool'",
            );
        }
        before = role;
        let ids = calls(message).iter().map(|call| &call["id"]).chain(message.get("tool_call_id"));
        for id in ids.filter_map(Value::as_str) {
            if id.len() != 9 || !id.bytes().all(|it| it.is_ascii_alphanumeric()) {
                let param =
                    format!("Tool call id was {id} but must be a-z, A-Z, 0-9, with a length of 9.");
                found.add(Rule::BadId, place.clone(), param);
            }
        }
    }
    let last = body["messages"].as_array().and_then(|it| it.last());
    if last.is_some_and(|it| it["role"] == "assistant" && it["prefix"] != true) {
        let param = "Expected last role User or Tool (or Assistant with prefix True)";
        found.add(Rule::MessageOrder, "/messages", param);
    }
}
