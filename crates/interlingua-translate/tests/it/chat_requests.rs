//! Every captured request of real Chat clients reaches every upstream; on the way to one that needs no
//! rule, nothing about it changes.

use std::collections::{BTreeMap, BTreeSet};

use interlingua_dialect::{
    Carrier, Consecutive, Dialect, EmptyAssistant, Images, MaxTokensField, ReplayRule,
    ResultContent, ResultName, ToolResultImages,
};
use interlingua_ir::{
    Class, Form, Item, NoteKind, Part, Place, Protocol, Role, Tool, ToolChoice, Turn,
};
use interlingua_testkit::fixtures;
use interlingua_translate::json::Limits;
use interlingua_translate::{Repairs, chat};
use proptest::prelude::*;
use serde_json::{Value, json};

use crate::support::{DIALECTS, Upstream, check_messages, dialect, target, write};

/// The captured requests, by name.
pub(crate) fn captured() -> Vec<(String, Value)> {
    let names = fixtures::list("clients/chat", ".request.json");
    let read = |name: String| {
        let body = fixtures::json(format!("clients/chat/{name}"))["body"].clone();
        (name, body)
    };
    names.into_iter().map(read).collect()
}

/// An upstream that takes all that Chat can say, as it is said.
fn plain() -> Dialect {
    let mut plain = dialect("openai");
    plain.request.max_tokens_field = MaxTokensField::MaxTokens;
    plain.thinking.drop_when_on.clear();
    plain.replay.rule = ReplayRule::Optional;
    plain.replay.carrier = Carrier::ReasoningContent;
    plain.tools.types.push("new_kind".to_owned());
    plain.tools.schema.root_object = false;
    plain.tools.schema.drop_keys.clear();
    plain.tools.result_content = ResultContent::AnyParts;
    plain.tools.result_name = ResultName::Keep;
    plain.messages.empty_assistant = EmptyAssistant::Ok;
    plain.messages.repair_arguments = false;
    plain.vision.images = Images::Yes;
    plain.vision.tool_result_images = ToolResultImages::Keep;
    plain
}

/// What an upstream gets of a request.
#[track_caller]
fn sent(body: &Value, dialect: &Dialect) -> Upstream {
    let body = body.to_string();
    let (turn, read) = chat::read(body.as_bytes(), Limits::default()).unwrap();
    let mut upstream = write(&turn, dialect);
    upstream.notes.extend(read);
    upstream
}

/// A request that needs no rule comes out equal, but for the model's name.
#[track_caller]
fn check_identity(body: &Value) {
    let upstream = sent(body, &plain());
    let mut expected = body.clone();
    expected["model"] = "the-model".into();
    assert_eq!(upstream.body, expected);
    assert_eq!(upstream.notes, []);
}

#[test]
fn a_request_that_needs_no_rule_comes_out_as_it_went_in() {
    for (_, body) in captured() {
        check_identity(&body);
    }
}

