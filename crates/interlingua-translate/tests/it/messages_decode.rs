//! Answers of the Messages protocol: as recorded, as hostile servers send them, and handed on.

use std::fmt::Write as _;
use std::sync::Arc;

use expect_test::{Expect, expect};
use interlingua_dialect::Dialect;
use interlingua_ir::{Class, Event, Grammar, Piece, Sink, Stop};
use interlingua_testkit::fixtures::{CUTS, bytes, cut, list, sse_data, text};
use interlingua_translate::{Decode, Reader, messages};
use proptest::prelude::*;
use proptest::sample::Index as Pick;
use serde_json::{Value, json};

use crate::support::{
    MESSAGES, Run, Said, decode, dialect, frame_ends, frames, json_of, one_by_one, run,
};

/// All recorded streams of the protocol: of upstreams, and those that real clients accepted.
fn recordings() -> Vec<(String, Vec<u8>)> {
    let upstreams = list("dialects/streams", ".sse").into_iter();
    let upstreams = upstreams.filter(|it| it.starts_with("anthropic"));
    let paths = upstreams.map(|it| format!("dialects/streams/{it}"));
    let clients = list("clients/messages", ".sse");
    let paths = paths.chain(clients.into_iter().map(|it| format!("clients/messages/{it}")));
    paths.map(|path| (path.clone(), bytes(&path))).collect()
}

fn lane(dialect: &Dialect, bytes: &[u8], step: usize) -> Run {
    let decoder = messages::Decoder::new(Arc::new(dialect.clone()), "up", "s").verbatim();
    run(decoder, cut(bytes, step))
}

/// Makes a stream of events.
fn stream(events: &[Value]) -> Vec<u8> {
    let mut stream = String::new();
    for event in events {
        write!(stream, "event: {}\ndata: {event}\n\n", event["type"].as_str().unwrap()).unwrap();
    }
    stream.into_bytes()
}

fn start() -> Value {
    json!({ "type": "message_start", "message": {
        "id": "msg_1", "type": "message", "role": "assistant", "model": "m", "content": [],
        "usage": { "input_tokens": 10, "output_tokens": 1 } } })
}

fn block(index: usize, block: &Value) -> Value {
    json!({ "type": "content_block_start", "index": index, "content_block": block })
}

fn delta(index: usize, delta: &Value) -> Value {
    json!({ "type": "content_block_delta", "index": index, "delta": delta })
}

fn arguments(index: usize, piece: &str) -> Value {
    delta(index, &json!({ "type": "input_json_delta", "partial_json": piece }))
}

fn words(index: usize, piece: &str) -> Value {
    delta(index, &json!({ "type": "text_delta", "text": piece }))
}

fn stop(index: usize) -> Value {
    json!({ "type": "content_block_stop", "index": index })
}

fn end(reason: &str) -> [Value; 2] {
    [
        json!({ "type": "message_delta", "delta": { "stop_reason": reason }, "usage": { "output_tokens": 9 } }),
        json!({ "type": "message_stop" }),
    ]
}

fn call(id: &str) -> Value {
    json!({ "type": "tool_use", "id": id, "name": "f", "input": {} })
}

/// The events of a stream, or the fault that ends it, one line each.
#[track_caller]
fn check(events: &[Value], expect: &Expect) {
    let run = decode(&dialect("anthropic"), &stream(events), usize::MAX);
    let mut lines: Vec<_> = run.events.iter().map(ToString::to_string).collect();
    lines.extend(run.result.err().map(|fault| format!("fault {}: {fault}", fault.class)));
    expect.assert_eq(&lines.into_iter().map(|line| line + "\n").collect::<String>());
}

#[test]
fn recordings_are_read_alike_however_they_are_cut() {
    for (name, bytes) in recordings() {
        let anthropic = dialect("anthropic");
        let whole = decode(&anthropic, &bytes, usize::MAX);
        let failed = name.contains("error");
        assert_eq!(whole.result.is_err(), failed, "{name}");
        let handed_on = one_by_one(&lane(&anthropic, &bytes, usize::MAX));
        assert_eq!(Said::of(&handed_on), Said::of(&whole), "{name}");
        for step in CUTS {
            assert_eq!(decode(&anthropic, &bytes, step), whole, "{name} by {step}");
            let lane = one_by_one(&lane(&anthropic, &bytes, step));
            assert_eq!(lane, handed_on, "{name} by {step}");
        }
    }
}

