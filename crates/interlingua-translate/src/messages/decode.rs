use std::sync::Arc;

use interlingua_dialect::{Dialect, Finish};
use interlingua_ir::{Class, Event, Fault, Note, NoteKind, Piece, Sink, Stop, Text};
use interlingua_protocol::messages::{self, Answer, AnswerBlock, Delta, StreamEvent};
use interlingua_protocol::sse::Frame;
use serde_json::value::RawValue;

use super::blocks::{BlockKind, Blocks, Broken, is_error, text};
use super::lane;
use super::usage::Tally;
use crate::alike::{Alike, Gap, Next};
use crate::broken;
use crate::lane::{Marks, pass, pass_lines};
use crate::pipe::Decode;
use crate::stops::unknown_stop;

/// Reads an answer of the Messages protocol, in pieces or whole, from any server that claims to speak
/// it.
///
/// ```text
///        message_start          content_block_start / _delta / _stop
/// Fresh ───────────────▶ Begun ─────────────────────────────────────▶ Begun
///                          │ message_delta: why it stopped, what it cost
///                          ▼
///                        Begun ──message_stop──▶ Over
/// ```
///
/// The protocol has brackets of its own, and they are kept, but for two things: a block that says
/// nothing becomes no item, and a call that may have been cut is closed or dropped only when the
/// upstream tells why it stopped. A stream without `message_stop` is a fault: half an answer must
/// never look like a whole one.
#[derive(Debug)]
pub struct Decoder {
    dialect: Arc<Dialect>,
    provider: String,
    phase: Phase,
    blocks: Blocks,
    alike: Alike<usize>,
    tally: Tally,
    stop: Option<Stop>,
    verbatim: bool,
    unknown: Vec<String>,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Phase {
    /// Nothing of the answer has arrived.
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
        Self {
            dialect,
            provider: provider.to_owned(),
            phase: Phase::Fresh,
            blocks: Blocks::new(seed),
            alike: Alike::new(),
            tally: Tally::default(),
            stop: None,
            verbatim: false,
            unknown: Vec::new(),
        }
    }

    /// Sends every frame on after the events that it means, for a client of the same protocol.
    ///
    /// A thought that the upstream has not signed gets a place for a signature, an empty
    /// [`Piece::Opaque`]: clients forget thoughts that have none.
    #[must_use]
    pub fn verbatim(mut self) -> Self {
        self.verbatim = true;
        self
    }

    fn event(
        &mut self,
        kind: &str,
        event: &StreamEvent<'_>,
        frame: Frame<'_>,
        sink: &mut dyn Sink,
    ) -> Result<(), Fault> {
        match kind {
            "message_start" => {
                if let Some(answer) = &event.message {
                    self.begin(answer, sink);
                }
            }
            "content_block_start" => self.block_start(event, sink)?,
            "content_block_delta" => self.block_delta(event, frame, sink)?,
            "content_block_stop" => {
                if let Some(at) = self.blocks.find(event.index) {
                    self.block_stop(at, event.index, sink);
                }
            }
            "message_delta" => {
                if let Some(usage) = event.usage {
                    self.tally.add(usage.get());
                }
                if let Some(reason) = event.delta.as_ref().and_then(|it| it.stop_reason) {
                    self.stopped(reason, sink)?;
                }
            }
            "message_stop" => self.end(sink)?,
            "ping" => {}
            _ if is_error(&self.dialect, frame.data) => return Err(self.refusal(frame.data)),
            other => self.note_unknown(&format!("event {other}"), sink),
        }
        Ok(())
    }

    fn begin(&mut self, answer: &Answer<'_>, sink: &mut dyn Sink) {
        if let Some(usage) = answer.usage {
            self.tally.add(usage.get());
        }
        if self.phase != Phase::Fresh {
            return;
        }
        self.phase = Phase::Begun;
        let name = |raw: Option<&RawValue>| {
            raw.and_then(text).map_or(String::new(), |it| it.to_plain().into_owned())
        };
        sink.event(Event::Begin { id: name(answer.id).into(), model: name(answer.model).into() });
    }

