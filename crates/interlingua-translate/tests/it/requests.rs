//! Every captured request of the real Codex reaches every upstream, and nothing of it is lost in
//! silence.

use std::collections::{BTreeMap, BTreeSet};

use interlingua_dialect::DeveloperRole;
use interlingua_ir::{Item, NoteKind, Part, Tool, ToolChoice, Turn};
use interlingua_testkit::fixtures::codex_requests;
use interlingua_translate::json::Limits;
use interlingua_translate::responses;
use serde_json::Value;

use crate::support::{DIALECTS, MESSAGES, check_messages, dialect, write};

#[test]
fn every_capture_suits_every_upstream() {
    for request in codex_requests() {
        let body = request.body.to_string();
        let (turn, _) = responses::read(body.as_bytes(), Limits::default()).unwrap();
        for id in DIALECTS {
            let dialect = dialect(id);
            let mut body = write(&turn, &dialect).body;
            check_messages(&body);
            check_tools(&mut body);
            assert_eq!(nulls(&body), 0, "{} for {id}: {body}", request.name);
            assert_eq!(body["model"], "the-model");
            assert_eq!(body["stream"], true);
            let roles: BTreeSet<_> = body["messages"]
                .as_array()
                .unwrap()
                .iter()
                .map(|it| it["role"].as_str().unwrap().to_owned())
                .collect();
            let keeps = dialect.request.developer_role == DeveloperRole::Keep;
            assert!(keeps || !roles.contains("developer"), "{} for {id}", request.name);
        }
    }
}

/// Tools have unique names that are safe everywhere, and an empty list is left out. Their schemas are
/// taken away: what is in them is the client's.
fn check_tools(body: &mut Value) {
    let Some(tools) = body.get_mut("tools") else {
        assert!(body.get("tool_choice").is_none() && body.get("parallel_tool_calls").is_none());
        return;
    };
    let tools = tools.as_array_mut().unwrap();
    assert!(!tools.is_empty());
    let mut names = BTreeSet::new();
    for tool in tools {
        let kind = tool["type"].as_str().unwrap().to_owned();
        let Some(function) = tool.get_mut(&kind) else { continue };
        let name = function["name"].as_str().unwrap().to_owned();
        let safe = |it: u8| it.is_ascii_alphanumeric() || it == b'_' || it == b'-';
        assert!(name.len() <= 64 && name.bytes().all(safe), "{name}");
        assert!(names.insert(name.clone()), "{name} is offered twice");
        if kind == "function" {
            let schema = function.as_object_mut().unwrap().remove("parameters").unwrap();
            assert_eq!(schema["type"], "object", "{name}");
        }
    }
}

fn nulls(value: &Value) -> usize {
    match value {
        Value::Null => 1,
        Value::Array(values) => values.iter().map(nulls).sum(),
        Value::Object(fields) => fields.values().map(nulls).sum(),
        _ => 0,
    }
}

/// Strings that choose among a few meanings: another word there is another request.
const CHOICES: [&str; 7] = [
    "input[].role",
    "input[].type",
    "input[].content[].type",
    "input[].output[].type",
    "input[].summary[].type",
    "text.format.type",
    "tool_choice",
];

/// What may vanish, and which note tells that it did.
const MAY_VANISH: [(&str, &[NoteKind]); 8] = [
    // The record says that the model sees no pictures.
    ("input[].content[].detail", &[NoteKind::Omitted]),
    ("input[].content[].image_url", &[NoteKind::Omitted]),
    ("input[].output[].detail", &[NoteKind::Omitted]),
    ("input[].output[].image_url", &[NoteKind::Omitted]),
    // Thought of an unknown origin, where the record wants none but its own.
    ("input[].content[].text", &[NoteKind::ReasoningForeign, NoteKind::Dropped]),
    ("input[].summary[].text", &[NoteKind::ReasoningForeign, NoteKind::Dropped]),
    // The schema stands in the messages, and there it has no name.
    ("text.format.name", &[NoteKind::Changed]),
    // It changes nothing about the answer; a note with every request would say nothing.
    ("prompt_cache_key", &[]),
];

