//! One case for each thing that a record can say about requests, with the record that says it.

use interlingua_dialect::{Dialect, Dialects};
use interlingua_ir::{NoteKind, Protocol};
use interlingua_translate::{Repairs, Target, chat, client, responses};
use serde_json::{Value, json};

use crate::support::{Upstream, check_messages, document, target, write};

mod thought;

/// What an upstream gets of a request.
#[track_caller]
fn sent_by(protocol: Protocol, body: &Value, dialect: &Dialect) -> Upstream {
    let body = body.to_string();
    let (turn, _) = client::read(protocol, &document(&body)).unwrap();
    write(&turn, dialect)
}

fn resolved(dialect: &str, model: &str) -> Dialect {
    Dialects::builtin().resolve(dialect, model).unwrap()
}

/// Writes a Chat request with `more` in it; each pointer has to lead to its value, null to nothing.
#[track_caller]
fn check(dialect: &str, model: &str, more: Value, expect: &[(&str, Value)]) {
    let mut body = json!({ "model": "m", "messages": [{ "role": "user", "content": "hi" }] });
    let Value::Object(more) = more else { panic!("fields of a request") };
    body.as_object_mut().unwrap().extend(more);
    let got = sent_by(Protocol::Chat, &body, &resolved(dialect, model)).body;
    check_messages(&got);
    check_pointers(&got, expect, &format!("{dialect} {model}"));
}

#[track_caller]
fn check_pointers(got: &Value, expect: &[(&str, Value)], what: &str) {
    for (pointer, value) in expect {
        assert_eq!(got.pointer(pointer).unwrap_or(&Value::Null), value, "{what} {pointer}: {got}");
    }
}

fn tool(name: &str) -> Value {
    json!({ "type": "function", "function": { "name": name, "parameters": { "type": "object" } } })
}

#[test]
fn limits_and_parameters() {
    check(
        "deepseek",
        "",
        json!({ "max_completion_tokens": 9 }),
        &[("/max_tokens", json!(9)), ("/max_completion_tokens", json!(null))],
    );
    check(
        "xai",
        "",
        json!({ "max_tokens": 9 }),
        &[("/max_completion_tokens", json!(9)), ("/max_tokens", json!(null))],
    );
    check(
        "mistral",
        "",
        json!({ "seed": 7, "logit_bias": {} }),
        &[("/random_seed", json!(7)), ("/seed", json!(null)), ("/logit_bias", json!(null))],
    );
    check(
        "minimax",
        "",
        json!({ "temperature": 0 }),
        &[("/temperature", json!(0.01)), ("/reasoning_split", json!(true))],
    );
    check("gemini", "gemini-3-pro", json!({ "temperature": 0.2 }), &[("/temperature", json!(1))]);
    check(
        "kimi",
        "",
        json!({ "temperature": 0.2, "top_p": 1, "prompt_cache_key": "k" }),
        &[
            ("/temperature", json!(null)),
            ("/top_p", json!(null)),
            ("/prompt_cache_key", json!("k")),
        ],
    );
    check(
        "deepseek",
        "",
        json!({ "temperature": 0.2, "seed": null }),
        &[("/temperature", json!(null))],
    );
    check(
        "deepseek",
        "",
        json!({ "temperature": 0.2, "reasoning_effort": "none" }),
        &[("/temperature", json!(0.2))],
    );
    check(
        "glm",
        "",
        json!({ "stream": true }),
        &[("/tool_stream", json!(true)), ("/stream_options/include_usage", json!(true))],
    );
    check(
        "mistral",
        "",
        json!({ "stream": true, "stream_options": { "include_usage": true } }),
        &[("/stream_options", json!(null))],
    );
    check("groq", "qwen3-32b", json!({}), &[("/reasoning_format", json!("parsed"))]);
}

