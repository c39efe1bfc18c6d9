//! Rules about the conversation.

use serde_json::Value;

use super::super::{Found, Rule, Strict};
use super::thought;
use crate::upstream::record::Record;

pub(super) fn check(strict: &Strict, record: &Record, body: &Value, found: &mut Found) {
    let Some(messages) = body["messages"].as_array().filter(|it| !it.is_empty()) else {
        found.add(Rule::NullContent, "/messages", "messages must be a non-empty array");
        return;
    };
    let asked = messages.iter().rposition(|it| it["role"] == "user").unwrap_or(0);
    let mut open: Vec<&str> = Vec::new();
    for (at, message) in messages.iter().enumerate() {
        let place = format!("/messages/{at}");
        let role = message["role"].as_str().unwrap_or_default();
        let before = at.checked_sub(1).and_then(|at| messages[at]["role"].as_str());
        if role == "tool" {
            check_result(record, message, &mut open, &place, found);
            continue;
        }
        if !open.is_empty() {
            found.add(Rule::CallWithoutResult, place.clone(), open.join(" and "));
            open.clear();
        }
        check_role(record, role, before, at, &place, found);
        check_content(record, message, role, &place, found);
        if role == "assistant" {
            let calls = calls(message);
            open.extend(calls.iter().filter_map(|call| call["id"].as_str()));
            check_assistant(record, message, &calls, &place, found);
            let current = at > asked || record.word("replay.scope") == "all_turns";
            thought::check(strict, record, body, message, current, &place, found);
        }
    }
    if !open.is_empty() {
        found.add(Rule::CallWithoutResult, "/messages", open.join(" and "));
    }
    let last = messages.last().filter(|it| it["role"] == "assistant");
    let refused = match record.word("messages.last_assistant") {
        "refuse" => last.is_some(),
        "prefix_flag" => last.is_some_and(|it| it["prefix"] != true),
        _ => false,
    };
    if refused {
        found.add(Rule::MessageOrder, "/messages", "the last message is the assistant's");
    }
}

pub(super) fn calls(message: &Value) -> Vec<&Value> {
    message["tool_calls"].as_array().into_iter().flatten().collect()
}

fn check_role(
    record: &Record,
    role: &str,
    before: Option<&str>,
    at: usize,
    place: &str,
    found: &mut Found,
) {
    let known = match role {
        "developer" => record.word("request.developer_role") == "keep",
        "system" => match record.word("request.system") {
            "any" => true,
            "first_only" => before.is_none_or(|it| it == "system"),
            "merge_first" => at == 0,
            _ => false,
        },
        "user" | "assistant" => true,
        _ => false,
    };
    if !known {
        let param = format!("chat content has invalid message role: {role}");
        found.add(Rule::UnknownRole, place, param);
    }
    let after_tool = role == "user" && before == Some("tool");
    let neighbours = before == Some(role) && record.word("messages.consecutive") == "merge";
    if neighbours || (after_tool && record.word("messages.user_after_tool") == "bridge") {
        let param = format!("Unexpected role '{role}' after role '{}'", before.unwrap_or_default());
        found.add(Rule::MessageOrder, place, param);
    }
}

fn check_content(record: &Record, message: &Value, role: &str, place: &str, found: &mut Found) {
    if message.get("name").is_some() && record.word("messages.name_field") == "drop" {
        found.add(Rule::UnknownParameter, format!("{place}/name"), "name");
    }
    let parts = message["content"].as_array();
    let texts = |it: &Value| matches!(it["type"].as_str(), Some("text" | "refusal"));
    if parts.is_some_and(|it| it.iter().all(texts))
        && record.word("messages.text_parts") == "flatten"
    {
        found.add(Rule::UnknownContent, place, "content must be a string");
    }
    let images = parts.into_iter().flatten().filter(|it| it["type"] == "image_url");
    let mut has_images = false;
    for image in images {
        has_images = true;
        check_image(record, image, place, found);
    }
    let has_text = parts.is_some_and(|it| it.iter().any(|it| it["type"] == "text"));
    if has_images && !has_text && record.at("messages.image_needs_text") == true {
        found.add(Rule::ImageWithoutText, place, "`text` is not set");
    }
    if role == "user" && message["content"].is_null() {
        found.add(Rule::NullContent, place, "content is missing");
    }
}

fn check_image(record: &Record, image: &Value, place: &str, found: &mut Found) {
    if record.word("vision.images") == "no" {
        let param = "unknown variant `image_url`, expected `text`";
        found.add(Rule::ImageForBlindModel, place, param);
    }
    let url = &image["image_url"];
    let form = record.word("vision.image_url_form");
    if url.is_string() != (form == "string") {
        found.add(Rule::UnknownContent, place, format!("image_url must be of the form {form}"));
    }
    let url = url.as_str().or(url["url"].as_str()).unwrap_or_default();
    let scheme = url.split_once(':').map_or("", |it| it.0);
    if !record.lists("vision.schemes", scheme) {
        found.add(Rule::UnknownContent, place, format!("images by `{scheme}` are unknown"));
    }
}

fn check_assistant(
    record: &Record,
    message: &Value,
    calls: &[&Value],
    place: &str,
    found: &mut Found,
) {
    let null = record.word("messages.assistant_null_content");
    match message.get("content") {
        None if null == "omit_or_text" && !calls.is_empty() => {}
        None | Some(Value::Null) if null != "ok" => {
            found.add(Rule::NullContent, place, "content is missing or null");
        }
        Some(Value::String(text))
            if text.is_empty()
                && calls.is_empty()
                && record.word("messages.empty_assistant") == "drop" =>
        {
            found.add(Rule::EmptyText, place, "content or tool_calls must be set");
        }
        _ => {}
    }
    for call in calls {
        let id = call["id"].as_str().unwrap_or_default();
        let fits = match record.word("tools.id_rule") {
            "max40" => id.len() <= 40,
            "alnum9" => id.len() == 9 && id.bytes().all(|it| it.is_ascii_alphanumeric()),
            _ => !id.is_empty(),
        };
        if !fits {
            found.add(Rule::BadId, place, format!("Tool call id was {id}"));
        }
        let arguments = call["function"]["arguments"].as_str().unwrap_or_default();
        let object = serde_json::from_str::<Value>(arguments).is_ok_and(|it| it.is_object());
        if call["type"] == "function" && !object {
            found.add(Rule::BadArguments, place, "arguments must be a JSON object");
        }
    }
}

fn check_result(
    record: &Record,
    message: &Value,
    open: &mut Vec<&str>,
    place: &str,
    found: &mut Found,
) {
    let id = message["tool_call_id"].as_str().unwrap_or_default();
    match open.iter().position(|it| *it == id) {
        Some(at) => drop(open.remove(at)),
        None => found.add(Rule::OrphanResult, place, format!("no call {id} before its result")),
    }
    let named = message.get("name").is_some();
    let rule = record.word("tools.result_name");
    if (named && rule == "drop") || (!named && rule == "add") {
        found.add(Rule::UnknownParameter, format!("{place}/name"), "name");
    }
    let content = &message["content"];
    if content.is_array() && record.word("tools.result_content") == "string" {
        found.add(Rule::UnknownContent, place, "tool content must be a string");
    }
    if !content.is_array() && !content.is_string() {
        found.add(Rule::NullContent, place, "content is missing");
    }
    let mut parts = content.as_array().into_iter().flatten();
    let has_image = parts.any(|it| it["type"] == "image_url");
    if has_image && record.word("vision.tool_result_images") != "keep" {
        found.add(Rule::ImageInToolMessage, place, "image is not supported in tool messages");
    }
}
