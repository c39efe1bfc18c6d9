//! Tools for models that have none: offered in the prompt, called in the text.

use std::sync::Arc;

use interlingua_dialect::{Dialect, Dialects, Wire};
use interlingua_ir::{Event, NoteKind};
use interlingua_testkit::fixtures::cut;
use interlingua_translate::json::Limits;
use interlingua_translate::{Repairs, Target, Written, chat, responses, upstream};
use serde_json::{Value, json};

use crate::support::{self, Run, Said, check_messages, run, target};

fn dialect() -> Dialect {
    let record = "id = \"plain\"\nextends = \"generic\"\ntools.offered_in = \"prompt\"\n";
    let dialects = Dialects::builtin().with([("plain.toml", record)]).unwrap();
    dialects.resolve("plain", "").unwrap()
}

/// A conversation of Codex with a function and a tool of free text.
fn conversation(asked: &str, more: &[Value]) -> Value {
    let mut input = vec![json!({ "role": "user", "content": asked })];
    input.extend_from_slice(more);
    json!({ "model": "m", "input": input, "tools": [
        { "type": "function", "name": "ls", "description": "Lists.", "parameters": {
            "type": "object", "properties": { "path": { "type": "string" } }, "required": ["path"] } },
        { "type": "custom", "name": "apply_patch", "description": "Patches." }] })
}

fn written(body: &Value) -> Written {
    support::written(body, &dialect())
}

fn sent(written: &Written) -> Value {
    let body = serde_json::from_slice(&written.body.to_vec()).unwrap();
    check_messages(&body);
    body
}

/// The mark of the envelope, as the prompt tells it.
fn nonce(body: &Value) -> String {
    let rules = body["messages"][0]["content"].as_str().unwrap();
    let (_, rest) = rules.split_once("<call id=\"").unwrap();
    rest.split_once('"').unwrap().0.to_owned()
}

/// What is made of a text that the model answers with, in pieces of `step` bytes.
fn answered(written: &Written, text: &str, step: usize) -> Run {
    let chunk = json!({ "choices": [{ "delta": { "content": text }, "finish_reason": "stop" }] });
    let bytes = format!("data: {chunk}\n\ndata: [DONE]\n\n");
    let decoder =
        upstream::decoder(Wire::Chat, Arc::new(dialect()), "up", "s", &written.tools, None);
    run(decoder, cut(bytes.as_bytes(), step))
}

#[test]
fn tools_are_offered_in_the_prompt_alone() {
    let written = written(&conversation("go", &[]));
    let body = sent(&written);
    assert_eq!(body.get("tools"), None);
    let rules = body["messages"][0]["content"].as_str().unwrap();
    for told in ["ls: Lists.", "\"required\":[\"path\"]", "apply_patch: Patches."] {
        assert!(rules.contains(told), "{rules}");
    }
    assert!(written.notes.iter().any(|it| it.subject == "tools to words"));

    let mut silent = conversation("go", &[]);
    silent["tool_choice"] = "none".into();
    assert!(!sent(&self::written(&silent)).to_string().contains("ls"));
    let mut forced = conversation("go", &[]);
    forced["tool_choice"] = json!({ "type": "function", "name": "ls" });
    assert!(sent(&self::written(&forced)).to_string().contains("You must call ls now."));
}

#[test]
fn the_mark_stays_in_a_conversation_and_differs_between_two() {
    let answer = json!({ "role": "assistant", "content": "ok" });
    let later = conversation("go", &[answer, json!({ "role": "user", "content": "on" })]);
    let of = |body: &Value| nonce(&sent(&written(body)));
    assert_eq!(of(&conversation("go", &[])), of(&later));
    assert_ne!(of(&conversation("go", &[])), of(&conversation("stay", &[])));
}

#[test]
fn who_knows_how_a_conversation_begins_does_not_know_the_mark_of_one_with_a_name() {
    let (dialect, repairs) = (dialect(), Repairs::default());
    let of = |conversation| {
        let body = self::conversation("go", &[]).to_string();
        let (turn, _) = responses::read(body.as_bytes(), Limits::default()).unwrap();
        let target = Target { conversation, ..target(&dialect, &repairs) };
        nonce(&sent(&chat::write(&turn, &target).unwrap()))
    };
    assert_eq!(of(Some("a")), of(Some("a")));
    assert!(of(Some("a")) != of(Some("b")) && of(Some("a")) != of(None));
}

