//! One answer of the model, and the results of its calls.

use std::borrow::Cow;
use std::ops::Range;

use interlingua_dialect::{
    AssistantNullContent, EmptyAssistant, Fix, IdRule, OnMissing, ToolResultImages,
};
use interlingua_ir::{Call, Form, Item, Note, NoteKind, Part, Reasoning, Text};

use super::Writer;
use super::parts::{OMITTED_IMAGE, Seen};
use crate::chat::offer::takes_custom;
use crate::chat::write::{joined, string};
use crate::tools::{ARGUMENT, short_hash};

impl<'w, 'a> Writer<'w, 'a> {
    /// Writes what one answer thought, said and called, and the results of its calls.
    pub(super) fn step(&mut self, range: Range<usize>) {
        let mut texts: Vec<Text<'w>> = Vec::new();
        let mut calls: Vec<(usize, &'w Call<'a>)> = Vec::new();
        let mut thoughts: Vec<&'w Reasoning<'a>> = Vec::new();
        let turn = self.turn;
        for at in range {
            match &turn.items[at] {
                Item::Message(message) => texts.extend(self.words(&message.parts)),
                Item::Reasoning(reasoning) => thoughts.push(reasoning),
                Item::Call(call) => calls.push((at, call)),
                Item::Output(_) | Item::Summary(_) | Item::Other { .. } => {}
            }
        }
        let thought = self.thought(&thoughts, &calls);
        if thought.is_none() && self.replay.wants(!calls.is_empty()) {
            self.notes.push(Note::new(NoteKind::ReasoningMissing, "1"));
            if self.replay.on_missing == OnMissing::StripToolCalls {
                return self.folded(texts, &calls);
            }
        }
        let rules = &self.target.dialect.messages;
        if texts.is_empty()
            && calls.is_empty()
            && (rules.empty_assistant == EmptyAssistant::Drop || thought.is_none())
        {
            if thought.is_some() {
                self.notes.push(Note::new(NoteKind::Dropped, "reasoning without an answer"));
            }
            return;
        }
        self.open("assistant");
        if texts.is_empty() {
            match rules.assistant_null_content {
                // Nobody refuses the empty string.
                AssistantNullContent::Ok | AssistantNullContent::EmptyString => {
                    self.out.extend_from_slice(b",\"content\":\"\"");
                }
                AssistantNullContent::OmitOrText => {}
            }
        } else {
            self.out.extend_from_slice(b",\"content\":");
            // The upstream saw its answer as one string; a separator would change it.
            joined(self.out, texts.into_iter().map(Cow::Owned), "");
        }
        self.carry(thought, !calls.is_empty());
        if !calls.is_empty() {
            self.out.extend_from_slice(b",\"tool_calls\":[");
            for (nth, (_, call)) in calls.iter().enumerate() {
                if nth > 0 {
                    self.out.push(b',');
                }
                self.call(call);
            }
            self.out.push(b']');
        }
        self.out.push(b'}');
        self.results(&calls);
    }

    /// Tells calls and results in words, for an upstream that refuses calls without their thought.
    fn folded(&mut self, texts: Vec<Text<'w>>, calls: &[(usize, &'w Call<'a>)]) {
        self.open("assistant");
        self.out.extend_from_slice(b",\"content\":");
        let told = calls.iter().map(|(_, call)| {
            Text::from(format!("[called {} with {}]", call.head.name, call.input))
        });
        joined(self.out, texts.into_iter().chain(told).map(Cow::Owned), "\n");
        self.out.push(b'}');
        for &(at, call) in calls {
            let turn = self.turn;
            let Some(Item::Output(output)) = self.history.result_of(at).map(|at| &turn.items[at])
            else {
                continue;
            };
            let label = Text::from(format!("[result of {}]", call.head.name));
            let texts = self.words(&output.parts);
            self.open("user");
            self.out.extend_from_slice(b",\"content\":");
            joined(self.out, [label].into_iter().chain(texts).map(Cow::Owned), "\n");
            self.out.push(b'}');
        }
    }

    fn call(&mut self, call: &'w Call<'a>) {
        let native = call.head.form == Form::Custom && takes_custom(self.target);
        let kind = if native { "custom" } else { "function" };
        self.out.extend_from_slice(b"{\"id\":");
        let id = self.id(&call.head.id);
        string(self.out, &Text::plain(id));
        self.out.extend_from_slice(b",\"type\":\"");
        self.out.extend_from_slice(kind.as_bytes());
        self.out.extend_from_slice(b"\",\"");
        self.out.extend_from_slice(kind.as_bytes());
        self.out.extend_from_slice(b"\":{\"name\":");
        string(self.out, &Text::plain(self.names.wire(&call.head)));
        if native {
            self.out.extend_from_slice(b",\"input\":");
            string(self.out, &call.input);
        } else {
            self.out.extend_from_slice(b",\"arguments\":\"");
            self.arguments(call);
            self.out.push(b'"');
        }
        self.out.extend_from_slice(b"}}");
    }