#[test]
fn fields_that_are_null_are_left_out() {
    let body = json!({ "model": "m", "temperature": null, "stop": null, "user": null, "seed": null,
        "tools": [{ "type": "function", "function": { "name": "f", "description": null,
            "parameters": null, "strict": null } }],
        "tool_choice": null, "response_format": null, "messages": [
            { "role": "user", "content": "a", "name": null },
            { "role": "assistant", "content": null, "refusal": null, "tool_calls": [
                { "id": "c", "type": "function", "function": { "name": "f", "arguments": "{}" } }] },
            { "role": "tool", "tool_call_id": "c", "content": "r", "name": null },
            { "role": "assistant", "content": "b", "tool_calls": null, "reasoning_content": null },
            { "role": "user", "content": "c" }] });
    for id in ["mimo", "generic", "mistral", "groq"] {
        let got = sent_by(Protocol::Chat, &body, &resolved(id, "")).body.to_string();
        assert!(!got.contains("null"), "{id}: {got}");
    }
}

#[test]
fn roles_and_where_rules_stand() {
    let body = |role: &str| {
        json!({ "messages": [
        { "role": "system", "content": "s" }, { "role": role, "content": "d" },
        { "role": "user", "content": "u" }] })
    };
    check("azure", "", body("developer"), &[("/messages/1/role", json!("developer"))]);
    check("volcengine", "", body("developer"), &[("/messages/1/role", json!("system"))]);
    check(
        "minimax",
        "",
        body("system"),
        &[("/messages/0/role", json!("user")), ("/messages/1/role", json!("user"))],
    );
    check("minimax", "minimax-m3", body("system"), &[("/messages/0/role", json!("system"))]);
    check(
        "openrouter",
        "claude-sonnet-4-6",
        body("developer"),
        &[("/messages/1/role", json!("developer"))],
    );
}

#[test]
fn choices_among_tools() {
    let asked =
        |choice: Value| json!({ "tools": [tool("read"), tool("write")], "tool_choice": choice });
    let named = || json!({ "type": "function", "function": { "name": "write" } });
    check("mistral", "", asked(json!("required")), &[("/tool_choice", json!("any"))]);
    check(
        "mistral",
        "",
        asked(named()),
        &[
            ("/tool_choice", json!("any")),
            ("/tools/0/function/name", json!("write")),
            ("/tools/1", json!(null)),
        ],
    );
    check("glm", "", asked(json!("required")), &[("/tool_choice", json!("auto"))]);
    check(
        "glm",
        "",
        asked(json!("none")),
        &[("/tools", json!(null)), ("/tool_choice", json!(null))],
    );
    check("kimi", "", asked(named()), &[("/tool_choice", json!("auto"))]);
    check("kimi", "kimi-latest", asked(named()), &[("/tool_choice", named())]);
    check("fireworks", "", asked(json!("required")), &[("/tool_choice", json!("any"))]);
    check(
        "minimax",
        "minimax-m3",
        asked(json!("required")),
        &[("/tool_choice", json!("required"))],
    );
    check("qwen", "", asked(json!("required")), &[("/tool_choice", json!("auto"))]);
}

#[test]
fn names_of_tools() {
    let named = json!({ "type": "function", "function": { "name": "ls" } });
    let asked = json!({ "tools": [tool("ls")], "tool_choice": named });
    check("glm", "glm-5.3", asked.clone(), &[("/tools/0/function/name", json!("ls"))]);
    let longer = [
        ("/tools/0/function/name", json!("tool_ls")),
        ("/tool_choice/function/name", json!("tool_ls")),
    ];
    check("kimi", "kimi-latest", asked, &longer);
}

