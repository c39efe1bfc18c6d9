//! Every recorded stream says what `streams.expected.json` says that it says.

use interlingua_dialect::Dialect;
use interlingua_ir::{Attachment, Class, Event, Form, Stop, Usage};
use interlingua_testkit::fixtures::{CUTS, Stream, dialect_streams};
use serde_json::Value;

use crate::support::{Called, Said, decode, decoder, dialect, frame_ends, recorded, run};

/// What the table expects; ids that we mint are filled in from what was `got`.
fn expected(stream: &Stream, got: &Said) -> Said {
    let table = &stream.expected;
    let string = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let calls = table["tool_calls"].as_array().unwrap().iter().enumerate().map(|(nth, call)| {
        let minted = || got.calls.get(nth).map_or(String::new(), |it| it.id.clone());
        let custom = call["type"] == "custom";
        Called {
            id: call["id"].as_str().map_or_else(minted, str::to_owned),
            name: string(&call["name"]),
            form: if custom { Form::Custom } else { Form::Function },
            input: string(&call[if custom { "input" } else { "arguments" }]),
        }
    });
    let error = table["error_class"].as_str();
    let count = |name: &str| table["usage"][name].as_u64();
    Said {
        reasoning: string(&table["reasoning"]),
        text: string(&table["text"]),
        calls: calls.collect(),
        citations: table["citations"].as_array().into_iter().flatten().map(string).collect(),
        stop: match (table["finish"].as_str(), error) {
            (_, Some(_)) => None,
            (Some("stop"), None) => Some(Stop::Complete),
            (Some("tool_calls" | "tool_use"), None) => Some(Stop::ToolUse),
            (Some("length"), None) => Some(Stop::Length),
            other => panic!("{}: an unknown end {other:?}", stream.name),
        },
        // A failed answer has no end that could tell its cost.
        usage: count("input").filter(|_| error.is_none()).map(|input| Usage {
            input,
            cached: count("cached"),
            cache_write: count("cache_write"),
            output: count("output").unwrap(),
            reasoning: count("reasoning"),
        }),
        error: got.error.filter(|class| error == Some(class.name())),
    }
}

#[test]
fn recordings_say_what_they_say_however_they_are_cut() {
    for (stream, dialect) in recorded() {
        let whole = decode(&dialect, &stream.bytes, usize::MAX);
        let got = Said::of(&whole);
        assert_eq!(got, expected(&stream, &got), "{}", stream.name);
        assert_eq!(got.error.is_some(), stream.expected["error_class"].is_string());
        assert!(got.calls.iter().all(|call| !call.id.is_empty()), "{}", stream.name);
        for step in CUTS {
            assert_eq!(decode(&dialect, &stream.bytes, step), whole, "{} by {step}", stream.name);
        }
    }
}

#[test]
fn recordings_bring_what_has_to_go_back() {
    let mut checked = 0;
    for (stream, dialect) in recorded() {
        let replay = &stream.expected["replay"];
        let run = decode(&dialect, &stream.bytes, usize::MAX);
        let said = Said::of(&run);
        let attached = run.events.iter().filter_map(|event| match event {
            Event::Attach { attachment: Attachment::Provenance { field, json }, .. } => {
                Some((&**field, serde_json::from_str::<Value>(json).unwrap()))
            }
            _ => None,
        });
        let attached: Vec<_> = attached.collect();
        let carrier = dialect.replay.carrier.name();
        match replay["field"].as_str() {
            None => continue,
            Some("reasoning_content") => assert_eq!(replay["value"], said.reasoning),
            Some("reasoning_details") => {
                let [("reasoning_details", list)] = attached.as_slice() else {
                    panic!("{}: {attached:?}", stream.name)
                };
                assert!(list[0]["type"].is_string(), "{}", stream.name);
                assert!(replay["value"].is_null() || replay["value"] == *list, "{}", stream.name);
            }
            // The blocks themselves are compared where their protocol is tested.
            Some("thinking_blocks") => {
                let signed = replay["value"].to_string().contains("\"signature\"");
                assert_eq!(attached.iter().any(|(field, _)| *field == "signature"), signed);
            }
            Some("tool_calls[].extra_content") => {
                let [("extra_content", signature)] = attached.as_slice() else {
                    panic!("{}: {attached:?}", stream.name)
                };
                assert!(signature["google"]["thought_signature"].is_string());
            }
            Some(other) => panic!("{}: an unknown field {other}", stream.name),
        }
        assert!(
            replay["field"].as_str().unwrap().contains(carrier.trim_start_matches("tool_call_"))
        );
        checked += 1;
    }
    assert!(checked >= 9, "{checked}");
}