#[test]
fn unknown_fields_stand_again_where_they_stood() {
    check_identity(&json!({
        "model": "m", "stream": false, "n": 1, "top_k": 5, "chat_template_kwargs": { "a": [1.10, "b"] },
        "reasoning_effort": "high", "reasoning": { "enabled": true },
        "response_format": { "type": "json_schema", "new": 1, "json_schema": {
            "name": "n", "schema": { "type": "object" }, "strict": true, "new": { "x": 1 } } },
        "web_search_options": { "search_context_size": "low" },
        "tools": [
            { "type": "function", "cache_control": { "type": "ephemeral" }, "function": {
                "name": "f", "description": "d", "examples": [1] } },
            { "type": "custom", "new": 1, "custom": { "name": "c", "format": { "type": "grammar",
                "grammar": { "syntax": "lark", "definition": "start: x" } }, "inner": 2 } },
            { "type": "new_kind", "anything": { "function": 1 } }],
        "tool_choice": { "type": "allowed_tools", "allowed_tools": { "mode": "auto", "tools": [
            { "type": "function", "function": { "name": "f" } }] } },
        "messages": [
            { "role": "system", "content": [{ "type": "text", "text": "s", "cache_control": { "type": "ephemeral" } }] },
            { "role": "developer", "content": "d", "name": "boss" },
            { "role": "user", "name": "u", "new": [1], "content": [
                { "type": "text", "text": "" },
                { "type": "image_url", "image_url": { "url": "https://e.com/a.png", "detail": "low", "x": 1 }, "y": 2 },
                { "type": "input_audio", "input_audio": { "data": "AAAA", "format": "wav" } },
                { "type": "file", "file": { "file_data": "data:application/pdf;base64,AA", "filename": "a.pdf" } },
                { "type": "file", "file": { "file_id": "file-1", "z": 1 } },
                { "type": "file", "file": { "file_data": "no address" } },
                { "type": "video_url", "video_url": { "url": "https://e.com/a.mp4" } }] },
            { "role": "assistant", "content": "one" },
            { "role": "assistant", "content": [{ "type": "text", "text": "two", "x": 1 }, { "type": "refusal", "refusal": "no" }],
              "prefix": true },
            { "role": "assistant", "content": null, "refusal": "I won't", "reasoning_content": "" },
            { "role": "assistant", "audio": { "id": "audio_1" } },
            { "role": "assistant", "content": null, "reasoning_content": "why", "tool_calls": [
                { "id": "a", "type": "function", "extra_content": { "google": 1 },
                  "function": { "name": "f", "arguments": "{\"x\": 1}", "inner": true } },
                { "id": "b", "type": "custom", "custom": { "name": "c", "input": "free\ntext", "inner": 1 } },
                { "id": "c", "type": "builtin", "function": { "name": "f", "arguments": "{}" } }] },
            { "role": "tool", "tool_call_id": "a", "name": "f", "content": [{ "type": "text", "text": "r", "x": 1 }], "new": 1 },
            { "role": "tool", "tool_call_id": "b", "content": "" },
            { "role": "tool", "tool_call_id": "c", "content": [{ "type": "image_url", "image_url": { "url": "data:image/png;base64,AA" } }] },
            { "role": "user", "content": [] },
            { "role": "user", "content": "" }],
    }));
}

#[test]
fn every_capture_suits_every_upstream() {
    for (name, body) in captured() {
        for id in DIALECTS {
            let body = sent(&body, &dialect(id)).body;
            check_messages(&body);
            let kept = ["model", "stream", "messages"].map(|it| body.get(it).is_some());
            assert_eq!(kept, [true; 3], "{name} for {id}");
            assert_eq!(body["stream_options"]["include_usage"], true);
        }
    }
}

/// Puts a marker into every string that chooses nothing, and gives back where each of them stands.
fn mark(value: &mut Value, path: &str, marks: &mut BTreeMap<String, String>) {
    match value {
        Value::String(text) => {
            let chooses = ["role", "type", "tool_choice", "reasoning_effort"];
            let last = path.rsplit('.').next().unwrap();
            if chooses.contains(&last) {
                return;
            }
            let marker = format!("zq{:04}qz", marks.len());
            *text = match last {
                // The marker alone is no address, and what is no address is no picture.
                "url" => format!("data:image/png;base64,{marker}"),
                // Nor are they arguments.
                "arguments" => format!("{{\"a\":\"{marker}\"}}"),
                _ => marker.clone(),
            };
            marks.insert(marker, path.to_owned());
        }
        Value::Array(values) => {
            for value in values {
                mark(value, &format!("{path}[]"), marks);
            }
        }
        Value::Object(fields) => {
            for (name, value) in fields {
                let path = if path.is_empty() { name.clone() } else { format!("{path}.{name}") };
                mark(value, &path, marks);
            }
        }
        _ => {}
    }
}

/// What may vanish on the way to some upstreams, and which note tells that it did.
const MAY_VANISH: [(&str, NoteKind); 2] = [
    // The record says that the model sees no pictures.
    ("messages[].content[].image_url.url", NoteKind::Omitted),
    // The record wants no thoughts back.
    ("messages[].reasoning_content", NoteKind::Dropped),
];

#[test]
fn nothing_is_lost_in_silence() {
    let mut lost = BTreeSet::new();
    let mut count = 0;
    for (name, body) in captured() {
        let (mut marked, mut marks) = (body.clone(), BTreeMap::new());
        mark(&mut marked, "", &mut marks);
        rejoin(&mut marked);
        for id in DIALECTS {
            let upstream = sent(&marked, &dialect(id));
            let text = upstream.body.to_string();
            for (marker, path) in &marks {
                count += 1;
                let replaced =
                    path == "model" || path.ends_with("$schema") || path.ends_with("tool_call_id");
                if text.contains(marker.as_str()) || replaced {
                    continue;
                }
                let allowed = MAY_VANISH.iter().find(|(known, _)| known == path);
                let (_, kind) = allowed.unwrap_or_else(|| panic!("{path} for {id} in {name}"));
                assert!(upstream.notes.iter().any(|note| note.kind == *kind), "{path} for {id}");
                lost.insert(path.clone());
            }
        }
    }
    assert_eq!(lost, MAY_VANISH.iter().map(|it| it.0.to_owned()).collect());
    assert!(count > 5_000, "{count}");
}

