//! What is tried again, and what that looks like.

use std::time::{Duration, Instant};

use interlingua_testkit::fixtures;
use interlingua_testkit::http::Call;
use interlingua_testkit::talk::Talker;
use interlingua_testkit::upstream::{Wire, finish, text};
use serde_json::{Value, json};

use crate::stage::{
    Answer, Canned, LONG, MODEL, Plan, Running, Script, Scripted, Stage, Then, codex, config, last,
    turn,
};

#[test]
fn a_passing_failure_is_not_seen() {
    for answer in [
        Answer::error(500, "internal", "oops"),
        Answer::hang_up(),
        Answer::bytes(200, ""),
        Answer::rate_limited(Some(0)),
    ] {
        for call in [turn(true), turn(false), codex()] {
            let script = Script::new().then(answer.clone()).then(Answer::text("hello"));
            let stage = Stage::new(script);
            let reply = stage.send(&call);
            assert_eq!(reply.status, 200, "{}", reply.text());
            assert!(reply.text().contains("hello"));
            assert_eq!(reply.header("x-interlingua-attempts"), Some("2"), "{answer:?}");
            let line = &stage.gateway.requests(1)[0];
            assert_eq!((&line["attempts"], &line["status"]), (&2.into(), &200.into()), "{line}");
        }
    }
}

#[test]
fn a_short_wait_is_kept() {
    let script = Script::new().then(Answer::rate_limited(Some(1))).then(Answer::text("hello"));
    let stage = Stage::new(script);
    let begun = Instant::now();
    assert_eq!(last(&stage.send(&codex()))["type"], "response.completed");
    assert!(begun.elapsed() >= Duration::from_secs(1));
}

#[test]
fn what_is_permanent_is_asked_once() {
    for answer in [
        Answer::error(400, "bad_param", "no such thing"),
        Answer::error(404, "not_found", "no such model"),
        Answer::error(402, "insufficient_balance", "no money"),
    ] {
        let stage = Stage::new(Script::new().otherwise(answer));
        let reply = stage.send(&turn(false));
        assert!((400..500).contains(&reply.status), "{}", reply.text());
        assert_eq!(stage.upstream.exchanges().len(), 1, "{}", reply.text());
    }
}

/// A parameter that the upstream refuses by its name.
fn refused(name: &str) -> Answer {
    let why = format!("Unsupported parameter: '{name}' is not supported with this model.");
    Answer::error(400, "unsupported_parameter", &why)
}

#[test]
fn a_parameter_that_is_refused_by_name_is_left_out_and_remembered() {
    let script = Script::new().then(refused("top_p")).otherwise(Answer::text("hello"));
    let stage = Stage::new(script);
    let call = || {
        let body = json!({ "model": MODEL, "input": "hi", "top_p": 0.5 });
        Call::post("/v1/responses", &body).limit(LONG)
    };
    for attempts in ["2", "1"] {
        let reply = stage.send(&call());
        assert_eq!(reply.status, 200, "{}", reply.text());
        assert_eq!(reply.header("x-interlingua-attempts"), Some(attempts));
        assert!(reply.header("x-interlingua-notes").is_some_and(|it| it.contains("top_p")));
    }
    let sent = stage.upstream.bodies();
    let has = |it: &Value| it.get("top_p").is_some();
    assert_eq!(sent.iter().map(has).collect::<Vec<_>>(), [true, false, false]);
    // Another configuration starts anew.
    stage.gateway.replace(&config(&stage.upstream.base_url(), &Plan::default()));
    stage.send(&call());
    assert!(stage.upstream.bodies().last().is_some_and(has));
}

#[test]
fn what_is_refused_one_after_the_other_is_left_out_one_after_the_other() {
    let script = Script::new().then(refused("top_p")).then(refused("user"));
    let stage = Stage::new(script.otherwise(Answer::text("hello")));
    let body = json!({ "model": MODEL, "input": "hi", "top_p": 0.5, "user": "u" });
    for attempts in ["3", "1"] {
        let reply = stage.send(&Call::post("/v1/responses", &body).limit(LONG));
        assert_eq!(reply.status, 200, "{}", reply.text());
        assert_eq!(reply.header("x-interlingua-attempts"), Some(attempts));
    }
    let last = stage.upstream.bodies().pop().unwrap();
    assert!(last.get("top_p").is_none() && last.get("user").is_none(), "{last}");
}

/// A recorded refusal of an answer that was to be too long.
fn too_long(name: &str) -> Answer {
    let fixture = fixtures::json(format!("dialects/errors/{name}-max-tokens.json"));
    Answer::json(400, fixture["body"].clone())
}

