use std::borrow::Cow;
use std::sync::Arc;

use interlingua_dialect::Dialect;
use interlingua_ir::{Class, Event, Fault, NoteKind, Piece, Sink, Stop, Text};
use interlingua_protocol::json;
use interlingua_protocol::responses::{self as wire, Answer, OutputItem};
use interlingua_protocol::sse::Frame;
use serde::Deserialize;
use serde_json::value::RawValue;

use crate::alike::{Alike, Gap, Next};
use crate::broken;
use crate::lane::{Marks, pass, pass_lines};
use crate::pipe::Decode;

mod call;
mod heard;
mod items;
mod lane;
mod leaves;
mod out;
mod prose;
mod thought;
mod usage;

use heard::Channel;
use items::{Going, Items, Spot};
use out::Trouble;

/// Reads a Responses answer, in events or whole, from any server that claims to speak it.
///
/// Responses has brackets of its own, and says everything several times: in pieces, when a part is
/// done, when the item is done, and when the answer is. The decoder takes whichever comes first and
/// only what is new of the rest, so that events may be missing.
///
/// ```text
///        any event about the answer or an item        completed, incomplete
/// Fresh ─────────────────────────────────────▶ Begun ───────────────────────▶ Over
/// ```
///
/// A stream without a terminal event is a fault, `[DONE]` or not: half an answer must never look like
/// a whole one.
#[derive(Debug)]
pub struct Decoder {
    dialect: Arc<Dialect>,
    provider: String,
    phase: Phase,
    items: Items,
    alike: Alike<Going>,
    verbatim: bool,
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
        Self {
            dialect,
            provider: provider.to_owned(),
            phase: Phase::Fresh,
            items: Items::new(seed),
            alike: Alike::new(),
            verbatim: false,
        }
    }

    /// Lets each frame follow the events that it means, for a client that speaks Responses, too.
    /// Nothing is lost on that way, so that nothing is noted.
    #[must_use]
    pub fn verbatim(mut self) -> Self {
        self.verbatim = true;
        self.items.out.quiet = true;
        self
    }

    fn event(
        &mut self,
        kind: &str,
        data: &str,
        event: &wire::Event<'_>,
        inner: &Inner<'_>,
        sink: &mut dyn Sink,
    ) -> Result<(), Fault> {
        let Some(stage) = Stage::of(kind) else { return self.unknown(kind, data, event, sink) };
        match stage {
            Stage::Idle => return Ok(()),
            Stage::Error => return Err(self.refusal(data)),
            Stage::Failed => return Err(self.failed(kind, inner, data)),
            Stage::Answer | Stage::End => {
                let none = Answer::default();
                let answer = match &inner.answer {
                    Some(Ok(answer)) => answer,
                    Some(Err(error)) => return Err(self.unreadable(error)),
                    None => &none,
                };
                self.begin(answer, sink);
                if stage == Stage::End {
                    let cut = kind == "response.incomplete";
                    return self.ended(answer, cut, data, sink);
                }
                return Ok(());
            }
            Stage::Added | Stage::Done | Stage::Piece(_) | Stage::Whole(_) | Stage::Part(_) => {}
            Stage::Source => {}
        }
        self.begin(&Answer::default(), sink);
        self.item_event(stage, event, inner, sink).map_err(|trouble| self.trouble(trouble))
    }

    fn item_event(
        &mut self,
        stage: Stage,
        event: &wire::Event<'_>,
        inner: &Inner<'_>,
        sink: &mut dyn Sink,
    ) -> Result<(), Trouble> {
        match stage {
            Stage::Added | Stage::Done => {
                let Some(Ok(item)) = &inner.item else {
                    return Err((Class::Upstream, "an item of the answer does not parse"));
                };
                let spot = Spot::of(event, Channel::Input);
                match stage {
                    Stage::Added => self.items.added(&spot, item, sink),
                    _ => self.items.done(&spot, item, sink),
                }
            }
            Stage::Piece(channel) => match event.delta.and_then(|it| Text::from_json(it.get())) {
                Some(piece) => self.items.piece(&Spot::of(event, channel), channel, piece, sink),
                None => Ok(()),
            },
            Stage::Whole(channel) => {
                let whole = event.text.or(event.refusal).or(event.arguments).or(event.input);
                match whole.and_then(|it| Text::from_json(it.get())) {
                    Some(whole) => {
                        self.items.whole(&Spot::of(event, channel), channel, &whole, sink)
                    }
                    None => Ok(()),
                }
            }
            Stage::Part(channel) => self.items.part(event, channel, sink),
            Stage::Source => {
                self.items.cite(event, sink);
                Ok(())
            }
            Stage::Idle | Stage::Error | Stage::Failed | Stage::Answer | Stage::End => Ok(()),
        }
    }

    /// An event that no rule knows: an error, a tool that the upstream runs, or news.
    fn unknown(
        &mut self,
        kind: &str,
        data: &str,
        event: &wire::Event<'_>,
        sink: &mut dyn Sink,
    ) -> Result<(), Fault> {
        if event.error.is_some_and(is_failure) {
            return Err(self.refusal(data));
        }
        let spot = Spot::of(event, Channel::Input);
        if self.phase == Phase::Begun && !self.items.is_other(&spot) {
            let what = format!("event {kind}");
            self.items.out.note_once(NoteKind::Unknown, &what, sink);
        }
        Ok(())
    }

    /// Remembers an event that brings the piece of a text and nothing else.
    fn learn(&mut self, frame: Frame<'_>, event: &wire::Event<'_>) {
        let going = match Stage::of(event.kind.as_str()) {
            Some(Stage::Piece(channel)) => self.items.going(&Spot::of(event, channel), channel),
            _ => None,
        };
        match going {
            Some(going) if event.response.is_none() && event.item.is_none() => {
                let leaves = [
                    (Gap::Text, event.delta),
                    (Gap::Number, event.sequence_number),
                    (Gap::Filling, event.obfuscation),
                ];
                self.alike.learn(frame, &leaves, going);
            }
            _ => self.alike.forget(),
        }
    }

    fn begin(&mut self, answer: &Answer<'_>, sink: &mut dyn Sink) {
        if self.phase == Phase::Fresh {
            self.phase = Phase::Begun;
            let name = |raw: Option<&RawValue>| {
                let text = raw.and_then(|it| Text::from_json(it.get()));
                text.map_or(String::new(), |it| it.to_plain().into_owned())
            };
            let (id, model) = (name(answer.id).into(), name(answer.model).into());
            sink.event(Event::Begin { id, model });
        }
    }

    /// The answer is over, well or cut.
    fn ended(
        &mut self,
        answer: &Answer<'_>,
        cut: bool,
        data: &str,
        sink: &mut dyn Sink,
    ) -> Result<(), Fault> {
        // Some say `completed` about an answer that their status calls otherwise.
        let status = answer.status.map_or("", RawValue::get);
        if matches!(status, "\"failed\"" | "\"cancelled\"") {
            return Err(self.failed_answer(status, answer, data));
        }
        let stop = match cut || status == "\"incomplete\"" {
            true => Some(cut_by(answer)),
            false => None,
        };
        let output = answer.output.as_deref().unwrap_or_default();
        self.items.listed(output, sink).map_err(|trouble| self.trouble(trouble))?;
        self.items.settle(stop.is_some(), sink);
        let usage = answer.usage.and_then(|it| usage::read(it.get()));
        if stop == Some(Stop::Length) && !self.items.any() && usage.is_some_and(|it| it.output == 0)
        {
            let what = format!(
                "the conversation does not fit into the context window of {}'s model",
                self.provider
            );
            return Err(self.fault(Class::ContextLength, what));
        }
        let done = if self.items.out.called { Stop::ToolUse } else { Stop::Complete };
        self.phase = Phase::Over;
        sink.event(Event::End { stop: stop.unwrap_or(done), usage });
        Ok(())
    }

    fn failed(&self, kind: &str, inner: &Inner<'_>, data: &str) -> Fault {
        let answer = inner.answer.as_ref().and_then(|it| it.as_ref().ok());
        self.failed_answer(kind, answer.unwrap_or(&Answer::default()), data)
    }

    /// What an answer failed of: its own error, told by the record's rules.
    fn failed_answer(&self, what: &str, answer: &Answer<'_>, data: &str) -> Fault {
        match answer.error.filter(|it| is_failure(it)) {
            Some(error) => self.refusal(&format!("{{\"error\":{}}}", error.get())),
            None if what.contains("cancelled") => {
                let what = format!("{} cancelled its answer", self.provider);
                self.fault(Class::Interrupted, what)
            }
            // Some put the error beside the answer.
            None => self.refusal(data),
        }
    }

    fn refusal(&self, json: &str) -> Fault {
        broken::refusal(&self.dialect, &self.provider, json)
    }

    fn interrupted(&self) -> Fault {
        broken::interrupted(&self.provider, self.phase != Phase::Fresh)
    }

    fn unreadable(&self, error: &serde_json::Error) -> Fault {
        let what = format!("{} sent an event that does not parse: {error}", self.provider);
        self.fault(Class::Upstream, what)
    }

    fn trouble(&self, (class, what): Trouble) -> Fault {
        self.fault(class, what)
    }

    fn fault(&self, class: Class, what: impl Into<String>) -> Fault {
        Fault::new(class, what).by(&self.provider)
    }
}

