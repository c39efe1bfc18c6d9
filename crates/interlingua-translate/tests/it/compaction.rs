//! A conversation that is replaced by its summary.

use interlingua_ir::{Class, Event, Item, NoteKind, Sink, Stop, Task, Turn, Usage};
use interlingua_testkit::fixtures::{self, sse_json};
use interlingua_testkit::schema;
use interlingua_translate::compaction::{Compaction, Gathered, PROMPT};
use interlingua_translate::json::Limits;
use interlingua_translate::{Encode as _, responses};
use serde_json::{Value, json};

use crate::support::{DIALECTS, check_messages, dialect, head, write};

fn captured(name: &str) -> Vec<u8> {
    fixtures::json(format!("codex/{name}.json"))["body"].to_string().into_bytes()
}

fn read(body: &[u8]) -> Turn<'_> {
    responses::read(body, Limits::default()).unwrap().0
}

/// Opens the seals, as far as this crate is concerned.
fn opened<'a>(mut turn: Turn<'a>, text: Option<&str>) -> Turn<'a> {
    for item in &mut turn.items {
        if let Item::Summary(summary) = item {
            summary.text = text.map(str::to_owned);
        }
    }
    turn
}

#[test]
fn a_trigger_asks_for_a_summary_without_tools() {
    let body = captured("req_compaction_v2_trigger");
    let turn = read(&body);
    assert_eq!(turn.task, Task::Compact);
    let compaction = Compaction::new(turn);
    for id in DIALECTS {
        let body = write(compaction.turn(), &dialect(id)).body;
        check_messages(&body);
        for field in ["tools", "tool_choice", "parallel_tool_calls"] {
            assert!(body.get(field).is_none(), "{field} for {id}");
        }
        let messages = body["messages"].as_array().unwrap();
        let last = messages.last().unwrap();
        assert_eq!((&last["role"], &last["content"]), (&json!("user"), &json!(PROMPT.trim_end())));
        assert!(messages.iter().any(|it| it["role"] == "tool"), "the history stays");
    }
    assert!(PROMPT.len() <= 1536);
}

#[test]
fn a_summary_stands_in_place_of_what_it_replaces() {
    let body = captured("req_after_compaction_v2");
    let turn = opened(read(&body), Some("We \"fixed\" it."));
    assert_eq!(turn.task, Task::Answer);
    for id in DIALECTS {
        let written = write(&turn, &dialect(id));
        check_messages(&written.body);
        let last = written.body["messages"].as_array().unwrap().last().unwrap();
        assert_eq!(last["role"], "user");
        let text = last["content"].as_str().unwrap();
        assert!(text.starts_with("Summary of the conversation so far."), "{text}");
        assert!(text.ends_with("\n\nWe \"fixed\" it."), "{text}");
    }
}

#[test]
fn a_summary_that_cannot_be_read_is_told_to_the_model() {
    let body = captured("req_after_compaction_v2");
    let written = write(&opened(read(&body), None), &dialect("mimo"));
    let last = written.body["messages"].as_array().unwrap().last().unwrap();
    assert!(last["content"].as_str().unwrap().contains("cannot be read any more"), "{last}");
    assert!(written.notes.iter().any(|it| it.kind == NoteKind::Omitted && it.subject == "summary"));
}

/// The prompt cache lives from this.
#[test]
fn turns_after_a_summary_share_their_beginning() {
    let first: Value = serde_json::from_slice(&captured("req_after_compaction_v2")).unwrap();
    let mut second = first.clone();
    second["input"].as_array_mut().unwrap().extend([
        json!({ "type": "function_call", "call_id": "c", "name": "exec_command", "arguments": "{}" }),
        json!({ "type": "function_call_output", "call_id": "c", "output": "done" }),
    ]);
    let messages = |body: &Value| {
        let body = body.to_string();
        let turn = opened(read(body.as_bytes()), Some("so far"));
        let written = write(&turn, &dialect("mimo")).body.to_string();
        written.strip_suffix("]}").unwrap().to_owned()
    };
    assert!(messages(&second).starts_with(&messages(&first)));
}

fn gathered(text: &str, stop: Stop) -> Gathered {
    use interlingua_ir::{Index, Kind, Text};
    let mut gathered = Gathered::default();
    for event in [
        Event::Begin { id: "c1".into(), model: "m".into() },
        Event::Open { index: Index(0), kind: Kind::Reasoning },
        Event::Delta { index: Index(0), text: Text::plain("secret thought") },
        Event::Close { index: Index(0) },
        Event::Open { index: Index(1), kind: Kind::Text },
        Event::Delta { index: Index(1), text: Text::plain(text) },
        Event::Close { index: Index(1) },
        Event::End { stop, usage: None },
    ] {
        gathered.event(event);
    }
    gathered
}

