//! The prompt cache of an upstream: two requests of one conversation share their beginning to the byte.

use std::collections::BTreeMap;

use interlingua_testkit::fixtures;
use interlingua_testkit::http::Call;
use interlingua_testkit::upstream::{Answer, Request, Script, Wire};
use serde_json::Value;
use serde_json::value::RawValue;

use super::answers::step;
use super::{KINDS, Kind, Pair, at_once, for_each, go_on, talker};
use crate::stage::{LONG, MODEL, Stage};

/// A mark of where a cache ends is no part of what is cached, and it moves on.
const MARK: &str = r#","cache_control":{"type":"ephemeral"}"#;

/// Checks that everything the first request says stands at the beginning of the second one.
#[track_caller]
fn share(case: &str, kind: Kind, first: &Request, second: &Request) {
    let (one, two) = (fields(first), fields(second));
    let history = if kind.wire == Wire::Responses { "input" } else { "messages" };
    assert_eq!(
        one.keys().collect::<Vec<_>>(),
        two.keys().collect::<Vec<_>>(),
        "{case}: other fields"
    );
    for (name, json) in &one {
        let (json, later) = (json.get().replace(MARK, ""), two[name].get().replace(MARK, ""));
        if name == history || name == "tools" {
            let said = json.trim_end().strip_suffix(']').unwrap().trim_end();
            assert!(later.starts_with(said), "{case}: {said}\nis not the beginning of\n{later}");
            assert!(later.len() > json.len() || name == "tools", "{case}: nothing was added");
        } else {
            assert_eq!(json, later, "{case}: `{name}` changes in mid conversation");
        }
    }
}

/// The fields at the top of a body, as they were written.
fn fields(request: &Request) -> BTreeMap<String, Box<RawValue>> {
    serde_json::from_slice(&request.raw).unwrap()
}

/// What is written anew ends in the conversation, so that all of it is the beginning of the next one.
#[track_caller]
fn share_all(case: &str, first: &Request, second: &Request) {
    let [first, second] =
        [first, second].map(|it| String::from_utf8(it.raw.to_vec()).unwrap().replace(MARK, ""));
    let said = first.strip_suffix("]}").unwrap_or_else(|| panic!("{case}: {first}"));
    assert!(second.starts_with(said), "{case}: {first}\n{second}");
}

#[test]
fn turns_share_their_beginning() {
    for_each(|pair, stream| {
        let Pair { client, kind } = pair;
        let script =
            kind.script().then(step(kind, 1)).then(step(kind, 3)).then(Answer::text("Done."));
        let stage = kind.stage(script, "");
        let mut talker = talker(client, "look at \"both\" 你好");
        for said in ["more", "and more"] {
            go_on(&mut talker, stage.address(), client, stream);
            talker.answer(|call| format!("result\nof {}", call.name));
            talker.say(said);
        }
        go_on(&mut talker, stage.address(), client, stream);
        let all = stage.upstream.exchanges();
        assert_eq!(stage.upstream.faults(), [""; 0], "{pair}");
        for two in all.windows(2) {
            let (first, second) = (&two[0].request, &two[1].request);
            share(&pair.to_string(), kind, first, second);
            if !pair.is_lane() {
                share_all(&pair.to_string(), first, second);
            }
        }
    });
}

/// The loops that Claude Code was seen in, by the file that holds the whole of each.
const LOOPS: [&str; 5] = [
    "claude_02_tool_loop_second_request",
    "claude_03_redacted_thinking_replay",
    "claude_04_parallel_results",
    "claude_06_deferred_tool_loaded",
    "claude_20_second_turn_empty_signature",
];

/// The billing line differs from request to request here, and the client moves its cache mark.
#[test]
fn what_claude_code_changes_on_its_own_changes_nothing() {
    at_once(KINDS, |kind| {
        let stage = kind.stage(Script::new().otherwise(Answer::text("Done.")), "");
        // Who can take the line is sent it, and has to have it as the client says it.
        let is_own = kind.dialect == "anthropic";
        for name in LOOPS {
            let whole = fixtures::json(format!("clients/messages/{name}.request.json"));
            let count = whole["body"]["messages"].as_array().unwrap().len();
            // Requests end where the user or a tool has said something.
            let ends: Vec<_> =
                (1..=count).filter(|end| is_a_request(&whole["body"], *end)).collect();
            assert!(ends.len() > 1, "{name}");
            let before = stage.upstream.exchanges().len();
            for (at, end) in ends.iter().enumerate() {
                let billing = if is_own { "a1b".into() } else { format!("{at}c3") };
                send(&stage, &whole, *end, &billing);
            }
            let all = stage.upstream.exchanges();
            for two in all[before..].windows(2) {
                let case = format!("{name} to {kind}");
                share(&case, kind, &two[0].request, &two[1].request);
                let told = two[1].request.contains("x-anthropic-billing-header");
                assert_eq!(told, is_own, "{case}: whom the line is for");
                let tools = |at: usize| two[at].request.body["tools"].clone();
                if !is_own && tools(0) == tools(1) {
                    share_all(&case, &two[0].request, &two[1].request);
                }
            }
        }
    });
}

fn is_a_request(body: &Value, end: usize) -> bool {
    let role = |at: usize| body["messages"][at]["role"].as_str();
    // A rule of the system belongs to what the user says before it.
    role(end - 1) != Some("assistant") && role(end) != Some("system")
}

fn send(stage: &Stage, captured: &Value, end: usize, billing: &str) {
    let mut body = captured["body"].clone();
    body["model"] = MODEL.into();
    body["messages"].as_array_mut().unwrap().truncate(end);
    let line = &mut body["system"][0]["text"];
    assert!(line.as_str().unwrap().starts_with("x-anthropic-billing-header:"));
    *line = format!("x-anthropic-billing-header: cc_version=2.1.329.{billing}; cc_entrypoint=cli;")
        .into();
    let headers = captured["headers"].as_object().unwrap().iter();
    let call = Call::post(captured["path"].as_str().unwrap(), &body).limit(LONG);
    let call = headers
        .filter(|(name, _)| name.starts_with("anthropic-"))
        .fold(call, |call, (name, value)| call.header(name, value.as_str().unwrap()));
    let reply = stage.send(&call);
    assert_eq!(reply.status, 200, "{}", reply.text());
}
