//! One answer of the model, and the results of its calls.

use std::borrow::Cow;
use std::ops::Range;

use interlingua_dialect::{Fix, OnMissing, ToolResultImages};
use interlingua_ir::{Call, Item, Note, NoteKind, Output, Protocol, Reasoning, Text};

use super::conversation::{Who, Writer};
use super::parts::{OMITTED_IMAGE, Seen, What};
use super::replay::{Known, calls, known};
use crate::render::string;
use crate::tools::{arguments, repeated_id, wire_id};

impl<'w, 'a> Writer<'w, 'a> {
    /// Writes what one answer thought, said and called, in its order, and the results of its calls.
    pub(super) fn step(&mut self, range: Range<usize>) {
        let turn = self.turn;
        let items = turn.items.get(range.clone()).unwrap_or_default();
        let calls = calls(items);
        let mut blocks: Vec<Block<'w, 'a>> = Vec::new();
        for (at, item) in range.clone().zip(items) {
            match item {
                Item::Message(message) => {
                    blocks.extend(self.seen(at, &message.parts).into_iter().map(Block::Part));
                }
                Item::Reasoning(reasoning) => {
                    blocks.extend(self.thought(reasoning, &calls));
                }
                Item::Call(call) => blocks.push(Block::Call(at, call)),
                Item::Other { json, .. } if turn.protocol == Protocol::Messages => {
                    blocks.push(Block::Raw(json.get()));
                }
                Item::Other { kind, .. } => {
                    self.notes.push(Note::new(NoteKind::Dropped, kind.as_ref()));
                }
                Item::Output(_) | Item::Summary(_) => {}
            }
        }
        // A message may not end with a thought.
        let kept = blocks.iter().rposition(|it| !it.is_thought()).map_or(0, |at| at + 1);
        if kept < blocks.len() {
            blocks.truncate(kept);
            self.notes.push(Note::new(NoteKind::Dropped, "reasoning without an answer"));
        }
        if blocks.is_empty() {
            return;
        }
        let thought = blocks.iter().any(Block::is_thought);
        if !thought && self.replay.wants(!calls.is_empty()) {
            match self.replay.on_missing {
                OnMissing::StripToolCalls => {
                    self.notes.push(Note::new(NoteKind::ReasoningMissing, "1"));
                    return self.folded(range, &blocks);
                }
                OnMissing::Placeholder => {
                    self.notes.push(Note::new(NoteKind::ReasoningMissing, "1"));
                    if let Some(placeholder) = self.replay.placeholder.as_deref() {
                        let words = vec![Text::plain(placeholder)];
                        blocks.insert(0, Block::Thought(Known::Words(words, None)));
                    }
                }
                // Where that matters, the plan has switched thinking off.
                OnMissing::DisableThinking | OnMissing::None => {}
            }
        }
        for block in &blocks {
            self.block(Who::Assistant, |writer| writer.answered(block));
        }
        let mut lifted = Vec::new();
        for (at, item) in range.zip(items) {
            if let Item::Call(call) = item {
                self.result(at, call, &mut lifted);
            }
        }
        let mut last = "";
        for (id, image) in &lifted {
            if *id != last {
                let label = format!("Image from the result of tool call {id}:");
                self.block(Who::User, |writer| writer.text(&Text::from(label)));
                last = id;
            }
            self.block(Who::User, |writer| writer.part(image));
        }
    }

