use std::collections::VecDeque;

use interlingua_ir::{Event, Fault, Form, Index, Kind, Note, NoteKind, Sink, Stop, Text, Usage};

use super::block::Block;
use super::faults;
use super::head::{Head, write_stop};
use crate::pipe::Encode;

/// Writes an answer for a Messages client, as a stream or whole.
///
/// Both are one state machine: the whole answer is what a client gathers from the stream. Blocks go
/// out one after the other, as this protocol's streams are read; what arrives for a later one waits.
///
/// A call waits until it is whole. Helpers of the SDKs take a call that was cut for one without
/// arguments, and tools would be run so; here it is not there at all. Pings bridge the wait: Claude Code
/// 2.1.329 was seen to wait for 400 s.
#[derive(Debug)]
pub struct Encoder {
    head: Head,
    /// The blocks of an answer that is wanted whole, as JSON joined by commas; `None` in a stream.
    whole: Option<Vec<u8>>,
    out: Vec<u8>,
    opened: bool,
    ended: bool,
    /// Blocks that have not ended, in the order of their opening. The client sees the first.
    blocks: VecDeque<Block>,
    /// How many blocks the client has seen to their end, or will never.
    place: u32,
    /// The model has called a tool.
    called: bool,
    /// The model has declined.
    declined: bool,
    notes: Vec<Note>,
}

impl Encoder {
    /// Makes an encoder that writes events.
    pub fn stream(head: Head) -> Self {
        Self::new(head, None)
    }

    /// Makes an encoder that writes the whole answer once it is complete.
    pub fn whole(head: Head) -> Self {
        Self::new(head, Some(Vec::new()))
    }

    fn new(head: Head, whole: Option<Vec<u8>>) -> Self {
        Self {
            head,
            whole,
            out: Vec::new(),
            opened: false,
            ended: false,
            blocks: VecDeque::new(),
            place: 0,
            called: false,
            declined: false,
            notes: Vec::new(),
        }
    }

    fn open_block(&mut self, index: Index, kind: Kind<'_>) {
        self.declined |= kind == Kind::Refusal;
        if let Kind::Call(head) = &kind
            && head.form != Form::Function
        {
            // No client of this protocol declares such tools; a model may call one all the same.
            self.notes.push(Note::new(NoteKind::Changed, format!("{} to tool_use", head.form)));
        }
        match Block::new(index, kind) {
            Some(block) => self.blocks.push_back(block),
            None => self.notes.push(Note::new(NoteKind::Dropped, "summary")),
        }
    }

    fn piece(&mut self, index: Index, text: &Text<'_>) {
        let Some(at) = self.position(index) else { return };
        self.blocks[at].piece(text);
        if at == 0 && self.whole.is_none() {
            self.blocks[0].stream(self.place, &mut self.out);
        }
    }

    fn drop_block(&mut self, index: Index) {
        let Some(at) = self.position(index) else { return };
        let Some(block) = self.blocks.remove(at) else { return };
        // What the client has seen of it keeps its place, and never ends.
        if at == 0 && block.has_started() {
            self.place += 1;
        }
        self.advance();
    }

    /// Shows what is ready: the first block as far as it has come, and those after it once it has
    /// ended.
    fn advance(&mut self) {
        while let Some(block) = self.blocks.front_mut() {
            if !block.closed {
                if self.whole.is_none() {
                    block.stream(self.place, &mut self.out);
                }
                return;
            }
            self.called |= block.is_call();
            let seen = match &mut self.whole {
                None => block.finish(self.place, &mut self.out),
                Some(content) => {
                    let start = content.len();
                    if start > 0 {
                        content.push(b',');
                    }
                    let seen = block.write(content);
                    if block.is_broken() {
                        let what = "arguments that are no JSON object";
                        self.notes.push(Note::new(NoteKind::Changed, what));
                    }
                    if !seen {
                        content.truncate(start);
                    }
                    seen
                }
            };
            self.place += u32::from(seen);
            self.blocks.pop_front();
        }
    }

    fn position(&self, index: Index) -> Option<usize> {
        self.blocks.iter().position(|it| it.index == index)
    }

