//! What the tests share: upstreams' bytes in, events or client bytes out.

use std::sync::Arc;

use interlingua_dialect::{Dialect, Dialects, Tags, Wire};
use interlingua_ir::{
    Attachment, CallHead, Class, Event, Fault, Form, Frame, Grammar, Index, Kind, Note, Piece,
    Sink, Stop, Turn, Usage,
};
use interlingua_testkit::fixtures::{Stream, cut, dialect_streams, sse_json};
use interlingua_translate::faults::Caller;
use interlingua_translate::json::Limits;
use interlingua_translate::tools::ToolMap;
use interlingua_translate::{
    Decode, Document, Pipe, Reader, Repairs, Target, Written, chat, messages, responses,
};
use serde_json::Value;

/// The dialects of which this crate promises everything.
pub(crate) const DIALECTS: [&str; 6] = ["generic", "openai", "mimo", "deepseek", "vllm", "ollama"];

/// Those of the Messages protocol.
pub(crate) const MESSAGES: [&str; 2] = ["anthropic", "anthropic_compat"];

pub(crate) fn dialect(id: &str) -> Dialect {
    Dialects::builtin().resolve(id, "").unwrap()
}

/// The dialect `id`, set up as the endpoint of a recorded stream needs it.
pub(crate) fn dialect_for(id: &str, stream: &Stream) -> Dialect {
    let mut dialect = dialect(id);
    match stream.expected["needs"]["think_tags"].as_str() {
        None => {}
        Some("implicit_open") => dialect.reasoning_out.tags = Tags::ImplicitOpen,
        Some(other) => panic!("{}: an unknown setting {other}", stream.name),
    }
    dialect
}

/// All recordings, each with the dialect that reads it.
pub(crate) fn recorded() -> impl Iterator<Item = (Stream, Dialect)> {
    dialect_streams(None).into_iter().map(|stream| {
        let dialect = dialect_for(&stream.dialect, &stream);
        (stream, dialect)
    })
}

/// The recordings of Chat Completions.
pub(crate) fn recorded_chats() -> impl Iterator<Item = (Stream, Dialect)> {
    recorded().filter(|(_, dialect)| dialect.wire == Wire::Chat)
}

/// What a decoder made of an upstream's bytes.
#[derive(Debug, PartialEq)]
pub(crate) struct Run {
    pub(crate) events: Vec<Event<'static>>,
    pub(crate) result: Result<(), Fault>,
}

/// Reads an upstream's answer in pieces of `step` bytes and holds the decoder to the grammar.
#[track_caller]
pub(crate) fn decode(dialect: &Dialect, bytes: &[u8], step: usize) -> Run {
    run(decoder(dialect), cut(bytes, step))
}

/// The decoder of the protocol that `dialect` is one of.
pub(crate) fn decoder(dialect: &Dialect) -> Box<dyn Decode> {
    let shared = Arc::new(dialect.clone());
    match dialect.wire {
        Wire::Messages => Box::new(messages::Decoder::new(shared, "up", "s")),
        Wire::Chat | Wire::Responses => Box::new(chat::Decoder::new(shared, "up", "s")),
    }
}

#[track_caller]
pub(crate) fn run<'b>(decoder: impl Decode, pieces: impl Iterator<Item = &'b [u8]>) -> Run {
    let mut reader = Reader::new(decoder);
    let mut sink = (Vec::new(), Grammar::default());
    let mut result = Ok(());
    for piece in pieces {
        result = reader.push(piece, &mut sink);
        if result.is_err() {
            break;
        }
    }
    if result.is_ok() {
        result = reader.finish(&mut sink);
        assert_eq!(result.is_ok(), reader.is_over(), "over and well are the same");
    }
    let (events, grammar) = sink;
    let shape = if result.is_ok() { grammar.finish() } else { grammar.interrupt() };
    assert_eq!(shape, Ok(()), "{events:#?}");
    Run { events, result }
}