/// Gives results the marked ids of their calls again.
fn rejoin(body: &mut Value) {
    let mut ids = Vec::new();
    for message in body["messages"].as_array_mut().unwrap() {
        let calls = message["tool_calls"].as_array();
        ids.extend(calls.into_iter().flatten().map(|call| call["id"].clone()));
        if message["role"] == "tool" {
            message["tool_call_id"] = ids.remove(0);
        }
    }
}

#[test]
fn two_turns_in_a_row_share_their_beginning() {
    let bodies: BTreeMap<_, _> = captured().into_iter().collect();
    let body = &bodies["qwen_04_second_turn.request.json"];
    let messages = body["messages"].as_array().unwrap();
    for id in DIALECTS {
        let written = |count: usize| {
            let mut body = body.clone();
            body["messages"] = messages[..count].into();
            let body = body.to_string();
            let (turn, _) = chat::read(body.as_bytes(), Limits::default()).unwrap();
            let (dialect, repairs) = (dialect(id), Repairs::default());
            let written = chat::write(&turn, &target(&dialect, &repairs)).unwrap();
            String::from_utf8(written.body.to_vec()).unwrap()
        };
        for count in (2..messages.len()).filter(|it| messages[it - 1]["role"] != "assistant") {
            let (shorter, longer) = (written(count), written(messages.len()));
            let shared = shorter.strip_suffix("]}").unwrap();
            assert!(longer.starts_with(shared), "{id} {count}");
        }
    }
}

fn read(body: &Value, check: impl FnOnce(&Turn<'_>, Vec<String>)) {
    let body = body.to_string();
    let (turn, notes) = chat::read(body.as_bytes(), Limits::default()).unwrap();
    assert_eq!(turn.protocol, Protocol::Chat);
    check(&turn, notes.iter().map(ToString::to_string).collect());
}

/// The items of a turn, a line each.
fn lines(turn: &Turn<'_>) -> Vec<String> {
    let parts = |parts: &[Part<'_>]| -> String {
        let parts = parts.iter().map(|part| match part {
            Part::Text(text) | Part::Refusal(text) => text.to_string(),
            other => format!("{other:?}").split_once([' ', '(']).unwrap().0.to_owned(),
        });
        parts.collect::<Vec<_>>().join("+")
    };
    let line = |item: &Item<'_>| match item {
        Item::Message(it) => format!("{:?} {}", it.role, parts(&it.parts)),
        Item::Reasoning(it) => format!("thought {:?}", it.readable),
        Item::Call(it) => format!("{} {} {} {}", it.head.form, it.head.name, it.head.id, it.input),
        Item::Output(it) => format!("result {} {}", it.call_id, parts(&it.parts)),
        other => format!("{other:?}"),
    };
    turn.items.iter().map(line).collect()
}

#[test]
fn what_the_assistant_thought_said_and_called_are_items_in_this_order() {
    let body = json!({ "model": "m", "messages": [
        { "role": "assistant", "tool_calls": [{ "id": "a", "function": { "name": "f", "arguments": { "x": 1 } } }],
          "reasoning_content": "why", "content": null },
        { "role": "tool", "tool_call_id": "a", "content": [{ "type": "text", "text": "r" }] },
        { "role": "assistant", "content": "said", "reasoning": "because", "reasoning_details": [{ "type": "x" }] },
        { "role": "assistant", "content": [{ "type": "text", "text": "b" }], "reasoning_details":
          [{ "type": "reasoning.text", "text": "in parts" }, { "type": "reasoning.encrypted", "data": "z" }] },
    ] });
    read(&body, |turn, notes| {
        assert_eq!(
            lines(turn),
            [
                "thought [\"why\"]",
                "Assistant ",
                "call f a {\"x\":1}",
                "result a r",
                "thought [\"because\"]",
                "Assistant said",
                "thought [\"in parts\"]",
                "Assistant b"
            ]
        );
        assert!(notes.is_empty());
        let details: Vec<_> =
            turn.extras.iter().filter(|it| it.name == "reasoning_details").collect();
        assert_eq!(
            details.iter().map(|it| it.place).collect::<Vec<_>>(),
            [Place::Item(4), Place::Item(6)]
        );
    });
}

