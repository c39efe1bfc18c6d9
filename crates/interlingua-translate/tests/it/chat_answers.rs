//! What a Chat client is sent, held to what the strictest of the official helpers insist on.

use expect_test::{Expect, expect};
use interlingua_dialect::Dialect;
use interlingua_ir::{Class, Fault, Form, Sink, Stop};
use interlingua_testkit::fixtures::{CUTS, Stream, cut, path, sse_data};
use interlingua_translate::json::Limits;
use interlingua_translate::{Encode, Pipe, chat};
use proptest::prelude::*;
use serde_json::{Map, Value, json};

use crate::properties::{event, well_formed};
use crate::support::{Run, Said, decode, decoder, dialect, frame_ends, recorded};

/// What a helper makes of a stream.
#[derive(Debug, Default)]
struct Folded {
    message: Map<String, Value>,
    finish: Option<String>,
    usage: Option<Value>,
    error: Option<Value>,
}

impl Folded {
    /// Reads a stream as strict helpers do: what they stumble over is a failure.
    #[track_caller]
    fn of(stream: &[u8], usage_is_wanted: bool) -> Self {
        let stream = std::str::from_utf8(stream).unwrap();
        let lines = stream.split("\n\n").filter(|it| !it.is_empty());
        assert!(lines.clone().all(|it| !it.contains('\n')), "one line for each event");
        let mut frames = lines.filter(|it| *it != ": keep-alive").peekable();
        let mut folded = Self::default();
        let mut first = None;
        while let Some(frame) = frames.next() {
            let data = frame.strip_prefix("data: ").unwrap();
            if data == "[DONE]" {
                assert_eq!(frames.next(), None);
                assert!(folded.finish.is_some());
                return folded;
            }
            let chunk: Value = serde_json::from_str(data).unwrap();
            if chunk.get("error").is_some() {
                assert_eq!(frames.next(), None, "nothing follows an error");
                assert_eq!(folded.finish, None, "half an answer looks whole");
                assert!(
                    chunk["error"]["message"].is_string() && chunk["error"]["code"].is_string()
                );
                folded.error = Some(chunk);
                return folded;
            }
            assert!(folded.usage.is_none(), "the cost comes last");
            let head = ["id", "object", "created", "model"].map(|it| chunk[it].clone());
            assert_eq!(head[1], "chat.completion.chunk");
            assert!(head[0].as_str().unwrap().starts_with("chatcmpl-") && head[2].is_u64());
            let is_first = first.is_none();
            assert_eq!(*first.get_or_insert(head.clone()), head);
            match &chunk["choices"].as_array().unwrap()[..] {
                [] => {
                    assert!(usage_is_wanted && folded.finish.is_some());
                    folded.usage = Some(chunk["usage"].clone());
                }
                [choice] => {
                    assert_eq!(choice["index"], 0);
                    assert_eq!(chunk.get("usage"), None);
                    let delta = choice["delta"].as_object().unwrap();
                    assert_eq!(delta.get("role").is_some(), is_first, "{delta:?}");
                    assert_eq!(folded.finish, None, "nothing follows the end");
                    folded.finish = choice["finish_reason"].as_str().map(str::to_owned);
                    assert!(folded.finish.is_some() || choice["finish_reason"].is_null());
                    accumulate(&mut folded.message, delta);
                }
                more => panic!("{more:?}"),
            }
        }
        panic!("the stream has no end");
    }
}

/// Joins a delta to what came before it, as the Python helper does: strings are joined whatever they mean,
/// and the entries of a list are told apart by their index.
#[track_caller]
fn accumulate(into: &mut Map<String, Value>, delta: &Map<String, Value>) {
    for (name, value) in delta {
        match (into.get_mut(name), value) {
            (_, Value::Null) => panic!("{name} is null"),
            (Some(Value::String(known)), Value::String(more)) if name != "type" => *known += more,
            (Some(Value::Object(known)), Value::Object(more)) => accumulate(known, more),
            (Some(Value::Array(known)), Value::Array(more)) => list(known, more),
            (None, Value::Array(more)) if name == "tool_calls" => {
                let mut known = Vec::new();
                list(&mut known, more);
                into.insert(name.clone(), known.into());
            }
            (_, value) => {
                into.insert(name.clone(), value.clone());
            }
        }
    }
}

