//! Requests of the Messages protocol that go on as they are.

use std::collections::BTreeMap;

use bytes::Bytes;
use expect_test::{Expect, expect};
use interlingua_dialect::{Dialect, Dialects, Fix};
use interlingua_ir::{
    Call, CallHead, Form, Format, Function, Item, Message, Note, Origin, Output, Part, Protocol,
    Reasoning, Role, Text, Thought, Tool, ToolChoice, Turn,
};
use interlingua_testkit::fixtures::{json, list};
use interlingua_translate::json::Limits;
use interlingua_translate::{Document, Repairs, Target, messages};
use proptest::prelude::*;
use serde_json::value::RawValue;
use serde_json::{Value, json};

use crate::support::{dialect, document, target};

/// What clients get for a signature where there is nothing to seal.
const MINTED: &str = "unsealed";

/// What the reader of the client's protocol makes of a body, as far as forwarding looks at it.
fn turn_of(body: &Value) -> Turn<'static> {
    let string = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let raw = |value: &Value| -> &'static RawValue {
        Box::leak(RawValue::from_string(value.to_string()).unwrap())
    };
    let image = || Part::Image { url: Text::plain("data:image/png;base64,AA=="), detail: None };
    let mut items = Vec::new();
    for message in body["messages"].as_array().unwrap() {
        let role = match message["role"].as_str() {
            Some("assistant") => Role::Assistant,
            Some("system") => Role::System,
            _ => Role::User,
        };
        let content = match &message["content"] {
            Value::String(text) => vec![json!({ "type": "text", "text": text })],
            content => content.as_array().unwrap().clone(),
        };
        for block in &content {
            let message = |parts| Item::Message(Message { role, parts });
            items.push(match block["type"].as_str().unwrap() {
                "text" => message(vec![Part::Text(Text::from(string(&block["text"])))]),
                "image" => message(vec![image()]),
                "thinking" | "redacted_thinking" => {
                    let sealed = block.get("signature").or(block.get("data"));
                    let sealed = sealed.map(string).filter(|it| !it.is_empty() && it != MINTED);
                    let words = block.get("thinking").map(string);
                    Item::Reasoning(Reasoning {
                        readable: words.into_iter().map(Text::from).collect(),
                        sealed: sealed.map(Text::from),
                        thought: None,
                    })
                }
                "tool_use" => Item::Call(Call {
                    head: CallHead {
                        id: string(&block["id"]).into(),
                        name: string(&block["name"]).into(),
                        namespace: None,
                        form: Form::Function,
                    },
                    input: Text::from(block["input"].to_string()),
                }),
                "tool_result" => {
                    let pictured = block["content"].to_string().contains("\"image\"");
                    Item::Output(Output {
                        call_id: string(&block["tool_use_id"]).into(),
                        parts: if pictured { vec![image()] } else { Vec::new() },
                        is_error: false,
                    })
                }
                kind => Item::Other { kind: kind.to_owned().into(), json: raw(block) },
            });
        }
    }
    let tools = body["tools"].as_array().into_iter().flatten().map(|tool| {
        match tool["type"].as_str().unwrap_or("custom") {
            "custom" => Tool::Function(Function {
                name: string(&tool["name"]).into(),
                namespace: None,
                namespace_description: None,
                description: None,
                parameters: None,
                strict: None,
            }),
            kind if kind.starts_with("web_search_") => Tool::WebSearch,
            kind => Tool::Other { kind: kind.to_owned().into(), json: raw(tool) },
        }
    });
    Turn {
        protocol: Protocol::Messages,
        items,
        tools: tools.collect(),
        tool_choice: match body["tool_choice"]["type"].as_str() {
            Some("any") => ToolChoice::Required,
            Some("none") => ToolChoice::None,
            Some("tool") => ToolChoice::Named {
                name: string(&body["tool_choice"]["name"]).into(),
                namespace: None,
            },
            Some(_) => ToolChoice::Auto,
            None => ToolChoice::Unset,
        },
        format: match body["output_config"]["format"].is_object() {
            true => Format::JsonSchema {
                name: Text::plain("n"),
                description: None,
                schema: raw(&json!({})),
                strict: None,
            },
            false => Format::Text,
        },
        stream: body["stream"] == true,
        ..Turn::default()
    }
}

struct Lane {
    dialect: Dialect,
    repairs: Repairs,
    max_output_tokens: Option<u64>,
}

impl Lane {
    fn to(id: &str, model: &str) -> Self {
        let dialect = Dialects::builtin().resolve(id, model).unwrap();
        Self { dialect, repairs: Repairs::default(), max_output_tokens: None }
    }

    fn repaired(mut self, fix: Fix, param: Option<&str>) -> Self {
        assert!(self.repairs.add(fix, param));
        self
    }

