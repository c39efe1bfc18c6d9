use serde_json::Value;

use super::{Found, Rule, any_schema, calls, messages, names, schemas};

/// Fixed by the server while its models think.
const SAMPLING: [&str; 5] = ["frequency_penalty", "n", "presence_penalty", "temperature", "top_p"];

/// Models that do not think.
const PLAIN: [&str; 4] = ["kimi-k2-0", "kimi-k2-turbo", "kimi-latest", "moonshot-v1"];

pub(super) fn check(body: &Value, found: &mut Found) {
    let model = body["model"].as_str().unwrap_or_default();
    let thinks = !PLAIN.iter().any(|it| model.starts_with(it));
    if thinks {
        check_thinking(body, found);
    }
    for name in names(body) {
        let starts = name.starts_with(|it: char| it.is_ascii_alphabetic() || it == '_');
        if !starts || !(3..=64).contains(&name.len()) {
            let param = format!("function name is invalid, must start with a letter: {name}");
            found.add(Rule::ToolName, "/tools", param);
        }
    }
    for schema in schemas(body) {
        let beside = any_schema(schema, &|it| it.contains_key("type") && it.contains_key("anyOf"));
        let tuple = any_schema(schema, &|it| it.get("items").is_some_and(Value::is_array));
        if beside || tuple || schema["type"] != "object" {
            let param = "tools.function.parameters is not a valid moonshot flavored json schema";
            found.add(Rule::BadTool, "/tools", param);
        }
    }
    for (place, message) in messages(body) {
        let parts = message["content"].as_array().into_iter().flatten();
        let mut urls = parts.filter_map(|it| it["image_url"]["url"].as_str());
        if urls.any(|it| !it.starts_with("data:") && !it.starts_with("ms:")) {
            found.add(Rule::UnknownContent, place, "unsupported image url");
        }
    }
}

fn check_thinking(body: &Value, found: &mut Found) {
    for name in SAMPLING {
        if body.get(name).is_some() {
            let param = format!("invalid {name}: only 1 is allowed for this model");
            found.add(Rule::BadParameter, format!("/{name}"), param);
        }
    }
    let choice = &body["tool_choice"];
    if !choice.is_null() && choice != "auto" && choice != "none" {
        let param = "tool_choice 'required' is incompatible with thinking enabled";
        found.add(Rule::ToolChoice, "/tool_choice", param);
    }
    if body["thinking"]["type"] == "disabled" {
        return;
    }
    for (place, message) in messages(body).filter(|(_, it)| !calls(it).is_empty()) {
        if message["reasoning_content"].as_str().is_none_or(str::is_empty) {
            let param = "thinking is enabled but reasoning_content is missing in assistant tool \
                         call message";
            found.add(Rule::ThoughtMissing, place, param);
        }
    }
}