#[track_caller]
fn list(known: &mut Vec<Value>, more: &[Value]) {
    for entry in more {
        let index = usize::try_from(entry["index"].as_u64().expect("an index")).unwrap();
        assert!(index <= known.len(), "the calls are counted from zero, without a gap");
        if index == known.len() {
            assert!(entry["id"].is_string() && entry["type"].is_string(), "{entry}");
            known.push(json!({}));
        } else {
            let again =
                ["id", "type", "name"].map(|it| entry.get(it).or(entry["function"].get(it)));
            assert_eq!(again, [None; 3], "{entry}");
        }
        accumulate(known[index].as_object_mut().unwrap(), entry.as_object().unwrap());
    }
}

/// The head of the answer to a request with these fields.
fn head(fields: &Value) -> chat::Head {
    let mut body = json!({ "model": "up/model", "messages": [{ "role": "user", "content": "x" }] });
    body.as_object_mut().unwrap().extend(fields.as_object().unwrap().clone());
    let body = body.to_string();
    let (turn, _) = chat::read(body.as_bytes(), Limits::default()).unwrap();
    chat::Head::of(&turn, "chatcmpl-1", 1_700_000_000)
}

fn with_usage() -> chat::Head {
    head(&json!({ "stream": true, "stream_options": { "include_usage": true } }))
}

/// The bytes that a client gets for an upstream's answer.
fn answer(
    dialect: &Dialect,
    encoder: chat::Encoder,
    bytes: &[u8],
    step: usize,
) -> (Vec<u8>, Result<(), Fault>) {
    let mut pipe = Pipe::new(decoder(dialect), encoder);
    let mut out = Vec::new();
    let mut result = Ok(());
    for piece in cut(bytes, step) {
        result = pipe.push(piece);
        pipe.take(&mut out);
        if result.is_err() {
            break;
        }
    }
    let result = result.and_then(|()| pipe.finish());
    pipe.take(&mut out);
    (out, result)
}

/// Every recorded stream.
fn each_stream(mut each: impl FnMut(&Stream, &Dialect, &Run)) {
    for (stream, dialect) in recorded() {
        let run = decode(&dialect, &stream.bytes, usize::MAX);
        each(&stream, &dialect, &run);
    }
}

#[test]
fn every_stream_is_what_strict_helpers_accept() {
    let mut count = 0;
    each_stream(|stream, dialect, run| {
        let said = Said::of(run);
        let (bytes, result) =
            answer(dialect, chat::Encoder::stream(with_usage()), &stream.bytes, usize::MAX);
        assert_eq!(result, run.result, "{}", stream.name);
        let folded = Folded::of(&bytes, true);
        let text = |name: &str| folded.message.get(name).map_or("", |it| it.as_str().unwrap());
        assert_eq!(folded.error.is_some(), said.error.is_some(), "{}", stream.name);
        if said.error.is_none() {
            count += 1;
            assert_eq!(
                format!("{}{}", text("content"), text("refusal")),
                said.text,
                "{}",
                stream.name
            );
            assert_eq!(text("reasoning_content"), said.reasoning, "{}", stream.name);
            let usage = folded.usage.as_ref().map(|it| it["prompt_tokens"].as_u64());
            assert_eq!(usage.flatten(), said.usage.map(|it| it.input));
            let reason = match said.stop.unwrap() {
                Stop::Complete => "stop",
                Stop::Filtered => "content_filter",
                Stop::Length => "length",
                Stop::ToolUse => "tool_calls",
            };
            assert_eq!(folded.finish.as_deref(), Some(reason), "{}", stream.name);
            let cited =
                folded.message.get("annotations").map_or(0, |it| it.as_array().unwrap().len());
            assert_eq!(cited, said.citations.len());
        }
        check_calls(&folded, &said);
        for step in CUTS {
            let (cut, _) =
                answer(dialect, chat::Encoder::stream(with_usage()), &stream.bytes, step);
            assert_eq!(cut, bytes, "{} by {step}", stream.name);
        }
    });
    assert!(count > 40, "{count}");
}

