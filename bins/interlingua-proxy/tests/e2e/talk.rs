use std::fs;
use std::process::Command;

use interlingua_testkit::codex::PICTURE;
use interlingua_testkit::gateway::Setup;
use interlingua_testkit::http::Call;
use interlingua_testkit::schema;
use interlingua_testkit::upstream::{Answer, Script, Strict, call, finish, reasoning, text, usage};
use serde_json::{Value, json};

use crate::stage::{Plan, Stage, TEXT_MODEL, VISION_MODEL, binary, codex, of_role};

pub(crate) fn demo() {
    let gateway = Setup::new(binary(), "").start().unwrap();
    let codex = codex(&gateway, "demo/assistant", "");
    let run = codex.exec("hello").unwrap();
    assert_eq!(run.code, Some(0), "{}", run.transcript());
    assert!(run.messages()[0].contains("demo model"), "{}", run.transcript());
    assert_eq!(run.items("command_execution").len(), 1, "{}", run.transcript());
    assert!(codex.cwd().join("interlingua-demo.txt").exists(), "{}", run.transcript());
}

pub(crate) fn text_turn() {
    let answer = Answer::stream([
        reasoning("The user greets me."),
        text("Hello from 你好 \"up\"."),
        finish("stop"),
        usage(120, 30),
    ]);
    let stage = Stage::new(Script::new().strict(Strict::mimo()).then(answer));
    let run = stage.succeed("greet me");
    assert_eq!(run.messages(), ["Hello from 你好 \"up\"."]);
    assert_eq!(run.items("reasoning")[0]["text"], "The user greets me.");
    let done = run.events.iter().find(|it| it["type"] == "turn.completed").unwrap();
    assert_eq!(done["usage"]["input_tokens"], 120);
    assert_eq!(done["usage"]["output_tokens"], 30);

    let body = &stage.bodies()[0];
    assert_eq!(body["model"], "mimo-v2.5-pro");
    assert_eq!(body["stream_options"]["include_usage"], true);
    let users = of_role(body, "user");
    assert_eq!(users.last().unwrap()["content"], "greet me");
    let rules = of_role(body, "system");
    assert!(rules[0]["content"].as_str().unwrap().contains("apply_patch"), "our instructions");
    let log = stage.gateway.log();
    assert!(log.contains("\"asked\":\"up/mimo-v2.5-pro\""), "{log}");
    assert!(log.contains("\"provider\":\"up\""), "{log}");
}

pub(crate) fn whole() {
    let answer = || Answer::whole([reasoning("Short."), text("Hi."), finish("stop"), usage(12, 3)]);
    let script = Script::new().strict(Strict::mimo()).then(answer()).then(Answer::stream([
        reasoning("Short."),
        text("Hi."),
        finish("stop"),
        usage(12, 3),
    ]));
    let stage = Stage::new(script);
    let ask = |stream: bool| {
        let body = json!({ "model": TEXT_MODEL, "input": "hi", "stream": stream });
        stage.gateway.send(&Call::post("/v1/responses", &body)).unwrap()
    };
    let reply = ask(false);
    assert_eq!(reply.status, 200, "{}", reply.text());
    let response = reply.json();
    schema::openai().check_response(&response).unwrap();
    schema::open_responses().check_response(&response).unwrap();
    assert_eq!(response["status"], "completed");
    assert_eq!(response["output"][1]["content"][0]["text"], "Hi.");
    assert_eq!(reply.header("x-interlingua-provider"), Some("up"));
    assert_eq!(reply.header("x-interlingua-model"), Some("mimo-v2.5-pro"));
    assert_eq!(reply.header("x-interlingua-attempts"), Some("1"));
    assert!(reply.header("x-request-id").unwrap().starts_with("req_"));

    let reply = ask(true);
    assert_eq!(reply.header("x-interlingua-provider"), Some("up"));
    let events = reply.events();
    for event in &events {
        let mut event = event.clone();
        // OpenAI itself sends a usage of `null` until it is known, against its own description.
        if let Some(response) = event["response"].as_object_mut() {
            response.retain(|name, value| name != "usage" || !value.is_null());
        }
        let event = &event;
        schema::openai().check_event(event).unwrap_or_else(|why| panic!("{event}: {why:?}"));
        let kind = event["type"].as_str().unwrap();
        if event["response"].is_null() && schema::open_responses().knows_event(kind) {
            schema::open_responses()
                .check_event(event)
                .unwrap_or_else(|why| panic!("{event}: {why:?}"));
        }
    }
    assert_eq!(events.last().unwrap()["type"], "response.completed");
}

