use std::mem;
use std::sync::Arc;

use interlingua_dialect::{Carrier, Dialect, Finish, ReasoningField};
use interlingua_ir::{
    Attachment, Class, Event, Fault, Index, Kind, Note, NoteKind, Sink, Stop, Text,
};
use interlingua_protocol::chat::{self, Choice, Chunk, Delta};
use interlingua_protocol::sse::Frame;
use serde_json::value::RawValue;

use super::calls::Calls;
use super::details::Details;
use super::lane::Lane;
use super::leaves::{citations, content_parts, details, is_error, text};
use super::pieces::Pieces;
use super::tags::{Piece, TagReader};
use super::usage;
use crate::alike::Alike;
use crate::broken;
use crate::pipe::Decode;
use crate::stops::unknown_stop;
use crate::surrogates::Halves;

/// Reads a Chat Completions answer, in pieces or whole, from any server that claims to speak it.
///
/// Chat has no brackets: an item begins with its first piece and ends when something else begins.
/// The decoder's work is to put the brackets in, and to take what servers send instead of the book.
///
/// ```text
///        first chunk        thought or prose        first piece of a call
/// Fresh ───────────▶ Idle ─────────────────▶ Prose ─────────────────────▶ Idle + open calls
///                     ▲                       │ ▲ │                         │
///                     │     finish_reason     │ └─┘ thought ⇄ prose         │
///                     └───────────────────────┴─────────────────────────────┘
/// any ──[DONE], or the upstream hangs up after a finish_reason──▶ Over
/// ```
///
/// A trailing chunk may bring the usage after `finish_reason`; that is why [`Event::End`] is held
/// back until the stream is over. A stream that is over without a `finish_reason` or `[DONE]` is a
/// fault: half an answer must never look like a whole one.
#[derive(Debug)]
pub struct Decoder {
    dialect: Arc<Dialect>,
    provider: String,
    phase: Phase,
    open: Option<Open>,
    next: u32,
    calls: Calls,
    alike: Alike<Flow>,
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
    /// The model has said, thought or called something.
    substance: bool,
    stop: Option<Stop>,
    usage: Option<String>,
    unknown: Vec<String>,
    /// The client gets the upstream's frames.
    lane: Option<Lane>,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Phase {
    /// Nothing has arrived.
    Fresh,
    /// The answer has begun.
    Begun,
    /// [`Event::End`] is out.
    Over,
}

/// The prose or thought that is being written. There is one at a time.
#[derive(Clone, Copy, Debug)]
struct Open {
    index: Index,
    flow: Flow,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Flow {
    Text,
    Refusal,
    Reasoning,
}

impl Decoder {
    /// Makes a decoder for an upstream that speaks `dialect`.
    ///
    /// `provider` is named in faults. `seed` makes the ids unique that the upstream forgets to give
    /// to its calls; it has to differ from answer to answer.
    pub fn new(dialect: Arc<Dialect>, provider: &str, seed: &str) -> Self {
        let out = &dialect.reasoning_out;
        let tags = TagReader::new(out.tags);
        let said = || Pieces::new(out.snapshots, false);
        let thought = Pieces::new(out.snapshots, out.dedupe_repeats);
        let carrier = dialect.replay.carrier;
        let details = (carrier == Carrier::ReasoningDetails).then(|| Details::new(said()));
        let calls = Calls::new(seed, carrier == Carrier::ToolCallExtraContent);
        Self {
            said: said(),
            thought,
            details,
            calls,
            dialect,
            provider: provider.to_owned(),
            phase: Phase::Fresh,
            open: None,
            next: 0,
            alike: Alike::new(),
            tags,
            halves: Halves::default(),
            citations: Vec::new(),
            structured: false,
            substance: false,
            stop: None,
            usage: None,
            unknown: Vec::new(),
            lane: None,
        }
    }

    /// Also passes on the frames themselves, for a client that speaks Chat too, after the events that
    /// they mean. The chunk that tells a stream's cost is left out unless the client wants it.
    ///
    /// Only for upstreams whose streams are [by the book](interlingua_dialect::Stream::verbatim): what
    /// events mend in a stream, frames show.
    #[must_use]
    pub fn verbatim(mut self, include_usage: bool) -> Self {
        self.lane = Some(Lane::new(include_usage));
        self
    }

    fn chunk(&mut self, chunk: &Chunk<'_>, json: &str, sink: &mut dyn Sink) -> Result<(), Fault> {
        if is_error(chunk) {
            return Err(self.refusal(json));
        }
        if self.phase == Phase::Fresh {
            self.phase = Phase::Begun;
            let name = |raw: Option<&RawValue>| {
                raw.and_then(text).map_or(String::new(), |it| it.to_plain().into_owned())
            };
            sink.event(Event::Begin { id: name(chunk.id).into(), model: name(chunk.model).into() });
        }
        let choice_usage = chunk.choice.as_ref().and_then(|it| it.usage);
        for usage in [choice_usage, chunk.usage].into_iter().flatten() {
            self.keep_usage(usage.get());
        }
        if let Some(usage) = chunk.x_groq.and_then(|it| usage::wrapped(it.get())) {
            self.keep_usage(usage);
        }
        Ok(())
    }

