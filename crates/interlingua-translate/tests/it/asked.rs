//! Requests to upstreams that speak Responses themselves, written anew.

use std::collections::{BTreeMap, BTreeSet};

use expect_test::{Expect, expect};
use interlingua_dialect::{Dialect, Fix};
use interlingua_ir::{
    Call, CallHead, Form, Format, Item, Message, Note, NoteKind, Origin, Output, Param, Part,
    Protocol, Role, Summary, Text, Thought, Tool, ToolChoice, Turn,
};
use interlingua_testkit::fixtures::{self, codex_requests};
use interlingua_testkit::schema;
use interlingua_translate::json::Limits;
use interlingua_translate::{Repairs, Written, responses};
use proptest::prelude::*;
use serde::Deserialize;
use serde_json::value::RawValue;
use serde_json::{Value, json};

use crate::support::{DIALECTS, dialect, document, target};

/// Requests of real Responses clients, by name.
pub(crate) fn captured() -> Vec<(String, Value)> {
    let codex = codex_requests().into_iter().map(|it| (it.name, it.body));
    let others = fixtures::list("clients/responses", ".json").into_iter().map(|name| {
        let body = fixtures::json(format!("clients/responses/{name}"))["body"].clone();
        (name, body)
    });
    codex.chain(others).collect()
}

#[track_caller]
pub(crate) fn write(turn: &Turn<'_>, dialect: &Dialect) -> (Value, Vec<Note>) {
    let written = responses::write(turn, &target(dialect, &Repairs::default())).unwrap();
    (serde_json::from_slice(&written.body.to_vec()).unwrap(), written.notes)
}

#[track_caller]
pub(crate) fn forward(body: &str, dialect: &Dialect) -> Option<(String, Vec<Note>)> {
    forward_with(body, dialect, &Repairs::default(), |_| {})
}