    /// What the upstream may have of a thought; what it may not have is told.
    fn thought(
        &mut self,
        reasoning: &'w Reasoning<'a>,
        calls: &[&Call<'_>],
    ) -> Option<Block<'w, 'a>> {
        if !self.replay.takes {
            self.notes.push(Note::new(NoteKind::Dropped, "reasoning"));
            return None;
        }
        match known(reasoning, calls, self.target) {
            Known::Nothing => None,
            Known::Foreign => {
                let origin = reasoning.thought.as_ref().and_then(|it| it.origin.as_ref());
                let from = origin.map_or("unknown", |it| it.provider.as_str());
                self.notes.push(Note::new(NoteKind::ReasoningForeign, from));
                None
            }
            Known::Lost(why) => {
                self.notes.push(Note::new(NoteKind::ReasoningMissing, why));
                None
            }
            known => Some(Block::Thought(known)),
        }
    }

    fn answered(&mut self, block: &Block<'w, 'a>) {
        match block {
            Block::Part(part) => self.part(part),
            Block::Raw(json) => self.out.extend_from_slice(json.as_bytes()),
            Block::Thought(known) => known.write(self.out),
            Block::Call(at, call) => self.call(*at, call),
        }
    }

    fn call(&mut self, at: usize, call: &'w Call<'a>) {
        self.out.extend_from_slice(b"{\"type\":\"tool_use\",\"id\":");
        string(self.out, &Text::plain(self.call_id(at, call)));
        self.out.extend_from_slice(b",\"name\":");
        string(self.out, &Text::plain(self.names.wire(&call.head)));
        self.out.extend_from_slice(b",\"input\":");
        arguments(call, self.out, self.notes);
        self.extras.item(at, self.out);
        self.out.push(b'}');
    }

    /// A call's id, which here no other call of the conversation may have.
    fn call_id<'c>(&self, at: usize, call: &'c Call<'_>) -> Cow<'c, str> {
        let rule = self.target.dialect.tools.id_rule;
        match self.history.repeats(at) {
            0 => wire_id(rule, &call.head.id),
            earlier => repeated_id(rule, &call.head.id, earlier).into(),
        }
    }

    /// Writes the result of a call; images that it may not hold are left for later.
    fn result(&mut self, at: usize, call: &'w Call<'a>, lifted: &mut Vec<(&'w str, Seen<'w>)>) {
        let turn = self.turn;
        let found = self.history.result_of(at);
        let output = found.and_then(|at| match turn.items.get(at) {
            Some(Item::Output(output)) => Some((at, output)),
            _ => None,
        });
        self.block(Who::User, |writer| {
            writer.out.extend_from_slice(b"{\"type\":\"tool_result\",\"tool_use_id\":");
            string(writer.out, &Text::plain(writer.call_id(at, call)));
            match output {
                Some((at, output)) => {
                    writer.content(at, output, lifted);
                    writer.extras.item(at, writer.out);
                }
                None => {
                    writer.notes.push(Note::new(NoteKind::FilledIn, "a call without a result"));
                    let words = "no result was recorded (interrupted)";
                    writer.out.extend_from_slice(b",\"content\":");
                    string(writer.out, &Text::plain(words));
                    writer.out.extend_from_slice(b",\"is_error\":true");
                }
            }
            writer.out.push(b'}');
        });
    }

    /// Writes the content of a result.
    fn content(
        &mut self,
        at: usize,
        output: &'w Output<'a>,
        lifted: &mut Vec<(&'w str, Seen<'w>)>,
    ) {
        let rule = match self.target.repairs.has(Fix::LiftImages) {
            true => ToolResultImages::LiftToUser,
            false => self.target.dialect.vision.tool_result_images,
        };
        let mut seen = self.seen(at, &output.parts);
        for part in &mut seen {
            if rule == ToolResultImages::Keep || !matches!(part.what, What::Image(_)) {
                continue;
            }
            let words = match rule {
                ToolResultImages::LiftToUser => "[the image follows behind the results]",
                ToolResultImages::Keep | ToolResultImages::Drop => {
                    self.notes.push(Note::new(NoteKind::Omitted, "image in a tool result"));
                    OMITTED_IMAGE
                }
            };
            let what = std::mem::replace(&mut part.what, What::Text(Text::plain(words)));
            if rule == ToolResultImages::LiftToUser {
                lifted.push((&output.call_id, Seen { what, place: part.place }));
            }
        }
        match seen.as_slice() {
            // What failed has to say something.
            [] if output.is_error => {
                self.out.extend_from_slice(b",\"content\":");
                string(self.out, &Text::plain("(no output)"));
            }
            [] => {}
            [Seen { what: What::Text(text), .. }] if !self.extras.has_part((at, 0)) => {
                self.out.extend_from_slice(b",\"content\":");
                string(self.out, text);
            }
            parts => {
                self.out.extend_from_slice(b",\"content\":[");
                for (nth, part) in parts.iter().enumerate() {
                    if nth > 0 {
                        self.out.push(b',');
                    }
                    self.part(part);
                }
                self.out.push(b']');
            }
        }
        if output.is_error {
            self.out.extend_from_slice(b",\"is_error\":true");
        }
    }

    /// Tells calls and results in words, for an upstream that refuses calls without their thought.
    fn folded(&mut self, range: Range<usize>, blocks: &[Block<'w, 'a>]) {
        for block in blocks {
            match block {
                Block::Call(_, call) => {
                    let told = format!("[called {} with {}]", call.head.name, call.input);
                    self.block(Who::Assistant, |writer| writer.text(&Text::from(told)));
                }
                other => self.block(Who::Assistant, |writer| writer.answered(other)),
            }
        }
        let turn = self.turn;
        for at in range {
            let Some(Item::Call(call)) = turn.items.get(at) else { continue };
            let Some(result) = self.history.result_of(at) else { continue };
            let Some(Item::Output(output)) = turn.items.get(result) else { continue };
            let label = Text::from(format!("[result of {}]", call.head.name));
            self.block(Who::User, |writer| writer.text(&label));
            for part in self.seen(result, &output.parts) {
                self.block(Who::User, |writer| writer.part(&part));
            }
        }
    }
}

/// A block of an answer.
enum Block<'w, 'a> {
    Part(Seen<'w>),
    Thought(Known<'w>),
    /// A call, and which item it is.
    Call(usize, &'w Call<'a>),
    /// A block that only this protocol knows, as it came.
    Raw(&'w str),
}

impl Block<'_, '_> {
    fn is_thought(&self) -> bool {
        matches!(self, Self::Thought(_))
    }
}
