//! Requests of Responses clients, passed on to upstreams that speak Responses as they came.

use std::collections::BTreeSet;

use interlingua_dialect::{Dialect, Dialects, Fix, Foreign};
use interlingua_ir::{Call, CallHead, Form, Item, Protocol, Reasoning, Task, Text, Thought, Turn};
use interlingua_translate::json::Limits;
use interlingua_translate::{Repairs, responses};
use serde_json::{Value, json};

use crate::asked::{
    OWN, captured, check_input, forward, forward_with, loop_with, subjects, thought, write,
};
use crate::support::dialect;

#[test]
fn every_capture_is_passed_on_as_it_came() {
    let openai = dialect("openai");
    let (mut passed, mut rewritten) = (0, BTreeSet::new());
    for (name, body) in captured() {
        // Blanks and the order of keys are the client's.
        for text in [body.to_string(), serde_json::to_string_pretty(&body).unwrap()] {
            let Some((forwarded, notes)) = forward(&text, &openai) else {
                rewritten.insert(name.clone());
                continue;
            };
            passed += 1;
            let model = format!("\"model\":{}", body["model"]);
            let pretty = format!("\"model\": {}", body["model"]);
            let expected = text.replacen(&model, "\"model\":\"the-model\"", 1).replacen(
                &pretty,
                "\"model\": \"the-model\"",
                1,
            );
            if notes.is_empty() {
                assert_eq!(forwarded, expected, "{name}");
            }
        }
    }
    assert!(passed > 40, "{passed}");
    let rewritten: Vec<_> = rewritten.iter().map(String::as_str).collect();
    assert_eq!(rewritten, ["req_compaction_v2_trigger.json"]);
}