impl Decode for Decoder {
    fn frame(&mut self, frame: Frame<'_>, sink: &mut dyn Sink) -> Result<(), Fault> {
        let data = frame.data.trim();
        if self.phase == Phase::Over || data.is_empty() || data == "[DONE]" {
            return Ok(());
        }
        if let Some((going, text)) = self.alike.text(data) {
            let text = Text::Json(text.into());
            self.items.next(going, text, sink).map_err(|trouble| self.trouble(trouble))?;
            if self.verbatim {
                pass(frame.event, &[Piece::Json(data.into())], sink);
            }
            return Ok(());
        }
        // What goes on to the client has to be one line.
        let data = match memchr::memchr(b'\n', data.as_bytes()) {
            Some(_) if self.verbatim => Cow::Owned(json::compact(data)),
            _ => Cow::Borrowed(data),
        };
        let event = match wire::read_event(&data) {
            Ok(event) => event,
            // A piece of the answer is lost, and what would be left may look whole.
            Err(error) if data.starts_with('{') => return Err(self.unreadable(&error)),
            // Greetings and keep-alives of relays.
            Err(_) => {
                if self.phase == Phase::Begun {
                    let what = "event that is no JSON";
                    self.items.out.note_once(NoteKind::Unknown, what, sink);
                }
                return Ok(());
            }
        };
        let kind = if event.kind.as_str().is_empty() { frame.event } else { event.kind.as_str() };
        let inner = Inner::of(&event);
        self.event(kind, &data, &event, &inner, sink)?;
        self.learn(Frame { data: &data, ..frame }, &event);
        if self.verbatim {
            let mut marks = Marks::new(&data);
            lane::event(&inner, &mut marks);
            marks.pass(frame.event, sink);
        }
        Ok(())
    }

