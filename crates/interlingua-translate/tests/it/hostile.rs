//! What upstreams send instead of the book, and what a client has to get all the same.
//!
//! Each row is one stream. It is read by the decoder and, through the encoder, by a client; both have
//! to find the same items in the same order.

use std::borrow::Borrow;

use interlingua_ir::{Attachment, Event, Index, Kind};
use serde_json::{Value, json};

use crate::support::{Run, Seen, decode, dialect, translate};

/// A chunk with this delta.
fn delta(delta: impl Borrow<Value>) -> String {
    frame(&json!({ "id": "c", "model": "m", "choices": [{ "index": 0, "delta": delta.borrow() }] }))
}

/// Pieces of calls in one chunk.
fn calls(pieces: impl Borrow<Value>) -> String {
    delta(json!({ "tool_calls": pieces.borrow() }))
}

/// A piece of a call, by the book.
fn call(index: u32, id: &str, name: &str, arguments: &str) -> Value {
    json!({ "index": index, "id": id, "type": "function",
            "function": { "name": name, "arguments": arguments } })
}

/// The next piece of arguments, by the book.
fn more(index: u32, arguments: &str) -> Value {
    json!({ "index": index, "function": { "arguments": arguments } })
}

fn text(text: &str) -> String {
    delta(json!({ "content": text }))
}

fn thought(text: &str) -> String {
    delta(json!({ "reasoning_content": text }))
}

fn stop(reason: &str) -> String {
    let choice = json!({ "index": 0, "delta": {}, "finish_reason": reason });
    frame(&json!({ "id": "c", "model": "m", "choices": [choice] })) + "data: [DONE]\n\n"
}

fn frame(json: &Value) -> String {
    format!("data: {json}\n\n")
}

/// Reads `frames` and expects `items`, one in a line, and the two ends: the decoder's and the one that
/// the client sees.
#[track_caller]
fn check(frames: &[String], items: &[&str], end: &str, terminal: &str) {
    let bytes = frames.concat();
    let dialect = dialect("generic");
    let run = decode(&dialect, bytes.as_bytes(), usize::MAX);
    let (decoded, decoded_end) = decoded(&run);
    assert_eq!(decoded, items, "decoded");
    assert_eq!(decoded_end, end);
    for step in [1, 7] {
        assert_eq!(decode(&dialect, bytes.as_bytes(), step), run, "in pieces of {step}");
    }

    let (client, result) = translate(&dialect, bytes.as_bytes());
    assert_eq!(result, run.result);
    let seen = Seen::of(&client);
    assert_eq!(seen.done().into_iter().map(item).collect::<Vec<_>>(), items, "at the client");
    let last = seen.terminal();
    let response = &last["response"];
    let why = [&response["error"]["code"], &response["incomplete_details"]["reason"]];
    let why = why.into_iter().find_map(Value::as_str).map_or(String::new(), |it| format!(" {it}"));
    let kind = last["type"].as_str().unwrap().trim_start_matches("response.");
    assert_eq!(format!("{kind}{why}"), terminal);
    if kind != "failed" {
        let output: Vec<_> = response["output"].as_array().unwrap().iter().map(item).collect();
        assert_eq!(output, items, "in the answer");
    }
}

/// The whole items of a decoded stream, in order, and its end.
fn decoded(run: &Run) -> (Vec<String>, String) {
    let mut items: Vec<(Index, String, String, bool)> = Vec::new();
    let mut end = None;
    for event in &run.events {
        match event {
            Event::Open { index, kind } => {
                let head = match kind {
                    Kind::Text | Kind::Refusal => "text".to_owned(),
                    Kind::Reasoning => "thought".to_owned(),
                    Kind::Call(head) => format!("call {} {}", head.id, head.name),
                    Kind::Summary => panic!("no decoder makes one"),
                };
                items.push((*index, head, String::new(), false));
            }
            Event::Delta { index, text } => {
                let item = items.iter_mut().find(|it| it.0 == *index).unwrap();
                item.2.push_str(&text.to_plain());
            }
            Event::Close { index } => items.iter_mut().find(|it| it.0 == *index).unwrap().3 = true,
            Event::End { stop, .. } => end = Some(format!("{stop:?}")),
            Event::Attach { attachment: Attachment::Citation { .. }, .. } => panic!("unexpected"),
            _ => {}
        }
    }
    let failed = run.result.as_ref().err().map(|fault| format!("failed: {}", fault.class));
    let whole = items.into_iter().filter(|it| it.3);
    let lines = whole.map(|(_, head, text, _)| format!("{head} {text}")).collect();
    (lines, end.or(failed).unwrap())
}

