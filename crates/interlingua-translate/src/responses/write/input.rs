//! The conversation of a request.

use std::borrow::Cow;
use std::collections::HashMap;
use std::ops::Range;

use interlingua_dialect::{Fix, IdRule, ToolResultImages};
use interlingua_ir::{
    Call, Form, Item, Message, Note, NoteKind, Part, Place, Protocol, Reasoning, Role, Summary,
    Text, Turn,
};
use serde_json::value::RawValue;

use super::parts::{Eyes, Seen, list};
use super::thoughts::{Reply, belongs, reply, words_item};
use crate::compaction::{HEADING, MISSING};
use crate::form::AnswerForm;
use crate::history::{Entry, History};
use crate::render::{field, joined, string};
use crate::responses::rules::{call_id, takes_item, takes_tool};
use crate::target::Target;
use crate::tools::{Names, quoted_arguments, repeated_id};

/// Writes the array of items.
pub(super) fn write(
    turn: &Turn<'_>,
    target: &Target<'_>,
    names: &Names<'_>,
    out: &mut Vec<u8>,
    notes: &mut Vec<Note>,
) {
    let history = History::of(turn);
    for _ in &history.replaced {
        notes.push(Note::new(NoteKind::StrayResult, "a call has two results; the last counts"));
    }
    let eyes = Eyes { target, client: turn.protocol };
    let phases = phases(turn);
    let mut writer =
        Writer { turn, target, names, history: &history, eyes, phases, out, notes, first: true };
    writer.out.push(b'[');
    writer.schema_in_words();
    for entry in &history.entries {
        match entry {
            Entry::Message(at) => writer.message(*at),
            Entry::Step(range) => writer.step(range.clone()),
            Entry::Stray(at) => writer.stray(*at),
        }
    }
    writer.out.push(b']');
}

/// Which parts of its answer a model meant as comments and which as the answer, in a client's own
/// words for it.
fn phases<'a>(turn: &Turn<'a>) -> HashMap<usize, &'a RawValue> {
    let own = turn.protocol == Protocol::Responses;
    let phases = turn.extras.iter().filter(|it| own && it.name == "phase");
    let phases = phases.filter_map(|it| match it.place {
        Place::Item(at) => Some((at, it.json)),
        Place::Top | Place::Part { .. } | Place::Tool(_) => None,
    });
    phases.collect()
}

struct Writer<'w, 'a> {
    turn: &'w Turn<'a>,
    target: &'w Target<'w>,
    names: &'w Names<'w>,
    history: &'w History,
    eyes: Eyes<'w>,
    phases: HashMap<usize, &'a RawValue>,
    out: &'w mut Vec<u8>,
    notes: &'w mut Vec<Note>,
    first: bool,
}

impl<'w, 'a> Writer<'w, 'a> {
    /// The schema of the answer, for an upstream that cannot be held to it.
    fn schema_in_words(&mut self) {
        let Some(text) = AnswerForm::of(self.turn, self.target).words(self.turn) else { return };
        self.said("developer", &[Seen::Text(text)]);
    }

    fn message(&mut self, at: usize) {
        match self.turn.items.get(at) {
            Some(Item::Message(Message { role, parts })) => {
                let parts = self.eyes.see(parts, self.notes);
                let role = match role {
                    Role::System => "system",
                    Role::Developer => "developer",
                    Role::User | Role::Assistant => "user",
                };
                if !parts.is_empty() {
                    self.said(role, &parts);
                }
            }
            Some(Item::Summary(it)) => {
                self.next();
                summary(it, self.out, self.notes);
            }
            _ => {}
        }
    }

