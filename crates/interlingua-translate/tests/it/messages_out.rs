//! What a Messages client is sent.

use expect_test::{Expect, expect};
use interlingua_dialect::Dialect;
use interlingua_ir::{
    Attachment, CallHead, Class, Event, Fault, Form, Index, Item, Kind, Sink as _, Stop, Text,
    Usage,
};
use interlingua_testkit::fixtures::{CUTS, cut};
use interlingua_translate::json::Limits;
use interlingua_translate::{Encode as _, Pipe, messages};
use proptest::prelude::*;
use serde_json::{Value, json};

use crate::properties::{config, event, well_formed};
use crate::support::{Said, decode, decoder, frame_ends, recorded};

fn head() -> messages::Head {
    messages::Head::new("msg_1", "up/model", "req_1")
}

/// How a stream ended.
#[derive(Clone, Debug, PartialEq)]
enum End {
    /// By `message_stop`.
    Whole,
    /// By an `error` event with this body.
    Failed(Value),
    /// Not at all.
    Cut,
}

/// What the SDKs' helpers gather from a stream, by their rules: an event without its `event:` line is
/// none, an index that is not the next one is an error, and so is a delta outside of its block.
#[derive(Debug)]
struct Gathered {
    message: Value,
    end: End,
}

impl Gathered {
    #[track_caller]
    fn of(stream: &[u8]) -> Self {
        let stream = std::str::from_utf8(stream).unwrap();
        let mut message = Value::Null;
        let mut end = End::Cut;
        let mut open: Option<(u64, Value, String)> = None;
        let mut next = 0;
        for frame in stream.split_terminator("\n\n") {
            assert_eq!(end, End::Cut, "something follows the end: {frame}");
            let (name, data) = frame.split_once('\n').unwrap();
            let name = name.strip_prefix("event: ").unwrap();
            let event: Value = serde_json::from_str(data.strip_prefix("data: ").unwrap()).unwrap();
            assert_eq!(event["type"], name);
            match name {
                "ping" => assert_eq!(event, json!({ "type": "ping" })),
                "message_start" => {
                    assert!(message.is_null());
                    message = event["message"].clone();
                    assert_eq!(message["content"], json!([]));
                    assert_eq!(message["usage"]["input_tokens"], 0);
                }
                "content_block_start" => {
                    // A block that was cut never ends; it is no call, which somebody would run.
                    assert!(open.take().is_none_or(|it| it.1["type"] != "tool_use"), "{frame}");
                    assert_eq!(event["index"], next);
                    next += 1;
                    let block = event["content_block"].clone();
                    match block["type"].as_str().unwrap() {
                        "text" => assert_eq!(block["text"], ""),
                        "tool_use" => assert_eq!(block["input"], json!({})),
                        "thinking" => assert_eq!(block["signature"], ""),
                        "redacted_thinking" => assert!(block["data"].is_string()),
                        other => panic!("{other}"),
                    }
                    open = Some((event["index"].as_u64().unwrap(), block, String::new()));
                }
                "content_block_delta" => {
                    let (index, block, input) = open.as_mut().unwrap();
                    assert_eq!(event["index"], *index);
                    gather(&event["delta"], block, input);
                }
                "content_block_stop" => {
                    let (index, mut block, input) = open.take().unwrap();
                    assert_eq!(event["index"], index);
                    if block["type"] == "tool_use" {
                        block["input"] = parsed(&input);
                    }
                    if block["type"] == "thinking" {
                        assert_ne!(block["signature"], "", "a thought without a mark is dropped");
                    }
                    message["content"].as_array_mut().unwrap().push(block);
                }
                "message_delta" => {
                    assert!(open.take().is_none_or(|it| it.1["type"] != "tool_use"), "{frame}");
                    message["stop_reason"] = event["delta"]["stop_reason"].clone();
                    assert!(event["delta"]["stop_sequence"].is_null());
                    for (name, count) in event["usage"].as_object().unwrap() {
                        message["usage"][name] = count.clone();
                    }
                }
                "message_stop" => {
                    assert!(message["stop_reason"].is_string());
                    end = End::Whole;
                }
                "error" => end = End::Failed(event),
                other => panic!("{other}"),
            }
        }
        Self { message, end }
    }
}