    fn choice(&mut self, choice: &Choice<'_>, sink: &mut dyn Sink) -> Result<(), Fault> {
        if let Some(delta) = &choice.delta {
            self.delta(delta, sink)?;
        }
        // Some servers send an empty reason with every chunk; `[DONE]` tells their end.
        let reason = choice.finish_reason.and_then(text).filter(|it| !it.is_empty());
        match reason {
            Some(reason) => self.stopped(&reason.to_plain(), sink),
            None => Ok(()),
        }
    }

    fn delta(&mut self, delta: &Delta<'_>, sink: &mut dyn Sink) -> Result<(), Fault> {
        let thought = self.listed(delta).filter_map(text).find(|it| !it.is_empty());
        match thought {
            Some(thought) => {
                self.structured = true;
                self.piece(Flow::Reasoning, thought, sink);
            }
            None => {
                let lists = delta.reasoning_details.or(delta.thinking_blocks);
                for piece in lists.into_iter().flat_map(|it| details(it.get())) {
                    self.structured = true;
                    self.piece(Flow::Reasoning, piece, sink);
                }
            }
        }
        if let Some(list) = delta.reasoning_details {
            self.gather(list, sink);
        }
        if let Some(annotations) = delta.annotations {
            self.citations.extend(citations(annotations.get()));
        }
        match delta.content {
            Some(content) if content.get().starts_with('[') => self.parts(content.get(), sink),
            Some(content) => {
                if let Some(content) = text(content).filter(|it| !it.is_empty()) {
                    self.piece(Flow::Text, content, sink);
                }
            }
            None => {}
        }
        if let Some(refusal) = delta.refusal.and_then(text) {
            self.flow(Flow::Refusal, refusal, sink);
        }
        let legacy = delta.function_call.clone().map(chat::CallPiece::of);
        for piece in delta.tool_calls.iter().flatten().chain(&legacy) {
            self.end_prose(sink);
            self.substance = true;
            self.calls
                .piece(piece, &mut self.next, sink)
                .map_err(|what| self.fault(Class::Upstream, what))?;
        }
        for field in &delta.extra {
            self.note_unknown(field.name.as_str(), field.json.get(), sink);
        }
        Ok(())
    }

    /// The fields in which the dialect's thoughts arrive, the preferred one first.
    fn listed<'a>(&self, delta: &Delta<'a>) -> impl Iterator<Item = &'a RawValue> + use<'a, '_> {
        let thoughts = thoughts(delta);
        let listed = self.dialect.reasoning_out.fields.iter();
        listed.filter_map(move |field| thoughts.iter().find(|(it, _)| it == field)?.1)
    }

