use interlingua_ir::{
    Attachment, Event, Fault, Form as CallForm, Index, Kind, Note, NoteKind, Sink, Stop, Text,
    Usage,
};

use super::head::{Head, State};
use super::item::{Body, Open, output_index};
use crate::faults::{self, Caller};
use crate::pipe::{Encode, Kept};

/// Writes an answer for a Responses client, as a stream or whole.
///
/// Both are one state machine: the whole answer is the object that ends the stream. What Codex needs
/// is always there: every item that is complete is closed by `response.output_item.done`, because
/// nothing else is kept in its history; a call that was cut is never closed, because it would be run.
#[derive(Debug)]
pub struct Encoder {
    head: Head,
    caller: Caller,
    form: Form,
    out: Vec<u8>,
    sequence: u64,
    opened: bool,
    ended: bool,
    open: Vec<Open>,
    done: Vec<Done>,
    notes: Vec<Note>,
    /// Whether the answer is to be kept, and the answer once it has ended.
    keeps: bool,
    kept: Option<Kept>,
}

/// What the client gets.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Form {
    /// Events.
    Events,
    /// The object that would end the stream.
    Whole,
    /// The object by which `/responses/compact` answers.
    Compacted,
}

/// An item that is complete, as JSON.
#[derive(Debug)]
struct Done {
    index: Index,
    json: Vec<u8>,
}

impl Encoder {
    /// Makes an encoder that writes events.
    pub fn stream(head: Head) -> Self {
        Self::new(head, Form::Events)
    }

    /// Makes an encoder that writes the whole answer once it is complete.
    pub fn whole(head: Head) -> Self {
        Self::new(head, Form::Whole)
    }

    /// Makes an encoder that answers `POST /responses/compact`.
    pub fn compacted(head: Head) -> Self {
        Self::new(head, Form::Compacted)
    }

    /// Tells who reads the answer.
    #[must_use]
    pub fn caller(mut self, caller: Caller) -> Self {
        self.caller = caller;
        self
    }

    /// Keeps the answer, to be [had](Encode::kept) once it has ended.
    #[must_use]
    pub fn keep(mut self) -> Self {
        self.keeps = true;
        self
    }

    fn new(head: Head, form: Form) -> Self {
        Self {
            head,
            caller: Caller::Other,
            form,
            out: Vec::new(),
            sequence: 0,
            opened: false,
            ended: false,
            open: Vec::new(),
            done: Vec::new(),
            notes: Vec::new(),
            keeps: false,
            kept: None,
        }
    }

    /// Writes an event, unless the answer is wanted whole.
    fn event(&mut self, kind: &str, body: impl FnOnce(&mut Vec<u8>)) {
        if self.form != Form::Events {
            return;
        }
        begin(kind, &mut self.out);
        body(&mut self.out);
        self.end_event();
    }

    fn end_event(&mut self) {
        self.out.extend_from_slice(b",\"sequence_number\":");
        self.out.extend_from_slice(itoa::Buffer::new().format(self.sequence).as_bytes());
        self.out.extend_from_slice(b"}\n\n");
        self.sequence += 1;
    }

    /// Writes an event that shows the whole answer.
    fn answer(&mut self, kind: &str, state: &State<'_>) {
        if self.form != Form::Events {
            return;
        }
        begin(kind, &mut self.out);
        self.out.extend_from_slice(b",\"response\":");
        self.head.write(state, &mut self.out);
        self.end_event();
    }

    fn open_item(&mut self, index: Index, kind: Kind<'_>) {
        let mut open = Open::new(&self.head.id, index, kind);
        // A summary is nothing before it is whole; Codex wants it in one piece.
        if self.form == Form::Events && !matches!(open.body, Body::Summary) {
            self.event("response.output_item.added", |out| {
                output_index(out, index);
                out.extend_from_slice(b",\"item\":");
                open.write("in_progress", out);
            });
            match open.body {
                Body::Message => self.event("response.content_part.added", |out| {
                    open.place(out);
                    out.extend_from_slice(b",\"content_index\":0,\"part\":");
                    open.write_part(out);
                }),
                Body::Reasoning => self.event("response.reasoning_summary_part.added", |out| {
                    open.place(out);
                    out.extend_from_slice(
                        b",\"summary_index\":0,\"part\":{\"type\":\"summary_text\",\"text\":\"\"}",
                    );
                }),
                Body::Call(_) | Body::Summary => {}
            }
            if let Some((kind, part)) = open.delta_event() {
                begin(kind, &mut open.delta);
                let mut place = std::mem::take(&mut open.delta);
                open.place(&mut place);
                place.extend_from_slice(part.as_bytes());
                place.extend_from_slice(b",\"delta\":\"");
                open.delta = place;
            }
        }
        self.open.push(open);
    }