/// Every call that was completed is there, whole, and no other looks whole.
#[track_caller]
fn check_calls(folded: &Folded, said: &Said) {
    let calls = folded.message.get("tool_calls").map_or(&[][..], |it| it.as_array().unwrap());
    for call in &said.calls {
        let shown = calls.iter().find(|it| it["id"] == call.id).unwrap();
        let (kind, field) = match call.form {
            Form::Custom => ("custom", "input"),
            Form::Function | Form::ToolSearch => ("function", "arguments"),
        };
        assert_eq!(shown["type"], kind);
        assert_eq!(
            (&shown[kind]["name"], &shown[kind][field]),
            (&json!(call.name), &json!(call.input))
        );
    }
    let is_whole = folded.error.is_none() && folded.finish.as_deref() != Some("length");
    assert!(!is_whole || calls.len() == said.calls.len(), "{calls:?}");
    for call in calls.iter().filter(|call| said.calls.iter().all(|it| call["id"] != it.id)) {
        let arguments = call["function"]["arguments"].as_str().unwrap();
        assert!(
            serde_json::from_str::<Value>(arguments).is_err(),
            "a cut call looks whole: {call}"
        );
    }
}

#[test]
fn the_whole_answer_is_the_folded_stream() {
    each_stream(|stream, dialect, run| {
        let (events, _) =
            answer(dialect, chat::Encoder::stream(with_usage()), &stream.bytes, usize::MAX);
        let folded = Folded::of(&events, true);
        let (whole, _) =
            answer(dialect, chat::Encoder::whole(with_usage()), &stream.bytes, usize::MAX);
        let whole: Value = serde_json::from_slice(&whole).unwrap();
        check_fold(&folded, &whole, &Said::of(run));
    });
}

#[track_caller]
fn check_fold(folded: &Folded, whole: &Value, said: &Said) {
    if let Some(error) = &folded.error {
        assert_eq!(error, whole);
        return;
    }
    assert_eq!(whole["object"], "chat.completion");
    assert_eq!(whole["usage"], folded.usage.clone().unwrap_or(Value::Null));
    let choice = &whole["choices"][0];
    assert_eq!(choice["finish_reason"].as_str(), folded.finish.as_deref());
    let mut message = choice["message"].as_object().unwrap().clone();
    let mut streamed = folded.message.clone();
    // In a whole answer, null says that there is none; a stream cannot know it in its first chunk.
    message.retain(|_, value| !value.is_null());
    message.entry("content").or_insert("".into());
    if let Some(calls) = streamed.get_mut("tool_calls").and_then(Value::as_array_mut) {
        // A whole answer never shows what was cut.
        calls.retain(|call| said.calls.iter().any(|it| call["id"] == it.id));
        for call in calls {
            call.as_object_mut().unwrap().remove("index");
        }
    }
    streamed.retain(|_, value| *value != json!([]));
    assert_eq!(message, streamed);
}

#[test]
fn a_stream_cut_anywhere_never_looks_whole() {
    each_stream(|stream, dialect, _| {
        for end in frame_ends(&stream.bytes) {
            let bytes = &stream.bytes[..end];
            let (out, result) =
                answer(dialect, chat::Encoder::stream(head(&json!({}))), bytes, usize::MAX);
            if !out.is_empty() {
                let folded = Folded::of(&out, false);
                assert_eq!(folded.error.is_some(), result.is_err(), "{} at {end}", stream.name);
            }
        }
    });
}

/// Compares what comes for the fixture `name`, without what every chunk repeats.
#[track_caller]
fn check(name: &str, fields: &Value, expect: &Expect) {
    let bytes = std::fs::read(path(name)).unwrap();
    let (out, _) =
        answer(&dialect("generic"), chat::Encoder::stream(head(fields)), &bytes, usize::MAX);
    let mut lines = String::new();
    for data in sse_data(&String::from_utf8(out).unwrap()) {
        let start = r#"{"id":"chatcmpl-1","object":"chat.completion.chunk","created":1700000000,"model":"up/model","choices":["#;
        lines.extend([data.strip_prefix(start).unwrap_or(&data), "\n"]);
    }
    expect.assert_eq(&lines);
}