    fn run(&mut self, stream: &[u8], sink: &mut dyn Sink) -> Result<usize, Fault> {
        let (mut run, mut read) = (self.alike.run(stream), Ok(()));
        for Next { kind: going, text, .. } in run.by_ref() {
            read = self.items.next(going, Text::Json(text.into()), sink);
            if read.is_err() {
                break;
            }
        }
        if self.verbatim {
            pass_lines(run.count, &[Piece::Json(run.lines())], sink);
        }
        let taken = run.taken;
        read.map(|()| taken).map_err(|trouble| self.trouble(trouble))
    }

    fn whole(&mut self, body: &str, sink: &mut dyn Sink) -> Result<(), Fault> {
        let answer = wire::read_answer(body)
            .map_err(|error| broken::unreadable(&self.dialect, &self.provider, body, &error))?;
        let object = answer.object.map_or("", RawValue::get);
        if object == "\"error\"" || answer.error.is_some_and(is_failure) {
            return Err(self.failed_answer("", &answer, body));
        }
        match answer.status.map(RawValue::get) {
            None if answer.output.is_none() => {
                let what = format!("{}'s answer is no Responses answer", self.provider);
                return Err(self.fault(Class::Upstream, what));
            }
            None | Some("\"completed\"" | "\"incomplete\"" | "\"failed\"" | "\"cancelled\"") => {}
            Some(status) => {
                let what = format!("{} has not finished its answer: it is {status}", self.provider);
                return Err(self.fault(Class::Upstream, what));
            }
        }
        self.begin(&answer, sink);
        self.ended(&answer, false, body, sink)?;
        if self.verbatim {
            let mut marks = Marks::new(body);
            lane::answer(&answer, &mut marks);
            marks.pass("", sink);
        }
        Ok(())
    }

