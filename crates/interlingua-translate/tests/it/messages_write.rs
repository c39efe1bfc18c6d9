//! Turns of other clients as requests of the Messages protocol.

use std::collections::BTreeSet;

use expect_test::{Expect, expect};
use interlingua_dialect::{Dialect, Dialects, Fix};
use interlingua_ir::{Item, Note, Origin, Protocol, Thought, Turn};
use interlingua_testkit::fixtures::codex_requests;
use interlingua_translate::json::Limits;
use interlingua_translate::{Repairs, Target, Written, messages, responses};
use proptest::prelude::*;
use serde_json::{Value, json};

use crate::support::{MESSAGES, check_conversation, dialect, target};

fn user(text: &str) -> Value {
    json!({ "type": "message", "role": "user", "content": [{ "type": "input_text", "text": text }] })
}

fn assistant(text: &str) -> Value {
    json!({ "type": "message", "role": "assistant", "content": [{ "type": "output_text", "text": text }] })
}

fn call(id: &str, name: &str, arguments: &str) -> Value {
    json!({ "type": "function_call", "call_id": id, "name": name, "arguments": arguments })
}

fn output(id: &str, output: impl Into<Value>) -> Value {
    json!({ "type": "function_call_output", "call_id": id, "output": output.into() })
}

fn reasoning(text: &str) -> Value {
    json!({ "type": "reasoning", "summary": [{ "type": "summary_text", "text": text }] })
}

fn image(url: &str) -> Value {
    json!({ "type": "input_image", "image_url": url })
}

/// A thought of the upstream's own; signed, redacted or neither.
fn thought(family: &str, text: &str, provenance: Option<(&str, &str)>) -> Thought {
    let provenance = provenance.map(|(field, json)| (field.to_owned(), format!("\"{json}\"")));
    Thought {
        origin: Some(Origin { provider: "up".into(), family: family.into() }),
        text: text.into(),
        provenance: provenance.into_iter().collect(),
        ..Thought::default()
    }
}

/// Puts thoughts into the reasoning items, in their order, as opened seals do.
fn opened(thoughts: Vec<Thought>) -> impl FnOnce(&mut Turn<'_>) {
    move |turn| {
        let mut thoughts = thoughts.into_iter();
        for item in &mut turn.items {
            if let Item::Reasoning(reasoning) = item {
                reasoning.thought = thoughts.next();
            }
        }
    }
}

struct Ask<'d> {
    dialect: &'d Dialect,
    repairs: Repairs,
    max_output_tokens: Option<u64>,
}

impl<'d> Ask<'d> {
    fn new(dialect: &'d Dialect) -> Self {
        Self { dialect, repairs: Repairs::default(), max_output_tokens: None }
    }

    #[track_caller]
    fn write(&self, turn: &Turn<'_>) -> (Value, Vec<Note>) {
        let target = Target {
            max_output_tokens: self.max_output_tokens,
            conversation: None,
            stream: turn.stream,
            ..target(self.dialect, &self.repairs)
        };
        let Written { body, notes, .. } = messages::write(turn, &target).unwrap();
        let body = serde_json::from_slice(&body.to_vec()).unwrap();
        check_conversation(&body);
        (body, notes)
    }

    /// The request for a body of the Responses protocol.
    #[track_caller]
    fn read(&self, body: &Value) -> (Value, Vec<Note>) {
        let body = body.to_string();
        let (turn, _) = responses::read(body.as_bytes(), Limits::default()).unwrap();
        self.write(&turn)
    }
}

