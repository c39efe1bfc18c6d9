//! Every recorded stream says what `streams.expected.json` says that it says.

use interlingua_dialect::Dialect;
use interlingua_ir::{Class, Form, Stop, Usage};
use interlingua_testkit::fixtures::{CUTS, Stream, dialect_streams};
use serde_json::Value;

use crate::support::{Called, DIALECTS, MESSAGES, Said, decode, dialect, dialect_for, frame_ends};

/// The recordings of all dialects of which everything is promised.
fn promised() -> impl Iterator<Item = (Stream, Dialect)> {
    DIALECTS.iter().chain(&MESSAGES).flat_map(|id| dialect_streams(Some(id))).map(|stream| {
        let dialect = dialect_for(&stream.dialect, &stream);
        (stream, dialect)
    })
}

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
    for (stream, dialect) in promised() {
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

/// Half an answer never ends as a whole one: where it seems to be whole, only the usage is missing.
#[track_caller]
fn check_truncated(stream: &Stream, dialect: &Dialect, end: usize) {
    let run = decode(dialect, &stream.bytes[..end], usize::MAX);
    let cut = Said::of(&run);
    if cut.error.is_some() {
        return;
    }
    let whole = Said::of(&decode(dialect, &stream.bytes, usize::MAX));
    assert_eq!(cut, Said { usage: cut.usage, ..whole }, "{} cut at {end}", stream.name);
}

#[test]
fn truncated_recordings_never_look_complete() {
    for (stream, dialect) in promised() {
        for end in frame_ends(&stream.bytes).into_iter().chain([0]) {
            check_truncated(&stream, &dialect, end);
        }
    }
}

#[test]
fn truncation_inside_a_frame_is_noticed_too() {
    let inside = [
        "anthropic-messages.sse",
        "generic-crlf-no-done.sse",
        "mimo-reasoning-tools.sse",
        "openai-custom-tool.sse",
    ];
    let mut seen = 0;
    for (stream, dialect) in promised().filter(|(it, _)| inside.contains(&it.name.as_str())) {
        seen += 1;
        for end in 0..stream.bytes.len() {
            check_truncated(&stream, &dialect, end);
        }
    }
    assert_eq!(seen, inside.len());
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