    fn block_start(&mut self, event: &StreamEvent<'_>, sink: &mut dyn Sink) -> Result<(), Fault> {
        let Some(block) = &event.content_block else {
            let what = format!("{} began a block that is none", self.provider);
            return Err(self.fault(Class::Upstream, what));
        };
        self.block(event.index, block, sink).map(|_| ())
    }

    /// Begins a block; one that is only for clients of this protocol is told to others.
    fn block(
        &mut self,
        index: Option<&RawValue>,
        block: &AnswerBlock<'_>,
        sink: &mut dyn Sink,
    ) -> Result<usize, Fault> {
        self.begin(&Answer::default(), sink);
        let at = self.blocks.start(index, block, sink);
        let at = at.map_err(|broken| self.broken(broken))?;
        if self.blocks.kind(at) == BlockKind::Other {
            let kind = block.kind.as_ref().map_or("without a type", |it| it.as_str());
            self.note_unknown(&format!("block {kind}"), sink);
            return Ok(at);
        }
        for field in &block.extra {
            self.note_unknown(&format!("block.{}", field.name.as_str()), sink);
        }
        Ok(at)
    }

    fn block_delta(
        &mut self,
        event: &StreamEvent<'_>,
        frame: Frame<'_>,
        sink: &mut dyn Sink,
    ) -> Result<(), Fault> {
        let Some(delta) = &event.delta else { return Ok(()) };
        self.begin(&Answer::default(), sink);
        let kind = delta.kind.as_ref().map_or("", |it| it.as_str());
        let of = match kind {
            "text_delta" | "citations_delta" => BlockKind::Text,
            "thinking_delta" | "signature_delta" => BlockKind::Thinking,
            "input_json_delta" => BlockKind::Call,
            other => {
                self.note_unknown(&format!("delta {other}"), sink);
                return Ok(());
            }
        };
        let at = match self.blocks.find(event.index) {
            Some(at) => at,
            None if of == BlockKind::Call => {
                let what = "the model called a tool without naming it";
                return Err(self.broken((Class::ToolGenerationFailed, what)));
            }
            None => {
                let at = self.blocks.implied(event.index, of);
                at.map_err(|broken| self.broken(broken))?
            }
        };
        match (self.blocks.kind(at), of) {
            // The input of a tool that the upstream runs itself.
            (BlockKind::Other, _) => return Ok(()),
            (own, of) if own != of => {
                let what = "a piece that does not belong to its block";
                sink.event(Event::Note(Note::new(NoteKind::Dropped, what)));
                return Ok(());
            }
            _ => {}
        }
        self.piece(kind, at, delta, sink)?;
        // A text is all that most pieces differ in.
        let leaf = match kind {
            "text_delta" => delta.text,
            "thinking_delta" => delta.thinking,
            _ => None,
        };
        match leaf.filter(|it| delta.extra.is_empty() && it.get().len() > 2) {
            Some(leaf) => self.alike.learn(frame, &[(Gap::Text, Some(leaf))], at),
            None => self.alike.forget(),
        }
        Ok(())
    }

    fn piece(
        &mut self,
        kind: &str,
        at: usize,
        delta: &Delta<'_>,
        sink: &mut dyn Sink,
    ) -> Result<(), Fault> {
        match kind {
            "text_delta" => self.blocks.say(at, delta.text.and_then(text), sink),
            "citations_delta" => self.blocks.cite(at, delta.citation, sink),
            "thinking_delta" => self.blocks.say(at, delta.thinking.and_then(text), sink),
            "signature_delta" => self.blocks.sign(at, delta.signature, sink),
            _ => {
                let input = delta.partial_json.and_then(text);
                let taken = self.blocks.input(at, input, sink);
                taken.map_err(|broken| self.broken(broken))?;
            }
        }
        for field in &delta.extra {
            self.note_unknown(&format!("delta.{}", field.name.as_str()), sink);
        }
        Ok(())
    }

    fn block_stop(&mut self, at: usize, index: Option<&RawValue>, sink: &mut dyn Sink) {
        if self.verbatim && self.blocks.lacks_signature(at) {
            let index = index.map_or("0", RawValue::get);
            let before = format!(
                r#"{{"type":"content_block_delta","index":{index},"delta":{{"type":"signature_delta","signature":""#
            );
            let pieces = vec![
                Piece::Json(before.into()),
                Piece::Opaque("".into()),
                Piece::Json("\"}}".into()),
            ];
            pass("content_block_delta", &pieces, sink);
        }
        self.blocks.stop(at, sink);
    }