/// Opens the seal of the one thought of a turn.
fn open(thought: &Thought) -> impl FnOnce(&mut Turn<'_>) + '_ {
    |turn| {
        for item in &mut turn.items {
            if let Item::Reasoning(it) = item {
                it.thought = Some(thought.clone());
            }
        }
    }
}

/// What a thought becomes when it is written anew, and when the request is passed on.
#[track_caller]
fn check_thought(thought: &Thought, dialect: &Dialect, expected: &Value, told: &[&str]) {
    let sealed = json!({"type": "reasoning", "id": "rs_1", "summary": [{"type": "summary_text", "text": "hm"}],
        "encrypted_content": "il1.x", "odd": 1});
    let body = loop_with(&sealed);
    let (mut turn, _) = responses::read(body.as_bytes(), Limits::default()).unwrap();
    open(thought)(&mut turn);
    let (written, notes) = write(&turn, dialect);
    check_input(&written);
    let reasoning = |body: &Value| {
        let items = body["input"].as_array().unwrap();
        items.iter().find(|it| it["type"] == "reasoning").cloned().unwrap_or(Value::Null)
    };
    assert_eq!(reasoning(&written), *expected);
    let notes = subjects(&notes);
    assert_eq!(notes, told);
    let (forwarded, notes) =
        forward_with(&body, dialect, &Repairs::default(), open(thought)).unwrap();
    assert_eq!(reasoning(&serde_json::from_str(&forwarded).unwrap()), *expected);
    assert_eq!(subjects(&notes), told);
}

#[test]
fn a_thought_goes_back_to_nobody_but_its_upstream() {
    let own = json!({"type": "reasoning", "id": "rs_9", "summary": [{"type": "summary_text", "text": "hm \"so\""}],
        "encrypted_content": "enc"});
    let openai = dialect("openai");
    check_thought(&thought("up", "openai", &OWN), &openai, &own, &[]);
    // A second provider of the same family cannot read it, and words are not wanted there.
    check_thought(
        &thought("other", "openai", &OWN),
        &openai,
        &Value::Null,
        &["reasoning-foreign=other"],
    );
    check_thought(
        &thought("mimo", "mimo", &[]),
        &openai,
        &Value::Null,
        &["reasoning-foreign=mimo"],
    );

    // An upstream that knows its thoughts by their words.
    let vllm = dialect("vllm");
    let words = json!({"type": "reasoning", "id": "rs_7b0c4d07", "summary": [],
        "content": [{"type": "reasoning_text", "text": "hm \"so\""}]});
    let (mut turn, _) = responses::read(b"{\"input\":[]}", Limits::default()).unwrap();
    turn.items.push(Item::Reasoning(Reasoning {
        thought: Some(thought("up", "vllm", &[])),
        ..Reasoning::default()
    }));
    let call =
        CallHead { id: "c1".into(), name: "f".into(), namespace: None, form: Form::Function };
    turn.items.push(Item::Call(Call { head: call, input: Text::EMPTY }));
    let mut words = words;
    words["id"] = write(&turn, &vllm).0["input"][0]["id"].clone();
    check_thought(&thought("up", "vllm", &[]), &vllm, &words, &[]);
    check_thought(&thought("up", "openai", &OWN), &vllm, &Value::Null, &["reasoning-foreign=up"]);
    let mut keeping = vllm.clone();
    keeping.replay.foreign = Foreign::Keep;
    check_thought(&thought("up", "openai", &OWN), &keeping, &words, &[]);
}

#[test]
fn in_the_lane_only_the_seal_of_a_thought_is_changed() {
    let sealed = json!({"type": "reasoning", "id": "rs_9", "summary": [], "encrypted_content": "il1.x", "odd": 1.50});
    let body = loop_with(&sealed);
    let own = thought("up", "openai", &OWN);
    let (forwarded, notes) =
        forward_with(&body, &dialect("openai"), &Repairs::default(), open(&own)).unwrap();
    assert_eq!(forwarded, body.replace("il1.x", "enc").replace("\"m\"", "\"the-model\""));
    assert_eq!(notes, []);
}

#[test]
fn seals_that_cannot_be_opened() {
    let openai = dialect("openai");
    let with = |blob: &str| {
        loop_with(
            &json!({"type": "reasoning", "id": "rs_1", "summary": [], "encrypted_content": blob}),
        )
    };
    // Somebody else's: perhaps this upstream's own, from before.
    let (forwarded, _) = forward(&with("gAAAA"), &openai).unwrap();
    assert!(forwarded.contains("gAAAA"));
    // Ours, and not authentic: the opener has cleared its copy and told.
    let (forwarded, _) = forward(&with("il1.forged"), &openai).unwrap();
    assert!(!forwarded.contains("reasoning\",\"id"), "{forwarded}");
    // A thought that its client does not seal.
    let readable = json!({"type": "reasoning", "id": "rs_1", "summary": [{"type": "summary_text", "text": "hm"}]});
    let (forwarded, _) = forward(&loop_with(&readable), &openai).unwrap();
    assert!(forwarded.contains("summary_text"));
}

#[test]
fn a_thought_that_the_client_forgot_is_put_before_its_call() {
    let body = r#"{"model":"m","instructions":"Be brief.","store":false,"include":["reasoning.encrypted_content"],"stream":true,"input":[ {"role":"user","content":"go"}, {"type":"function_call","call_id":"c1","name":"f","arguments":"{}"},
        {"type":"function_call_output","call_id":"c1","output":"ok"}]}"#;
    let inject = |thought: Thought| {
        move |turn: &mut Turn<'_>| {
            let reasoning = Reasoning { thought: Some(thought), ..Reasoning::default() };
            turn.insert(2, Item::Reasoning(reasoning));
        }
    };
    let openai = dialect("openai");
    let own = inject(thought("up", "openai", &OWN));
    let (forwarded, _) = forward_with(body, &openai, &Repairs::default(), own).unwrap();
    let item = r#"{"type":"reasoning","id":"rs_9","summary":[{"type":"summary_text","text":"hm \"so\""}],"encrypted_content":"enc"},"#;
    let call = r#"{"type":"function_call","#;
    let expected = body.replace(call, &format!("{item}{call}")).replace("\"m\"", "\"the-model\"");
    assert_eq!(forwarded, expected);
    let foreign = inject(thought("mimo", "mimo", &[]));
    let (forwarded, notes) = forward_with(body, &openai, &Repairs::default(), foreign).unwrap();
    assert_eq!(forwarded, body.replace("\"m\"", "\"the-model\""));
    assert_eq!(subjects(&notes), ["reasoning-foreign=mimo"]);
}

