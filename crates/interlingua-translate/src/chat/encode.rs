use std::mem;

use interlingua_ir::{
    Attachment, Event, Fault, Index, Kind, Note, NoteKind, Sink, Stop, Text, Usage,
};

use super::head::Head;
use super::item::{Body, Call, Open, Words};
use crate::faults;
use crate::pipe::Encode;

/// Writes an answer for a Chat Completions client, as a stream or whole.
///
/// Both are one state machine. A stream is what the strictest of the official helpers accept: the role
/// in the first chunk, the calls counted from zero, `id`, `type` and name of a call exactly once, one
/// reason to stop, the cost last and only where it was asked for. A stream that fails ends with an
/// error and without a reason to stop.
///
/// A call is shown with the first piece of its input, so that one that was cut before it is never seen.
/// Chat has one content and one thought: where an answer holds several, they are joined.
#[derive(Debug)]
pub struct Encoder {
    head: Head,
    form: Form,
    out: Vec<u8>,
    /// A chunk up to the fields of its delta.
    chunk: Vec<u8>,
    opened: bool,
    ended: bool,
    open: Vec<Open>,
    /// How many calls the client has seen.
    calls: u32,
    /// A call is complete.
    called: bool,
    whole: Whole,
    /// The sources, as JSON objects joined by commas.
    citations: Vec<u8>,
    /// How much prose there is, in characters.
    said: usize,
    notes: Vec<Note>,
}

/// What the client gets.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Form {
    /// Chunks.
    Chunks,
    /// The whole answer.
    Whole,
}

/// An answer that is wanted whole, as far as it has come; texts are JSON-escaped.
#[derive(Debug, Default)]
struct Whole {
    content: Option<Vec<u8>>,
    reasoning: Option<Vec<u8>>,
    refusal: Option<Vec<u8>>,
    calls: Vec<(Index, Vec<u8>)>,
}

impl Encoder {
    /// Makes an encoder that writes chunks.
    pub fn stream(head: Head) -> Self {
        Self::new(head, Form::Chunks)
    }

    /// Makes an encoder that writes the whole answer once it is complete.
    pub fn whole(head: Head) -> Self {
        Self::new(head, Form::Whole)
    }

    fn new(head: Head, form: Form) -> Self {
        let mut chunk = b"data: ".to_vec();
        head.write("chat.completion.chunk", &mut chunk);
        chunk.extend_from_slice(b",\"choices\":[{\"index\":0,\"delta\":{");
        Self {
            head,
            form,
            out: Vec::new(),
            chunk,
            opened: false,
            ended: false,
            open: Vec::new(),
            calls: 0,
            called: false,
            whole: Whole::default(),
            citations: Vec::new(),
            said: 0,
            notes: Vec::new(),
        }
    }

    /// Writes a chunk, unless the answer is wanted whole.
    fn chunk(&mut self, delta: impl FnOnce(&mut Vec<u8>)) {
        if self.form == Form::Chunks {
            self.out.extend_from_slice(&self.chunk);
            delta(&mut self.out);
            self.out.extend_from_slice(END);
        }
    }

    fn piece(&mut self, index: Index, text: &Text<'_>) {
        // Empty pieces say nothing, and must not show a call that may still be cut.
        let Some(at) = self.open.iter().position(|it| it.index == index && !text.is_empty()) else {
            return;
        };
        match &mut self.open[at].body {
            Body::Nothing => {}
            Body::Words(words) => {
                let words = *words;
                if words == Words::Content {
                    self.said += text.to_plain().chars().count();
                }
                if self.form == Form::Whole {
                    return text.write_json(self.whole.words(words).get_or_insert_default());
                }
                self.out.reserve(self.chunk.len() + text.stored_len() + 96);
                self.out.extend_from_slice(&self.chunk);
                self.out.extend_from_slice(words.start());
                text.write_json(&mut self.out);
                self.out.push(b'"');
                self.out.extend_from_slice(END);
            }
            Body::Call(call) if self.form == Form::Whole || call.is_shown_whole() => {
                text.write_json(&mut call.input);
            }
            Body::Call(call) => match &call.grows {
                Some(grows) => {
                    self.out.reserve(grows.len() + text.stored_len() + 64);
                    self.out.extend_from_slice(grows);
                    text.write_json(&mut self.out);
                    let end: &[u8] = if self.head.legacy { b"\"}" } else { b"\"}}]" };
                    self.out.extend_from_slice(end);
                    self.out.extend_from_slice(END);
                }
                None => {
                    let mut input = Vec::with_capacity(text.stored_len());
                    text.write_json(&mut input);
                    self.show(at, &input);
                }
            },
        }
    }

