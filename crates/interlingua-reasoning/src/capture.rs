use std::sync::Arc;

use interlingua_ir::{Event, Index, Kind, Origin, Sink, Thought};

use crate::fingerprint::{KeyOfWords, Prefix};
use crate::growing::Growing;
use crate::{Entry, Key, SealKeys, kept};

/// The most that is remembered of one answer's thoughts, in bytes. What takes more is not kept: no
/// model thinks that much, and what is remembered stands in memory until the answer ends.
const MAX_THOUGHTS: usize = 4 << 20;

/// A sink that remembers the thoughts of an answer for a client that will not send them back.
///
/// It stands where events look as the client sees them, after tools are restored and ids are made
/// unique, and changes nothing. When the answer has ended, [`Capturing::entry`] is what to keep.
#[derive(Debug)]
pub struct Capture<'s, S> {
    state: &'s mut Capturing,
    sink: S,
}

/// What a [`Capture`] remembers from one event to the next.
#[derive(Debug)]
pub struct Capturing {
    keys: Arc<SealKeys>,
    tenant: String,
    origin: Origin,
    answer: String,
    nonce: fn() -> [u8; 12],
    /// The conversation up to this answer.
    before: Prefix,
    said: KeyOfWords,
    /// The texts that are being written.
    texts: Vec<Index>,
    calls: Vec<(Index, String)>,
    open: Vec<Growing>,
    thoughts: Vec<Thought>,
    /// Nothing has followed the last thought yet.
    just_thought: bool,
    size: usize,
    ended: bool,
}

impl Capturing {
    /// Prepares to remember the thoughts of one answer to the conversation that `before` stands for.
    ///
    /// `answer` tells the thoughts of this answer from those of others; `nonce` gives twelve fresh
    /// random bytes each time.
    pub fn new(
        keys: Arc<SealKeys>,
        tenant: &str,
        origin: Origin,
        answer: &str,
        before: Prefix,
        nonce: fn() -> [u8; 12],
    ) -> Self {
        Self {
            keys,
            tenant: tenant.to_owned(),
            origin,
            answer: answer.to_owned(),
            nonce,
            before,
            said: KeyOfWords::new(before),
            texts: Vec::new(),
            calls: Vec::new(),
            open: Vec::new(),
            thoughts: Vec::new(),
            just_thought: false,
            size: 0,
            ended: false,
        }
    }

    /// What to keep, and under which key: nothing if the answer has not ended, or shows nothing by which
    /// it could be known again.
    ///
    /// It has to be kept before the client sees the end, since the client may come back at once. That
    /// the model did not think is an entry too: without it, what a twin of the conversation thought at
    /// this point would be found in its place.
    pub fn entry(&self) -> Option<(Key, Entry)> {
        if !self.ended || self.size > MAX_THOUGHTS {
            return None;
        }
        let key = match self.calls.as_slice() {
            [] => self.said.key()?,
            calls => self.before.key_of_calls(calls.iter().map(|(_, id)| id.as_str())),
        };
        let entry = kept::seal(&self.thoughts, &key, &self.keys, &self.tenant, self.nonce);
        Some((key, entry))
    }

    fn see(&mut self, event: &Event<'_>) {
        let just_thought = std::mem::take(&mut self.just_thought);
        match event {
            Event::Open { index, kind: Kind::Reasoning } => self.open.push(Growing::new(*index)),
            Event::Open { index, kind: Kind::Text | Kind::Refusal } => self.texts.push(*index),
            Event::Open { index, kind: Kind::Call(head) } => {
                self.calls.push((*index, head.id.to_string()));
                if let Some(thought) = self.thoughts.last_mut().filter(|_| just_thought) {
                    thought.calls.push(head.id.to_string());
                }
            }
            Event::Delta { index, text } if self.texts.contains(index) => {
                self.said.add(&text.to_plain());
            }
            Event::Delta { index, .. } | Event::Attach { index, .. } => self.grow(*index, event),
            Event::Close { index } => {
                self.texts.retain(|it| it != index);
                if let Some(at) = self.open.iter().position(|it| it.index == *index) {
                    let growing = self.open.remove(at);
                    self.keep(growing);
                }
            }
            // Nobody may act on what was cut, so the client has no such call; words it has seen.
            Event::Drop { index } => {
                self.texts.retain(|it| it != index);
                self.calls.retain(|(it, _)| it != index);
                self.open.retain(|it| it.index != *index);
            }
            Event::End { .. } => self.ended = true,
            Event::Begin { .. }
            | Event::Open { kind: Kind::Summary, .. }
            | Event::Frame(_)
            | Event::Frames(_)
            | Event::Note(_) => {}
        }
    }

    fn grow(&mut self, index: Index, event: &Event<'_>) {
        let Some(growing) = self.open.iter_mut().find(|it| it.index == index) else { return };
        if self.size + growing.size() <= MAX_THOUGHTS {
            growing.take(event);
        }
    }

    fn keep(&mut self, growing: Growing) {
        self.size += growing.size();
        let thought = growing.finish(self.origin.clone(), self.answer.clone(), Vec::new());
        if !thought.text.is_empty() || !thought.provenance.is_empty() {
            self.thoughts.push(thought);
            self.just_thought = true;
        }
    }
}

impl<'s, S: Sink> Capture<'s, S> {
    /// Remembers what passes on its way to `sink`.
    pub fn new(state: &'s mut Capturing, sink: S) -> Self {
        Self { state, sink }
    }
}

impl<S: Sink> Sink for Capture<'_, S> {
    fn event(&mut self, event: Event<'_>) {
        self.state.see(&event);
        self.sink.event(event);
    }
}
