//! Answers of upstreams that speak Responses themselves: whatever comes first counts, nothing is said
//! twice, and half an answer never looks whole.

use std::sync::Arc;

use expect_test::{Expect, expect};
use interlingua_ir::{Attachment, Class, Event, Piece, Stop};
use interlingua_testkit::fixtures::{self, CUTS, cut};
use interlingua_testkit::schema;
use interlingua_translate::{Pipe, responses};
use proptest::prelude::*;
use proptest::sample::Index as Pick;
use serde_json::{Value, json};

use crate::support::{
    Run, Said, Seen, dialect, frame_ends, frames, head, json_of, one_by_one, run,
};

/// The recorded streams of native upstreams, by name.
pub(crate) fn recordings() -> Vec<(String, Vec<u8>)> {
    let folders = ["codex", "clients/responses"];
    let names = folders.iter().flat_map(|folder| {
        fixtures::list(folder, ".sse").into_iter().map(move |name| format!("{folder}/{name}"))
    });
    names.map(|name| (name.clone(), fixtures::bytes(&name))).collect()
}

pub(crate) fn decoder() -> responses::Decoder {
    responses::Decoder::new(Arc::new(dialect("openai")), "up", "s")
}

#[track_caller]
fn decode(bytes: &[u8], step: usize) -> Run {
    run(decoder(), cut(bytes, step))
}

#[track_caller]
fn run_lane(bytes: &[u8]) -> Run {
    run(decoder().verbatim(), cut(bytes, usize::MAX))
}

/// A stream of these events.
fn stream(events: &[Value]) -> Vec<u8> {
    let frames = events.iter().map(|it| {
        let kind = it["type"].as_str().unwrap_or_default();
        format!("event: {kind}\ndata: {it}\n\n")
    });
    frames.collect::<String>().into_bytes()
}

/// Reads these events and shows what they mean, one line per event.
#[track_caller]
fn check(events: &[Value], expect: &Expect) {
    let bytes = stream(events);
    let whole = decode(&bytes, usize::MAX);
    assert_eq!(decode(&bytes, 1), whole);
    let mut shown: Vec<String> = whole.events.iter().map(ToString::to_string).collect();
    shown.extend(whole.result.err().map(|fault| format!("fault {}: {fault}", fault.class)));
    expect.assert_eq(&(shown.join("\n") + "\n"));
}

fn event(kind: &str, mut fields: Value) -> Value {
    fields["type"] = json!(format!("response.{kind}"));
    fields
}

fn created() -> Value {
    event("created", json!({"response": {"id": "resp_1", "model": "m", "status": "in_progress"}}))
}

fn completed(output: &Value) -> Value {
    event(
        "completed",
        json!({"response": {"id": "resp_1", "status": "completed", "output": output}}),
    )
}

#[test]
fn recordings_mean_the_same_however_they_are_cut() {
    for (name, bytes) in recordings() {
        let whole = decode(&bytes, usize::MAX);
        for step in CUTS {
            assert_eq!(decode(&bytes, step), whole, "{name} by {step}");
        }
        let said = Said::of(&whole);
        let fails = name.contains("/failed_") || name.contains("midstream_error");
        assert_eq!(said.error.is_some(), fails, "{name}: {:?}", whole.result);
        let silent = ["compaction_v2_item", "failed_"].iter().any(|it| name.contains(it));
        let empty = said.text.is_empty() && said.calls.is_empty();
        assert_eq!(empty, silent, "{name}: {said:?}");
    }
}

#[test]
fn truncated_recordings_never_look_complete() {
    for (name, bytes) in recordings() {
        let ends = frame_ends(&bytes);
        let whole = decode(&bytes, usize::MAX);
        for end in ends.iter().filter(|end| **end < bytes.len()) {
            let run = decode(&bytes[..*end], usize::MAX);
            // What stands behind the terminal event is no part of the answer.
            if run.result.is_ok() || whole.result == run.result {
                assert_eq!(run, whole, "{name} cut at {end}");
                continue;
            }
            assert_eq!(run.result.unwrap_err().class, Class::Interrupted, "{name} cut at {end}");
            let seen = Seen::of(&encoded(&bytes[..*end], responses::Encoder::stream(head())));
            assert_eq!(seen.terminal()["type"], "response.failed", "{name} cut at {end}");
            // In the lane, too, what came before has passed, and no more.
            let lane = run_lane(&bytes[..*end]);
            assert_eq!(lane.result.unwrap_err().class, Class::Interrupted, "{name} cut at {end}");
        }
    }
}

