//! Judged by a record, refused in the vendor's own words.

use http::{HeaderMap, Method, StatusCode};
use serde_json::{Value, json};

use super::super::{Rule, Strict};
use crate::fixtures;
use crate::upstream::answer::Content;
use crate::upstream::script::Request;

fn request(more: &Value) -> Request {
    let mut body = json!({ "model": "m", "messages": [{ "role": "user", "content": "hi" }] });
    body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    let path = "/v1/chat/completions".to_owned();
    Request {
        method: Method::POST,
        path,
        headers: HeaderMap::new(),
        raw: body.to_string().into(),
        body,
    }
}

/// A conversation in which the model called a tool and its thought is gone.
fn thoughtless(stream: bool) -> Value {
    json!({ "stream": stream, "messages": [
        { "role": "user", "content": "hi" },
        { "role": "assistant", "content": "", "tool_calls": [
            { "id": "call00001", "type": "function", "function": { "name": "f", "arguments": "{}" } }] },
        { "role": "tool", "tool_call_id": "call00001", "content": "r" }] })
}

/// A request breaks this rule first, and is refused by the recorded body of this name.
#[track_caller]
fn check(dialect: &str, more: &Value, rule: Rule, recorded: &str) {
    let strict = Strict::of(dialect, "");
    let request = request(more);
    let found = strict.check(&request);
    let first = found.iter().find(|it| it.rule == rule);
    let first = first.unwrap_or_else(|| panic!("{dialect}: {found:?}"));
    let answer = strict.refuse(first, &request);
    let fixture = fixtures::json(format!("dialects/errors/{recorded}.json"));
    let status = fixture["http_status"].as_u64().unwrap().try_into().unwrap();
    assert_eq!(answer.status, StatusCode::from_u16(status).unwrap());
    match (&answer.content, fixture["body_text"].as_str()) {
        (Content::Json(body), None) => assert_eq!(*body, fixture["body"]),
        (Content::Bytes(body), Some(text)) => assert_eq!(body, text),
        (other, _) => panic!("{other:?}"),
    }
}

#[test]
fn a_refusal_is_the_recorded_one() {
    let lost = Rule::ThoughtMissing;
    check("mimo", &thoughtless(false), lost, "mimo-replay-missing");
    check("mimo", &thoughtless(true), lost, "mimo-replay-missing-streaming");
    check("kimi", &thoughtless(false), lost, "kimi-replay-missing");
    check("gemini", &thoughtless(false), lost, "gemini-replay-missing");
    let system = json!({ "messages": [{ "role": "system", "content": "s" }] });
    check("minimax", &system, Rule::UnknownRole, "minimax-role-system");
    let forced = json!({ "tools": [{ "type": "function", "function": {
        "name": "f", "parameters": { "type": "object" } } }], "tool_choice": "required" });
    check("kimi", &forced, Rule::ToolChoice, "kimi-tool-choice");
    check("qwen", &forced, Rule::ToolChoice, "qwen-tool-choice-thinking");
    check("ollama", &json!({ "reasoning_effort": "minimal" }), Rule::BadParameter, "ollama-effort");
    let schema = json!({ "response_format": { "type": "json_schema" } });
    check("deepseek", &schema, Rule::BadParameter, "deepseek-response-format");
    let mut misplaced = thoughtless(false);
    misplaced["messages"][1]["reasoning_content"] = "t".into();
    check("groq", &misplaced, Rule::ThoughtMisplaced, "groq-unsupported-field");
    let mut odd = thoughtless(false);
    odd["messages"][1]["tool_calls"][0]["id"] = "call_abc".into();
    odd["messages"][2]["tool_call_id"] = "call_abc".into();
    check("mistral", &odd, Rule::BadId, "mistral-tool-id");
}

#[test]
fn what_was_never_recorded_is_refused_by_name() {
    let strict = Strict::of("together", "");
    let request = request(&json!({ "store": true }));
    let found = strict.check(&request);
    assert_eq!(found.iter().map(|it| it.rule).collect::<Vec<_>>(), [Rule::UnknownParameter]);
    let Content::Json(body) = strict.refuse(&found[0], &request).content else { panic!("a body") };
    assert_eq!(body["error"]["param"], "store");
}
