//! Rules about everything but the input.

use std::collections::BTreeSet;

use serde_json::Value;

use super::super::{Found, Rule, is_word};

/// What the vendor documents, and what its own agent sends. Everything else is refused.
const PARAMETERS: [&str; 29] = [
    "background",
    "client_metadata",
    "context_management",
    "conversation",
    "include",
    "input",
    "instructions",
    "max_output_tokens",
    "max_tool_calls",
    "metadata",
    "model",
    "parallel_tool_calls",
    "previous_response_id",
    "prompt",
    "prompt_cache_key",
    "prompt_cache_retention",
    "reasoning",
    "safety_identifier",
    "service_tier",
    "store",
    "stream",
    "stream_options",
    "temperature",
    "text",
    "tool_choice",
    "tools",
    "top_logprobs",
    "top_p",
    "truncation",
];

/// The types of tools that have a name and are run by the client.
const NAMED: [&str; 2] = ["function", "custom"];

pub(super) fn check(body: &Value, found: &mut Found) {
    let Some(fields) = body.as_object() else {
        found.add(Rule::UnknownParameter, "", "the body is not a JSON object");
        return;
    };
    for name in ["model", "input"] {
        if body.get(name).is_none() {
            let param = format!("Missing required parameter: '{name}'.");
            found.add(Rule::MissingParameter, format!("/{name}"), param);
        }
    }
    for name in fields.keys().filter(|name| !is_parameter(name)) {
        found.add(
            Rule::UnknownParameter,
            format!("/{name}"),
            format!("Unknown parameter: '{name}'."),
        );
    }
    if let Some(id) = body["previous_response_id"].as_str() {
        let param = format!("Previous response with id '{id}' not found.");
        found.add(Rule::BadParameter, "/previous_response_id", param);
    }
    let mut names = BTreeSet::new();
    for (at, tool) in body["tools"].as_array().into_iter().flatten().enumerate() {
        check_tool(tool, &format!("/tools/{at}"), &mut names, found);
    }
}

fn is_parameter(name: &str) -> bool {
    // Deprecated, and still taken.
    name == "user" || PARAMETERS.contains(&name)
}

fn check_tool<'b>(tool: &'b Value, place: &str, names: &mut BTreeSet<&'b str>, found: &mut Found) {
    let kind = tool["type"].as_str().unwrap_or_default();
    if kind.is_empty() {
        found.add(Rule::BadTool, place, "Missing required parameter: 'tools[].type'.");
    }
    if kind == "namespace" {
        let mut inner = BTreeSet::new();
        for (at, tool) in tool["tools"].as_array().into_iter().flatten().enumerate() {
            check_tool(tool, &format!("{place}/tools/{at}"), &mut inner, found);
        }
        return;
    }
    if !NAMED.contains(&kind) {
        return;
    }
    let name = tool["name"].as_str().unwrap_or_default();
    if !is_word(name, 64) {
        let param = "Invalid 'tools[].name': string does not match pattern. Expected a string \
                     that matches the pattern '^[a-zA-Z0-9_-]+$'.";
        found.add(Rule::BadTool, format!("{place}/name"), param);
    }
    if !names.insert(name) {
        let param = format!("Duplicate tool name: '{name}'.");
        found.add(Rule::DuplicateTool, format!("{place}/name"), param);
    }
    if kind == "function" && tool["parameters"]["type"] != "object" {
        let param = format!("Invalid schema for function '{name}': schema must be of type object.");
        found.add(Rule::BadTool, format!("{place}/parameters"), param);
    }
}
