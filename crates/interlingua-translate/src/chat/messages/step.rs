//! One answer of the model, and the results of its calls.

use std::borrow::Cow;
use std::ops::Range;

use interlingua_dialect::{
    AssistantNullContent, Carrier, EmptyAssistant, Fix, OnMissing, ResultContent, ResultName,
    TextParts, ToolResultImages,
};
use interlingua_ir::{Call, Form, Item, Note, NoteKind, Part, Place, Reasoning, Text};

use super::Writer;
use super::marks::mark;
use super::parts::{OMITTED_IMAGE, Seen};
use super::replay::{EXTRA_CONTENT, Lead, Replayed, thinking_part};
use crate::chat::extras::CONTENT;
use crate::chat::offer::{is_builtin_search, takes_custom};
use crate::chat::write::{field, joined, string};
use crate::tools::{quoted_arguments, wire_id};

impl<'w, 'a> Writer<'w, 'a> {
    /// Writes what one answer thought, said and called, and the results of its calls.
    pub(super) fn step(&mut self, range: Range<usize>) {
        let mut said: Vec<usize> = Vec::new();
        let mut seen: Vec<Seen<'w>> = Vec::new();
        let mut calls: Vec<(usize, &'w Call<'a>)> = Vec::new();
        let mut thoughts: Vec<(usize, &'w Reasoning<'a>)> = Vec::new();
        let turn = self.turn;
        let current = self.history.is_current(&range);
        for at in range {
            match &turn.items[at] {
                Item::Message(message) => {
                    said.push(at);
                    let parts = self.seen(at, &message.parts);
                    let beside = self.has_beside(at, "refusal");
                    seen.extend(parts.into_iter().filter(|part| !beside || !part.is_refusal()));
                }
                Item::Reasoning(reasoning) => thoughts.push((at, reasoning)),
                Item::Call(call) => calls.push((at, call)),
                Item::Output(_) | Item::Summary(_) | Item::Other { .. } => {}
            }
        }
        let thought = self.thought(&thoughts, &calls);
        if let Some(envelope) = self.envelope.filter(|_| !calls.is_empty()) {
            return self.told(envelope, seen, &calls, thought);
        }
        let lacks = self.lacks(thought.as_ref(), &calls, current);
        if lacks {
            self.notes.push(Note::new(NoteKind::ReasoningMissing, "1"));
            if self.replay.on_missing == OnMissing::StripToolCalls {
                let texts = self.in_words(seen);
                return self.folded(texts, &calls);
            }
        }
        let rules = &self.target.dialect.messages;
        let says_nothing = seen.iter().all(Seen::is_empty)
            && calls.is_empty()
            && !said
                .iter()
                .any(|at| self.has_beside(*at, "refusal") || self.has_beside(*at, "audio"));
        // It was a message all the same, where messages have borders.
        let is_message = thought.is_some() || (self.same_protocol && !said.is_empty());
        if says_nothing && (rules.empty_assistant == EmptyAssistant::Drop || !is_message) {
            if thought.is_some() {
                self.notes.push(Note::new(NoteKind::Dropped, "reasoning without an answer"));
            }
            for at in said {
                self.lose(Place::Item(at));
            }
            return;
        }
        self.open("assistant");
        let fill = lacks && self.replay.on_missing == OnMissing::Placeholder;
        let lead = self.lead(thought.as_ref(), fill);
        self.content(&said, seen, lead);
        let beside = self.beside_calls(thought.as_ref(), &calls, fill);
        let blank = thoughts.iter().any(|(_, it)| it.thought.is_none() && !it.readable.is_empty());
        self.carry(thought, fill, blank && self.same_protocol);
        for &at in &said {
            self.beside(at);
        }
        if !calls.is_empty() {
            self.out.extend_from_slice(b",\"tool_calls\":[");
            for (nth, ((at, call), beside)) in calls.iter().zip(beside).enumerate() {
                if nth > 0 {
                    self.out.push(b',');
                }
                self.call(*at, call, beside.as_deref());
            }
            self.out.push(b']');
        }
        self.out.push(b'}');
        self.results(&calls);
    }