#[test]
fn the_words_of_the_first_version_are_todays() {
    let body = json!({ "model": "m",
        "functions": [{ "name": "f", "parameters": { "type": "object" } }], "function_call": { "name": "f" },
        "messages": [
            { "role": "assistant", "content": null, "function_call": { "name": "f", "arguments": "{}" } },
            { "role": "function", "name": "f", "content": "r" },
            { "role": "function", "name": "g", "content": "stray" }] });
    read(&body, |turn, _| {
        assert_eq!(
            lines(turn),
            ["Assistant ", "call f call_0 {}", "result call_0 r", "result call_of_g stray"]
        );
        assert!(matches!(&turn.tool_choice, ToolChoice::Named { name, .. } if name == "f"));
        assert!(matches!(&turn.tools[..], [Tool::Function(it)] if it.name == "f"));
        assert_eq!(turn.parallel_calls, Some(false));
        let body = write(turn, &dialect("generic")).body;
        assert_eq!(body["messages"][0]["tool_calls"][0]["id"], body["messages"][1]["tool_call_id"]);
        assert_eq!(body["tools"][0]["function"]["name"], "f");
        assert!(body.get("functions").is_none() && body.get("function_call").is_none());
    });
}

#[test]
fn parameters_are_understood_in_all_their_words() {
    let messages = json!([{ "role": "user", "content": "x" }]);
    let with = |fields: Value| {
        let mut body = fields;
        body["messages"] = messages.clone();
        body
    };
    read(&with(json!({ "max_completion_tokens": 5, "max_tokens": 7 })), |turn, notes| {
        assert_eq!(turn.max_output_tokens, Some(5));
        assert_eq!(notes, ["dropped=max_tokens beside max_completion_tokens"]);
    });
    read(&with(json!({ "reasoning": { "effort": "high", "exclude": true } })), |turn, _| {
        assert_eq!(turn.thinking.effort.as_deref(), Some("high"));
        let generic = write(turn, &dialect("generic"));
        assert_eq!(generic.body["reasoning_effort"], "high");
        let notes: Vec<_> = generic.notes.iter().map(ToString::to_string).collect();
        assert_eq!(notes, ["dropped=reasoning.exclude"]);
    });
    read(
        &with(json!({ "stop": ["a"], "seed": 1, "logit_bias": { "5": 1 }, "top_k": 4 })),
        |turn, _| {
            let names: Vec<_> = turn.params.iter().map(|it| it.name).collect();
            assert_eq!(names, ["stop", "seed", "logit_bias"]);
            let body = write(turn, &dialect("generic")).body;
            assert_eq!((&body["stop"], &body["top_k"]), (&json!(["a"]), &json!(4)));
            let notes = write(turn, &dialect("ollama")).notes;
            assert_eq!(notes[0].to_string(), "dropped=logit_bias");
        },
    );
    for choice in [
        json!({ "type": "function", "function": { "name": "f" } }),
        json!({ "type": "custom", "custom": { "name": "f" } }),
        json!({ "name": "f" }),
    ] {
        read(&with(json!({ "tool_choice": choice })), |turn, _| {
            assert!(matches!(&turn.tool_choice, ToolChoice::Named { name, .. } if name == "f"));
        });
    }
    let flat = json!({ "tools": [{ "type": "function", "name": "f", "parameters": { "type": "object" } }] });
    read(&with(flat), |turn, notes| {
        assert!(
            matches!(&turn.tools[..], [Tool::Function(it)] if it.name == "f" && it.parameters.is_some())
        );
        assert!(turn.extras.is_empty());
        assert_eq!(notes, ["changed=form of a tool"]);
    });
}

