use std::sync::Arc;

use interlingua_dialect::{Carrier, Dialect, Finish, ReasoningField};
use interlingua_ir::{Class, Event, Fault, Note, NoteKind, Sink, Stop, Text};
use interlingua_protocol::chat::{self, Choice, Chunk, Delta};
use interlingua_protocol::sse::Frame;
use serde_json::value::RawValue;

use super::calls::Calls;
use super::lane::{Lane, pieces};
use super::leaves::{citations, content_parts, details, is_error, text};
use super::prose::{Flow, Prose};
use super::usage;
use crate::alike::{Alike, Gap, Next};
use crate::broken;
use crate::lane::pass_lines;
use crate::pipe::Decode;
use crate::stops::unknown_stop;

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
    prose: Prose,
    calls: Calls,
    /// A piece of a call has come.
    called: bool,
    alike: Alike<Flow>,
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

impl Decoder {
    /// Makes a decoder for an upstream that speaks `dialect`.
    ///
    /// `provider` is named in faults. `seed` makes the ids unique that the upstream forgets to give
    /// to its calls; it has to differ from answer to answer.
    pub fn new(dialect: Arc<Dialect>, provider: &str, seed: &str) -> Self {
        let signed = dialect.replay.carrier == Carrier::ToolCallExtraContent;
        Self {
            prose: Prose::new(&dialect),
            calls: Calls::new(seed, signed),
            called: false,
            dialect,
            provider: provider.to_owned(),
            phase: Phase::Fresh,
            alike: Alike::new(),
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
            Some(thought) => self.prose.piece(Flow::Reasoning, thought, sink),
            None => {
                let lists = delta.reasoning_details.or(delta.thinking_blocks);
                for piece in lists.into_iter().flat_map(|it| details(it.get())) {
                    self.prose.piece(Flow::Reasoning, piece, sink);
                }
            }
        }
        if let Some(list) = delta.reasoning_details {
            self.prose.gather(list.get(), sink);
        }
        if let Some(annotations) = delta.annotations {
            self.prose.cites(citations(annotations.get()));
        }
        match delta.content {
            // Prose in parts, and thoughts as parts of their own kind.
            Some(content) if content.get().starts_with('[') => {
                for (thought, piece) in content_parts(content.get()) {
                    let flow = if thought { Flow::Reasoning } else { Flow::Text };
                    self.prose.flow(flow, piece, sink);
                }
            }
            Some(content) => {
                if let Some(content) = text(content).filter(|it| !it.is_empty()) {
                    self.prose.piece(Flow::Text, content, sink);
                }
            }
            None => {}
        }
        if let Some(refusal) = delta.refusal.and_then(text) {
            self.prose.flow(Flow::Refusal, refusal, sink);
        }
        let legacy = delta.function_call.clone().map(chat::CallPiece::of);
        for piece in delta.tool_calls.iter().flatten().chain(&legacy) {
            self.prose.end(sink);
            self.called = true;
            self.calls
                .piece(piece, &mut self.prose.next, sink)
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
        let flow = self.prose.settled()?;
        let goes_on = match flow {
            Flow::Text => is(delta.content),
            // A thought may stand in a field that is not read.
            Flow::Reasoning => self.listed(delta).any(|it| is(Some(it))),
            Flow::Refusal => false,
        };
        (goes_on && leaf.get().starts_with('"')).then_some((leaf, flow))
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
        self.prose.settle(sink);
        let cut = matches!(stop, Stop::Length | Stop::Filtered);
        let settled = self.calls.settle(cut, &mut self.prose.next, sink);
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
        let substance = self.prose.begun || self.called;
        if stop == Stop::Length && !substance && usage.is_none_or(|it| it.output == 0) {
            let what = format!(
                "the conversation does not fit into the context window of {}'s model",
                self.provider
            );
            return Err(self.fault(Class::ContextLength, what));
        }
        for (url, _) in self.prose.uncited() {
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
            self.prose.piece(flow, Text::Json(text.into()), sink);
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
            Some((leaf, flow)) => {
                self.alike.learn(Frame { data, ..frame }, &[(Gap::Text, Some(leaf))], flow);
            }
            None => self.alike.forget(),
        }
        if let Some(lane) = &mut self.lane {
            lane.parsed(frame.event, data, &chunk, sink);
        }
        Ok(())
    }

    fn run(&mut self, stream: &[u8], sink: &mut dyn Sink) -> Result<usize, Fault> {
        let (mut run, mut marks) = (self.alike.run(stream), Vec::new());
        for Next { kind: flow, text, json } in run.by_ref() {
            self.prose.piece(flow, Text::Json(text.into()), sink);
            if let Some(lane) = &self.lane {
                marks.extend(lane.marks(json, self.alike.start()));
            }
        }
        if self.lane.is_some() {
            pass_lines(run.count, &pieces(&run.lines(), marks.into_iter()), sink);
        }
        Ok(run.taken)
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