    /// Whether an answer has to come with its thought and has lost it.
    fn lacks(
        &self,
        thought: Option<&Replayed<'_>>,
        calls: &[(usize, &Call<'_>)],
        current: bool,
    ) -> bool {
        // A Chat client may have kept what stood beside its call.
        let kept = |(at, _): &(usize, &Call<'_>)| {
            self.replay.carrier == Carrier::ToolCallExtraContent
                && self.extras.find(Place::Item(*at), EXTRA_CONTENT).is_some()
        };
        let wanted = self.replay.wants(!calls.is_empty(), current);
        thought.is_none() && wanted && !calls.first().is_some_and(kept)
    }

    /// Whether a message goes without content because this stands beside it: where null is content, too.
    fn has_beside(&self, at: usize, name: &str) -> bool {
        self.target.dialect.messages.assistant_null_content == AssistantNullContent::Ok
            && self.extras.find(Place::Item(at), name).is_some()
    }

    /// Writes what the assistant said in the messages `said`, which became one.
    fn content(&mut self, said: &[usize], mut seen: Vec<Seen<'w>>, lead: Lead<'w>) {
        let rules = &self.target.dialect.messages;
        let form = match said {
            [at] => self.extras.find(Place::Item(*at), CONTENT),
            _ => None,
        };
        let is_list =
            form.is_some_and(|it| it.starts_with('[')) && rules.text_parts == TextParts::Ok;
        let lead = match lead {
            // The client has sent it back itself.
            Lead::Part(_) if seen.iter().any(|it| it.is_own("thinking")) => Lead::Nothing,
            Lead::Part(words) => {
                seen.retain(|it| !it.is_empty());
                self.out.extend_from_slice(b",\"content\":[");
                thinking_part(words, self.out);
                if !seen.is_empty() {
                    self.out.push(b',');
                }
                self.entries(&seen);
                self.out.push(b']');
                return;
            }
            lead => lead,
        };
        if is_list && !seen.is_empty() {
            self.out.extend_from_slice(b",\"content\":");
            return self.list(&seen);
        }
        if let Some(tagged) = lead.tagged() {
            seen.insert(0, Seen::words(tagged));
        }
        let was_said = !seen.is_empty() || form.is_some();
        seen.retain(|it| !it.is_empty());
        if !seen.is_empty() {
            self.out.extend_from_slice(b",\"content\":");
            // The upstream saw its answer as one string; a separator would change it.
            return self.flat(seen, "");
        }
        match rules.assistant_null_content {
            AssistantNullContent::OmitOrText => {}
            AssistantNullContent::Ok if self.same_protocol => match form {
                Some(form) => field(self.out, CONTENT, form),
                None if was_said => field(self.out, CONTENT, "\"\""),
                None => {}
            },
            // Nobody refuses the empty string.
            AssistantNullContent::Ok | AssistantNullContent::EmptyString => {
                field(self.out, CONTENT, "\"\"");
            }
        }
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
            self.lose(Place::Item(at));
            let turn = self.turn;
            let Some(result) = self.history.result_of(at) else { continue };
            let Item::Output(output) = &turn.items[result] else { continue };
            let label = Text::from(format!("[result of {}]", call.head.name));
            let texts = self.words(result, &output.parts);
            self.lose(Place::Item(result));
            self.open("user");
            self.out.extend_from_slice(b",\"content\":");
            joined(self.out, [label].into_iter().chain(texts).map(Cow::Owned), "\n");
            self.out.push(b'}');
        }
    }

    /// Writes a call; `beside` is what its upstream wants to find there again.
    fn call(&mut self, at: usize, call: &'w Call<'a>, beside: Option<&str>) {
        let native = call.head.form == Form::Custom && takes_custom(self.target);
        let kind = if native { "custom" } else { "function" };
        self.out.extend_from_slice(b"{\"id\":");
        let id = wire_id(self.target.dialect.tools.id_rule, &call.head.id);
        string(self.out, &Text::plain(id));
        let own = self.extras.find(Place::Item(at), "type");
        let builtin = is_builtin_search(self.target, &call.head.name);
        match own {
            _ if builtin => field(self.out, "type", "\"builtin_function\""),
            Some(own) => field(self.out, "type", own),
            None => field(self.out, "type", &format!("\"{kind}\"")),
        }
        self.out.extend_from_slice(b",\"");
        self.out.extend_from_slice(kind.as_bytes());
        self.out.extend_from_slice(b"\":{\"name\":");
        let name = match builtin {
            true => Cow::Borrowed(&*call.head.name),
            false => self.names.wire(&call.head),
        };
        string(self.out, &Text::plain(name));
        if native {
            self.out.extend_from_slice(b",\"input\":");
            string(self.out, &call.input);
        } else {
            self.out.extend_from_slice(b",\"arguments\":\"");
            let repair = self.target.dialect.messages.repair_arguments;
            quoted_arguments(call, repair, self.out, self.notes);
            self.out.push(b'"');
        }
        for (name, json) in self.extras.inner(Place::Item(at), kind) {
            field(self.out, name, json);
        }
        self.out.push(b'}');
        let mut beside = beside;
        for (name, json) in self.extras.outer(Place::Item(at)).filter(|(name, _)| *name != "type") {
            field(self.out, name, json);
            beside.take_if(|_| name == EXTRA_CONTENT);
        }
        if let Some(json) = beside {
            field(self.out, EXTRA_CONTENT, json);
        }
        if call.head.form == Form::Custom && !native {
            let lost = self.extras.inner(Place::Item(at), "custom").map(|(name, _)| name);
            self.notes.extend(lost.map(|name| Note::new(NoteKind::Dropped, name)));
        }
        self.out.push(b'}');
    }

    /// Writes one `tool` message for each call, and then the images that they may not hold.
    fn results(&mut self, calls: &[(usize, &'w Call<'a>)]) {
        let mut lifted: Vec<(&'w str, Seen<'w>)> = Vec::new();
        for &(at, call) in calls {
            self.open("tool");
            self.out.extend_from_slice(b",\"tool_call_id\":");
            let id = wire_id(self.target.dialect.tools.id_rule, &call.head.id);
            string(self.out, &Text::plain(id));
            self.out.extend_from_slice(b",\"content\":");
            let turn = self.turn;
            let result = self.history.result_of(at);
            match result.map(|at| (at, &turn.items[at])) {
                _ if is_builtin_search(self.target, &call.head.name) => {
                    self.notes.push(Note::new(NoteKind::Changed, "result of the built-in search"));
                    self.out.push(b'"');
                    quoted_arguments(call, true, self.out, self.notes);
                    self.out.push(b'"');
                }
                Some((at, Item::Output(output))) => {
                    self.result(&call.head.id, at, &output.parts, &mut lifted);
                }
                _ => {
                    self.notes.push(Note::new(NoteKind::FilledIn, "a call without a result"));
                    string(self.out, &Text::plain("no result was recorded (interrupted)"));
                }
            }
            self.beside_result(result, call);
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
                self.entries(&[Seen::words(label)]);
                self.out.push(b',');
                last = id;
            }
            self.entries(std::slice::from_ref(image));
        }
        self.out.extend_from_slice(b"]}");
    }