#[test]
fn some_tools_only_are_offered_alone_where_there_is_no_word_for_it() {
    let tool = |name: &str| json!({ "type": "function", "function": { "name": name } });
    let body = json!({ "model": "m", "messages": [{ "role": "user", "content": "x" }],
        "tools": [tool("a"), tool("b"), tool("c")],
        "tool_choice": { "type": "allowed_tools", "allowed_tools": { "mode": "required", "tools": [tool("c"), tool("a")] } } });
    let said = sent(&body, &dialect("openai")).body;
    assert_eq!(said["tool_choice"], body["tool_choice"]);
    assert_eq!(said["tools"].as_array().unwrap().len(), 3);
    let said = sent(&body, &dialect("generic")).body;
    let names: Vec<_> =
        said["tools"].as_array().unwrap().iter().map(|it| &it["function"]["name"]).collect();
    assert_eq!(names, ["a", "c"]);
    assert_eq!(said["tool_choice"], "required");
    assert_eq!(sent(&body, &dialect("mimo")).body["tool_choice"], "auto");
}

#[test]
fn thoughts_go_back_in_the_field_that_the_record_names() {
    let body = |field: &str, thought: &str| {
        json!({ "model": "m", "messages": [
            { "role": "user", "content": "x" },
            { "role": "assistant", "content": "", field: thought,
              "tool_calls": [{ "id": "a", "type": "function", "function": { "name": "f", "arguments": "{}" } }] },
            { "role": "tool", "tool_call_id": "a", "content": "r" }] })
    };
    for (sent_in, id, expected) in [
        ("reasoning_content", "mimo", Some("reasoning_content")),
        ("reasoning", "mimo", Some("reasoning_content")),
        ("reasoning_content", "vllm", Some("reasoning")),
        ("reasoning_text", "generic", Some("reasoning_content")),
        ("reasoning_content", "openai", None),
    ] {
        let upstream = sent(&body(sent_in, "why"), &dialect(id));
        let message = &upstream.body["messages"][1];
        let found: Vec<_> =
            message.as_object().unwrap().iter().filter(|(_, it)| *it == "why").collect();
        assert_eq!(found.iter().map(|(name, _)| name.as_str()).next(), expected, "{sent_in} {id}");
        let dropped = upstream.notes.iter().any(|it| it.to_string() == "dropped=reasoning");
        assert_eq!(dropped, expected.is_none());
        assert!(!upstream.notes.iter().any(|it| it.kind == NoteKind::ReasoningForeign));
    }
    // A blank is none where the record insists, and is passed on where it does not.
    let upstream = sent(&body("reasoning_content", ""), &dialect("mimo"));
    assert!(upstream.notes.iter().any(|it| it.kind == NoteKind::ReasoningMissing));
    assert_eq!(
        sent(&body("reasoning_content", ""), &dialect("generic")).body["messages"][1]["reasoning_content"],
        ""
    );
}

#[test]
fn a_switch_in_the_upstreams_own_words_is_seen() {
    let mut body = json!({ "model": "m", "temperature": 1, "thinking": { "type": "disabled" },
        "messages": [{ "role": "user", "content": "x" }] });
    let quiet = sent(&body, &dialect("mimo")).body;
    assert_eq!(
        (&quiet["temperature"], &quiet["thinking"]),
        (&json!(1), &json!({ "type": "disabled" }))
    );
    body["thinking"] = json!({ "type": "enabled", "budget": 5 });
    body["reasoning_effort"] = "high".into();
    let thinking = sent(&body, &dialect("mimo")).body;
    assert_eq!(thinking.get("temperature"), None);
    assert_eq!(thinking["thinking"], body["thinking"]);
}

#[test]
fn files_go_where_they_are_taken() {
    let body = json!({ "model": "m", "messages": [{ "role": "user", "content": [
        { "type": "file", "file": { "file_data": "data:application/pdf;base64,AA", "filename": "a.pdf" } }] }] });
    let read_as = |protocol: Protocol, id: &str| {
        let body = body.to_string();
        let (mut turn, _) = chat::read(body.as_bytes(), Limits::default()).unwrap();
        turn.protocol = protocol;
        write(&turn, &dialect(id)).body["messages"][0]["content"].clone()
    };
    let omitted = json!("[file omitted: this model takes text only]");
    for (protocol, id, passes) in [
        (Protocol::Chat, "generic", true),
        (Protocol::Messages, "openai", true),
        (Protocol::Messages, "generic", false),
    ] {
        let expected = if passes { &body["messages"][0]["content"] } else { &omitted };
        assert_eq!(&read_as(protocol, id), expected, "{protocol:?} {id}");
    }
}