    /// Shows the call at `at` to the client, with the beginning of its input.
    fn show(&mut self, at: usize, input: &[u8]) {
        let Body::Call(call) = &mut self.open[at].body else { return };
        let legacy = self.head.legacy;
        let mut number = itoa::Buffer::new();
        let number = number.format(self.calls).as_bytes();
        let mut grows = self.chunk.clone();
        if legacy {
            grows.extend_from_slice(b"\"function_call\":{\"arguments\":\"");
        } else {
            grows.extend_from_slice(b"\"tool_calls\":[{\"index\":");
            grows.extend_from_slice(number);
            grows.extend_from_slice(b",\"function\":{\"arguments\":\"");
        }
        call.grows = Some(grows);
        let out = &mut self.out;
        out.extend_from_slice(&self.chunk);
        if legacy {
            out.extend_from_slice(b"\"function_call\":");
            call.write_function("arguments", input, out);
        } else {
            out.extend_from_slice(b"\"tool_calls\":[{\"index\":");
            out.extend_from_slice(number);
            out.push(b',');
            call.write(input, out);
            out.extend_from_slice(b"}]");
        }
        out.extend_from_slice(END);
        self.calls += 1;
    }

    fn open_item(&mut self, index: Index, kind: Kind<'_>) {
        let mut open = Open::new(index, kind);
        if let (true, Body::Call(_)) = (self.head.legacy, &open.body) {
            let others = self.open.iter().any(|it| matches!(it.body, Body::Call(_)));
            if others || self.calls > 0 || self.called {
                // There is room for one.
                self.notes.push(Note::new(NoteKind::Dropped, "a second function_call"));
                open.body = Body::Nothing;
            }
        }
        self.open.push(open);
    }

    fn close_item(&mut self, index: Index) {
        let Some(at) = self.open.iter().position(|it| it.index == index) else { return };
        if let Body::Call(call) = &mut self.open[at].body {
            self.called = true;
            if self.form == Form::Whole {
                let json = call.whole(self.head.legacy);
                self.whole.calls.push((index, json));
            } else if call.grows.is_none() {
                let input = mem::take(&mut call.input);
                self.show(at, &input);
            }
        }
        self.open.remove(at);
    }

    fn cite(&mut self, url: &Text<'_>, title: &Text<'_>) {
        let json = &mut self.citations;
        if !json.is_empty() {
            json.push(b',');
        }
        // The upstream does not say which words it means: all that stand there so far.
        json.extend_from_slice(
            b"{\"type\":\"url_citation\",\"url_citation\":{\"start_index\":0,\"end_index\":",
        );
        json.extend_from_slice(itoa::Buffer::new().format(self.said).as_bytes());
        json.extend_from_slice(b",\"title\":\"");
        title.write_json(json);
        json.extend_from_slice(b"\",\"url\":\"");
        url.write_json(json);
        json.extend_from_slice(b"\"}}");
    }

    fn end(&mut self, stop: Stop, usage: Option<Usage>) {
        self.open();
        if mem::replace(&mut self.ended, true) {
            return;
        }
        let called = self.called;
        let reason = match stop {
            Stop::Complete | Stop::ToolUse if called && self.head.legacy => "function_call",
            Stop::Complete | Stop::ToolUse if called => "tool_calls",
            Stop::Complete | Stop::ToolUse => "stop",
            Stop::Length => "length",
            Stop::Filtered => "content_filter",
        };
        if self.form == Form::Whole {
            return self.write_whole(reason, usage);
        }
        // Helpers join lists by an index that sources do not have; all at once, nothing is joined.
        let citations = mem::take(&mut self.citations);
        if !citations.is_empty() {
            self.chunk(|out| {
                out.extend_from_slice(b"\"annotations\":[");
                out.extend_from_slice(&citations);
                out.push(b']');
            });
        }
        self.out.extend_from_slice(&self.chunk);
        self.out.extend_from_slice(b"},\"finish_reason\":\"");
        self.out.extend_from_slice(reason.as_bytes());
        self.out.extend_from_slice(b"\"}]}\n\n");
        if let Some(usage) = usage.filter(|_| self.head.include_usage()) {
            self.out.extend_from_slice(b"data: ");
            self.head.write("chat.completion.chunk", &mut self.out);
            self.out.extend_from_slice(b",\"choices\":[],\"usage\":");
            write_usage(usage, &mut self.out);
            self.out.extend_from_slice(b"}\n\n");
        }
        self.out.extend_from_slice(b"data: [DONE]\n\n");
    }

