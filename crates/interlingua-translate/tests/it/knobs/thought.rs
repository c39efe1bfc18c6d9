//! What a record can say about thinking, and about thoughts that go back.

use interlingua_dialect::{Dialect, Dialects};
use interlingua_ir::{Item, NoteKind, Origin, Protocol, Reasoning, Thought};
use interlingua_translate::json::Limits;
use interlingua_translate::responses;
use serde_json::{Value, json};

use super::{check, check_pointers, resolved, sent_by, tool};
use crate::support::{Upstream, write};

#[test]
fn levels_of_thought() {
    let asked = |level: &str| json!({ "reasoning_effort": level });
    check(
        "glm",
        "glm-5.3",
        asked("none"),
        &[("/thinking/type", json!("enabled")), ("/reasoning_effort", json!("low"))],
    );
    check("glm", "", asked("none"), &[("/thinking/type", json!("disabled"))]);
    check(
        "kimi",
        "kimi-k3",
        asked("xhigh"),
        &[("/reasoning_effort", json!("max")), ("/thinking", json!(null))],
    );
    check("together", "", asked("low"), &[("/reasoning/enabled", json!(true))]);
    check("xai", "grok-4", asked("high"), &[("/reasoning_effort", json!(null))]);
    check(
        "vllm",
        "qwen3-8b",
        asked("none"),
        &[("/chat_template_kwargs/enable_thinking", json!(false))],
    );
    check("volcengine", "", asked("none"), &[("/reasoning_effort", json!("minimal"))]);
    check("stepfun", "", asked("max"), &[("/reasoning_effort", json!(null))]);
    check("generic", "", asked("none"), &[("/reasoning_effort", json!(null))]);
}

#[test]
fn a_limit_of_thought_stands_where_the_upstream_looks_for_it() {
    let limit = |tokens: u32| {
        json!({ "model": "m", "max_tokens": 90_000, "thinking": {
        "type": "enabled", "budget_tokens": tokens }, "messages": [{ "role": "user", "content": "hi" }] })
    };
    let check = |dialect: &str, tokens, expect: &[(&str, Value)]| {
        let got = sent_by(Protocol::Messages, &limit(tokens), &resolved(dialect, ""));
        check_pointers(&got.body, expect, dialect);
        got.notes
    };
    check("qwen", 5_000, &[("/thinking_budget", json!(5_000)), ("/enable_thinking", json!(true))]);
    check("siliconflow", 50_000, &[("/thinking_budget", json!(32_768))]);
    check("openrouter", 2_000, &[("/reasoning", json!({ "max_tokens": 2_000 }))]);
    check(
        "fireworks",
        1_025,
        &[("/thinking/budget_tokens", json!(1_025)), ("/reasoning_effort", json!(null))],
    );
    check(
        "gemini",
        3_000,
        &[
            ("/extra_body/google/thinking_config/thinking_budget", json!(3_000)),
            ("/reasoning_effort", json!(null)),
        ],
    );
    let notes = check("deepseek", 30_000, &[("/reasoning_effort", json!("high"))]);
    assert!(notes.iter().any(|it| it.subject == "thinking budget to a level"), "{notes:?}");
}

#[test]
fn a_forced_call_switches_thinking_off_where_both_cannot_be() {
    let forced = json!({ "tools": [tool("f")], "reasoning_effort": "high",
        "tool_choice": { "type": "function", "function": { "name": "f" } } });
    check(
        "qwen",
        "",
        forced.clone(),
        &[("/enable_thinking", json!(false)), ("/tool_choice/function/name", json!("f"))],
    );
    check(
        "qwen",
        "qwen3.8-max",
        forced,
        &[("/reasoning_effort", json!("xhigh")), ("/tool_choice", json!("auto"))],
    );
}

#[test]
fn upstreams_are_asked_to_keep_the_thoughts_that_go_back() {
    let history = |effort: &str| {
        json!({ "reasoning_effort": effort, "messages": [
        { "role": "user", "content": "a" },
        { "role": "assistant", "content": "b", "reasoning_content": "r" },
        { "role": "user", "content": "c" }] })
    };
    check(
        "glm",
        "",
        history("high"),
        &[("/thinking", json!({ "type": "enabled", "clear_thinking": false }))],
    );
    check("glm", "", history("none"), &[("/thinking", json!({ "type": "disabled" }))]);
    check(
        "glm",
        "",
        json!({ "reasoning_effort": "high" }),
        &[("/thinking", json!({ "type": "enabled" }))],
    );
    check(
        "kimi",
        "kimi-k2.6",
        history("low"),
        &[("/thinking", json!({ "type": "enabled", "keep": "all" }))],
    );
    check("fireworks", "", history("low"), &[("/reasoning_history", json!("preserved"))]);
    check("qwen", "qwen3.6-plus", history("low"), &[("/preserve_thinking", json!(true))]);
    check("qwen", "", history("low"), &[("/preserve_thinking", json!(null))]);
    let mut silent = history("low");
    silent.as_object_mut().unwrap().remove("reasoning_effort");
    check(
        "glm",
        "",
        silent,
        &[("/thinking", json!({ "type": "enabled", "clear_thinking": false }))],
    );
}

