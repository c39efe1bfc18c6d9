//! Tools that the client hides until the model has searched for them.

use std::sync::Arc;

use interlingua_testkit::fixtures;
use interlingua_translate::{Pipe, Written, chat, responses};
use serde_json::{Value, json};

use crate::support::{Seen, dialect, head, written};

fn captured(name: &str) -> Value {
    fixtures::json(format!("codex/{name}.json"))["body"].clone()
}

fn write(body: &Value) -> Written {
    written(body, &dialect("mimo"))
}

fn tools(written: &Written) -> Vec<Value> {
    let body: Value = serde_json::from_slice(&written.body.to_vec()).unwrap();
    body["tools"].as_array().unwrap().clone()
}

#[test]
fn what_was_found_joins_the_tools_at_their_end_and_stays_there() {
    let before = tools(&write(&captured("req_tool_search_offered")));
    let mut body = captured("req_after_tool_search");
    let after = tools(&write(&body));
    assert_eq!(after[..before.len()], before[..]);
    let names: Vec<_> = after[before.len()..].iter().map(|it| &it["function"]["name"]).collect();
    assert_eq!(names, ["mcp__tiny__echo"]);
    // A second search finds the first tool again, and another one.
    let again = json!({ "type": "function", "name": "echo", "parameters": { "type": "object" } });
    let other = json!({ "type": "function", "name": "look", "defer_loading": true });
    body["input"].as_array_mut().unwrap().extend([
        json!({ "type": "tool_search_call", "call_id": "s2", "execution": "client",
            "arguments": { "query": "look" } }),
        json!({ "type": "tool_search_output", "call_id": "s2", "execution": "client",
            "tools": [{ "type": "namespace", "name": "mcp__tiny", "tools": [again, other] }] }),
    ]);
    let later = tools(&write(&body));
    assert_eq!(later[..after.len()], after[..]);
    assert_eq!(later.len(), after.len() + 1);
    assert_eq!(later.last().unwrap()["function"]["name"], "mcp__tiny__look");
}

#[test]
fn a_call_of_what_was_found_gets_its_namespace_back() {
    let written = write(&captured("req_after_tool_search"));
    let decoder = chat::Decoder::new(Arc::new(dialect("mimo")), "up", "s");
    let mut pipe = Pipe::new(decoder, responses::Encoder::stream(head())).tools(written.tools);
    let call = json!({ "tool_calls": [{ "index": 0, "id": "c", "type": "function",
        "function": { "name": "mcp__tiny__echo", "arguments": "{\"text\":\"hi\"}" } }] });
    let chunk = json!({ "id": "c", "choices": [{ "index": 0, "delta": call, "finish_reason": "tool_calls" }] });
    pipe.push(format!("data: {chunk}\n\ndata: [DONE]\n\n").as_bytes()).unwrap();
    let mut out = Vec::new();
    pipe.take(&mut out);
    let seen = Seen::of(&out);
    let item = seen.done()[0];
    assert_eq!((&item["namespace"], &item["name"]), (&json!("mcp__tiny"), &json!("echo")));
}

#[test]
fn a_search_that_finds_nothing_says_so() {
    let mut body = captured("req_after_tool_search");
    for item in body["input"].as_array_mut().unwrap() {
        if item["type"] == "tool_search_output" {
            item["tools"] = json!([]);
        }
    }
    let written = write(&body);
    assert!(String::from_utf8(written.body.to_vec()).unwrap().contains("\"No tools were found.\""));
}