#[test]
fn failures_have_the_class_of_their_code() {
    for (name, class) in [
        ("failed_context_length", Class::ContextLength),
        ("failed_insufficient_quota", Class::Quota),
        ("failed_invalid_prompt", Class::BadParam),
        ("failed_overloaded", Class::Overloaded),
        ("failed_rate_limit_wait", Class::RateLimit),
        ("failed_retryable", Class::Upstream),
    ] {
        let run = decode(&fixtures::bytes(format!("codex/{name}.sse")), usize::MAX);
        let fault = run.result.unwrap_err();
        assert_eq!(fault.class, class, "{name}: {fault}");
        let wait = (class == Class::RateLimit).then_some(std::time::Duration::from_millis(1500));
        assert_eq!(fault.retry_after, wait, "{name}");
    }
}

#[test]
fn a_thought_keeps_all_its_parts_and_what_it_is_recognised_by() {
    let bytes = fixtures::bytes("codex/reasoning_all_then_shell_call.sse");
    let shown: Vec<_> = decode(&bytes, usize::MAX).events.iter().map(ToString::to_string).collect();
    expect![[r#"
        begin resp_1 
        open  #0 reasoning
        delta #0 "I will run a command."
        delta #0 "\n\n"
        delta #0 "raw chain of thought"
        with  #0 Provenance { field: "id", json: "\"rs_1\"" }
        with  #0 Provenance { field: "encrypted_content", json: "\"b3BhcXVl\"" }
        close #0
        open  #1 call exec_command call_1
        delta #1 "{\"cmd\": \"echo hi\"}"
        close #1
        end   ToolUse in=1200 cached=1000 out=60 reasoning=40"#]]
    .assert_eq(&shown.join("\n"));
}

#[test]
fn items_may_come_only_at_their_end_or_at_the_end_of_all() {
    let message = json!({"type": "message", "id": "msg_1", "role": "assistant",
        "content": [{"type": "output_text", "text": "Hello", "annotations": []}]});
    let call = json!({"type": "function_call", "id": "fc_1", "call_id": "c1", "name": "f",
        "arguments": "{\"a\":1}", "status": "completed"});
    let expected = expect![[r#"
        begin resp_1 m
        open  #0 text
        delta #0 "Hello"
        close #0
        open  #1 call f c1
        delta #1 "{\"a\":1}"
        close #1
        end   ToolUse
    "#]];
    let done = |at: u64, item: &Value| {
        event("output_item.done", json!({"output_index": at, "item": item}))
    };
    let all = json!([message, call]);
    check(&[created(), completed(&all)], &expected);
    check(&[created(), done(0, &message), done(1, &call), completed(&json!([]))], &expected);
    check(&[created(), done(0, &message), done(1, &call), completed(&all)], &expected);
    check(&[created(), done(0, &message), completed(&all)], &expected);
    // Other ids at the end than on the way.
    let mut renamed = all.clone();
    renamed[0]["id"] = json!("msg_other");
    renamed[1]["id"] = json!("fc_other");
    check(&[created(), done(0, &message), done(1, &call), completed(&renamed)], &expected);
}

#[test]
fn pieces_that_were_lost_are_filled_in() {
    let delta = |text: &str| {
        event("output_text.delta", json!({"output_index": 0, "content_index": 0, "delta": text}))
    };
    let whole = |text: &str| {
        event("output_text.done", json!({"output_index": 0, "content_index": 0, "text": text}))
    };
    check(
        &[created(), delta("Hel"), whole("Hello\nyou"), completed(&json!([]))],
        &expect![[r#"
            begin resp_1 m
            open  #0 text
            delta #0 "Hel"
            note  filled-in=pieces that were lost
            delta #0 "lo\nyou"
            close #0
            end   Complete
        "#]],
    );
    check(
        &[created(), whole("Hello"), completed(&json!([]))],
        &expect![[r#"
            begin resp_1 m
            open  #0 text
            delta #0 "Hello"
            close #0
            end   Complete
        "#]],
    );
}

#[test]
fn prose_and_refusal_are_kept_apart() {
    let delta = |kind: &str, at: u64, text: &str| {
        event(
            kind,
            json!({"item_id": "msg_1", "output_index": 0, "content_index": at, "delta": text}),
        )
    };
    let item = json!({"type": "message", "id": "msg_1", "content": [
        {"type": "output_text", "text": "Well. "}, {"type": "output_text", "text": "Then."},
        {"type": "refusal", "refusal": "No."}, {"type": "hologram", "data": 1}]});
    check(
        &[
            created(),
            event(
                "output_item.added",
                json!({"output_index": 0, "item": {"type": "message", "id": "msg_1"}}),
            ),
            delta("output_text.delta", 0, "Well. "),
            delta("output_text.delta", 1, "Then."),
            delta("refusal.delta", 2, "No."),
            event("output_item.done", json!({"output_index": 0, "item": item})),
            completed(&json!([item])),
        ],
        &expect![[r#"
            begin resp_1 m
            open  #0 text
            delta #0 "Well. "
            delta #0 "Then."
            close #0
            open  #1 refusal
            delta #1 "No."
            note  dropped=output part hologram
            close #1
            end   Complete
        "#]],
    );
}

#[test]
fn sources_are_told_once() {
    let cite = |url: &str| json!({"type": "url_citation", "url": url, "title": "T", "start_index": 0, "end_index": 1});
    let item = json!({"type": "message", "id": "msg_1", "content": [{"type": "output_text", "text": "See",
        "annotations": [cite("https://a.test"), cite("https://b.test"), {"type": "file_path", "file_id": "f"}]}]});
    check(
        &[
            created(),
            event(
                "output_text.delta",
                json!({"item_id": "msg_1", "output_index": 0, "content_index": 0, "delta": "See"}),
            ),
            event(
                "output_text.annotation.added",
                json!({"item_id": "msg_1", "output_index": 0, "annotation": cite("https://a.test")}),
            ),
            event("output_item.done", json!({"output_index": 0, "item": item})),
            completed(&json!([item])),
        ],
        &expect![[r#"
            begin resp_1 m
            open  #0 text
            delta #0 "See"
            with  #0 Citation { url: "https://a.test", title: "T" }
            with  #0 Citation { url: "https://b.test", title: "T" }
            note  dropped=annotation file_path
            close #0
            end   Complete
        "#]],
    );
}

#[test]
fn a_call_that_was_cut_is_dropped() {
    let added = event(
        "output_item.added",
        json!({"output_index": 0, "item": {"type": "function_call", "call_id": "c1", "name": "f", "arguments": ""}}),
    );
    let piece =
        event("function_call_arguments.delta", json!({"output_index": 0, "delta": "{\"a\":"}));
    let cut_item = json!({"type": "function_call", "call_id": "c1", "name": "f", "arguments": "{\"a\":", "status": "incomplete"});
    let incomplete = |reason: &str| {
        event(
            "incomplete",
            json!({"response": {"id": "resp_1", "status": "incomplete",
            "incomplete_details": {"reason": reason}, "output": [cut_item]}}),
        )
    };
    let expected = expect![[r#"
        begin resp_1 m
        open  #0 call f c1
        delta #0 "{\"a\":"
        drop  #0
        end   Length
    "#]];
    let done = event("output_item.done", json!({"output_index": 0, "item": cut_item}));
    check(&[created(), added.clone(), piece.clone(), incomplete("max_output_tokens")], &expected);
    check(&[created(), added.clone(), piece.clone(), done, incomplete("a new reason")], &expected);
    let run = decode(&stream(&[created(), added.clone(), incomplete("content_filter")]), 1);
    assert_eq!(Said::of(&run).stop, Some(Stop::Filtered));
    // Nothing says that this call is whole.
    check(
        &[created(), added, piece, completed(&json!([]))],
        &expect![[r#"
            begin resp_1 m
            open  #0 call f c1
            delta #0 "{\"a\":"
            note  dropped=a call that was never complete
            drop  #0
            end   Complete
        "#]],
    );
}

#[test]
fn calls_of_every_form_are_calls() {
    let items = json!([
        {"type": "function_call", "call_id": "c", "name": "now", "namespace": "clock", "arguments": ""},
        {"type": "custom_tool_call", "call_id": "c", "name": "apply_patch", "input": "*** Begin"},
        {"type": "tool_search_call", "call_id": "ts", "execution": "client", "arguments": {"query": "a b"}},
        {"type": "function_call", "name": "nameless", "arguments": "{}"},
    ]);
    check(
        &[created(), completed(&items)],
        &expect![[r#"
            begin resp_1 m
            open  #0 call clock.now c
            delta #0 "{}"
            close #0
            note  renamed=a call id that was used twice
            open  #1 custom call apply_patch c_1
            delta #1 "*** Begin"
            close #1
            open  #2 tool search tool_search ts
            delta #2 "{\"query\":\"a b\"}"
            close #2
            open  #3 call nameless call_s_3
            delta #3 "{}"
            close #3
            end   ToolUse
        "#]],
    );
}

#[test]
fn input_may_come_before_the_name() {
    check(
        &[
            created(),
            event(
                "function_call_arguments.delta",
                json!({"output_index": 0, "item_id": "fc_1", "delta": "{\"a\""}),
            ),
            event(
                "function_call_arguments.done",
                json!({"output_index": 0, "item_id": "fc_1", "arguments": "{\"a\":1}"}),
            ),
            event(
                "output_item.done",
                json!({"output_index": 0, "item": {"type": "function_call", "id": "fc_1",
                "call_id": "c1", "name": "f", "arguments": "{\"a\":1}"}}),
            ),
            completed(&json!([])),
        ],
        &expect![[r#"
            begin resp_1 m
            note  filled-in=pieces that were lost
            open  #0 call f c1
            delta #0 "{\"a\":1}"
            close #0
            end   ToolUse
        "#]],
    );
}

#[test]
fn what_only_this_protocol_knows_is_told() {
    let search = json!({"type": "web_search_call", "id": "ws_1", "status": "completed"});
    check(
        &[
            created(),
            event("output_item.added", json!({"output_index": 0, "item": search})),
            event("web_search_call.searching", json!({"output_index": 0, "item_id": "ws_1"})),
            event("output_item.done", json!({"output_index": 0, "item": search})),
            event(
                "output_item.done",
                json!({"output_index": 1, "item": {"type": "web_search_call", "id": "ws_2"}}),
            ),
            event("brand_new.delta", json!({"delta": "x"})),
            json!({"type": "keepalive"}),
            completed(&json!([search])),
        ],
        &expect![[r"
            begin resp_1 m
            note  dropped=output item web_search_call
            note  unknown=event response.brand_new.delta
            end   Complete
        "]],
    );
}

#[test]
fn errors_inside_a_stream_are_faults() {
    for (error, class) in [
        (
            json!({"type": "error", "code": "rate_limit_exceeded", "message": "slow"}),
            Class::RateLimit,
        ),
        (
            json!({"type": "error", "error": {"code": "insufficient_quota", "message": "m"}}),
            Class::Quota,
        ),
        (json!({"error": {"message": "maximum context length"}}), Class::ContextLength),
        (
            event("cancelled", json!({"response": {"id": "r", "status": "cancelled"}})),
            Class::Interrupted,
        ),
        (
            event(
                "completed",
                json!({"response": {"id": "r", "status": "failed",
                "error": {"code": "server_is_overloaded", "message": "m"}}}),
            ),
            Class::Overloaded,
        ),
        (event("failed", json!({"response": {"id": "r", "error": null}})), Class::Upstream),
    ] {
        let run = decode(&stream(&[created(), error.clone()]), usize::MAX);
        assert_eq!(run.result.unwrap_err().class, class, "{error}");
    }
    let broken = b"event: response.created\ndata: {\"type\":\"response.created\"\n\n";
    assert_eq!(decode(broken, usize::MAX).result.unwrap_err().class, Class::Upstream);
    let marker = b"data: {\"type\":\"response.created\",\"response\":{}}\n\ndata: [DONE]\n\n";
    assert_eq!(decode(marker, usize::MAX).result.unwrap_err().class, Class::Interrupted);
}

#[test]
fn a_whole_answer_means_what_its_stream_means() {
    for (name, bytes) in recordings() {
        let run = decode(&bytes, usize::MAX);
        let text = String::from_utf8(bytes).unwrap();
        let events = fixtures::sse_json(&text);
        let Some(last) = events.iter().rev().find(|it| it["response"]["status"].is_string()) else {
            continue;
        };
        let done = events.iter().filter(|it| it["type"] == "response.output_item.done");
        let mut answer = last["response"].clone();
        answer["output"] = done.map(|it| it["item"].clone()).collect();
        let whole = decode(answer.to_string().as_bytes(), 7);
        let (mut expected, mut got) = (Said::of(&run), Said::of(&whole));
        // A stream that fails has said some of it before.
        if expected.error.is_some() {
            (expected, got) = (
                Said { error: expected.error, ..Said::default() },
                Said { error: got.error, ..Said::default() },
            );
        }
        assert_eq!(got, expected, "{name}");
    }
}

#[test]
fn what_is_no_answer_is_a_fault() {
    for (body, class) in [
        ("<html><title>502</title></html>", Class::Upstream),
        ("{}", Class::Upstream),
        ("{\"id\":\"r\",\"status\":\"queued\"}", Class::Upstream),
        ("{\"id\":\"r\",\"status\":\"completed\",\"output\":[", Class::Interrupted),
        ("[{\"error\":{\"code\":401,\"message\":\"bad key\"}}]", Class::Auth),
        ("{\"error\":{\"code\":\"insufficient_quota\",\"message\":\"m\"}}", Class::Quota),
        ("", Class::Interrupted),
        ("data: hello\n\n", Class::Interrupted),
    ] {
        let run = decode(body.as_bytes(), usize::MAX);
        assert_eq!(run.result.unwrap_err().class, class, "{body}");
    }
    let run = decode(b"{\"id\":\"r\",\"output\":[]}", usize::MAX);
    assert_eq!(Said::of(&run).stop, Some(Stop::Complete));
}

/// The frames of a run, put together again.
fn relayed(run: &Run) -> Vec<(String, String)> {
    let frames = frames(run).into_iter();
    frames.map(|it| (it.name.unwrap_or_default().into_owned(), json_of(&it.pieces))).collect()
}

/// The values of the marked places of a run.
fn marked(run: &Run) -> Vec<String> {
    let told = |piece: &Piece<'_>| match piece {
        Piece::Json(_) => None,
        Piece::Model(it) => Some(format!("model {it}")),
        Piece::CallId(it) => Some(format!("call {it}")),
        Piece::AnswerId(it) => Some(format!("answer {it}")),
        Piece::Opaque(it) => Some(format!("opaque {it}")),
    };
    frames(run).iter().flat_map(|it| it.pieces.iter()).filter_map(told).collect()
}

#[test]
fn the_lane_passes_every_frame_as_it_came() {
    for (name, bytes) in recordings() {
        for step in [1, usize::MAX] {
            let lane = run(decoder().verbatim(), cut(&bytes, step));
            let said = Said::of(&lane);
            assert_eq!(said, Said::of(&decode(&bytes, usize::MAX)), "{name}");
            let text = std::str::from_utf8(&bytes).unwrap();
            let mut expected = fixtures::sse_data(text);
            if lane.result.is_err() {
                // What fails the answer is told in the client's own way.
                let last = expected
                    .iter()
                    .position(|it| it.contains("response.failed") || it.contains("error"))
                    .unwrap();
                expected.truncate(last);
            }
            let relayed: Vec<_> = relayed(&lane).into_iter().map(|(_, json)| json).collect();
            assert_eq!(relayed, expected, "{name}");
        }
    }
}

#[test]
fn the_lane_marks_what_the_gateway_puts_its_own_for() {
    let reasoning =
        json!({"type": "reasoning", "id": "rs_1", "encrypted_content": "o\"2", "summary": []});
    let call = json!({"name": "f", "call_id": "c1", "type": "function_call", "arguments": "{}"});
    let mut begun = created();
    begun["response"]["previous_response_id"] = Value::Null;
    let added = json!({"output_index": 0, "item": {"type": "reasoning", "id": "rs_1", "encrypted_content": "o1"}});
    let bytes = stream(&[
        begun,
        event("output_item.added", added),
        event("output_item.done", json!({"output_index": 0, "item": reasoning})),
        event("output_item.done", json!({"output_index": 1, "item": call})),
        event(
            "output_item.done",
            json!({"output_index": 2, "item": {"type": "web_search_call", "id": "ws"}}),
        ),
        event(
            "completed",
            json!({"response": {"model": "m", "output": [reasoning, call], "id": "resp_1"}}),
        ),
    ]);
    let lane = run(decoder().verbatim(), cut(&bytes, 7));
    assert_eq!(
        marked(&lane),
        [
            "answer resp_1",
            "model m",
            "opaque o1",
            "opaque o\\\"2",
            "call c1",
            "model m",
            "opaque o\\\"2",
            "call c1",
            "answer resp_1",
        ]
    );
    // What the upstream recognises its thought by is attached before the frame that shows it, and
    // only once.
    let position = |test: &dyn Fn(&Event<'_>) -> bool| lane.events.iter().position(test).unwrap();
    let attached = position(&|it| {
        matches!(it, Event::Attach { attachment: Attachment::Provenance { .. }, .. })
    });
    let shown = |it: &Event<'_>| matches!(it, Event::Frame(frame) if frame.name.as_deref() == Some("response.output_item.done"));
    assert!(attached < position(&shown));
    let fields: Vec<_> = lane
        .events
        .iter()
        .filter_map(|it| match it {
            Event::Attach { attachment: Attachment::Provenance { field, json }, .. } => {
                Some((&**field, &**json))
            }
            _ => None,
        })
        .collect();
    assert_eq!(fields, [("id", "\"rs_1\""), ("encrypted_content", "\"o\\\"2\"")]);
    assert!(!lane.events.iter().any(|it| matches!(it, Event::Note(_))), "nothing is lost");
    assert!(matches!(lane.events.last(), Some(Event::Frame(_))), "the last frame follows the end");
}

#[test]
fn the_lane_passes_a_whole_answer_as_it_came() {
    let body = " {\"id\" : \"resp_1\", \"output\":[ {\"type\":\"function_call\",\"call_id\":\"c\",\"name\":\"f\",\"arguments\":\"{}\"}],\n \"model\":\"m\", \"new\": 1.50 }\n";
    let lane = run(decoder().verbatim(), cut(body.as_bytes(), 5));
    assert_eq!(relayed(&lane), [(String::new(), body.trim_start().to_owned())]);
    assert_eq!(marked(&lane), ["answer resp_1", "call c", "model m"]);
}

#[test]
fn a_frame_of_several_lines_becomes_one() {
    let bytes = b"data: {\"type\":\"response.created\",\ndata:  \"response\":{\"id\":\"r\"}}\n\ndata: {\"type\":\"response.completed\",\"response\":{}}\n\n";
    let lane = run(decoder().verbatim(), cut(bytes, usize::MAX));
    assert_eq!(relayed(&lane)[0].1, "{\"type\":\"response.created\",\"response\":{\"id\":\"r\"}}");
}

#[test]
fn an_event_like_the_one_before_means_the_same_as_alone() {
    for (name, bytes) in recordings() {
        let data = fixtures::sse_data(std::str::from_utf8(&bytes).unwrap());
        // Pieces of one letter, so that there are many that are alike.
        let data: Vec<String> = data
            .iter()
            .flat_map(|data| {
                let event: Value = serde_json::from_str(data).unwrap();
                let Some(delta) = event["delta"].as_str() else { return vec![data.clone()] };
                let letters = delta.chars().map(|letter| {
                    let mut event = event.clone();
                    event["delta"] = json!(letter.to_string());
                    event.to_string()
                });
                letters.collect()
            })
            .collect();
        let apart = |between: &str| -> Vec<u8> {
            data.iter()
                .flat_map(|it| ["data: ", it, "\n\n", between])
                .collect::<String>()
                .into_bytes()
        };
        let alone = decode(&apart("data: {\"type\":\"keepalive\"}\n\n"), usize::MAX);
        assert_eq!(decode(&apart(""), usize::MAX), alone, "{name}");
    }
}

/// What a client sees of an upstream's bytes, in events or whole.
fn encoded(bytes: &[u8], encoder: responses::Encoder) -> Vec<u8> {
    let mut pipe = Pipe::new(decoder(), encoder);
    // A fault is told to the client, and that is what is looked at.
    pipe.push(bytes).and_then(|()| pipe.finish()).unwrap_or_default();
    let mut out = Vec::new();
    pipe.take(&mut out);
    out
}

#[test]
fn recordings_become_answers_of_our_own() {
    for (name, bytes) in recordings() {
        let seen = Seen::of(&encoded(&bytes, responses::Encoder::stream(head())));
        for mut event in seen.events.clone() {
            // Codex reads codes that the description does not list.
            if event["type"] == "response.failed" {
                continue;
            }
            // It is not known before the end, nor where the upstream never tells it.
            if event["response"]["usage"].is_null() && event["response"].is_object() {
                event["response"].as_object_mut().unwrap().shift_remove("usage");
            }
            let result = schema::openai().check_event(&event);
            result.unwrap_or_else(|problems| panic!("{name}: {}", problems.join("\n")));
        }
        let whole = encoded(&bytes, responses::Encoder::whole(head()));
        let whole: Value = serde_json::from_slice(&whole).unwrap();
        assert_eq!(seen.terminal()["response"], whole, "{name}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn shuffled_and_doubled_frames_break_nothing(
        of: Pick,
        order in prop::collection::vec(any::<Pick>(), 1..40),
        lane: bool,
    ) {
        let streams = recordings();
        let (_, bytes) = of.get(&streams);
        let frames = fixtures::sse_data(std::str::from_utf8(bytes).unwrap());
        let bytes: String =
            order.iter().flat_map(|it| ["data: ", it.get(&frames).as_str(), "\n\n"]).collect();
        let decoder = || if lane { decoder().verbatim() } else { decoder() };
        let [whole, pieces] =
            [usize::MAX, 5].map(|step| one_by_one(&run(decoder(), cut(bytes.as_bytes(), step))));
        prop_assert_eq!(pieces, whole);
        Seen::of(&encoded(bytes.as_bytes(), responses::Encoder::stream(head())));
    }

    /// Whatever is missing but the end of an item: what is said is the truth, and calls are whole.
    #[test]
    fn events_may_be_missing(of: Pick, kept in prop::collection::vec(any::<bool>(), 64)) {
        let streams = recordings();
        let (_, bytes) = of.get(&streams);
        let expected = Said::of(&decode(bytes, usize::MAX));
        prop_assume!(expected.error.is_none());
        let frames = fixtures::sse_data(std::str::from_utf8(bytes).unwrap());
        let needed = |data: &str| {
            ["item.done", "response.completed", "response.incomplete"].iter().any(|it| data.contains(it))
        };
        let kept = frames.iter().zip(kept.iter().cycle()).filter(|(data, kept)| **kept || needed(data));
        let bytes: String = kept.flat_map(|(data, _)| ["data: ", data.as_str(), "\n\n"]).collect();
        let run = decode(bytes.as_bytes(), usize::MAX);
        let got = Said::of(&run);
        if got.error.is_some() {
            prop_assert!(run.result.unwrap_err().message.contains("a call's input"));
            return Ok(());
        }
        prop_assert_eq!(&got.calls, &expected.calls);
        prop_assert_eq!((got.stop, got.usage), (expected.stop, expected.usage));
        let holes = run.events.iter().any(|it| it.to_string().contains("pieces that are not their text"));
        prop_assert!(holes || got.text == expected.text, "{}", got.text);
    }

    #[test]
    fn damaged_streams_break_nothing(of: Pick, damage in prop::collection::vec((any::<Pick>(), any::<u8>()), 1..6)) {
        let streams = recordings();
        let mut bytes = of.get(&streams).1.clone();
        for (at, byte) in damage {
            let at = at.index(bytes.len());
            bytes[at] = byte;
        }
        let [whole, pieces] =
            [usize::MAX, 3].map(|step| one_by_one(&run(decoder().verbatim(), cut(&bytes, step))));
        prop_assert_eq!(pieces, whole);
    }

    #[test]
    fn any_bytes_break_nothing(bytes: Vec<u8>, start: Pick) {
        let starts = ["", "data: ", "{\"output\":[", "data: {\"type\":\"response.output_item.done\",\"item\":",
            "data: {\"type\":\"response.output_text.delta\",\"delta\":\"", "[", "event: error\ndata: "];
        let bytes = [start.get(&starts).as_bytes(), &bytes].concat();
        let whole = run(decoder(), cut(&bytes, usize::MAX));
        prop_assert_eq!(run(decoder(), cut(&bytes, 1)), whole);
    }
}

#[test]
fn limits_hold() {
    let added = |nth: usize| {
        event(
            "output_item.added",
            json!({"output_index": nth, "item": {"type": "message", "id": format!("m{nth}")}}),
        )
    };
    let many: Vec<Value> = (0..5000).map(added).collect();
    let fault = decode(&stream(&many), usize::MAX).result.unwrap_err();
    assert!(fault.message.contains("more than 4096 items"), "{fault}");
    let piece = event(
        "function_call_arguments.delta",
        json!({"output_index": 0, "delta": "x".repeat(1 << 20)}),
    );
    let fault = decode(&stream(&vec![piece; 9]), usize::MAX).result.unwrap_err();
    assert!(fault.message.contains("larger than 8 MiB"), "{fault}");
}