#[test]
fn what_a_record_drops_is_told() {
    let body = json!({ "model": "m", "store": true, "verbosity": "low", "messages": [
        { "role": "user", "name": "n", "content": [{ "type": "text", "text": "a", "cache_control": {} }, { "type": "text", "text": "b" }] },
        { "role": "assistant", "tool_calls": [{ "id": "a", "type": "function", "function": { "name": "f", "arguments": "{}" } }] },
        { "role": "tool", "tool_call_id": "a", "name": "f", "content": "r" }] });
    let upstream = sent(&body, &dialect("generic"));
    assert_eq!(upstream.body["messages"][0], json!({ "role": "user", "content": "a\n\nb" }));
    let notes: Vec<_> = upstream.notes.iter().map(ToString::to_string).collect();
    assert_eq!(
        notes,
        ["dropped=verbosity", "dropped=cache_control", "dropped=name", "dropped=name of a result"]
    );
}

#[test]
fn a_name_that_could_be_taken_for_another_is_dropped_and_told() {
    let body = json!({ "model": "m", "reasoning.x": 1, "messages": [{ "role": "user", "content": "a", "file.y": 1 }] });
    let upstream = sent(&body, &plain());
    let notes: Vec<_> = upstream.notes.iter().map(ToString::to_string).collect();
    assert_eq!(notes, ["dropped=reasoning.x", "dropped=file.y"]);
    assert_eq!(upstream.body["messages"][0], json!({ "role": "user", "content": "a" }));
}

#[test]
fn a_record_may_want_neighbours_merged_and_results_named() {
    let mut dialect = dialect("generic");
    dialect.messages.consecutive = Consecutive::Merge;
    dialect.tools.result_name = ResultName::Add;
    let body = json!({ "model": "m", "messages": [
        { "role": "user", "content": "a" },
        { "role": "user", "content": [{ "type": "text", "text": "b" }] },
        { "role": "assistant", "content": "c" },
        { "role": "assistant", "content": "d", "tool_calls": [{ "id": "x", "type": "function", "function": { "name": "f", "arguments": "{}" } }] },
        { "role": "tool", "tool_call_id": "x", "content": "r" }] });
    let messages = sent(&body, &dialect).body["messages"].clone();
    assert_eq!(messages[0], json!({ "role": "user", "content": "a\n\nb" }));
    assert_eq!(
        (&messages[1]["content"], &messages[1]["tool_calls"][0]["id"]),
        (&json!("cd"), &json!("x"))
    );
    assert_eq!(
        messages[2],
        json!({ "role": "tool", "tool_call_id": "x", "content": "r", "name": "f" })
    );
}