#[test]
fn a_signature_stands_right_before_its_call() {
    let streams = dialect_streams(Some("gemini"));
    let split = streams.iter().find(|it| it.name == "gemini-compat-split-args.sse").unwrap();
    let run = decode(&dialect("gemini"), &split.bytes, usize::MAX);
    let shown = run.events.iter().filter_map(|event| match event {
        Event::Open { kind, .. } => Some(kind.to_string()),
        Event::Attach { attachment: Attachment::Provenance { json, .. }, .. } => {
            Some(json.to_string())
        }
        _ => None,
    });
    let expect = [
        "reasoning",
        r#"{"google":{"thought_signature":"CsIBsolo"}}"#,
        "call shell function-call-1",
        "call read_file function-call-2",
    ];
    assert_eq!(shown.collect::<Vec<_>>(), expect);
}

/// How long pieces are: longer than nearly every frame, so that none is cut twice.
const PIECE: usize = 512;

#[test]
fn recordings_may_be_cut_anywhere() {
    for (stream, dialect) in recorded() {
        let whole = decode(&dialect, &stream.bytes, usize::MAX);
        // One run for each place in a piece, so that each byte once is the first of one.
        for first in 1..=PIECE.min(stream.bytes.len()) {
            let (head, tail) = stream.bytes.split_at(first);
            let pieces = std::iter::once(head).chain(tail.chunks(PIECE));
            let cut = run(decoder(&dialect), pieces);
            assert_eq!(cut, whole, "{} cut at {first} and each {PIECE} behind it", stream.name);
        }
    }
}

/// Longer recordings do not end at every byte: that takes the square of their length.
const LONG: usize = 8 << 10;

/// Half an answer never ends as a whole one: where it seems to be whole, only the usage is missing.
#[track_caller]
fn check_truncated(stream: &Stream, dialect: &Dialect, whole: &Said, end: usize) {
    let run = decode(dialect, &stream.bytes[..end], usize::MAX);
    let cut = Said::of(&run);
    if cut.error.is_some() {
        let released = cut.calls.iter().all(|call| whole.calls.contains(call));
        assert!(released, "{} cut at {end}: {:?}", stream.name, cut.calls);
        return;
    }
    assert_eq!(cut, Said { usage: cut.usage, ..whole.clone() }, "{} cut at {end}", stream.name);
}

#[test]
fn truncated_recordings_never_look_complete() {
    for (stream, dialect) in recorded() {
        let whole = Said::of(&decode(&dialect, &stream.bytes, usize::MAX));
        for end in frame_ends(&stream.bytes).into_iter().chain([0]) {
            check_truncated(&stream, &dialect, &whole, end);
        }
    }
}

#[test]
fn truncation_inside_a_frame_is_noticed_too() {
    for (stream, dialect) in recorded() {
        let whole = Said::of(&decode(&dialect, &stream.bytes, usize::MAX));
        // Of a long one the last frames, which tell how it ends; before them every end is much the same.
        let ends = frame_ends(&stream.bytes);
        let last = ends.iter().rev().nth(2).copied().unwrap_or(0);
        let step = if stream.bytes.len() > LONG { 16 } else { 1 };
        for end in (0..last).step_by(step).chain(last..stream.bytes.len()) {
            check_truncated(&stream, &dialect, &whole, end);
        }
    }
}

/// What the generic record cannot know about other upstreams.
const NOT_GENERIC: [(&str, &str); 4] = [
    ("minimax-snapshots.sse", "pieces repeat all that came before"),
    ("mistral-thinking-parts.sse", "the cached tokens have another name"),
    ("vllm-no-parser.sse", "the endpoint has to be set up for it"),
    ("xai-grok.sse", "pieces come twice, and the output leaves the reasoning out"),
];

#[test]
fn recordings_of_other_dialects_are_read_by_the_generic_one() {
    let generic = dialect("generic");
    let mut not = Vec::new();
    for stream in dialect_streams(None) {
        let runs = CUTS.map(|step| decode(&generic, &stream.bytes, step));
        assert!(runs.iter().all(|run| *run == runs[0]), "{}", stream.name);
        let another_protocol = stream.dialect.starts_with("anthropic");
        if another_protocol || stream.expected["error_class"].is_string() {
            continue;
        }
        let got = Said::of(&runs[0]);
        if got != expected(&stream, &got) {
            not.push(stream.name);
        }
    }
    not.sort();
    assert_eq!(not, NOT_GENERIC.map(|(name, _)| name));
}

#[test]
fn an_empty_answer_is_none() {
    for empty in ["", " \n", "\n\n", ": ping\n\n", "data: [DONE]\n\n", "{}"] {
        let run = decode(&dialect("generic"), empty.as_bytes(), usize::MAX);
        let class = run.result.as_ref().expect_err(empty).class;
        assert!(matches!(class, Class::Upstream | Class::Interrupted), "{empty:?}: {class}");
        assert_eq!(Said::of(&run).stop, None);
    }
}
