use serde_json::{Value, json};

use super::super::super::answer::{Content, call, finish, reasoning};
use super::super::super::wire::Wire;
use super::super::{Rule, Strict, Violation};
use super::{ISSUER, request};

const THOUGHT: &str = "I list the files first.";

/// A strict upstream that has sent `call_1` with its thought.
fn strict() -> Strict {
    let mut strict = Strict::mimo().blind(["blind"]);
    strict.issue(
        ISSUER,
        &[
            reasoning("I list the "),
            reasoning("files first."),
            call("call_1", "shell", r#"{"cmd":"ls"}"#),
            finish("tool_calls"),
        ],
    );
    strict
}

/// A body without fault: a loop of two calls, one of them not ours.
fn good() -> Value {
    json!({
        "model": "mimo-v2.5-pro",
        "stream": true,
        "stream_options": { "include_usage": true },
        "thinking": { "type": "enabled" },
        "tool_choice": "auto",
        "tools": [{ "type": "function", "function": {
            "name": "shell", "parameters": { "type": "object", "properties": {} }, "strict": false,
        }}],
        "messages": [
            { "role": "system", "content": "Be brief." },
            { "role": "user", "content": [
                { "type": "text", "text": "What is here?" },
                { "type": "image_url", "image_url": { "url": "data:image/png;base64,AA==" } },
            ]},
            { "role": "assistant", "content": "", "reasoning_content": THOUGHT, "tool_calls": [
                { "id": "call_1", "type": "function",
                  "function": { "name": "shell", "arguments": "{\"cmd\":\"ls\"}" } },
            ]},
            { "role": "tool", "tool_call_id": "call_1", "content": "a.txt" },
            { "role": "assistant", "content": "One file.", "reasoning_content": "" , "tool_calls": [
                { "id": "elsewhere", "type": "function",
                  "function": { "name": "shell", "arguments": "{}" } },
            ]},
            { "role": "tool", "tool_call_id": "elsewhere", "content": "b.txt" },
        ],
    })
}

fn judge(strict: &Strict, body: &Value) -> Vec<Violation> {
    strict.check(&request(Wire::Chat, body))
}

/// The good body after one change breaks exactly the given rule, and without it none.
#[track_caller]
fn check(rule: Rule, change: impl FnOnce(&mut Value)) {
    assert_eq!(judge(&strict(), &good()), []);
    let mut body = good();
    change(&mut body);
    let found = judge(&strict(), &body);
    let rules: Vec<_> = found.iter().map(|it| it.rule).collect();
    assert_eq!(rules, [rule], "{found:?}");
}

fn without(pointer: &str, field: &str) -> impl FnOnce(&mut Value) {
    move |body| {
        let object = body.pointer_mut(pointer).and_then(Value::as_object_mut).unwrap();
        assert!(object.remove(field).is_some());
    }
}

fn with(pointer: &str, value: Value) -> impl FnOnce(&mut Value) {
    move |body| {
        let (parent, field) = pointer.rsplit_once('/').unwrap();
        let parent = body.pointer_mut(parent).unwrap();
        match field.parse::<usize>() {
            Ok(index) => parent[index] = value,
            Err(_) => parent[field] = value,
        }
    }
}

fn insert(index: usize, message: Value) -> impl FnOnce(&mut Value) {
    move |body| body["messages"].as_array_mut().unwrap().insert(index, message)
}

#[test]
fn thought_comes_back_exactly() {
    check(Rule::ThoughtMissing, without("/messages/2", "reasoning_content"));
    check(Rule::ThoughtMissing, with("/messages/2/reasoning_content", json!("")));
    check(Rule::ThoughtMissing, with("/messages/2/reasoning_content", json!("I list the files")));
}

#[test]
fn thinking_switched_off_does_not_excuse_lost_thought() {
    check(Rule::ThoughtMissing, |body| {
        body["thinking"]["type"] = "disabled".into();
        without("/messages/2", "reasoning_content")(body);
    });
}

#[test]
fn calls_of_unknown_origin_need_the_field_while_thinking() {
    check(Rule::ThoughtMissing, without("/messages/4", "reasoning_content"));
    let mut body = good();
    body["thinking"]["type"] = "disabled".into();
    without("/messages/4", "reasoning_content")(&mut body);
    assert_eq!(judge(&strict(), &body), []);
}

#[test]
fn an_answer_without_thought_asks_for_none() {
    let mut strict = strict();
    strict.issue(ISSUER, &[call("elsewhere", "shell", "{}")]);
    let mut body = good();
    without("/messages/4", "reasoning_content")(&mut body);
    assert_eq!(judge(&strict, &body), []);
}

#[test]
fn results_follow_their_calls() {
    let stranger = json!({ "role": "tool", "tool_call_id": "x", "content": "?" });
    check(Rule::OrphanResult, insert(4, stranger));
    let again = json!({ "role": "tool", "tool_call_id": "call_1", "content": "a.txt" });
    check(Rule::RepeatedResult, insert(4, again));
    check(Rule::CallWithoutResult, |body| drop(body["messages"].as_array_mut().unwrap().pop()));
}

#[test]
fn nothing_stands_between_calls_and_results() {
    let mut body = good();
    insert(3, json!({ "role": "user", "content": "Go on." }))(&mut body);
    let rules: Vec<_> = judge(&strict(), &body).into_iter().map(|it| it.rule).collect();
    assert_eq!(rules, [Rule::CallWithoutResult, Rule::OrphanResult]);
}

#[test]
fn roles_are_the_old_four() {
    check(Rule::UnknownRole, with("/messages/0/role", json!("developer")));
}

#[test]
fn content_is_never_null() {
    check(Rule::NullContent, with("/messages/2/content", Value::Null));
    check(Rule::NullContent, with("/messages/0/content", Value::Null));
    check(Rule::NullContent, without("/messages/3", "content"));
    let mut body = good();
    without("/messages/2", "content")(&mut body);
    assert_eq!(judge(&strict(), &body), [], "beside calls it may be left out");
}

#[test]
fn text_is_never_empty() {
    check(Rule::EmptyText, with("/messages/1/content/0/text", json!("")));
    check(Rule::EmptyText, with("/messages/0/content", json!("")));
}

#[test]
fn images_have_text_beside_them_and_stay_out_of_tool_messages() {
    check(Rule::ImageWithoutText, |body| {
        body["messages"][1]["content"].as_array_mut().unwrap().remove(0);
    });
    let image =
        json!([{ "type": "image_url", "image_url": { "url": "data:image/png;base64,AA==" } }]);
    check(Rule::ImageInToolMessage, with("/messages/3/content", image));
}

#[test]
fn blind_models_get_no_images() {
    check(Rule::ImageForBlindModel, with("/model", json!("blind")));
}

#[test]
fn replayed_arguments_are_objects() {
    let place = "/messages/2/tool_calls/0/function/arguments";
    check(Rule::BadArguments, with(place, json!("{\"cmd\": ")));
    check(Rule::BadArguments, with(place, json!("\"ls\"")));
}

#[test]
fn tools_are_unique_functions() {
    check(Rule::NullStrict, with("/tools/0/function/strict", Value::Null));
    check(Rule::DuplicateTool, |body| {
        let tool = body["tools"][0].clone();
        body["tools"].as_array_mut().unwrap().push(tool);
    });
    check(Rule::EmptyTools, with("/tools", json!([])));
    check(Rule::BadTool, with("/tools/0/type", json!("custom")));
    check(Rule::BadTool, with("/tools/0/function/name", json!("multi_agent.spawn")));
    check(Rule::BadTool, with("/tools/0/function/parameters", json!({ "type": "string" })));
}

#[test]
fn only_documented_parameters_pass() {
    check(Rule::ToolChoice, with("/tool_choice", json!("required")));
    for name in ["store", "prompt_cache_key", "parallel_tool_calls", "include", "reasoning_effort"]
    {
        check(Rule::UnknownParameter, with(&format!("/{name}"), json!(true)));
    }
    check(Rule::UnknownParameter, with("/temperature", Value::Null));
}

#[test]
fn a_refusal_is_what_the_vendor_sends() {
    let mut body = good();
    without("/messages/2", "reasoning_content")(&mut body);
    let violation = judge(&strict(), &body).remove(0);

    let expected = crate::fixtures::json("dialects/errors/mimo-replay-missing-streaming.json");
    let Content::Bytes(streamed) = strict().refuse(&violation, &request(Wire::Chat, &body)).content
    else {
        panic!("no bytes")
    };
    assert_eq!(streamed, expected["body_text"].as_str().unwrap());

    body["stream"] = false.into();
    let expected = crate::fixtures::json("dialects/errors/mimo-replay-missing.json");
    let Content::Json(whole) = strict().refuse(&violation, &request(Wire::Chat, &body)).content
    else {
        panic!("no JSON")
    };
    assert_eq!(whole, expected["body"]);
}

#[test]
fn others_say_it_in_their_own_words() {
    let mut body = good();
    without("/messages/2", "reasoning_content")(&mut body);
    let cases = [
        (Strict::deepseek(), "dialects/errors/deepseek-replay-missing.json"),
        (Strict::kimi(), "dialects/errors/kimi-replay-missing.json"),
    ];
    for (mut strict, fixture) in cases {
        strict.thoughts = self::strict().thoughts;
        let violation = judge(&strict, &body).remove(0);
        let refusal = strict.refuse(&violation, &request(Wire::Chat, &body));
        let Content::Json(whole) = refusal.content else { panic!("no JSON") };
        assert_eq!(whole, crate::fixtures::json(fixture)["body"]);
    }
}

#[test]
fn each_has_parameters_of_its_own() {
    let mut body = good();
    body["reasoning_effort"] = "high".into();
    body["tool_choice"] = "required".into();
    let rules = |mut strict: Strict| -> Vec<Rule> {
        strict.thoughts = self::strict().thoughts;
        judge(&strict, &body).into_iter().map(|it| it.rule).collect()
    };
    assert_eq!(rules(Strict::deepseek()), []);
    assert_eq!(rules(Strict::kimi()), [Rule::UnknownParameter]);
    assert_eq!(rules(Strict::mimo()), [Rule::UnknownParameter, Rule::ToolChoice]);
}
