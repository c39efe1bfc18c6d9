//! Rules about everything but the conversation.

use std::collections::BTreeSet;

use serde_json::Value;

use super::super::{Found, Rule, is_word};
use super::blocks;
use crate::upstream::Request;

/// What the vendor documents. Everything else on the top level is refused.
const PARAMETERS: [&str; 17] = [
    "cache_control",
    "container",
    "inference_geo",
    "max_tokens",
    "messages",
    "metadata",
    "model",
    "output_config",
    "service_tier",
    "stop_sequences",
    "stream",
    "system",
    "temperature",
    "thinking",
    "tool_choice",
    "tools",
    "top_p",
];

/// Documented only for those who ask for a beta, and how its word begins.
const BETAS: [(&str, &str); 3] = [
    ("context_management", "context-management-"),
    ("mcp_servers", "mcp-client-"),
    ("speed", "fast-mode-"),
];

/// The fields of a tool that the client runs.
const TOOL: [&str; 10] = [
    "allowed_callers",
    "cache_control",
    "defer_loading",
    "description",
    "eager_input_streaming",
    "input_examples",
    "input_schema",
    "name",
    "strict",
    "type",
];

/// How many cache marks one request may carry.
const MARKS: usize = 4;

pub(super) fn check(request: &Request, found: &mut Found) {
    if request.header("anthropic-version").is_none() {
        let param = "anthropic-version: header is required";
        found.add(Rule::MissingHeader, "", param);
    }
    if request.header("x-api-key").is_none() && request.header("authorization").is_none() {
        found.add(Rule::MissingHeader, "", "x-api-key header is required");
    }
    let body = &request.body;
    let Some(fields) = body.as_object() else {
        found.add(Rule::UnknownParameter, "", "the body is not a JSON object");
        return;
    };
    for name in ["model", "max_tokens", "messages"] {
        if body.get(name).is_none() {
            let param = format!("{name}: Field required");
            found.add(Rule::MissingParameter, format!("/{name}"), param);
        }
    }
    let betas = request.header("anthropic-beta").unwrap_or_default();
    for name in fields.keys().filter(|name| !is_parameter(name, betas)) {
        let param = format!("{name}: Extra inputs are not permitted");
        found.add(Rule::UnknownParameter, format!("/{name}"), param);
    }
    check_system(&body["system"], found);
    check_thinking(body, found);
    if let Some(tools) = body.get("tools") {
        check_tools(tools, found);
    }
    let marks = blocks::marks(body);
    if marks > MARKS {
        let param = format!(
            "A maximum of {MARKS} blocks with cache_control may be provided. Found {marks}."
        );
        found.add(Rule::CacheMarks, "", param);
    }
}

fn is_parameter(name: &str, betas: &str) -> bool {
    let asked = |begin: &str| betas.split(',').any(|beta| beta.trim().starts_with(begin));
    // A number that no current model takes beside thinking, but a documented one.
    name == "top_k"
        || PARAMETERS.contains(&name)
        || BETAS.iter().any(|(it, begin)| *it == name && asked(begin))
}

fn check_system(system: &Value, found: &mut Found) {
    for (at, block) in system.as_array().into_iter().flatten().enumerate() {
        let place = format!("/system/{at}");
        if block["type"] != "text" {
            let param = format!("system.{at}.type: Input should be 'text'");
            found.add(Rule::UnknownContent, place, param);
        } else if block["text"].as_str().is_none_or(str::is_empty) {
            found.add(Rule::EmptyText, place, "system: text content blocks must be non-empty");
        }
    }
}

fn check_thinking(body: &Value, found: &mut Found) {
    let thinking = &body["thinking"];
    let kind = thinking["type"].as_str().unwrap_or("disabled");
    if !["enabled", "adaptive", "disabled"].contains(&kind) {
        let param = format!("thinking: Input tag '{kind}' found using 'type' does not match");
        found.add(Rule::BadParameter, "/thinking", param);
    }
    if kind == "enabled" {
        let budget = thinking["budget_tokens"].as_u64().unwrap_or_default();
        let place = "/thinking/budget_tokens";
        if budget < 1024 {
            let param = "thinking.enabled.budget_tokens: Input should be greater than or equal \
                         to 1024";
            found.add(Rule::BadParameter, place, param);
        }
        if body["max_tokens"].as_u64().is_some_and(|most| most <= budget) {
            let param = "`max_tokens` must be greater than `thinking.budget_tokens`";
            found.add(Rule::BadParameter, place, param);
        }
    }
    if kind == "disabled" {
        return;
    }
    if ["any", "tool"].contains(&body["tool_choice"]["type"].as_str().unwrap_or_default()) {
        let param = "Thinking may not be enabled when tool_choice forces tool use.";
        found.add(Rule::ToolChoice, "/tool_choice", param);
    }
    if body.get("temperature").is_some_and(|it| it.as_f64() != Some(1.0)) {
        let param = "`temperature` may only be set to 1 when thinking is enabled.";
        found.add(Rule::BadParameter, "/temperature", param);
    }
}

fn check_tools(tools: &Value, found: &mut Found) {
    let mut names = BTreeSet::new();
    for (at, tool) in tools.as_array().into_iter().flatten().enumerate() {
        let place = format!("/tools/{at}");
        let name = tool["name"].as_str().unwrap_or_default();
        if !names.insert(name) {
            found.add(Rule::DuplicateTool, place.clone(), "tools: Tool names must be unique.");
        }
        // A tool of the server's own has a dated type, and fields of its own.
        if tool.get("type").is_some_and(|kind| kind != "custom") {
            continue;
        }
        if !is_word(name, 128) {
            let param = format!(
                "tools.{at}.custom.name: String should match pattern '^[a-zA-Z0-9_-]{{1,128}}$'"
            );
            found.add(Rule::BadTool, format!("{place}/name"), param);
        }
        if tool["input_schema"]["type"] != "object" {
            let param = format!("tools.{at}.custom.input_schema.type: Input should be 'object'");
            found.add(Rule::BadTool, format!("{place}/input_schema"), param);
        }
        let fields = tool.as_object().into_iter().flatten().map(|(name, _)| name);
        for field in fields.filter(|field| !TOOL.contains(&field.as_str())) {
            let param = format!("tools.{at}.custom.{field}: Extra inputs are not permitted");
            found.add(Rule::BadTool, format!("{place}/{field}"), param);
        }
    }
}