fn gather(delta: &Value, block: &mut Value, input: &mut String) {
    let mut join = |field: &str, piece: &str| {
        let joined = block[field].as_str().unwrap().to_owned() + delta[piece].as_str().unwrap();
        block[field] = joined.into();
    };
    match delta["type"].as_str().unwrap() {
        "text_delta" => join("text", "text"),
        "thinking_delta" => join("thinking", "thinking"),
        "signature_delta" => block["signature"] = delta["signature"].clone(),
        "input_json_delta" => input.push_str(delta["partial_json"].as_str().unwrap()),
        "citations_delta" => {
            assert!(block["text"].is_string());
            if block["citations"].is_null() {
                block["citations"] = json!([]);
            }
            block["citations"].as_array_mut().unwrap().push(delta["citation"].clone());
        }
        other => panic!("{other}"),
    }
}

/// Arguments as a whole answer shows them.
fn parsed(input: &str) -> Value {
    let value = serde_json::from_str(input).ok().filter(Value::is_object);
    value.unwrap_or_else(|| json!({ "_raw": input }))
}

fn encode(mut encoder: messages::Encoder, events: &[Event<'_>]) -> Vec<u8> {
    for event in events {
        encoder.event(event.clone());
    }
    let mut out = Vec::new();
    encoder.take(&mut out);
    out
}

fn begin() -> Event<'static> {
    Event::Begin { id: "u".into(), model: "m".into() }
}

fn open(index: u32, kind: Kind<'static>) -> Event<'static> {
    Event::Open { index: Index(index), kind }
}

fn call(index: u32, id: &str, name: &str, form: Form) -> Event<'static> {
    let head =
        CallHead { id: id.to_owned().into(), name: name.to_owned().into(), namespace: None, form };
    open(index, Kind::Call(head))
}

fn delta(index: u32, text: &str) -> Event<'static> {
    Event::Delta { index: Index(index), text: Text::from(text.to_owned()) }
}

fn close(index: u32) -> Event<'static> {
    Event::Close { index: Index(index) }
}

fn sealed(index: u32, blob: &str) -> Event<'static> {
    let attachment = Attachment::Sealed(blob.to_owned().into());
    Event::Attach { index: Index(index), attachment }
}

fn end(stop: Stop) -> Event<'static> {
    let usage = Usage {
        input: 100,
        cached: Some(60),
        cache_write: Some(30),
        output: 9,
        reasoning: Some(5),
    };
    Event::End { stop, usage: Some(usage) }
}