/// An item at the client, in the words of [`decoded`].
fn item(item: &Value) -> String {
    let field = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    match item["type"].as_str().unwrap() {
        "message" => format!("text {}", field(&item["content"][0]["text"])),
        "reasoning" => format!("thought {}", field(&item["summary"][0]["text"])),
        "function_call" => {
            let [id, name, input] = ["call_id", "name", "arguments"].map(|it| field(&item[it]));
            format!("call {id} {name} {input}")
        }
        other => panic!("unexpected {other}"),
    }
}

const COMPLETED: &str = "completed";
const CUT: &str = "failed: stream_interrupted";
const SERVER_ERROR: &str = "failed server_error";

#[test]
fn s01_two_whole_calls_without_index() {
    let piece = |id: Option<&str>, name: &str, arguments: &str| {
        let mut piece = json!({ "function": { "name": name, "arguments": arguments } });
        if let Some(id) = id {
            piece["id"] = id.into();
        }
        piece
    };
    let with_ids =
        calls(json!([piece(Some("a"), "f", "{\"x\":1}"), piece(Some("b"), "g", "{\"y\":2}")]));
    check(
        &[with_ids, stop("tool_calls")],
        &["call a f {\"x\":1}", "call b g {\"y\":2}"],
        "ToolUse",
        COMPLETED,
    );
    let without = calls(json!([
        piece(None, "f", "{\"x\":1}"),
        piece(None, "f", "{\"x\":2}"),
        piece(None, "now", ""),
        piece(None, "g", "{}")
    ]));
    check(
        &[without, stop("tool_calls")],
        &[
            "call call_s_0 f {\"x\":1}",
            "call call_s_1 f {\"x\":2}",
            "call call_s_2 now {}",
            "call call_s_3 g {}",
        ],
        "ToolUse",
        COMPLETED,
    );
}

#[test]
fn s02_two_calls_under_one_index() {
    let frames = [
        calls(json!([call(0, "a", "f", "{\"x\":")])),
        calls(json!([more(0, "1}")])),
        calls(json!([call(0, "b", "g", "{\"y\":")])),
        calls(json!([more(0, "2}")])),
        stop("tool_calls"),
    ];
    check(&frames, &["call a f {\"x\":1}", "call b g {\"y\":2}"], "ToolUse", COMPLETED);
}

#[test]
fn s03_id_and_name_with_every_piece() {
    let frames = ["{\"x\"", ":1", "}", ""]
        .map(|arguments| calls(json!([call(0, "a", "f", arguments)])))
        .into_iter()
        .chain([stop("tool_calls")])
        .collect::<Vec<_>>();
    check(&frames, &["call a f {\"x\":1}"], "ToolUse", COMPLETED);
}

#[test]
fn s04_the_name_comes_late() {
    let frames = [
        calls(json!([{ "index": 0, "id": "a" }])),
        calls(json!([{ "index": 0, "function": { "name": "", "arguments": "{\"x\":" } }])),
        calls(json!([{ "index": 0, "function": { "name": "f", "arguments": "1" } }])),
        calls(json!([more(0, "}")])),
        stop("tool_calls"),
    ];
    check(&frames, &["call a f {\"x\":1}"], "ToolUse", COMPLETED);
}

#[test]
fn s04_a_name_that_never_comes_is_a_failure() {
    let frames = [
        calls(json!([{ "index": 0, "id": "a", "function": { "arguments": "{}" } }])),
        stop("stop"),
    ];
    check(&frames, &[], "failed: tool_generation_failed", SERVER_ERROR);
}

#[test]
fn s05_no_id_at_all() {
    for none in [Value::Null, json!(""), json!("null")] {
        let frames = [
            calls(
                json!([{ "index": 0, "id": none, "function": { "name": "f", "arguments": "{\"x\":" } }]),
            ),
            calls(json!([{ "index": 0, "id": none, "function": { "arguments": "1}" } }])),
            calls(
                json!([{ "index": 1, "id": none, "function": { "name": "g", "arguments": "{}" } }]),
            ),
            stop("tool_calls"),
        ];
        let items = ["call call_s_0 f {\"x\":1}", "call call_s_1 g {}"];
        check(&frames, &items, "ToolUse", COMPLETED);
    }
}

