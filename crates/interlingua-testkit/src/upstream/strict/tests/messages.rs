use serde_json::{Value, json};

use super::super::super::answer::{Content, call, finish, reasoning, redacted, text};
use super::super::super::wire::Wire;
use super::super::{Rule, Strict, Violation};
use super::{ISSUER, request};
use crate::fixtures;

/// A strict upstream that has thought twice, spoken, and called two tools.
fn strict() -> Strict {
    let mut strict = Strict::mimo().blind(["blind"]);
    strict.issue(
        ISSUER,
        &[
            reasoning("I look "),
            reasoning("first."),
            redacted(),
            text("Looking."),
            call("toolu_1", "read", r#"{"path":"a"}"#),
            call("toolu_2", "read", r#"{"path":"b"}"#),
            finish("tool_calls"),
        ],
    );
    strict
}

/// A body without fault, as a client replays it.
fn good() -> Value {
    json!({
        "model": "m", "max_tokens": 32000, "stream": true,
        "thinking": { "type": "enabled", "budget_tokens": 2000 },
        "system": [{ "type": "text", "text": "Be brief.", "cache_control": { "type": "ephemeral" } }],
        "tools": [{ "name": "read", "input_schema": { "type": "object" } }],
        "messages": [
            { "role": "user", "content": "What is in a and b?" },
            { "role": "assistant", "content": [
                { "type": "thinking", "thinking": "I look first.", "signature": ISSUER.seal(0) },
                { "type": "redacted_thinking", "data": ISSUER.seal(1) },
                { "type": "text", "text": "Looking." },
                { "type": "tool_use", "id": "toolu_1", "name": "read", "input": { "path": "a" } },
                { "type": "tool_use", "id": "toolu_2", "name": "read", "input": { "path": "b" } },
            ] },
            { "role": "user", "content": [
                { "type": "tool_result", "tool_use_id": "toolu_1", "content": "A" },
                { "type": "tool_result", "tool_use_id": "toolu_2", "content": [
                    { "type": "text", "text": "B" },
                ] },
                { "type": "text", "text": "Go on." },
            ] },
        ],
    })
}

fn judge(body: &Value) -> Vec<Violation> {
    strict().check(&request(Wire::Messages, body))
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

fn blocks(body: &mut Value, at: usize) -> &mut Vec<Value> {
    body["messages"][at]["content"].as_array_mut().unwrap()
}

#[test]
fn thought_comes_back_with_its_signature() {
    check(Rule::ThoughtMissing, |body| drop(blocks(body, 1).drain(..2)));
    check(Rule::ThoughtMissing, |body| drop(blocks(body, 1).remove(1)));
    check(Rule::ThoughtMissing, |body| blocks(body, 1).swap(0, 2));
    check(Rule::ThoughtForged, |body| blocks(body, 1)[0]["thinking"] = "I look".into());
    check(Rule::ThoughtForged, |body| blocks(body, 1)[0]["signature"] = "minted".into());
    check(Rule::ThoughtForged, |body| blocks(body, 1)[1]["data"] = "minted".into());
}

#[test]
fn thinking_switched_off_does_not_excuse_lost_thought() {
    check(Rule::ThoughtMissing, |body| {
        body.as_object_mut().unwrap().remove("thinking");
        blocks(body, 1).drain(..2);
    });
}

#[test]
fn calls_of_unknown_origin_need_thought_only_where_it_is_always_asked_for() {
    let rename = |body: &mut Value| {
        blocks(body, 1).drain(..2);
        for (at, field) in [(1, "id"), (2, "id")] {
            blocks(body, 1)[at][field] = format!("other_{at}").into();
            blocks(body, 2)[at - 1]["tool_use_id"] = format!("other_{at}").into();
        }
    };
    check(Rule::ThoughtMissing, rename);
    let mut body = good();
    rename(&mut body);
    body["thinking"] = json!({ "type": "adaptive" });
    assert_eq!(judge(&body), []);
}

#[test]
fn a_loop_that_is_over_may_lose_its_thought() {
    let mut body = good();
    blocks(&mut body, 1).drain(..2);
    let messages = body["messages"].as_array_mut().unwrap();
    messages.push(json!({ "role": "assistant", "content": "A and B." }));
    messages.push(json!({ "role": "user", "content": "Thanks." }));
    assert_eq!(judge(&body), []);
}

#[test]
fn results_come_first_and_right_after_their_calls() {
    check(Rule::CallWithoutResult, |body| drop(blocks(body, 2).remove(1)));
    check(Rule::CallWithoutResult, |body| blocks(body, 2).rotate_right(1));
    check(Rule::CallWithoutResult, |body| {
        body["messages"].as_array_mut().unwrap().pop();
    });
    check(Rule::RepeatedResult, |body| {
        let again = blocks(body, 2)[0].clone();
        blocks(body, 2).insert(1, again);
    });
    check(Rule::OrphanResult, |body| {
        let stray = json!({ "type": "tool_result", "tool_use_id": "x", "content": "?" });
        blocks(body, 2).insert(2, stray);
    });
}

#[test]
fn neighbours_of_one_role_are_one_turn() {
    let mut body = good();
    let messages = body["messages"].as_array_mut().unwrap();
    let second = messages[2]["content"].as_array_mut().unwrap().split_off(1);
    messages.push(json!({ "role": "user", "content": second }));
    assert_eq!(judge(&body), []);
}

#[test]
fn notes_of_the_system_may_stand_in_between() {
    let mut body = good();
    let note = json!({ "role": "system", "content": "Today is Monday." });
    body["messages"].as_array_mut().unwrap().insert(1, note);
    assert_eq!(judge(&body), []);
    check(Rule::UnknownRole, |body| {
        let rules = json!({ "role": "developer", "content": "Be brief." });
        body["messages"].as_array_mut().unwrap().push(rules);
    });
}

#[test]
fn blocks_have_their_form() {
    check(Rule::EmptyText, |body| blocks(body, 1)[2]["text"] = "".into());
    check(Rule::EmptyText, |body| blocks(body, 2)[2]["text"] = " \n".into());
    check(Rule::NullContent, |body| {
        body["messages"]
            .as_array_mut()
            .unwrap()
            .insert(0, json!({ "role": "user", "content": "" }));
    });
    check(Rule::BadArguments, |body| blocks(body, 1)[3]["input"] = "{}".into());
    check(Rule::BadTool, |body| blocks(body, 1)[3]["name"] = "mcp.read".into());
    check(Rule::UnknownContent, |body| blocks(body, 1)[2]["id"] = "msg_1".into());
    check(Rule::UnknownContent, |body| blocks(body, 2)[2]["type"] = "input_text".into());
    check(Rule::UnknownContent, |body| {
        blocks(body, 2).push(json!({ "type": "image", "source": { "type": "base64" } }));
    });
}

#[test]
fn identifiers_are_words_and_never_repeated() {
    check(Rule::BadId, |body| {
        blocks(body, 1)[4]["id"] = "call:2".into();
        blocks(body, 2)[1]["tool_use_id"] = "call:2".into();
    });
    check(Rule::BadId, |body| {
        blocks(body, 1)[4]["id"] = "toolu_1".into();
        blocks(body, 2).remove(1);
    });
}

#[test]
fn blind_models_get_no_images() {
    let image = json!({ "type": "image", "source": {
        "type": "base64", "media_type": "image/png", "data": "AA==",
    } });
    let mut body = good();
    blocks(&mut body, 2)[1]["content"] = json!([image.clone()]);
    assert_eq!(judge(&body), []);
    body["model"] = "blind".into();
    assert_eq!(judge(&body)[0].rule, Rule::ImageForBlindModel);
}

#[test]
fn only_documented_parameters_pass() {
    check(Rule::UnknownParameter, |body| body["reasoning_effort"] = "high".into());
    check(Rule::MissingParameter, |body| drop(body.as_object_mut().unwrap().remove("max_tokens")));
    check(Rule::BadParameter, |body| body["max_tokens"] = 100.into());
    check(Rule::BadParameter, |body| body["thinking"]["budget_tokens"] = 1000.into());
    check(Rule::BadParameter, |body| body["temperature"] = json!(0.2));
    check(Rule::ToolChoice, |body| body["tool_choice"] = json!({ "type": "any" }));
    check(Rule::BadTool, |body| body["tools"][0]["name"] = "a.b".into());
    check(Rule::BadTool, |body| body["tools"][0]["parameters"] = json!({}));
    check(Rule::DuplicateTool, |body| {
        let again = body["tools"][0].clone();
        body["tools"].as_array_mut().unwrap().push(again);
    });
    check(Rule::CacheMarks, |body| {
        for at in 1..5 {
            blocks(body, if at < 4 { 1 } else { 2 })[if at < 4 { at + 1 } else { 2 }]["cache_control"] =
                json!({ "type": "ephemeral" });
        }
    });
}

#[test]
fn betas_have_to_be_asked_for() {
    let mut body = good();
    body["context_management"] = json!({ "edits": [] });
    assert_eq!(judge(&body)[0].rule, Rule::UnknownParameter);
    let mut request = request(Wire::Messages, &body);
    let betas = "interleaved-thinking-2025-05-14, context-management-2025-06-27";
    request.headers.insert("anthropic-beta", betas.parse().unwrap());
    assert_eq!(strict().check(&request), []);
}

#[test]
fn the_headers_are_wanted() {
    let mut request = request(Wire::Messages, &good());
    request.headers.clear();
    let rules: Vec<_> = strict().check(&request).into_iter().map(|it| it.rule).collect();
    assert_eq!(rules, [Rule::MissingHeader; 2]);
}

/// What a real client sends to the vendor's own servers has no fault.
#[test]
fn captured_requests_pass() {
    for name in ["claude_01_text", "claude_06_deferred_tool_loaded", "claude_08_subagent"] {
        let whole = fixtures::json(format!("clients/messages/{name}.request.json"));
        let mut request = request(Wire::Messages, &whole["body"]);
        for (name, value) in whole["headers"].as_object().into_iter().flatten() {
            let name: http::HeaderName = name.to_lowercase().parse().unwrap();
            request.headers.insert(name, value.as_str().unwrap().parse().unwrap());
        }
        assert_eq!(Strict::mimo().check(&request), [], "{name}");
    }
}

#[test]
fn a_refusal_is_what_the_vendor_sends() {
    #[track_caller]
    fn check(name: &str, body: &Value) {
        let expected = fixtures::json(format!("dialects/errors/{name}.json"));
        let violation = judge(body).remove(0);
        let refusal = strict().refuse(&violation, &request(Wire::Messages, body));
        let Content::Json(whole) = refusal.content else { panic!("no JSON") };
        assert_eq!(whole, expected["body"]);
    }
    let mut body = good();
    blocks(&mut body, 1)[0]["signature"] = "minted".into();
    check("anthropic-signature", &body);
    let mut body = good();
    blocks(&mut body, 1)[2]["text"] = "".into();
    check("anthropic-empty-text", &body);
}