#[test]
fn a_summary_is_what_the_model_said_and_never_nothing() {
    let compaction = Compaction::new(Turn::default());
    let summary = |text, stop| compaction.summary(&gathered(text, stop));
    assert_eq!(summary(" All \"done\".\n", Stop::Complete).as_deref(), Ok("All \"done\"."));
    assert_eq!(summary(" \n", Stop::Complete).unwrap_err().class, Class::Upstream);
    assert_eq!(summary("Half", Stop::Filtered).unwrap_err().class, Class::ContentFilter);
    let cut = summary("Half", Stop::Length).unwrap();
    assert!(cut.starts_with("Half\n\n[") && cut.contains("cut"), "{cut}");
}

#[test]
fn what_was_dropped_is_told_in_the_summary() {
    let body = json!({ "model": "m", "input": [
        { "role": "developer", "content": "Rules." },
        { "role": "user", "content": "First question." },
        { "role": "assistant", "content": "First answer." },
        { "role": "user", "content": "Second question." },
        { "role": "assistant", "content": "Second answer." },
        { "type": "compaction_trigger" },
    ] });
    let body = body.to_string();
    let mut compaction = Compaction::new(read(body.as_bytes()));
    assert_eq!(compaction.note(), None);
    assert!(compaction.tokens() > 300, "the question counts, too");
    assert!(compaction.shorten());
    assert!(!compaction.shorten(), "the last turn stays");
    let sent = write(compaction.turn(), &dialect("mimo")).body.to_string();
    assert!(sent.contains("Rules.") && sent.contains("Second question."), "{sent}");
    assert!(!sent.contains("First"), "{sent}");
    assert_eq!(compaction.note().unwrap().to_string(), "turns-dropped=1 before the summary");
    let summary = compaction.summary(&gathered("Rest.", Stop::Complete)).unwrap();
    assert!(summary.contains("missing from this summary: 1 ") && summary.ends_with("\n\nRest."));
}

/// Encodes the answer to a request for a summary.
fn encode(mut encoder: responses::Encoder) -> Vec<u8> {
    let usage = Usage { input: 1200, output: 60, ..Usage::default() };
    let mut gathered = gathered("So far.", Stop::Complete);
    gathered.event(Event::End { stop: Stop::Complete, usage: Some(usage) });
    for event in gathered.into_answer("ilc1.x".to_owned()) {
        encoder.event(event);
    }
    let mut out = Vec::new();
    encoder.take(&mut out);
    out
}

#[test]
fn codex_gets_exactly_one_item() {
    let events = sse_json(&String::from_utf8(encode(responses::Encoder::stream(head()))).unwrap());
    let kinds: Vec<_> = events.iter().map(|it| it["type"].as_str().unwrap()).collect();
    let expect = [
        "response.created",
        "response.in_progress",
        "response.output_item.done",
        "response.completed",
    ];
    assert_eq!(kinds, expect);
    let item = &events[2]["item"];
    assert_eq!(item["type"], "compaction");
    assert!(item["id"].as_str().unwrap().starts_with("cmp_"), "{item}");
    assert_eq!(item["encrypted_content"], "ilc1.x");
    assert_eq!(events[3]["response"]["output"], json!([item]));
    assert_eq!(events[3]["response"]["usage"]["total_tokens"], 1260);
    for event in &events[2..] {
        assert_eq!(schema::openai().check_event(event), Ok(()), "{event}");
    }
}

#[test]
fn others_get_it_whole() {
    let whole: Value = serde_json::from_slice(&encode(responses::Encoder::whole(head()))).unwrap();
    assert_eq!(schema::openai().check_response(&whole), Ok(()));
    assert_eq!(whole["output"][0]["type"], "compaction");
    let compacted: Value =
        serde_json::from_slice(&encode(responses::Encoder::compacted(head()))).unwrap();
    assert_eq!(compacted["object"], "response.compaction");
    assert_eq!(compacted["output"], whole["output"]);
    assert_eq!(compacted["usage"], whole["usage"]);
    assert_eq!((&compacted["id"], &compacted["created_at"]), (&whole["id"], &whole["created_at"]));
}