#[test]
fn s06_one_id_for_two_calls() {
    let frames = [
        calls(json!([call(0, "a", "f", "{\"x\":1}")])),
        calls(json!([call(1, "a", "f", "{\"x\":")])),
        calls(json!([more(1, "2}")])),
        calls(json!([call(2, "a_1", "g", "{}")])),
        stop("tool_calls"),
    ];
    let items = ["call a f {\"x\":1}", "call a_1 f {\"x\":2}", "call a_1_2 g {}"];
    check(&frames, &items, "ToolUse", COMPLETED);
}

#[test]
fn s06_the_same_id_and_index_is_the_same_call() {
    let frames = [
        calls(json!([call(0, "a", "f", "{\"x\":1}")])),
        calls(json!([call(0, "a", "f", "{\"x\":2}")])),
        stop("tool_calls"),
    ];
    check(&frames, &["call a f {\"x\":1}{\"x\":2}"], "ToolUse", COMPLETED);
}

#[test]
fn s07_arguments_as_an_object() {
    let piece = json!([{ "index": 0, "id": "a", "function": { "name": "f", "arguments": { "x": [1, "a b"] } } }]);
    check(
        &[calls(piece), stop("tool_calls")],
        &["call a f {\"x\":[1,\"a b\"]}"],
        "ToolUse",
        COMPLETED,
    );
}

#[test]
fn s08_cut_inside_the_arguments() {
    for rest in ["", "data: [DONE]\n\n"] {
        let frames = [text("Hi."), calls(json!([call(0, "a", "f", "{\"x\":")])), rest.to_owned()];
        check(&frames, &["text Hi."], CUT, SERVER_ERROR);
    }
    // Whole arguments without any end are not trusted either, unless the upstream says `[DONE]`.
    let whole = || calls(json!([call(0, "a", "f", "{\"x\":1}")]));
    check(&[whole()], &[], CUT, SERVER_ERROR);
    let frames = [whole(), "data: [DONE]\n\n".to_owned()];
    check(&frames, &["call a f {\"x\":1}"], "ToolUse", COMPLETED);
}

#[test]
fn s09_the_limit_inside_the_arguments() {
    let frames = [
        calls(json!([call(0, "a", "f", "{\"x\":1}")])),
        calls(json!([call(1, "b", "g", "{\"y\":")])),
        stop("length"),
    ];
    check(&frames, &["call a f {\"x\":1}"], "Length", "incomplete max_output_tokens");
}

#[test]
fn s10_text_call_text() {
    let frames = [
        text("A"),
        calls(json!([call(0, "a", "f", "{}")])),
        text("B"),
        text("C"),
        stop("tool_calls"),
    ];
    check(&frames, &["text A", "call a f {}", "text BC"], "ToolUse", COMPLETED);
    // Blanks that may still become a tag stay before the call.
    let frames = [text("\n"), calls(json!([call(0, "a", "f", "{}")])), stop("tool_calls")];
    check(&frames, &["text \n", "call a f {}"], "ToolUse", COMPLETED);
}

#[test]
fn s11_thought_text_thought_call() {
    let frames = [
        thought("one"),
        text("A"),
        thought("two"),
        calls(json!([call(0, "a", "f", "{}")])),
        stop("tool_calls"),
    ];
    let items = ["thought one", "text A", "thought two", "call a f {}"];
    check(&frames, &items, "ToolUse", COMPLETED);
}

#[test]
fn s12_an_error_inside_the_stream() {
    let error = json!({ "error": { "message": "engine exploded", "code": 500 } });
    for broken in [
        frame(&error),
        format!("event: error\n{}", frame(&json!({ "message": "engine exploded" }))),
    ] {
        let frames = [text("Half"), broken, stop("stop")];
        check(&frames, &[], "failed: upstream", SERVER_ERROR);
        let (client, _) = translate(&dialect("generic"), frames.concat().as_bytes());
        let message = Seen::of(&client).terminal()["response"]["error"]["message"].clone();
        assert!(message.as_str().unwrap().contains("engine exploded"), "{message}");
    }
}