    /// Writes the inside of the string that holds a call's arguments.
    fn arguments(&mut self, call: &Call<'_>) {
        let wrap = |key: &str, out: &mut Vec<u8>| {
            // The text is a string inside a document inside a string: what is escaped once for the
            // inner document is escaped again for the outer one.
            let mut inner = Vec::with_capacity(call.input.stored_len() + 16);
            inner.extend_from_slice(b"{\"");
            inner.extend_from_slice(key.as_bytes());
            inner.extend_from_slice(b"\":\"");
            call.input.write_json(&mut inner);
            inner.extend_from_slice(b"\"}");
            interlingua_ir::escape(&String::from_utf8_lossy(&inner), out);
        };
        if call.head.form == Form::Custom {
            return wrap(ARGUMENT, self.out);
        }
        let plain = call.input.to_plain();
        if plain.trim().is_empty() {
            self.out.extend_from_slice(b"{}");
        } else if !self.target.dialect.messages.repair_arguments || is_object(&plain) {
            call.input.write_json(self.out);
        } else {
            self.notes.push(Note::new(NoteKind::Changed, "arguments that are no JSON object"));
            wrap("_raw", self.out);
        }
    }

    /// Writes one `tool` message for each call, and then the images that they may not hold.
    fn results(&mut self, calls: &[(usize, &'w Call<'a>)]) {
        let mut lifted: Vec<(&'w str, Seen<'w>)> = Vec::new();
        for &(at, call) in calls {
            self.open("tool");
            self.out.extend_from_slice(b",\"tool_call_id\":");
            let id = self.id(&call.head.id);
            string(self.out, &Text::plain(id));
            self.out.extend_from_slice(b",\"content\":");
            match self.history.result_of(at).map(|at| &self.turn.items[at]) {
                Some(Item::Output(output)) => {
                    self.result(&call.head.id, &output.parts, &mut lifted);
                }
                _ => {
                    self.notes.push(Note::new(NoteKind::FilledIn, "a call without a result"));
                    string(self.out, &Text::plain("no result was recorded (interrupted)"));
                }
            }
            self.out.push(b'}');
        }
        if lifted.is_empty() {
            return;
        }
        self.open("user");
        self.out.extend_from_slice(b",\"content\":[");
        let mut last = "";
        for (nth, (id, image)) in lifted.iter().enumerate() {
            if nth > 0 {
                self.out.push(b',');
            }
            if *id != last {
                let label = format!("Image from the result of tool call {id}:");
                self.text_part(&Text::from(label));
                self.out.push(b',');
                last = id;
            }
            self.list(std::slice::from_ref(image));
        }
        self.out.extend_from_slice(b"]}");
    }

    /// Writes the content of a `tool` message and lifts out the images.
    fn result(
        &mut self,
        id: &'w str,
        parts: &'w [Part<'a>],
        lifted: &mut Vec<(&'w str, Seen<'w>)>,
    ) {
        let rule = match self.target.repairs.has(Fix::LiftImages) {
            true => ToolResultImages::LiftToUser,
            false => self.target.dialect.vision.tool_result_images,
        };
        let seen = self.seen(parts);
        let has_images = seen.iter().any(|it| matches!(it, Seen::Image { .. }));
        if has_images && rule == ToolResultImages::Keep {
            self.out.push(b'[');
            self.list(&seen);
            self.out.push(b']');
            return;
        }
        let mut texts = Vec::new();
        for part in seen {
            match part {
                Seen::Text(text) => texts.push(text),
                image @ Seen::Image { .. } if rule == ToolResultImages::LiftToUser => {
                    texts.push(Text::plain("[the image follows in the next message]"));
                    lifted.push((id, image));
                }
                Seen::Image { .. } => {
                    self.notes.push(Note::new(NoteKind::Omitted, "image in a tool result"));
                    texts.push(Text::plain(OMITTED_IMAGE));
                }
            }
        }
        joined(self.out, texts.into_iter().map(Cow::Owned), "\n");
    }

    /// A call's id in the form that the upstream takes.
    fn id<'i>(&self, id: &'i str) -> Cow<'i, str> {
        match self.target.dialect.tools.id_rule {
            IdRule::Any => id.into(),
            IdRule::Max40 if id.len() <= 40 => id.into(),
            IdRule::Anthropic64 if id.len() <= 64 && id.bytes().all(is_id_byte) => id.into(),
            IdRule::Alnum9 if id.len() == 9 && id.bytes().all(|it| it.is_ascii_alphanumeric()) => {
                id.into()
            }
            IdRule::Max40 | IdRule::Anthropic64 => {
                format!("call_{}{}", short_hash(&[id]), short_hash(&["2", id])).into()
            }
            IdRule::Alnum9 => format!("c{}", short_hash(&[id])).into(),
        }
    }
}

fn is_object(json: &str) -> bool {
    json.trim_start().starts_with('{')
        && serde_json::from_str::<serde::de::IgnoredAny>(json).is_ok()
}

fn is_id_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-'
}
