//! The blocks that messages are made of.

use serde_json::Value;

use super::super::{Found, Rule, is_word};

/// Which fields a block may have, by its type; others pass, because servers add to them.
const FIELDS: [(&str, &[&str]); 6] = [
    ("text", &["type", "text", "cache_control", "citations"]),
    ("image", &["type", "source", "cache_control"]),
    ("thinking", &["type", "thinking", "signature"]),
    ("redacted_thinking", &["type", "data"]),
    ("tool_use", &["type", "id", "name", "input", "cache_control", "caller"]),
    ("tool_result", &["type", "tool_use_id", "content", "is_error", "cache_control"]),
];

const USER: [&str; 6] =
    ["text", "image", "document", "tool_result", "search_result", "container_upload"];
const RESULT: [&str; 5] = ["text", "image", "document", "search_result", "tool_reference"];

/// The form of a block; `place` is dotted, as the server names it.
pub(super) fn check(role: &str, block: &Value, at: &str, found: &mut Found) {
    let kind = block["type"].as_str().unwrap_or_default();
    let place = format!("/{}", at.replace('.', "/"));
    if !may_stand(role, kind) {
        let param = format!(
            "{at}: Input tag '{kind}' found using 'type' does not match any of the expected tags"
        );
        found.add(Rule::UnknownContent, place, param);
        return;
    }
    let known = FIELDS.iter().find(|(it, _)| *it == kind).map(|(_, fields)| *fields);
    for (field, _) in block.as_object().into_iter().flatten() {
        if known.is_some_and(|known| !known.contains(&field.as_str())) {
            let param = format!("{at}.{kind}.{field}: Extra inputs are not permitted");
            found.add(Rule::UnknownContent, format!("{place}/{field}"), param);
        }
    }
    match kind {
        "text" => check_text(block, place, found),
        "image" => check_image(block, at, place, found),
        "tool_use" => check_call(block, at, &place, found),
        "tool_result" => check_result(block, at, &place, found),
        _ => {}
    }
}

/// How many blocks, tools included, are marked for the cache.
pub(super) fn marks(body: &Value) -> usize {
    let tools = body["tools"].as_array().into_iter().flatten();
    let system = body["system"].as_array().into_iter().flatten();
    let messages = body["messages"].as_array().into_iter().flatten();
    let blocks = messages.flat_map(|it| it["content"].as_array().into_iter().flatten());
    let all = tools.chain(system).chain(blocks);
    all.filter(|it| it.get("cache_control").is_some_and(|mark| !mark.is_null())).count()
}

fn may_stand(role: &str, kind: &str) -> bool {
    match role {
        "user" => USER.contains(&kind),
        "system" => kind == "text",
        // What the server's own tools leave behind ends in these words.
        _ => {
            ["text", "thinking", "redacted_thinking", "tool_use"].contains(&kind)
                || kind.ends_with("_tool_use")
                || kind.ends_with("_tool_result")
        }
    }
}

fn check_text(block: &Value, place: String, found: &mut Found) {
    match block["text"].as_str() {
        None | Some("") => {
            let param = "messages: text content blocks must be non-empty";
            found.add(Rule::EmptyText, place, param);
        }
        Some(text) if text.trim().is_empty() => {
            let param = "messages: text content blocks must contain non-whitespace text";
            found.add(Rule::EmptyText, place, param);
        }
        Some(_) => {}
    }
}

fn check_image(block: &Value, at: &str, place: String, found: &mut Found) {
    let source = &block["source"];
    let is_whole = match source["type"].as_str().unwrap_or_default() {
        "base64" => source["media_type"].is_string() && source["data"].is_string(),
        "url" => source["url"].is_string(),
        "file" => source["file_id"].is_string(),
        _ => false,
    };
    if !is_whole {
        let param = format!("{at}.image.source: Field required");
        found.add(Rule::UnknownContent, place, param);
    }
}

fn check_call(block: &Value, at: &str, place: &str, found: &mut Found) {
    if !is_word(block["id"].as_str().unwrap_or_default(), usize::MAX) {
        let param = format!("{at}.tool_use.id: String should match pattern '^[a-zA-Z0-9_-]+$'");
        found.add(Rule::BadId, format!("{place}/id"), param);
    }
    if !is_word(block["name"].as_str().unwrap_or_default(), 128) {
        let param =
            format!("{at}.tool_use.name: String should match pattern '^[a-zA-Z0-9_-]{{1,128}}$'");
        found.add(Rule::BadTool, format!("{place}/name"), param);
    }
    if !block["input"].is_object() {
        let param = format!("{at}.tool_use.input: Input should be a valid dictionary");
        found.add(Rule::BadArguments, format!("{place}/input"), param);
    }
}

fn check_result(block: &Value, at: &str, place: &str, found: &mut Found) {
    for (index, part) in block["content"].as_array().into_iter().flatten().enumerate() {
        let kind = part["type"].as_str().unwrap_or_default();
        let place = format!("{place}/content/{index}");
        if !RESULT.contains(&kind) {
            let param = format!(
                "{at}.tool_result.content.{index}: Input tag '{kind}' found using 'type' does not \
                 match any of the expected tags"
            );
            found.add(Rule::UnknownContent, place, param);
        } else if kind == "text" {
            check_text(part, place, found);
        } else if kind == "image" {
            check_image(part, &format!("{at}.tool_result.content.{index}"), place, found);
        }
    }
}