/// The messages and the notes that items become, a line each; `edit` changes the turn before.
#[track_caller]
fn check_turn(id: &str, items: &[Value], edit: impl FnOnce(&mut Turn<'_>), expect: &Expect) {
    let body =
        json!({ "model": "m", "input": items, "reasoning": { "effort": "high" } }).to_string();
    let (mut turn, mut notes) = responses::read(body.as_bytes(), Limits::default()).unwrap();
    edit(&mut turn);
    // What holds for Claude's older models shows more of the rules.
    let model = if id == "anthropic" { "claude-sonnet-4-5" } else { "" };
    let dialect = Dialects::builtin().resolve(id, model).unwrap();
    let (body, more) = Ask::new(&dialect).write(&turn);
    notes.extend(more);
    let mut lines: Vec<String> = Vec::new();
    lines.extend(body.get("system").map(|system| format!("system {}", unmarked(system))));
    lines.extend(body["messages"].as_array().unwrap().iter().map(|it| unmarked(it).to_string()));
    if body["thinking"]["type"] == "disabled" {
        lines.push("thinking off".to_owned());
    }
    lines.extend(notes.iter().map(ToString::to_string));
    expect.assert_eq(&lines.into_iter().map(|line| line + "\n").collect::<String>());
}

#[track_caller]
fn check(items: &[Value], expect: &Expect) {
    check_turn("anthropic_compat", items, |turn| turn.thinking.effort = None, expect);
}

/// A copy without cache marks.
fn unmarked(value: &Value) -> Value {
    match value {
        Value::Object(fields) => {
            let fields = fields.iter().filter(|(name, _)| *name != "cache_control");
            fields.map(|(name, value)| (name.clone(), unmarked(value))).collect()
        }
        Value::Array(values) => values.iter().map(unmarked).collect(),
        other => other.clone(),
    }
}

#[test]
fn every_capture_suits_every_upstream() {
    for request in codex_requests() {
        let body = request.body.to_string();
        let (turn, _) = responses::read(body.as_bytes(), Limits::default()).unwrap();
        for id in MESSAGES {
            let dialect = dialect(id);
            let (body, _) = Ask::new(&dialect).write(&turn);
            assert_eq!(body["model"], "the-model");
            assert_eq!(body["stream"], true);
            assert!(body["max_tokens"].as_u64().unwrap() >= 32_000);
            let mut names = BTreeSet::new();
            for tool in body["tools"].as_array().into_iter().flatten() {
                let name = tool["name"].as_str().unwrap();
                assert!(names.insert(name.to_owned()), "{name} is offered twice");
                let safe = |it: u8| it.is_ascii_alphanumeric() || it == b'_' || it == b'-';
                assert!(name.len() <= 128 && name.bytes().all(safe), "{name}");
                let schema = tool["type"].is_string() || tool["input_schema"]["type"] == "object";
                assert!(schema, "{tool}");
            }
        }
    }
}

#[test]
fn rules_and_prose() {
    check(
        &[
            json!({ "role": "developer", "content": [
                { "type": "input_text", "text": "Be brief." }, { "type": "input_text", "text": "Be \"kind\"." } ] }),
            json!({ "role": "system", "content": " \n" }),
            user("a"),
            user("b"),
            assistant("c"),
            json!({ "role": "system", "content": "New rules." }),
            user(""),
            user("\n"),
            user("d"),
        ],
        &expect![[r#"
            system [{"type":"text","text":"Be brief."},{"type":"text","text":"Be \"kind\"."}]
            {"role":"user","content":[{"type":"text","text":"a"},{"type":"text","text":"b"}]}
            {"role":"assistant","content":[{"type":"text","text":"c"}]}
            {"role":"user","content":[{"type":"text","text":"New rules."},{"type":"text","text":"d"}]}
            changed=rules to words of the user
        "#]],
    );
}

#[test]
fn results_come_first_and_at_once() {
    check(
        &[
            user("go"),
            assistant("Two things."),
            call("a", "f", "{\"x\": 1}"),
            call("b", "g", ""),
            output("a", "A"),
            user("wait"),
            output(
                "b",
                json!([{ "type": "input_text", "text": "B" }, image("data:image/png;base64,AAAA")]),
            ),
            assistant("Done."),
            user("thanks"),
        ],
        &expect![[r#"
            {"role":"user","content":[{"type":"text","text":"go"}]}
            {"role":"assistant","content":[{"type":"text","text":"Two things."},{"type":"tool_use","id":"a","name":"f","input":{"x":1}},{"type":"tool_use","id":"b","name":"g","input":{}}]}
            {"role":"user","content":[{"type":"tool_result","tool_use_id":"a","content":"A"},{"type":"tool_result","tool_use_id":"b","content":[{"type":"text","text":"B"},{"type":"image","source":{"type":"base64","media_type":"image/png","data":"AAAA"}}]},{"type":"text","text":"wait"}]}
            {"role":"assistant","content":[{"type":"text","text":"Done."}]}
            {"role":"user","content":[{"type":"text","text":"thanks"}]}
        "#]],
    );
}

/// Some servers count their calls anew in each answer; this protocol wants every id once. The first keeps its
/// own, so that what has been sent before stays as it was.
#[test]
fn ids_that_are_used_again_are_told_apart() {
    check(
        &[
            user("go"),
            call("a", "f", "{}"),
            output("a", "first"),
            call("a", "f", "{}"),
            output("a", "second"),
            call("a", "f", "{}"),
        ],
        &expect![[r#"
            {"role":"user","content":[{"type":"text","text":"go"}]}
            {"role":"assistant","content":[{"type":"tool_use","id":"a","name":"f","input":{}}]}
            {"role":"user","content":[{"type":"tool_result","tool_use_id":"a","content":"first"}]}
            {"role":"assistant","content":[{"type":"tool_use","id":"call_bdd95620493ae86f","name":"f","input":{}}]}
            {"role":"user","content":[{"type":"tool_result","tool_use_id":"call_bdd95620493ae86f","content":"second"}]}
            {"role":"assistant","content":[{"type":"tool_use","id":"call_bdd952dd493ae932","name":"f","input":{}}]}
            {"role":"user","content":[{"type":"tool_result","tool_use_id":"call_bdd952dd493ae932","content":"no result was recorded (interrupted)","is_error":true}]}
            renamed=a call id that was used twice
            filled-in=a call without a result
        "#]],
    );
}

#[test]
fn results_that_are_doubled_missing_or_of_nobody() {
    check(
        &[
            assistant("Before."),
            call("a/1", "f", "{}"),
            output("a/1", "first"),
            output("a/1", "second"),
            call("b", "f", "not json"),
            output("c", ""),
            call("d", "f", "[1]"),
            output("d", "  "),
        ],
        &expect![[r#"
            {"role":"user","content":[{"type":"text","text":"[the beginning of this conversation is not shown]"}]}
            {"role":"assistant","content":[{"type":"text","text":"Before."},{"type":"tool_use","id":"call_e249ebc17d955d44","name":"f","input":{}}]}
            {"role":"user","content":[{"type":"tool_result","tool_use_id":"call_e249ebc17d955d44","content":"second"}]}
            {"role":"assistant","content":[{"type":"tool_use","id":"b","name":"f","input":{"_raw":"not json"}}]}
            {"role":"user","content":[{"type":"tool_result","tool_use_id":"b","content":"no result was recorded (interrupted)","is_error":true},{"type":"text","text":"[result of the unknown tool call c]"}]}
            {"role":"assistant","content":[{"type":"tool_use","id":"d","name":"f","input":{"_raw":"[1]"}}]}
            {"role":"user","content":[{"type":"tool_result","tool_use_id":"d"}]}
            stray-result=a call has two results; the last counts
            filled-in=a first message of the user
            changed=arguments that are no JSON object
            filled-in=a call without a result
            stray-result=1
            changed=arguments that are no JSON object
        "#]],
    );
}

#[test]
fn the_user_has_the_last_word() {
    check(
        &[user("a"), assistant("b"), reasoning("c")],
        &expect![[r#"
            {"role":"user","content":[{"type":"text","text":"a"}]}
            {"role":"assistant","content":[{"type":"text","text":"b"}]}
            {"role":"user","content":[{"type":"text","text":"Continue."}]}
            dropped=reasoning without an answer
            filled-in=a last message of the user
        "#]],
    );
    check(
        &[json!({ "role": "developer", "content": "only rules" })],
        &expect![[r#"
            system [{"type":"text","text":"only rules"}]
            {"role":"user","content":[{"type":"text","text":"Continue."}]}
            filled-in=a last message of the user
        "#]],
    );
}

#[test]
fn pictures_and_documents() {
    let file = |url: &str| json!({ "type": "input_file", "filename": "a.pdf", "file_data": url });
    let parts = json!({ "role": "user", "content": [
        image("https://x.example/a.png"),
        image("data:image/webp;base64,AA=="),
        image("data:image/svg+xml;base64,AA=="),
        { "type": "input_image", "image_url": "data:image/gif;base64,AA==", "detail": "high" },
        file("data:application/pdf;base64,AA=="),
        file("data:text/plain;base64,AA=="),
        { "type": "input_video", "video": "x" },
    ] });
    check_turn(
        "anthropic",
        std::slice::from_ref(&parts),
        |_| {},
        &expect![[r#"
            {"role":"user","content":[{"type":"image","source":{"type":"url","url":"https://x.example/a.png"}},{"type":"image","source":{"type":"base64","media_type":"image/webp","data":"AA=="}},{"type":"text","text":"[image omitted: this model takes text only]"},{"type":"image","source":{"type":"base64","media_type":"image/gif","data":"AA=="}},{"type":"text","text":"[file omitted: this model cannot take it]"},{"type":"text","text":"[file omitted: this model cannot take it]"},{"type":"text","text":"[video omitted: this model cannot take it]"}]}
            omitted=image
            dropped=image detail high
            omitted=input_file
            omitted=input_file
            omitted=input_video
        "#]],
    );
}

#[test]
fn tools_of_every_kind() {
    let body = json!({ "model": "m", "input": "x", "parallel_tool_calls": false, "tools": [
        { "type": "function", "name": "f", "description": "F", "strict": true,
          "parameters": { "$schema": "s", "type": "object", "properties": {} } },
        { "type": "function", "name": "bare", "strict": false },
        { "type": "custom", "name": "apply_patch", "description": "Edits.",
          "format": { "type": "grammar", "syntax": "lark", "definition": "start: x" } },
        { "type": "namespace", "name": "mcp", "description": "A server.", "tools": [
            { "type": "function", "name": "echo", "description": "Says it." } ] },
        { "type": "web_search" },
        { "type": "image_generation" } ] });
    let tools = |id: &str| {
        let dialect = dialect(id);
        let (body, notes) = Ask::new(&dialect).read(&body);
        let tools = body["tools"].as_array().unwrap().iter();
        let lines = tools.map(|it| unmarked(it).to_string());
        let choice = format!("choice {}", body["tool_choice"]);
        let notes = notes.iter().map(ToString::to_string);
        lines.chain([choice]).chain(notes).map(|line| line + "\n").collect::<String>()
    };
    expect![[r#"
        {"name":"f","description":"F","input_schema":{"type":"object","properties":{}},"strict":true}
        {"name":"bare","input_schema":{"type":"object","properties":{}}}
        {"name":"apply_patch","description":"Edits.\n\nThis tool takes free text. Put all of it, exactly as it is, into the one argument `input`.\n\nThe text must follow this lark grammar:\n\nstart: x","input_schema":{"type":"object","properties":{"input":{"type":"string","description":"The whole text."}},"required":["input"],"additionalProperties":false}}
        {"name":"mcp__echo","description":"Tools whose names begin with mcp: A server.\n\nSays it.","input_schema":{"type":"object","properties":{}}}
        {"type":"web_search_20250305","name":"web_search"}
        choice {"type":"auto","disable_parallel_tool_use":true}
        dropped=tool image_generation
    "#]]
    .assert_eq(&tools("anthropic"));
    expect![[r#"
        {"name":"f","description":"F","input_schema":{"type":"object","properties":{}}}
        {"name":"bare","input_schema":{"type":"object","properties":{}}}
        {"name":"apply_patch","description":"Edits.\n\nThis tool takes free text. Put all of it, exactly as it is, into the one argument `input`.\n\nThe text must follow this lark grammar:\n\nstart: x","input_schema":{"type":"object","properties":{"input":{"type":"string","description":"The whole text."}},"required":["input"],"additionalProperties":false}}
        {"name":"mcp__echo","description":"Tools whose names begin with mcp: A server.\n\nSays it.","input_schema":{"type":"object","properties":{}}}
        choice {"type":"auto","disable_parallel_tool_use":true}
        dropped=tool web_search
        dropped=tool image_generation
    "#]]
    .assert_eq(&tools("anthropic_compat"));
}

#[test]
fn ways_to_call_a_tool() {
    let choice = |id: &str, effort: &str, choice: Value| {
        let body = json!({ "model": "m", "input": "x", "tool_choice": choice,
            "reasoning": { "effort": effort }, "tools": [{ "type": "function", "name": "f" }] });
        let dialect = Dialects::builtin().resolve(id, "").unwrap();
        let (body, _) = Ask::new(&dialect).read(&body);
        format!("{} {}", body["tool_choice"], body["thinking"]["type"])
    };
    let named = json!({ "type": "function", "name": "f" });
    let unknown = json!({ "type": "function", "name": "g" });
    assert_eq!(choice("anthropic", "none", json!("auto")), r#"{"type":"auto"} "disabled""#);
    assert_eq!(choice("anthropic", "none", json!("required")), r#"{"type":"any"} "disabled""#);
    assert_eq!(choice("anthropic", "high", json!("none")), r#"{"type":"none"} "adaptive""#);
    // To be forced and to think exclude one another.
    assert_eq!(choice("anthropic", "high", json!("required")), r#"{"type":"any"} "disabled""#);
    assert_eq!(
        choice("anthropic", "high", named.clone()),
        r#"{"type":"tool","name":"f"} "disabled""#
    );
    assert_eq!(choice("anthropic", "none", unknown), r#"{"type":"auto"} "disabled""#);
    assert_eq!(choice("anthropic_compat", "high", named), r#"{"type":"auto"} "enabled""#);
    assert_eq!(choice("anthropic_compat", "high", json!("none")), r#"null "enabled""#);

    let always = Dialects::builtin().resolve("anthropic", "claude-opus-5-5").unwrap();
    let body = json!({ "model": "m", "input": "x", "tool_choice": "required", "reasoning": { "effort": "none" },
        "tools": [{ "type": "function", "name": "f" }] });
    let (body, notes) = Ask::new(&always).read(&body);
    assert_eq!(body["tool_choice"], json!({ "type": "auto" }));
    assert_eq!(body["output_config"], json!({ "effort": "low" }));
    let notes: Vec<_> = notes.iter().map(ToString::to_string).collect();
    assert_eq!(notes, ["changed=effort none to low", "changed=tool_choice required to auto"]);
}

#[test]
fn parameters_of_other_protocols() {
    let body = json!({ "model": "m", "input": "x", "temperature": 1.5, "top_p": 0.5, "user": "u",
        "service_tier": "flex", "store": false, "metadata": { "a": "b" }, "max_output_tokens": 5,
        "text": { "format": { "type": "json_schema", "name": "n", "schema": { "type": "object" } } },
        "reasoning": { "effort": "none" } });
    let anthropic = dialect("anthropic");
    let (written, notes) = Ask::new(&anthropic).read(&body);
    let expect = json!({ "model": "the-model", "max_tokens": 5, "temperature": 1, "top_p": 0.5,
        "thinking": { "type": "disabled" },
        "output_config": { "format": { "type": "json_schema", "schema": { "type": "object" } } },
        "messages": [{ "role": "user", "content": [{ "type": "text", "text": "x" }] }] });
    assert_eq!(unmarked(&written), expect);
    let notes: Vec<_> = notes.iter().map(ToString::to_string).collect();
    assert_eq!(
        notes,
        ["changed=temperature", "dropped=service_tier", "dropped=name of the schema n"]
    );

    let mut thinking = body.clone();
    thinking["reasoning"]["effort"] = "xhigh".into();
    let (written, _) = Ask::new(&anthropic).read(&thinking);
    assert_eq!(written.get("temperature"), None);
    assert_eq!(written["output_config"]["effort"], "xhigh");
    assert_eq!(written["output_config"]["format"]["type"], "json_schema");

    let mut ask = Ask::new(&anthropic);
    ask.repairs.add(Fix::ToJsonObject, None);
    let (written, _) = ask.read(&body);
    assert!(written["system"][0]["text"].as_str().unwrap().contains(r#"{"type":"object"}"#));
    assert_eq!(written.get("output_config"), None);
}

#[test]
fn the_length_of_an_answer_and_the_budget_of_its_thought() {
    let limits = |model: &str, effort: &str, asked: Option<u64>, most: Option<u64>| {
        let mut body = json!({ "model": "m", "input": "x", "reasoning": { "effort": effort } });
        if let Some(asked) = asked {
            body["max_output_tokens"] = asked.into();
        }
        let dialect = Dialects::builtin().resolve("anthropic", model).unwrap();
        let ask = Ask { max_output_tokens: most, ..Ask::new(&dialect) };
        let (body, _) = ask.read(&body);
        (body["max_tokens"].as_u64().unwrap(), body["thinking"]["budget_tokens"].as_u64())
    };
    assert_eq!(limits("", "high", None, None), (32_000, None));
    assert_eq!(limits("", "high", None, Some(128_000)), (128_000, None));
    assert_eq!(limits("", "high", Some(200_000), Some(128_000)), (128_000, None));
    let older = "claude-haiku-4-5";
    assert_eq!(limits(older, "none", None, None), (32_000, None));
    assert_eq!(limits(older, "max", None, None), (64_000, Some(32_000)));
    assert_eq!(limits(older, "max", None, Some(64_000)), (64_000, Some(32_000)));
    assert_eq!(limits(older, "high", Some(8_000), Some(64_000)), (8_000, Some(4_000)));
    assert_eq!(limits(older, "high", Some(1_500), Some(64_000)), (1_500, None));

    // A client may ask for a number of its own.
    let body = json!({ "model": "m", "input": "x" }).to_string();
    let (mut turn, _) = responses::read(body.as_bytes(), Limits::default()).unwrap();
    turn.thinking.budget = Some(500);
    let dialect = Dialects::builtin().resolve("anthropic", older).unwrap();
    let (body, _) = Ask::new(&dialect).write(&turn);
    assert_eq!(body["thinking"], json!({ "type": "enabled", "budget_tokens": 1024 }));
    turn.thinking.budget = Some(10_000);
    let adaptive = crate::support::dialect("anthropic");
    let (body, _) = Ask::new(&adaptive).write(&turn);
    assert_eq!(body["output_config"], json!({ "effort": "medium" }));
}

/// Two rounds of a loop, each with a thought.
fn rounds() -> Vec<Value> {
    vec![
        user("go"),
        reasoning("one"),
        assistant("Hm."),
        call("a", "f", "{}"),
        output("a", "A"),
        reasoning("two"),
        call("b", "f", "{}"),
        output("b", "B"),
    ]
}

#[test]
fn own_thoughts_go_back_as_they_were() {
    check_turn(
        "anthropic",
        &rounds(),
        opened(vec![
            thought("anthropic", "the \"first\"", Some(("signature", "sig1"))),
            thought("anthropic", "", Some(("redacted_thinking", "opaque"))),
        ]),
        &expect![[r#"
            {"role":"user","content":[{"type":"text","text":"go"}]}
            {"role":"assistant","content":[{"type":"thinking","thinking":"the \"first\"","signature":"sig1"},{"type":"text","text":"Hm."},{"type":"tool_use","id":"a","name":"f","input":{}}]}
            {"role":"user","content":[{"type":"tool_result","tool_use_id":"a","content":"A"}]}
            {"role":"assistant","content":[{"type":"redacted_thinking","data":"opaque"},{"type":"tool_use","id":"b","name":"f","input":{}}]}
            {"role":"user","content":[{"type":"tool_result","tool_use_id":"b","content":"B"}]}
        "#]],
    );
    check_turn(
        "anthropic_compat",
        &rounds(),
        opened(vec![
            thought("anthropic_compat", "not signed", None),
            thought("anthropic_compat", "signed", Some(("signature", "sig2"))),
        ]),
        &expect![[r#"
            {"role":"user","content":[{"type":"text","text":"go"}]}
            {"role":"assistant","content":[{"type":"thinking","thinking":"not signed"},{"type":"text","text":"Hm."},{"type":"tool_use","id":"a","name":"f","input":{}}]}
            {"role":"user","content":[{"type":"tool_result","tool_use_id":"a","content":"A"}]}
            {"role":"assistant","content":[{"type":"thinking","thinking":"signed","signature":"sig2"},{"type":"tool_use","id":"b","name":"f","input":{}}]}
            {"role":"user","content":[{"type":"tool_result","tool_use_id":"b","content":"B"}]}
        "#]],
    );
}

#[test]
fn a_thought_that_is_not_the_upstreams_follows_the_record() {
    let foreign =
        || opened(vec![thought("mimo", "thought elsewhere", None), thought("mimo", "more", None)]);
    // A signature is demanded, and there is none: this request goes without thinking.
    check_turn(
        "anthropic",
        &rounds(),
        foreign(),
        &expect![[r#"
            {"role":"user","content":[{"type":"text","text":"go"}]}
            {"role":"assistant","content":[{"type":"text","text":"Hm."},{"type":"tool_use","id":"a","name":"f","input":{}}]}
            {"role":"user","content":[{"type":"tool_result","tool_use_id":"a","content":"A"}]}
            {"role":"assistant","content":[{"type":"tool_use","id":"b","name":"f","input":{}}]}
            {"role":"user","content":[{"type":"tool_result","tool_use_id":"b","content":"B"}]}
            thinking off
            reasoning-missing=thinking off for this request
            dropped=reasoning
            dropped=reasoning
        "#]],
    );
    check_turn(
        "anthropic_compat",
        &rounds(),
        foreign(),
        &expect![[r#"
            {"role":"user","content":[{"type":"text","text":"go"}]}
            {"role":"assistant","content":[{"type":"thinking","thinking":"thought elsewhere"},{"type":"text","text":"Hm."},{"type":"tool_use","id":"a","name":"f","input":{}}]}
            {"role":"user","content":[{"type":"tool_result","tool_use_id":"a","content":"A"}]}
            {"role":"assistant","content":[{"type":"thinking","thinking":"more"},{"type":"tool_use","id":"b","name":"f","input":{}}]}
            {"role":"user","content":[{"type":"tool_result","tool_use_id":"b","content":"B"}]}
        "#]],
    );
    // Another account of the same vendor: its signatures may be worth nothing here.
    let other = |turn: &mut Turn<'_>| {
        let mut other = thought("anthropic_compat", "theirs", Some(("signature", "sig")));
        other.origin.as_mut().unwrap().provider = "another".into();
        opened(vec![other])(turn);
        turn.items.truncate(5);
    };
    check_turn(
        "anthropic_compat",
        &rounds(),
        other,
        &expect![[r#"
            {"role":"user","content":[{"type":"text","text":"go"}]}
            {"role":"assistant","content":[{"type":"thinking","thinking":"theirs"},{"type":"text","text":"Hm."},{"type":"tool_use","id":"a","name":"f","input":{}}]}
            {"role":"user","content":[{"type":"tool_result","tool_use_id":"a","content":"A"}]}
        "#]],
    );
}

#[test]
fn a_lost_thought_matters_only_in_a_loop_that_is_not_over() {
    let over = [&rounds()[..], &[assistant("Done."), user("next")]].concat();
    let own = || thought("anthropic", "first", Some(("signature", "sig1")));
    check_turn(
        "anthropic",
        &over,
        opened(vec![own(), thought("mimo", "lost", None)]),
        &expect![[r#"
            {"role":"user","content":[{"type":"text","text":"go"}]}
            {"role":"assistant","content":[{"type":"thinking","thinking":"first","signature":"sig1"},{"type":"text","text":"Hm."},{"type":"tool_use","id":"a","name":"f","input":{}}]}
            {"role":"user","content":[{"type":"tool_result","tool_use_id":"a","content":"A"}]}
            {"role":"assistant","content":[{"type":"tool_use","id":"b","name":"f","input":{}}]}
            {"role":"user","content":[{"type":"tool_result","tool_use_id":"b","content":"B"}]}
            {"role":"assistant","content":[{"type":"text","text":"Done."}]}
            {"role":"user","content":[{"type":"text","text":"next"}]}
            reasoning-foreign=up
        "#]],
    );
    // What the user says meanwhile does not end the loop.
    let steered = [&rounds()[..], &[user("hurry")]].concat();
    let body =
        json!({ "model": "m", "input": steered, "reasoning": { "effort": "high" } }).to_string();
    let (mut turn, _) = responses::read(body.as_bytes(), Limits::default()).unwrap();
    opened(vec![own(), thought("mimo", "lost", None)])(&mut turn);
    let older = Dialects::builtin().resolve("anthropic", "claude-sonnet-4-5").unwrap();
    assert_eq!(Ask::new(&older).write(&turn).0["thinking"]["type"], "disabled");
    // A model that decides itself whether to think demands nothing.
    let adaptive = dialect("anthropic");
    let (body, _) = Ask::new(&adaptive).write(&turn);
    assert_eq!(body["thinking"]["type"], "adaptive");
    assert_eq!(body["messages"][1]["content"][0]["signature"], "sig1");

    // Unless it has refused all the same.
    let mut ask = Ask::new(&adaptive);
    ask.repairs.add(Fix::AddPlaceholder, None);
    let (body, _) = ask.write(&turn);
    assert_eq!(body["thinking"]["type"], "disabled");
    assert!(!body["messages"].to_string().contains("sig1"));
}

#[test]
fn a_lost_thought_is_filled_in_where_its_presence_is_checked() {
    let items = [&rounds()[..5], &rounds()[6..]].concat();
    check_turn(
        "anthropic_compat",
        &items,
        opened(vec![thought("anthropic_compat", "first", None)]),
        &expect![[r#"
            {"role":"user","content":[{"type":"text","text":"go"}]}
            {"role":"assistant","content":[{"type":"thinking","thinking":"first"},{"type":"text","text":"Hm."},{"type":"tool_use","id":"a","name":"f","input":{}}]}
            {"role":"user","content":[{"type":"tool_result","tool_use_id":"a","content":"A"}]}
            {"role":"assistant","content":[{"type":"thinking","thinking":""},{"type":"tool_use","id":"b","name":"f","input":{}}]}
            {"role":"user","content":[{"type":"tool_result","tool_use_id":"b","content":"B"}]}
            reasoning-missing=1
        "#]],
    );
    let strict =
        "id = 'strict'\nextends = 'anthropic_compat'\nreplay.on_missing = 'strip_tool_calls'";
    let dialects = Dialects::builtin().with([("strict.toml", strict)]).unwrap();
    let strict = dialects.resolve("strict", "").unwrap();
    let body = json!({ "model": "m", "input": items, "reasoning": { "effort": "high" } });
    let (body, _) = Ask::new(&strict).read(&body);
    let text = body["messages"].to_string();
    assert!(text.contains("[called f with {}]") && text.contains("[result of f]"), "{text}");
}

#[test]
fn pictures_move_out_of_results_where_they_may_not_stand() {
    let items = [
        user("go"),
        call("a", "f", "{}"),
        call("b", "f", "{}"),
        output("a", json!([image("data:image/png;base64,AAAA")])),
        output("b", "B"),
    ];
    let body = json!({ "model": "m", "input": items });
    let compat = dialect("anthropic_compat");
    let mut ask = Ask::new(&compat);
    ask.repairs.add(Fix::LiftImages, None);
    let (body, _) = ask.read(&body);
    expect![[r#"[{"type":"tool_result","tool_use_id":"a","content":"[the image follows behind the results]"},{"type":"tool_result","tool_use_id":"b","content":"B"},{"type":"text","text":"Image from the result of tool call a:"},{"type":"image","source":{"type":"base64","media_type":"image/png","data":"AAAA"}}]"#]]
        .assert_eq(&body["messages"][2]["content"].to_string());
}

/// All cache marks, by where they stand.
fn marks(body: &Value) -> Vec<String> {
    let mut marks = Vec::new();
    let marked = |it: &Value| it["cache_control"] == json!({ "type": "ephemeral" });
    for list in ["tools", "system"] {
        let blocks = body[list].as_array().into_iter().flatten().enumerate();
        marks.extend(blocks.filter(|it| marked(it.1)).map(|(at, _)| format!("{list} {at}")));
    }
    for (at, message) in body["messages"].as_array().unwrap().iter().enumerate() {
        let blocks = message["content"].as_array().unwrap().iter().enumerate();
        marks
            .extend(blocks.filter(|it| marked(it.1)).map(|(nth, _)| format!("message {at} {nth}")));
    }
    marks
}

#[test]
fn caches_are_marked_for_clients_that_cannot() {
    let mut items = vec![json!({ "role": "developer", "content": "Rules." })];
    items.extend(rounds());
    let body = |count: usize| {
        json!({ "model": "m", "input": items[..count], "stream": true, "reasoning": { "effort": "low" },
            "tools": [{ "type": "function", "name": "f" }, { "type": "function", "name": "g" }] })
    };
    let anthropic = dialect("anthropic");
    let (first, _) = Ask::new(&anthropic).read(&body(2));
    assert_eq!(marks(&first), ["tools 1", "system 0", "message 0 0"]);
    let (last, _) = Ask::new(&anthropic).read(&body(9));
    assert_eq!(marks(&last), ["tools 1", "system 0", "message 2 0", "message 4 0"]);
    let (none, _) = Ask::new(&dialect("anthropic_compat")).read(&body(9));
    assert_eq!(marks(&none), Vec::<String>::new());
}

#[test]
fn two_turns_in_a_row_share_their_beginning() {
    let mark = r#","cache_control":{"type":"ephemeral"}"#;
    for request in codex_requests() {
        let items = request.body["input"].as_array().unwrap();
        let turns: Vec<usize> = (1..=items.len())
            .filter(|end| {
                let kind = items[end - 1]["type"].as_str().unwrap_or("message");
                kind.ends_with("_output") || (kind == "message" && items[end - 1]["role"] == "user")
            })
            .collect();
        for id in MESSAGES {
            let dialect = dialect(id);
            let mut before: Option<String> = None;
            for end in &turns {
                let mut body = request.body.clone();
                body["input"] = Value::Array(items[..*end].to_vec());
                let body = body.to_string();
                let (turn, _) = responses::read(body.as_bytes(), Limits::default()).unwrap();
                let repairs = Repairs::default();
                let written = messages::write(&turn, &target(&dialect, &repairs)).unwrap().body;
                // Marks move on with the conversation; they are no part of what is cached.
                let text = String::from_utf8(written.to_vec()).unwrap().replace(mark, "");
                if let Some(before) = before {
                    // A call may still have waited for its result.
                    let shared = before.strip_suffix("]}]}").unwrap();
                    let waits = before.contains("no result was recorded");
                    // A search for tools has found some.
                    let tools = |text: &str| text.split_once("\"messages\":").unwrap().0.len();
                    let found = tools(&before) != tools(&text);
                    assert!(
                        waits || found || text.starts_with(shared),
                        "{} for {id}:\n{before}\n{text}",
                        request.name
                    );
                }
                before = Some(text);
            }
        }
    }
}

/// A turn as the reader of the client's own protocol makes it, where the request could not go on as it
/// was.
#[test]
fn a_client_of_the_same_protocol_keeps_its_own_words() {
    use interlingua_ir::{
        Call, CallHead, Extra, Form, Function, Message, Output, Part, Place, Role, Text, Tool,
    };
    use serde_json::value::RawValue;

    let raw = |json: &str| -> &'static RawValue {
        Box::leak(RawValue::from_string(json.to_owned()).unwrap())
    };
    let mark = raw(r#"{"type":"ephemeral","ttl":"1h"}"#);
    let extra = |place, name: &'static str, json| Extra { place, name: name.into(), json };
    let function = Function {
        name: "f".into(),
        namespace: None,
        namespace_description: None,
        description: None,
        parameters: None,
        strict: None,
    };
    let turn = Turn {
        protocol: Protocol::Messages,
        items: vec![
            Item::Message(Message {
                role: Role::System,
                parts: vec![Part::Text(Text::plain("s"))],
            }),
            Item::Message(Message {
                role: Role::User,
                parts: vec![
                    Part::Text(Text::plain("u")),
                    Part::Other {
                        kind: "search_result".into(),
                        json: raw(r#"{"type":"search_result","n":1}"#),
                    },
                ],
            }),
            Item::Other {
                kind: "server_tool_use".into(),
                json: raw(r#"{"type":"server_tool_use","id":"s"}"#),
            },
            Item::Call(Call {
                head: CallHead {
                    id: "a".into(),
                    name: "f".into(),
                    namespace: None,
                    form: Form::Function,
                },
                input: Text::plain("{}"),
            }),
            Item::Output(Output {
                call_id: "a".into(),
                parts: vec![Part::Text(Text::plain("no"))],
                is_error: true,
            }),
        ],
        tools: vec![
            Tool::Function(function),
            Tool::Other {
                kind: "bash_20250124".into(),
                json: raw(r#"{"type":"bash_20250124","name":"bash"}"#),
            },
        ],
        extras: vec![
            extra(Place::Top, "context_management", raw(r#"{"edits":[]}"#)),
            extra(Place::Top, "thinking", raw(r#"{"type":"adaptive","display":"updates"}"#)),
            extra(Place::Top, "output_config", raw(r#"{"effort":"low","new":1}"#)),
            extra(Place::Top, "tool_choice", raw(r#"{"type":"auto","new":1}"#)),
            extra(Place::Item(1), "id", raw("7")),
            extra(Place::Part { item: 0, part: 0 }, "cache_control", mark),
            extra(Place::Item(3), "cache_control", mark),
            extra(Place::Part { item: 4, part: 0 }, "citations", raw(r#"{"enabled":true}"#)),
            extra(Place::Item(4), "cache_control", mark),
            extra(Place::Tool(0), "cache_control", mark),
        ],
        ..Turn::default()
    };
    let (body, notes) = Ask::new(&dialect("anthropic")).write(&turn);
    let mark = json!({ "type": "ephemeral", "ttl": "1h" });
    assert_eq!(
        body,
        json!({ "model": "the-model", "max_tokens": 32_000,
        "context_management": { "edits": [] }, "output_config": { "effort": "low", "new": 1 },
        "tools": [
            { "name": "f", "input_schema": { "type": "object", "properties": {} }, "cache_control": mark },
            { "type": "bash_20250124", "name": "bash" } ],
        "system": [{ "type": "text", "text": "s", "cache_control": mark }],
        "messages": [
            { "role": "user", "content": [{ "type": "text", "text": "u" }, { "type": "search_result", "n": 1 }] },
            { "role": "assistant", "content": [
                { "type": "server_tool_use", "id": "s" },
                { "type": "tool_use", "id": "a", "name": "f", "input": {}, "cache_control": mark } ] },
            { "role": "user", "content": [
                { "type": "tool_result", "tool_use_id": "a", "content": [{ "type": "text", "text": "no", "citations": { "enabled": true } }],
                  "is_error": true, "cache_control": mark } ] } ] })
    );
    assert_eq!(
        notes.iter().map(ToString::to_string).collect::<Vec<_>>(),
        ["dropped=id", "dropped=thinking.display", "dropped=tool_choice"]
    );

    let (body, notes) = Ask::new(&dialect("anthropic_compat")).write(&turn);
    assert!(!body.to_string().contains("cache_control"));
    let notes: Vec<_> = notes.iter().map(ToString::to_string).collect();
    assert!(notes.contains(&"dropped=tool bash_20250124".to_owned()), "{notes:?}");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_history_becomes_one_that_the_protocol_takes(
        letters in prop::collection::vec((0..8u8, 0..4u8), 0..24),
        thoughts in prop::collection::vec(0..4u8, 24),
        of in 0..2usize,
        effort in prop_oneof![Just("none"), Just("high")],
        model in prop_oneof![Just(""), Just("claude-sonnet-4-5")],
    ) {
        let items: Vec<Value> = letters.into_iter().map(|(kind, id)| match kind {
            0 => json!({ "role": "user", "content": "u" }),
            1 => json!({ "role": "assistant", "content": "a" }),
            2 => json!({ "role": "developer", "content": "d" }),
            3 => json!({ "type": "reasoning", "summary": [{ "type": "summary_text", "text": "r" }] }),
            4 => json!({ "type": "web_search_call", "status": "completed" }),
            5 => json!({ "type": "compaction", "encrypted_content": "ilc1.x" }),
            6 => json!({ "type": "function_call", "call_id": format!("c{id}"), "name": "f", "arguments": "{}" }),
            _ => json!({ "type": "function_call_output", "call_id": format!("c{id}"), "output": "o" }),
        }).collect();
        let body = json!({ "model": "m", "input": items, "reasoning": { "effort": effort } }).to_string();
        let (mut turn, _) = responses::read(body.as_bytes(), Limits::default()).unwrap();
        let id = MESSAGES[of];
        let thoughts = thoughts.into_iter().map(|it| match it {
            0 => thought(id, "own", Some(("signature", "sig"))),
            1 => thought(id, "", Some(("redacted_thinking", "data"))),
            2 => thought("mimo", "foreign", None),
            _ => Thought::default(),
        });
        opened(thoughts.collect())(&mut turn);
        let dialect = Dialects::builtin().resolve(id, model).unwrap();
        let (body, _) = Ask::new(&dialect).write(&turn);
        // Where a budget is given, the last message that called begins with a thought.
        if body["thinking"]["type"] == "enabled" {
            let messages = body["messages"].as_array().unwrap();
            let last = messages.iter().rfind(|it| it["role"] == "assistant");
            if let Some(last) = last.filter(|it| it["content"].as_array().unwrap().iter().any(|it| it["type"] == "tool_use")) {
                let has = last["content"].as_array().unwrap().iter().any(|it| it["type"].as_str().unwrap().ends_with("thinking"));
                prop_assert!(has, "{}", last);
            }
        }
    }
}