    /// The upstream says why it stopped.
    fn stopped(&mut self, reason: &RawValue, sink: &mut dyn Sink) -> Result<(), Fault> {
        let Some(reason) = text(reason).filter(|it| !it.is_empty()) else { return Ok(()) };
        let reason = reason.to_plain();
        let failed = |class| {
            let what = format!("{} stopped with the reason `{reason}`", self.provider);
            self.fault(class, what)
        };
        let stop = match self.dialect.stream.finish_map.get(&*reason) {
            Some(Finish::Stop) => Stop::Complete,
            Some(Finish::Length) => Stop::Length,
            Some(Finish::ToolCalls) => Stop::ToolUse,
            Some(Finish::ContentFilter) => Stop::Filtered,
            // A client of this protocol knows what to do with an answer that fills the window.
            Some(Finish::Error(Class::ContextLength)) if self.verbatim && self.blocks.any() => {
                Stop::Length
            }
            Some(Finish::Error(class)) => return Err(failed(*class)),
            None => {
                let stop = unknown_stop(&reason).ok_or_else(|| failed(Class::Upstream))?;
                self.note_unknown(&format!("stop_reason {reason}"), sink);
                stop
            }
        };
        if reason == "pause_turn" && !self.verbatim {
            sink.event(Event::Note(Note::new(NoteKind::Changed, "a paused answer to a whole one")));
        }
        self.begin(&Answer::default(), sink);
        self.stop = Some(stop);
        self.settle(stop, sink);
        Ok(())
    }

    /// Closes what is whole and drops what was cut.
    fn settle(&mut self, stop: Stop, sink: &mut dyn Sink) {
        self.blocks.settle(matches!(stop, Stop::Length | Stop::Filtered), sink);
    }

    fn end(&mut self, sink: &mut dyn Sink) -> Result<(), Fault> {
        if self.phase == Phase::Over {
            return Ok(());
        }
        let stop = match self.stop {
            Some(Stop::Complete) if self.blocks.any_call() => Stop::ToolUse,
            Some(stop) => stop,
            // It says that it is over, and not why.
            None if self.phase == Phase::Fresh || self.blocks.unfinished() => {
                return Err(self.interrupted());
            }
            None if self.blocks.any_call() => Stop::ToolUse,
            None => Stop::Complete,
        };
        // Some say why they stop and then go on.
        self.settle(stop, sink);
        let usage = self.tally.usage(&self.dialect.usage);
        if stop == Stop::Length && !self.blocks.any() && usage.is_none_or(|it| it.output == 0) {
            let what = format!(
                "the conversation does not fit into the context window of {}'s model",
                self.provider
            );
            return Err(self.fault(Class::ContextLength, what));
        }
        self.phase = Phase::Over;
        sink.event(Event::End { stop, usage });
        Ok(())
    }

    /// What no other protocol has a word for, told once. It goes on in the lane.
    fn note_unknown(&mut self, what: &str, sink: &mut dyn Sink) {
        let told = self.unknown.len() >= MAX_UNKNOWN || self.unknown.iter().any(|it| it == what);
        if self.verbatim || told || self.phase == Phase::Fresh {
            return;
        }
        self.unknown.push(what.to_owned());
        sink.event(Event::Note(Note::new(NoteKind::Unknown, what)));
    }

    fn refusal(&self, json: &str) -> Fault {
        broken::refusal(&self.dialect, &self.provider, json)
    }

    fn broken(&self, (class, what): Broken) -> Fault {
        self.fault(class, what)
    }

    fn interrupted(&self) -> Fault {
        broken::interrupted(&self.provider, self.phase != Phase::Fresh)
    }

    fn fault(&self, class: Class, what: impl Into<String>) -> Fault {
        Fault::new(class, what).by(&self.provider)
    }
}

/// How many unknown things of one answer are told.
const MAX_UNKNOWN: usize = 8;

/// The lines before the data of an event that brings a piece of a block.
const NAMED_HEAD: &str = "event: content_block_delta\ndata: ";