    /// The one text of a chunk that brings nothing else.
    fn only_text<'a>(&self, chunk: &Chunk<'a>) -> Option<(&'a RawValue, Flow)> {
        let choice = chunk.choice.as_ref()?;
        let delta = choice.delta.as_ref()?;
        let lists = [delta.reasoning_details, delta.thinking_blocks, delta.annotations];
        let calls = delta.tool_calls.is_some() || delta.function_call.is_some();
        if choice.finish_reason.is_some() || calls || lists.iter().any(Option::is_some) {
            return None;
        }
        let thoughts = thoughts(delta).map(|(_, thought)| thought);
        let texts = [delta.content, delta.refusal].into_iter().chain(thoughts).flatten();
        let mut texts = texts.filter(|raw| raw.get() != "\"\"");
        let (leaf, None) = (texts.next()?, texts.next()) else { return None };
        let is = |field: Option<&RawValue>| field.is_some_and(|it| std::ptr::eq(it, leaf));
        let open = self.open?.flow;
        // Text may still be looked at for tags, and a thought may stand in a field that is not read.
        let flow = match open {
            Flow::Text if is(delta.content) && self.tags.is_past() => Flow::Text,
            Flow::Reasoning if self.structured && self.listed(delta).any(|it| is(Some(it))) => {
                Flow::Reasoning
            }
            Flow::Text | Flow::Reasoning | Flow::Refusal => return None,
        };
        leaf.get().starts_with('"').then_some((leaf, flow))
    }

    /// Takes what is new in a piece.
    fn piece(&mut self, flow: Flow, text: Text<'_>, sink: &mut dyn Sink) {
        let fresh = match flow {
            Flow::Text => self.said.fresh(text),
            Flow::Reasoning => self.thought.fresh(text),
            Flow::Refusal => Some(text),
        };
        match fresh {
            Some(text) if flow == Flow::Text => self.content(text, sink),
            Some(text) => self.flow(flow, text, sink),
            None => {}
        }
    }

    /// Keeps what the upstream recognises its thought by; it belongs to a thought, be it without words.
    fn gather(&mut self, list: &RawValue, sink: &mut dyn Sink) {
        let Some(details) = &mut self.details else { return };
        if !details.add(list.get()) {
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

    /// Content in parts: prose, and thought of its own kind (Mistral).
    fn parts(&mut self, json: &str, sink: &mut dyn Sink) {
        for (thought, piece) in content_parts(json) {
            self.flow(if thought { Flow::Reasoning } else { Flow::Text }, piece, sink);
        }
    }

    fn flow(&mut self, flow: Flow, text: Text<'_>, sink: &mut dyn Sink) {
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
        self.close_prose(sink);
        let index = Index(self.next);
        self.next += 1;
        self.open = Some(Open { index, flow });
        self.substance = true;
        let kind = match flow {
            Flow::Text => Kind::Text,
            Flow::Refusal => Kind::Refusal,
            Flow::Reasoning => Kind::Reasoning,
        };
        sink.event(Event::Open { index, kind });
        index
    }

    fn cite(&mut self, index: Index, sink: &mut dyn Sink) {
        for (url, title) in self.citations.drain(..) {
            let attachment = Attachment::Citation { url: url.into(), title: title.into() };
            sink.event(Event::Attach { index, attachment });
        }
    }

    /// Ends the prose; what may still have become a tag is text.
    fn end_prose(&mut self, sink: &mut dyn Sink) {
        for piece in self.tags.finish() {
            self.tagged(piece, sink);
        }
        self.close_prose(sink);
    }

    fn close_prose(&mut self, sink: &mut dyn Sink) {
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

    /// The upstream says why it stopped.
    fn stopped(&mut self, reason: &str, sink: &mut dyn Sink) -> Result<(), Fault> {
        let stop = match self.dialect.stream.finish_map.get(reason) {
            Some(Finish::Stop) => Stop::Complete,
            Some(Finish::Length) => Stop::Length,
            Some(Finish::ToolCalls) => Stop::ToolUse,
            Some(Finish::ContentFilter) => Stop::Filtered,
            Some(Finish::Error(class)) => {
                let what = format!("{} stopped with the reason `{reason}`", self.provider);
                return Err(self.fault(*class, what));
            }
            None => {
                let what = format!("finish_reason {reason}");
                sink.event(Event::Note(Note::new(NoteKind::Unknown, what)));
                unknown_stop(reason).ok_or_else(|| {
                    let what = format!("{} stopped with the reason `{reason}`", self.provider);
                    self.fault(Class::Upstream, what)
                })?
            }
        };
        self.stop = Some(stop);
        self.settle(stop, sink)
    }

    /// Closes what is whole and drops what was cut.
    fn settle(&mut self, stop: Stop, sink: &mut dyn Sink) -> Result<(), Fault> {
        if let Some(Open { index, flow: Flow::Text }) = self.open {
            self.cite(index, sink);
        }
        self.end_prose(sink);
        let cut = matches!(stop, Stop::Length | Stop::Filtered);
        let settled = self.calls.settle(cut, &mut self.next, sink);
        settled.map_err(|what| self.fault(Class::ToolGenerationFailed, what))
    }

    fn end(&mut self, sink: &mut dyn Sink) -> Result<(), Fault> {
        if self.phase == Phase::Over {
            return Ok(());
        }
        let stop = match self.stop {
            Some(Stop::Complete) if self.calls.any() => Stop::ToolUse,
            Some(stop) => stop,
            None => return Err(self.interrupted()),
        };
        // Some say why they stop and then go on.
        self.settle(stop, sink)?;
        let usage = self.usage.as_deref().and_then(|json| usage::read(json, &self.dialect.usage));
        if stop == Stop::Length && !self.substance && usage.is_none_or(|it| it.output == 0) {
            let what = format!(
                "the conversation does not fit into the context window of {}'s model",
                self.provider
            );
            return Err(self.fault(Class::ContextLength, what));
        }
        for (url, _) in mem::take(&mut self.citations) {
            sink.event(Event::Note(Note::new(
                NoteKind::Dropped,
                format!("citation without text {url}"),
            )));
        }
        self.phase = Phase::Over;
        sink.event(Event::End { stop, usage });
        Ok(())
    }

    /// `[DONE]`: some servers say nothing else about the end.
    fn done(&mut self, sink: &mut dyn Sink) -> Result<(), Fault> {
        if self.stop.is_none() {
            if self.phase == Phase::Fresh || self.calls.unfinished() {
                return Err(self.interrupted());
            }
            self.stop = Some(Stop::Complete);
        }
        self.end(sink)
    }

    fn keep_usage(&mut self, json: &str) {
        // Placeholders of zeros and nulls come with every chunk of some servers.
        if usage::is_meant(json) {
            let kept = self.usage.get_or_insert_default();
            kept.clear();
            kept.push_str(json);
        }
    }

    fn note_unknown(&mut self, name: &str, json: &str, sink: &mut dyn Sink) {
        let empty = matches!(json, "null" | "\"\"" | "[]" | "{}" | "false");
        if empty || self.unknown.len() >= MAX_UNKNOWN || self.unknown.iter().any(|it| it == name) {
            return;
        }
        self.unknown.push(name.to_owned());
        sink.event(Event::Note(Note::new(NoteKind::Unknown, format!("delta.{name}"))));
    }

    fn refusal(&self, json: &str) -> Fault {
        broken::refusal(&self.dialect, &self.provider, json)
    }

    fn interrupted(&self) -> Fault {
        broken::interrupted(&self.provider, self.phase != Phase::Fresh)
    }

    fn fault(&self, class: Class, what: impl Into<String>) -> Fault {
        Fault::new(class, what).by(&self.provider)
    }
}

/// How many unknown fields of one answer are told.
const MAX_UNKNOWN: usize = 8;

impl Decode for Decoder {
    fn frame(&mut self, frame: Frame<'_>, sink: &mut dyn Sink) -> Result<(), Fault> {
        // What some upstreams append to a finished answer (a second usage, a trace id) is not ours.
        if self.phase == Phase::Over {
            return Ok(());
        }
        let data = frame.data.trim();
        // Data may come in several lines, and a client's frame has one; a line cannot end in a string.
        let joined = match &self.lane {
            Some(_) if memchr::memchr(b'\n', data.as_bytes()).is_some() => data.replace('\n', " "),
            _ => String::new(),
        };
        let data = if joined.is_empty() { data } else { &joined };
        if data == "[DONE]" {
            self.done(sink)?;
            if self.lane.is_some() {
                Lane::plain(frame.event, data, sink);
            }
            return Ok(());
        }
        if data.is_empty() {
            return Ok(());
        }
        if frame.event == "error" {
            return Err(self.refusal(data));
        }
        if let Some((flow, text)) = self.alike.text(data) {
            self.piece(flow, Text::Json(text.into()), sink);
            if let Some(lane) = &self.lane {
                lane.alike(frame.event, data, self.alike.start(), sink);
            }
            return Ok(());
        }
        let chunk = match chat::read(data) {
            Ok(chunk) => chunk,
            // A piece of the answer is lost, and what would be left may look whole.
            Err(error) if data.starts_with('{') => {
                let what = format!("{} sent an event that does not parse: {error}", self.provider);
                return Err(self.fault(Class::Upstream, what));
            }
            // Greetings and keep-alives of relays.
            Err(_) => {
                if self.phase == Phase::Begun {
                    sink.event(Event::Note(Note::new(NoteKind::Unknown, "event that is no JSON")));
                }
                return Ok(());
            }
        };
        self.chunk(&chunk, data, sink)?;
        if let Some(choice) = &chunk.choice {
            self.choice(choice, sink)?;
        }
        match self.only_text(&chunk) {
            Some((leaf, flow)) => self.alike.learn(data, leaf.get(), flow),
            None => self.alike.forget(),
        }
        if let Some(lane) = &mut self.lane {
            lane.parsed(frame.event, data, &chunk, sink);
        }
        Ok(())
    }

    fn whole(&mut self, body: &str, sink: &mut dyn Sink) -> Result<(), Fault> {
        let chunk = chat::read(body)
            .map_err(|error| broken::unreadable(&self.dialect, &self.provider, body, &error))?;
        self.chunk(&chunk, body, sink)?;
        let Some(choice) = &chunk.choice else {
            let what = format!("{}'s answer holds no choice", self.provider);
            return Err(self.fault(Class::Upstream, what));
        };
        self.choice(choice, sink)?;
        self.done(sink)?;
        if let Some(lane) = &mut self.lane {
            lane.parsed("", body, &chunk, sink);
        }
        Ok(())
    }

    fn finish(&mut self, sink: &mut dyn Sink) -> Result<(), Fault> {
        self.end(sink)
    }

    fn is_over(&self) -> bool {
        self.phase == Phase::Over
    }
}

/// Every field in which some server sends its thoughts.
fn thoughts<'a>(delta: &Delta<'a>) -> [(ReasoningField, Option<&'a RawValue>); 3] {
    [
        (ReasoningField::ReasoningContent, delta.reasoning_content),
        (ReasoningField::Reasoning, delta.reasoning),
        (ReasoningField::ReasoningText, delta.reasoning_text),
    ]
}