#[track_caller]
pub(crate) fn forward_with(
    body: &str,
    dialect: &Dialect,
    repairs: &Repairs,
    change: impl FnOnce(&mut Turn<'_>),
) -> Option<(String, Vec<Note>)> {
    let (mut turn, _) = responses::read(body.as_bytes(), Limits::default()).unwrap();
    change(&mut turn);
    let forwarded = responses::forward(&document(&body), &turn, &target(dialect, repairs)).unwrap();
    let Written { body, tools, notes, .. } = forwarded?;
    assert!(tools.is_empty());
    let body = String::from_utf8(body.to_vec()).unwrap();
    serde_json::from_str::<Value>(&body).unwrap_or_else(|error| panic!("{error} in {body}"));
    Some((body, notes))
}

pub(crate) fn subjects(notes: &[Note]) -> Vec<String> {
    notes.iter().map(ToString::to_string).collect()
}

/// Holds a conversation to what the API insists on.
#[track_caller]
pub(crate) fn check_input(body: &Value) {
    let items = body["input"].as_array().unwrap();
    let mut open: Vec<(&str, &str)> = Vec::new();
    for (nth, item) in items.iter().enumerate() {
        let kind = item["type"].as_str().unwrap();
        let call_id = item["call_id"].as_str().unwrap_or_default();
        match kind {
            "function_call" | "custom_tool_call" => open.push((kind, call_id)),
            "function_call_output" | "custom_tool_call_output" => {
                let call = kind.strip_suffix("_output").unwrap();
                let at = open.iter().position(|it| *it == (call, call_id));
                open.remove(at.unwrap_or_else(|| panic!("nobody called {item}")));
            }
            "reasoning" => {
                let follows = items[nth + 1..].iter().find(|it| it["type"] != "reasoning");
                let role = follows.map(|it| &it["role"]);
                assert!(role.is_some_and(|it| *it == Value::Null || it == "assistant"), "{item}");
                assert!(item["id"].as_str().is_some_and(|it| it.starts_with("rs_")));
            }
            "message" if item["role"] != "assistant" => {
                assert_eq!(open, [], "unanswered before {item}");
            }
            _ => {}
        }
    }
    assert_eq!(open, [], "unanswered at the end");
}

/// Holds a request to the API's own description.
#[track_caller]
fn check_described(body: &Value) {
    let check = |component: &str, value: &Value| {
        let result = schema::openai().check(component, value);
        result.unwrap_or_else(|problems| panic!("{value}: {}", problems.join("\n")));
    };
    for item in body["input"].as_array().unwrap() {
        // Its union of items is not one: a message of the user is two of them.
        let component = match (item["type"].as_str().unwrap(), item["role"].as_str()) {
            ("message", Some("assistant")) => "EasyInputMessage",
            ("message", _) => "InputMessage",
            ("reasoning", _) => "ReasoningItem",
            ("function_call", _) => "FunctionToolCall",
            ("function_call_output", _) => "FunctionCallOutputItemParam",
            ("custom_tool_call", _) => "CustomToolCall",
            ("custom_tool_call_output", _) => "CustomToolCallOutput",
            ("web_search_call", _) => "WebSearchToolCall",
            (other, _) => panic!("an item of the kind {other}"),
        };
        check(component, item);
    }
    for tool in body["tools"].as_array().into_iter().flatten() {
        check("Tool", tool);
    }
    let mut body = body.clone();
    body["input"] = json!("said above");
    check("CreateResponse", &body);
}

#[test]
fn every_capture_can_be_written_for_every_upstream() {
    for (name, body) in captured() {
        let body = body.to_string();
        let (mut turn, _) = responses::read(body.as_bytes(), Limits::default()).unwrap();
        for client in [Protocol::Responses, Protocol::Chat, Protocol::Messages] {
            turn.protocol = client;
            for id in DIALECTS {
                let (body, _) = write(&turn, &dialect(id));
                check_input(&body);
                assert_eq!((&body["model"], &body["store"]), (&json!("the-model"), &json!(false)));
                check_described(&described(&body));
                let keys: Vec<_> = body.as_object().unwrap().keys().collect();
                assert_eq!(keys.last().unwrap().as_str(), "input", "{name}");
            }
        }
    }
}

/// The request without what the API takes and its description does not know: what Codex says of its
/// searches.
fn described(body: &Value) -> Value {
    let mut body = body.clone();
    for item in body["input"].as_array_mut().unwrap() {
        if item["type"] == "web_search_call" && item["id"].is_null() {
            item["id"] = json!("ws_1");
        }
    }
    let tools = body.get_mut("tools").and_then(Value::as_array_mut);
    for tool in tools.into_iter().flatten() {
        if tool["type"] == "web_search" {
            *tool = json!({"type": "web_search"});
        }
    }
    body
}

#[test]
fn an_upstream_of_functions_gets_functions() {
    for (name, body) in captured() {
        let text = body.to_string();
        let plain =
            body["tools"].as_array().is_some_and(|it| it.iter().all(|it| it["type"] == "function"));
        let forwarded = forward(&text, &dialect("generic"));
        assert!(
            plain || body["tools"].is_null() || body["tools"] == json!([]) || forwarded.is_none(),
            "{name}"
        );
        let (turn, _) = responses::read(text.as_bytes(), Limits::default()).unwrap();
        let (written, _) = write(&turn, &dialect("generic"));
        for tool in written["tools"].as_array().into_iter().flatten() {
            assert_eq!(tool["type"], "function", "{name}");
            assert_eq!(tool["parameters"]["type"], "object", "{name}");
        }
        let natives = written["input"].as_array().unwrap().iter();
        let natives = natives.filter(|it| {
            let known = ["message", "reasoning", "function_call", "function_call_output"];
            !known.contains(&it["type"].as_str().unwrap())
        });
        assert_eq!(natives.count(), 0, "{name}");
    }
}

/// Strings that choose among a few meanings: another word there is another request.
fn is_choice(path: &str) -> bool {
    let kinds = ["].type", ".role", "format.type", "parameters.type", "tool_choice", "include[]"];
    kinds.iter().any(|it| path.ends_with(it)) || path == "reasoning.effort"
}

fn mark(value: &mut Value, path: &str, marks: &mut BTreeMap<String, String>) {
    match value {
        Value::String(text) if !is_choice(path) => {
            let marker = format!("zq{:04}qz", marks.len());
            let is_image = path.ends_with("image_url");
            *text =
                if is_image { format!("data:image/png;base64,{marker}") } else { marker.clone() };
            marks.insert(marker, path.to_owned());
        }
        Value::Array(values) => {
            for value in values {
                mark(value, &format!("{path}[]"), marks);
            }
        }
        Value::Object(fields) => {
            for (name, value) in fields {
                let path = if path.is_empty() { name.clone() } else { format!("{path}.{name}") };
                mark(value, &path, marks);
            }
        }
        _ => {}
    }
}

/// What may be missing in a request that is written anew, and which note tells that it is.
const MAY_VANISH: [(&str, Option<NoteKind>); 8] = [
    // The upstream has its own.
    ("model", None),
    // They name and describe items for the client that made them.
    ("input[].id", None),
    ("input[].status", None),
    // The client's search for tools is a function, and what it found is among the tools.
    ("input[].execution", None),
    ("tools[].execution", None),
    // Thoughts and summaries whose seal nobody has opened here.
    ("input[].encrypted_content", None),
    ("input[].summary[].text", Some(NoteKind::ReasoningForeign)),
    ("input[].content[].text", Some(NoteKind::ReasoningForeign)),
];

#[test]
fn nothing_is_lost_in_silence() {
    let openai = dialect("openai");
    let mut lost: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    let (mut count, mut passed) = (0, 0);
    for (name, body) in captured() {
        let mut marks = BTreeMap::new();
        let mut marked = body.clone();
        mark(&mut marked, "", &mut marks);
        let text = marked.to_string();
        let (turn, read_notes) = responses::read(text.as_bytes(), Limits::default()).unwrap();
        let (written, notes) = write(&turn, &openai);
        let told: Vec<String> = read_notes.iter().chain(&notes).map(ToString::to_string).collect();
        let found = format!("{written}\n{}", told.join("\n"));
        for (marker, path) in &marks {
            count += 1;
            if !found.contains(marker.as_str()) {
                let allowed = MAY_VANISH.iter().find(|(known, _)| known == path);
                let kind = allowed.and_then(|(_, kind)| *kind);
                let is_told = kind.is_none_or(|kind| notes.iter().any(|it| it.kind == kind));
                assert!(is_told, "{path} in {name}");
                lost.entry(path.clone()).or_default().insert(name.clone());
            }
        }
        // Where the request is passed on, nothing but the model is lost.
        let Some((forwarded, _)) = forward(&text, &openai) else { continue };
        passed += 1;
        let lost: Vec<_> =
            marks.iter().filter(|(marker, _)| !forwarded.contains(marker.as_str())).collect();
        assert!(lost.iter().all(|(_, path)| *path == "model"), "{lost:?} in {name}");
    }
    let paths: BTreeSet<_> = lost.keys().map(String::as_str).collect();
    assert_eq!(paths, MAY_VANISH.iter().map(|it| it.0).collect(), "{lost:#?}");
    assert!(count > 2_000 && passed > 20, "{count} {passed}");
}

/// A request up to the end of its conversation, whatever follows.
fn up_to_its_end(body: &[u8]) -> &[u8] {
    #[derive(Deserialize)]
    struct Input<'a> {
        #[serde(borrow)]
        input: &'a RawValue,
    }
    let read: Input<'_> = serde_json::from_slice(body).unwrap();
    let start = read.input.get().as_ptr().addr() - body.as_ptr().addr();
    &body[..start + read.input.get().trim_end_matches(']').len()]
}

