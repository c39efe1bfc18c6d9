//! A record that is wrong about its upstream is found out, because the judge knows the vendor by itself.

use http::{HeaderMap, HeaderValue, Method};
use interlingua_dialect::{Dialect, Dialects, Wire};
use interlingua_testkit::fixtures::dialect_ids;
use interlingua_testkit::upstream::{Request, Rule, Strict};
use interlingua_translate::chat;
use interlingua_translate::json::Limits;
use serde_json::{Value, json};

use crate::support::write;

/// A request with all that some upstream or other refuses.
fn demanding() -> Value {
    let picture = json!({ "type": "image_url", "image_url": { "url": "https://e.com/a.png" } });
    let data = json!({ "type": "image_url", "image_url": { "url": "data:image/png;base64,AA" } });
    json!({
        "model": "m", "max_tokens": 5_000, "temperature": 0.3, "seed": 7, "store": true, "user": "u",
        "reasoning_effort": "medium", "parallel_tool_calls": true, "tool_choice": "required",
        "response_format": { "type": "json_schema", "json_schema": {
            "name": "n", "schema": { "type": "object" } } },
        "tools": [{ "type": "function", "function": { "name": "1", "strict": true, "parameters": {
            "type": "object", "additionalProperties": false, "properties": {
                "a": { "$ref": "#/$defs/a" },
                "b": { "type": "string", "anyOf": [{ "minLength": 1 }] },
                "c": { "type": "array", "items": [{ "type": "string" }] } },
            "$defs": { "a": { "type": "string" } } } } }],
        "messages": [
            { "role": "developer", "content": "rules" },
            { "role": "user", "content": [picture] },
            { "role": "assistant", "content": null, "tool_calls": [
                { "id": "call_of_a/kind", "type": "function",
                  "function": { "name": "1", "arguments": "{}" } }] },
            { "role": "tool", "tool_call_id": "call_of_a/kind", "content": [
                { "type": "text", "text": "r" }, data] },
            { "role": "user", "content": "so" },
            { "role": "assistant", "content": "it" }],
    })
}

/// What a vendor finds wrong with the request as this dialect writes it.
fn judged(vendor: &str, dialect: &Dialect) -> Vec<Rule> {
    judged_by(&Strict::vendor(vendor), dialect)
}

fn judged_by(judge: &Strict, dialect: &Dialect) -> Vec<Rule> {
    let body = demanding().to_string();
    let (turn, _) = chat::read(body.as_bytes(), Limits::default()).unwrap();
    let body = write(&turn, dialect).body;
    let path = if dialect.wire == Wire::Messages { "/v1/messages" } else { "/v1/chat/completions" };
    let mut headers = HeaderMap::new();
    headers.insert("anthropic-version", HeaderValue::from_static("2023-06-01"));
    headers.insert("x-api-key", HeaderValue::from_static("k"));
    headers.insert("content-type", HeaderValue::from_static("application/json"));
    let raw = body.to_string().into();
    let request = Request { method: Method::POST, path: path.to_owned(), headers, raw, body };
    let found = judge.check(&request);
    found.into_iter().map(|it| it.rule).collect()
}

#[test]
fn what_the_records_say_suits_the_vendors() {
    for vendor in ["mimo", "deepseek", "kimi", "mistral", "gemini", "anthropic"] {
        let dialect = Dialects::builtin().resolve(vendor, "").unwrap();
        assert_eq!(judged(vendor, &dialect), [], "{vendor}");
    }
}

#[test]
fn every_upstream_takes_what_is_written_for_it_and_refuses_what_is_written_for_another() {
    let dialects = Dialects::builtin();
    let resolved = |id: &str| dialects.resolve(id, "").unwrap();
    let ids = dialect_ids();
    for id in ids.iter().map(String::as_str).filter(|id| resolved(id).wire == Wire::Chat) {
        let judge = Strict::of(id, "");
        assert_eq!(judged_by(&judge, &resolved(id)), [], "{id}");
        if !["openai", "azure"].contains(&id) {
            let found = judged_by(&judge, &resolved("openai"));
            assert!(!found.is_empty(), "{id} takes what is written for OpenAI");
        }
        let found = judged_by(&judge, &resolved("mistral"));
        assert!(id == "mistral" || !found.is_empty(), "{id} takes what is written for Mistral");
    }
}