#[test]
fn summaries_of_ours_become_words() {
    let body = |blob: &str| {
        json!({"model": "m", "input": [{"type": "compaction", "id": "cmp_1", "encrypted_content": blob},
            {"role": "user", "content": "go on"}]}).to_string()
    };
    let openai = dialect("openai");
    let opened = |turn: &mut Turn<'_>| {
        if let Some(Item::Summary(it)) = turn.items.first_mut() {
            it.text = Some("so far".to_owned());
        }
    };
    let (forwarded, _) =
        forward_with(&body("ilc1.x"), &openai, &Repairs::default(), opened).unwrap();
    let forwarded: Value = serde_json::from_str(&forwarded).unwrap();
    let text = forwarded["input"][0]["content"][0]["text"].as_str().unwrap();
    assert!(
        text.starts_with("Summary of the conversation") && text.ends_with("\n\nso far"),
        "{text}"
    );
    let (forwarded, notes) = forward(&body("ilc1.x"), &openai).unwrap();
    assert!(forwarded.contains("cannot be read any more"));
    assert_eq!(subjects(&notes), ["omitted=summary"]);
    let (forwarded, _) = forward(&body("gAAAA"), &openai).unwrap();
    assert!(
        forwarded.contains(r#"{"encrypted_content":"gAAAA","id":"cmp_1","type":"compaction"}"#)
            || forwarded
                .contains(r#"{"type":"compaction","id":"cmp_1","encrypted_content":"gAAAA"}"#)
    );
}

/// What of the fields at the top is changed when a request is passed on.
#[track_caller]
fn check_top(body: &str, dialect: &Dialect, repairs: &Repairs, expected: &str, told: &[&str]) {
    let (forwarded, notes) = forward_with(body, dialect, repairs, |_| {}).unwrap();
    assert_eq!(forwarded, expected);
    assert_eq!(subjects(&notes), told);
}

#[test]
fn fields_are_changed_in_their_place() {
    let openai = dialect("openai");
    let none = Repairs::default();
    check_top(
        r#"{"input":"hi","model":"x","stream":true}"#,
        &openai,
        &none,
        r#"{"store":false,"include":["reasoning.encrypted_content"],"input":"hi","model":"the-model","stream":true}"#,
        &[],
    );
    check_top(
        r#"{ "model" : "x", "store" : true, "temperature":0.5, "include":["message.output_text.logprobs"], "new":{"a":1.0}, "input":"hi" }"#,
        &openai,
        &none,
        r#"{"stream":true, "model" : "the-model", "store" : false, "include":["message.output_text.logprobs","reasoning.encrypted_content"], "new":{"a":1.0}, "input":"hi" }"#,
        &["dropped=temperature"],
    );
    check_top(
        r#"{"model":"x","stream":true,"store":false,"include":["reasoning.encrypted_content"],"reasoning":{"effort":"ultra","summary":"auto"},"text":{"verbosity":"low"},"input":"hi"}"#,
        &openai,
        &none,
        r#"{"model":"the-model","stream":true,"store":false,"include":["reasoning.encrypted_content"],"reasoning":{"effort":"max","summary":"auto"},"text":{"verbosity":"low"},"input":"hi"}"#,
        &[],
    );
    let mut repairs = Repairs::default();
    assert!(repairs.add(Fix::DropParam, Some("reasoning.summary")));
    assert!(repairs.add(Fix::DropParam, Some("text.verbosity")));
    assert!(!repairs.add(Fix::DropParam, Some("input[0].id")));
    check_top(
        r#"{"model":"x","stream":true,"store":false,"include":["reasoning.encrypted_content"],"reasoning":{"effort":"low","summary":"auto"},"text":{"verbosity":"low"},"input":"hi"}"#,
        &openai,
        &repairs,
        r#"{"model":"the-model","stream":true,"store":false,"include":["reasoning.encrypted_content"],"reasoning":{"effort":"low"},"input":"hi"}"#,
        &["dropped=reasoning.summary", "dropped=text.verbosity"],
    );
    let mut repairs = Repairs::default();
    repairs.add(Fix::DisableThinking, None);
    check_top(
        r#"{"model":"x","stream":true,"store":false,"include":["reasoning.encrypted_content"],"input":"hi"}"#,
        &openai,
        &repairs,
        r#"{"reasoning":{"effort":"none"},"model":"the-model","stream":true,"store":false,"include":["reasoning.encrypted_content"],"input":"hi"}"#,
        &[],
    );
    let mut bare = openai.clone();
    bare.responses.drop = ["include", "reasoning", "store", "metadata"].map(str::to_owned).to_vec();
    check_top(
        r#"{"model":"x","metadata":{"a":"b"},"stream":true,"store":false,"reasoning":{"effort":"low"},"include":[],"input":"hi"}"#,
        &bare,
        &none,
        r#"{"model":"the-model","stream":true,"input":"hi"}"#,
        &["dropped=reasoning"],
    );
}

#[test]
fn a_model_that_cannot_think_is_not_asked_to() {
    let resolved = Dialects::builtin().resolve("openai", "gpt-4o").unwrap();
    let body = loop_with(
        &json!({"type": "reasoning", "id": "rs_9", "summary": [], "encrypted_content": "gAAAA"}),
    );
    let (forwarded, notes) = forward(&body, &resolved).unwrap();
    assert!(!forwarded.contains("reasoning"), "{forwarded}");
    assert_eq!(
        subjects(&notes),
        ["dropped=reasoning", "dropped=include reasoning.encrypted_content"]
    );
    let (turn, _) = responses::read(body.as_bytes(), Limits::default()).unwrap();
    let (written, _) = write(&turn, &resolved);
    assert!(written.get("include").is_none() && written.get("reasoning").is_none());
}

#[test]
fn what_the_upstream_cannot_take_as_it_is_is_written_anew() {
    let openai = dialect("openai");
    for body in [
        r#"{"input":[{"role":"user","content":"x"},{"type":"compaction_trigger"}]}"#,
        r#"{"input":[{"type":"item_reference","id":"msg_1"},{"role":"user","content":"x"}]}"#,
        r#"{"input":"x","tools":[{"type":"hologram"}]}"#,
        r#"{"input":[{"role":"user","content":"x"},{"type":"hologram_call","call_id":"c"}]}"#,
    ] {
        assert!(forward(body, &openai).is_none(), "{body}");
    }
    for fix in [
        Fix::DropStrict,
        Fix::LiftImages,
        Fix::ToJsonObject,
        Fix::AddPlaceholder,
        Fix::DropWebSearch,
    ] {
        let mut repairs = Repairs::default();
        repairs.add(fix, None);
        assert!(forward_with("{\"input\":\"x\"}", &openai, &repairs, |_| {}).is_none(), "{fix:?}");
    }
    for client in [Protocol::Chat, Protocol::Messages] {
        let other = |turn: &mut Turn<'_>| turn.protocol = client;
        assert!(forward_with("{\"input\":\"x\"}", &openai, &Repairs::default(), other).is_none());
    }
    let compact = |turn: &mut Turn<'_>| turn.task = Task::Compact;
    assert!(forward_with("{\"input\":\"x\"}", &openai, &Repairs::default(), compact).is_none());
    for body in [
        r#"{"input":"x","tools":[{"type":"web_search_preview_2025_03_11"},{"name":"f"}]}"#,
        r#"{"input":[{"type":"program","id":"p"},{"type":"mcp_list_tools"},{"type":"image_generation_call"}]}"#,
    ] {
        assert!(forward(body, &openai).is_some(), "{body}");
    }
}

#[test]
fn ids_of_calls_are_cut_to_what_the_api_takes() {
    let long = "c".repeat(80);
    let body = loop_with(&json!({"type": "message", "role": "assistant", "content": "a"}))
        .replace("c1", &long);
    let (forwarded, _) = forward(&body, &dialect("openai")).unwrap();
    let (turn, _) = responses::read(body.as_bytes(), Limits::default()).unwrap();
    for body in [serde_json::from_str(&forwarded).unwrap(), write(&turn, &dialect("openai")).0] {
        check_input(&body);
        let calls =
            body["input"].as_array().unwrap().iter().filter_map(|it| it["call_id"].as_str());
        assert_eq!(calls.map(str::len).collect::<Vec<_>>(), [21, 21], "{body}");
    }
}
