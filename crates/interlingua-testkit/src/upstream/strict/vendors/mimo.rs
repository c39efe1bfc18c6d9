use serde_json::Value;

use super::{Found, Rule, calls, messages};

const NOT_SET: &str = "`text` is not set";

pub(super) fn check(body: &Value, found: &mut Found) {
    if !matches!(body["thinking"]["type"].as_str(), None | Some("enabled" | "disabled")) {
        found.add(Rule::BadParameter, "/thinking", "an unknown switch");
    }
    for name in ["reasoning_effort", "max_tokens", "enable_thinking"] {
        if body.get(name).is_some() {
            found.add(Rule::UnknownParameter, format!("/{name}"), name);
        }
    }
    if body.get("tool_choice").is_some_and(|it| it != "auto") {
        found.add(Rule::ToolChoice, "/tool_choice", "tool_choice supports auto only");
    }
    let tools = body["tools"].as_array().into_iter().flatten();
    if tools.clone().any(|it| it["function"].get("strict").is_some_and(Value::is_null)) {
        found.add(Rule::NullStrict, "/tools", "strict is null");
    }
    // One of its models thinks only if it is told to.
    let model = body["model"].as_str().unwrap_or_default();
    let off = match body["thinking"]["type"].as_str() {
        None => model.starts_with("mimo-v2-flash"),
        switch => switch == Some("disabled"),
    };
    for (place, message) in messages(body) {
        let has_calls = !calls(message).is_empty();
        if has_calls && !off && !message["reasoning_content"].is_string() {
            let param =
                "The reasoning_content in the thinking mode must be passed back to the API.";
            found.add(Rule::ThoughtMissing, place.clone(), param);
        }
        match message.get("content") {
            Some(Value::Null) => found.add(Rule::NullContent, place, NOT_SET),
            None if !has_calls => found.add(Rule::NullContent, place, NOT_SET),
            Some(Value::Array(parts)) => {
                let has_text =
                    parts.iter().any(|it| it["text"].as_str().is_some_and(|it| !it.is_empty()));
                if message["role"] == "tool" && parts.iter().any(|it| it["type"] == "image_url") {
                    found.add(Rule::ImageInToolMessage, place, NOT_SET);
                } else if !has_text {
                    found.add(Rule::ImageWithoutText, place, NOT_SET);
                }
            }
            _ => {}
        }
    }
}
