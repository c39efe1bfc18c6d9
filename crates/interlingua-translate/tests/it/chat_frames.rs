//! Frames for clients that speak the upstream's own protocol: they are what the upstream sent.

use std::sync::Arc;

use interlingua_dialect::{Dialect, Dialects};
use interlingua_ir::{Event, Piece};
use interlingua_testkit::fixtures::{CUTS, cut, dialect_streams, sse_data};
use interlingua_translate::chat;
use serde_json::{Value, json};

use crate::support::{Run, decode, dialect, frames, json_of, recorded_chats, run};

fn frames_of(dialect: &Dialect, bytes: &[u8], usage: bool, step: usize) -> Run {
    let decoder = chat::Decoder::new(Arc::new(dialect.clone()), "up", "s").verbatim(usage);
    run(decoder, cut(bytes, step))
}

/// The frames of a run as their data.
fn joined(run: &Run) -> Vec<String> {
    frames(run).iter().map(|frame| json_of(&frame.pieces)).collect()
}

/// The marked pieces of all frames, each with its mark.
fn marked(run: &Run) -> Vec<Vec<String>> {
    let name = |piece: &Piece<'static>| match piece {
        Piece::Model(it) => Some(format!("model {it}")),
        Piece::CallId(it) => Some(format!("call {it}")),
        Piece::AnswerId(it) => Some(format!("answer {it}")),
        Piece::Json(_) | Piece::Opaque(_) => None,
    };
    frames(run).iter().map(|it| it.pieces.iter().filter_map(name).collect()).collect()
}

fn without_frames(run: &Run) -> Vec<Event<'static>> {
    let frame = |it: &&Event<'_>| matches!(it, Event::Frame(_) | Event::Frames(_));
    run.events.iter().filter(|it| !frame(it)).cloned().collect()
}