#[test]
fn truncated_recordings_are_interrupted() {
    for (name, bytes) in recordings() {
        let ends = frame_ends(&bytes);
        for end in ends.iter().take(ends.len() - 1).copied().chain([0]) {
            let run = decode(&dialect("anthropic"), &bytes[..end], usize::MAX);
            let class = run.result.as_ref().unwrap_err().class;
            assert_eq!(class, Class::Interrupted, "{name} cut at {end}");
            assert_eq!(Said::of(&run).stop, None);
        }
    }
}

fn framed(run: &Run) -> Vec<(String, Vec<Piece<'static>>)> {
    let frames = frames(run).into_iter();
    frames.map(|it| (it.name.unwrap_or_default().into_owned(), it.pieces.into_owned())).collect()
}

/// A frame that was put in to give an unsigned thought a place for a signature.
fn is_room(pieces: &[Piece<'_>]) -> bool {
    pieces.len() == 3 && pieces[1] == Piece::Opaque("".into())
}

#[test]
fn the_lane_hands_every_frame_on_as_it_came() {
    for (name, bytes) in recordings() {
        let run = lane(&dialect("anthropic"), &bytes, usize::MAX);
        let mut sent = sse_data(std::str::from_utf8(&bytes).unwrap());
        if run.result.is_err() {
            sent.pop();
        }
        // But for a thought that begins without the place of its signature.
        for frame in sent.iter_mut().filter(|it| it.contains("\"content_block_start\"")) {
            for begin in [r#""thinking":"""#, r#""thinking": """#] {
                let place = format!(r#"{begin},"signature":""}}"#);
                *frame = frame.replace(&format!("{begin}}}"), &place);
            }
        }
        let frames = framed(&run);
        let got: Vec<_> =
            frames.iter().filter(|it| !is_room(&it.1)).map(|(_, it)| json_of(it)).collect();
        assert_eq!(got, sent, "{name}");
        for (event, pieces) in &frames {
            let json: Value = serde_json::from_str(&json_of(pieces)).unwrap();
            assert_eq!(json["type"], event.as_str(), "{name}");
            check_pieces(&json, pieces);
        }
    }
}

/// Exactly what names the model, the answer and calls, or is opaque, is marked.
fn check_pieces(json: &Value, pieces: &[Piece<'_>]) {
    let mut expect = Vec::new();
    let string = |value: &Value| value.as_str().filter(|it| !it.is_empty()).map(str::to_owned);
    if json["type"] == "message_start" {
        expect.extend(string(&json["message"]["id"]).map(|it| Piece::AnswerId(it.into())));
        expect.extend(string(&json["message"]["model"]).map(|it| Piece::Model(it.into())));
    }
    let block = &json["content_block"];
    match block["type"].as_str() {
        Some("tool_use") => {
            expect.extend(string(&block["id"]).map(|it| Piece::CallId(it.into())));
        }
        Some("thinking") => {
            expect.extend(string(&block["signature"]).map(|it| Piece::Opaque(it.into())));
        }
        Some("redacted_thinking") => {
            expect.extend(string(&block["data"]).map(|it| Piece::Opaque(it.into())));
        }
        _ => {}
    }
    if !is_room(pieces) {
        expect.extend(string(&json["delta"]["signature"]).map(|it| Piece::Opaque(it.into())));
        let marked: Vec<_> =
            pieces.iter().filter(|it| !matches!(it, Piece::Json(_))).cloned().collect();
        assert_eq!(marked, expect, "{json}");
    }
}

#[test]
fn unsigned_thoughts_get_a_place_for_a_signature() {
    for name in ["thinking_no_signature_tool_use.sse", "thinking_empty_signature_tool_use.sse"] {
        let bytes = bytes(format!("clients/messages/{name}"));
        let run = lane(&dialect("anthropic_compat"), &bytes, usize::MAX);
        let frames = framed(&run);
        let at = frames.iter().position(|it| is_room(&it.1)).unwrap();
        let room: Value = serde_json::from_str(&json_of(&frames[at].1)).unwrap();
        let expect = delta(0, &json!({ "type": "signature_delta", "signature": "" }));
        assert_eq!(room, expect, "{name}");
        assert_eq!(frames[at].0, "content_block_delta");
        assert_eq!(frames[at + 1].0, "content_block_stop");
        assert_eq!(frames.iter().filter(|it| is_room(&it.1)).count(), 1);
    }
    // The thought is still open where its signature goes in.
    let bytes = bytes("clients/messages/thinking_no_signature_tool_use.sse");
    let run = lane(&dialect("anthropic_compat"), &bytes, usize::MAX);
    let room = |it: &Event<'_>| matches!(it, Event::Frame(frame) if is_room(&frame.pieces));
    let at = run.events.iter().position(room).unwrap();
    assert!(run.events[..at].iter().all(|it| !matches!(it, Event::Close { .. })));
}

/// Folds a stream into the answer that the upstream would have given whole.
fn folded(bytes: &[u8]) -> Value {
    let mut answer = json!({});
    for data in sse_data(std::str::from_utf8(bytes).unwrap()) {
        let event: Value = serde_json::from_str(&data).unwrap();
        let index = usize::try_from(event["index"].as_u64().unwrap_or_default()).unwrap();
        match event["type"].as_str().unwrap() {
            "message_start" => answer = event["message"].clone(),
            "content_block_start" => {
                let mut block = event["content_block"].clone();
                if block["type"] == "tool_use" || block["type"] == "server_tool_use" {
                    block["input"] = "".into();
                }
                answer["content"].as_array_mut().unwrap().push(block);
            }
            "content_block_delta" => {
                let block = &mut answer["content"][index];
                for (of, to) in [
                    ("text", "text"),
                    ("thinking", "thinking"),
                    ("signature", "signature"),
                    ("partial_json", "input"),
                ] {
                    let Some(piece) = event["delta"][of].as_str() else { continue };
                    let joined = block[to].as_str().unwrap_or_default().to_owned() + piece;
                    block[to] = joined.into();
                }
            }
            "content_block_stop" => {
                let block = &mut answer["content"][index];
                if let Some(input) = block["input"].as_str() {
                    block["input"] = serde_json::from_str(input).unwrap_or(json!({}));
                }
            }
            "message_delta" => {
                answer["stop_reason"] = event["delta"]["stop_reason"].clone();
                for (name, count) in event["usage"].as_object().unwrap() {
                    answer["usage"][name] = count.clone();
                }
            }
            _ => {}
        }
    }
    answer
}

#[test]
fn a_whole_answer_says_what_its_stream_says() {
    let mut count = 0;
    for (name, bytes) in recordings() {
        let anthropic = dialect("anthropic");
        let of_stream = decode(&anthropic, &bytes, usize::MAX);
        if of_stream.result.is_err() {
            continue;
        }
        count += 1;
        let whole = folded(&bytes).to_string();
        let (mut said, streamed) =
            (Said::of(&decode(&anthropic, whole.as_bytes(), 7)), Said::of(&of_stream));
        // The text of the arguments is ours where the upstream gives an object.
        for (call, other) in said.calls.iter_mut().zip(&streamed.calls) {
            let value = |text: &str| serde_json::from_str::<Value>(text).unwrap();
            assert_eq!(value(&call.input), value(&other.input));
            call.input.clone_from(&other.input);
        }
        assert_eq!(said, streamed, "{name}");

        let handed_on = lane(&anthropic, whole.as_bytes(), usize::MAX);
        let frames = framed(&handed_on);
        assert_eq!(frames.len(), 1);
        assert!(matches!(handed_on.events.last(), Some(Event::Frame(_))));
        let mut got: Value = serde_json::from_str(&json_of(&frames[0].1)).unwrap();
        let mut expect = folded(&bytes);
        // Only an unsigned thought may have got a place for a signature.
        for answer in [&mut got, &mut expect] {
            for block in answer["content"].as_array_mut().unwrap() {
                if block["type"] == "thinking" && block["signature"].is_null() {
                    block["signature"] = "".into();
                }
            }
        }
        assert_eq!(got, expect, "{name}");
        let unsigned = got["content"][0]["signature"] == "";
        assert_eq!(frames[0].1.contains(&Piece::Opaque("".into())), unsigned, "{name}");
    }
    assert!(count >= 10, "{count}");
}

#[test]
fn thoughts_keep_what_their_origin_knows_them_by() {
    let bytes = bytes("dialects/streams/anthropic-messages.sse");
    let run = decode(&dialect("anthropic"), &bytes, usize::MAX);
    let lines: Vec<_> = run.events.iter().map(ToString::to_string).collect();
    expect![[r#"
        begin msg_01 claude-sonnet-5-5
        open  #0 reasoning
        delta #0 "I will "
        delta #0 "list."
        with  #0 Provenance { field: "signature", json: "\"EqQBCkYIBxgC\"" }
        close #0
        open  #1 reasoning
        with  #1 Provenance { field: "redacted_thinking", json: "\"EmwKAhgBEgy3va3\"" }
        close #1
        open  #2 text
        delta #2 "Listing."
        close #2
        open  #3 call shell toolu_01A
        delta #3 "{\"comm"
        delta #3 "and\":[\"ls\",\"-la\"]}"
        close #3
        end   ToolUse in=395 cached=350 written=20 out=60
    "#]]
    .assert_eq(&(lines.join("\n") + "\n"));
}

#[test]
fn calls_that_were_cut_are_never_released() {
    let cut = [start(), block(0, &call("a")), arguments(0, "{\"x\":"), stop(0)];
    check(
        &[&cut[..], &end("max_tokens")].concat(),
        &expect![[r#"
            begin msg_1 m
            open  #0 call f a
            delta #0 "{\"x\":"
            drop  #0
            end   Length in=10 out=9
        "#]],
    );
    // One that is whole is not cut, and one that has not begun its input is.
    let two = [
        start(),
        block(0, &call("a")),
        arguments(0, "{\"x\":1}"),
        stop(0),
        block(1, &call("b")),
        stop(1),
    ];
    check(
        &[&two[..], &end("max_tokens")].concat(),
        &expect![[r#"
            begin msg_1 m
            open  #0 call f a
            delta #0 "{\"x\":1}"
            close #0
            open  #1 call f b
            drop  #1
            end   Length in=10 out=9
        "#]],
    );
}

#[test]
fn broken_arguments_stay_and_empty_ones_are_an_object() {
    let events = [
        start(),
        block(0, &call("a")),
        arguments(0, "{\"x\":"),
        stop(0),
        block(1, &call("b")),
        arguments(1, ""),
        stop(1),
        block(2, &json!({ "type": "tool_use", "id": "c", "name": "f", "input": { "y": 2 } })),
        stop(2),
        block(3, &json!({ "type": "tool_use", "id": "c", "name": "f", "input": { "y": 2 } })),
        arguments(3, "{}"),
        stop(3),
    ];
    check(
        &[&events[..], &end("tool_use")].concat(),
        &expect![[r#"
            begin msg_1 m
            open  #0 call f a
            delta #0 "{\"x\":"
            open  #1 call f b
            open  #2 call f c
            delta #2 "{\"y\":2}"
            close #2
            open  #3 call f c_3
            note  renamed=a call id that was used twice
            delta #3 "{}"
            close #3
            close #0
            delta #1 "{}"
            close #1
            end   ToolUse in=10 out=9
        "#]],
    );
}

#[test]
fn what_only_this_protocol_knows_is_told_once() {
    let bytes = bytes("clients/messages/web_search_side_answer.sse");
    let run = decode(&dialect("anthropic"), &bytes, usize::MAX);
    let notes: Vec<_> = run
        .events
        .iter()
        .filter(|it| matches!(it, Event::Note(_)))
        .map(ToString::to_string)
        .collect();
    assert_eq!(
        notes,
        ["note  unknown=block server_tool_use", "note  unknown=block web_search_tool_result"]
    );
    let handed_on = lane(&dialect("anthropic"), &bytes, usize::MAX);
    assert!(!handed_on.events.iter().any(|it| matches!(it, Event::Note(_))));
}

#[test]
fn citations_belong_to_their_text() {
    let source = |url: &str| {
        json!({ "type": "citations_delta", "citation": {
            "type": "web_search_result_location", "url": url, "title": "T", "cited_text": "c" } })
    };
    let page = json!({ "type": "citations_delta", "citation": {
        "type": "page_location", "document_title": "D", "cited_text": "c" } });
    let events = [
        start(),
        block(0, &json!({ "type": "text", "text": "", "citations": [] })),
        delta(0, &source("https://a.example")),
        words(0, "It is so."),
        delta(0, &source("https://b.example")),
        delta(0, &page),
        stop(0),
    ];
    check(
        &[&events[..], &end("end_turn")].concat(),
        &expect![[r#"
            begin msg_1 m
            open  #0 text
            delta #0 "It is so."
            with  #0 Citation { url: "https://a.example", title: "T" }
            with  #0 Citation { url: "https://b.example", title: "T" }
            note  dropped=citation of a document
            close #0
            end   Complete in=10 out=9
        "#]],
    );
}

#[test]
fn hostile_streams() {
    // Blocks without an end, an index that is used again, pieces without a beginning.
    let events = [
        words(4, "no start"),
        block(4, &json!({ "type": "text", "text": "again" })),
        words(4, ""),
        json!({ "type": "content_block_delta", "delta": { "type": "text_delta", "text": " and again" } }),
        block(9, &json!({ "type": "thinking", "thinking": "" })),
        stop(9),
        stop(9),
        delta(4, &json!({ "type": "thinking_delta", "thinking": "not here" })),
        delta(4, &json!({ "type": "new_delta", "new": 1 })),
        json!({ "type": "new_event" }),
        start(),
    ];
    check(
        &[&events[..], &end("end_turn")].concat(),
        &expect![[r#"
            begin  
            open  #0 text
            delta #0 "no start"
            close #0
            open  #1 text
            delta #1 "again"
            delta #1 " and again"
            note  dropped=a piece that does not belong to its block
            note  unknown=delta new_delta
            note  unknown=event new_event
            close #1
            end   Complete in=10 out=9
        "#]],
    );
    check(
        &[start(), arguments(0, "{}")],
        &expect![[r"
            begin msg_1 m
            fault tool_generation_failed: the model called a tool without naming it
        "]],
    );
    check(
        &[start(), block(0, &json!({ "type": "tool_use", "id": "a", "name": " " }))],
        &expect![[r"
            begin msg_1 m
            fault tool_generation_failed: the model called a tool without naming it
        "]],
    );
    check(
        &[
            start(),
            json!({ "type": "whatever", "base_resp": { "status_code": 1002, "status_msg": "rate limit" } }),
        ],
        &expect![[r"
            begin msg_1 m
            fault rate_limit: up limits the rate of requests: rate limit
        "]],
    );
}

#[test]
fn reasons_to_stop() {
    let said = |reason: &str| {
        let events = [
            &[start(), block(0, &json!({ "type": "text", "text": "a" })), stop(0)][..],
            &end(reason),
        ]
        .concat();
        let run = decode(&dialect("anthropic"), &stream(&events), usize::MAX);
        run.result.map(|()| match run.events.last() {
            Some(Event::End { stop, .. }) => *stop,
            other => panic!("{other:?}"),
        })
    };
    for (reason, stop) in [
        ("end_turn", Stop::Complete),
        ("stop_sequence", Stop::Complete),
        ("pause_turn", Stop::Complete),
        ("max_tokens", Stop::Length),
        ("tool_use", Stop::ToolUse),
        ("refusal", Stop::Filtered),
        ("content_limit", Stop::Length),
        ("new_word", Stop::Complete),
    ] {
        assert_eq!(said(reason), Ok(stop), "{reason}");
    }
    let full = said("model_context_window_exceeded").unwrap_err();
    assert_eq!(full.class, Class::ContextLength);
    assert_eq!(said("server_error").unwrap_err().class, Class::Upstream);

    // An answer that says nothing before it is cut never fitted.
    let nothing = json!({ "type": "message_delta", "delta": { "stop_reason": "max_tokens" }, "usage": { "output_tokens": 0 } });
    let nothing = stream(&[
        json!({ "type": "message_start", "message": { "usage": { "input_tokens": 9 } } }),
        nothing,
        json!({ "type": "message_stop" }),
    ]);
    let run = decode(&dialect("anthropic"), &nothing, usize::MAX);
    assert_eq!(run.result.unwrap_err().class, Class::ContextLength);
    // In the lane the client's own protocol has a word for an answer that fills the window.
    let filled = [&[start(), words(0, "a")][..], &end("model_context_window_exceeded")].concat();
    let run = lane(&dialect("anthropic"), &stream(&filled), usize::MAX);
    assert_eq!(Said::of(&run).stop, Some(Stop::Length));
}

#[test]
fn other_ends_of_a_stream() {
    let open = [start(), words(0, "a")];
    let with = |tail: &str| [&stream(&open)[..], tail.as_bytes()].concat();
    let class = |bytes: &[u8]| {
        decode(&dialect("anthropic"), bytes, usize::MAX).result.map_err(|it| it.class)
    };
    assert_eq!(class(&with("data: [DONE]\n\n")), Ok(()));
    assert_eq!(class(&with("event: message_stop\ndata: {\"type\":\"message_stop\"}\n\n")), Ok(()));
    assert_eq!(class(&with("")), Err(Class::Interrupted));
    assert_eq!(
        class(&with("data: {\"type\":\"content_block_delta\",\"index\":0,\"del\n\n")),
        Err(Class::Upstream)
    );
    assert_eq!(class(&with("event: error\ndata: it broke\n\n")), Err(Class::Upstream));
    assert_eq!(class(b"data: [DONE]\n\n"), Err(Class::Interrupted));
    for empty in
        ["", "\n\n", ": ping\n\n", "event: ping\ndata: {\"type\":\"ping\"}\n\n", "{}", "[]"]
    {
        let run = decode(&dialect("anthropic"), empty.as_bytes(), usize::MAX);
        let class = run.result.as_ref().expect_err(empty).class;
        assert!(matches!(class, Class::Upstream | Class::Interrupted), "{empty:?}: {class}");
    }
    // A call is whole when its stream says that it is over, though not why.
    let called = stream(&[
        start(),
        block(0, &call("a")),
        arguments(0, "{}"),
        stop(0),
        json!({ "type": "message_stop" }),
    ]);
    let run = decode(&dialect("anthropic"), &called, usize::MAX);
    assert_eq!(Said::of(&run).stop, Some(Stop::ToolUse));
    let cut = stream(&[
        start(),
        block(0, &call("a")),
        arguments(0, "{"),
        json!({ "type": "message_stop" }),
    ]);
    assert_eq!(class(&cut), Err(Class::Interrupted));
    // In the lane the client gets the end that its protocol wants.
    let run = lane(&dialect("anthropic"), &with("data: [DONE]\n\n"), usize::MAX);
    assert_eq!(framed(&run).last().unwrap().0, "message_stop");
}

#[test]
fn refusals_in_a_body_and_pages_are_told() {
    let whole =
        |body: &str| decode(&dialect("anthropic"), body.as_bytes(), usize::MAX).result.unwrap_err();
    let body = text("dialects/errors/anthropic-overloaded.json");
    let fixture: Value = serde_json::from_str(&body).unwrap();
    assert_eq!(whole(&fixture["body"].to_string()).class, Class::Overloaded);
    assert!(whole("<html>").message.contains("base URL"));
    assert_eq!(whole(r#"{"type":"message","content":[{"type":"text"#).class, Class::Interrupted);
    let fault = whole(r#"{"type":"message","content":[],"stop_reason":"max_tokens"}"#);
    assert_eq!(fault.class, Class::ContextLength);
}

#[test]
fn a_frame_without_a_name_gets_one() {
    let bytes = stream(&[&[start(), words(0, "a"), words(0, "b")][..], &end("end_turn")].concat());
    let bare = String::from_utf8(bytes).unwrap();
    let bare: Vec<_> = bare.lines().filter(|it| !it.starts_with("event:")).collect();
    let bare = bare.join("\n") + "\n\n";
    let run = lane(&dialect("anthropic"), bare.as_bytes(), usize::MAX);
    let names: Vec<_> = framed(&run).into_iter().map(|(name, _)| name).collect();
    assert_eq!(
        names,
        [
            "message_start",
            "content_block_delta",
            "content_block_delta",
            "message_delta",
            "message_stop"
        ]
    );
}

#[test]
fn pieces_that_are_alike_are_not_confused() {
    let events = [
        start(),
        block(0, &json!({ "type": "thinking", "thinking": "" })),
        delta(0, &json!({ "type": "thinking_delta", "thinking": "a" })),
        delta(0, &json!({ "type": "thinking_delta", "thinking": "b" })),
        stop(0),
        block(1, &json!({ "type": "text", "text": "" })),
        words(1, "c"),
        words(1, "d\""),
        words(1, "\\"),
        words(1, "e"),
        words(1, "f"),
        stop(1),
    ];
    let run = decode(&dialect("anthropic"), &stream(&[&events[..], &end("end_turn")].concat()), 3);
    let said = Said::of(&run);
    assert_eq!((said.reasoning.as_str(), said.text.as_str()), ("ab", "cd\"\\ef"));
}

#[test]
fn halves_of_a_character_are_joined() {
    let raw = |text: &str| {
        format!(
            "data: {{\"type\":\"content_block_delta\",\"index\":0,\"delta\":{{\"type\":\"text_delta\",\"text\":\"{text}\"}}}}\n\n"
        )
    };
    let bytes = [
        String::from_utf8(stream(&[start()])).unwrap(),
        raw("x\\ud83d"),
        raw("\\ude00y"),
        String::from_utf8(stream(&end("end_turn"))).unwrap(),
    ]
    .concat();
    let run = decode(&dialect("anthropic"), bytes.as_bytes(), usize::MAX);
    assert_eq!(Said::of(&run).text, "x😀y");
}

/// A sink that forgets everything but the grammar.
fn grammar(decoder: impl Decode, bytes: &[u8]) -> Result<(), String> {
    let mut reader = Reader::new(decoder);
    let mut grammar = Grammar::default();
    let result = reader.push(bytes, &mut grammar as &mut dyn Sink);
    let result = result.and_then(|()| reader.finish(&mut grammar));
    let shape = if result.is_ok() { grammar.finish() } else { grammar.interrupt() };
    shape.map_err(|violation| violation.to_string())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn shuffled_and_doubled_frames_break_nothing(
        of: Pick,
        order in prop::collection::vec(any::<Pick>(), 1..24),
    ) {
        let all: Vec<String> = recordings()
            .iter()
            .flat_map(|(_, bytes)| sse_data(std::str::from_utf8(bytes).unwrap()))
            .collect();
        let bytes: String = order.iter().flat_map(|it| ["data: ", it.get(&all).as_str(), "\n\n"]).collect();
        let dialect = dialect(MESSAGES[of.index(2)]);
        let run = decode(&dialect, bytes.as_bytes(), usize::MAX);
        prop_assert_eq!(&decode(&dialect, bytes.as_bytes(), 7), &run);
        let handed_on = lane(&dialect, bytes.as_bytes(), usize::MAX);
        prop_assert_eq!(&handed_on.result.is_err(), &run.result.is_err());
    }

    #[test]
    fn damaged_streams_break_nothing(
        of: Pick,
        damage in prop::collection::vec((any::<Pick>(), any::<u8>()), 1..6),
    ) {
        let all = recordings();
        let mut bytes = of.get(&all).1.clone();
        for (at, byte) in damage {
            let at = at.index(bytes.len());
            bytes[at] = byte;
        }
        let anthropic = dialect("anthropic");
        let whole = decode(&anthropic, &bytes, usize::MAX);
        prop_assert_eq!(decode(&anthropic, &bytes, 3), whole);
    }

    #[test]
    fn any_bytes_break_nothing(bytes: Vec<u8>, start: Pick) {
        let starts = ["", "data: ", "{\"content\":", "{\"content\":[{\"type\":\"tool_use\",", "data: {\"type\":\"content_block_delta\",\"delta\":{", "[", "event: error\ndata: "];
        let bytes = [start.get(&starts).as_bytes(), &bytes].concat();
        let shared = Arc::new(dialect("anthropic"));
        let decoder = messages::Decoder::new(shared, "up", "s").verbatim();
        prop_assert_eq!(grammar(decoder, &bytes), Ok(()));
    }
}