/// Puts a marker into every string and gives back where each of them stands.
fn mark(value: &mut Value, path: &str, marks: &mut BTreeMap<String, String>) {
    match value {
        Value::String(text) => {
            let is_kind = path.starts_with("tools") || path.contains("].tools[]");
            let is_kind = is_kind
                && ["].type", ".format.type", ".parameters.type"]
                    .iter()
                    .any(|it| path.ends_with(it));
            if CHOICES.contains(&path) || is_kind {
                return;
            }
            let marker = format!("zq{:04}qz", marks.len());
            // A marker alone is no address, and what is no address is no picture.
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

/// All that a turn keeps for those who can use it.
fn corners(turn: &Turn<'_>) -> String {
    let mut kept = vec![turn.model.to_string()];
    kept.extend(turn.extras.iter().map(|it| it.json.get().to_owned()));
    let parts = |parts: &[Part<'_>]| -> Vec<String> {
        let other = parts.iter().filter_map(|part| match part {
            Part::Other { json, .. } => Some(json.get().to_owned()),
            _ => None,
        });
        other.collect()
    };
    for item in &turn.items {
        match item {
            Item::Message(message) => kept.extend(parts(&message.parts)),
            Item::Output(output) => kept.extend(parts(&output.parts)),
            Item::Reasoning(it) => kept.extend(it.sealed.as_ref().map(ToString::to_string)),
            Item::Summary(it) => kept.extend(it.sealed.as_ref().map(ToString::to_string)),
            Item::Other { json, .. } => kept.push(json.get().to_owned()),
            Item::Call(_) => {}
        }
    }
    for tool in &turn.tools {
        if let Tool::Other { json, .. } = tool {
            kept.push(json.get().to_owned());
        }
    }
    if let ToolChoice::Other(json) = &turn.tool_choice {
        kept.push(json.get().to_owned());
    }
    kept.join("\n")
}

#[test]
fn nothing_is_lost_in_silence() {
    let mut lost: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    let mut count = 0;
    for request in codex_requests() {
        let mut marks = BTreeMap::new();
        let mut marked = request.body.clone();
        mark(&mut marked, "", &mut marks);
        let body = marked.to_string();
        let (turn, read_notes) = responses::read(body.as_bytes(), Limits::default()).unwrap();
        let corners = corners(&turn);
        for id in DIALECTS.into_iter().chain(MESSAGES) {
            let upstream = write(&turn, &dialect(id));
            let mut found = format!("{}\n{corners}\n", upstream.body);
            for note in read_notes.iter().chain(&upstream.notes) {
                found.extend([note.to_string(), "\n".to_owned()]);
            }
            for (marker, path) in &marks {
                count += 1;
                if !found.contains(marker.as_str()) {
                    let allowed = MAY_VANISH.iter().find(|(known, _)| known == path);
                    let told = |kind| upstream.notes.iter().any(|note| note.kind == kind);
                    let is_told = |(_, kinds): &(_, &[NoteKind])| {
                        kinds.is_empty() || kinds.iter().any(|kind| told(*kind))
                    };
                    assert!(allowed.is_none_or(is_told), "{path} for {id} in {}", request.name);
                    lost.entry(path.clone()).or_default().insert(format!("{id} {}", request.name));
                }
            }
        }
    }
    let paths: BTreeSet<_> = lost.keys().map(String::as_str).collect();
    assert_eq!(paths, MAY_VANISH.iter().map(|it| it.0).collect(), "{lost:#?}");
    assert!(count > 10_000, "{count}");
}

/// Reads a request of one item and gives back the extras, by name.
fn extras(item: &str) -> Vec<(String, String)> {
    let body = format!(r#"{{"input":[{item}]}}"#);
    let (turn, _) = responses::read(body.as_bytes(), Limits::default()).unwrap();
    let extras = turn.extras.iter();
    extras.map(|it| (it.name.to_string(), it.json.get().to_owned())).collect()
}

#[test]
fn fields_that_mean_nothing_where_they_stand_are_kept() {
    let kept = |name: &str, json: &str| (name.to_owned(), json.to_owned());
    assert_eq!(
        extras(
            r#"{"role":"user","content":[{"type":"input_text","text":"a","detail":"x"}],"name":"n","new":[1]}"#
        ),
        [kept("detail", "\"x\""), kept("name", "\"n\""), kept("new", "[1]")]
    );
    assert_eq!(
        extras(
            r#"{"type":"reasoning","summary":[{"type":"summary_text","text":"s"}],"content":[{"type":"reasoning_text","text":"r","new":1}]}"#
        ),
        [kept("new", "1"), kept("summary", r#"[{"type":"summary_text","text":"s"}]"#)]
    );
    assert_eq!(
        extras(
            r#"{"type":"additional_tools","role":"developer","tools":[
            {"type":"custom","name":"c","parameters":{"a":1}},
            {"type":"namespace","name":"n","strict":true,"tools":[{"name":"f","format":"x"}]}]}"#
        ),
        [
            kept("parameters", "{\"a\":1}"),
            kept("format", "\"x\""),
            kept("strict", "true"),
            kept("role", "\"developer\"")
        ]
    );
}

#[test]
fn tools_of_the_top_level_namespace_have_none() {
    let body = r#"{"input":[{"type":"additional_tools","tools":[{"type":"namespace","name":"functions","tools":[
        {"name":"exec_command"},{"type":"custom","name":"apply_patch"}]}]},{"role":"user","content":"x"}]}"#;
    let (turn, notes) = responses::read(body.as_bytes(), Limits::default()).unwrap();
    assert_eq!(notes, []);
    let body = write(&turn, &dialect("generic")).body;
    let names: Vec<_> =
        body["tools"].as_array().unwrap().iter().map(|it| &it["function"]["name"]).collect();
    assert_eq!(names, ["exec_command", "apply_patch"]);
}