#[test]
fn errors_say_where_and_what() {
    for (body, param, reason) in [
        (r#"{"model":"m"}"#, "messages", "no `messages`"),
        (r#"{"model":"m","input":"x"}"#, "messages", "/v1/responses"),
        (r#"{"messages":[]}"#, "messages", "empty"),
        (r#"{"messages":[{"content":"x"}]}"#, "messages[0].role", "no role"),
        (
            r#"{"messages":[{"role":"nobody","content":"x"}]}"#,
            "messages[0].role",
            "`nobody` is not known",
        ),
        (
            r#"{"messages":[{"role":"user","content":5}]}"#,
            "messages[0].content",
            "a string or an array",
        ),
        (
            r#"{"messages":[{"role":"user","content":[{"type":"text"}]}]}"#,
            "messages[0].content[0].text",
            "missing",
        ),
        (
            r#"{"messages":[{"role":"user","content":[5]}]}"#,
            "messages[0].content[0]",
            "expected an object",
        ),
        (
            r#"{"messages":[{"role":"user","content":[{"type":"image_url","image_url":{}}]}]}"#,
            "messages[0].content[0].image_url.url",
            "missing",
        ),
        (r#"{"messages":[{"role":"tool","content":"x"}]}"#, "messages[0].tool_call_id", "missing"),
        (
            r#"{"messages":[{"role":"assistant","tool_calls":[{"function":{"name":"f"}}]}]}"#,
            "messages[0].tool_calls[0].id",
            "missing",
        ),
        (
            r#"{"messages":[{"role":"assistant","tool_calls":[{"id":"a","function":{}}]}]}"#,
            "messages[0].tool_calls[0].function.name",
            "names no tool",
        ),
        (
            r#"{"messages":[{"role":"assistant","tool_calls":[{"id":"a"}]}]}"#,
            "messages[0].tool_calls[0].function",
            "missing",
        ),
        (
            r#"{"messages":[{"role":"user","content":"x"}],"tools":[{"type":"function","function":{}}]}"#,
            "tools[0].function.name",
            "no name",
        ),
        (
            r#"{"messages":[{"role":"user","content":"x"}],"tools":[{"type":"function"}]}"#,
            "tools[0].function",
            "missing",
        ),
        (
            r#"{"messages":[{"role":"user","content":"x"}],"tool_choice":"sometimes"}"#,
            "tool_choice",
            "none of",
        ),
        (r#"{"messages":[{"role":"user","content":"x"}],"n":2}"#, "n", "one answer"),
        (r#"{"messages":[{"role":"user","content":"x"}],"n":"1"}"#, "n", "whole number"),
        (r#"{"messages":[{"role":"user","content":"x"}],"stream":1}"#, "stream", "true or false"),
        (
            r#"{"messages":[{"role":"user","content":"x"}],"stream_options":{"include_usage":1}}"#,
            "stream_options.include_usage",
            "boolean",
        ),
        (
            r#"{"messages":[{"role":"user","content":"x"}],"response_format":5}"#,
            "response_format",
            "an object",
        ),
        (r#"{"messages":[{"role":"user","content":"x"}],"max_tokens":"x"}"#, "max_tokens", "u64"),
    ] {
        let fault = chat::read(body.as_bytes(), Limits::default()).unwrap_err();
        assert_eq!(fault.class, Class::InvalidRequest);
        assert_eq!(fault.param.as_deref(), Some(param), "{fault}");
        assert!(fault.message.contains(reason), "{fault}");
    }
    for broken in ["nope", "", r#"{"model":"#, r#"{"messages":[}"#] {
        let fault = chat::read(broken.as_bytes(), Limits::default()).unwrap_err();
        assert_eq!((fault.code.as_deref(), fault.param), (Some("invalid_json"), None), "{broken}");
    }
    let fault = chat::read(b"{}", Limits::default()).unwrap_err();
    assert_eq!(fault.message, "the request has no `messages`");
    let deep = format!("{{\"messages\":{}{}}}", "[".repeat(200), "]".repeat(200));
    let fault = chat::read(deep.as_bytes(), Limits::default()).unwrap_err();
    assert_eq!(fault.code.as_deref(), Some("json_too_deep"));
}

/// A field of our own invention, or none.
fn invented() -> impl Strategy<Value = Option<(String, Value)>> {
    let value = prop_oneof![
        any::<String>().prop_map(Value::from),
        any::<i32>().prop_map(Value::from),
        Just(json!({ "a": [1, "b"] }))
    ];
    prop::option::weighted(0.2, ("x_[a-z.]{1,6}", value))
}

fn with(mut object: Value, fields: impl IntoIterator<Item = Option<(String, Value)>>) -> Value {
    for (name, value) in fields.into_iter().flatten() {
        object[name] = value;
    }
    object
}

fn part() -> impl Strategy<Value = Value> {
    let text = any::<String>().prop_map(|it| json!({ "type": "text", "text": it }));
    let image = invented().prop_map(|it| json!({ "type": "image_url", "image_url": with(json!({ "url": "data:image/png;base64,AA" }), [it]) }));
    let file = invented().prop_map(
        |it| json!({ "type": "file", "file": with(json!({ "file_id": "file-1" }), [it]) }),
    );
    let other = any::<String>().prop_map(|it| json!({ "type": "x_kind", "x": it }));
    (prop_oneof![4 => text, 1 => image, 1 => file, 1 => other], invented()).prop_map(
        |(part, it)| {
            let known = part["type"] != "x_kind";
            with(part, [it.filter(|_| known)])
        },
    )
}

fn content() -> impl Strategy<Value = Value> {
    prop_oneof![
        any::<String>().prop_map(Value::from),
        prop::collection::vec(part(), 0..4).prop_map(Value::from)
    ]
}

fn call() -> impl Strategy<Value = Value> {
    (any::<bool>(), any::<String>(), invented(), invented()).prop_map(|(custom, text, inner, outer)| {
        let call = match custom {
            true => json!({ "type": "custom", "custom": with(json!({ "name": "c", "input": text }), [inner]) }),
            false => {
                let arguments = json!({ "a": text }).to_string();
                json!({ "type": "function", "function": with(json!({ "name": "f", "arguments": arguments }), [inner]) })
            }
        };
        with(call, [outer])
    })
}

/// A message, or one of the assistant's with the results of its calls.
fn messages() -> impl Strategy<Value = Vec<Value>> {
    let said =
        (prop_oneof![Just("system"), Just("developer"), Just("user")], content(), invented());
    let said = said.prop_map(|(role, content, it)| {
        vec![with(json!({ "role": role, "content": content }), [it])]
    });
    let answer =
        prop_oneof![4 => content().prop_map(Some), 1 => Just(Some(Value::Null)), 1 => Just(None)];
    let thought = prop::option::of(any::<String>());
    let results = prop::collection::vec((call(), content(), invented()), 0..3);
    let answered =
        (answer, thought, results, invented()).prop_map(|(content, thought, results, it)| {
            let mut message = with(json!({ "role": "assistant" }), [it]);
            if let Some(content) = content {
                message["content"] = content;
            }
            if let Some(thought) = thought {
                message["reasoning_content"] = thought.into();
            }
            let mut group = Vec::new();
            let mut calls = Vec::new();
            for (nth, (call, content, it)) in results.into_iter().enumerate() {
                let id = format!("c{nth}");
                calls.push(with(call, [Some(("id".to_owned(), id.clone().into()))]));
                group.push(with(
                    json!({ "role": "tool", "tool_call_id": id, "content": content }),
                    [it],
                ));
            }
            if !calls.is_empty() {
                message["tool_calls"] = calls.into();
            }
            group.insert(0, message);
            group
        });
    prop_oneof![said, answered]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_request_that_needs_no_rule_comes_out_equal(
        groups in prop::collection::vec(messages(), 1..8),
        invented in prop::collection::vec(invented(), 3),
        stream: bool,
    ) {
        let mut body = json!({ "model": "m", "messages": groups.concat() });
        body["stream"] = stream.into();
        if stream {
            body["stream_options"] = json!({ "include_usage": true, "include_obfuscation": false });
        }
        check_identity(&with(body, invented));
    }

    #[test]
    fn any_history_becomes_one_that_strict_upstreams_take(
        groups in prop::collection::vec(messages(), 1..8),
        order in prop::collection::vec(any::<prop::sample::Index>(), 24),
        of in 0..6usize,
    ) {
        // Results may be anywhere, or be gone.
        let all = groups.concat();
        let mut mixed = vec![json!({ "role": "user", "content": "first" })];
        mixed.extend(order.iter().take(all.len()).map(|it| it.get(&all).clone()));
        let dialect = dialect(DIALECTS[of]);
        check_messages(&sent(&json!({ "model": "m", "messages": mixed }), &dialect).body);
    }

    #[test]
    fn any_bytes_are_read_or_refused(body in "[\\[\\]{}:,\"a-z0-9 ]{0,60}") {
        for body in [body.clone(), format!("{{\"messages\":{body}}}")] {
            if let Err(fault) = chat::read(body.as_bytes(), Limits::default()) {
                prop_assert_eq!(fault.class, Class::InvalidRequest);
            }
        }
    }
}

#[test]
fn custom_calls_become_functions_where_there_are_none() {
    let body = json!({ "model": "m", "tools": [{ "type": "custom", "custom": { "name": "c", "format": { "type": "grammar",
        "grammar": { "syntax": "lark", "definition": "start: x" } } } }], "messages": [
        { "role": "user", "content": "x" },
        { "role": "assistant", "content": null, "tool_calls": [{ "id": "a", "type": "custom", "custom": { "name": "c", "input": "free" } }] },
        { "role": "tool", "tool_call_id": "a", "content": "r" }] });
    let body_text = body.to_string();
    let (turn, _) = chat::read(body_text.as_bytes(), Limits::default()).unwrap();
    assert!(
        turn.items
            .iter()
            .any(|it| matches!(it, Item::Call(call) if call.head.form == Form::Custom))
    );
    assert!(turn.items.iter().any(|it| matches!(it, Item::Message(said) if said.role == Role::Assistant && said.parts.is_empty())));
    let sent = write(&turn, &dialect("generic")).body;
    assert_eq!(
        sent["messages"][1]["tool_calls"][0]["function"]["arguments"],
        "{\"input\":\"free\"}"
    );
    let description = sent["tools"][0]["function"]["description"].as_str().unwrap();
    assert!(
        description.ends_with("The text must follow this lark grammar:\n\nstart: x"),
        "{description}"
    );
}
