use serde_json::Value;

use super::{Found, Rule, calls, messages};

pub(super) fn check(body: &Value, found: &mut Found) {
    let off = body["thinking"]["type"] == "disabled";
    if off && body.get("reasoning_effort").is_some() {
        let param = "thinking options type cannot be disabled when reasoning_effort is set";
        found.add(Rule::BadParameter, "/reasoning_effort", param);
    }
    if !matches!(
        body["reasoning_effort"].as_str(),
        None | Some("low" | "medium" | "high" | "xhigh" | "max")
    ) {
        found.add(Rule::BadParameter, "/reasoning_effort", "an unknown level");
    }
    if !matches!(body["response_format"]["type"].as_str(), None | Some("text" | "json_object")) {
        let param = "This response_format type is unavailable now";
        found.add(Rule::BadParameter, "/response_format", param);
    }
    let tools = body["tools"].as_array().into_iter().flatten();
    if tools.clone().any(|it| it["type"] != "function") {
        found.add(Rule::BadTool, "/tools", "tools.type: unknown variant, expected `function`");
    }
    for (place, message) in messages(body) {
        let has_calls = !calls(message).is_empty();
        if message.get("content").is_none_or(Value::is_null) {
            found.add(Rule::NullContent, place.clone(), "content must be a string");
        }
        if message["role"] == "tool" && !message["content"].is_string() {
            found.add(Rule::UnknownContent, place.clone(), "tool content must be a string");
        }
        let parts = message["content"].as_array().into_iter().flatten();
        if parts.clone().any(|it| it["type"] == "image_url") {
            let param = "unknown variant `image_url`, expected `text`";
            found.add(Rule::ImageForBlindModel, place.clone(), param);
        }
        if has_calls && !off && message["reasoning_content"].as_str().is_none() {
            let param =
                "The `reasoning_content` in the thinking mode must be passed back to the API.";
            found.add(Rule::ThoughtMissing, place, param);
        }
    }
}