    fn write_whole(&mut self, reason: &str, usage: Option<Usage>) {
        let out = &mut self.out;
        let whole = &mut self.whole;
        let string = |name: &[u8], text: Option<&Vec<u8>>, out: &mut Vec<u8>| {
            out.extend_from_slice(name);
            match text {
                Some(text) => {
                    out.push(b'"');
                    out.extend_from_slice(text);
                    out.push(b'"');
                }
                None => out.extend_from_slice(b"null"),
            }
        };
        self.head.write("chat.completion", out);
        out.extend_from_slice(
            b",\"choices\":[{\"index\":0,\"message\":{\"role\":\"assistant\",\"content\":",
        );
        string(b"", whole.content.as_ref(), out);
        string(b",\"refusal\":", whole.refusal.as_ref(), out);
        if whole.reasoning.is_some() {
            string(b",\"reasoning_content\":", whole.reasoning.as_ref(), out);
        }
        if !self.citations.is_empty() {
            out.extend_from_slice(b",\"annotations\":[");
            out.extend_from_slice(&self.citations);
            out.push(b']');
        }
        whole.calls.sort_by_key(|(index, _)| *index);
        let calls = whole.calls.iter().map(|(_, json)| json);
        match (whole.calls.is_empty(), self.head.legacy) {
            (true, _) => {}
            (false, true) => {
                out.extend_from_slice(b",\"function_call\":");
                calls.for_each(|json| out.extend_from_slice(json));
            }
            (false, false) => {
                out.extend_from_slice(b",\"tool_calls\":[");
                for (nth, json) in calls.enumerate() {
                    if nth > 0 {
                        out.push(b',');
                    }
                    out.extend_from_slice(json);
                }
                out.push(b']');
            }
        }
        out.extend_from_slice(b"},\"logprobs\":null,\"finish_reason\":\"");
        out.extend_from_slice(reason.as_bytes());
        out.extend_from_slice(b"\"}],\"usage\":");
        match usage {
            Some(usage) => write_usage(usage, out),
            None => out.extend_from_slice(b"null"),
        }
        out.push(b'}');
    }
}

/// What follows the fields of a delta that does not end the answer.
const END: &[u8] = b"},\"finish_reason\":null}]}\n\n";

impl Whole {
    fn words(&mut self, words: Words) -> &mut Option<Vec<u8>> {
        match words {
            Words::Content => &mut self.content,
            Words::Reasoning => &mut self.reasoning,
            Words::Refusal => &mut self.refusal,
        }
    }
}

impl Call {
    /// The call as an entry of a whole message.
    fn whole(&self, legacy: bool) -> Vec<u8> {
        let mut json = Vec::with_capacity(self.input.len() + 128);
        if legacy {
            self.write_function("arguments", &self.input, &mut json);
        } else {
            json.push(b'{');
            self.write(&self.input, &mut json);
            json.push(b'}');
        }
        json
    }
}

impl Sink for Encoder {
    fn event(&mut self, event: Event<'_>) {
        match event {
            Event::Begin { .. } => self.open(),
            Event::Open { index, kind } => self.open_item(index, kind),
            Event::Delta { index, text } => self.piece(index, &text),
            Event::Attach { attachment: Attachment::Citation { url, title }, .. } => {
                self.cite(&url, &title);
            }
            // Chat has no field in which a client would bring it back.
            Event::Attach { .. } => {}
            Event::Close { index } => self.close_item(index),
            Event::Drop { index } => self.open.retain(|it| it.index != index),
            // It is for whoever passes the upstream's own words on.
            Event::Frame(_) | Event::Frames(_) => {}
            Event::Note(note) => self.notes.push(note),
            Event::End { stop, usage } => self.end(stop, usage),
        }
    }
}

impl Encode for Encoder {
    fn open(&mut self) {
        if !mem::replace(&mut self.opened, true) {
            self.chunk(|out| {
                out.extend_from_slice(b"\"role\":\"assistant\",\"content\":\"\"");
            });
        }
    }

    fn keep_alive(&mut self) {
        if self.form == Form::Chunks && !self.ended {
            self.out.extend_from_slice(b": keep-alive\n\n");
        }
    }

    fn notes(&self) -> &[Note] {
        &self.notes
    }

    fn fail(&mut self, fault: &Fault) {
        if mem::replace(&mut self.ended, true) {
            return;
        }
        let (_, kind) = faults::status(fault.class);
        let body = faults::body(fault, kind);
        match self.form {
            Form::Chunks => {
                self.out.extend_from_slice(b"data: ");
                self.out.extend_from_slice(&body);
                self.out.extend_from_slice(b"\n\n");
            }
            Form::Whole => self.out.extend_from_slice(&body),
        }
    }

    fn pending(&self) -> usize {
        self.out.len()
    }

    fn take(&mut self, out: &mut Vec<u8>) {
        if out.is_empty() {
            mem::swap(out, &mut self.out);
        } else {
            out.append(&mut self.out);
        }
    }
}

fn write_usage(usage: Usage, out: &mut Vec<u8>) {
    let mut field = |before: &str, count: u64| {
        out.extend_from_slice(before.as_bytes());
        out.extend_from_slice(itoa::Buffer::new().format(count).as_bytes());
    };
    field("{\"prompt_tokens\":", usage.input);
    field(",\"completion_tokens\":", usage.output);
    field(",\"total_tokens\":", usage.total());
    field(",\"prompt_tokens_details\":{\"cached_tokens\":", usage.cached.unwrap_or(0));
    if let Some(written) = usage.cache_write {
        field(",\"cache_write_tokens\":", written);
    }
    field("},\"completion_tokens_details\":{\"reasoning_tokens\":", usage.reasoning.unwrap_or(0));
    out.extend_from_slice(b"}}");
}