/// A request that continues an answer which thought, called twice and said something.
fn thoughtful(origin: Option<&str>, provenance: &[(&str, &str)], dialect: &Dialect) -> Upstream {
    let body = json!({ "model": "m", "input": [
        { "role": "user", "content": "go" },
        { "type": "function_call", "call_id": "c1", "name": "f", "arguments": "{}" },
        { "type": "function_call", "call_id": "c2", "name": "f", "arguments": "{}" },
        { "type": "function_call_output", "call_id": "c1", "output": "r" },
        { "type": "function_call_output", "call_id": "c2", "output": "r" }] })
    .to_string();
    let (mut turn, _) = responses::read(body.as_bytes(), Limits::default()).unwrap();
    if let Some(family) = origin {
        let thought = Thought {
            origin: Some(Origin { provider: "up".into(), family: family.into() }),
            text: "because".into(),
            calls: vec!["c1".into()],
            provenance: provenance.iter().map(|(a, b)| ((*a).into(), (*b).into())).collect(),
            ..Thought::default()
        };
        turn.items.insert(
            1,
            Item::Reasoning(Reasoning { thought: Some(thought), ..Reasoning::default() }),
        );
    }
    write(&turn, dialect)
}

#[test]
fn thoughts_go_back_in_the_carrier() {
    let details = r#"[{"type":"reasoning.text","text":"x","signature":"s","format":"anthropic-claude-v1"},{"type":"reasoning.text","text":"y","format":"anthropic-claude-v1"}]"#;
    let extra = r#"{"google":{"thought_signature":"sig"}}"#;
    for (dialect, provenance, expect) in [
        ("deepseek", None, vec![("/reasoning_content", json!("because"))]),
        ("cerebras", None, vec![("/reasoning", json!("because"))]),
        (
            "minimax",
            None,
            vec![("/reasoning_details", json!([{ "type": "reasoning.text", "text": "because" }]))],
        ),
        // What is not signed is refused in this format.
        (
            "openrouter",
            Some(("reasoning_details", details)),
            vec![
                ("/reasoning_details/0/signature", json!("s")),
                ("/reasoning_details/1", json!(null)),
            ],
        ),
        ("openrouter", None, vec![("/reasoning_details", json!(null))]),
        (
            "mistral",
            None,
            vec![(
                "/content",
                json!([{ "type": "thinking", "closed": true,
            "thinking": [{ "type": "text", "text": "because" }] }]),
            )],
        ),
        (
            "gemini",
            Some(("extra_content", extra)),
            vec![
                ("/tool_calls/0/extra_content/google/thought_signature", json!("sig")),
                ("/tool_calls/1/extra_content", json!(null)),
            ],
        ),
        ("xai", None, vec![("/reasoning_content", json!(null))]),
    ] {
        let provenance: Vec<_> = provenance.into_iter().collect();
        let got = thoughtful(Some(dialect), &provenance, &resolved(dialect, ""));
        check_pointers(&got.body["messages"][1], &expect, dialect);
    }
}

#[test]
fn what_stands_in_for_a_thought_that_is_lost_or_foreign() {
    for (dialect, pointer, expect) in [
        ("mimo", "/reasoning_content", json!("")),
        ("kimi", "/reasoning_content", json!(" ")),
        ("qwen", "/reasoning_content", json!(" ")),
        (
            "gemini",
            "/tool_calls/0/extra_content",
            json!({ "google": {
            "thought_signature": "skip_thought_signature_validator" } }),
        ),
        ("gemini", "/tool_calls/1/extra_content", json!(null)),
        ("glm", "/reasoning_content", json!(null)),
    ] {
        let got = thoughtful(None, &[], &resolved(dialect, ""));
        check_pointers(&got.body["messages"][1], &[(pointer, expect)], dialect);
    }
    // Only its presence is checked here; there it would be refused.
    let kept = thoughtful(Some("glm"), &[], &resolved("kimi", "")).body;
    check_pointers(&kept["messages"][1], &[("/reasoning_content", json!("because"))], "kimi");
    let held_back = thoughtful(Some("glm"), &[], &resolved("qwen", ""));
    check_pointers(&held_back.body["messages"][1], &[("/reasoning_content", json!(" "))], "qwen");
    assert!(held_back.notes.iter().any(|it| it.kind == NoteKind::ReasoningForeign));
}

#[test]
fn thinking_is_off_where_a_thought_is_lost_that_nothing_can_stand_in_for() {
    let record = r#"
        id = "stern"
        extends = "deepseek"
        [replay]
        on_missing = "disable_thinking"
        foreign = "drop"
    "#;
    let dialect = Dialects::builtin().with([("stern.toml", record)]).unwrap();
    let dialect = dialect.resolve("stern", "").unwrap();
    let switch = |origin| {
        let got = thoughtful(origin, &[], &dialect);
        (
            got.body["thinking"]["type"].clone(),
            got.body["messages"][1].get("reasoning_content").cloned(),
        )
    };
    assert_eq!(switch(Some("stern")), (json!(null), Some(json!("because"))));
    assert_eq!(switch(Some("glm")), (json!("disabled"), None));
    assert_eq!(switch(None), (json!("disabled"), None));
}

#[test]
fn only_the_current_round_needs_its_thoughts_where_the_record_says_so() {
    let call = json!({ "role": "assistant", "content": "", "tool_calls": [
        { "id": "c", "type": "function", "function": { "name": "f", "arguments": "{}" } }] });
    let result = json!({ "role": "tool", "tool_call_id": "c", "content": "r" });
    let ask = json!({ "role": "user", "content": "u" });
    let history = json!({ "messages": [ask, call, result, ask, call, result] });
    check(
        "qwen",
        "",
        history.clone(),
        &[
            ("/messages/1/reasoning_content", json!(null)),
            ("/messages/4/reasoning_content", json!(" ")),
        ],
    );
    check("siliconflow", "", history, &[("/messages/1/reasoning_content", json!(" "))]);
}