    fn target(&self, stream: bool) -> Target<'_> {
        let max_output_tokens = self.max_output_tokens;
        Target { max_output_tokens, stream, ..target(&self.dialect, &self.repairs) }
    }

    /// Takes a body on; `edit` changes the turn before, as opened seals do.
    #[track_caller]
    fn forward(&self, body: &str, edit: impl FnOnce(&mut Turn<'_>)) -> Option<(String, Vec<Note>)> {
        let mut turn = turn_of(&serde_json::from_str(body).unwrap());
        edit(&mut turn);
        let target = self.target(turn.stream);
        let written = messages::forward(&document(&body), &turn, &target).unwrap()?;
        assert!(written.tools.is_empty());
        let shared = Bytes::copy_from_slice(body.as_bytes());
        let shared = Document::of_shared(&shared, Limits::default()).unwrap();
        let pieces = messages::forward(&shared, &turn, &target).unwrap().unwrap().body;
        assert_eq!(pieces.to_vec(), written.body.to_vec(), "copied or not, it is the same");
        let body = String::from_utf8(written.body.to_vec()).unwrap();
        serde_json::from_str::<Value>(&body).unwrap_or_else(|error| panic!("{error}: {body}"));
        Some((body, written.notes))
    }
}

/// Thoughts for the reasoning items of a turn, in their order; none where the seal stays shut.
fn opened(thoughts: Vec<Option<Thought>>) -> impl FnOnce(&mut Turn<'_>) {
    move |turn| {
        let mut thoughts = thoughts.into_iter();
        for item in &mut turn.items {
            if let Item::Reasoning(reasoning) = item {
                reasoning.thought = thoughts.next().flatten();
            }
        }
    }
}

fn thought(provider: &str, family: &str, text: &str, provenance: &[(&str, &str)]) -> Thought {
    Thought {
        origin: Some(Origin { provider: provider.into(), family: family.into() }),
        text: text.into(),
        provenance: provenance
            .iter()
            .map(|(field, json)| ((*field).to_owned(), format!("\"{json}\"")))
            .collect(),
        ..Thought::default()
    }
}

fn captures() -> impl Iterator<Item = (String, Value)> {
    let names = list("clients/messages", ".request.json").into_iter();
    let all = names.map(|name| (name.clone(), json(format!("clients/messages/{name}"))));
    all.filter(|(_, it)| it["path"].as_str().unwrap().contains("/messages"))
        .filter(|(_, it)| !it["path"].as_str().unwrap().contains("count_tokens"))
        .map(|(name, it)| (name, it["body"].clone()))
}

#[test]
fn nothing_but_the_model_changes_where_the_upstream_takes_everything() {
    let mut count = 0;
    for (name, body) in captures() {
        // The one capture of an older model asks in the older form.
        let model = if name.contains("older_model") { "claude-sonnet-4-5" } else { "" };
        let lane = Lane::to("anthropic", model);
        for body in [body.to_string(), serde_json::to_string_pretty(&body).unwrap()] {
            let (got, notes) = lane.forward(&body, |_| {}).expect(&name);
            let asked: Value = serde_json::from_str(&body).unwrap();
            let expect = body.replacen(&asked["model"].to_string(), "\"the-model\"", 1);
            // A thought that nobody has signed cannot go back.
            if body.contains("\"signature\":\"\"") || body.contains("\"signature\": \"\"") {
                assert!(!notes.is_empty(), "{name}");
                continue;
            }
            assert_eq!(got, expect, "{name}");
            assert_eq!(notes, [], "{name}");
            count += 1;
        }
    }
    assert!(count >= 30, "{count}");
}

#[test]
fn imitators_get_what_they_take() {
    let lane = Lane::to("anthropic_compat", "");
    let mut forwarded = 0;
    for (name, body) in captures() {
        let text = body.to_string();
        let deferred = text.contains("defer_loading") || text.contains("tool_reference");
        let search = text.contains("web_search_20250305");
        let written = lane.forward(&text, |_| {});
        assert_eq!(written.is_none(), deferred || search, "{name}");
        let Some((got, _)) = written else { continue };
        forwarded += 1;
        let (mut got, mut expect): (Value, Value) = (serde_json::from_str(&got).unwrap(), body);
        expect["model"] = "the-model".into();
        // What is asked of its thinking is put in its own words.
        let adaptive = expect["thinking"]["type"] == "adaptive";
        if adaptive {
            let form = json!({ "type": "enabled", "budget_tokens": 16384 });
            assert_eq!(got["thinking"], form, "{name}");
        }
        for body in [&mut got, &mut expect] {
            body.as_object_mut().unwrap().remove("thinking");
            body.as_object_mut().unwrap().remove("messages");
        }
        assert_eq!(got, expect, "{name}");
    }
    assert!(forwarded >= 2, "{forwarded}");
}

/// A request with the given top, as the client writes it.
fn request(top: &str, messages: &str) -> String {
    format!(
        r#"{{ "model" : "m", "max_tokens":32000,{top} "messages": [{messages}], "stream":true }}"#
    )
}

const HELLO: &str = r#"{"role":"user","content":"hello"}"#;

#[track_caller]
fn check(lane: &Lane, top: &str, expect: &Expect) {
    let (body, notes) = lane.forward(&request(top, HELLO), |_| {}).expect("it goes on");
    let mut lines = vec![body];
    lines.extend(notes.iter().map(ToString::to_string));
    expect.assert_eq(&lines.into_iter().map(|line| line + "\n").collect::<String>());
}