#[test]
fn s13_cut_inside_the_text() {
    check(&[text("Half an ans")], &[], CUT, SERVER_ERROR);
    check(&[thought("Hmm")], &[], CUT, SERVER_ERROR);
}

#[test]
fn s14_nulls_and_empty_strings_say_nothing() {
    let nothing = json!({ "role": "assistant", "content": null, "tool_calls": null, "function_call": null,
                          "reasoning_content": null, "refusal": null, "annotations": null });
    let empty = json!({ "role": "", "content": "", "tool_calls": [], "reasoning_content": "" });
    let frames = [
        delta(&nothing),
        delta(&empty),
        text("A"),
        delta(nothing),
        delta(empty),
        text("B"),
        frame(&json!({ "choices": null })),
        frame(&json!({ "choices": [] })),
        frame(&json!({ "choices": [{ "index": 0, "delta": null, "finish_reason": null }] })),
        stop("stop"),
    ];
    check(&frames, &["text AB"], "Complete", COMPLETED);
}

#[test]
fn s15_the_call_of_the_first_api() {
    let frames = [
        delta(json!({ "function_call": { "name": "f", "arguments": "{\"x\":" } })),
        delta(json!({ "function_call": { "arguments": "1}" } })),
        stop("function_call"),
    ];
    check(&frames, &["call call_s_0 f {\"x\":1}"], "ToolUse", COMPLETED);
}

#[test]
fn s16_stop_with_calls() {
    let frames = [calls(json!([call(0, "a", "f", "")])), stop("stop")];
    check(&frames, &["call a f {}"], "ToolUse", COMPLETED);
}

#[test]
fn s17_usage_inside_the_choice() {
    let choice = json!({ "index": 0, "delta": { "content": "A" }, "finish_reason": "stop",
        "usage": { "prompt_tokens": 7, "completion_tokens": 2, "cached_tokens": 3 } });
    let bytes = frame(&json!({ "id": "c", "choices": [choice] })) + "data: [DONE]\n\n";
    check(std::slice::from_ref(&bytes), &["text A"], "Complete", COMPLETED);
    let (client, _) = translate(&dialect("generic"), bytes.as_bytes());
    let usage = Seen::of(&client).terminal()["response"]["usage"].clone();
    assert_eq!((&usage["input_tokens"], &usage["output_tokens"]), (&json!(7), &json!(2)));
    assert_eq!(usage["input_tokens_details"]["cached_tokens"], 3);
}

#[test]
fn s18_every_spelling_of_thought() {
    let deltas = [
        json!({ "reasoning_content": "Hm." }),
        json!({ "reasoning": "Hm." }),
        json!({ "reasoning_text": "Hm." }),
        json!({ "reasoning": "Hm.", "reasoning_content": "Hm.", "reasoning_details": [{ "type": "reasoning.text", "text": "Hm." }] }),
        json!({ "reasoning_details": [{ "type": "reasoning.text", "text": "Hm." }] }),
        json!({ "reasoning_details": [{ "type": "reasoning.summary", "summary": "Hm." }] }),
        json!({ "thinking_blocks": [{ "type": "thinking", "thinking": "Hm.", "signature": "s" }] }),
        json!({ "content": [{ "type": "thinking", "thinking": [{ "type": "text", "text": "Hm." }] }] }),
        json!({ "content": "<think>Hm.</think>" }),
    ];
    for spelling in deltas {
        let frames = [delta(spelling), text("A"), stop("stop")];
        check(&frames, &["thought Hm.", "text A"], "Complete", COMPLETED);
    }
}

#[test]
fn s20_a_whole_answer_where_a_stream_was_asked_for() {
    let message = json!({ "role": "assistant", "content": "A", "reasoning_content": "Hm.",
        "tool_calls": [{ "id": "a", "type": "function", "function": { "name": "f", "arguments": "{}" } }] });
    let body = json!({ "id": "c", "object": "chat.completion", "model": "m",
        "choices": [{ "index": 0, "message": message, "finish_reason": "tool_calls" }],
        "usage": { "prompt_tokens": 1, "completion_tokens": 2 } });
    let items = ["thought Hm.", "text A", "call a f {}"];
    check(&[format!("\n {body}")], &items, "ToolUse", COMPLETED);
    let half = body.to_string();
    let (half, _) = half.split_at(half.len() - 9);
    check(&[half.to_owned()], &[], CUT, SERVER_ERROR);
}