#[test]
fn a_thought_a_text_and_a_call() {
    check(
        "clients/chat/reasoning_text_tool_call.sse",
        &json!({ "stream_options": { "include_usage": true } }),
        &expect![[r#"
            {"index":0,"delta":{"role":"assistant","content":""},"finish_reason":null}]}
            {"index":0,"delta":{"reasoning_content":"First look at the ma"},"finish_reason":null}]}
            {"index":0,"delta":{"reasoning_content":"rker file, then answer. (thought 1)"},"finish_reason":null}]}
            {"index":0,"delta":{"content":"Looking"},"finish_reason":null}]}
            {"index":0,"delta":{"content":" it up."},"finish_reason":null}]}
            {"index":0,"delta":{"tool_calls":[{"index":0,"id":"call_fake72","type":"function","function":{"name":"bash","arguments":"{\"command"}}]},"finish_reason":null}]}
            {"index":0,"delta":{"tool_calls":[{"index":0,"function":{"arguments":"\": \"echo moonlit-harbour-42-1\", \"description\": \"print the marker\"}"}}]},"finish_reason":null}]}
            {"index":0,"delta":{},"finish_reason":"tool_calls"}]}
            ],"usage":{"prompt_tokens":1000,"completion_tokens":50,"total_tokens":1050,"prompt_tokens_details":{"cached_tokens":0},"completion_tokens_details":{"reasoning_tokens":7}}}
            [DONE]
        "#]],
    );
}

#[test]
fn an_error_in_the_middle() {
    check(
        "clients/chat/midstream_error.sse",
        &json!({}),
        &expect![[r#"
        {"index":0,"delta":{"role":"assistant","content":""},"finish_reason":null}]}
        {"index":0,"delta":{"content":"partial"},"finish_reason":null}]}
        {"index":0,"delta":{"content":" words "},"finish_reason":null}]}
        {"error":{"message":"up failed: scripted mid-stream error","type":"server_error","code":"upstream_error","param":null}}
    "#]],
    );
}

#[test]
fn a_custom_call_is_shown_whole() {
    check(
        "dialects/streams/openai-custom-tool.sse",
        &json!({}),
        &expect![[r#"
        {"index":0,"delta":{"role":"assistant","content":""},"finish_reason":null}]}
        {"index":0,"delta":{"tool_calls":[{"index":0,"id":"call_c1","type":"custom","custom":{"name":"apply_patch","input":"*** Begin Patch\n*** Update File: a.txt\n@@\n-old\n+new\n*** End Patch\n"}}]},"finish_reason":null}]}
        {"index":0,"delta":{},"finish_reason":"tool_calls"}]}
        [DONE]
    "#]],
    );
}

#[test]
fn a_client_of_the_first_version_gets_its_one_call() {
    let functions = json!({ "functions": [{ "name": "bash" }] });
    check(
        "clients/chat/parallel_tool_calls.sse",
        &functions,
        &expect![[r#"
        {"index":0,"delta":{"role":"assistant","content":""},"finish_reason":null}]}
        {"index":0,"delta":{"reasoning_content":"First look at the ma"},"finish_reason":null}]}
        {"index":0,"delta":{"reasoning_content":"rker file, then answer. (thought 1)"},"finish_reason":null}]}
        {"index":0,"delta":{"content":"Looking"},"finish_reason":null}]}
        {"index":0,"delta":{"content":" it up."},"finish_reason":null}]}
        {"index":0,"delta":{"function_call":{"name":"bash","arguments":"{\"command"}},"finish_reason":null}]}
        {"index":0,"delta":{"function_call":{"arguments":"\": \"echo moonlit-harbour-42-1a\", \"description\": \"print the marker\"}"}},"finish_reason":null}]}
        {"index":0,"delta":{},"finish_reason":"function_call"}]}
        [DONE]
    "#]],
    );
}