/// The frames of a run, those that came together one by one, too.
pub(crate) fn frames(run: &Run) -> Vec<Frame<'static>> {
    let mut frames = Vec::new();
    for event in &run.events {
        match event {
            Event::Frame(frame) => frames.push(frame.clone()),
            Event::Frames(run) => {
                let before = frames.len();
                let mut lines: Vec<Piece<'static>> = Vec::new();
                for piece in run.lines.iter() {
                    let Piece::Json(json) = piece else {
                        lines.push(piece.clone());
                        continue;
                    };
                    let mut parts = json.split("\n\n");
                    lines.push(Piece::Json(parts.next().unwrap().to_owned().into()));
                    for next in parts {
                        frames.push(unframed(std::mem::take(&mut lines)));
                        lines.push(Piece::Json(next.to_owned().into()));
                    }
                }
                assert_eq!(json_of(&lines), "", "a frame without its end");
                assert_eq!(frames.len() - before, usize::try_from(run.count).unwrap());
            }
            _ => {}
        }
    }
    frames
}

/// A run in which it makes no difference which frames came together: pieces of texts and notes come before the
/// frames that follow them, each by itself.
pub(crate) fn one_by_one(run: &Run) -> Run {
    let mut frames = frames(run).into_iter().map(without_answer_id);
    let mut events: Vec<Event<'static>> = Vec::new();
    let mut held = Vec::new();
    for event in &run.events {
        match event {
            Event::Delta { .. } | Event::Note(_) => events.push(event.clone()),
            Event::Frame(_) => held.extend(frames.next().map(Event::Frame)),
            Event::Frames(run) => {
                let count = usize::try_from(run.count).unwrap();
                held.extend(frames.by_ref().take(count).map(Event::Frame));
            }
            other => {
                events.append(&mut held);
                events.push(other.clone());
            }
        }
    }
    events.append(&mut held);
    Run { events, result: run.result.clone() }
}

/// A frame in whose pieces the answer's id is a part of the rest.
fn without_answer_id(frame: Frame<'static>) -> Frame<'static> {
    let mut pieces: Vec<Piece<'static>> = Vec::new();
    for piece in frame.pieces.into_owned() {
        let piece = match piece {
            Piece::AnswerId(id) => Piece::Json(id),
            other => other,
        };
        match (pieces.last_mut(), &piece) {
            (Some(Piece::Json(before)), Piece::Json(more)) => before.to_mut().push_str(more),
            _ => pieces.push(piece),
        }
    }
    Frame { name: frame.name, pieces: pieces.into() }
}

/// A frame from its lines.
fn unframed(mut pieces: Vec<Piece<'static>>) -> Frame<'static> {
    pieces.retain(|it| *it != Piece::Json("".into()));
    let Some(Piece::Json(first)) = pieces.first_mut() else { panic!("no lines: {pieces:?}") };
    let (name, data) = match first.strip_prefix("event: ") {
        Some(named) => {
            let (name, data) = named.split_once('\n').unwrap();
            (Some(name.to_owned().into()), data)
        }
        None => (None, &**first),
    };
    let json = data.strip_prefix("data: ").unwrap().to_owned();
    *first = json.into();
    Frame { name, pieces: pieces.into() }
}

/// A frame's JSON.
pub(crate) fn json_of(pieces: &[Piece<'_>]) -> String {
    let piece = |piece: &Piece<'_>| match piece {
        Piece::Json(it)
        | Piece::Model(it)
        | Piece::CallId(it)
        | Piece::AnswerId(it)
        | Piece::Opaque(it) => it.to_string(),
    };
    pieces.iter().map(piece).collect()
}

/// A request's body, looked through.
#[track_caller]
pub(crate) fn document(body: &(impl AsRef<[u8]> + ?Sized)) -> Document<'_> {
    Document::of(body.as_ref(), Limits::default()).unwrap()
}

/// A call as its client gets it.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Called {
    pub(crate) id: String,
    pub(crate) name: String,
    pub(crate) form: Form,
    pub(crate) input: String,
}

