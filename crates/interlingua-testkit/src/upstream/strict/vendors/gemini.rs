use serde_json::Value;

use super::{Found, Rule, any_schema, calls, messages, names, schemas};

/// What its schemas do not know.
const KEYWORDS: [&str; 4] = ["$ref", "$schema", "additionalProperties", "patternProperties"];

const UNKNOWN: [&str; 8] = [
    "logit_bias",
    "metadata",
    "parallel_tool_calls",
    "prompt_cache_key",
    "safety_identifier",
    "seed",
    "store",
    "user",
];

pub(super) fn check(body: &Value, found: &mut Found) {
    for name in UNKNOWN {
        if body.get(name).is_some() {
            let param = format!("Invalid JSON payload received. Unknown name \"{name}\"");
            found.add(Rule::UnknownParameter, format!("/{name}"), param);
        }
    }
    let config = &body["extra_body"]["google"]["thinking_config"];
    if body.get("reasoning_effort").is_some() && !config.is_null() {
        found.add(
            Rule::BadParameter,
            "/reasoning_effort",
            "reasoning_effort beside thinking_config",
        );
    }
    for name in names(body) {
        if !name.starts_with(|it: char| it.is_ascii_alphabetic() || it == '_') {
            let param = "Invalid function name. Must start with a letter or an underscore.";
            found.add(Rule::ToolName, "/tools", param);
        }
    }
    for schema in schemas(body) {
        if any_schema(schema, &|it| KEYWORDS.iter().any(|key| it.contains_key(*key))) {
            let param = "Invalid JSON payload received. Unknown name in function_declarations";
            found.add(Rule::BadTool, "/tools", param);
        }
    }
    // The generation before asks for none.
    if body["model"].as_str().is_some_and(|it| it.starts_with("gemini-2")) {
        return;
    }
    for (place, message) in messages(body) {
        let first = calls(message).first();
        let signature = |call: &Value| {
            call["extra_content"]["google"]["thought_signature"].as_str().map(str::to_owned)
        };
        if first.is_some_and(|call| signature(call).is_none_or(|it| it.is_empty())) {
            let param = "Function call is missing a thought_signature in functionCall parts.";
            found.add(Rule::ThoughtMissing, place, param);
        }
    }
}