#[test]
fn two_requests_in_a_row_share_their_beginning() {
    let mut pairs = 0;
    for (name, body) in captured() {
        let mut next = body.clone();
        next["input"].as_array_mut().unwrap().extend([
            json!({"type": "function_call", "call_id": "c9", "name": "exec_command", "arguments": "{}"}),
            json!({"type": "function_call_output", "call_id": "c9", "output": "done"}),
        ]);
        for id in ["openai", "generic"] {
            let dialect = dialect(id);
            let bytes = |body: &Value| {
                let text = body.to_string();
                let (turn, _) = responses::read(text.as_bytes(), Limits::default()).unwrap();
                let repairs = Repairs::default();
                let written = responses::write(&turn, &target(&dialect, &repairs)).unwrap();
                let forwarded = forward(&text, &dialect).map(|(body, _)| body.into_bytes());
                [Some(written.body.to_vec()), forwarded]
            };
            // A trigger asks for something else in the next request.
            let trigger = body.to_string().contains("compaction_trigger");
            for (before, after) in bytes(&body).into_iter().zip(bytes(&next)) {
                let (Some(before), Some(after), false) = (before, after, trigger) else { continue };
                assert!(after.starts_with(up_to_its_end(&before)), "{name} for {id}");
                pairs += 1;
            }
        }
    }
    assert!(pairs > 80, "{pairs}");
}