/// A stream folded into what it says.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Said {
    pub(crate) reasoning: String,
    pub(crate) text: String,
    /// Calls that were completed. Others do not exist for a client.
    pub(crate) calls: Vec<Called>,
    pub(crate) citations: Vec<String>,
    pub(crate) stop: Option<Stop>,
    pub(crate) usage: Option<Usage>,
    pub(crate) error: Option<Class>,
}

impl Said {
    pub(crate) fn of(run: &Run) -> Self {
        let mut folder = Folder::default();
        for event in &run.events {
            folder.event(event.clone());
        }
        folder.said.error = run.result.as_ref().err().map(|fault| fault.class);
        folder.said
    }
}

#[derive(Default)]
struct Folder {
    said: Said,
    open: Vec<(Index, Kind<'static>, String)>,
}

impl Sink for Folder {
    fn event(&mut self, event: Event<'_>) {
        match event.into_owned() {
            Event::Begin { .. } | Event::Frame(_) | Event::Frames(_) | Event::Note(_) => {}
            Event::Open { index, kind } => self.open.push((index, kind, String::new())),
            Event::Delta { index, text } => {
                let (_, kind, input) = self.open.iter_mut().find(|it| it.0 == index).unwrap();
                let target = match kind {
                    Kind::Text | Kind::Refusal => &mut self.said.text,
                    Kind::Reasoning => &mut self.said.reasoning,
                    Kind::Call(_) | Kind::Summary => input,
                };
                target.push_str(&text.to_plain());
            }
            Event::Attach { attachment: Attachment::Citation { url, .. }, .. } => {
                self.said.citations.push(url.to_string());
            }
            Event::Attach { .. } => {}
            Event::Close { index } => {
                let at = self.open.iter().position(|it| it.0 == index).unwrap();
                let (_, kind, input) = self.open.remove(at);
                if let Kind::Call(CallHead { id, name, form, .. }) = kind {
                    let call = Called { id: id.into_owned(), name: name.into_owned(), form, input };
                    self.said.calls.push(call);
                }
            }
            Event::Drop { index } => self.open.retain(|it| it.0 != index),
            Event::End { stop, usage } => {
                self.said.stop = Some(stop);
                self.said.usage = usage;
            }
        }
    }
}

/// The ends of an event stream's frames, in bytes.
pub(crate) fn frame_ends(bytes: &[u8]) -> Vec<usize> {
    let ends = (1..=bytes.len()).filter(|end| {
        let head = &bytes[..*end];
        head.ends_with(b"\n\n") || head.ends_with(b"\r\n\r\n")
    });
    ends.collect()
}

/// What a Responses client made of the bytes that it was sent.
#[derive(Debug)]
pub(crate) struct Seen {
    pub(crate) events: Vec<Value>,
}

impl Seen {
    /// Reads a stream as a client does, and holds it to what all clients rely on.
    #[track_caller]
    pub(crate) fn of(stream: &[u8]) -> Self {
        let events = sse_json(std::str::from_utf8(stream).unwrap());
        for (nth, event) in events.iter().enumerate() {
            assert_eq!(event["sequence_number"], nth, "{event}");
        }
        let (last, rest) = events.split_last().expect("at least one event");
        assert_eq!(events[0]["type"], "response.created");
        assert!(TERMINAL.contains(&last["type"].as_str().unwrap()), "{last}");
        let early = |it: &&Value| TERMINAL.contains(&it["type"].as_str().unwrap());
        assert_eq!(rest.iter().find(early), None);
        let seen = Self { events };
        seen.check_items();
        seen
    }

