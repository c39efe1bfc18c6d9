use serde_json::{Value, json};

use super::super::super::answer::{Content, call, finish, reasoning, text};
use super::super::super::wire::Wire;
use super::super::{Rule, Strict, Violation};
use super::{ISSUER, request};
use crate::fixtures;

/// A strict upstream that has thought, spoken, thought again, and called a tool.
fn strict() -> Strict {
    let mut strict = Strict::mimo().blind(["blind"]);
    strict.issue(
        ISSUER,
        &[
            reasoning("I look first."),
            text("Looking."),
            reasoning("In a."),
            call("call_1", "read", r#"{"path":"a"}"#),
            finish("tool_calls"),
        ],
    );
    strict
}

/// A body without fault, as a client replays it.
fn good() -> Value {
    let thought = |at: usize, text: &str| {
        json!({
            "type": "reasoning", "id": format!("rs_{at}"), "encrypted_content": ISSUER.seal(at),
            "summary": [{ "type": "summary_text", "text": text }],
        })
    };
    json!({
        "model": "m", "stream": true, "store": false, "include": ["reasoning.encrypted_content"],
        "tools": [
            { "type": "function", "name": "read", "parameters": { "type": "object" } },
            { "type": "custom", "name": "apply_patch" },
            { "type": "namespace", "name": "mcp__tiny", "tools": [
                { "type": "function", "name": "read", "parameters": { "type": "object" } },
            ] },
        ],
        "input": [
            { "role": "user", "content": "What is in a?" },
            thought(0, "I look first."),
            { "type": "message", "id": "msg_1", "role": "assistant", "content": [
                { "type": "output_text", "text": "Looking." },
            ] },
            thought(1, "In a."),
            { "type": "function_call", "id": "fc_1", "call_id": "call_1", "name": "read",
              "arguments": "{\"path\":\"a\"}" },
            { "type": "function_call_output", "call_id": "call_1", "output": "A" },
        ],
    })
}

fn judge(body: &Value) -> Vec<Violation> {
    strict().check(&request(Wire::Responses, body))
}

/// The good body after one change breaks exactly the given rule, and without it none.
#[track_caller]
fn check(rule: Rule, change: impl FnOnce(&mut Value)) {
    assert_eq!(judge(&good()), []);
    let mut body = good();
    change(&mut body);
    let found = judge(&body);
    let rules: Vec<_> = found.iter().map(|it| it.rule).collect();
    assert_eq!(rules, [rule], "{found:?}");
}

fn input(body: &mut Value) -> &mut Vec<Value> {
    body["input"].as_array_mut().unwrap()
}

#[test]
fn thought_comes_back_before_its_call() {
    check(Rule::ThoughtMissing, |body| drop(input(body).remove(3)));
    check(Rule::ThoughtMissing, |body| drop(input(body).remove(1)));
    check(Rule::ThoughtForged, |body| input(body)[1]["encrypted_content"] = "minted".into());
    check(Rule::ThoughtForged, |body| input(body)[1]["summary"][0]["text"] = "I look".into());
}

#[test]
fn a_thought_leads_to_something() {
    check(Rule::ThoughtMisplaced, |body| {
        let last = good()["input"][1].clone();
        input(body).push(last);
    });
}

#[test]
fn what_is_not_stored_cannot_be_referred_to() {
    let mut body = good();
    input(&mut body)[1].as_object_mut().unwrap().remove("encrypted_content");
    let violation = judge(&body).remove(0);
    assert_eq!(violation.rule, Rule::ThoughtMissing);
    assert!(violation.param.contains("'rs_0' not found"), "{violation}");
    check(Rule::BadParameter, |body| body["previous_response_id"] = "resp_1".into());
}

#[test]
fn results_have_calls_and_calls_have_results() {
    check(Rule::CallWithoutResult, |body| drop(input(body).pop()));
    check(Rule::OrphanResult, |body| {
        let stray = json!({ "type": "function_call_output", "call_id": "x", "output": "?" });
        input(body).push(stray);
    });
    check(Rule::RepeatedResult, |body| {
        let again = good()["input"][5].clone();
        input(body).push(again);
    });
}

#[test]
fn items_have_their_form() {
    check(Rule::BadId, |body| input(body)[2]["id"] = "chatcmpl-1".into());
    check(Rule::BadId, |body| {
        let search = json!({ "type": "web_search_call", "call_id": "c".repeat(65) });
        input(body).push(search);
    });
    check(Rule::UnknownContent, |body| input(body)[2]["content"][0]["type"] = "text".into());
    check(Rule::UnknownContent, |body| {
        input(body).insert(0, json!({ "type": "thought" }));
    });
    check(Rule::UnknownRole, |body| input(body)[0]["role"] = "tool".into());
    check(Rule::NullContent, |body| input(body)[5]["output"] = Value::Null);
    check(Rule::BadArguments, |body| input(body)[4]["arguments"] = "{\"path\":".into());
    check(Rule::BadTool, |body| input(body)[4]["name"] = "mcp.read".into());
}

#[test]
fn blind_models_get_no_images() {
    let mut body = good();
    let image = json!([{ "type": "input_image", "image_url": "data:image/png;base64,AA==" }]);
    input(&mut body)[5]["output"] = image;
    assert_eq!(judge(&body), []);
    body["model"] = "blind".into();
    assert_eq!(judge(&body)[0].rule, Rule::ImageForBlindModel);
}

#[test]
fn only_documented_parameters_pass() {
    check(Rule::UnknownParameter, |body| body["messages"] = json!([]));
    check(Rule::MissingParameter, |body| drop(body.as_object_mut().unwrap().remove("model")));
    check(Rule::BadTool, |body| body["tools"][0]["name"] = "a.b".into());
    check(Rule::BadTool, |body| body["tools"][0]["parameters"] = json!({}));
    check(Rule::DuplicateTool, |body| {
        let again = body["tools"][0].clone();
        body["tools"].as_array_mut().unwrap().push(again);
    });
}

/// What the real Codex sends has no fault; thoughts in it come from elsewhere.
#[test]
fn captured_requests_pass() {
    for captured in fixtures::codex_requests() {
        let found = Strict::mimo().check(&request(Wire::Responses, &captured.body));
        let of_form = found.into_iter().filter(|it| {
            !matches!(it.rule, Rule::ThoughtForged | Rule::ThoughtMissing | Rule::ThoughtMisplaced)
        });
        assert_eq!(of_form.collect::<Vec<_>>(), [], "{}", captured.name);
    }
}

#[test]
fn a_refusal_names_the_place() {
    let mut body = good();
    input(&mut body)[1]["encrypted_content"] = "minted".into();
    let violation = judge(&body).remove(0);
    let refusal = strict().refuse(&violation, &request(Wire::Responses, &body));
    let Content::Json(whole) = refusal.content else { panic!("no JSON") };
    assert_eq!(whole["error"]["code"], "invalid_encrypted_content");
    assert_eq!(whole["error"]["param"], "input[1].encrypted_content");
}