/// A request of an assistant that thought, called a tool and got its result.
pub(crate) fn loop_with(reasoning: &Value) -> String {
    json!({"model": "m", "stream": true, "store": false, "include": ["reasoning.encrypted_content"], "input": [
        {"type": "message", "role": "user", "content": [{"type": "input_text", "text": "go"}]},
        reasoning,
        {"type": "function_call", "call_id": "c1", "name": "f", "arguments": "{}"},
        {"type": "function_call_output", "call_id": "c1", "output": "ok"}]})
    .to_string()
}

pub(crate) fn thought(provider: &str, family: &str, provenance: &[(&str, &str)]) -> Thought {
    let pair = |(field, json): &(&str, &str)| ((*field).to_owned(), (*json).to_owned());
    Thought {
        origin: Some(Origin { provider: provider.into(), family: family.into() }),
        answer: "a1".into(),
        text: "hm \"so\"".into(),
        provenance: provenance.iter().map(pair).collect(),
        calls: vec!["c1".into()],
    }
}

pub(crate) const OWN: [(&str, &str); 2] = [("id", "\"rs_9\""), ("encrypted_content", "\"enc\"")];

fn raw(json: &str) -> &RawValue {
    serde_json::from_str(json).unwrap()
}

/// A turn as clients of the other protocols make them.
fn foreign_turn() -> Turn<'static> {
    let message = |role, parts| Item::Message(Message { role, parts });
    let text = |text: &'static str| Part::Text(Text::plain(text));
    let call = |id: &'static str, name: &'static str, form, input: &'static str| {
        let head = CallHead { id: id.into(), name: name.into(), namespace: None, form };
        Item::Call(Call { head, input: Text::plain(input) })
    };
    let image = Part::Image { url: Text::plain("data:image/png;base64,AA"), detail: None };
    let file = |url: &'static str, name: Option<&'static str>| Part::File {
        url: Text::plain(url),
        name: name.map(Text::plain),
    };
    let output = |id: &'static str, parts, is_error| {
        Item::Output(Output { call_id: id.into(), parts, is_error })
    };
    Turn {
        protocol: Protocol::Messages,
        items: vec![
            message(Role::System, vec![text("rules")]),
            message(
                Role::User,
                vec![
                    text("look"),
                    image.clone(),
                    file("data:application/pdf;base64,AA", Some("a.pdf")),
                    file("https://a.test/b.pdf", None),
                    file("file_1", None),
                ],
            ),
            message(Role::Developer, vec![text("more rules")]),
            message(Role::Assistant, vec![text("on "), text("it")]),
            call("c1", "f", Form::Function, "not json"),
            call("c2", "apply_patch", Form::Custom, "*** Begin Patch"),
            output("c2", vec![text("done"), image], false),
            message(Role::User, vec![text("meanwhile")]),
            output("c1", vec![text("bad")], true),
            call("c3", "f", Form::Function, ""),
            output("gone", vec![text("stray")], false),
            Item::Summary(Summary { sealed: None, text: Some("so far".into()) }),
            message(
                Role::User,
                vec![Part::Audio { data: Text::plain("AA"), format: Text::plain("wav") }],
            ),
        ],
        tools: vec![
            Tool::Function(interlingua_ir::Function {
                name: "f".into(),
                namespace: None,
                namespace_description: None,
                description: Some(Text::plain("does f")),
                parameters: Some(raw(r#"{"properties":{}}"#)),
                strict: None,
            }),
            Tool::Custom {
                name: "apply_patch".into(),
                description: Some(Text::plain("patches")),
                format: Some(raw(r#"{"type":"grammar","syntax":"lark","definition":"start: x"}"#)),
            },
            Tool::WebSearch,
        ],
        tool_choice: ToolChoice::Named { name: "apply_patch".into(), namespace: None },
        parallel_calls: Some(false),
        max_output_tokens: Some(4),
        params: vec![
            Param { name: "stop", json: raw("[\"x\"]") },
            Param { name: "verbosity", json: raw("\"low\"") },
            Param { name: "prompt_cache_key", json: raw("\"k\"") },
            Param { name: "store", json: raw("true") },
        ],
        format: Format::JsonObject,
        stream: true,
        ..Turn::default()
    }
}

#[track_caller]
fn check_written(id: &str, expect: &Expect) {
    let turn = foreign_turn();
    let (body, notes) = write(&turn, &dialect(id));
    check_input(&body);
    check_described(&body);
    let mut lines = Vec::new();
    for (name, value) in body.as_object().unwrap() {
        match value.as_array().filter(|_| ["input", "tools"].contains(&name.as_str())) {
            Some(list) => lines.extend(list.iter().map(|it| format!("{name}: {it}"))),
            None => lines.push(format!("{name}: {value}")),
        }
    }
    lines.extend(subjects(&notes).iter().map(|it| format!("note {it}")));
    expect.assert_eq(&(lines.join("\n") + "\n"));
}

#[test]
fn a_turn_of_another_protocol_in_the_words_of_this_one() {
    check_written(
        "openai",
        &expect![[r#"
        model: "the-model"
        stream: true
        store: false
        include: ["reasoning.encrypted_content"]
        reasoning: {"summary":"auto"}
        text: {"format":{"type":"json_object"},"verbosity":"low"}
        max_output_tokens: 16
        prompt_cache_key: "k"
        tools: {"type":"function","name":"f","description":"does f","strict":false,"parameters":{"type":"object","properties":{}}}
        tools: {"type":"custom","name":"apply_patch","description":"patches","format":{"type":"grammar","syntax":"lark","definition":"start: x"}}
        tools: {"type":"web_search"}
        tool_choice: {"type":"custom","name":"apply_patch"}
        parallel_tool_calls: false
        input: {"type":"message","role":"system","content":[{"type":"input_text","text":"rules"}]}
        input: {"type":"message","role":"user","content":[{"type":"input_text","text":"look"},{"type":"input_image","image_url":"data:image/png;base64,AA","detail":"auto"},{"type":"input_file","filename":"a.pdf","file_data":"data:application/pdf;base64,AA"},{"type":"input_file","file_url":"https://a.test/b.pdf"},{"type":"input_text","text":"[file omitted: this model takes text only]"}]}
        input: {"type":"message","role":"developer","content":[{"type":"input_text","text":"more rules"}]}
        input: {"type":"message","role":"assistant","content":"on it"}
        input: {"type":"function_call","call_id":"c1","name":"f","arguments":"{\"_raw\":\"not json\"}"}
        input: {"type":"custom_tool_call","call_id":"c2","name":"apply_patch","input":"*** Begin Patch"}
        input: {"type":"function_call_output","call_id":"c1","output":"bad"}
        input: {"type":"custom_tool_call_output","call_id":"c2","output":[{"type":"input_text","text":"done"},{"type":"input_image","image_url":"data:image/png;base64,AA","detail":"auto"}]}
        input: {"type":"message","role":"user","content":[{"type":"input_text","text":"meanwhile"}]}
        input: {"type":"function_call","call_id":"c3","name":"f","arguments":"{}"}
        input: {"type":"function_call_output","call_id":"c3","output":"no result was recorded (interrupted)"}
        input: {"type":"message","role":"user","content":[{"type":"input_text","text":"[result of the unknown tool call gone]"},{"type":"input_text","text":"stray"}]}
        input: {"type":"message","role":"user","content":[{"type":"input_text","text":"Summary of the conversation so far. It replaces all earlier answers, tool calls and results. Go on from where it ends; what it calls done is done.\n\nso far"}]}
        input: {"type":"message","role":"user","content":[{"type":"input_text","text":"[audio omitted: this model takes text only]"}]}
        note changed=max_output_tokens to 16
        note dropped=stop
        note omitted=file
        note changed=arguments that are no JSON object
        note dropped=is_error of a result
        note filled-in=a call without a result
        note stray-result=1
        note omitted=audio
    "#]],
    );
}

#[test]
fn a_turn_of_another_protocol_for_an_upstream_of_functions() {
    check_written(
        "generic",
        &expect![[r#"
        model: "the-model"
        stream: true
        store: false
        include: ["reasoning.encrypted_content"]
        reasoning: {"summary":"auto"}
        text: {"format":{"type":"json_object"},"verbosity":"low"}
        max_output_tokens: 16
        prompt_cache_key: "k"
        tools: {"type":"function","name":"f","description":"does f","strict":false,"parameters":{"type":"object","properties":{}}}
        tools: {"type":"function","name":"apply_patch","description":"patches\n\nThis tool takes free text. Put all of it, exactly as it is, into the one argument `input`.\n\nThe text must follow this lark grammar:\n\nstart: x","strict":false,"parameters":{"type":"object","properties":{"input":{"type":"string","description":"The whole text."}},"required":["input"],"additionalProperties":false}}
        tool_choice: {"type":"function","name":"apply_patch"}
        parallel_tool_calls: false
        input: {"type":"message","role":"system","content":[{"type":"input_text","text":"rules"}]}
        input: {"type":"message","role":"user","content":[{"type":"input_text","text":"look"},{"type":"input_image","image_url":"data:image/png;base64,AA","detail":"auto"},{"type":"input_file","filename":"a.pdf","file_data":"data:application/pdf;base64,AA"},{"type":"input_file","file_url":"https://a.test/b.pdf"},{"type":"input_text","text":"[file omitted: this model takes text only]"}]}
        input: {"type":"message","role":"developer","content":[{"type":"input_text","text":"more rules"}]}
        input: {"type":"message","role":"assistant","content":"on it"}
        input: {"type":"function_call","call_id":"c1","name":"f","arguments":"{\"_raw\":\"not json\"}"}
        input: {"type":"function_call","call_id":"c2","name":"apply_patch","arguments":"{\"input\":\"*** Begin Patch\"}"}
        input: {"type":"function_call_output","call_id":"c1","output":"bad"}
        input: {"type":"function_call_output","call_id":"c2","output":[{"type":"input_text","text":"done"},{"type":"input_image","image_url":"data:image/png;base64,AA","detail":"auto"}]}
        input: {"type":"message","role":"user","content":[{"type":"input_text","text":"meanwhile"}]}
        input: {"type":"function_call","call_id":"c3","name":"f","arguments":"{}"}
        input: {"type":"function_call_output","call_id":"c3","output":"no result was recorded (interrupted)"}
        input: {"type":"message","role":"user","content":[{"type":"input_text","text":"[result of the unknown tool call gone]"},{"type":"input_text","text":"stray"}]}
        input: {"type":"message","role":"user","content":[{"type":"input_text","text":"Summary of the conversation so far. It replaces all earlier answers, tool calls and results. Go on from where it ends; what it calls done is done.\n\nso far"}]}
        input: {"type":"message","role":"user","content":[{"type":"input_text","text":"[audio omitted: this model takes text only]"}]}
        note changed=max_output_tokens to 16
        note dropped=stop
        note dropped=tool web_search
        note omitted=file
        note changed=arguments that are no JSON object
        note dropped=is_error of a result
        note filled-in=a call without a result
        note stray-result=1
        note omitted=audio
    "#]],
    );
}

#[test]
fn effort_is_told_in_the_words_of_the_record() {
    let asked = |id: &str, effort: &str| {
        let body = json!({"input": "x", "reasoning": {"effort": effort}}).to_string();
        let (turn, _) = responses::read(body.as_bytes(), Limits::default()).unwrap();
        let (body, notes) = write(&turn, &dialect(id));
        format!("{} {}", body["reasoning"], subjects(&notes).join(","))
    };
    assert_eq!(asked("openai", "xhigh"), r#"{"effort":"xhigh","summary":"auto"} "#);
    assert_eq!(asked("openai", "none"), r#"{"effort":"none"} "#);
    assert_eq!(asked("openai", "ultra"), r#"{"effort":"max","summary":"auto"} "#);
    assert_eq!(
        asked("ollama", "xhigh"),
        r#"{"effort":"high","summary":"auto"} changed=effort xhigh to high"#
    );
    assert_eq!(asked("deepseek", "none"), r#"{"effort":"none"} "#);
}

#[test]
fn options_of_a_responses_client_survive_being_written_anew() {
    let body = json!({"model": "m", "input": [
            {"role": "user", "content": [{"type": "input_file", "file_id": "file_1"}, {"type": "input_text", "text": "x"}]},
            {"type": "web_search_call", "id": "ws_1", "status": "completed", "action": {"type": "search", "query": "q"}},
            {"role": "assistant", "phase": "final_answer", "content": [{"type": "output_text", "text": "done"}]},
            {"role": "user", "content": "y"}],
        "reasoning": {"effort": "low", "summary": "detailed", "context": "all_turns"},
        "include": ["web_search_call.action.sources", "reasoning.encrypted_content"],
        "truncation": "auto", "max_tool_calls": 3, "brand_new": 1,
        "tools": [{"type": "web_search", "search_context_size": "low"}, {"type": "file_search", "vector_store_ids": ["v"]}],
        "tool_choice": {"type": "file_search"}}).to_string();
    let (turn, _) = responses::read(body.as_bytes(), Limits::default()).unwrap();
    let (body, notes) = write(&turn, &dialect("openai"));
    check_described(&body);
    assert_eq!(
        body["reasoning"],
        json!({"effort": "low", "summary": "detailed", "context": "all_turns"})
    );
    assert_eq!(
        body["include"],
        json!(["reasoning.encrypted_content", "web_search_call.action.sources"])
    );
    assert_eq!((&body["truncation"], &body["max_tool_calls"]), (&json!("auto"), &json!(3)));
    assert_eq!(
        body["tools"],
        json!([{"type": "web_search", "search_context_size": "low"},
        {"type": "file_search", "vector_store_ids": ["v"]}])
    );
    assert_eq!(body["tool_choice"], json!({"type": "file_search"}));
    assert_eq!(body["input"][0]["content"][0], json!({"type": "input_file", "file_id": "file_1"}));
    assert_eq!(body["input"][1]["type"], "web_search_call");
    assert_eq!(body["input"][2]["phase"], "final_answer");
    assert_eq!(subjects(&notes), ["dropped=brand_new"]);
}

#[test]
fn what_was_refused_is_left_out() {
    let turn = foreign_turn();
    let write = |fix: Fix, param: Option<&str>| -> Value {
        let mut repairs = Repairs::default();
        assert!(repairs.add(fix, param));
        let written = responses::write(&turn, &target(&dialect("openai"), &repairs)).unwrap();
        let body = serde_json::from_slice(&written.body.to_vec()).unwrap();
        check_input(&body);
        body
    };
    let absent = |body: &Value, path: &str| assert_eq!(body.pointer(path), None, "{path}");
    absent(&write(Fix::DropParam, Some("reasoning.summary")), "/reasoning");
    absent(&write(Fix::DropParam, Some("text.verbosity")), "/text/verbosity");
    absent(&write(Fix::DropParam, Some("include[0]")), "/include");
    absent(&write(Fix::DropParam, Some("parallel_tool_calls")), "/parallel_tool_calls");
    absent(&write(Fix::DropWebSearch, None), "/tools/2");
    let lifted = write(Fix::LiftImages, None);
    let last = lifted["input"]
        .as_array()
        .unwrap()
        .iter()
        .find(|it| it["content"][0]["text"] == "Image from the result of tool call c2:");
    assert_eq!(last.unwrap()["content"][1]["type"], "input_image");
    let filled = write(Fix::AddPlaceholder, None);
    let thoughts =
        filled["input"].as_array().unwrap().iter().filter(|it| it["type"] == "reasoning");
    assert_eq!(thoughts.count(), 2, "one for each step with calls");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_history_becomes_one_that_the_api_takes(
        letters in prop::collection::vec((0..9u8, 0..4u8), 0..24),
        of in 0..DIALECTS.len(),
    ) {
        let items: Vec<Value> = letters.into_iter().map(|(kind, id)| match kind {
            0 => json!({ "role": "user", "content": "u" }),
            1 => json!({ "role": "assistant", "content": "a" }),
            2 => json!({ "role": "developer", "content": "d" }),
            3 => json!({ "type": "reasoning", "id": "rs_1", "summary": [], "encrypted_content": "il1.x" }),
            4 => json!({ "type": "web_search_call", "id": "ws_1", "status": "completed" }),
            5 => json!({ "type": "compaction", "encrypted_content": "ilc1.x" }),
            6 => json!({ "type": "function_call", "call_id": format!("c{id}"), "name": "f", "arguments": "{}" }),
            7 => json!({ "type": "custom_tool_call", "call_id": format!("c{id}"), "name": "p", "input": "{" }),
            _ => json!({ "type": "function_call_output", "call_id": format!("c{id}"), "output": "o" }),
        }).chain([json!({ "role": "user", "content": "u" })]).collect();
        let body = json!({ "model": "m", "input": items }).to_string();
        let (mut turn, _) = responses::read(body.as_bytes(), Limits::default()).unwrap();
        for item in &mut turn.items {
            if let Item::Reasoning(it) = item {
                it.thought = Some(Thought { calls: Vec::new(), ..thought("up", DIALECTS[of], &OWN) });
            }
        }
        let dialect = dialect(DIALECTS[of]);
        check_input(&write(&turn, &dialect).0);
        let forwarded = responses::forward(&document(&body), &turn, &target(&dialect, &Repairs::default())).unwrap();
        if let Some(written) = forwarded {
            let forwarded: Value = serde_json::from_slice(&written.body.to_vec()).unwrap();
            prop_assert!(!forwarded.to_string().contains("il1."));
            prop_assert_eq!(forwarded["input"].as_array().unwrap().len(), items.len());
        }
    }
}

#[test]
fn notes_name_no_words_of_the_user() {
    let turn = foreign_turn();
    let (_, notes) = write(&turn, &dialect("generic"));
    let kinds: BTreeSet<&str> = notes.iter().map(|it| it.kind.name()).collect();
    assert!(kinds.contains(NoteKind::FilledIn.name()) && kinds.contains(NoteKind::Omitted.name()));
    assert!(notes.iter().all(|it| !it.subject.contains("rules") && !it.subject.contains("stray")));
}

#[test]
fn an_id_that_comes_again_names_one_call_all_the_same() {
    let body = json!({ "model": "m", "input": [
        { "type": "function_call", "call_id": "call_0", "name": "f", "arguments": "{}" },
        { "type": "function_call_output", "call_id": "call_0", "output": "first" },
        { "type": "function_call", "call_id": "call_0", "name": "f", "arguments": "{}" },
        { "type": "function_call_output", "call_id": "call_0", "output": "second" },
    ] });
    let body = body.to_string();
    let (turn, _) = responses::read(body.as_bytes(), Limits::default()).unwrap();
    let dialect = dialect("openai");
    let written = responses::write(&turn, &target(&dialect, &Repairs::default())).unwrap();
    let sent: Value = serde_json::from_slice(&written.body.to_vec()).unwrap();
    let ids: Vec<&str> =
        sent["input"].as_array().unwrap().iter().filter_map(|it| it["call_id"].as_str()).collect();
    assert_eq!((ids[0], ids[1]), ("call_0", "call_0"));
    assert_eq!(ids[2], ids[3]);
    assert_ne!(ids[0], ids[2]);
}