impl Decode for Decoder {
    fn frame(&mut self, frame: Frame<'_>, sink: &mut dyn Sink) -> Result<(), Fault> {
        // What some upstreams append to a finished answer is not ours.
        if self.phase == Phase::Over {
            return Ok(());
        }
        let data = frame.data.trim();
        if data.is_empty() {
            return Ok(());
        }
        if data == "[DONE]" {
            self.end(sink)?;
            if self.verbatim {
                pass("message_stop", &[Piece::Json(r#"{"type":"message_stop"}"#.into())], sink);
            }
            return Ok(());
        }
        if let Some((at, text)) = self.alike.text(data) {
            self.blocks.say(at, Some(Text::Json(text.into())), sink);
            if self.verbatim {
                pass("content_block_delta", &[Piece::Json(data.into())], sink);
            }
            return Ok(());
        }
        self.alike.forget();
        let event = match messages::read_event(data) {
            Ok(event) => event,
            Err(_) if frame.event == "error" => return Err(self.refusal(data)),
            // A piece of the answer is lost, and what would be left may look whole.
            Err(error) if data.starts_with('{') => {
                let what = format!("{} sent an event that does not parse: {error}", self.provider);
                return Err(self.fault(Class::Upstream, what));
            }
            // Greetings and keep-alives of relays.
            Err(_) => {
                self.note_unknown("event that is no JSON", sink);
                return Ok(());
            }
        };
        let kind = event.kind.as_ref().map_or(frame.event, |it| it.as_str());
        if event.error.is_some_and(failed) || kind == "error" || frame.event == "error" {
            return Err(self.refusal(data));
        }
        self.event(kind, &event, Frame { data, ..frame }, sink)?;
        if self.verbatim {
            let mut marks = Marks::new(data);
            lane::event(&event, &self.blocks, &mut marks);
            marks.pass(kind, sink);
        }
        Ok(())
    }

    fn run(&mut self, stream: &[u8], sink: &mut dyn Sink) -> Result<usize, Fault> {
        // A client sees events with names, which some upstreams leave out.
        if self.verbatim && self.alike.head() != NAMED_HEAD {
            return Ok(0);
        }
        let mut run = self.alike.run(stream);
        for Next { kind: at, text, .. } in run.by_ref() {
            self.blocks.say(at, Some(Text::Json(text.into())), sink);
        }
        if self.verbatim {
            pass_lines(run.count, &[Piece::Json(run.lines())], sink);
        }
        Ok(run.taken)
    }

    fn whole(&mut self, body: &str, sink: &mut dyn Sink) -> Result<(), Fault> {
        let answer = messages::read_answer(body)
            .map_err(|error| broken::unreadable(&self.dialect, &self.provider, body, &error))?;
        let kind = answer.kind.as_ref().map_or("", |it| it.as_str());
        if kind == "error" || answer.error.is_some_and(failed) {
            return Err(self.refusal(body));
        }
        let Some(content) = &answer.content else {
            if is_error(&self.dialect, body) {
                return Err(self.refusal(body));
            }
            let what = format!("{}'s answer holds no content", self.provider);
            return Err(self.fault(Class::Upstream, what));
        };
        self.begin(&answer, sink);
        let mut marks = Marks::new(body);
        lane::answer(&answer, &mut marks);
        for block in content {
            let at = self.block(None, block, sink)?;
            if self.verbatim {
                lane::whole_block(block, at, &self.blocks, &mut marks);
            }
            self.blocks.stop(at, sink);
        }
        if let Some(reason) = answer.stop_reason {
            self.stopped(reason, sink)?;
        }
        self.end(sink)?;
        if self.verbatim {
            marks.pass("", sink);
        }
        Ok(())
    }

    fn finish(&mut self, _sink: &mut dyn Sink) -> Result<(), Fault> {
        if self.phase == Phase::Over { Ok(()) } else { Err(self.interrupted()) }
    }

    fn is_over(&self) -> bool {
        self.phase == Phase::Over
    }
}

/// Whether the value of `error` tells of one.
fn failed(error: &RawValue) -> bool {
    !matches!(error.get(), "null" | "\"\"" | "false")
}