/// Agents ask for as long an answer as their own vendor's models give.
#[test]
fn an_answer_is_no_longer_than_the_model_gives() {
    for (dialect, field, most) in [
        ("mimo", "max_completion_tokens", 131_072),
        ("qwen", "max_tokens", 8_192),
        ("volcengine", "max_tokens", 12_288),
        ("anthropic", "max_tokens", 64_000),
        ("openai", "max_output_tokens", 4_096),
    ] {
        let script = Script::new().then(too_long(dialect)).otherwise(Answer::text("hello"));
        let stage = stage(dialect, script);
        for client in Wire::ALL {
            let mut talker = Talker::new(client, MODEL).limit(LONG);
            talker.say("Go.");
            let mut body = talker.body(false);
            let limit = match client {
                Wire::Responses => "max_output_tokens",
                Wire::Chat | Wire::Messages => "max_tokens",
            };
            body[limit] = 200_000.into();
            let reply = stage.send(&talker.call(&body));
            let what = format!("{client:?} at {dialect}: {}", reply.text());
            assert!(talker.read(&reply, false).is_ok_and(|it| it.text == "hello"), "{what}");
            let attempts = if client == Wire::ALL[0] { "2" } else { "1" };
            assert_eq!(reply.header("x-interlingua-attempts"), Some(attempts), "{what}");
            let notes = reply.header("x-interlingua-notes").unwrap_or_default();
            assert!(notes.contains("_tokens"), "{notes:?}: {what}");
            let sent = stage.upstream.bodies().pop().unwrap();
            assert_eq!(sent[field], most, "{what}");
        }
    }
}

/// What a model gives at most is no reason to ask it for so much.
#[test]
fn who_wants_no_special_length_is_given_none_because_of_a_limit() {
    let script = Script::new().then(too_long("anthropic")).otherwise(Answer::text("hello"));
    let stage = stage("anthropic", script);
    let long = json!({ "model": MODEL, "input": "hi", "max_output_tokens": 200_000 });
    let plain = json!({ "model": MODEL, "input": "hi" });
    for body in [long, plain] {
        let reply = stage.send(&Call::post("/v1/responses", &body).limit(LONG));
        assert_eq!(reply.status, 200, "{}", reply.text());
    }
    let sent = stage.upstream.bodies();
    let limits: Vec<_> = sent.iter().map(|it| it["max_tokens"].as_u64().unwrap()).collect();
    assert_eq!(limits, [200_000, 64_000, 32_000]);
}

/// How much room is left depends on the conversation, so the next one is asked as it wants to be.
#[test]
fn what_the_window_has_no_room_for_is_not_asked_for() {
    let script = Script::new().then(too_long("vllm")).otherwise(Answer::text("hello"));
    let stage = stage("vllm", script);
    let body = json!({ "model": MODEL, "max_tokens": 32_000, "messages": [
        { "role": "user", "content": "Go." }] });
    let call = Call::post("/v1/messages", &body).limit(LONG);
    assert_eq!(stage.send(&call).status, 200);
    assert_eq!(stage.send(&call).status, 200);
    let sent: Vec<_> = stage.upstream.bodies();
    let limits: Vec<_> =
        sent.iter().map(|it| it["max_completion_tokens"].as_u64().unwrap()).collect();
    assert_eq!(limits, [32_000, 15_309, 32_000]);
}

/// Where a server does not say how long the conversation is, half an answer is asked for, and half of that.
#[test]
fn an_answer_becomes_shorter_until_the_window_has_room_for_it() {
    let refused = |output: u64| {
        let why = format!(
            "This model's maximum context length is 32768 tokens. However, you requested {output} output \
             tokens and your prompt contains at least {} input tokens, for a total of at least 32769 tokens.",
            32_769 - output
        );
        Answer::error(400, "BadRequestError", &why)
    };
    let script = Script::new().then(refused(32_000)).then(refused(16_000));
    let stage = stage("vllm", script.otherwise(Answer::text("hello")));
    let body = json!({ "model": MODEL, "max_tokens": 32_000, "messages": [
        { "role": "user", "content": "Go." }] });
    assert_eq!(stage.send(&Call::post("/v1/messages", &body).limit(LONG)).status, 200);
    let sent = stage.upstream.bodies();
    let limits: Vec<_> =
        sent.iter().map(|it| it["max_completion_tokens"].as_u64().unwrap()).collect();
    assert_eq!(limits, [32_000, 16_000, 8_000]);
}

/// A limit that was no help does not keep the right repair from being made.
#[test]
fn a_refusal_may_name_a_limit_and_a_parameter() {
    let why = "max_tokens must be less than or equal to 9000. Unsupported parameter: 'top_p'";
    let twice =
        Script::new().then(Answer::error(400, "bad", why)).then(Answer::error(400, "bad", why));
    let stage = stage("vllm", twice.otherwise(Answer::text("hello")));
    let body = json!({ "model": MODEL, "max_tokens": 32_000, "top_p": 0.5, "messages": [
        { "role": "user", "content": "Go." }] });
    assert_eq!(stage.send(&Call::post("/v1/messages", &body).limit(LONG)).status, 200);
    assert!(stage.upstream.bodies()[2].get("top_p").is_none());
    let mut other = body.clone();
    other["top_p"] = json!(null);
    stage.send(&Call::post("/v1/messages", &other).limit(LONG));
    assert_eq!(
        stage.upstream.bodies()[3]["max_completion_tokens"],
        32_000,
        "nothing was learned of it"
    );
}