#[test]
fn a_tool_of_an_unknown_kind_may_stand_beside_a_conversation_of_one_string() {
    let body = r#"{"input":"x","tools":[{"type":"image_generation","size":"1"}]}"#;
    let (turn, _) = responses::read(body.as_bytes(), Limits::default()).unwrap();
    let [Tool::Other { kind, json }] = turn.tools.as_slice() else { panic!("{:?}", turn.tools) };
    assert_eq!(
        (kind.as_ref(), json.get()),
        ("image_generation", r#"{"type":"image_generation","size":"1"}"#)
    );
}

#[test]
fn errors_say_where_and_what() {
    for (body, param, reason) in [
        (r#"{"model":"m"}"#, "input", "no `input`"),
        (r#"{"messages":[]}"#, "input", "belongs to `/v1/chat/completions` or `/v1/messages`"),
        (
            r#"{"input":[{"role":"nobody","content":"x"}]}"#,
            "input[0].role",
            "`nobody` is not known",
        ),
        (r#"{"input":[{"type":"function_call","call_id":"a"}]}"#, "input[0].name", "names no tool"),
        (r#"{"input":[{"type":"function_call","name":"a"}]}"#, "input[0].call_id", "missing"),
        (
            r#"{"input":[{"role":"user","content":[{"type":"input_text"}]}]}"#,
            "input[0].content[0].text",
            "missing",
        ),
        (
            r#"{"input":"x","tools":[{"type":"namespace","name":"n","tools":[{"type":"function"}]}]}"#,
            "tools[0].tools[0].name",
            "no name",
        ),
        (r#"{"input":"x","tool_choice":"sometimes"}"#, "tool_choice", "none of"),
        (
            r#"{"input":"x","previous_response_id":"resp_1"}"#,
            "previous_response_id",
            "send the whole",
        ),
    ] {
        let fault = responses::read(body.as_bytes(), Limits::default()).unwrap_err();
        assert_eq!(fault.param.as_deref(), Some(param), "{fault}");
        assert!(fault.message.contains(reason), "{fault}");
    }
}