    fn piece(&mut self, index: Index, text: &Text<'_>) {
        let Some(open) = self.open.iter_mut().find(|it| it.index == index) else { return };
        let start = open.text.len();
        text.write_json(&mut open.text);
        if open.delta.is_empty() {
            return;
        }
        self.out.reserve(open.delta.len() + open.text.len() - start + 64);
        self.out.extend_from_slice(&open.delta);
        self.out.extend_from_slice(&open.text[start..]);
        self.out.push(b'"');
        if let Body::Message = open.body {
            self.out.extend_from_slice(b",\"logprobs\":[]");
        }
        self.end_event();
    }

    fn attach(&mut self, index: Index, attachment: Attachment<'_>) {
        let Some(at) = self.open.iter().position(|it| it.index == index) else { return };
        match attachment {
            Attachment::Sealed(blob) => self.open[at].sealed = Some(blob.into_owned()),
            // It travels inside the seal.
            Attachment::Provenance { .. } => {}
            Attachment::Citation { url, title } => {
                let open = &mut self.open[at];
                let mut json = b"{\"type\":\"url_citation\",\"url\":\"".to_vec();
                url.write_json(&mut json);
                json.extend_from_slice(b"\",\"title\":\"");
                title.write_json(&mut json);
                // The upstream does not say which words it means: all that stand there so far.
                let end =
                    Text::Json(interlingua_protocol::lossy(&open.text)).to_plain().chars().count();
                json.extend_from_slice(b"\",\"start_index\":0,\"end_index\":");
                json.extend_from_slice(itoa::Buffer::new().format(end).as_bytes());
                json.push(b'}');
                let nth = open.citations.1;
                if nth > 0 {
                    open.citations.0.push(b',');
                }
                open.citations.0.extend_from_slice(&json);
                open.citations.1 += 1;
                let mut place = Vec::new();
                open.place(&mut place);
                self.event("response.output_text.annotation.added", |out| {
                    out.extend_from_slice(&place);
                    out.extend_from_slice(b",\"content_index\":0,\"annotation_index\":");
                    out.extend_from_slice(itoa::Buffer::new().format(nth).as_bytes());
                    out.extend_from_slice(b",\"annotation\":");
                    out.extend_from_slice(&json);
                });
            }
        }
    }

    fn close_item(&mut self, index: Index) {
        let Some(at) = self.open.iter().position(|it| it.index == index) else { return };
        let open = self.open.remove(at);
        let whole = |name: &str, out: &mut Vec<u8>| {
            out.extend_from_slice(b",\"");
            out.extend_from_slice(name.as_bytes());
            out.extend_from_slice(b"\":\"");
            out.extend_from_slice(&open.text);
            out.push(b'"');
        };
        match &open.body {
            Body::Message => {
                self.event("response.output_text.done", |out| {
                    open.place(out);
                    out.extend_from_slice(b",\"content_index\":0");
                    whole("text", out);
                    out.extend_from_slice(b",\"logprobs\":[]");
                });
                self.event("response.content_part.done", |out| {
                    open.place(out);
                    out.extend_from_slice(b",\"content_index\":0,\"part\":");
                    open.write_part(out);
                });
            }
            Body::Reasoning => {
                self.event("response.reasoning_summary_text.done", |out| {
                    open.place(out);
                    out.extend_from_slice(b",\"summary_index\":0");
                    whole("text", out);
                });
                self.event("response.reasoning_summary_part.done", |out| {
                    open.place(out);
                    out.extend_from_slice(
                        b",\"summary_index\":0,\"part\":{\"type\":\"summary_text\"",
                    );
                    whole("text", out);
                    out.push(b'}');
                });
            }
            Body::Summary => {}
            Body::Call(head) => match head.form {
                CallForm::Function => self.event("response.function_call_arguments.done", |out| {
                    open.place(out);
                    out.extend_from_slice(b",\"name\":\"");
                    Text::plain(&*head.name).write_json(out);
                    out.push(b'"');
                    whole("arguments", out);
                }),
                CallForm::Custom => self.event("response.custom_tool_call_input.done", |out| {
                    open.place(out);
                    whole("input", out);
                }),
                CallForm::ToolSearch => {}
            },
        }
        let mut json = Vec::with_capacity(open.text.len() + 256);
        open.write("completed", &mut json);
        self.event("response.output_item.done", |out| {
            output_index(out, index);
            out.extend_from_slice(b",\"item\":");
            out.extend_from_slice(&json);
        });
        self.done.push(Done { index, json });
    }