    /// Writes what one answer thought, said and called, in its order, and the results of its calls.
    fn step(&mut self, range: Range<usize>) {
        let turn = self.turn;
        let calls: Vec<(usize, &'w Call<'a>)> = range
            .clone()
            .filter_map(|at| match &turn.items[at] {
                Item::Call(call) => Some((at, call)),
                _ => None,
            })
            .collect();
        // A thought without what it led to is refused.
        let mut held: Vec<&'w Reasoning<'a>> = Vec::new();
        let mut thought = false;
        for at in range {
            match &turn.items[at] {
                Item::Reasoning(reasoning) => held.push(reasoning),
                Item::Message(message) => {
                    let words = self.eyes.words(&message.parts, self.notes);
                    if !words.is_empty() {
                        thought |= self.release(&mut held, &calls);
                        self.answer(at, words);
                    }
                }
                Item::Call(call) => {
                    thought |= self.release(&mut held, &calls);
                    if !thought && self.target.repairs.has(Fix::AddPlaceholder) {
                        thought = true;
                        self.placeholder();
                    }
                    self.call(at, call);
                }
                Item::Other { kind, json } if self.takes_item(kind) => {
                    thought |= self.release(&mut held, &calls);
                    self.next();
                    self.out.extend_from_slice(json.get().as_bytes());
                }
                Item::Output(_) | Item::Summary(_) | Item::Other { .. } => {}
            }
        }
        if !held.is_empty() {
            self.notes.push(Note::new(NoteKind::Dropped, "reasoning without an answer"));
        }
        self.results(&calls);
    }