#[test]
fn a_record_that_is_wrong_is_found_out() {
    for (vendor, wrong, rule) in [
        ("mimo", "replay.on_missing = \"none\"", Rule::ThoughtMissing),
        ("mimo", "replay.carrier = \"reasoning\"", Rule::ThoughtMissing),
        ("mimo", "request.max_tokens_field = \"max_tokens\"", Rule::UnknownParameter),
        (
            "mimo",
            "thinking.effort.medium = { reasoning_effort = \"medium\" }",
            Rule::UnknownParameter,
        ),
        ("mimo", "tools.choice_required_as = \"required\"", Rule::ToolChoice),
        ("mimo", "messages.assistant_null_content = \"ok\"", Rule::NullContent),
        ("mimo", "messages.image_needs_text = false", Rule::ImageWithoutText),
        ("mimo", "vision.tool_result_images = \"keep\"", Rule::ImageInToolMessage),
        ("deepseek", "request.json_schema = \"native\"", Rule::BadParameter),
        ("deepseek", "messages.assistant_null_content = \"ok\"", Rule::NullContent),
        ("deepseek", "vision.images = \"yes\"", Rule::ImageForBlindModel),
        (
            "deepseek",
            "thinking.effort.medium = { reasoning_effort = \"minimal\" }",
            Rule::BadParameter,
        ),
        ("deepseek", "replay.rule = \"optional\"", Rule::ThoughtMissing),
        ("kimi", "replay.placeholder = \"\"", Rule::ThoughtMissing),
        ("kimi", "request.drop = []", Rule::BadParameter),
        (
            "kimi",
            "tools.choice_required_as = \"required\"\ntools.forced_with_thinking = \"ok\"",
            Rule::ToolChoice,
        ),
        ("kimi", "tools.name_pattern = \"^[a-zA-Z0-9_-]{1,64}$\"", Rule::ToolName),
        ("kimi", "tools.schema.anyof_parent_type = \"pass\"", Rule::BadTool),
        ("kimi", "tools.schema.tuple_items = \"pass\"", Rule::BadTool),
        ("kimi", "vision.schemes = [\"https\", \"data\"]", Rule::UnknownContent),
        ("mistral", "request.rename = { seed = \"the_seed\" }", Rule::UnknownParameter),
        ("mistral", "request.drop = []", Rule::UnknownParameter),
        ("mistral", "tools.id_rule = \"any\"", Rule::BadId),
        ("mistral", "tools.choice_required_as = \"required\"", Rule::ToolChoice),
        ("mistral", "messages.user_after_tool = \"ok\"", Rule::MessageOrder),
        ("mistral", "messages.last_assistant = \"ok\"", Rule::MessageOrder),
        (
            "mistral",
            "thinking.effort.medium = { reasoning_effort = \"medium\" }",
            Rule::BadParameter,
        ),
        ("gemini", "replay.carrier = \"reasoning_content\"", Rule::ThoughtMissing),
        ("gemini", "replay.placeholder_path = \"elsewhere\"", Rule::ThoughtMissing),
        ("gemini", "tools.parallel = \"pass\"", Rule::UnknownParameter),
        ("gemini", "tools.name_pattern = \"^[a-zA-Z0-9_-]{1,64}$\"", Rule::ToolName),
        ("gemini", "tools.schema.refs = \"pass\"", Rule::BadTool),
        ("gemini", "tools.schema.drop_keys = []", Rule::BadTool),
        ("gemini", "request.drop = []", Rule::UnknownParameter),
        ("anthropic", "tools.id_rule = \"any\"", Rule::BadId),
        (
            "anthropic",
            "tools.forced_with_thinking = \"ok\"\nthinking.drop_when_on = []",
            Rule::BadParameter,
        ),
        ("anthropic", "tools.forced_with_thinking = \"ok\"", Rule::ToolChoice),
    ] {
        let record = format!("id = \"wrong\"\nextends = \"{vendor}\"\n{wrong}\n");
        let dialects = Dialects::builtin().with([("wrong.toml", record)]);
        let dialect = dialects.unwrap_or_else(|it| panic!("{it:?}")).resolve("wrong", "").unwrap();
        let found = judged(vendor, &dialect);
        assert!(found.contains(&rule), "{vendor} with {wrong}: {found:?}");
    }
}
