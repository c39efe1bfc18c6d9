//! Rules about the conversation.

use std::collections::BTreeSet;

use serde_json::Value;

use super::super::{Found, Rule, Strict};
use crate::upstream::Thought;

const NOT_SET: &str = "`text` is not set";

pub(super) fn check(strict: &Strict, body: &Value, found: &mut Found) {
    let Some(messages) = body["messages"].as_array().filter(|it| !it.is_empty()) else {
        found.add(Rule::NullContent, "/messages", "messages must be a non-empty array");
        return;
    };
    let is_blind = strict.is_blind(body);
    let mut open = OpenCalls::default();
    for (index, message) in messages.iter().enumerate() {
        let place = format!("/messages/{index}");
        let role = message["role"].as_str().unwrap_or_default();
        if role == "tool" {
            open.answer(message, &place, found);
            check_tool_content(message, &place, found);
            continue;
        }
        open.close(found);
        match role {
            "assistant" => {
                check_assistant(strict, body, message, index, found);
                open = OpenCalls::of(message, place);
            }
            "system" | "user" => {
                check_prompt(message, &place, found);
                if is_blind && has_image(message) {
                    let param = "No endpoints found that support image input";
                    found.add(Rule::ImageForBlindModel, place, param);
                }
            }
            other => found.add(Rule::UnknownRole, place, format!("unknown role: {other}")),
        }
    }
    open.close(found);
}

/// The calls of the last assistant message, until each has its result.
#[derive(Default)]
struct OpenCalls {
    place: String,
    waiting: Vec<String>,
    answered: BTreeSet<String>,
}

impl OpenCalls {
    fn of(message: &Value, place: String) -> Self {
        let ids = calls(message).map(|call| call["id"].as_str().unwrap_or_default().to_owned());
        Self { place, waiting: ids.collect(), answered: BTreeSet::new() }
    }

    fn answer(&mut self, message: &Value, place: &str, found: &mut Found) {
        let id = message["tool_call_id"].as_str().unwrap_or_default();
        if let Some(at) = self.waiting.iter().position(|it| it == id) {
            self.answered.insert(self.waiting.remove(at));
        } else if self.answered.contains(id) {
            found.add(Rule::RepeatedResult, place, format!("tool_call_id {id} is answered twice"));
        } else {
            let param = format!("tool_call_id {id} is not found in the preceding tool_calls");
            found.add(Rule::OrphanResult, place, param);
        }
    }

    fn close(&mut self, found: &mut Found) {
        for id in self.waiting.drain(..) {
            let param = format!("tool_call_id {id} has no response message");
            found.add(Rule::CallWithoutResult, self.place.clone(), param);
        }
        self.answered.clear();
    }
}

fn calls(message: &Value) -> impl Iterator<Item = &Value> {
    message["tool_calls"].as_array().into_iter().flatten()
}

fn check_assistant(strict: &Strict, body: &Value, message: &Value, at: usize, found: &mut Found) {
    let place = &format!("/messages/{at}");
    let has_calls = calls(message).next().is_some();
    match message.get("content") {
        Some(Value::String(text)) if text.is_empty() && !has_calls => {
            found.add(Rule::EmptyText, format!("{place}/content"), NOT_SET);
        }
        Some(Value::String(_)) => {}
        Some(parts @ Value::Array(_)) => check_parts(parts, place, found),
        None if has_calls => {}
        Some(_) | None => found.add(Rule::NullContent, format!("{place}/content"), NOT_SET),
    }
    for (index, call) in calls(message).enumerate() {
        check_call(call, &format!("{place}/tool_calls/{index}"), found);
    }
    if has_calls {
        check_thought(strict, body, message, at, found);
    }
}

fn check_call(call: &Value, place: &str, found: &mut Found) {
    let arguments = call["function"]["arguments"].as_str().unwrap_or_default();
    match serde_json::from_str::<Value>(arguments) {
        Ok(Value::Object(_)) => {}
        Ok(_) => {
            let param = "arguments must be an object".to_owned();
            found.add(Rule::BadArguments, place, param);
        }
        Err(error) => {
            let (line, column) = (error.line(), error.column());
            let param = format!("unexpected end of data: line {line} column {column}");
            found.add(Rule::BadArguments, place, param);
        }
    }
}

/// Exactly what was sent, for calls that we sent; for calls of unknown origin any text will do.
fn check_thought(strict: &Strict, body: &Value, message: &Value, at: usize, found: &mut Found) {
    let sent = message.get("reasoning_content").and_then(Value::as_str);
    let issued = calls(message).find_map(|call| strict.issued(call["id"].as_str()?));
    let is_right = match issued.map(joined) {
        Some(thought) if thought.is_empty() => sent.is_none_or(str::is_empty),
        Some(thought) => sent == Some(thought.as_str()),
        None => strict.form_only || sent.is_some() || body["thinking"]["type"] == "disabled",
    };
    if !is_right {
        let place = format!("/messages/{at}/reasoning_content");
        found.add(Rule::ThoughtMissing, place, strict.chat.replay_text(at));
    }
}

/// The thoughts of one answer, as the one text that this protocol has for them.
fn joined(thoughts: &[Thought]) -> String {
    thoughts.iter().map(|thought| thought.text.as_str()).collect()
}

fn check_prompt(message: &Value, place: &str, found: &mut Found) {
    let content = format!("{place}/content");
    match message.get("content") {
        Some(Value::String(text)) if !text.is_empty() => {}
        Some(Value::String(_)) => found.add(Rule::EmptyText, content, NOT_SET),
        Some(parts @ Value::Array(_)) => {
            check_parts(parts, place, found);
            let has_text =
                parts.as_array().is_some_and(|it| it.iter().any(|p| p["type"] == "text"));
            if !has_text {
                found.add(Rule::ImageWithoutText, content, NOT_SET);
            }
        }
        Some(_) | None => found.add(Rule::NullContent, content, NOT_SET),
    }
}

fn check_parts(parts: &Value, place: &str, found: &mut Found) {
    for (index, part) in parts.as_array().into_iter().flatten().enumerate() {
        if part["type"] == "text" && part["text"].as_str().is_none_or(str::is_empty) {
            found.add(Rule::EmptyText, format!("{place}/content/{index}"), NOT_SET);
        }
    }
}

fn check_tool_content(message: &Value, place: &str, found: &mut Found) {
    if has_image(message) {
        let param = "image is not supported in tool messages";
        found.add(Rule::ImageInToolMessage, format!("{place}/content"), param);
    }
    match message.get("content") {
        Some(Value::String(_)) => {}
        Some(parts @ Value::Array(_)) => check_parts(parts, place, found),
        Some(_) | None => found.add(Rule::NullContent, format!("{place}/content"), NOT_SET),
    }
}

fn has_image(message: &Value) -> bool {
    let mut parts = message["content"].as_array().into_iter().flatten();
    parts.any(|part| part["type"] == "image_url")
}