#[test]
fn s21_a_web_page_or_nothing() {
    let page =
        "<!DOCTYPE html><html><head><title>Welcome to nginx!</title></head></html>".to_owned();
    check(std::slice::from_ref(&page), &[], "failed: upstream", SERVER_ERROR);
    let fault = decode(&dialect("generic"), page.as_bytes(), usize::MAX).result.unwrap_err();
    assert!(fault.message.contains("Welcome to nginx!"), "{fault}");
    assert!(fault.message.contains("base URL"), "{fault}");
    for nothing in ["", "\n\n", ": comment\n\n"] {
        check(&[nothing.to_owned()], &[], CUT, SERVER_ERROR);
    }
}

#[test]
fn s22_the_limit_inside_the_text() {
    let frames = [text("Half an ans"), stop("length")];
    check(&frames, &["text Half an ans"], "Length", "incomplete max_output_tokens");
}

/// Reasons that no record knows: half an answer must not pass as whole because of a new word.
#[test]
fn unknown_reasons_are_read_with_care() {
    let half = |reason: &str| [text("Half"), stop(reason)];
    check(&half("network_error"), &[], "failed: upstream", "failed server_error");
    check(&half("model_length"), &["text Half"], "Length", "incomplete max_output_tokens");
    check(&half("safety"), &["text Half"], "Filtered", "failed invalid_prompt");
    check(&half("end_turn"), &["text Half"], "Complete", "completed");
}

#[test]
fn a_content_filter_is_told_to_codex_as_a_refusal() {
    let frames =
        [text("Half"), calls(json!([call(0, "a", "f", "{\"x\":")])), stop("content_filter")];
    check(&frames, &["text Half"], "Filtered", "failed invalid_prompt");
}

#[test]
fn what_follows_the_reason_still_belongs_to_the_answer() {
    let finished = json!({ "index": 0, "delta": {}, "finish_reason": "tool_calls" });
    let frames = [
        text("A"),
        frame(&json!({ "choices": [finished] })),
        text("B"),
        calls(json!([call(0, "a", "f", "{}")])),
        "data: [DONE]\n\n".to_owned(),
    ];
    check(&frames, &["text A", "text B", "call a f {}"], "ToolUse", COMPLETED);
}

#[test]
fn arguments_that_are_no_json_are_never_replaced() {
    for (arguments, expect) in [("ls -la", "ls -la"), ("{\"x\":", "{\"x\":"), ("", "{}")] {
        let frames = [calls(json!([call(0, "a", "f", arguments)])), stop("tool_calls")];
        check(&frames, &[&format!("call a f {expect}")], "ToolUse", COMPLETED);
    }
}

#[test]
fn a_lost_event_is_a_lost_answer() {
    let frames = [
        text("A"),
        "data: {\"choices\":[{\"delta\":{\"cont\n\n".to_owned(),
        text("B"),
        stop("stop"),
    ];
    check(&frames, &[], "failed: upstream", SERVER_ERROR);
    let frames = [text("A"), "data: ping\n\n".to_owned(), text("B"), stop("stop")];
    check(&frames, &["text AB"], "Complete", COMPLETED);
}

#[test]
fn characters_cut_in_two_are_joined() {
    let half = |inside: &str| {
        format!("data: {{\"choices\":[{{\"delta\":{{\"content\":\"{inside}\"}}}}]}}\n\n")
    };
    let frames = [half("a\\ud83d"), half("\\ude00b"), stop("stop")];
    check(&frames, &["text a😀b"], "Complete", COMPLETED);
    let piece = |inside: &str| {
        format!(
            "data: {{\"choices\":[{{\"delta\":{{\"tool_calls\":[{{\"index\":0,\"id\":\"a\",\"function\":{{\"name\":\"f\",\"arguments\":\"{inside}\"}}}}]}}}}]}}\n\n"
        )
    };
    let frames = [piece("{\\\"x\\\":\\\"\\ud83d"), piece("\\ude00\\\"}"), stop("tool_calls")];
    check(&frames, &["call a f {\"x\":\"😀\"}"], "ToolUse", COMPLETED);
}