#[test]
fn a_whole_answer() {
    let bytes = std::fs::read(path("clients/chat/parallel_tool_calls.sse")).unwrap();
    let (out, _) =
        answer(&dialect("generic"), chat::Encoder::whole(head(&json!({}))), &bytes, usize::MAX);
    let out: Value = serde_json::from_slice(&out).unwrap();
    expect![[r#"
        {
          "id": "chatcmpl-1",
          "object": "chat.completion",
          "created": 1700000000,
          "model": "up/model",
          "choices": [
            {
              "index": 0,
              "message": {
                "role": "assistant",
                "content": "Looking it up.",
                "refusal": null,
                "reasoning_content": "First look at the marker file, then answer. (thought 1)",
                "tool_calls": [
                  {
                    "id": "call_fake79",
                    "type": "function",
                    "function": {
                      "name": "bash",
                      "arguments": "{\"command\": \"echo moonlit-harbour-42-1a\", \"description\": \"print the marker\"}"
                    }
                  },
                  {
                    "id": "call_fake80",
                    "type": "function",
                    "function": {
                      "name": "bash",
                      "arguments": "{\"command\": \"echo moonlit-harbour-42-1b\", \"description\": \"print the marker\"}"
                    }
                  }
                ]
              },
              "logprobs": null,
              "finish_reason": "tool_calls"
            }
          ],
          "usage": {
            "prompt_tokens": 1000,
            "completion_tokens": 50,
            "total_tokens": 1050,
            "prompt_tokens_details": {
              "cached_tokens": 0
            },
            "completion_tokens_details": {
              "reasoning_tokens": 7
            }
          }
        }"#]].assert_eq(&format!("{out:#}"));
}

#[test]
fn a_call_that_is_cut_before_its_input_is_never_seen() {
    let stream = concat!(
        r#"data: {"choices":[{"delta":{"content":"a","tool_calls":[{"index":0,"id":"x","function":{"name":"f","arguments":""}}]}}]}"#,
        "\n\n",
        r#"data: {"choices":[{"delta":{},"finish_reason":"length"}]}"#,
        "\n\ndata: [DONE]\n\n"
    );
    let (out, result) = answer(
        &dialect("generic"),
        chat::Encoder::stream(head(&json!({}))),
        stream.as_bytes(),
        usize::MAX,
    );
    assert_eq!(result, Ok(()));
    let folded = Folded::of(&out, false);
    assert_eq!(folded.message.get("tool_calls"), None);
    assert_eq!(folded.finish.as_deref(), Some("length"));
}

#[test]
fn sources_are_told_once_and_with_the_text_they_may_mean() {
    let stream = concat!(
        r#"data: {"choices":[{"delta":{"content":"aé\n","annotations":[{"type":"url_citation","url_citation":{"url":"https://e.com/\"","title":"E"}}]}}]}"#,
        "\n\n",
        r#"data: {"choices":[{"delta":{"content":"b","annotations":[{"type":"url_citation","url":"https://f.com"}]},"finish_reason":"stop"}]}"#,
        "\n\ndata: [DONE]\n\n"
    );
    let (out, _) = answer(
        &dialect("generic"),
        chat::Encoder::stream(head(&json!({}))),
        stream.as_bytes(),
        usize::MAX,
    );
    let cited = |url: &str, title: &str, end: u64| json!({ "type": "url_citation", "url_citation": { "start_index": 0, "end_index": end, "title": title, "url": url } });
    let expected = json!([cited("https://e.com/\"", "E", 3), cited("https://f.com", "", 4)]);
    assert_eq!(Folded::of(&out, false).message["annotations"], expected);
}

#[test]
fn signs_of_life_are_comments_and_an_early_failure_is_an_error() {
    let mut encoder = chat::Encoder::stream(head(&json!({})));
    encoder.open();
    encoder.open();
    encoder.keep_alive();
    encoder.fail(&Fault::new(Class::ContextLength, "prompt is too long"));
    encoder.fail(&Fault::new(Class::Upstream, "again"));
    encoder.keep_alive();
    let mut out = Vec::new();
    encoder.take(&mut out);
    let folded = Folded::of(&out, false);
    assert_eq!(folded.message, *json!({ "role": "assistant", "content": "" }).as_object().unwrap());
    assert_eq!(folded.error.unwrap()["error"]["code"], "context_length_exceeded");
}

#[test]
fn the_cost_tells_what_was_cached() {
    let stream = concat!(
        r#"data: {"choices":[{"delta":{"content":"a"},"finish_reason":"stop"}]}"#,
        "\n\n",
        r#"data: {"choices":[],"usage":{"prompt_tokens":12,"completion_tokens":6,"prompt_tokens_details":{"cached_tokens":10,"cache_write_tokens":2},"completion_tokens_details":{"reasoning_tokens":4}}}"#,
        "\n\ndata: [DONE]\n\n"
    );
    let usage = json!({ "prompt_tokens": 12, "completion_tokens": 6, "total_tokens": 18,
        "prompt_tokens_details": { "cached_tokens": 10, "cache_write_tokens": 2 },
        "completion_tokens_details": { "reasoning_tokens": 4 } });
    let (out, _) = answer(
        &dialect("generic"),
        chat::Encoder::stream(with_usage()),
        stream.as_bytes(),
        usize::MAX,
    );
    assert_eq!(Folded::of(&out, true).usage, Some(usage.clone()));
    let (out, _) = answer(
        &dialect("generic"),
        chat::Encoder::stream(head(&json!({}))),
        stream.as_bytes(),
        usize::MAX,
    );
    assert_eq!(Folded::of(&out, false).usage, None);
    let (out, _) = answer(
        &dialect("generic"),
        chat::Encoder::whole(head(&json!({}))),
        stream.as_bytes(),
        usize::MAX,
    );
    assert_eq!(serde_json::from_slice::<Value>(&out).unwrap()["usage"], usage);
}

/// What events say, by the same folder that judges decoders.
fn said(events: &[interlingua_ir::Event<'static>]) -> Said {
    Said::of(&Run { events: events.to_vec(), result: Ok(()) })
}

fn encode(mut encoder: chat::Encoder, events: &[interlingua_ir::Event<'static>]) -> Vec<u8> {
    for event in events {
        encoder.event(event.clone());
    }
    let mut out = Vec::new();
    encoder.take(&mut out);
    out
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn well_formed_events_make_well_formed_answers(events in prop::collection::vec(event(), 0..40)) {
        let events = well_formed(events);
        let folded = Folded::of(&encode(chat::Encoder::stream(with_usage()), &events), true);
        let whole = encode(chat::Encoder::whole(with_usage()), &events);
        let whole: Value = serde_json::from_slice(&whole).unwrap();
        let ours = &whole["choices"][0]["message"];
        let text = |name: &str| ours[name].as_str().unwrap_or_default().to_owned();
        let said = said(&events);
        prop_assert_eq!(text("reasoning_content"), said.reasoning);
        prop_assert_eq!(ours["tool_calls"].as_array().map_or(0, Vec::len), said.calls.len());
        prop_assert_eq!(whole["choices"][0]["finish_reason"].as_str(), folded.finish.as_deref());
        let joined = |name: &str| folded.message.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
        for name in ["content", "refusal", "reasoning_content"] {
            prop_assert_eq!(joined(name), text(name));
        }
    }

    #[test]
    fn no_events_break_the_encoder(events in prop::collection::vec(event(), 0..40), whole: bool, legacy: bool) {
        let encoder = if whole { chat::Encoder::whole } else { chat::Encoder::stream };
        let head = if legacy { head(&json!({ "functions": [] })) } else { with_usage() };
        let mut encoder = encoder(head);
        for event in events {
            encoder.event(event);
        }
        encoder.keep_alive();
        encoder.fail(&Fault::new(Class::Upstream, "no \"more\"\n"));
        let mut out = Vec::new();
        encoder.take(&mut out);
        if !whole {
            let out = String::from_utf8(out).unwrap();
            for data in sse_data(&out).iter().filter(|it| *it != "[DONE]") {
                serde_json::from_str::<Value>(data).unwrap();
            }
        }
    }
}