#[test]
fn strictness_and_parallel_calls() {
    let strict = |all: bool| {
        let mut tools = [tool("f"), tool("g")];
        tools[0]["function"]["strict"] = true.into();
        tools[1]["function"]["strict"] = all.into();
        json!({ "tools": tools, "parallel_tool_calls": true })
    };
    let at = "/tools/0/function/strict";
    check("kimi", "", strict(false), &[(at, json!(true)), ("/parallel_tool_calls", json!(null))]);
    check(
        "cerebras",
        "",
        strict(true),
        &[(at, json!(true)), ("/parallel_tool_calls", json!(true))],
    );
    check("cerebras", "", strict(false), &[(at, json!(null))]);
    check("groq", "", strict(true), &[(at, json!(null))]);
}

#[test]
fn forms_of_the_answer() {
    let schema = json!({ "type": "object", "properties": { "n": { "type": "integer" } } });
    let asked = json!({ "response_format": { "type": "json_schema", "json_schema": {
        "name": "n", "schema": schema } } });
    let object = json!({ "response_format": { "type": "json_object" } });
    let form = "/response_format/type";
    check("kimi", "", asked.clone(), &[(form, json!("json_schema"))]);
    check("qwen", "", asked.clone(), &[(form, json!("json_object"))]);
    check("qwen", "qwen3.7-plus", asked.clone(), &[(form, json!("json_schema"))]);
    check("minimax", "", asked.clone(), &[("/response_format", json!(null))]);
    check("lmstudio", "", object.clone(), &[("/response_format", json!(null))]);

    let mut beside_tools = asked.clone();
    beside_tools["tools"] = json!([tool("f")]);
    check("fireworks", "", beside_tools.clone(), &[("/response_format", json!(null))]);
    check("together", "", beside_tools.clone(), &[(form, json!("json_schema"))]);

    let said = |dialect: &str, more: &Value| {
        let mut body = json!({ "model": "m", "messages": [{ "role": "user", "content": "hi" }] });
        body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        sent_by(Protocol::Chat, &body, &resolved(dialect, "")).body["messages"][0].to_string()
    };
    for (dialect, more) in
        [("deepseek", &asked), ("minimax", &asked), ("groq", &asked), ("fireworks", &beside_tools)]
    {
        assert!(said(dialect, more).contains("integer"), "{dialect} has to be told the schema");
    }
    assert!(said("lmstudio", &object).contains("JSON"));
    assert!(!said("kimi", &asked).contains("integer"));
}

#[test]
fn messages_as_the_upstream_wants_them() {
    let call = json!({ "role": "assistant", "content": null, "tool_calls": [
        { "id": "call-with-a-long-id", "type": "function", "function": { "name": "f", "arguments": "{}" } }] });
    let result = json!({ "role": "tool", "tool_call_id": "call-with-a-long-id", "content": [
        { "type": "text", "text": "r" },
        { "type": "image_url", "image_url": { "url": "data:image/png;base64,AA" } }] });
    let ask = json!({ "role": "user", "content": "u" });
    let history = json!({ "messages": [ask, call, result, ask] });
    check("deepseek", "", history.clone(), &[("/messages/1/content", json!(""))]);
    check("azure", "", history.clone(), &[("/messages/1/content", json!(null))]);
    // Lifted behind the results, and as the object or the string that the upstream knows.
    check(
        "xai",
        "",
        history.clone(),
        &[
            ("/messages/3/role", json!("user")),
            ("/messages/3/content/1/image_url/url", json!("data:image/png;base64,AA")),
        ],
    );
    check("openrouter", "", history.clone(), &[("/messages/2/content/1/type", json!("image_url"))]);
    check(
        "mistral",
        "",
        history.clone(),
        &[
            ("/messages/2/name", json!("f")),
            ("/messages/3", json!({ "role": "assistant", "content": "Understood." })),
            ("/messages/4/content/1/image_url", json!("data:image/png;base64,AA")),
        ],
    );
    let got = sent_by(
        Protocol::Chat,
        &json!({ "model": "m", "messages": history["messages"] }),
        &resolved("mistral", ""),
    );
    let id = got.body["messages"][1]["tool_calls"][0]["id"].as_str().unwrap();
    assert!(id.len() == 9 && id.bytes().all(|it| it.is_ascii_alphanumeric()), "{id}");
    assert_eq!(got.body["messages"][2]["tool_call_id"], id);

    let prefilled = json!({ "messages": [ask, { "role": "assistant", "content": "so" }] });
    check("mistral", "", prefilled.clone(), &[("/messages/1/prefix", json!(true))]);
    check("deepseek", "", prefilled, &[("/messages/1/prefix", json!(null))]);
    let image = json!({ "messages": [{ "role": "user", "content": [
        { "type": "image_url", "image_url": { "url": "https://e.com/a.png" } }] }] });
    check("mimo", "mimo-v2.5", image.clone(), &[("/messages/0/content/0/type", json!("text"))]);
    // By its address is no way to show an image here.
    check(
        "kimi",
        "kimi-k2.5",
        image,
        &[("/messages/0/content/0/text", json!("[image omitted: this model takes text only]"))],
    );
}

