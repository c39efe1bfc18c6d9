//! The messages of a request.

use std::borrow::Cow;

use interlingua_dialect::{DeveloperRole, JsonSchemaRule, SystemPlacement};
use interlingua_ir::{Format, Item, Message, Note, NoteKind, Role, Summary, Text, Turn};

use super::write::{joined, schema_rule, string};
use crate::compaction::{HEADING, MISSING};
use crate::history::{Entry, History};
use crate::target::Target;
use crate::tools::Names;

mod parts;
mod replay;
mod step;

use parts::Seen;
pub(super) use replay::Replay;

/// Writes the array of messages.
pub(super) fn write(
    turn: &Turn<'_>,
    target: &Target<'_>,
    names: &Names<'_>,
    replay: &Replay,
    out: &mut Vec<u8>,
    notes: &mut Vec<Note>,
) {
    let history = History::of(turn);
    for _ in &history.replaced {
        notes.push(Note::new(NoteKind::StrayResult, "a call has two results; the last counts"));
    }
    let mut writer =
        Writer { turn, target, names, replay, history: &history, out, notes, first: true };
    writer.out.push(b'[');
    writer.system();
    for entry in &history.entries {
        match entry {
            Entry::Message(at) => writer.message(*at),
            Entry::Step(range) => writer.step(range.clone()),
            Entry::Stray(at) => writer.stray(*at),
        }
    }
    writer.out.push(b']');
}

struct Writer<'w, 'a> {
    turn: &'w Turn<'a>,
    target: &'w Target<'w>,
    names: &'w Names<'w>,
    replay: &'w Replay,
    history: &'w History,
    out: &'w mut Vec<u8>,
    notes: &'w mut Vec<Note>,
    first: bool,
}

impl<'w, 'a> Writer<'w, 'a> {
    /// Writes the rules that have to stand in front.
    fn system(&mut self) {
        let placement = self.target.dialect.request.system;
        let mut texts: Vec<Text<'w>> = Vec::new();
        let count = self.leading_rules();
        let turn = self.turn;
        for (at, item) in turn.items.iter().enumerate() {
            let Item::Message(message) = item else { continue };
            let leading = at < count;
            let gathered = match placement {
                SystemPlacement::MergeFirst | SystemPlacement::TopLevel => true,
                SystemPlacement::FirstOnly => leading,
                SystemPlacement::Any | SystemPlacement::ToUser => false,
            };
            if gathered && is_rules(message.role) {
                texts.extend(self.words(&message.parts));
            }
        }
        texts.extend(self.schema_in_words());
        if !texts.is_empty() {
            let role = match placement {
                SystemPlacement::ToUser => "user",
                _ => "system",
            };
            self.open(role);
            self.out.extend_from_slice(b",\"content\":");
            joined(self.out, texts.into_iter().map(Cow::Owned), "\n\n");
            self.out.push(b'}');
        }
    }

    /// The schema of the answer, for an upstream that cannot be held to it.
    fn schema_in_words(&self) -> Option<Text<'w>> {
        let Format::JsonSchema { schema, .. } = &self.turn.format else { return None };
        if schema_rule(self.target) == JsonSchemaRule::Native {
            return None;
        }
        let words =
            "Answer with one JSON object and nothing else. It must follow this JSON Schema:";
        Some(Text::from(format!("{words}\n{}", schema.get())))
    }

    fn leading_rules(&self) -> usize {
        let is_leading = |item: &&Item<'_>| matches!(item, Item::Message(it) if is_rules(it.role));
        self.turn.items.iter().take_while(is_leading).count()
    }

    fn message(&mut self, at: usize) {
        let message = match self.turn.items.get(at) {
            Some(Item::Message(message)) => message,
            Some(Item::Summary(summary)) => return self.summary(summary),
            _ => return,
        };
        let rules = &self.target.dialect.request;
        let role = match message.role {
            Role::User => "user",
            Role::Assistant => "assistant",
            Role::System | Role::Developer => match rules.system {
                SystemPlacement::MergeFirst | SystemPlacement::TopLevel => return,
                SystemPlacement::FirstOnly if at < self.leading_rules() => return,
                SystemPlacement::FirstOnly | SystemPlacement::ToUser => "user",
                SystemPlacement::Any => match (message.role, rules.developer_role) {
                    (Role::Developer, DeveloperRole::Keep) => "developer",
                    _ => "system",
                },
            },
        };
        self.parts(role, message);
    }

    fn parts(&mut self, role: &str, message: &'w Message<'a>) {
        let parts = self.seen(&message.parts);
        let (mut texts, mut images) = (0, 0);
        for part in &parts {
            match part {
                Seen::Text(_) => texts += 1,
                Seen::Image { .. } => images += 1,
            }
        }
        if texts + images == 0 {
            return;
        }
        self.open(role);
        self.out.extend_from_slice(b",\"content\":");
        if images == 0 {
            joined(self.out, parts.into_iter().filter_map(Seen::text).map(Cow::Owned), "\n\n");
        } else {
            self.out.push(b'[');
            if texts == 0 && self.target.dialect.messages.image_needs_text {
                self.out.extend_from_slice(br#"{"type":"text","text":"[image]"},"#);
            }
            self.list(&parts);
            self.out.push(b']');
        }
        self.out.push(b'}');
    }

    /// Writes a summary as somebody's words, the same in every turn.
    fn summary(&mut self, summary: &Summary<'_>) {
        self.open("user");
        self.out.extend_from_slice(b",\"content\":");
        match &summary.text {
            Some(text) => {
                let texts = [HEADING, text].map(|it| Cow::Owned(Text::plain(it)));
                joined(self.out, texts, "\n\n");
            }
            None => {
                self.notes.push(Note::new(NoteKind::Omitted, "summary"));
                string(self.out, &Text::plain(MISSING));
            }
        }
        self.out.push(b'}');
    }

    /// Writes a result whose call is gone. Nothing is dropped: a person's or a tool's words stay.
    fn stray(&mut self, at: usize) {
        let Some(Item::Output(output)) = self.turn.items.get(at) else { return };
        self.notes.push(Note::new(NoteKind::StrayResult, "1"));
        let seen = self.seen(&output.parts);
        self.open("user");
        self.out.extend_from_slice(b",\"content\":");
        let label = Text::from(format!("[result of the unknown tool call {}]", output.call_id));
        if seen.iter().any(|it| matches!(it, Seen::Image { .. })) {
            self.out.push(b'[');
            self.text_part(&label);
            self.out.push(b',');
            self.list(&seen);
            self.out.push(b']');
        } else {
            let texts = seen.into_iter().filter_map(Seen::text);
            joined(self.out, [label].into_iter().chain(texts).map(Cow::Owned), "\n");
        }
        self.out.push(b'}');
    }

    /// Writes the beginning of a message.
    fn open(&mut self, role: &str) {
        if !std::mem::take(&mut self.first) {
            self.out.push(b',');
        }
        self.out.extend_from_slice(b"{\"role\":\"");
        self.out.extend_from_slice(role.as_bytes());
        self.out.push(b'"');
    }
}

fn is_rules(role: Role) -> bool {
    matches!(role, Role::System | Role::Developer)
}
