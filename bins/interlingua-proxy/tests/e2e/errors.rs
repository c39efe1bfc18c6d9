use std::time::{Duration, Instant};

use interlingua_testkit::http::Call;
use interlingua_testkit::upstream::{
    Answer, Ending, Script, Strict, call, cut, finish, raw, reasoning, text, wait,
};
use serde_json::json;

use crate::stage::{Plan, Stage, TEXT_MODEL};

pub(crate) fn context_overflow() {
    let stage = Stage::new(Script::new().strict(Strict::mimo()).then(Answer::context_overflow()));
    let run = stage.codex.exec("too long").unwrap();
    assert_ne!(run.code, Some(0));
    let told = run.errors().join(" ");
    assert!(told.contains("context window"), "{told}");
    assert_eq!(stage.bodies().len(), 1, "nobody tries again");
}

pub(crate) fn rate_limit() {
    let script = Script::new()
        .strict(Strict::mimo())
        .then(Answer::rate_limited(Some(7)))
        .then(Answer::text("After the wait."));
    let stage = Stage::new(script);
    let begun = Instant::now();
    let run = stage.succeed("hi");
    assert_eq!(run.messages(), ["After the wait."]);
    assert!(begun.elapsed() >= Duration::from_secs(7), "the wait is the upstream's");
    assert_eq!(stage.bodies().len(), 2);
}

pub(crate) fn rate_limit_unknown() {
    let script = Script::new()
        .strict(Strict::mimo())
        .then(Answer::rate_limited(None))
        .then(Answer::text("Second try."));
    let stage = Stage::new(script);
    let run = stage.succeed("hi");
    assert_eq!(run.messages(), ["Second try."]);
}

/// A call that was cut must never be run, and half an answer never looks whole.
pub(crate) fn dies_in_call() {
    let half = r#"{"choices":[{"index":0,"delta":{"tool_calls":[{"index":0,"id":"call_x","type":"function","function":{"name":"exec_command","arguments":"{\"cmd\":\"touch bad"}}]}}]}"#;
    let dying = || {
        Answer::stream([
            reasoning("Begin."),
            raw(format!("data: {half}\n\n")),
            wait(Duration::from_millis(50)),
            cut(),
        ])
    };
    let script =
        Script::new().strict(Strict::mimo()).then(dying()).then(Answer::text("Whole at last."));
    let stage = Stage::new(script);
    let run = stage.succeed("hi");
    assert_eq!(run.messages(), ["Whole at last."]);
    assert_eq!(run.items("command_execution").len(), 0, "{}", run.transcript());
    assert_eq!(std::fs::read_dir(stage.codex.cwd()).unwrap().count(), 0);
    let log = stage.gateway.log();
    assert!(log.contains("stream_interrupted"), "{log}");
}

pub(crate) fn stall() {
    let script = Script::new()
        .strict(Strict::mimo())
        .then(Answer::stream([text("Half"), wait(Duration::from_secs(20)), finish("stop")]))
        .then(Answer::text("Whole."));
    let plan =
        Plan { tables: "[timeouts]\nidle = \"1s\"\nheartbeat = \"300ms\"", ..Plan::default() };
    let stage = Stage::with(script, plan);
    let run = stage.codex.exec("hi").unwrap();
    assert_eq!(run.code, Some(0), "{}\n{}", run.transcript(), stage.gateway.log());
    assert_eq!(run.messages().last(), Some(&"Whole."));
    let told = run.stdout.contains("silent for") || stage.gateway.log().contains("silent for");
    assert!(told, "{}", run.transcript());
}

pub(crate) fn slow_start() {
    let script = Script::new()
        .strict(Strict::mimo())
        .then(Answer::text("Late.").after(Duration::from_secs(3)))
        .then(Answer::text("Late.").after(Duration::from_secs(3)));
    let plan = Plan {
        tables: "[timeouts]\ncommit_grace = \"500ms\"\nheartbeat = \"400ms\"",
        codex: String::new(),
        ..Plan::default()
    };
    let stage = Stage::with(script, plan);
    let body = json!({ "model": TEXT_MODEL, "input": "hi", "stream": true });
    let reply = stage.gateway.send(&Call::post("/v1/responses", &body)).unwrap();
    let events = reply.events();
    let beats = events.iter().filter(|it| it["type"] == "response.in_progress").count();
    assert!(beats >= 4, "{}", reply.text());
    for (at, event) in events.iter().enumerate() {
        assert_eq!(event["sequence_number"], at, "{}", reply.text());
    }
    assert_eq!(events.last().unwrap()["type"], "response.completed");
    // A client whose own patience is shorter than the model's silence.
    let config = std::fs::read_to_string(stage.codex.home().join("config.toml")).unwrap();
    stage.codex.configure(&format!("{config}stream_idle_timeout_ms = 1500\n")).unwrap();
    let run = stage.succeed("hi");
    assert_eq!(run.messages(), ["Late."]);
}

pub(crate) fn wrong_key() {
    let stage = Stage::with(
        Script::new().strict(Strict::mimo()),
        Plan { key: Some("sk-wrong-canary-55"), ..Plan::default() },
    );
    let run = stage.codex.exec("hi").unwrap();
    assert_ne!(run.code, Some(0));
    let told = run.errors().join(" ");
    assert!(told.contains("UP_KEY") && told.contains("up"), "{told}");
    let asked = stage.gateway.log().matches("\"err\":\"auth\"").count();
    assert_eq!(asked, 1, "Codex tries once: {}", stage.gateway.log());
    for text in [stage.gateway.log(), run.transcript()] {
        assert!(!text.contains("sk-wrong-canary-55"), "the key was printed");
    }
}

pub(crate) fn wrong_client_key() {
    let stage = Stage::with(
        Script::new().strict(Strict::mimo()),
        Plan {
            top: "[[client_keys]]\nid = \"laptop\"\nhash = \"blake3:af1349b9f5f9a1a6a0404dea36dcc9499bcb25c9adc112b7cc9a93cae41f3262\"",
            ..Plan::default()
        },
    );
    let run = stage.codex.exec("hi").unwrap();
    assert_ne!(run.code, Some(0));
    assert!(run.transcript().contains("interlingua keys add"), "{}", run.transcript());
    assert_eq!(stage.bodies().len(), 0);
}

pub(crate) fn client_gone() {
    let script = Script::new().strict(Strict::mimo()).then(Answer::stream([
        text("One. "),
        wait(Duration::from_secs(10)),
        text("Two."),
        call("call_1", "f", "{}"),
        finish("stop"),
    ]));
    let stage = Stage::new(script);
    let body = json!({ "model": TEXT_MODEL, "input": "hi", "stream": true });
    let call = Call::post("/v1/responses", &body);
    let begun = Instant::now();
    let connection = call.open(stage.gateway.address()).unwrap();
    stage.upstream.wait_until(Duration::from_secs(5), |all| !all.is_empty());
    std::thread::sleep(Duration::from_millis(300));
    drop(connection);
    let gone = |all: &[interlingua_testkit::upstream::Exchange]| {
        all.iter().any(|it| it.ending == Ending::ClientGone)
    };
    let exchanges = stage.upstream.wait_until(Duration::from_secs(5), gone);
    assert!(gone(&exchanges), "the upstream goes on: {exchanges:?}");
    assert!(begun.elapsed() < Duration::from_secs(5));
    assert!(stage.gateway.log().contains("\"status\":499"), "{}", stage.gateway.log());
}