    /// Writes what else the message of a result holds.
    fn beside_result(&mut self, result: Option<usize>, call: &'w Call<'a>) {
        let rule = self.target.dialect.tools.result_name;
        if rule == ResultName::Add {
            self.out.extend_from_slice(b",\"name\":");
            string(self.out, &Text::plain(self.names.wire(&call.head)));
        }
        let place = result.map(Place::Item);
        for (name, json) in place.into_iter().flat_map(|place| self.extras.outer(place)) {
            match (name, rule) {
                (CONTENT, _) | ("name", ResultName::Add) => {}
                ("name", ResultName::Drop) => {
                    self.notes.push(Note::new(NoteKind::Dropped, "name of a result"));
                }
                _ => field(self.out, name, json),
            }
        }
    }

    /// Writes the content of a `tool` message and lifts out the images.
    fn result(
        &mut self,
        id: &'w str,
        at: usize,
        parts: &'w [Part<'a>],
        lifted: &mut Vec<(&'w str, Seen<'w>)>,
    ) {
        let images = match self.target.repairs.has(Fix::LiftImages) {
            true => ToolResultImages::LiftToUser,
            false => self.target.dialect.vision.tool_result_images,
        };
        let takes = self.target.dialect.tools.result_content;
        let is_list = self.extras.is_list(at) && takes != ResultContent::String;
        let mut shown = Vec::with_capacity(parts.len());
        let mut has_images = false;
        for part in self.seen(at, parts) {
            if part.is_empty() && !is_list {
                continue;
            }
            if !part.is_image() || images == ToolResultImages::Keep {
                has_images |= part.is_image();
                shown.push(part);
            } else if images == ToolResultImages::LiftToUser {
                shown.push(Seen::words("[the image follows in the next message]"));
                lifted.push((id, part));
            } else {
                self.notes.push(Note::new(NoteKind::Omitted, "image in a tool result"));
                shown.push(Seen::words(OMITTED_IMAGE));
            }
        }
        let all_shown = takes == ResultContent::AnyParts
            || shown.iter().all(|part| part.is_text() || part.is_image());
        if self.marks.contains(&at) && !shown.is_empty() {
            self.list(&shown);
            mark(self.out);
        } else if has_images || is_list && all_shown {
            self.list(&shown);
        } else if is_list {
            let words = self.in_words(shown).into_iter().map(Seen::words);
            let words: Vec<Seen<'_>> = words.collect();
            self.list(&words);
        } else {
            self.flat(shown, "\n");
        }
    }
}