    fn finish(&mut self, _sink: &mut dyn Sink) -> Result<(), Fault> {
        match self.phase {
            Phase::Over => Ok(()),
            Phase::Fresh | Phase::Begun => Err(self.interrupted()),
        }
    }

    fn is_over(&self) -> bool {
        self.phase == Phase::Over
    }
}

/// What stands in an event and is read by itself.
struct Inner<'d> {
    answer: Option<serde_json::Result<Answer<'d>>>,
    item: Option<serde_json::Result<OutputItem<'d>>>,
}

impl<'d> Inner<'d> {
    fn of(event: &wire::Event<'d>) -> Self {
        Self {
            answer: event.response.map(|it| wire::read_answer(it.get())),
            item: event.item.map(|it| wire::read_item(it.get())),
        }
    }
}

/// What an event is about.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Stage {
    /// Nothing: a sign of life, or the announcement of what comes anyway.
    Idle,
    /// The answer as far as it has come.
    Answer,
    /// The whole answer.
    End,
    /// The answer failed.
    Failed,
    /// Something failed.
    Error,
    /// An item begins.
    Added,
    /// An item is complete.
    Done,
    /// The next piece of a text.
    Piece(Channel),
    /// All of a text.
    Whole(Channel),
    /// All of a part.
    Part(Channel),
    /// A source.
    Source,
}

impl Stage {
    fn of(kind: &str) -> Option<Self> {
        Some(match kind {
            "response.output_text.delta" => Self::Piece(Channel::Text),
            "response.function_call_arguments.delta" | "response.custom_tool_call_input.delta" => {
                Self::Piece(Channel::Input)
            }
            "response.reasoning_summary_text.delta" => Self::Piece(Channel::Summary),
            // The second name is Open Responses' own.
            "response.reasoning_text.delta" | "response.reasoning.delta" => {
                Self::Piece(Channel::Raw)
            }
            "response.refusal.delta" => Self::Piece(Channel::Refusal),
            "response.output_text.done" => Self::Whole(Channel::Text),
            "response.function_call_arguments.done" | "response.custom_tool_call_input.done" => {
                Self::Whole(Channel::Input)
            }
            "response.reasoning_summary_text.done" => Self::Whole(Channel::Summary),
            "response.reasoning_text.done" | "response.reasoning.done" => Self::Whole(Channel::Raw),
            "response.refusal.done" => Self::Whole(Channel::Refusal),
            "response.content_part.done" => Self::Part(Channel::Text),
            "response.reasoning_summary_part.done" => Self::Part(Channel::Summary),
            "response.output_item.added" => Self::Added,
            "response.output_item.done" => Self::Done,
            "response.output_text.annotation.added" => Self::Source,
            "response.created" | "response.in_progress" | "response.queued" => Self::Answer,
            "response.completed" | "response.incomplete" | "response.done" => Self::End,
            "response.failed" | "response.cancelled" => Self::Failed,
            "error" | "response.error" => Self::Error,
            "response.content_part.added" | "response.reasoning_summary_part.added" => Self::Idle,
            "keepalive" | "ping" => Self::Idle,
            _ => return None,
        })
    }
}

/// Why an incomplete answer is.
fn cut_by(answer: &Answer<'_>) -> Stop {
    #[derive(Default, Deserialize)]
    struct Details {
        #[serde(default)]
        reason: String,
    }
    let details = answer.incomplete_details.map(|it| serde_json::from_str(it.get()));
    let details: Details = details.and_then(Result::ok).unwrap_or_default();
    let says = |words: &[&str]| words.iter().any(|word| details.reason.contains(word));
    // A reason that no rule knows must not make half an answer look whole.
    if says(&["filter", "safety", "sensitive"]) { Stop::Filtered } else { Stop::Length }
}

fn is_failure(error: &RawValue) -> bool {
    !matches!(error.get(), "null" | "\"\"" | "false" | "{}")
}
