//! What an answer says outside of its calls: prose and thought, one item at a time.

use interlingua_dialect::{Carrier, Dialect};
use interlingua_ir::{Attachment, Event, Index, Kind, Note, NoteKind, Sink, Text};

use super::details::Details;
use super::pieces::Pieces;
use super::tags::{Piece, TagReader};
use crate::surrogates::Halves;

/// Puts brackets around prose and thought, of which there is one open at a time.
#[derive(Debug)]
pub(super) struct Prose {
    open: Option<Open>,
    /// The index of the next item; calls take theirs from here, too.
    pub(super) next: u32,
    /// Something was said or thought.
    pub(super) begun: bool,
    tags: TagReader,
    halves: Halves,
    citations: Vec<(String, String)>,
    /// What has come of the prose and of the thought, where the upstream repeats itself.
    said: Pieces,
    thought: Pieces,
    /// By which the upstream recognises its thought, where it wants it back in a list.
    details: Option<Details>,
    /// A field of its own brought the thought; copies between tags are not wanted.
    structured: bool,
}

#[derive(Clone, Copy, Debug)]
struct Open {
    index: Index,
    flow: Flow,
}

/// What is written.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Flow {
    Text,
    Refusal,
    Reasoning,
}

impl Prose {
    pub(super) fn new(dialect: &Dialect) -> Self {
        let out = &dialect.reasoning_out;
        let said = || Pieces::new(out.snapshots, false);
        let has_details = dialect.replay.carrier == Carrier::ReasoningDetails;
        Self {
            open: None,
            next: 0,
            begun: false,
            tags: TagReader::new(out.tags),
            halves: Halves::default(),
            citations: Vec::new(),
            said: said(),
            thought: Pieces::new(out.snapshots, out.dedupe_repeats),
            details: has_details.then(|| Details::new(said())),
            structured: false,
        }
    }

    /// What is being written, once a piece of it cannot turn out to be anything else.
    pub(super) fn settled(&self) -> Option<Flow> {
        let flow = self.open?.flow;
        match flow {
            // Text may still be looked at for tags.
            Flow::Text => self.tags.is_past(),
            Flow::Reasoning => self.structured,
            Flow::Refusal => false,
        }
        .then_some(flow)
    }

    /// Takes what is new in a piece of a field.
    pub(super) fn piece(&mut self, flow: Flow, text: Text<'_>, sink: &mut dyn Sink) {
        let fresh = match flow {
            Flow::Text => self.said.fresh(text),
            Flow::Reasoning => {
                self.structured = true;
                self.thought.fresh(text)
            }
            Flow::Refusal => Some(text),
        };
        match fresh {
            Some(text) if flow == Flow::Text => self.content(text, sink),
            Some(text) => self.flow(flow, text, sink),
            None => {}
        }
    }

    /// Keeps what the upstream recognises its thought by; it belongs to a thought, be it without words.
    pub(super) fn gather(&mut self, list: &str, sink: &mut dyn Sink) {
        let Some(details) = &mut self.details else { return };
        if !details.add(list) {
            self.details = None;
            let what = "reasoning_details of more than 4 MiB";
            sink.event(Event::Note(Note::new(NoteKind::Dropped, what)));
        } else if !details.is_empty() {
            self.structured = true;
            self.item(Flow::Reasoning, sink);
        }
    }

    fn content(&mut self, content: Text<'_>, sink: &mut dyn Sink) {
        if self.tags.is_past() {
            return self.flow(Flow::Text, content, sink);
        }
        for piece in self.tags.push(content) {
            self.tagged(piece, sink);
        }
    }

    fn tagged(&mut self, piece: Piece, sink: &mut dyn Sink) {
        match piece {
            Piece::Thought(_) if self.structured => {}
            Piece::Thought(text) => self.flow(Flow::Reasoning, text.into(), sink),
            Piece::Text(text) => self.flow(Flow::Text, text.into(), sink),
        }
    }

    /// Takes the next words of an item.
    pub(super) fn flow(&mut self, flow: Flow, text: Text<'_>, sink: &mut dyn Sink) {
        // Upstreams pad with empty strings; they mean nothing and must not open an item.
        if text.is_empty() {
            return;
        }
        let index = self.item(flow, sink);
        if let Some(text) = self.halves.join(text) {
            sink.event(Event::Delta { index, text });
        }
        if flow == Flow::Text {
            self.cite(index, sink);
        }
    }

    /// The item in which `flow` is written, opened if it is not.
    fn item(&mut self, flow: Flow, sink: &mut dyn Sink) -> Index {
        if let Some(open) = self.open.filter(|open| open.flow == flow) {
            return open.index;
        }
        self.close(sink);
        let index = Index(self.next);
        self.next += 1;
        self.open = Some(Open { index, flow });
        self.begun = true;
        let kind = match flow {
            Flow::Text => Kind::Text,
            Flow::Refusal => Kind::Refusal,
            Flow::Reasoning => Kind::Reasoning,
        };
        sink.event(Event::Open { index, kind });
        index
    }

    /// Keeps sources for the text that is being written, or else the next one.
    pub(super) fn cites(&mut self, citations: Vec<(String, String)>) {
        self.citations.extend(citations);
    }

    /// The sources that no text has shown.
    pub(super) fn uncited(&mut self) -> Vec<(String, String)> {
        std::mem::take(&mut self.citations)
    }

    fn cite(&mut self, index: Index, sink: &mut dyn Sink) {
        for (url, title) in self.citations.drain(..) {
            let attachment = Attachment::Citation { url: url.into(), title: title.into() };
            sink.event(Event::Attach { index, attachment });
        }
    }

    /// Ends the item; what may still have become a tag is text.
    pub(super) fn end(&mut self, sink: &mut dyn Sink) {
        for piece in self.tags.finish() {
            self.tagged(piece, sink);
        }
        self.close(sink);
    }

    /// Ends the item with the answer.
    pub(super) fn settle(&mut self, sink: &mut dyn Sink) {
        if let Some(Open { index, flow: Flow::Text }) = self.open {
            self.cite(index, sink);
        }
        self.end(sink);
    }

    fn close(&mut self, sink: &mut dyn Sink) {
        if let Some(open) = self.open.take() {
            if let Some(text) = self.halves.rest() {
                sink.event(Event::Delta { index: open.index, text });
            }
            let details = self.details.as_mut().filter(|_| open.flow == Flow::Reasoning);
            if let Some(json) = details.and_then(Details::take) {
                let field = Carrier::ReasoningDetails.name().into();
                let attachment = Attachment::Provenance { field, json: json.into() };
                sink.event(Event::Attach { index: open.index, attachment });
            }
            sink.event(Event::Close { index: open.index });
        }
    }
}
