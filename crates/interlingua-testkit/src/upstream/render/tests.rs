use std::sync::LazyLock;

use serde_json::json;

use super::*;
use crate::fixtures::sse_json;
use crate::schema;
use crate::upstream::{
    call, cut, fail, finish, nameless_call, raw, reasoning, redacted, search, text, usage,
};

const ISSUER: Issuer = Issuer { serial: 7, number: 3 };

fn head(body: &Value) -> Head<'_> {
    static VOICE: LazyLock<Voice> = LazyLock::new(Voice::default);
    Head { issuer: ISSUER, body, done_line: true, voice: &VOICE }
}

fn events(wire: Wire, body: &Value, pieces: &[Piece]) -> Vec<Value> {
    sse_json(&joined(&stream(wire, head(body), pieces)))
}

fn whole(wire: Wire, body: &Value, pieces: &[Piece]) -> Value {
    serde_json::from_str(&joined(&fold(wire, head(body), pieces))).unwrap()
}

fn everything() -> Vec<Piece> {
    vec![
        reasoning("Think. "),
        reasoning("More."),
        text("Hi."),
        call("c", "f", r#"{"cmd":"echo hällo wörld"}"#),
        nameless_call("g", "{}"),
        finish("tool_calls"),
        usage(5, 2),
    ]
}

#[test]
fn a_chat_call_arrives_in_several_deltas_that_join_to_its_arguments() {
    let events = events(Wire::Chat, &json!({}), &everything());
    let deltas: Vec<_> = events
        .iter()
        .map(|it| &it["choices"][0]["delta"]["tool_calls"][0])
        .filter(|it| it["index"] == 0)
        .filter_map(|it| it["function"]["arguments"].as_str())
        .collect();
    assert!(deltas.len() >= 3, "{deltas:?}");
    assert_eq!(deltas.concat(), r#"{"cmd":"echo hällo wörld"}"#);
}

#[test]
fn chat_tells_usage_only_to_those_who_ask() {
    let asks = json!({ "stream_options": { "include_usage": true } });
    let told =
        |body| joined(&stream(Wire::Chat, head(body), &everything())).contains("total_tokens");
    assert!(told(&asks) && !told(&json!({})));
}

#[test]
fn nothing_follows_a_cut_or_a_failure() {
    for wire in Wire::ALL {
        let acts = stream(wire, head(&Value::Null), &[text("a "), cut(), text("never")]);
        assert_eq!(acts.last(), Some(&Act::Cut));
        assert!(!joined(&acts).contains("never"));
        let pieces = [text("a "), fail("server_error", "broken"), text("never"), finish("stop")];
        let told = joined(&stream(wire, head(&Value::Null), &pieces));
        assert!(told.contains("broken") && !told.contains("never"), "{told}");
        assert!(!told.contains("[DONE]") && !told.contains("message_stop"), "{told}");
    }
}

#[test]
fn the_whole_answer_of_chat_keeps_everything() {
    let whole = whole(Wire::Chat, &Value::Null, &everything());
    let message = &whole["choices"][0]["message"];
    assert_eq!(message["reasoning_content"], "Think. More.");
    assert_eq!(message["content"], "Hi.");
    assert_eq!(message["tool_calls"][0]["id"], "c");
    assert_eq!(message["tool_calls"][1]["id"], Value::Null);
    assert_eq!(whole["choices"][0]["finish_reason"], "tool_calls");
    assert_eq!(whole["usage"]["total_tokens"], 7);
}

/// Puts the blocks of a Messages stream together, as a client does.
fn content(events: &[Value]) -> Vec<Value> {
    let mut blocks: Vec<Value> = Vec::new();
    let mut arguments = String::new();
    for event in events {
        let index = event["index"].as_u64().map(|at| usize::try_from(at).unwrap());
        match event["type"].as_str().unwrap() {
            "content_block_start" => {
                assert_eq!(index, Some(blocks.len()));
                blocks.push(event["content_block"].clone());
                arguments.clear();
            }
            "content_block_delta" => {
                let block = blocks.last_mut().unwrap();
                let delta = event["delta"].as_object().unwrap();
                for (field, more) in delta.iter().filter(|(field, _)| *field != "type") {
                    if field == "partial_json" {
                        arguments.push_str(more.as_str().unwrap());
                    } else {
                        let text = block[field].as_str().unwrap();
                        block[field] = format!("{text}{}", more.as_str().unwrap()).into();
                    }
                }
            }
            "content_block_stop" if !arguments.is_empty() => {
                blocks.last_mut().unwrap()["input"] = serde_json::from_str(&arguments).unwrap();
            }
            _ => {}
        }
    }
    blocks
}

#[test]
fn messages_brackets_its_blocks_and_signs_thought() {
    let pieces = [
        reasoning("Think. "),
        redacted(),
        search("rust", "Page", "https://example.invalid"),
        text("Hi."),
        call("c", "f", r#"{"a":1}"#),
        finish("tool_calls"),
        Piece::Usage(Usage { input: 9, cached: 4, output: 2, reasoning: 1 }),
    ];
    let events = events(Wire::Messages, &json!({ "model": "m" }), &pieces);
    let kinds = |kind: &str| events.iter().filter(|it| it["type"] == kind).count();
    assert_eq!(kinds("content_block_start"), 6);
    assert_eq!(kinds("content_block_stop"), 6);
    assert_eq!(events[0]["message"]["usage"]["input_tokens"], 5);
    assert_eq!(events[0]["message"]["usage"]["cache_read_input_tokens"], 4);
    assert_eq!(events.last().unwrap()["type"], "message_stop");

    let content = content(&events);
    assert_eq!(content[0]["signature"], ISSUER.seal(0));
    assert_eq!(content[1], json!({ "type": "redacted_thinking", "data": ISSUER.seal(1) }));
    assert_eq!(content[5]["input"], json!({ "a": 1 }));
    let whole = whole(Wire::Messages, &json!({ "model": "m" }), &pieces);
    assert_eq!(whole["content"], Value::from(content));
    assert_eq!(whole["stop_reason"], "tool_use");
    assert_eq!(whole["usage"]["output_tokens"], 2);
}

#[test]
fn responses_fit_the_vendor_s_own_description() {
    for (reason, status) in
        [("stop", "completed"), ("length", "incomplete"), ("content_filter", "incomplete")]
    {
        let mut pieces = everything();
        pieces[5] = finish(reason);
        let events = events(Wire::Responses, &json!({ "model": "m" }), &pieces);
        for (at, event) in events.iter().enumerate() {
            assert_eq!(event["sequence_number"], at);
            let mut event = event.clone();
            // The vendor itself sends a usage of `null` until it is known, against its own description.
            if let Some(response) = event["response"].as_object_mut() {
                response.retain(|name, value| name != "usage" || !value.is_null());
            }
            let told = schema::openai().check_event(&event);
            told.unwrap_or_else(|why| panic!("{event}: {why:?}"));
        }
        let last = &events.last().unwrap()["response"];
        let whole = whole(Wire::Responses, &json!({ "model": "m" }), &pieces);
        assert_eq!(&whole, last);
        assert_eq!(whole["status"], status);
        schema::openai().check_response(&whole).unwrap();
        let output = whole["output"].as_array().unwrap();
        let kinds: Vec<_> = output.iter().map(|it| it["type"].as_str().unwrap()).collect();
        assert_eq!(kinds, ["reasoning", "message", "function_call", "function_call"]);
        assert_eq!(output[0]["encrypted_content"], ISSUER.seal(0));
        assert_eq!(output[3]["call_id"], ISSUER.call_id(1));
    }
}

#[test]
fn responses_calls_a_tool_by_the_kind_that_was_offered() {
    let body = json!({ "tools": [
        { "type": "custom", "name": "apply_patch" },
        { "type": "tool_search" },
        { "type": "namespace", "name": "mcp__tiny", "tools": [
            { "type": "function", "name": "echo" },
        ] },
    ] });
    let pieces = [
        call("a", "apply_patch", r#"{"input":"*** Begin"}"#),
        call("b", "tool_search", r#"{"query":"q"}"#),
        call("c", "mcp__tiny__echo", "{}"),
        call("d", "mcp__tiny__other", "{}"),
        finish("tool_calls"),
    ];
    let output = whole(Wire::Responses, &body, &pieces)["output"].clone();
    assert_eq!(output[0]["type"], "custom_tool_call");
    assert_eq!(output[0]["input"], "*** Begin");
    assert_eq!(output[1]["type"], "tool_search_call");
    assert_eq!(output[1]["arguments"]["query"], "q");
    assert_eq!(
        (&output[2]["namespace"], &output[2]["name"]),
        (&json!("mcp__tiny"), &json!("echo"))
    );
    assert_eq!(output[3]["name"], "mcp__tiny__other");
}

#[test]
fn raw_bytes_go_out_as_they_are() {
    for wire in Wire::ALL {
        let told = joined(&stream(wire, head(&Value::Null), &[raw(": note\n\n"), finish("stop")]));
        assert!(told.contains(": note\n\n"), "{told}");
    }
}