/// Who asks for less than what is given was refused for another reason.
#[test]
fn a_short_answer_is_not_made_shorter() {
    let stage = stage("vllm", Script::new().otherwise(too_long("vllm")));
    let body = json!({ "model": MODEL, "max_tokens": 9_000, "messages": [
        { "role": "user", "content": "Go." }] });
    let reply = stage.send(&Call::post("/v1/messages", &body).limit(LONG));
    assert_eq!((reply.status, stage.upstream.exchanges().len()), (400, 1), "{}", reply.text());
}

/// A gateway before an upstream of this dialect.
fn stage(dialect: &str, script: Script) -> Stage {
    let upstream = Scripted::start(script).unwrap();
    let provider = if dialect == "openai" { "wire = \"responses\"" } else { "" };
    let config = config(&upstream.base_url(), &Plan { provider, ..Plan::default() });
    let config = config.replace("\"mimo\"", &format!("\"{dialect}\""));
    Stage { upstream, gateway: Running::start(&config) }
}

/// A server that always finds something else is not asked for ever, and nothing is learned from it.
#[test]
fn a_request_is_not_mended_for_ever() {
    let names = ["temperature", "top_p", "user", "metadata", "seed"];
    let script = names.iter().fold(Script::new(), |script, name| script.then(refused(name)));
    let stage = Stage::new(script.otherwise(Answer::text("hello")));
    let body = json!({ "model": MODEL, "input": "hi", "top_p": 0.5 });
    let call = Call::post("/v1/responses", &body).limit(LONG);
    let reply = stage.send(&call);
    assert_eq!(reply.status, 400, "{}", reply.text());
    assert!(reply.text().contains("seed"), "{}", reply.text());
    assert_eq!(stage.send(&call).status, 200);
    assert_eq!(stage.upstream.bodies().pop().unwrap()["top_p"], 0.5);
}

/// Whoever says something else with the same parameter is not to pay for it.
#[test]
fn a_value_that_is_refused_is_left_out_once() {
    let why = "Unsupported value: 'top_p' does not support 7 with this model.";
    let refused = Answer::error(400, "unsupported_value", why);
    let stage = Stage::new(Script::new().then(refused).otherwise(Answer::text("hello")));
    for (top_p, attempts) in [(7.0, "2"), (0.5, "1")] {
        let body = json!({ "model": MODEL, "input": "hi", "top_p": top_p });
        let reply = stage.send(&Call::post("/v1/responses", &body).limit(LONG));
        assert_eq!(reply.status, 200, "{}", reply.text());
        assert_eq!(reply.header("x-interlingua-attempts"), Some(attempts));
    }
    let sent = stage.upstream.bodies();
    let top_p: Vec<_> = sent.iter().map(|it| it.get("top_p").and_then(Value::as_f64)).collect();
    assert_eq!(top_p, [Some(7.0), None, Some(0.5)]);
}

#[test]
fn what_makes_up_a_request_is_never_left_out() {
    let stage = Stage::new(Script::new().otherwise(refused("messages")));
    assert_eq!(stage.send(&turn(false)).status, 400);
    assert_eq!(stage.upstream.exchanges().len(), 1);
}

/// F12: a pooled connection that its upstream has closed meanwhile is nobody's failure.
#[test]
fn a_stale_connection_is_replaced() {
    let body = "data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"hello\"},\"finish_reason\":\"stop\"}]}\n\ndata: [DONE]\n\n";
    let head = "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ncontent-length:";
    let answer = format!("{head} {}\r\n\r\n{body}", body.len());
    // It promises to keep the connection, and closes it after every answer.
    let canned = Canned::start(answer.into_bytes(), Then::Close);
    let gateway = Running::start(&config(&canned.base_url(), &Plan::default()));
    for pause in [0, 0, 0, 1, 5, 20, 50] {
        std::thread::sleep(Duration::from_millis(pause));
        let reply = gateway.send(&turn(true));
        assert_eq!(reply.status, 200, "{}", reply.text());
        assert_eq!(last(&reply)["type"], "response.completed");
    }
}

#[test]
fn an_alias_goes_on_to_its_next_target() {
    let spare = Scripted::start(
        Script::new().otherwise(Answer::stream([text("From the spare."), finish("stop")])),
    )
    .unwrap();
    let tables = format!(
        r#"
        [providers.spare]
        base_url = "{}"
        dialect = "mimo"
        key = {{ env = "UP_KEY" }}
        models = [{{ id = "n", context_window = 100000 }}]
        [aliases]
        work = {{ targets = ["up/m", "spare/n"], policy = "failover" }}
        "#,
        spare.base_url()
    );
    let plan = Plan { tables: &tables, ..Plan::default() };
    let stage = Stage::with(Script::new().otherwise(Answer::error(401, "invalid", "no")), &plan);
    let call = turn(false).body(r#"{"model":"work","input":"hi"}"#);
    let reply = stage.send(&call);
    assert!(reply.text().contains("From the spare."), "{}", reply.text());
    assert_eq!(reply.header("x-interlingua-provider"), Some("spare"));
    assert_eq!(reply.header("x-interlingua-model"), Some("n"));
    assert_eq!(reply.header("x-interlingua-attempts"), Some("2"));
}