#[test]
fn searches_in_the_upstreams_own_way() {
    let body = json!({ "model": "m", "input": "hi", "tools": [{ "type": "web_search" }] });
    for (dialect, expect) in [
        ("glm", [("/tools/0", json!({ "type": "web_search" }))]),
        ("groq", [("/tools/0", json!({ "type": "browser_search" }))]),
        ("openrouter", [("/plugins", json!([{ "id": "web" }]))]),
        ("deepseek", [("/tools", json!(null))]),
    ] {
        let got = sent_by(Protocol::Responses, &body, &resolved(dialect, ""));
        check_pointers(&got.body, &expect, dialect);
        let lost = got.notes.iter().any(|it| it.kind == NoteKind::Dropped);
        assert_eq!(lost, dialect == "deepseek", "{:?}", got.notes);
    }
}

#[test]
fn a_built_in_search_is_answered_by_its_own_arguments() {
    let body = json!({ "model": "m", "tools": [{ "type": "web_search" }], "input": [
        { "role": "user", "content": "hi" },
        { "type": "function_call", "call_id": "c", "name": "$web_search", "arguments": "{\"q\":1}" },
        { "type": "function_call_output", "call_id": "c", "output": "unsupported call" }] });
    let got = sent_by(Protocol::Responses, &body, &resolved("kimi", "")).body;
    check_pointers(
        &got,
        &[
            (
                "/tools/0",
                json!({ "type": "builtin_function", "function": { "name": "$web_search" } }),
            ),
            ("/messages/1/tool_calls/0/type", json!("builtin_function")),
            ("/messages/1/tool_calls/0/function/name", json!("$web_search")),
            ("/messages/2/content", json!("{\"q\":1}")),
        ],
        "kimi",
    );
    let got = sent_by(Protocol::Responses, &body, &resolved("glm", "")).body;
    check_pointers(&got, &[("/messages/2/content", json!("unsupported call"))], "glm");
}

#[test]
fn tool_schemas_lose_what_the_upstream_refuses() {
    let tools = |schema: Value| {
        json!({ "tools": [
        { "type": "function", "function": { "name": "f", "parameters": schema } }] })
    };
    let at = "/tools/0/function/parameters/properties/a";
    let referring = json!({ "type": "object", "additionalProperties": false, "$defs": { "d": { "type": "string" } },
        "properties": { "a": { "$ref": "#/$defs/d" } } });
    check(
        "gemini",
        "",
        tools(referring.clone()),
        &[
            (at, json!({ "type": "string" })),
            ("/tools/0/function/parameters/additionalProperties", json!(null)),
        ],
    );
    check("groq", "", tools(referring), &[(at, json!({ "$ref": "#/$defs/d" }))]);
    let branches = json!({ "type": "object", "properties": { "a": {
        "type": "string", "anyOf": [{ "minLength": 1 }] } } });
    check(
        "kimi",
        "",
        tools(branches),
        &[(at, json!({ "anyOf": [{ "type": "string", "minLength": 1 }] }))],
    );
}

