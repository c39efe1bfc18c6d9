//! Calls that a model writes into its text, from an upstream's bytes to a client's call.

use std::sync::Arc;

use interlingua_dialect::{Dialect, Dialects, Wire};
use interlingua_ir::{Event, Form, Stop};
use interlingua_testkit::fixtures::{CUTS, cut};
use interlingua_translate::tools::ToolMap;
use interlingua_translate::{Pipe, responses, upstream};
use serde_json::{Value, json};

use crate::support::{Called, Run, Said, head, run, written};

/// A server of a user's own whose model writes its calls into its text.
fn own_dialect() -> Dialect {
    let record = "id = 'house'\nextends = 'vllm'\ntools.text_calls = ['tool_call_tags']";
    Dialects::builtin().with([("house.toml", record)]).unwrap().resolve("house", "").unwrap()
}

/// The way back from the tools of a request that offers `ls`, and a tool whose name does not travel.
fn offered(dialect: &Dialect) -> ToolMap {
    let body = json!({ "model": "m", "input": "x", "tools": [
        { "type": "function", "name": "ls", "parameters": { "type": "object" } },
        { "type": "namespace", "name": "mcp__tiny", "description": "Tiny.", "tools": [
            { "type": "function", "name": "echo", "parameters": { "type": "object" } } ] },
    ] });
    written(&body, dialect).tools
}

fn decode(bytes: &[u8], step: usize) -> Run {
    let dialect = own_dialect();
    let tools = offered(&dialect);
    let decoder = upstream::decoder(Wire::Chat, Arc::new(dialect), "up", "s", &tools, None);
    run(decoder, cut(bytes, step))
}

/// A stream whose content comes in these pieces.
fn stream(contents: &[&str], finish: &str) -> String {
    let chunk = |choice| format!("data: {}\n\n", json!({ "id": "c", "choices": [choice] }));
    let thought = json!({ "index": 0, "delta": { "reasoning": "hm" } });
    let contents = contents.iter().map(|it| json!({ "index": 0, "delta": { "content": it } }));
    let end = json!({ "index": 0, "delta": {}, "finish_reason": finish });
    let chunks = std::iter::once(thought).chain(contents).chain([end]).map(chunk);
    chunks.collect::<String>() + "data: [DONE]\n\n"
}

fn called(id: &str, name: &str, input: &str) -> Called {
    Called { id: id.into(), name: name.into(), form: Form::Function, input: input.into() }
}

const SAID: [&str; 3] = [
    "I look.\n<tool_",
    "call>{\"name\":\"ls\",\"arguments\":{\"p\":",
    "1}}</tool_call>\n<tool_call>\n{\"name\":\"ls\",\"arguments\":{}}\n</tool_call>\n",
];

#[test]
fn a_call_in_the_text_is_a_call() {
    let stream = stream(&SAID, "stop");
    let whole = decode(stream.as_bytes(), usize::MAX);
    let said = Said::of(&whole);
    assert_eq!((&*said.reasoning, &*said.text), ("hm", "I look.\n"));
    let calls = [called("call_s_t0", "ls", r#"{"p":1}"#), called("call_s_t1", "ls", "{}")];
    assert_eq!(said.calls, calls);
    assert_eq!(said.stop, Some(Stop::ToolUse));
    for step in CUTS {
        let run = decode(stream.as_bytes(), step);
        assert_eq!(run, whole, "by {step}");
    }
}

#[test]
fn a_whole_answer_is_read_alike() {
    let message = json!({ "role": "assistant", "content": SAID.concat() });
    let body = json!({ "id": "c", "choices": [{ "message": message, "finish_reason": "stop" }] });
    let said = Said::of(&decode(body.to_string().as_bytes(), usize::MAX));
    assert_eq!((&*said.text, said.calls.len(), said.stop), ("I look.\n", 2, Some(Stop::ToolUse)));
}

#[test]
fn half_a_call_is_text_and_never_a_call() {
    for finish in ["stop", "length"] {
        let stream = stream(&SAID[..2], finish);
        let run = decode(stream.as_bytes(), usize::MAX);
        let said = Said::of(&run);
        assert_eq!((said.text, said.calls), (SAID[..2].concat(), Vec::new()));
        assert_ne!(said.stop, Some(Stop::ToolUse));
        assert!(run.events.iter().any(|it| matches!(it, Event::Note(_))), "it is told");
    }
    let stream = stream(&SAID, "stop");
    for end in 0..stream.len() {
        let said = Said::of(&decode(&stream.as_bytes()[..end], usize::MAX));
        assert!(said.error.is_some() || said.calls.len() == 2, "cut at {end}");
    }
}

#[test]
fn names_that_travel_otherwise_are_restored() {
    let text = r#"<tool_call>{"name":"mcp__tiny__echo","arguments":{"a":"b"}}</tool_call>"#;
    let stream = stream(&[text], "stop");
    let dialect = own_dialect();
    let tools = offered(&dialect);
    let decoder = upstream::decoder(Wire::Chat, Arc::new(dialect), "up", "s", &tools, None);
    let encoder = responses::Encoder::whole(head());
    let mut pipe = Pipe::new(decoder, encoder).tools(tools);
    pipe.push(stream.as_bytes()).unwrap();
    pipe.finish().unwrap();
    let mut out = Vec::new();
    pipe.take(&mut out);
    let answer: Value = serde_json::from_slice(&out).unwrap();
    let call = &answer["output"][1];
    assert_eq!((&call["name"], &call["namespace"]), (&json!("echo"), &json!("mcp__tiny")));
    assert_eq!(call["arguments"], r#"{"a":"b"}"#);
}

#[test]
fn shipped_records_name_no_form_that_nobody_has_shown() {
    for id in Dialects::builtin().ids() {
        let dialect = Dialects::builtin().resolve(id, "").unwrap();
        assert!(dialect.tools.text_calls.is_empty(), "{id}");
    }
}