#[test]
fn calls_are_told_as_the_model_writes_them() {
    let history = [
        json!({ "type": "message", "role": "assistant", "content": [
            { "type": "output_text", "text": "First." }] }),
        json!({ "type": "function_call", "call_id": "1", "name": "ls", "arguments": "{\"path\":\"a\"}" }),
        json!({ "type": "custom_tool_call", "call_id": "2", "name": "apply_patch", "input": "x\ny" }),
        json!({ "type": "function_call_output", "call_id": "1", "output": "a.txt" }),
        json!({ "type": "custom_tool_call_output", "call_id": "2", "output": "done" }),
    ];
    let written = written(&conversation("go", &history));
    let body = sent(&written);
    let nonce = nonce(&body);
    let told = body["messages"][2]["content"].as_str().unwrap();
    assert_eq!(
        told,
        format!(
            "First.\n<call id=\"{nonce}\">{{\"name\":\"ls\",\"arguments\":{{\"path\":\"a\"}}}}</call>\n\
             <call id=\"{nonce}\">{{\"name\":\"apply_patch\",\"arguments\":{{\"input\":\"x\\ny\"}}}}</call>"
        )
    );
    let results = body["messages"][3]["content"].as_str().unwrap();
    assert!(
        results.contains(&format!("<result id=\"{nonce}\" of=\"ls\">\na.txt\n</result>")),
        "{results}"
    );

    // What is told is what is read: the model may repeat it to the letter.
    let said = Said::of(&answered(&written, told, 7));
    assert_eq!(said.text, "First.\n");
    let calls: Vec<_> = said.calls.iter().map(|it| (&*it.name, &*it.input)).collect();
    assert_eq!(calls, [("ls", r#"{"path":"a"}"#), ("apply_patch", r#"{"input":"x\ny"}"#)]);
}

#[test]
fn nothing_but_the_envelope_is_a_call() {
    let written = written(&conversation("go", &[]));
    let nonce = nonce(&sent(&written));
    for text in [
        "<call id=\"other\">{\"name\":\"ls\",\"arguments\":{}}</call>".to_owned(),
        format!("see <call id=\"{nonce}\">{{\"name\":\"ls\",\"arguments\":{{}}}}</call>"),
        format!("```\n<call id=\"{nonce}\">{{\"name\":\"ls\",\"arguments\":{{}}}}</call>\n```"),
        format!("<call id=\"{nonce}\">{{\"name\":\"rm\",\"arguments\":{{}}}}</call>"),
        format!("<call id=\"{nonce}\">{{\"name\":\"ls\",\"arguments\":{{}}</call>"),
        "{\"name\":\"ls\",\"arguments\":{}}".to_owned(),
    ] {
        for step in [1, 1_000] {
            let said = Said::of(&answered(&written, &text, step));
            assert_eq!((said.text.as_str(), said.calls.len()), (text.as_str(), 0));
        }
    }
}

#[test]
fn arguments_that_break_the_schema_are_told_of_and_not_changed() {
    let written = written(&conversation("go", &[]));
    let nonce = nonce(&sent(&written));
    let told = |arguments: &str| {
        let text =
            format!("<call id=\"{nonce}\">{{\"name\":\"ls\",\"arguments\":{arguments}}}</call>");
        let run = answered(&written, &text, 1_000);
        let note = run.events.iter().find_map(|event| match event {
            Event::Note(note) if note.kind == NoteKind::SchemaMismatch => {
                Some(note.subject.clone())
            }
            _ => None,
        });
        (Said::of(&run).calls[0].input.clone(), note)
    };
    assert_eq!(told(r#"{"path":"a"}"#), (r#"{"path":"a"}"#.to_owned(), None));
    let (input, note) = told(r#"{"path":7}"#);
    assert_eq!(input, r#"{"path":7}"#);
    assert_eq!(note.as_deref(), Some("call of ls: /path breaks /properties/path/type"));
}