#[test]
fn prompts_are_marked_for_caches_where_clients_cannot() {
    let body = json!({ "model": "m", "instructions": "rules", "input": [
        { "role": "user", "content": "one" },
        { "type": "function_call", "call_id": "c", "name": "f", "arguments": "{}" },
        { "type": "function_call_output", "call_id": "c", "output": "r" },
        { "role": "user", "content": "two" }] });
    let mark = json!({ "type": "ephemeral" });
    let got = sent_by(Protocol::Responses, &body, &resolved("qwen", "")).body;
    check_pointers(
        &got,
        &[
            ("/messages/0/content/0/cache_control", mark.clone()),
            ("/messages/1/content/0/cache_control", mark.clone()),
            ("/messages/4/content/0/cache_control", mark.clone()),
            ("/messages/3/content", json!("r")),
        ],
        "qwen",
    );
    let got = sent_by(Protocol::Responses, &body, &resolved("openrouter", "")).body;
    check_pointers(
        &got,
        &[
            ("/messages/1/content", json!("one")),
            ("/messages/3/content/0/cache_control", mark.clone()),
            ("/messages/4/content/0/cache_control", mark),
        ],
        "openrouter",
    );
    for dialect in ["minimax", "deepseek"] {
        let got = sent_by(Protocol::Responses, &body, &resolved(dialect, "")).body.to_string();
        assert!(!got.contains("cache_control"), "{dialect}");
    }
}

/// A name is written as a name, whatever its author hoped for.
#[test]
fn no_field_can_pass_for_several() {
    const NAME: &str = "x\":1,\"model";
    let body = json!({ "model": "m", NAME: "evil", "max_tokens": 9,
        "reasoning": { "effort": "high", NAME: "evil" }, "thinking": { "type": "enabled", NAME: "evil" },
        "messages": [{ "role": "user", "content": "hi", NAME: "evil" }],
        "tools": [{ "type": "function", NAME: "evil", "function": { "name": "f", NAME: "evil" } }] });
    for dialect in ["generic", "openrouter", "kimi"] {
        let got = sent_by(Protocol::Chat, &body, &resolved(dialect, "m")).body;
        assert_eq!(got[NAME], "evil", "{dialect}");
        assert_eq!(got["messages"][0][NAME], "evil", "{dialect}");
        assert_eq!(got["tools"][0][NAME], "evil", "{dialect}");
        assert!(!got.to_string().contains(r#","model":"evil""#), "{dialect}: {got}");
    }
    let got = sent_by(Protocol::Chat, &body, &resolved("openrouter", "m")).body;
    assert_eq!(got["reasoning"][NAME], "evil");
}

/// A client of Messages has no word for the cache that its conversation is kept on; others say it.
#[test]
fn a_conversation_is_kept_on_one_cache() {
    let asked = json!({ "model": "m", "max_tokens": 9,
        "messages": [{ "role": "user", "content": "hi" }] });
    for (client, id, key) in [
        (Protocol::Messages, "openai", json!("c1")),
        (Protocol::Messages, "kimi", json!("c1")),
        (Protocol::Messages, "generic", json!(null)),
        (Protocol::Chat, "openai", json!(null)),
    ] {
        let (dialect, repairs) = (resolved(id, ""), Repairs::default());
        let target = Target { conversation: Some("c1"), ..target(&dialect, &repairs) };
        let asked = asked.to_string();
        let (turn, _) = client::read(client, &document(&asked)).unwrap();
        for written in [chat::write(&turn, &target), responses::write(&turn, &target)] {
            let body: Value = serde_json::from_slice(&written.unwrap().body.to_vec()).unwrap();
            assert_eq!(body["prompt_cache_key"], key, "{client:?} at {id}");
        }
    }
}