    /// Every item is done at most once, after it was added, and all its events name it alike.
    #[track_caller]
    fn check_items(&self) {
        let mut added: Vec<(u64, String)> = Vec::new();
        let mut done = Vec::new();
        for event in &self.events {
            let Some(index) = event["output_index"].as_u64() else { continue };
            let id = event["item_id"].as_str().or(event["item"]["id"].as_str()).unwrap();
            let this = (index, id.to_owned());
            match event["type"].as_str().unwrap() {
                "response.output_item.added" => {
                    assert!(added.iter().all(|(known, other)| *known < index && other != id));
                    added.push(this);
                }
                "response.output_item.done" => {
                    assert!(added.contains(&this) && !done.contains(&this), "{event}");
                    done.push(this);
                }
                _ => assert!(added.contains(&this) && !done.contains(&this), "{event}"),
            }
        }
    }

    pub(crate) fn terminal(&self) -> &Value {
        self.events.last().unwrap()
    }

    /// The items that the client keeps and acts on.
    pub(crate) fn done(&self) -> Vec<&Value> {
        let done = self.events.iter().filter(|it| it["type"] == "response.output_item.done");
        let mut done: Vec<_> = done.collect();
        done.sort_by_key(|it| it["output_index"].as_u64());
        done.into_iter().map(|it| &it["item"]).collect()
    }
}

pub(crate) const TERMINAL: [&str; 3] =
    ["response.completed", "response.incomplete", "response.failed"];

pub(crate) fn head() -> responses::Head {
    responses::Head::new("resp_1", "up/model", 1_700_000_000)
}

/// The bytes that a streaming Codex gets for an upstream's answer.
pub(crate) fn translate(dialect: &Dialect, bytes: &[u8]) -> (Vec<u8>, Result<(), Fault>) {
    translate_with(dialect, ToolMap::default(), responses::Encoder::stream(head()), bytes)
}

pub(crate) fn translate_with(
    dialect: &Dialect,
    tools: ToolMap,
    encoder: responses::Encoder,
    bytes: &[u8],
) -> (Vec<u8>, Result<(), Fault>) {
    let mut pipe = Pipe::new(decoder(dialect), encoder.caller(Caller::Codex)).tools(tools);
    let result = pipe.push(bytes).and_then(|()| pipe.finish());
    let mut out = Vec::new();
    pipe.take(&mut out);
    (out, result)
}

/// Where all requests go.
pub(crate) fn target<'t>(dialect: &'t Dialect, repairs: &'t Repairs) -> Target<'t> {
    Target {
        dialect,
        provider: "up",
        model: "the-model",
        max_output_tokens: None,
        conversation: None,
        stream: true,
        repairs,
    }
}

/// A request of Codex, written for an upstream of Chat Completions.
#[track_caller]
pub(crate) fn written(body: &Value, dialect: &Dialect) -> Written {
    let body = body.to_string();
    let (turn, _) = responses::read(body.as_bytes(), Limits::default()).unwrap();
    chat::write(&turn, &target(dialect, &Repairs::default())).unwrap()
}

/// A request as the upstream gets it.
pub(crate) struct Upstream {
    pub(crate) body: Value,
    pub(crate) notes: Vec<Note>,
}

/// Writes `turn` for an upstream.
#[track_caller]
pub(crate) fn write(turn: &Turn<'_>, dialect: &Dialect) -> Upstream {
    let repairs = Repairs::default();
    let target = Target { stream: turn.stream, ..target(dialect, &repairs) };
    let written = match dialect.wire {
        Wire::Messages => messages::write(turn, &target).unwrap(),
        Wire::Chat | Wire::Responses => chat::write(turn, &target).unwrap(),
    };
    let body = serde_json::from_slice(&written.body.to_vec()).unwrap();
    Upstream { body, notes: written.notes }
}

/// Holds messages to what the strictest upstreams insist on.
#[track_caller]
pub(crate) fn check_messages(body: &Value) {
    let messages = body["messages"].as_array().unwrap();
    assert!(!messages.is_empty());
    let mut open: Vec<&Value> = Vec::new();
    for message in messages {
        let role = message["role"].as_str().unwrap();
        if role == "tool" {
            let id = &message["tool_call_id"];
            let at = open.iter().position(|it| *it == id);
            open.remove(at.unwrap_or_else(|| panic!("nobody called {id}")));
            assert!(message["content"].is_string() || message["content"].is_array());
            continue;
        }
        assert_eq!(open, Vec::<&Value>::new(), "unanswered before {message}");
        if role == "assistant" {
            let calls = message["tool_calls"].as_array();
            assert!(calls.is_none_or(|it| !it.is_empty()));
            open.extend(calls.into_iter().flatten().map(|call| &call["id"]));
            let content = message.get("content");
            let is_null = content.is_some_and(Value::is_null) && calls.is_some();
            assert!(
                content.is_none_or(|it| it.is_string() || it.is_array()) || is_null,
                "{message}"
            );
            assert!(content.is_some_and(|it| it != "") || calls.is_some(), "{message}");
            for call in calls.into_iter().flatten() {
                let Some(arguments) = call["function"]["arguments"].as_str() else { continue };
                let arguments: Value = serde_json::from_str(arguments).unwrap();
                assert!(arguments.is_object(), "{arguments}");
            }
        } else {
            assert!(["system", "developer", "user"].contains(&role), "{role}");
            assert!(message["content"].is_string() || message["content"].is_array());
        }
    }
    assert_eq!(open, Vec::<&Value>::new(), "unanswered at the end");
}

/// Holds a request of the Messages protocol to what its upstreams insist on.
#[track_caller]
pub(crate) fn check_conversation(body: &Value) {
    let messages = body["messages"].as_array().unwrap();
    let roles: Vec<_> = messages.iter().map(|it| it["role"].as_str().unwrap()).collect();
    for (at, role) in roles.iter().enumerate() {
        assert_eq!(*role, ["user", "assistant"][at % 2], "{roles:?}");
    }
    assert_eq!(roles.last(), Some(&"user"));
    let mut called: Vec<&Value> = Vec::new();
    for message in messages {
        let blocks = message["content"].as_array().unwrap();
        assert!(!blocks.is_empty(), "{message}");
        let of = |kind: &str| blocks.iter().filter(|it| it["type"] == kind).collect::<Vec<_>>();
        let results = of("tool_result");
        let ids: Vec<_> = results.iter().map(|it| &it["tool_use_id"]).collect();
        assert_eq!(ids, called, "every call is answered once, in the next message");
        let first = blocks.iter().take(results.len());
        assert!(first.eq(results.iter().copied()), "results come first: {message}");
        called = of("tool_use").iter().map(|it| &it["id"]).collect();
        for block in of("text").into_iter().chain(results.iter().copied().flat_map(inner)) {
            let blank = block["text"].as_str().is_some_and(|it| it.trim().is_empty());
            assert!(!blank, "{message}");
        }
        for call in of("tool_use") {
            assert!(call["input"].is_object(), "{call}");
        }
        let thinks = |it: &Value| it["type"].as_str().unwrap().ends_with("thinking");
        assert!(!blocks.last().is_some_and(thinks), "{message}");
        assert!(message["role"] == "assistant" || !blocks.iter().any(thinks), "{message}");
    }
    assert_eq!(called, Vec::<&Value>::new(), "unanswered at the end");
    let budget = body["thinking"]["budget_tokens"].as_u64().unwrap_or(0);
    assert!(budget < body["max_tokens"].as_u64().unwrap(), "{}", body["thinking"]);
    assert!(body.to_string().matches("\"cache_control\"").count() <= 4);
}

/// The blocks inside a result.
fn inner(result: &Value) -> impl Iterator<Item = &Value> {
    result["content"].as_array().into_iter().flatten()
}
