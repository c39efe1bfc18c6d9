//! Every captured request of the real Claude Code and of opencode's third flavour reaches every
//! upstream, and nothing of it is lost in silence.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::path::Path;

use expect_test::{Expect, expect};
use interlingua_ir::{Item, Note, NoteKind, Part, Protocol, Tool, ToolChoice, Turn};
use interlingua_testkit::fixtures;
use interlingua_translate::json::Limits;
use interlingua_translate::messages;
use serde_json::{Value, json};

use crate::support::{DIALECTS, check_messages, dialect, document, write};

/// The captured bodies with their names: turns, and requests for a count.
fn captures() -> Vec<(String, Value)> {
    let names = fixtures::list("clients/messages", ".request.json");
    let bodies = names.into_iter().map(|name| {
        let body = fixtures::json(Path::new("clients/messages").join(&name))["body"].take();
        (name, body)
    });
    // A list of models is asked for without a body.
    bodies.filter(|(_, body)| body.is_object()).collect()
}

#[track_caller]
fn read(body: &str) -> (Turn<'_>, Vec<Note>) {
    messages::read(body.as_bytes(), Limits::default()).unwrap()
}

#[test]
fn every_capture_suits_every_upstream() {
    let captures = captures();
    assert!(captures.len() >= 20, "{}", captures.len());
    for (name, body) in captures {
        let body = body.to_string();
        let (turn, _) = read(&body);
        assert_eq!(turn.protocol, Protocol::Messages);
        for id in DIALECTS {
            let upstream = write(&turn, &dialect(id)).body;
            check_messages(&upstream);
            let tools = upstream["tools"].as_array().into_iter().flatten();
            let names: Vec<_> = tools.map(|it| it["function"]["name"].to_string()).collect();
            assert!(!names.iter().any(|it| it.contains("DeferredToolPlaceholder")), "{name}");
            let unique: BTreeSet<_> = names.iter().collect();
            assert_eq!(unique.len(), names.len(), "{name} for {id}");
            let text = upstream.to_string();
            assert!(!text.contains("x-anthropic-billing-header"), "{name} for {id}");
            assert_eq!(upstream["model"], "the-model");
        }
    }
}

/// Strings that choose among a few meanings: another word there is another request.
const CHOICES: [&str; 9] = [
    "messages[].content[].content[].source.type",
    "messages[].content[].content[].type",
    "messages[].content[].source.type",
    "messages[].content[].type",
    "messages[].role",
    "system[].type",
    "thinking.type",
    "tool_choice.type",
    "tools[].type",
];

/// What may vanish, and which note tells that it did.
const MAY_VANISH: [(&str, &[NoteKind]); 9] = [
    // The record says that the model sees no pictures.
    ("messages[].content[].content[].source.data", &[NoteKind::Omitted]),
    ("messages[].content[].content[].source.media_type", &[NoteKind::Omitted]),
    ("messages[].content[].source.data", &[NoteKind::Omitted]),
    ("messages[].content[].source.media_type", &[NoteKind::Omitted]),
    // Thought of an unknown origin, where the record wants none but its own.
    ("messages[].content[].thinking", &[NoteKind::ReasoningForeign, NoteKind::Dropped]),
    // A tool that the conversation has not asked for yet.
    ("tools[].description", &[NoteKind::Housekeeping]),
    ("tools[].name", &[NoteKind::Housekeeping]),
    // Which edition of JSON Schema it is, which the record leaves out.
    ("tools[].input_schema.$schema", &[]),
    // The line by which the client accounts for its requests.
    ("system[].text", &[NoteKind::Housekeeping]),
];