/// Compares the stream without its opening event, and the whole answer with what the stream says.
#[track_caller]
fn check(events: &[Event<'_>], expect: &Expect) {
    let stream = encode(messages::Encoder::stream(head()), events);
    let gathered = Gathered::of(&stream);
    assert_eq!(gathered.end, End::Whole);
    let whole = encode(messages::Encoder::whole(head()), events);
    let whole: Value = serde_json::from_slice(&whole).unwrap();
    assert_eq!(gathered.message, whole);
    let stream = String::from_utf8(stream).unwrap();
    let lines = stream.lines().filter_map(|line| line.strip_prefix("data: ")).skip(1);
    expect.assert_eq(&lines.map(|line| line.to_owned() + "\n").collect::<String>());
}

#[test]
fn an_answer_opens_with_all_that_helpers_need() {
    let stream = encode(messages::Encoder::stream(head()), &[begin()]);
    expect![[r#"
        event: message_start
        data: {"type":"message_start","message":{"id":"msg_1","type":"message","role":"assistant","model":"up/model","content":[],"stop_reason":null,"stop_sequence":null,"usage":{"input_tokens":0,"cache_creation_input_tokens":0,"cache_read_input_tokens":0,"output_tokens":0}}}

    "#]]
    .assert_eq(&String::from_utf8(stream).unwrap());
}

#[test]
fn a_thought_a_text_and_a_call() {
    check(
        &[
            begin(),
            open(0, Kind::Reasoning),
            delta(0, "Look \"around\"."),
            sealed(0, "il1.seal"),
            close(0),
            open(1, Kind::Text),
            delta(1, "Look"),
            delta(1, "ing."),
            close(1),
            call(2, "call_1", "Bash", Form::Function),
            delta(2, "{\"command\":"),
            delta(2, "\"ls\"}"),
            close(2),
            end(Stop::ToolUse),
        ],
        &expect![[r#"
            {"type":"content_block_start","index":0,"content_block":{"type":"thinking","thinking":"","signature":""}}
            {"type":"content_block_delta","index":0,"delta":{"type":"thinking_delta","thinking":"Look \"around\"."}}
            {"type":"content_block_delta","index":0,"delta":{"type":"signature_delta","signature":"il1.seal"}}
            {"type":"content_block_stop","index":0}
            {"type":"content_block_start","index":1,"content_block":{"type":"text","text":""}}
            {"type":"content_block_delta","index":1,"delta":{"type":"text_delta","text":"Look"}}
            {"type":"content_block_delta","index":1,"delta":{"type":"text_delta","text":"ing."}}
            {"type":"content_block_stop","index":1}
            {"type":"content_block_start","index":2,"content_block":{"type":"tool_use","id":"call_1","name":"Bash","input":{}}}
            {"type":"content_block_delta","index":2,"delta":{"type":"input_json_delta","partial_json":"{\"command\":\"ls\"}"}}
            {"type":"content_block_stop","index":2}
            {"type":"message_delta","delta":{"stop_reason":"tool_use","stop_sequence":null},"usage":{"input_tokens":10,"cache_creation_input_tokens":30,"cache_read_input_tokens":60,"output_tokens":9}}
            {"type":"message_stop"}
        "#]],
    );
}

#[test]
fn calls_side_by_side_go_out_one_after_the_other() {
    check(
        &[
            begin(),
            call(0, "a", "f", Form::Function),
            call(1, "b", "g", Form::Function),
            delta(1, "{\"b\""),
            delta(0, "{\"a\":1"),
            delta(1, ":2}"),
            close(1),
            call(2, "c", "h", Form::Function),
            delta(0, "}"),
            close(0),
            delta(2, "{}"),
            close(2),
            end(Stop::ToolUse),
        ],
        &expect![[r#"
            {"type":"content_block_start","index":0,"content_block":{"type":"tool_use","id":"a","name":"f","input":{}}}
            {"type":"content_block_delta","index":0,"delta":{"type":"input_json_delta","partial_json":"{\"a\":1}"}}
            {"type":"content_block_stop","index":0}
            {"type":"content_block_start","index":1,"content_block":{"type":"tool_use","id":"b","name":"g","input":{}}}
            {"type":"content_block_delta","index":1,"delta":{"type":"input_json_delta","partial_json":"{\"b\":2}"}}
            {"type":"content_block_stop","index":1}
            {"type":"content_block_start","index":2,"content_block":{"type":"tool_use","id":"c","name":"h","input":{}}}
            {"type":"content_block_delta","index":2,"delta":{"type":"input_json_delta","partial_json":"{}"}}
            {"type":"content_block_stop","index":2}
            {"type":"message_delta","delta":{"stop_reason":"tool_use","stop_sequence":null},"usage":{"input_tokens":10,"cache_creation_input_tokens":30,"cache_read_input_tokens":60,"output_tokens":9}}
            {"type":"message_stop"}
        "#]],
    );
}

#[test]
fn what_was_cut_or_is_empty_is_not_there() {
    check(
        &[
            begin(),
            open(0, Kind::Text),
            close(0),
            open(1, Kind::Reasoning),
            close(1),
            open(2, Kind::Reasoning),
            sealed(2, "il1.hidden"),
            close(2),
            call(3, "a", "Write", Form::Function),
            delta(3, "{\"content\":\"half"),
            call(4, "b", "Write", Form::Function),
            Event::Drop { index: Index(3) },
            Event::Drop { index: Index(4) },
            end(Stop::Length),
        ],
        &expect![[r#"
            {"type":"content_block_start","index":0,"content_block":{"type":"redacted_thinking","data":"il1.hidden"}}
            {"type":"content_block_stop","index":0}
            {"type":"message_delta","delta":{"stop_reason":"max_tokens","stop_sequence":null},"usage":{"input_tokens":10,"cache_creation_input_tokens":30,"cache_read_input_tokens":60,"output_tokens":9}}
            {"type":"message_stop"}
        "#]],
    );
}

#[test]
fn arguments_are_the_models_own() {
    let broken = "{\"a\": nonsense";
    check(
        &[
            begin(),
            call(0, "a", "f", Form::Function),
            close(0),
            call(1, "b", "f", Form::Function),
            delta(1, broken),
            close(1),
            call(2, "c", "patch", Form::Custom),
            delta(2, "*** Begin \"x\"\n"),
            delta(2, "\\ end"),
            close(2),
            call(3, "d", "patch", Form::Custom),
            close(3),
            end(Stop::Complete),
        ],
        &expect![[r#"
            {"type":"content_block_start","index":0,"content_block":{"type":"tool_use","id":"a","name":"f","input":{}}}
            {"type":"content_block_delta","index":0,"delta":{"type":"input_json_delta","partial_json":"{}"}}
            {"type":"content_block_stop","index":0}
            {"type":"content_block_start","index":1,"content_block":{"type":"tool_use","id":"b","name":"f","input":{}}}
            {"type":"content_block_delta","index":1,"delta":{"type":"input_json_delta","partial_json":"{\"a\": nonsense"}}
            {"type":"content_block_stop","index":1}
            {"type":"content_block_start","index":2,"content_block":{"type":"tool_use","id":"c","name":"patch","input":{}}}
            {"type":"content_block_delta","index":2,"delta":{"type":"input_json_delta","partial_json":"{\"input\":\"*** Begin \\\"x\\\"\\n\\\\ end\"}"}}
            {"type":"content_block_stop","index":2}
            {"type":"content_block_start","index":3,"content_block":{"type":"tool_use","id":"d","name":"patch","input":{}}}
            {"type":"content_block_delta","index":3,"delta":{"type":"input_json_delta","partial_json":"{\"input\":\"\"}"}}
            {"type":"content_block_stop","index":3}
            {"type":"message_delta","delta":{"stop_reason":"tool_use","stop_sequence":null},"usage":{"input_tokens":10,"cache_creation_input_tokens":30,"cache_read_input_tokens":60,"output_tokens":9}}
            {"type":"message_stop"}
        "#]],
    );
}

#[test]
fn sources_are_cited() {
    let citation = Event::Attach {
        index: Index(0),
        attachment: Attachment::Citation {
            url: "https://a.example".into(),
            title: "A \"b\"".into(),
        },
    };
    check(
        &[begin(), open(0, Kind::Text), delta(0, "So."), citation, close(0), end(Stop::Complete)],
        &expect![[r#"
            {"type":"content_block_start","index":0,"content_block":{"type":"text","text":""}}
            {"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"So."}}
            {"type":"content_block_delta","index":0,"delta":{"type":"citations_delta","citation":{"type":"web_search_result_location","cited_text":"","url":"https://a.example","title":"A \"b\"","encrypted_index":""}}}
            {"type":"content_block_stop","index":0}
            {"type":"message_delta","delta":{"stop_reason":"end_turn","stop_sequence":null},"usage":{"input_tokens":10,"cache_creation_input_tokens":30,"cache_read_input_tokens":60,"output_tokens":9}}
            {"type":"message_stop"}
        "#]],
    );
}

#[test]
fn why_the_model_stopped() {
    let stops = |kind: Kind<'static>, stop| {
        let events = [begin(), open(0, kind), delta(0, "{}"), close(0), end(stop)];
        let gathered = Gathered::of(&encode(messages::Encoder::stream(head()), &events));
        gathered.message["stop_reason"].as_str().unwrap().to_owned()
    };
    let Event::Open { kind: called, .. } = call(0, "a", "f", Form::Function) else {
        unreachable!()
    };
    assert_eq!(stops(Kind::Text, Stop::Complete), "end_turn");
    assert_eq!(stops(Kind::Text, Stop::ToolUse), "end_turn");
    assert_eq!(stops(Kind::Text, Stop::Length), "max_tokens");
    assert_eq!(stops(Kind::Text, Stop::Filtered), "refusal");
    assert_eq!(stops(Kind::Refusal, Stop::Complete), "refusal");
    assert_eq!(stops(called.clone(), Stop::Complete), "tool_use");
    assert_eq!(stops(called, Stop::Length), "max_tokens");
}

#[test]
fn a_stream_is_kept_alive_and_may_fail() {
    let mut encoder = messages::Encoder::stream(head());
    // Before the stream is open there is nothing to keep alive.
    encoder.keep_alive();
    assert_eq!(encoder.pending(), 0);
    encoder.open();
    encoder.open();
    encoder.keep_alive();
    encoder.event(begin());
    encoder.event(open(0, Kind::Text));
    encoder.event(delta(0, "half"));
    encoder.fail(&Fault::new(Class::Overloaded, "up is \"full\"\n"));
    encoder.fail(&Fault::new(Class::Internal, "again"));
    encoder.keep_alive();
    encoder.event(delta(0, "late"));
    let mut out = Vec::new();
    encoder.take(&mut out);
    let gathered = Gathered::of(&out);
    let error = json!({ "type": "error", "request_id": "req_1",
        "error": { "type": "overloaded_error", "message": "up is \"full\"\n" } });
    assert_eq!(gathered.end, End::Failed(error.clone()));
    assert_eq!(gathered.message["content"], json!([]));
    let text = String::from_utf8(out).unwrap();
    assert_eq!(text.matches("event: message_start\n").count(), 1);
    assert_eq!(text.matches("event: ping\n").count(), 1);

    let mut encoder = messages::Encoder::whole(head());
    encoder.event(begin());
    encoder.keep_alive();
    encoder.fail(&Fault::new(Class::Overloaded, "up is \"full\"\n"));
    let mut out = Vec::new();
    encoder.take(&mut out);
    assert_eq!(serde_json::from_slice::<Value>(&out).unwrap(), error);
}

#[test]
fn a_turn_of_unknown_cost_says_so() {
    let mut encoder = messages::Encoder::stream(head());
    encoder.event(begin());
    encoder.event(Event::End { stop: Stop::Complete, usage: None });
    let notes: Vec<_> = encoder.notes().iter().map(ToString::to_string).collect();
    assert_eq!(notes, ["unknown=usage"]);
    let mut out = Vec::new();
    encoder.take(&mut out);
    assert_eq!(Gathered::of(&out).message["usage"]["output_tokens"], 0);
}

/// What the client is told comes back, and is read as what it was.
#[test]
fn an_answer_survives_its_way_through_the_clients_history() {
    let events = [
        begin(),
        open(0, Kind::Reasoning),
        delta(0, "Hm\n\"ok\""),
        sealed(0, "il1.seal"),
        close(0),
        open(1, Kind::Reasoning),
        sealed(1, "il1.hidden"),
        close(1),
        open(2, Kind::Text),
        delta(2, "So: é"),
        close(2),
        call(3, "call_1", "Bash", Form::Function),
        delta(3, "{\"a\":[1.10]}"),
        close(3),
        end(Stop::ToolUse),
    ];
    let stream = Gathered::of(&encode(messages::Encoder::stream(head()), &events));
    let history =
        json!({ "messages": [{ "role": "assistant", "content": stream.message["content"] }] });
    let body = history.to_string();
    let (turn, _) = messages::read(body.as_bytes(), Limits::default()).unwrap();
    let [Item::Reasoning(first), Item::Reasoning(second), Item::Message(_), Item::Call(call)] =
        &turn.items[..]
    else {
        panic!("{:#?}", turn.items)
    };
    assert_eq!(first.readable, [Text::plain("Hm\n\"ok\"")]);
    assert_eq!(first.sealed, Some(Text::plain("il1.seal")));
    assert_eq!((second.readable.len(), &second.sealed), (0, &Some(Text::plain("il1.hidden"))));
    assert_eq!((call.head.id.as_ref(), call.head.name.as_ref()), ("call_1", "Bash"));
    let input: Value = serde_json::from_str(&call.input.to_plain()).unwrap();
    assert_eq!(input, json!({ "a": [1.10] }));
}

/// A Chat server's answer, as a Messages client gets it.
fn translate(
    dialect: &Dialect,
    bytes: &[u8],
    step: usize,
    whole: bool,
) -> (Vec<u8>, Option<Fault>) {
    let decoder = decoder(dialect);
    let encoder = if whole { messages::Encoder::whole } else { messages::Encoder::stream };
    let mut pipe = Pipe::new(decoder, encoder(head()));
    let mut result = Ok(());
    for piece in cut(bytes, step) {
        result = pipe.push(piece);
        if result.is_err() {
            break;
        }
    }
    let result = result.and_then(|()| pipe.finish());
    let mut out = Vec::new();
    pipe.take(&mut out);
    (out, result.err())
}

#[test]
fn recordings_reach_the_client_however_they_are_cut() {
    for (stream, dialect) in recorded() {
        let said = Said::of(&decode(&dialect, &stream.bytes, usize::MAX));
        let (bytes, fault) = translate(&dialect, &stream.bytes, usize::MAX, false);
        let gathered = Gathered::of(&bytes);
        for step in CUTS {
            let (cut, _) = translate(&dialect, &stream.bytes, step, false);
            let got = Gathered::of(&cut);
            assert_eq!((&got.message, &got.end), (&gathered.message, &gathered.end));
        }
        if let Some(fault) = fault {
            assert!(matches!(gathered.end, End::Failed(_)), "{}", stream.name);
            assert_eq!(Some(fault.class), said.error);
            continue;
        }
        assert_eq!(gathered.end, End::Whole, "{}", stream.name);
        let (whole, _) = translate(&dialect, &stream.bytes, usize::MAX, true);
        let whole: Value = serde_json::from_slice(&whole).unwrap();
        assert_eq!(whole, gathered.message, "{}", stream.name);
        let blocks = whole["content"].as_array().unwrap();
        let joined = |kind: &str, field: &str| -> String {
            let of_kind = blocks.iter().filter(|it| it["type"] == kind);
            of_kind.map(|it| it[field].as_str().unwrap()).collect()
        };
        assert_eq!(joined("text", "text"), said.text, "{}", stream.name);
        assert_eq!(joined("thinking", "thinking"), said.reasoning, "{}", stream.name);
        let calls: Vec<_> = blocks.iter().filter(|it| it["type"] == "tool_use").collect();
        assert_eq!(calls.len(), said.calls.len(), "{}", stream.name);
        for (got, said) in calls.iter().zip(&said.calls) {
            assert_eq!(got["id"], said.id);
            assert_eq!(got["name"], said.name);
            match said.form {
                Form::Custom => assert_eq!(got["input"], json!({ "input": said.input })),
                _ => assert_eq!(got["input"], parsed(&said.input)),
            }
        }
        let usage = said.usage.unwrap_or_default();
        let count = |name: &str| whole["usage"][name].as_u64().unwrap();
        let prompt = count("input_tokens")
            + count("cache_read_input_tokens")
            + count("cache_creation_input_tokens");
        assert_eq!((prompt, count("output_tokens")), (usage.input, usage.output));
    }
}

#[test]
fn truncated_recordings_never_look_complete() {
    for (stream, dialect) in recorded() {
        for end in frame_ends(&stream.bytes) {
            let truncated = &stream.bytes[..end];
            let run = decode(&dialect, truncated, usize::MAX);
            let (bytes, fault) = translate(&dialect, truncated, usize::MAX, false);
            let gathered = Gathered::of(&bytes);
            assert_eq!(fault, run.result.err());
            assert_eq!(gathered.end == End::Whole, fault.is_none(), "{} at {end}", stream.name);
        }
    }
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn well_formed_events_make_well_formed_answers(events in prop::collection::vec(event(), 0..40)) {
        let events = well_formed(events);
        let gathered = Gathered::of(&encode(messages::Encoder::stream(head()), &events));
        prop_assert_eq!(&gathered.end, &End::Whole);
        let whole = encode(messages::Encoder::whole(head()), &events);
        let whole: Value = serde_json::from_slice(&whole).unwrap();
        prop_assert_eq!(gathered.message, whole);
    }

    #[test]
    fn no_events_break_the_encoder(events in prop::collection::vec(event(), 0..40), whole: bool) {
        let encoder = if whole { messages::Encoder::whole } else { messages::Encoder::stream };
        let mut encoder = encoder(head());
        for event in events {
            encoder.event(event);
        }
        encoder.keep_alive();
        encoder.fail(&Fault::new(Class::Upstream, "no \"more\"\n"));
        let mut out = Vec::new();
        encoder.take(&mut out);
        if !whole {
            let text = String::from_utf8(out).unwrap();
            interlingua_testkit::fixtures::sse_json(&text);
        }
    }

    #[test]
    fn any_request_is_read_or_refused(body in "[\\[\\]{}:,\"a-z0-9 ]{0,60}") {
        if let Err(fault) = messages::read(body.as_bytes(), Limits::default()) {
            prop_assert_eq!(fault.class, Class::InvalidRequest);
        }
    }
}