#[test]
fn streams_by_the_book_go_on_byte_for_byte() {
    let by_the_book: Vec<_> = Dialects::builtin()
        .ids()
        .filter(|id| Dialects::builtin().resolve(id, "").is_ok_and(|it| it.stream.verbatim))
        .map(str::to_owned)
        .collect();
    assert_eq!(by_the_book, ["openai"]);
    for stream in by_the_book.iter().flat_map(|id| dialect_streams(Some(id))) {
        let data = sse_data(std::str::from_utf8(&stream.bytes).unwrap());
        for step in CUTS {
            let run = frames_of(&dialect("openai"), &stream.bytes, true, step);
            assert_eq!(joined(&run), data, "{}", stream.name);
            assert_eq!(
                without_frames(&run),
                decode(&dialect("openai"), &stream.bytes, usize::MAX).events
            );
        }
        let run = frames_of(&dialect("openai"), &stream.bytes, false, usize::MAX);
        let shown: Vec<_> = data.into_iter().filter(|it| !it.contains(r#""choices":[]"#)).collect();
        assert_eq!(joined(&run), shown, "{} without the cost", stream.name);
    }
}

#[test]
fn frames_come_after_the_events_that_they_mean() {
    for (stream, dialect) in recorded_chats() {
        let run = frames_of(&dialect, &stream.bytes, true, usize::MAX);
        let plain = decode(&dialect, &stream.bytes, usize::MAX);
        assert_eq!(
            (without_frames(&run), &run.result),
            (plain.events, &plain.result),
            "{}",
            stream.name
        );
        let data = sse_data(&String::from_utf8_lossy(&stream.bytes));
        for frame in joined(&run) {
            assert!(data.contains(&frame), "{frame} in {}", stream.name);
        }
        // Nothing of a frame is shown before what it means was understood.
        assert!(matches!(run.events.first(), None | Some(Event::Begin { .. })), "{}", stream.name);
    }
}

#[test]
fn what_the_client_sees_otherwise_is_marked() {
    let run = frames_of(
        &dialect("openai"),
        &std::fs::read(interlingua_testkit::fixtures::path("dialects/streams/openai-standard.sse"))
            .unwrap(),
        true,
        usize::MAX,
    );
    let mut marks = marked(&run);
    assert_eq!(marks[0], ["answer chatcmpl-std1", "model gpt-5.6"]);
    assert_eq!(marks.pop(), Some(Vec::new()), "the last one says that it is done");
    for frame in &mut marks {
        // Frames that come together do not tell it again.
        frame.retain(|it| it != "answer chatcmpl-std1");
        assert_eq!(frame.remove(0), "model gpt-5.6");
    }
    let calls = marks.concat();
    assert_eq!(calls, ["call call_a1", "call call_a2"]);
}

#[test]
fn marks_follow_a_text_of_another_length() {
    let chunk = |text: &str| {
        format!(
            r#"{{"id":"c1","choices":[{{"index":0,"delta":{{"content":"{text}"}}}}],"model":"m1"}}"#
        )
    };
    let texts = ["a", "b", "", "ccccccccc", "dd", "with \\\"quotes\\\"", "e", "ü", "f"];
    let mut stream: String = texts
        .iter()
        .flat_map(|text| ["data: ".to_owned(), chunk(text), "\n\n".to_owned()])
        .collect();
    stream += "data: {\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"stop\"}]}\n\ndata: [DONE]\n\n";
    let run = frames_of(&dialect("generic"), stream.as_bytes(), false, usize::MAX);
    assert_eq!(run.result, Ok(()));
    let expected: Vec<_> = texts.iter().map(|text| chunk(text)).collect();
    assert_eq!(joined(&run)[..texts.len()], expected);
    let marks = marked(&run);
    assert_eq!(marks[0], ["answer c1", "model m1"]);
    for marks in &marks[..texts.len()] {
        assert!(marks.ends_with(&["model m1".to_owned()]), "{marks:?}");
    }
}

#[test]
fn data_in_several_lines_becomes_one() {
    let stream = "data: {\"id\":\"c1\",\ndata:  \"choices\":[{\"delta\":{\"content\":\"a\"},\ndata:\"finish_reason\":\"stop\"}]}\n\ndata: [DONE]\n\n";
    let run = frames_of(&dialect("generic"), stream.as_bytes(), false, usize::MAX);
    let frames = joined(&run);
    assert!(!frames[0].contains('\n'));
    assert_eq!(serde_json::from_str::<Value>(&frames[0]).unwrap()["id"], "c1");
    assert_eq!(marked(&run)[0], ["answer c1"]);
}

#[test]
fn a_whole_answer_is_one_frame() {
    let body = json!({ "model": "m1", "object": "chat.completion", "new": [1], "choices": [{ "index": 0, "finish_reason": "tool_calls", "message": {
        "role": "assistant", "content": null, "tool_calls": [{ "id": "a", "type": "function", "function": { "name": "f", "arguments": "{}" } }] } }],
        "usage": { "prompt_tokens": 1, "completion_tokens": 1 }, "id": "c1" });
    let body = format!("{body:#}");
    let run = frames_of(&dialect("openai"), body.as_bytes(), false, usize::MAX);
    assert_eq!(joined(&run), [body]);
    assert_eq!(marked(&run), [["model m1", "call a", "answer c1"]]);
    assert!(matches!(run.events.last(), Some(Event::Frame(_))));
}

#[test]
fn what_failed_is_not_shown() {
    let chunk = r#"data: {"id":"c1","choices":[{"delta":{"content":"a"}}]}"#;
    for end in [
        r#"data: {"error":{"message":"no"}}"#,
        "data: {broken",
        "event: error\ndata: {\"message\":\"no\"}",
        ": comment",
    ] {
        let stream = format!("{chunk}\n\n{end}\n\n");
        let run = frames_of(&dialect("openai"), stream.as_bytes(), true, usize::MAX);
        assert!(run.result.is_err(), "{end}");
        assert_eq!(joined(&run).len(), 1, "{end}");
    }
}