/// Puts a marker into every string and gives back where each of them stands.
fn mark(value: &mut Value, path: &str, marks: &mut BTreeMap<String, String>) {
    match value {
        Value::String(text) => {
            let is_kind = path.starts_with("tools") && path.rsplit('.').next() == Some("type");
            if CHOICES.contains(&path) || is_kind {
                return;
            }
            let marker = format!("zq{:04}qz", marks.len());
            // What deferred tools and the billing line are recognised by has to stay.
            *text = match text.as_str() {
                it if it.starts_with("x-anthropic-billing-header:") => {
                    format!("x-anthropic-billing-header: {marker}")
                }
                "WebSearch" | "WebFetch" => return,
                _ => marker.clone(),
            };
            let path = match path {
                it if it.rsplit('.').next() == Some("$schema") => "tools[].input_schema.$schema",
                it if it.starts_with("tools[].input_schema") => "tools[].input_schema",
                it => it,
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

/// All that a turn keeps for those who can use it.
fn corners(turn: &Turn<'_>) -> String {
    let mut kept = vec![turn.model.to_string()];
    kept.extend(turn.extras.iter().map(|it| it.json.get().to_owned()));
    for item in &turn.items {
        if let Item::Reasoning(it) = item {
            kept.extend(it.sealed.as_ref().map(ToString::to_string));
        }
    }
    kept.join("\n")
}

#[test]
fn nothing_is_lost_in_silence() {
    let mut lost: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    let mut count = 0;
    for (name, mut body) in captures() {
        let mut marks = BTreeMap::new();
        mark(&mut body, "", &mut marks);
        let body = body.to_string();
        let (turn, read_notes) = read(&body);
        let corners = corners(&turn);
        for id in DIALECTS {
            let upstream = write(&turn, &dialect(id));
            let notes: Vec<&Note> = read_notes.iter().chain(&upstream.notes).collect();
            let mut found = format!("{}\n{corners}\n", upstream.body);
            for note in &notes {
                found.extend([note.to_string(), "\n".to_owned()]);
            }
            for (marker, path) in &marks {
                count += 1;
                if !found.contains(marker.as_str()) {
                    let allowed = MAY_VANISH.iter().find(|(known, _)| known == path);
                    let told = |kind| notes.iter().any(|note| note.kind == kind);
                    let is_told = |(_, kinds): &(&str, &[NoteKind])| {
                        kinds.is_empty() || kinds.iter().any(|it| told(*it))
                    };
                    assert!(allowed.is_none_or(is_told), "{path} for {id} in {name}");
                    lost.entry(path.clone()).or_default().insert(format!("{id} {name}"));
                }
            }
        }
    }
    let paths: BTreeSet<_> = lost.keys().map(String::as_str).collect();
    assert_eq!(paths, MAY_VANISH.iter().map(|it| it.0).collect(), "{lost:#?}");
    assert!(count > 10_000, "{count}");
}

/// One line per item and tool of a turn: how it was read.
fn shown(turn: &Turn<'_>) -> String {
    let mut out = String::new();
    let parts = |parts: &[Part<'_>]| -> String {
        let shown = parts.iter().map(|part| match part {
            Part::Text(text) => format!("{text:?}"),
            Part::Refusal(text) => format!("refusal {text:?}"),
            Part::Image { url, .. } => format!("image {url}"),
            Part::File { url, name } => format!("file {url} {name:?}"),
            Part::Audio { .. } => "audio".to_owned(),
            Part::Other { kind, json } => format!("other {kind} {}", json.get()),
        });
        shown.collect::<Vec<_>>().join(" + ")
    };
    for item in &turn.items {
        let line = match item {
            Item::Message(it) => format!("{:?}: {}", it.role, parts(&it.parts)),
            Item::Reasoning(it) => format!("Thought: {:?} sealed {:?}", it.readable, it.sealed),
            Item::Call(it) => format!("Call {} {} {}", it.head.id, it.head.name, it.input),
            Item::Output(it) => {
                let failed = if it.is_error { " failed" } else { "" };
                format!("Output {}{failed}: {}", it.call_id, parts(&it.parts))
            }
            Item::Summary(_) => "Summary".to_owned(),
            Item::Other { kind, .. } => format!("Other {kind}"),
        };
        out.extend([line.as_str(), "\n"]);
    }
    for tool in &turn.tools {
        let line = match tool {
            Tool::Function(it) => format!("function {} strict {:?}", it.name, it.strict),
            Tool::WebSearch => "web search".to_owned(),
            Tool::Other { kind, .. } => format!("tool {kind}"),
            other => panic!("{other:?}"),
        };
        out.extend([line.as_str(), "\n"]);
    }
    for extra in &turn.extras {
        writeln!(out, "extra {:?} {} {}", extra.place, extra.name, extra.json.get()).unwrap();
    }
    out
}

#[track_caller]
fn check(body: &Value, expect: &Expect) {
    let body = body.to_string();
    let (turn, notes) = read(&body);
    let mut shown = shown(&turn);
    for note in notes {
        writeln!(shown, "note {note}").unwrap();
    }
    expect.assert_eq(&shown);
}

#[test]
fn an_answer_is_read_in_its_order_and_results_come_first() {
    check(
        &json!({ "system": [
            { "type": "text", "text": "x-anthropic-billing-header: cc_version=1.a3f;" },
            { "type": "text", "text": "Rules.", "cache_control": { "type": "ephemeral" } } ],
          "messages": [
            { "role": "user", "content": "go" },
            { "role": "system", "content": "More rules." },
            { "role": "assistant", "content": [
                { "type": "thinking", "thinking": "Look.", "signature": "sig" },
                { "type": "redacted_thinking", "data": "secret" },
                { "type": "text", "text": "One" }, { "type": "text", "text": "Two" },
                { "type": "tool_use", "id": "t1", "name": "Bash", "input": { "a": [1.10, "x"] } },
                { "type": "tool_use", "id": "t2", "name": "Bash", "input": {},
                  "cache_control": { "type": "ephemeral" } },
                { "type": "thinking", "thinking": "", "signature": "" } ] },
            { "role": "user", "content": [
                { "type": "text", "text": "and" },
                { "type": "tool_result", "tool_use_id": "t2", "content": "two", "is_error": true },
                { "type": "text", "text": "more", "cache_control": { "type": "ephemeral" } },
                { "type": "tool_result", "tool_use_id": "t1", "content": [
                    { "type": "text", "text": "one" },
                    { "type": "image", "cache_control": { "type": "ephemeral" },
                      "source": { "type": "base64", "media_type": "image/png", "data": "AA/+" } } ] } ] },
        ] }),
        &expect![[r#"
            System: "Rules."
            User: "go"
            System: "More rules."
            Thought: ["Look."] sealed Some("sig")
            Thought: [] sealed Some("secret")
            Assistant: "One" + "Two"
            Call t1 Bash {"a":[1.1,"x"]}
            Call t2 Bash {}
            Thought: [""] sealed None
            Output t2 failed: "two"
            Output t1: "one" + image data:image/png;base64,AA/+
            User: "and" + "more"
            extra Part { item: 0, part: 0 } cache_control {"type":"ephemeral"}
            extra Item(7) cache_control {"type":"ephemeral"}
            extra Part { item: 10, part: 1 } cache_control {"type":"ephemeral"}
            extra Part { item: 11, part: 1 } cache_control {"type":"ephemeral"}
            note housekeeping=billing line left out
        "#]],
    );
}

#[test]
fn pictures_documents_and_blocks_of_all_kinds() {
    check(
        &json!({ "messages": [
            { "role": "user", "content": [
                { "type": "image", "source": { "type": "url", "url": "https://a.example/a.png" } },
                { "type": "image", "source": { "type": "file", "file_id": "file_1" } },
                { "type": "image", "source": { "type": "hologram", "data": "AA" } },
                { "type": "document", "title": "T",
                  "source": { "type": "base64", "media_type": "application/pdf", "data": "JVB" } },
                { "type": "document", "context": "C",
                  "source": { "type": "url", "url": "https://a.example/a.pdf" } },
                { "type": "document", "title": "T", "context": "C", "citations": { "enabled": true },
                  "cache_control": { "type": "ephemeral" },
                  "source": { "type": "text", "media_type": "text/plain", "data": "words \"here\"" } },
                { "type": "document", "source": { "type": "content", "content": [
                    { "type": "text", "text": "a" },
                    { "type": "image", "source": { "type": "url", "url": "https://a.example/b" } } ] } },
                { "type": "search_result", "source": "s", "title": "t", "content": [] },
                { "type": "container_upload", "file_id": "f" },
                { "type": "hologram", "x": 1 } ] },
            { "role": "assistant", "content": [
                { "type": "server_tool_use", "id": "s1", "name": "web_search", "input": { "query": "q" } },
                { "type": "web_search_tool_result", "tool_use_id": "s1", "content": [] },
                { "type": "text", "text": "found", "citations": [{ "url": "u" }] } ] },
            { "role": "user", "content": [] },
        ] }),
        &expect![[r#"
            User: image https://a.example/a.png + image file_1 + other image {"type":"image","source":{"type":"hologram","data":"AA"}} + file data:application/pdf;base64,JVB Some("T") + file https://a.example/a.pdf None + "T" + "C" + "words \"here\"" + "a" + image https://a.example/b + other search_result {"type":"search_result","source":"s","title":"t","content":[]} + other container_upload {"type":"container_upload","file_id":"f"} + other hologram {"type":"hologram","x":1}
            Assistant: other server_tool_use {"type":"server_tool_use","id":"s1","name":"web_search","input":{"query":"q"}} + other web_search_tool_result {"type":"web_search_tool_result","tool_use_id":"s1","content":[]} + "found"
            User: 
            extra Part { item: 0, part: 4 } context "C"
            extra Part { item: 0, part: 7 } cache_control {"type":"ephemeral"}
            extra Part { item: 1, part: 2 } citations [{"url":"u"}]
            note dropped=citations of a document
        "#]],
    );
}

#[test]
fn a_deferred_tool_is_offered_once_the_conversation_refers_to_it() {
    let tools = json!([
        { "name": "Late", "input_schema": { "type": "object" }, "defer_loading": true },
        { "name": "Read", "input_schema": { "type": "object" }, "strict": true },
        { "name": "Later", "input_schema": { "type": "object" }, "defer_loading": true },
        { "name": "DeferredToolPlaceholder", "defer_loading": true },
        { "type": "web_search_20250305", "name": "web_search", "max_uses": 8 },
        { "type": "bash_20250124", "name": "bash" },
    ]);
    let found = |names: &[&str]| {
        let references =
            names.iter().map(|it| json!({ "type": "tool_reference", "tool_name": it }));
        json!({ "type": "tool_result", "tool_use_id": "t", "content": references.collect::<Value>() })
    };
    check(
        &json!({ "tools": tools, "messages": [{ "role": "user", "content": "go" }] }),
        &expect![[r#"
            User: "go"
            function Read strict Some(true)
            web search
            tool bash_20250124
            extra Tool(1) max_uses 8
            note housekeeping=3 deferred tools not offered yet
        "#]],
    );
    check(
        &json!({ "tools": tools, "messages": [{ "role": "user", "content": [
            found(&["Later", "Gone"]), found(&["Late", "Later"]) ] }] }),
        &expect![[r#"
            Output t: "These tools were found and can be called now: Later\nThese tools were found, but are not on offer: Gone"
            Output t: "These tools were found and can be called now: Late, Later"
            function Read strict Some(true)
            web search
            tool bash_20250124
            function Later strict None
            function Late strict None
            extra Tool(1) max_uses 8
            note housekeeping=1 deferred tools not offered yet
        "#]],
    );
    check(
        &json!({ "tools": tools, "tool_choice": { "type": "tool", "name": "Late" },
            "messages": [{ "role": "user", "content": "go" }] }),
        &expect![[r#"
            User: "go"
            function Read strict Some(true)
            web search
            tool bash_20250124
            function Late strict None
            extra Tool(1) max_uses 8
            note housekeeping=2 deferred tools not offered yet
        "#]],
    );
    // Nobody but the server could find them.
    check(
        &json!({ "tools": [
            { "type": "tool_search_tool_regex_20251119", "name": "tool_search_tool_regex" },
            { "name": "Late", "defer_loading": true } ],
            "messages": [{ "role": "user", "content": "go" }] }),
        &expect![[r#"
            User: "go"
            tool tool_search_tool_regex_20251119
            function Late strict None
            note changed=deferred tools to offered ones
        "#]],
    );
}

#[test]
fn opaque_blocks_are_told_in_words_to_those_who_do_not_know_them() {
    let body = json!({ "messages": [
        { "role": "user", "content": [
            { "type": "search_result", "source": "https://b.example", "title": "B",
              "content": [{ "type": "text", "text": "one" }] },
            { "type": "container_upload", "file_id": "f" } ] },
        { "role": "assistant", "content": [
            { "type": "server_tool_use", "id": "s1", "name": "web_search", "input": { "query": "q" } },
            { "type": "web_search_tool_result", "tool_use_id": "s1", "content": [
                { "type": "web_search_result", "title": "P", "url": "https://p.example",
                  "encrypted_content": "seal" } ] },
            { "type": "text", "text": "Found." } ] },
        { "role": "user", "content": "more" } ] })
    .to_string();
    let (turn, _) = read(&body);
    let upstream = write(&turn, &dialect("generic"));
    let messages = &upstream.body["messages"];
    assert_eq!(
        messages[0]["content"],
        "B\nhttps://b.example\none\n\n\n[container_upload omitted: this model takes text only]"
    );
    assert_eq!(
        messages[1]["content"],
        "[web_search {\"query\":\"q\"}]\nP\nhttps://p.example\nFound."
    );
    let notes: Vec<_> = upstream.notes.iter().map(ToString::to_string).collect();
    assert_eq!(
        notes,
        [
            "dropped=effort none",
            "changed=search_result to words",
            "omitted=container_upload",
            "changed=server_tool_use to words",
            "changed=web_search_tool_result to words",
        ]
    );
}

#[test]
fn how_much_to_think() {
    let thinking = |fields: Value| {
        let mut body = json!({ "messages": [] });
        body.as_object_mut().unwrap().extend(fields.as_object().unwrap().clone());
        let body = body.to_string();
        let (turn, notes) = read(&body);
        let extras: Vec<_> = turn.extras.iter().map(|it| it.name.to_string()).collect();
        let effort = turn.thinking.effort.map(std::borrow::Cow::into_owned);
        (effort.unwrap_or_default(), turn.thinking.budget, extras.join(" "), notes.len())
    };
    let adaptive = json!({ "type": "adaptive", "display": "updates" });
    let is = |effort: &str, budget: Option<u64>, extras: &str| {
        (effort.to_owned(), budget, extras.to_owned(), 0)
    };
    for (fields, expected) in [
        (json!({}), is("none", None, "")),
        (json!({ "output_config": { "effort": "high" } }), is("none", None, "output_config")),
        (json!({ "thinking": { "type": "disabled" } }), is("none", None, "")),
        (json!({ "thinking": { "type": "adaptive" } }), is("high", None, "")),
        (
            json!({ "thinking": adaptive, "output_config": { "effort": "max" } }),
            is("max", None, "thinking"),
        ),
        (
            json!({ "thinking": { "type": "enabled", "budget_tokens": 31_999 } }),
            is("high", Some(31_999), ""),
        ),
        (
            json!({ "thinking": { "type": "enabled", "budget_tokens": 1024 } }),
            is("low", Some(1024), ""),
        ),
        (
            json!({ "thinking": { "type": "enabled", "budget_tokens": 8192 },
                    "output_config": { "effort": "xhigh", "new": 1 } }),
            is("xhigh", Some(8192), "output_config"),
        ),
    ] {
        assert_eq!(thinking(fields.clone()), expected, "{fields}");
    }
    let (effort, .., notes) = thinking(json!({ "thinking": { "type": "hypnosis" } }));
    assert_eq!((effort.as_str(), notes), ("", 1));
}

#[test]
fn what_steers_the_answer() {
    let body = json!({
        "model": "m", "max_tokens": 7, "stream": true, "temperature": 0.5, "top_k": 3, "top_p": null,
        "stop_sequences": ["a", "b"], "metadata": { "user_id": "u" }, "service_tier": "auto",
        "context_management": { "edits": [] }, "mcp_servers": [],
        "tool_choice": { "type": "any", "disable_parallel_tool_use": true },
        "output_config": { "format": { "type": "json_schema", "schema": { "type": "object" } } },
        "messages": [{ "role": "user", "content": "go" }],
    })
    .to_string();
    let (turn, notes) = read(&body);
    assert_eq!(notes, []);
    assert_eq!((turn.model.as_ref(), turn.max_output_tokens, turn.stream), ("m", Some(7), true));
    let params: Vec<_> = turn.params.iter().map(|it| format!("{} {}", it.name, it.json)).collect();
    assert_eq!(params, ["temperature 0.5", "top_k 3", "stop [\"a\",\"b\"]"]);
    let extras: Vec<_> = turn.extras.iter().map(|it| it.name.as_ref()).collect();
    assert_eq!(extras, ["metadata", "service_tier", "context_management", "mcp_servers"]);
    assert!(matches!(turn.tool_choice, ToolChoice::Required));
    assert_eq!(turn.parallel_calls, Some(false));
    let upstream = write(&turn, &dialect("openai")).body;
    assert_eq!(upstream["response_format"]["json_schema"]["schema"], json!({ "type": "object" }));
}

#[test]
fn errors_say_where_and_what() {
    for (body, param, reason) in [
        (r#"{"model":"m"}"#, "messages", "no `messages`"),
        (r#"{"messages":[{"content":"x"}]}"#, "messages[0].role", "missing"),
        (r#"{"messages":[{"role":"x","content":"x"}]}"#, "messages[0].role", "`x` is not known"),
        (r#"{"messages":[{"role":"user"}]}"#, "messages[0].content", "missing"),
        (r#"{"messages":[{"role":"user","content":7}]}"#, "messages[0].content", "a string or"),
        (
            r#"{"messages":[{"role":"user","content":[{"type":"text"}]}]}"#,
            "messages[0].content[0].text",
            "missing",
        ),
        (
            r#"{"messages":[{"role":"assistant","content":[{"type":"tool_use","id":"a"}]}]}"#,
            "messages[0].content[0].name",
            "missing",
        ),
        (
            r#"{"messages":[{"role":"user","content":[{"type":"tool_result","tool_use_id":"a","content":[{"type":"text","text":5}]}]}]}"#,
            "messages[0].content[0].content[0].text",
            "a string",
        ),
        (r#"{"system":[{"type":"text"}],"messages":[]}"#, "system[0].text", "missing"),
        (r#"{"tools":[{"input_schema":{}}],"messages":[]}"#, "tools[0].name", "no name"),
        (r#"{"tool_choice":{"type":"tool"},"messages":[]}"#, "tool_choice.name", "no tool"),
        (r#"{"thinking":7,"messages":[]}"#, "thinking", "invalid type"),
    ] {
        let fault = messages::read(body.as_bytes(), Limits::default()).unwrap_err();
        assert_eq!(fault.param.as_deref(), Some(param), "{fault}");
        assert!(fault.message.contains(reason), "{fault}");
    }
    for broken in ["nope", "", r#"{"model":"#, r#"{"messages":[}"#] {
        let fault = messages::read(broken.as_bytes(), Limits::default()).unwrap_err();
        assert_eq!((fault.code.as_deref(), fault.param), (Some("invalid_json"), None), "{broken}");
    }
    let fault = messages::read(b"{}", Limits::default()).unwrap_err();
    assert_eq!(fault.message, "the request has no `messages`");
    let fault = messages::read(br#"{"input":"hi"}"#, Limits::default()).unwrap_err();
    assert!(fault.message.ends_with("it belongs to `/v1/responses`"), "{fault}");
    let deep = format!("{}{}", "[".repeat(200), "]".repeat(200));
    let fault = messages::read(deep.as_bytes(), Limits::default()).unwrap_err();
    assert_eq!(fault.code.as_deref(), Some("json_too_deep"));
}

#[test]
fn fields_that_mean_nothing_where_they_stand_are_kept() {
    check(
        &json!({ "messages": [{ "role": "user", "name": "n", "content": [
            { "type": "text", "text": "a", "tool_name": "x", "id": null },
            { "type": "tool_result", "tool_use_id": "t", "input": { "b": 1 }, "new": [1], "content": [
                { "type": "text", "text": "c", "signature": "s" },
                { "type": "tool_reference", "tool_name": "T", "text": "y" } ] } ] }],
            "tools": [{ "type": "custom", "name": "T", "cache_control": { "type": "ephemeral" } }] }),
        &expect![[r#"
            Output t: "c" + "1 tools were found and can be called now."
            User: "a"
            function T strict None
            extra Part { item: 0, part: 0 } signature "s"
            extra Part { item: 0, part: 1 } text "y"
            extra Item(0) input {"b":1}
            extra Item(0) new [1]
            extra Part { item: 1, part: 0 } tool_name "x"
            extra Item(0) name "n"
            extra Tool(0) cache_control {"type":"ephemeral"}
        "#]],
    );
}

/// The body for a Chat server up to where the next turn may go on.
fn beginning(body: &str) -> String {
    let (turn, _) = read(body);
    let body = write(&turn, &dialect("mimo")).body.to_string();
    body.strip_suffix("]}").unwrap().to_owned()
}

#[test]
fn consecutive_turns_share_their_beginning() {
    let turn = |billing: &str, last: Value| {
        let mut messages = vec![
            json!({ "role": "user", "content": [{ "type": "text", "text": "go" }] }),
            json!({ "role": "system", "content": "Where you are." }),
            json!({ "role": "assistant", "content": [
                { "type": "thinking", "thinking": "t", "signature": "s" },
                { "type": "tool_use", "id": "a", "name": "Read", "input": { "p": 1 } } ] }),
            json!({ "role": "user", "content": [
                { "type": "tool_result", "tool_use_id": "a", "content": "done" } ] }),
        ];
        messages.extend(last.as_array().unwrap().iter().cloned());
        json!({ "model": "m", "stream": true, "messages": messages,
            "system": [
                { "type": "text", "text": format!("x-anthropic-billing-header: cc_version=1.{billing};") },
                { "type": "text", "text": "Rules." } ],
            "tools": [{ "name": "Late", "defer_loading": true }, { "name": "Read" }] })
        .to_string()
    };
    let first = turn("a1b", json!([]));
    let second = turn(
        "c3d",
        json!([{ "role": "assistant", "content": "ok" },
        { "role": "user", "content": [{ "type": "text", "text": "next",
          "cache_control": { "type": "ephemeral" } }] }]),
    );
    let (first, second) = (beginning(&first), beginning(&second));
    assert!(second.starts_with(&first), "{first}\n{second}");
}

#[test]
fn a_count_is_near_the_truth() {
    let estimate = |body: &Value| {
        let body = body.to_string();
        let (turn, _) = messages::count_tokens_read(&document(&body)).unwrap();
        assert!(!turn.stream);
        messages::estimate_tokens(&turn)
    };
    let said = |text: &str| estimate(&json!({ "messages": [{ "role": "user", "content": text }] }));
    let frame = said("");
    // What o200k makes of the text.
    for (text, truth) in [
        ("The quick brown fox jumps over the lazy dog, and nobody is surprised any longer.", 17),
        ("fn main() {\n    let total: u64 = items.iter().map(|it| it.len()).sum();\n}\n", 24),
        ("人工智能是计算机科学的一个分支，它企图了解智能的实质。", 19),
        ("Künstliche Intelligenz ist ein Teilgebiet der Informatik.", 14),
    ] {
        let got = said(text) - frame;
        assert!(got * 10 >= truth * 7 && got * 10 <= truth * 14, "{text}: {got} for {truth}");
    }
    let body = fixtures::json("clients/messages/claude_14_no_experimental_betas.request.json");
    let tools = body["body"]["tools"].as_array().unwrap();
    let schemas: Vec<_> =
        tools.iter().map(|it| json!({ "name": "t", "input_schema": it["input_schema"] })).collect();
    let (got, truth) = (estimate(&json!({ "messages": [], "tools": schemas })), 2165);
    assert!(got * 10 >= truth * 8 && got * 10 <= truth * 13, "{got} for {truth}");
}

#[test]
fn pictures_count_by_their_area() {
    let count = |source: Value| {
        let body = json!({ "messages": [{ "role": "user", "content": [
            { "type": "image", "source": source }] }] })
        .to_string();
        let (turn, _) = read(&body);
        messages::estimate_tokens(&turn) - 4
    };
    let png = |head: &str| json!({ "type": "base64", "media_type": "image/png", "data": head });
    // The first bytes of a PNG say how large it is: here 300 by 200, and 8000 by 8000.
    assert_eq!(count(png("iVBORw0KGgoAAAANSUhEUgAAASwAAADICAYAAAAAAAA=")), 80);
    assert_eq!(count(png("iVBORw0KGgoAAAANSUhEUgAAH0AAAB9ACAYAAAAAAAA=")), 1600);
    assert_eq!(count(png("AAAA")), 1600);
    assert_eq!(count(json!({ "type": "url", "url": "https://a.example/a.png" })), 1600);
}