    /// Writes the thoughts that led to what comes next.
    fn release(&mut self, held: &mut Vec<&'w Reasoning<'a>>, calls: &[(usize, &Call<'_>)]) -> bool {
        let mut any = false;
        for reasoning in held.drain(..) {
            if !belongs(reasoning, calls) {
                self.notes.push(Note::new(NoteKind::ReasoningMissing, "its calls are gone"));
                continue;
            }
            let reply = reply(reasoning, self.target, self.notes);
            if !matches!(reply, Reply::Nothing) {
                self.next();
                reply.write(self.out);
                any = true;
            }
        }
        any
    }

    /// Writes what stands for a thought that the upstream insists on and nobody has.
    fn placeholder(&mut self) {
        let placeholder = self.target.dialect.replay.placeholder.clone();
        // One blank has passed everywhere.
        let placeholder = Text::from(placeholder.unwrap_or(" ".to_owned()));
        self.notes.push(Note::new(NoteKind::ReasoningMissing, "1"));
        self.next();
        words_item(self.out, &[placeholder]);
    }

    fn answer(&mut self, at: usize, words: Vec<Text<'_>>) {
        self.next();
        self.out.extend_from_slice(b"{\"type\":\"message\",\"role\":\"assistant\"");
        if let Some(phase) = self.phases.get(&at) {
            field(self.out, "phase", phase.get());
        }
        self.out.extend_from_slice(b",\"content\":");
        // The model said it in one go; a separator would change it.
        joined(self.out, words.into_iter().map(Cow::Owned), "");
        self.out.push(b'}');
    }

    /// A call's id, which no other call of the conversation may have.
    fn call_id<'c>(&self, at: usize, call: &'c Call<'_>) -> Cow<'c, str> {
        match self.history.repeats(at) {
            0 => call_id(&call.head.id),
            earlier => repeated_id(IdRule::Any, &call.head.id, earlier).into(),
        }
    }

    fn call(&mut self, at: usize, call: &'w Call<'a>) {
        let native = self.is_native(call);
        let kind = if native { "custom_tool_call" } else { "function_call" };
        self.open(kind);
        self.named("call_id", &self.call_id(at, call));
        let wire = self.names.wire(&call.head);
        self.named("name", &wire);
        if native {
            self.out.extend_from_slice(b",\"input\":");
            string(self.out, &call.input);
        } else {
            self.out.extend_from_slice(b",\"arguments\":\"");
            let repair = self.target.dialect.messages.repair_arguments;
            quoted_arguments(call, repair, self.out, self.notes);
            self.out.push(b'"');
        }
        self.out.push(b'}');
    }

    /// Writes the result of each call, and then the images that they may not hold.
    fn results(&mut self, calls: &[(usize, &'w Call<'a>)]) {
        let turn = self.turn;
        let mut lifted: Vec<(&'w str, Seen<'w>)> = Vec::new();
        for &(at, call) in calls {
            let native = self.is_native(call);
            self.open(if native { "custom_tool_call_output" } else { "function_call_output" });
            self.named("call_id", &self.call_id(at, call));
            match self.history.result_of(at).map(|at| &turn.items[at]) {
                Some(Item::Output(output)) => {
                    if output.is_error {
                        self.notes.push(Note::new(NoteKind::Dropped, "is_error of a result"));
                    }
                    self.result(&call.head.id, &output.parts, &mut lifted);
                }
                _ => {
                    self.notes.push(Note::new(NoteKind::FilledIn, "a call without a result"));
                    self.named("output", "no result was recorded (interrupted)");
                }
            }
            self.out.push(b'}');
        }
        if lifted.is_empty() {
            return;
        }
        let mut parts = Vec::with_capacity(2 * lifted.len());
        let mut last = "";
        for (id, image) in lifted {
            if id != last {
                let label = format!("Image from the result of tool call {id}:");
                parts.push(Seen::Text(label.into()));
                last = id;
            }
            parts.push(image);
        }
        self.said("user", &parts);
    }

    /// Writes the output of a call and lifts out the images, if it may not hold any.
    fn result(
        &mut self,
        id: &'w str,
        parts: &'w [Part<'a>],
        lifted: &mut Vec<(&'w str, Seen<'w>)>,
    ) {
        let mut seen = self.eyes.see(parts, self.notes);
        for part in &mut seen {
            if !matches!(part, Seen::Image { .. }) {
                continue;
            }
            if self.target.repairs.has(Fix::LiftImages) {
                let here = Seen::Text(Text::plain("[the image follows in the next message]"));
                lifted.push((id, std::mem::replace(part, here)));
            } else if self.target.dialect.vision.tool_result_images == ToolResultImages::Drop {
                self.notes.push(Note::new(NoteKind::Omitted, "image in a tool result"));
                *part = Seen::Text(Text::plain("[image omitted: this model takes text only]"));
            }
        }
        match seen.as_slice() {
            [] => self.named("output", ""),
            [Seen::Text(text)] => {
                self.out.extend_from_slice(b",\"output\":");
                string(self.out, text);
            }
            parts => list(self.out, "output", parts),
        }
    }

    /// Writes a result whose call is gone. Nothing is dropped: a person's or a tool's words stay.
    fn stray(&mut self, at: usize) {
        let Some(Item::Output(output)) = self.turn.items.get(at) else { return };
        self.notes.push(Note::new(NoteKind::StrayResult, "1"));
        let label = Text::from(format!("[result of the unknown tool call {}]", output.call_id));
        let mut parts = vec![Seen::Text(label)];
        parts.extend(self.eyes.see(&output.parts, self.notes));
        self.said("user", &parts);
    }

    fn said(&mut self, role: &str, parts: &[Seen<'_>]) {
        self.open("message");
        self.named("role", role);
        list(self.out, "content", parts);
        self.out.push(b'}');
    }

    /// Whether the upstream takes the call as one of a custom tool.
    fn is_native(&self, call: &Call<'_>) -> bool {
        call.head.form == Form::Custom && takes_tool(self.target, "custom")
    }

    /// Whether the upstream takes an item as the client has it.
    fn takes_item(&self, kind: &str) -> bool {
        // What is stored is not stored there.
        let is_known = kind != "item_reference" && takes_item(self.target, kind);
        self.turn.protocol == Protocol::Responses && is_known
    }

    /// Begins the next item.
    fn next(&mut self) {
        if !std::mem::take(&mut self.first) {
            self.out.push(b',');
        }
    }

    fn open(&mut self, kind: &str) {
        self.next();
        self.out.extend_from_slice(b"{\"type\":\"");
        self.out.extend_from_slice(kind.as_bytes());
        self.out.push(b'"');
    }

    fn named(&mut self, name: &str, text: &str) {
        self.out.extend_from_slice(b",\"");
        self.out.extend_from_slice(name.as_bytes());
        self.out.extend_from_slice(b"\":");
        string(self.out, &Text::plain(text));
    }
}

/// Writes a summary as somebody's words, the same in every turn.
pub(in crate::responses) fn summary(
    summary: &Summary<'_>,
    out: &mut Vec<u8>,
    notes: &mut Vec<Note>,
) {
    out.extend_from_slice(
        b"{\"type\":\"message\",\"role\":\"user\",\"content\":[{\"type\":\"input_text\",\"text\":",
    );
    match &summary.text {
        Some(text) => {
            let texts = [HEADING, text].map(|it| Cow::Owned(Text::plain(it)));
            joined(out, texts, "\n\n");
        }
        None => {
            notes.push(Note::new(NoteKind::Omitted, "summary"));
            string(out, &Text::plain(MISSING));
        }
    }
    out.extend_from_slice(b"}]}");
}