    fn end(&mut self, stop: Stop, usage: Option<Usage>) {
        self.ended = true;
        if usage.is_none() {
            self.notes.push(Note::new(NoteKind::Unknown, "usage"));
        }
        let stop = match stop {
            Stop::Length => "max_tokens",
            Stop::Filtered => "refusal",
            Stop::Complete | Stop::ToolUse if self.called => "tool_use",
            Stop::Complete | Stop::ToolUse if self.declined => "refusal",
            Stop::Complete | Stop::ToolUse => "end_turn",
        };
        let usage = write_usage(usage.unwrap_or_default());
        if let Some(content) = self.whole.take() {
            self.head.write(&content, Some(stop), &usage, &mut self.out);
            self.whole = Some(Vec::new());
            return;
        }
        let out = &mut self.out;
        out.extend_from_slice(
            b"event: message_delta\ndata: {\"type\":\"message_delta\",\"delta\":{",
        );
        let start = out.len();
        write_stop(Some(stop), out);
        // It stands alone here.
        out.remove(start);
        out.extend_from_slice(b"},\"usage\":");
        out.extend_from_slice(&usage);
        out.extend_from_slice(b"}\n\nevent: message_stop\ndata: {\"type\":\"message_stop\"}\n\n");
    }
}

impl Sink for Encoder {
    fn event(&mut self, event: Event<'_>) {
        if self.ended {
            return;
        }
        match event {
            Event::Begin { .. } => self.open(),
            Event::Open { index, kind } => self.open_block(index, kind),
            Event::Delta { index, text } => self.piece(index, &text),
            Event::Attach { index, attachment } => {
                if let Some(at) = self.position(index) {
                    self.blocks[at].attach(attachment);
                }
            }
            Event::Close { index } => {
                if let Some(at) = self.position(index) {
                    self.blocks[at].closed = true;
                    self.advance();
                }
            }
            Event::Drop { index } => self.drop_block(index),
            // It is for whoever passes the upstream's own words on.
            Event::Frame(_) | Event::Frames(_) => {}
            Event::Note(note) => self.notes.push(note),
            Event::End { stop, usage } => self.end(stop, usage),
        }
    }
}

impl Encode for Encoder {
    fn open(&mut self) {
        if std::mem::replace(&mut self.opened, true) || self.whole.is_some() {
            return;
        }
        let out = &mut self.out;
        out.extend_from_slice(
            b"event: message_start\ndata: {\"type\":\"message_start\",\"message\":",
        );
        // What the prompt takes is told at the end, where it replaces these zeros.
        self.head.write(b"", None, &write_usage(Usage::default()), out);
        out.extend_from_slice(b"}\n\n");
    }

    fn keep_alive(&mut self) {
        if self.opened && !self.ended && self.whole.is_none() {
            self.out.extend_from_slice(b"event: ping\ndata: {\"type\":\"ping\"}\n\n");
        }
    }

    fn resume(&mut self, _answer: &str, _events: u64) {
        // The upstream's frames have opened it.
        self.opened = true;
    }

    fn notes(&self) -> &[Note] {
        &self.notes
    }

    fn fail(&mut self, fault: &Fault) {
        if std::mem::replace(&mut self.ended, true) {
            return;
        }
        let body = faults::body(fault, &self.head.request_id);
        if self.whole.is_some() {
            self.out.extend_from_slice(&body);
            return;
        }
        self.out.extend_from_slice(b"event: error\ndata: ");
        self.out.extend_from_slice(&body);
        self.out.extend_from_slice(b"\n\n");
    }

    fn pending(&self) -> usize {
        self.out.len()
    }

    fn take(&mut self, out: &mut Vec<u8>) {
        if out.is_empty() {
            std::mem::swap(out, &mut self.out);
        } else {
            out.append(&mut self.out);
        }
    }
}

/// Writes what the turn cost. Here the three parts of a prompt add up to it.
fn write_usage(usage: Usage) -> Vec<u8> {
    let (read, written) = (usage.cached.unwrap_or(0), usage.cache_write.unwrap_or(0));
    let fresh = usage.input.saturating_sub(read.saturating_add(written));
    format!(
        "{{\"input_tokens\":{fresh},\"cache_creation_input_tokens\":{written},\
         \"cache_read_input_tokens\":{read},\"output_tokens\":{}}}",
        usage.output
    )
    .into_bytes()
}