    fn end(&mut self, stop: Stop, usage: Option<Usage>) {
        self.ended = true;
        self.done.sort_by_key(|done| done.index);
        let mut output = Vec::with_capacity(self.done.iter().map(|it| it.json.len() + 1).sum());
        for (nth, done) in self.done.iter().enumerate() {
            if nth > 0 {
                output.push(b',');
            }
            output.extend_from_slice(&done.json);
        }
        let usage = write_usage(usage.unwrap_or_else(|| {
            // Clients take a response without it for one that has not ended.
            self.notes.push(Note::new(NoteKind::FilledIn, "usage"));
            Usage::default()
        }));
        let (kind, state) = match stop {
            Stop::Complete | Stop::ToolUse => {
                ("response.completed", State::Completed { output: &output, usage: &usage })
            }
            Stop::Length => {
                let reason = "max_output_tokens";
                (
                    "response.incomplete",
                    State::Incomplete { reason, output: &output, usage: &usage },
                )
            }
            // Codex would try six times to have the same content refused again.
            Stop::Filtered if self.caller == Caller::Codex => {
                let message = "the provider's content filter stopped the answer";
                ("response.failed", State::Failed { code: "invalid_prompt", message })
            }
            Stop::Filtered => {
                let reason = "content_filter";
                (
                    "response.incomplete",
                    State::Incomplete { reason, output: &output, usage: &usage },
                )
            }
        };
        if self.keeps && !matches!(state, State::Failed { .. }) {
            let mut answer = Vec::new();
            self.head.write(&state, &mut answer);
            self.kept = Some(Kept {
                answer: interlingua_protocol::lossy(&answer).into_owned(),
                output: format!("[{}]", interlingua_protocol::lossy(&output)),
            });
        }
        self.answer(kind, &state);
        match (self.form, &state) {
            (Form::Events, _) => {}
            (Form::Compacted, State::Completed { output, usage }) => {
                self.head.write_compacted(output, usage, &mut self.out);
            }
            (Form::Whole | Form::Compacted, _) => self.head.write(&state, &mut self.out),
        }
    }
}

impl Sink for Encoder {
    fn event(&mut self, event: Event<'_>) {
        match event {
            Event::Begin { .. } => self.open(),
            Event::Open { index, kind } => self.open_item(index, kind),
            Event::Delta { index, text } => self.piece(index, &text),
            Event::Attach { index, attachment } => self.attach(index, attachment),
            Event::Close { index } => self.close_item(index),
            Event::Drop { index } => self.open.retain(|it| it.index != index),
            // It is for clients of the upstream's own protocol.
            Event::Frame(_) | Event::Frames(_) => {}
            Event::Note(note) => self.notes.push(note),
            Event::End { stop, usage } => self.end(stop, usage),
        }
    }
}

impl Encode for Encoder {
    fn open(&mut self) {
        if !std::mem::replace(&mut self.opened, true) {
            self.answer("response.created", &State::InProgress);
            self.answer("response.in_progress", &State::InProgress);
        }
    }

    fn keep_alive(&mut self) {
        if self.opened && !self.ended {
            self.answer("response.in_progress", &State::InProgress);
        }
    }

    fn notes(&self) -> &[Note] {
        &self.notes
    }

    fn kept(&mut self) -> Option<Kept> {
        self.kept.take()
    }

    fn resume(&mut self, answer: &str, events: u64) {
        self.head.rename(answer);
        self.opened = true;
        self.sequence = self.sequence.max(events);
    }

    /// The response object's metadata show it from the next event on.
    fn annotate(&mut self, pairs: &[(&str, String)]) {
        self.head.annotate(pairs);
    }

    fn fail(&mut self, fault: &Fault) {
        if std::mem::replace(&mut self.ended, true) {
            return;
        }
        self.open();
        let faults::Failure { code, message } = faults::failure(fault);
        let state = State::Failed { code, message: &message };
        self.answer("response.failed", &state);
        if self.form != Form::Events {
            self.head.write(&state, &mut self.out);
        }
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

/// Writes the beginning of an event, up to its fields.
fn begin(kind: &str, out: &mut Vec<u8>) {
    out.extend_from_slice(b"event: ");
    out.extend_from_slice(kind.as_bytes());
    out.extend_from_slice(b"\ndata: {\"type\":\"");
    out.extend_from_slice(kind.as_bytes());
    out.push(b'"');
}

fn write_usage(usage: Usage) -> Vec<u8> {
    format!(
        "{{\"input_tokens\":{},\"input_tokens_details\":{{\"cached_tokens\":{},\"cache_write_tokens\":{}}},\
         \"output_tokens\":{},\"output_tokens_details\":{{\"reasoning_tokens\":{}}},\"total_tokens\":{}}}",
        usage.input,
        usage.cached.unwrap_or(0),
        usage.cache_write.unwrap_or(0),
        usage.output,
        usage.reasoning.unwrap_or(0),
        usage.total()
    )
    .into_bytes()
}
