//! Rules about the order of a conversation.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::super::{Found, Rule, Strict};
use super::{blocks, thinking};

/// What one side says until the other one speaks: the server merges neighbours of one role.
pub(super) struct Turn {
    pub(super) role: String,
    /// Index of its first message.
    pub(super) at: usize,
    /// Blocks with their dotted places.
    pub(super) blocks: Vec<(String, Value)>,
}

impl Turn {
    pub(super) fn of_kind(&self, kind: &str) -> impl Iterator<Item = &(String, Value)> {
        self.blocks.iter().filter(move |(_, block)| block["type"] == kind)
    }

    fn is_user(&self) -> bool {
        self.role == "user"
    }
}

pub(super) fn check(strict: &Strict, body: &Value, found: &mut Found) {
    let Some(messages) = body["messages"].as_array().filter(|it| !it.is_empty()) else {
        if body.get("messages").is_some() {
            let param = "messages: at least one message is required";
            found.add(Rule::NullContent, "/messages", param);
        }
        return;
    };
    if messages[0]["role"] != "user" {
        let param = "messages: first message must use the \"user\" role";
        found.add(Rule::UnknownRole, "/messages/0/role", param);
    }
    let turns = turns(messages, found);
    let blind = strict.is_blind(body);
    for turn in &turns {
        for (at, block) in &turn.blocks {
            blocks::check(&turn.role, block, at, found);
            if blind && has_image(block) {
                let param = format!("{at}: image input is not supported by this model");
                found.add(Rule::ImageForBlindModel, pointer(at), param);
            }
        }
    }
    check_unique(&turns, found);
    check_results(&turns, found);
    thinking::check(strict, body, &turns, found);
}

pub(super) fn pointer(at: &str) -> String {
    format!("/{}", at.replace('.', "/"))
}

fn turns(messages: &[Value], found: &mut Found) -> Vec<Turn> {
    let mut turns: Vec<Turn> = Vec::new();
    for (at, message) in messages.iter().enumerate() {
        let role = message["role"].as_str().unwrap_or_default();
        if !["user", "assistant", "system"].contains(&role) {
            let param = format!("messages.{at}.role: Input should be 'user' or 'assistant'");
            found.add(Rule::UnknownRole, format!("/messages/{at}/role"), param);
        }
        let place = |index: usize| format!("messages.{at}.content.{index}");
        let content: Vec<_> = match &message["content"] {
            Value::String(text) if text.is_empty() => Vec::new(),
            Value::String(text) => vec![(place(0), json!({ "type": "text", "text": text }))],
            Value::Array(blocks) => {
                blocks.iter().enumerate().map(|(at, it)| (place(at), it.clone())).collect()
            }
            _ => {
                let param = format!("messages.{at}.content: Input should be a valid list");
                found.add(Rule::NullContent, format!("/messages/{at}/content"), param);
                continue;
            }
        };
        if content.is_empty() {
            if role != "assistant" || at + 1 < messages.len() {
                let param = format!(
                    "messages.{at}: all messages must have non-empty content except for the \
                     optional final assistant message"
                );
                found.add(Rule::NullContent, format!("/messages/{at}"), param);
            }
            continue;
        }
        match turns.last_mut().filter(|last| last.role == role) {
            Some(last) => last.blocks.extend(content),
            None => turns.push(Turn { role: role.into(), at, blocks: content }),
        }
    }
    turns
}

fn check_unique(turns: &[Turn], found: &mut Found) {
    let mut ids = BTreeSet::new();
    for (at, block) in turns.iter().flat_map(|turn| turn.of_kind("tool_use")) {
        if !ids.insert(id(block, "id")) {
            let param = "messages: `tool_use` ids must be unique";
            found.add(Rule::BadId, pointer(at), param);
        }
    }
}

/// Results come first in the turn right after their calls, one for each.
fn check_results(turns: &[Turn], found: &mut Found) {
    for (index, turn) in turns.iter().enumerate() {
        let before = index.checked_sub(1).map(|before| &turns[before]);
        let calls: BTreeSet<_> = before
            .into_iter()
            .flat_map(|it| it.of_kind("tool_use"))
            .map(|it| id(&it.1, "id"))
            .collect();
        let mut answered = BTreeSet::new();
        for (at, block) in turn.of_kind("tool_result") {
            let id = id(block, "tool_use_id");
            if !calls.contains(id) {
                let param = format!(
                    "{at}: unexpected `tool_use_id` found in `tool_result` blocks: {id}. Each \
                     `tool_result` block must have a corresponding `tool_use` block in the \
                     previous message."
                );
                found.add(Rule::OrphanResult, pointer(at), param);
            } else if !answered.insert(id) {
                let param = format!(
                    "{at}: each tool_use must have a single result. Found multiple `tool_result` \
                     blocks with id: {id}"
                );
                found.add(Rule::RepeatedResult, pointer(at), param);
            }
        }
        // What stands behind other content is not right after its call.
        let first = turn.blocks.iter().take_while(|(_, block)| block["type"] == "tool_result");
        let first: BTreeSet<_> = first.map(|(_, block)| id(block, "tool_use_id")).collect();
        if let Some(before) = before.filter(|_| turn.is_user()) {
            unanswered(before, calls.difference(&first).copied(), found);
        }
    }
    let followed = |index: usize| turns.get(index + 1).is_some_and(Turn::is_user);
    for (_, turn) in turns.iter().enumerate().filter(|(index, _)| !followed(*index)) {
        unanswered(turn, turn.of_kind("tool_use").map(|it| id(&it.1, "id")), found);
    }
}

fn unanswered<'b>(turn: &Turn, ids: impl Iterator<Item = &'b str>, found: &mut Found) {
    let ids: Vec<_> = ids.collect();
    if !ids.is_empty() {
        let param = format!(
            "messages.{}: `tool_use` ids were found without `tool_result` blocks immediately \
             after: {}. Each `tool_use` block must have a corresponding `tool_result` block in \
             the next message.",
            turn.at,
            ids.join(", ")
        );
        found.add(Rule::CallWithoutResult, format!("/messages/{}", turn.at), param);
    }
}

fn id<'b>(block: &'b Value, field: &str) -> &'b str {
    block[field].as_str().unwrap_or_default()
}

fn has_image(block: &Value) -> bool {
    let mut inside = block["content"].as_array().into_iter().flatten();
    block["type"] == "image" || inside.any(|part| part["type"] == "image")
}