#[test]
fn parameters_are_changed_in_place() {
    check(
        &Lane::to("anthropic", ""),
        r#""seed":1, "temperature":1.5 ,"new":{"a" : 1}, "n":1,"#,
        &expect![[r#"
            { "model" : "the-model", "max_tokens":32000, "temperature":1 ,"new":{"a" : 1}, "messages": [{"role":"user","content":"hello"}], "stream":true }
            dropped=seed
            changed=temperature
            dropped=n
        "#]],
    );
    check(
        &Lane::to("anthropic", ""),
        r#""thinking":{"type":"adaptive"},"temperature":0.5,"top_k":3,"#,
        &expect![[r#"
            { "model" : "the-model", "max_tokens":32000,"thinking":{"type":"adaptive"}, "messages": [{"role":"user","content":"hello"}], "stream":true }
            dropped=temperature
            dropped=top_k
        "#]],
    );
    let mut lane =
        Lane::to("anthropic", "").repaired(Fix::DropParam, Some("context_management.edits"));
    lane.max_output_tokens = Some(8_000);
    check(
        &lane,
        r#""context_management":{"edits":[]},"#,
        &expect![[r#"
            { "model" : "the-model", "max_tokens":8000, "messages": [{"role":"user","content":"hello"}], "stream":true }
            changed=max_tokens
            dropped=context_management
        "#]],
    );
    assert!(
        !Repairs::default().add(Fix::DropParam, Some("system.0.text")),
        "it makes up the request"
    );
}

#[test]
fn what_is_missing_is_put_in_front() {
    let lane = Lane::to("anthropic", "");
    let body = r#"{"messages":[{"role":"user","content":"a"}]}"#;
    let (got, _) = lane.forward(body, |_| {}).unwrap();
    assert_eq!(
        got,
        r#"{"model":"the-model","max_tokens":32000,"messages":[{"role":"user","content":"a"}]}"#
    );
    let turn = turn_of(&serde_json::from_str(body).unwrap());
    let written = messages::forward(&document(&body), &turn, &lane.target(true)).unwrap().unwrap();
    let got = String::from_utf8(written.body.to_vec()).unwrap();
    assert!(got.starts_with(r#"{"model":"the-model","max_tokens":32000,"stream":true,"#), "{got}");
}

#[test]
fn a_long_conversation_is_not_copied() {
    let lane = Lane::to("anthropic", "");
    let said = "x".repeat(10_000);
    let body = format!(
        r#"{{"messages":[{{"role":"user","content":"{said}"}}],"model":"m","max_tokens":9}}"#
    );
    let (got, _) = lane.forward(&body, |_| {}).unwrap();
    assert_eq!(got, body.replace(r#""m""#, r#""the-model""#));
    let shared = Bytes::from(body);
    let document = Document::of_shared(&shared, Limits::default()).unwrap();
    let turn = turn_of(&serde_json::from_slice(&shared).unwrap());
    let written = messages::forward(&document, &turn, &lane.target(false)).unwrap().unwrap();
    let kept = |piece: &Bytes| shared.as_ptr_range().contains(&piece.as_ptr());
    let pieces: Vec<_> = written.body.into_pieces().iter().map(kept).collect();
    assert_eq!(pieces, [true, false]);
}

#[test]
fn thinking_is_asked_for_in_the_words_of_the_model() {
    let older = Lane::to("anthropic", "claude-haiku-4-5");
    check(
        &older,
        r#""thinking":{"type":"adaptive","display":"updates"},"output_config":{"effort":"medium","new":1},"#,
        &expect![[r#"
            { "model" : "the-model", "max_tokens":32000,"thinking":{"type":"enabled","budget_tokens":8192},"output_config":{"new":1}, "messages": [{"role":"user","content":"hello"}], "stream":true }
            dropped=output_config.effort
            changed=thinking adaptive to enabled
        "#]],
    );
    check(
        &older,
        r#""output_config":{"effort":"high"},"#,
        &expect![[r#"
            { "model" : "the-model", "max_tokens":32000, "messages": [{"role":"user","content":"hello"}], "stream":true }
            dropped=output_config.effort
        "#]],
    );
    check(
        &older,
        r#""thinking":{"budget_tokens":40000,"type":"enabled","display":"updates"},"#,
        &expect![[r#"
            { "model" : "the-model", "max_tokens":32000,"thinking":{"budget_tokens":31999,"type":"enabled","display":"updates"}, "messages": [{"role":"user","content":"hello"}], "stream":true }
            changed=thinking budget
        "#]],
    );
    check(
        &Lane::to("anthropic", "claude-opus-4-6"),
        r#""thinking":{"type":"adaptive"},"output_config":{"effort":"xhigh"},"#,
        &expect![[r#"
            { "model" : "the-model", "max_tokens":32000,"thinking":{"type":"adaptive"},"output_config":{"effort":"max"}, "messages": [{"role":"user","content":"hello"}], "stream":true }
            changed=effort xhigh to max
        "#]],
    );
    check(
        &Lane::to("anthropic", ""),
        r#""thinking":{"type":"enabled","budget_tokens":4000},"#,
        &expect![[r#"
            {"output_config":{"effort":"low"}, "model" : "the-model", "max_tokens":32000,"thinking":{"type":"adaptive"}, "messages": [{"role":"user","content":"hello"}], "stream":true }
            changed=thinking enabled to adaptive
        "#]],
    );
    check(
        &Lane::to("anthropic", "claude-opus-5-5"),
        r#""thinking":{"type":"disabled"},"#,
        &expect![[r#"
            { "model" : "the-model", "max_tokens":32000, "messages": [{"role":"user","content":"hello"}], "stream":true }
            changed=thinking cannot be switched off
        "#]],
    );
}

#[test]
fn a_forced_call_and_thinking_exclude_one_another() {
    let top = r#""thinking":{"type":"adaptive"},"tool_choice":{"type":"any"},"tools":[{"name":"f","input_schema":{}}],"#;
    check(
        &Lane::to("anthropic", ""),
        top,
        &expect![[r#"
            { "model" : "the-model", "max_tokens":32000,"thinking":{"type":"disabled"},"tool_choice":{"type":"any"},"tools":[{"name":"f","input_schema":{}}], "messages": [{"role":"user","content":"hello"}], "stream":true }
            changed=thinking off: a call is required
        "#]],
    );
    check(
        &Lane::to("anthropic", "claude-opus-5-5"),
        top,
        &expect![[r#"
            { "model" : "the-model", "max_tokens":32000,"thinking":{"type":"adaptive"},"tool_choice":{"type":"auto"},"tools":[{"name":"f","input_schema":{}}], "messages": [{"role":"user","content":"hello"}], "stream":true }
            changed=tool_choice to auto
        "#]],
    );
    check(
        &Lane::to("anthropic_compat", ""),
        r#""tool_choice": {"type":"tool","name":"f"},"tools":[{"name":"f","input_schema":{}}],"#,
        &expect![[r#"
            { "model" : "the-model", "max_tokens":32000,"tool_choice": {"type":"auto"},"tools":[{"name":"f","input_schema":{}}], "messages": [{"role":"user","content":"hello"}], "stream":true }
            changed=tool_choice to auto
        "#]],
    );
}

#[test]
fn what_the_upstream_cannot_take_is_left_to_the_writer() {
    let goes = |lane: &Lane, top: &str, messages: &str| {
        lane.forward(&request(top, messages), |_| {}).is_some()
    };
    let (anthropic, compat) = (Lane::to("anthropic", ""), Lane::to("anthropic_compat", ""));
    let bash = r#""tools":[{"type":"bash_20250124","name":"bash"}],"#;
    assert!(goes(&anthropic, bash, HELLO) && !goes(&compat, bash, HELLO));
    let new = r#""tools":[{"type":"telepathy_20270101","name":"t"}],"#;
    assert!(!goes(&anthropic, new, HELLO));
    let deferred = r#""tools":[{"name":"f","defer_loading":true,"input_schema":{}}],"#;
    assert!(goes(&anthropic, deferred, HELLO) && !goes(&compat, deferred, HELLO));
    let none = r#""tool_choice":{"type":"none"},"#;
    assert!(goes(&anthropic, none, HELLO) && !goes(&compat, none, HELLO));
    // An id that another upstream has given.
    let odd = r#"{"role":"assistant","content":[{"type":"tool_use","id":"f:0","name":"f","input":{}}]},{"role":"user","content":[{"type":"tool_result","tool_use_id":"f:0"}]}"#;
    assert!(!goes(&anthropic, "", odd));
    // Words that only look like structure.
    let words = r#"{"role":"user","content":"say \"defer_loading\" and \"tool_reference\""}"#;
    assert!(goes(&compat, "", words));
    assert!(!goes(&Lane::to("anthropic", "").repaired(Fix::DropStrict, None), "", HELLO));

    let mut blind = dialect("anthropic");
    blind.vision.images = interlingua_dialect::Images::No;
    let blind = Lane { dialect: blind, repairs: Repairs::default(), max_output_tokens: None };
    let image = r#"{"role":"user","content":[{"type":"image","source":{}}]}"#;
    assert!(goes(&anthropic, "", image) && !goes(&blind, "", image) && goes(&blind, "", HELLO));
}

/// A loop of two rounds, with blanks where they may stand.
const ROUNDS: &str = r#"{"role":"user","content":"go"},
  {"role":"assistant","content":[ {"type":"thinking","thinking":"one","signature":"il1.a"} , {"type":"text","text":"Hm."},{"type":"tool_use","id":"a","name":"f","input":{}}]},
  {"role":"user","content":[{"type":"tool_result","tool_use_id":"a","content":"A"}]},
  {"role":"assistant","content":[{"type":"redacted_thinking","data":"il1.b"},{"type":"tool_use","id":"b","name":"f","input":{"x" : 1}}]},
  {"role":"user","content":[{"type":"tool_result","tool_use_id":"b","content":"B"}]}"#;

/// What becomes of the messages, a line each, and the notes.
#[track_caller]
fn check_thoughts(
    lane: &Lane,
    top: &str,
    messages: &str,
    edit: impl FnOnce(&mut Turn<'_>),
    expect: &Expect,
) {
    let (body, notes) = lane.forward(&request(top, messages), edit).expect("it goes on");
    let parsed: Value = serde_json::from_str(&body).unwrap();
    let mut lines: Vec<_> =
        parsed["messages"].as_array().unwrap().iter().map(Value::to_string).collect();
    if parsed["thinking"]["type"] == "disabled" {
        lines.push("thinking off".to_owned());
    }
    lines.extend(notes.iter().map(ToString::to_string));
    expect.assert_eq(&lines.into_iter().map(|line| line + "\n").collect::<String>());
}

const ADAPTIVE: &str = r#""thinking":{"type":"adaptive"},"#;
const BUDGET: &str = r#""thinking":{"type":"enabled","budget_tokens":2048},"#;

#[test]
fn own_thoughts_get_back_what_they_are_known_by() {
    let lane = Lane::to("anthropic", "");
    let own = || {
        opened(vec![
            Some(thought("up", "anthropic", "one", &[("signature", "si/g1")])),
            Some(thought("up", "anthropic", "", &[("redacted_thinking", "data2")])),
        ])
    };
    let (body, notes) = lane.forward(&request(ADAPTIVE, ROUNDS), own()).unwrap();
    let expect = request(ADAPTIVE, ROUNDS)
        .replace("\"m\"", "\"the-model\"")
        .replace("il1.a", "si/g1")
        .replace("il1.b", "data2");
    assert_eq!((body, notes), (expect, Vec::new()));

    // The sealed words are the true ones, and a thought may have been shown in another form.
    check_thoughts(
        &lane,
        ADAPTIVE,
        ROUNDS,
        opened(vec![
            Some(thought("up", "anthropic", "", &[("redacted_thinking", "data1")])),
            Some(thought("up", "anthropic", "two", &[("signature", "old"), ("signature", "sig2")])),
        ]),
        &expect![[r#"
            {"role":"user","content":"go"}
            {"role":"assistant","content":[{"type":"redacted_thinking","data":"data1"},{"type":"text","text":"Hm."},{"type":"tool_use","id":"a","name":"f","input":{}}]}
            {"role":"user","content":[{"type":"tool_result","tool_use_id":"a","content":"A"}]}
            {"role":"assistant","content":[{"type":"thinking","thinking":"two","signature":"sig2"},{"type":"tool_use","id":"b","name":"f","input":{"x":1}}]}
            {"role":"user","content":[{"type":"tool_result","tool_use_id":"b","content":"B"}]}
        "#]],
    );
    // A thought that came without a signature goes back without one.
    let unsigned = vec![
        Some(thought("up", "anthropic_compat", "one", &[])),
        Some(thought("up", "anthropic_compat", "edited", &[])),
    ];
    check_thoughts(
        &Lane::to("anthropic_compat", ""),
        BUDGET,
        ROUNDS,
        opened(unsigned),
        &expect![[r#"
            {"role":"user","content":"go"}
            {"role":"assistant","content":[{"type":"thinking","thinking":"one"},{"type":"text","text":"Hm."},{"type":"tool_use","id":"a","name":"f","input":{}}]}
            {"role":"user","content":[{"type":"tool_result","tool_use_id":"a","content":"A"}]}
            {"role":"assistant","content":[{"type":"thinking","thinking":"edited"},{"type":"tool_use","id":"b","name":"f","input":{"x":1}}]}
            {"role":"user","content":[{"type":"tool_result","tool_use_id":"b","content":"B"}]}
        "#]],
    );
}

#[test]
fn foreign_thoughts_are_left_out_and_a_loop_goes_on_without_thinking() {
    let foreign = || {
        opened(vec![
            Some(thought("up", "anthropic", "one", &[("signature", "sig1")])),
            Some(thought("other", "anthropic", "two", &[("signature", "sig2")])),
        ])
    };
    check_thoughts(
        &Lane::to("anthropic", "claude-sonnet-4-5"),
        BUDGET,
        ROUNDS,
        foreign(),
        &expect![[r#"
            {"role":"user","content":"go"}
            {"role":"assistant","content":[{"type":"text","text":"Hm."},{"type":"tool_use","id":"a","name":"f","input":{}}]}
            {"role":"user","content":[{"type":"tool_result","tool_use_id":"a","content":"A"}]}
            {"role":"assistant","content":[{"type":"tool_use","id":"b","name":"f","input":{"x":1}}]}
            {"role":"user","content":[{"type":"tool_result","tool_use_id":"b","content":"B"}]}
            thinking off
            reasoning-foreign=other
            reasoning-missing=thinking off for this request
        "#]],
    );
    // Where the model decides itself, earlier thoughts may be missing.
    check_thoughts(
        &Lane::to("anthropic", ""),
        ADAPTIVE,
        ROUNDS,
        foreign(),
        &expect![[r#"
            {"role":"user","content":"go"}
            {"role":"assistant","content":[{"type":"thinking","thinking":"one","signature":"sig1"},{"type":"text","text":"Hm."},{"type":"tool_use","id":"a","name":"f","input":{}}]}
            {"role":"user","content":[{"type":"tool_result","tool_use_id":"a","content":"A"}]}
            {"role":"assistant","content":[{"type":"tool_use","id":"b","name":"f","input":{"x":1}}]}
            {"role":"user","content":[{"type":"tool_result","tool_use_id":"b","content":"B"}]}
            reasoning-foreign=other
        "#]],
    );
    // A loop that is over demands nothing.
    let over = format!(
        r#"{ROUNDS},{{"role":"assistant","content":"Done."}},{{"role":"user","content":"next"}}"#
    );
    let (body, _) = Lane::to("anthropic", "claude-sonnet-4-5")
        .forward(&request(BUDGET, &over), foreign())
        .unwrap();
    assert!(body.contains(r#""type":"enabled""#) && body.contains("sig1"), "{body}");
    // Words pass where only their presence is checked.
    check_thoughts(
        &Lane::to("anthropic_compat", ""),
        BUDGET,
        ROUNDS,
        foreign(),
        &expect![[r#"
            {"role":"user","content":"go"}
            {"role":"assistant","content":[{"type":"thinking","thinking":"one"},{"type":"text","text":"Hm."},{"type":"tool_use","id":"a","name":"f","input":{}}]}
            {"role":"user","content":[{"type":"tool_result","tool_use_id":"a","content":"A"}]}
            {"role":"assistant","content":[{"type":"thinking","thinking":"two"},{"type":"tool_use","id":"b","name":"f","input":{"x":1}}]}
            {"role":"user","content":[{"type":"tool_result","tool_use_id":"b","content":"B"}]}
        "#]],
    );
}

#[test]
fn seals_that_stay_shut() {
    // Not authentic: the readable copy is gone with it, and what is left is an empty message.
    let thought_only = r#"{"role":"user","content":"go"},{"role":"assistant","content":[{"type":"thinking","thinking":"x","signature":"il1.x"}]},{"role":"user","content":"on"}"#;
    let refused = |turn: &mut Turn<'_>| {
        for item in &mut turn.items {
            if let Item::Reasoning(reasoning) = item {
                reasoning.readable.clear();
            }
        }
    };
    check_thoughts(
        &Lane::to("anthropic", ""),
        ADAPTIVE,
        thought_only,
        refused,
        &expect![[r#"
            {"role":"user","content":"go"}
            {"role":"user","content":"on"}
        "#]],
    );
    // Not ours: the upstream may know it. What is redacted has no readable copy anyway.
    let lane = Lane::to("anthropic", "");
    let body = request(ADAPTIVE, &ROUNDS.replace("il1.", "theirs"));
    let (got, notes) = lane.forward(&body, |_| {}).unwrap();
    assert_eq!((got, notes), (body.replace("\"m\"", "\"the-model\""), Vec::new()));
    // Not signed: an upstream that signs cannot know it.
    let unsigned = r#"{"role":"user","content":"go"},{"role":"assistant","content":[{"type":"thinking","thinking":"x","signature":""},{"type":"text","text":"y"}]},{"role":"user","content":"on"}"#;
    check_thoughts(
        &lane,
        ADAPTIVE,
        unsigned,
        |_| {},
        &expect![[r#"
            {"role":"user","content":"go"}
            {"role":"assistant","content":[{"type":"text","text":"y"}]}
            {"role":"user","content":"on"}
            reasoning-missing=it is not signed
        "#]],
    );
    let compat = Lane::to("anthropic_compat", "");
    let (got, _) = compat.forward(&request(BUDGET, unsigned), |_| {}).unwrap();
    assert!(got.contains(r#"{"type":"thinking","thinking":"x","signature":""}"#), "{got}");
    let minted = unsigned.replace(r#""signature":"""#, r#""signature":"unsealed""#);
    let (got, _) = compat.forward(&request(BUDGET, &minted), |_| {}).unwrap();
    assert!(got.contains(r#"{"type":"thinking","thinking":"x"}"#), "{got}");
}

/// A loop of a client that forgets thoughts.
const FORGETFUL: &str = r#"{"role":"user","content":"go"},{"role":"assistant","content":[ {"type":"text","text":"Hm."},{"type":"tool_use","id":"a","name":"f","input":{}}]},{"role":"user","content":[{"type":"tool_result","tool_use_id":"a","content":"A"}]}"#;

/// Remembers a thought before the first item of the model, as the gateway does.
fn remembered(thought: Thought) -> impl FnOnce(&mut Turn<'_>) {
    move |turn| {
        let reasoning = Reasoning { thought: Some(thought), ..Reasoning::default() };
        turn.insert(1, Item::Reasoning(reasoning));
    }
}

#[test]
fn what_the_gateway_remembers_is_put_in_front_of_its_answer() {
    check_thoughts(
        &Lane::to("anthropic", ""),
        ADAPTIVE,
        FORGETFUL,
        remembered(thought("up", "anthropic", "kept", &[("signature", "sig")])),
        &expect![[r#"
            {"role":"user","content":"go"}
            {"role":"assistant","content":[{"type":"thinking","thinking":"kept","signature":"sig"},{"type":"text","text":"Hm."},{"type":"tool_use","id":"a","name":"f","input":{}}]}
            {"role":"user","content":[{"type":"tool_result","tool_use_id":"a","content":"A"}]}
        "#]],
    );
    check_thoughts(
        &Lane::to("anthropic", "claude-sonnet-4-5"),
        BUDGET,
        FORGETFUL,
        remembered(thought("mimo", "mimo", "elsewhere", &[])),
        &expect![[r#"
            {"role":"user","content":"go"}
            {"role":"assistant","content":[{"type":"text","text":"Hm."},{"type":"tool_use","id":"a","name":"f","input":{}}]}
            {"role":"user","content":[{"type":"tool_result","tool_use_id":"a","content":"A"}]}
            thinking off
            reasoning-foreign=mimo
            reasoning-missing=thinking off for this request
        "#]],
    );
    check_thoughts(
        &Lane::to("anthropic_compat", ""),
        BUDGET,
        FORGETFUL,
        |_| {},
        &expect![[r#"
            {"role":"user","content":"go"}
            {"role":"assistant","content":[{"type":"thinking","thinking":""},{"type":"text","text":"Hm."},{"type":"tool_use","id":"a","name":"f","input":{}}]}
            {"role":"user","content":[{"type":"tool_result","tool_use_id":"a","content":"A"}]}
            reasoning-missing=1
        "#]],
    );
}

#[test]
fn an_upstream_that_refuses_a_thought_gets_none() {
    let own = || {
        opened(vec![
            Some(thought("up", "anthropic", "one", &[("signature", "sig1")])),
            Some(thought("up", "anthropic", "", &[("redacted_thinking", "data2")])),
        ])
    };
    check_thoughts(
        &Lane::to("anthropic", "").repaired(Fix::AddPlaceholder, None),
        ADAPTIVE,
        ROUNDS,
        own(),
        &expect![[r#"
            {"role":"user","content":"go"}
            {"role":"assistant","content":[{"type":"text","text":"Hm."},{"type":"tool_use","id":"a","name":"f","input":{}}]}
            {"role":"user","content":[{"type":"tool_result","tool_use_id":"a","content":"A"}]}
            {"role":"assistant","content":[{"type":"tool_use","id":"b","name":"f","input":{"x":1}}]}
            {"role":"user","content":[{"type":"tool_result","tool_use_id":"b","content":"B"}]}
            thinking off
            reasoning-missing=thinking off for this request
        "#]],
    );
}

#[test]
fn an_upstream_that_misses_a_thought_gets_what_stands_in_for_it() {
    let compat = || Lane::to("anthropic_compat", "").repaired(Fix::AddPlaceholder, None);
    check_thoughts(
        &compat(),
        "",
        FORGETFUL,
        |_| {},
        &expect![[r#"
            {"role":"user","content":"go"}
            {"role":"assistant","content":[{"type":"thinking","thinking":""},{"type":"text","text":"Hm."},{"type":"tool_use","id":"a","name":"f","input":{}}]}
            {"role":"user","content":[{"type":"tool_result","tool_use_id":"a","content":"A"}]}
            reasoning-missing=1
        "#]],
    );
    let turn = turn_of(&serde_json::from_str(&request("", FORGETFUL)).unwrap());
    let lane = compat();
    let written = messages::write(&turn, &lane.target(true)).unwrap().body;
    assert!(
        String::from_utf8(written.to_vec())
            .unwrap()
            .contains(r#"{"type":"thinking","thinking":""}"#)
    );
}

#[test]
fn a_body_and_a_turn_that_do_not_fit_together_are_left_to_the_writer() {
    let lane = Lane::to("anthropic", "");
    let body = request(ADAPTIVE, ROUNDS);
    let less = |turn: &mut Turn<'_>| {
        turn.items.remove(1);
    };
    assert!(lane.forward(&body, less).is_none());
    let more = |turn: &mut Turn<'_>| {
        let readable = vec![Text::plain("x")];
        turn.items.push(Item::Reasoning(Reasoning { readable, ..Reasoning::default() }));
    };
    assert!(lane.forward(&body, more).is_none());
}

#[test]
fn counts_are_asked_of_those_who_count() {
    for name in ["claude_09_count_tokens_text", "claude_10_count_tokens_tools"] {
        let body = json(format!("clients/messages/{name}.request.json"))["body"].to_string();
        let turn = turn_of(&serde_json::from_str(&body).unwrap());
        let count = |lane: &Lane| {
            let written =
                messages::count_tokens(&document(&body), &turn, &lane.target(false)).unwrap();
            written.map(|it| String::from_utf8(it.body.to_vec()).unwrap())
        };
        let expect = body.replacen("\"fake-model\"", "\"the-model\"", 1);
        assert_eq!(count(&Lane::to("anthropic", "")), Some(expect));
        assert_eq!(count(&Lane::to("anthropic_compat", "")), None);
    }
}

#[test]
fn two_turns_in_a_row_share_their_beginning() {
    let all: BTreeMap<String, Value> = captures().collect();
    for (name, body) in all {
        let messages = body["messages"].as_array().unwrap().clone();
        for id in ["anthropic", "anthropic_compat"] {
            let lane = Lane::to(id, "");
            let mut before: Option<String> = None;
            for end in 1..=messages.len() {
                let mut body = body.clone();
                body["messages"] = Value::Array(messages[..end].to_vec());
                // What follows the messages is the same in every turn; here only they are compared.
                let tail = body.as_object_mut().unwrap().remove("messages").unwrap();
                let mut text = body.to_string();
                text.pop();
                let text = format!("{text},\"messages\":{tail}}}");
                let Some((got, _)) = lane.forward(&text, |_| {}) else { continue };
                if let Some(before) = &before {
                    let shared = before.strip_suffix("]}").unwrap();
                    // Marks and the placeholder of a step without results move on.
                    assert!(got.starts_with(shared), "{name} for {id}:\n{before}\n{got}");
                }
                before = Some(got);
            }
        }
    }
}

fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i32>().prop_map(Value::from),
        ".{0,8}".prop_map(Value::from),
        Just(Value::from("\\\"}],{[\\\\")),
    ];
    leaf.prop_recursive(3, 24, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::vec((".{0,4}", inner), 0..4)
                .prop_map(|fields| Value::Object(fields.into_iter().collect())),
        ]
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() })]

    /// Whatever else a request holds, in whatever form, goes on byte for byte.
    #[test]
    fn what_nobody_knows_survives(
        top in prop::collection::vec(("[a-z\"\\\\]{1,3}", any_json()), 0..4),
        field in any_json(),
        pretty: bool,
        sealed in prop::collection::vec(any::<bool>(), 2),
    ) {
        let mut body: Value = serde_json::from_str(&request(ADAPTIVE, &ROUNDS.replace("il1.", "x1."))).unwrap();
        for (name, value) in top {
            body[format!("x_{name}")] = value;
        }
        for at in [1, 3] {
            for block in body["messages"][at]["content"].as_array_mut().unwrap() {
                block["new"] = field.clone();
            }
        }
        let body = if pretty { serde_json::to_string_pretty(&body).unwrap() } else { body.to_string() };
        let own = [
            thought("up", "anthropic", "one", &[("signature", "si/g1")]),
            thought("up", "anthropic", "", &[("redacted_thinking", "data2")]),
        ];
        let opening = own.into_iter().zip(&sealed).map(|(it, open)| open.then_some(it)).collect();
        let (got, notes) = Lane::to("anthropic", "").forward(&body, opened(opening)).unwrap();
        let mut expect = body.replacen("\"m\"", "\"the-model\"", 1);
        for (open, (blob, own)) in sealed.iter().zip([("x1.a", "si/g1"), ("x1.b", "data2")]) {
            if *open {
                expect = expect.replace(blob, own);
            }
        }
        prop_assert_eq!(got, expect);
        prop_assert_eq!(notes, []);
    }

    /// Where thoughts are left out and put in, the rest stays.
    #[test]
    fn thoughts_come_and_go_alone(
        foreign in prop::collection::vec(any::<bool>(), 2),
        pretty: bool,
        remembers: bool,
    ) {
        let body: Value = serde_json::from_str(&request(ADAPTIVE, ROUNDS)).unwrap();
        let text = if pretty { serde_json::to_string_pretty(&body).unwrap() } else { body.to_string() };
        let edit = |turn: &mut Turn<'_>| {
            let family = |it: &bool| if *it { "mimo" } else { "anthropic" };
            let thoughts = foreign.iter().map(|it| {
                Some(thought("up", family(it), "one", &[("signature", "sig")]))
            });
            opened(thoughts.collect())(turn);
            if remembers {
                let kept = thought("up", "anthropic", "kept", &[("signature", "kept")]);
                let reasoning = Reasoning { thought: Some(kept), ..Reasoning::default() };
                turn.insert(5, Item::Reasoning(reasoning));
            }
        };
        let (got, _) = Lane::to("anthropic", "").forward(&text, edit).unwrap();
        let mut got: Value = serde_json::from_str(&got).unwrap();
        let mut expect = body;
        expect["model"] = "the-model".into();
        let mut kept = Vec::new();
        for body in [&mut got, &mut expect] {
            for message in body["messages"].as_array_mut().unwrap() {
                let Some(blocks) = message["content"].as_array_mut() else { continue };
                let thinks = |it: &Value| it["type"].as_str().unwrap().ends_with("thinking");
                kept.push(blocks.iter().filter(|it| thinks(it)).count());
                blocks.retain(|it| !thinks(it));
            }
        }
        prop_assert_eq!(got, expect);
        let count = |at: usize| usize::from(!foreign[at]);
        prop_assert_eq!((kept[0], kept[2]), (count(0), count(1) + usize::from(remembers)));
    }
}