/// Every event and response fits the types of OpenAI's own SDK, and a plain loop on it carries the
/// model's thoughts without knowing.
pub(crate) fn openai_sdk() {
    let script = Script::new()
        .strict(Strict::mimo())
        .then(Answer::whole([reasoning("Short."), text("Hi."), finish("stop"), usage(12, 3)]))
        .then(Answer::stream([
            reasoning("Look it up."),
            text("One moment."),
            call("call_1", "lookup", r#"{"word":"gateway"}"#),
            finish("tool_calls"),
        ]))
        .then(Answer::stream([
            reasoning("Now I know."),
            text("A way in."),
            finish("stop"),
            usage(50, 9),
        ]))
        .then(Answer::whole([text("They asked for a word."), finish("stop"), usage(60, 5)]))
        .then_with(|request| {
            assert!(request.contains("They asked for a word."), "the summary goes back");
            Answer::whole([reasoning("On."), text("Next word."), finish("stop"), usage(70, 6)])
        });
    let stage = Stage::new(script);
    let folder = interlingua_testkit::fixtures::workspace();
    let output = Command::new(folder.join("target/e2e/venv/bin/python"))
        .arg(folder.join("bins/interlingua-proxy/tests/e2e/openai_sdk.py"))
        .args([&stage.gateway.base_url(), TEXT_MODEL])
        .output()
        .expect("`cargo xtask e2e` fetches the SDK");
    let told = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{told}\n{}", stage.gateway.log());
    let got: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!((&got["whole"], &got["final"]), (&json!("Hi."), &json!("A way in.")));
    let events = got["events"].as_array().unwrap();
    assert!(events.contains(&json!("response.function_call_arguments.done")), "{events:?}");
    assert_eq!(got["compacted"], json!(["compaction"]));
    assert_eq!(got["after"], "Next word.");
    assert_eq!(stage.upstream.faults(), [""; 0]);
}

pub(crate) fn json_schema() {
    let answer = r#"{"a":"b"}"#;
    let stage = Stage::new(Script::new().strict(Strict::mimo()).then(Answer::text(answer)));
    let schema = stage.codex.cwd().join("schema.json");
    let wanted = json!({
        "type": "object", "properties": { "a": { "type": "string" } },
        "required": ["a"], "additionalProperties": false,
    });
    fs::write(&schema, wanted.to_string()).unwrap();
    let run = stage.succeed_with(&["--output-schema", schema.to_str().unwrap()], "say b");
    assert_eq!(run.messages(), [answer]);
    let format = &stage.bodies()[0]["response_format"];
    assert_eq!(format["type"], "json_schema");
    assert_eq!(format["json_schema"]["schema"], wanted);
}

fn with_picture(model: &'static str) -> Stage {
    let script = Script::new()
        .strict(Strict::mimo().blind(["mimo-v2.5-pro"]))
        .then(Answer::text("A red square."));
    let stage = Stage::with(script, Plan { model: Some(model), ..Plan::default() });
    fs::write(stage.codex.cwd().join("a.png"), PICTURE).unwrap();
    let run = stage.succeed_with(&["-i", "a.png"], "what is this?");
    assert_eq!(run.messages(), ["A red square."]);
    stage
}

pub(crate) fn image_in() {
    let stage = with_picture(VISION_MODEL);
    let body = &stage.bodies()[0];
    let parts = of_role(body, "user").last().unwrap()["content"].as_array().unwrap().clone();
    let image = parts.iter().find(|it| it["type"] == "image_url").unwrap();
    assert!(image["image_url"]["url"].as_str().unwrap().starts_with("data:image/png;base64,"));
}

pub(crate) fn image_to_text_model() {
    let stage = with_picture(TEXT_MODEL);
    let body = stage.bodies()[0].to_string();
    assert!(!body.contains("\"type\":\"image_url\""), "{body}");
    assert!(body.contains("image"), "the placeholder, Codex's or ours");
}

pub(crate) fn unknown_model() {
    let stage = Stage::with(
        Script::new().strict(Strict::mimo()),
        Plan { model: Some("up/mimo-v2.5-prx"), ..Plan::default() },
    );
    let run = stage.codex.exec("hi").unwrap();
    assert_ne!(run.code, Some(0));
    let told = run.errors().join(" ");
    assert!(told.contains("up/mimo-v2.5-prx") && told.contains("`up/mimo-v2.5-pro`"), "{told}");
    assert_eq!(stage.bodies().len(), 0, "nobody else answers");
    let asked = stage.gateway.log().matches("\"asked\":\"up/mimo-v2.5-prx\"").count();
    assert_eq!(asked, 1, "Codex tries once");
}
