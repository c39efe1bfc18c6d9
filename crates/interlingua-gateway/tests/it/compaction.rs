//! Conversations that are replaced by a summary.

use interlingua_testkit::http::{Call, Reply};
use interlingua_testkit::upstream::{finish, reasoning, text, usage};
use serde_json::{Value, json};

use crate::keys::keyed;
use crate::stage::{Answer, LONG, MODEL, Plan, Script, Stage, kinds, last};

fn summed(summary: &str) -> Answer {
    Answer::stream([reasoning("Sum up."), text(summary), finish("stop"), usage(900, 30)])
}

/// A conversation of two turns, each `size` bytes long.
fn history(size: usize) -> Vec<Value> {
    let say = |role: &str, what: &str| json!({ "role": role, "content": what });
    let long = |what: &str| format!("{what} {}", "x".repeat(size));
    vec![
        say("developer", "The rules."),
        say("user", &long("First question.")),
        say("assistant", "First answer."),
        say("user", &long("Second question.")),
        json!({ "type": "function_call", "call_id": "c1", "name": "f", "arguments": "{}" }),
        json!({ "type": "function_call_output", "call_id": "c1", "output": "The result." }),
    ]
}

fn send(stage: &Stage, path: &str, input: &[Value], stream: bool) -> Reply {
    let tools = json!([{ "type": "function", "name": "f", "parameters": { "type": "object" } }]);
    let body = json!({ "model": MODEL, "input": input, "tools": tools, "stream": stream });
    stage.send(&Call::post(path, &body).limit(LONG))
}

fn triggered(size: usize) -> Vec<Value> {
    [history(size), vec![json!({ "type": "compaction_trigger" })]].concat()
}

/// What the upstream was asked last.
fn asked(stage: &Stage) -> Value {
    stage.upstream.bodies().pop().unwrap()
}

#[test]
fn a_summary_comes_as_one_item_and_goes_back_opened() {
    let stage = Stage::new(Script::new().then(summed("We did X.")).then(Answer::text("On.")));
    let reply = send(&stage, "/v1/responses", &triggered(10), true);
    let events = reply.events();
    assert_eq!(kinds(&reply).iter().filter(|it| *it == "response.output_item.done").count(), 1);
    assert!(!kinds(&reply).iter().any(|it| it.contains("delta")), "{}", reply.text());
    assert_eq!(last(&reply)["type"], "response.completed");
    assert_eq!(last(&reply)["response"]["usage"]["total_tokens"], 930);
    let done = events.iter().find(|it| it["type"] == "response.output_item.done").unwrap();
    let item = done["item"].clone();
    assert_eq!(item["type"], "compaction");
    assert!(!reply.text().contains("We did X."), "it is sealed");
    assert_eq!(reply.header("x-interlingua-provider"), Some("up"));
    let question = asked(&stage);
    assert!(question.get("tools").is_none(), "{question}");
    let messages = question["messages"].as_array().unwrap();
    assert!(messages.last().unwrap()["content"].as_str().unwrap().contains("Write that summary"));

    send(&stage, "/v1/responses", &[item], false);
    let messages = asked(&stage)["messages"].to_string();
    assert!(messages.contains("We did X.") && !messages.contains("Sum up."), "{messages}");
}

#[test]
fn a_summary_without_end_is_broken_off() {
    let endless = (0..200).map(|_| text("x".repeat(100))).chain([finish("stop")]);
    let script = Script::new().otherwise(Answer::stream(endless));
    let plan = Plan { tables: "[limits]\nupstream_body = 10000", ..Plan::default() };
    let stage = Stage::with(script, &plan);
    let reply = send(&stage, "/v1/responses", &triggered(10), true);
    assert_eq!(reply.status, 502, "{}", reply.text());
    assert!(reply.text().contains("larger than 10000 bytes"), "{}", reply.text());
}

#[test]
fn a_summary_opens_for_its_tenant_only() {
    let script = Script::new().then(summed("Alice's.")).otherwise(Answer::text("On."));
    let (stage, [alice, bob]) = keyed(script);
    let ask = |key: &str, input: &Value| {
        let body = json!({ "model": MODEL, "input": input });
        let call = Call::post("/v1/responses", &body).limit(LONG);
        stage.send(&call.header("authorization", &format!("Bearer {key}")))
    };
    let item = ask(&alice, &json!(triggered(10))).json()["output"][0].clone();
    assert_eq!(item["type"], "compaction");
    let reply = ask(&bob, &json!([item]));
    let seen = asked(&stage).to_string();
    assert!(!seen.contains("Alice's.") && seen.contains("cannot be read any more"), "{seen}");
    let notes = reply.header("x-interlingua-notes").unwrap();
    assert!(notes.contains("summary-unreadable=not authentic"), "{notes}");
    ask(&alice, &json!([item]));
    assert!(asked(&stage).to_string().contains("Alice's."));
}

#[test]
fn the_older_way_is_a_route_of_its_own() {
    for path in ["/v1/responses/compact", "/responses/compact"] {
        let stage = Stage::new(Script::new().then(summed("We did X.")));
        // Whatever the body says about it: this answer is always whole.
        let reply = send(&stage, path, &history(10), true);
        assert_eq!(reply.status, 200, "{}", reply.text());
        let answer = reply.json();
        assert_eq!(answer["object"], "response.compaction");
        assert_eq!(answer["output"][0]["type"], "compaction");
        assert_eq!(answer["output"].as_array().unwrap().len(), 1);
        assert_eq!(answer["usage"]["total_tokens"], 930);
        assert!(answer["id"].as_str().unwrap().starts_with("resp_"));
        assert!(answer["created_at"].as_u64().unwrap() > 1_700_000_000);
        assert_eq!(stage.gateway.requests(1)[0]["route"], "compact");
    }
    let stage = Stage::saying("no");
    let reply = stage.send(&Call::get("/v1/responses/compact"));
    assert_eq!((reply.status, reply.header("allow")), (405, Some("POST")));
}

#[test]
fn what_does_not_fit_is_shortened_and_told() {
    let script = Script::new().then(Answer::context_overflow()).then(summed("The rest."));
    let script = script.then(Answer::text("On."));
    let stage = Stage::new(script);
    let reply = send(&stage, "/v1/responses", &triggered(10), false);
    assert_eq!(reply.status, 200, "{}", reply.text());
    let notes = reply.header("x-interlingua-notes").unwrap();
    assert!(notes.contains("turns-dropped=1"), "{notes}");
    let seen = asked(&stage).to_string();
    assert!(!seen.contains("First") && seen.contains("Second question."), "{seen}");
    assert!(seen.contains("The rules.") && seen.contains("The result."), "{seen}");
    send(&stage, "/v1/responses", &[reply.json()["output"][0].clone()], false);
    let seen = asked(&stage).to_string();
    assert!(seen.contains("missing from this summary: 1 "), "{seen}");
}

#[test]
fn what_surely_does_not_fit_is_not_tried() {
    let stage = Stage::new(Script::new().then(summed("The rest.")));
    // Twice 60,000 tokens, more or less, for a window of 100,000.
    let reply = send(&stage, "/v1/responses", &triggered(240_000), false);
    assert_eq!(reply.status, 200, "{}", reply.text());
    assert_eq!(stage.upstream.bodies().len(), 1);
    assert!(!asked(&stage).to_string().contains("First question."));
}

#[test]
fn an_overflow_that_nothing_helps_is_the_clients_to_know() {
    let stage = Stage::new(Script::new().otherwise(Answer::context_overflow()));
    let reply = send(&stage, "/v1/responses", &triggered(10), false);
    assert_eq!(reply.status, 400);
    assert_eq!(reply.json()["error"]["code"], "context_length_exceeded");
    assert_eq!(stage.upstream.bodies().len(), 2);
}

#[test]
fn an_empty_summary_is_a_failure_and_never_an_item() {
    let stage = Stage::new(Script::new().otherwise(summed(" ")));
    let reply = send(&stage, "/v1/responses", &triggered(10), true);
    assert_eq!(reply.status, 502, "{}", reply.text());
    let body = json!({ "model": MODEL, "input": triggered(10), "stream": true });
    let call = Call::post("/v1/responses", &body).header("originator", "codex_exec");
    let reply = stage.send(&call.limit(LONG));
    assert_eq!(last(&reply)["type"], "response.failed");
    assert!(!reply.text().contains("\"compaction\""), "{}", reply.text());
}

#[test]
fn a_slow_summary_keeps_the_client_alive() {
    let slow = summed("Late.").after(std::time::Duration::from_millis(700));
    let stage =
        Stage::timed(Script::new().then(slow), "commit_grace = \"100ms\"\nheartbeat = \"100ms\"");
    let reply = send(&stage, "/v1/responses", &triggered(10), true);
    let beats = kinds(&reply).iter().filter(|it| *it == "response.in_progress").count();
    assert!(beats > 3, "{}", reply.text());
    let response = &last(&reply)["response"];
    assert_eq!(response["status"], "completed");
    assert_eq!(response["output"][0]["type"], "compaction");
}

#[test]
fn a_storm_ends_with_a_reason() {
    let stage = Stage::new(Script::new().otherwise(summed("Again.")));
    let body = |stream: bool| json!({ "model": MODEL, "input": triggered(10), "stream": stream });
    let compact = |session: &str, stream: bool| {
        let call = Call::post("/v1/responses", &body(stream)).limit(LONG);
        stage.send(&call.header("session-id", session).header("originator", "codex_exec"))
    };
    // All ways count together: the item, the route, and an ordinary turn that Codex marks.
    for _ in 0..2 {
        assert_eq!(last(&compact("s", true))["type"], "response.completed");
        let call = Call::post("/v1/responses/compact", &body(false)).limit(LONG);
        assert_eq!(stage.send(&call.header("session-id", "s")).status, 200);
        let local = json!({ "model": MODEL, "input": "Sum up.", "stream": true });
        let call = Call::post("/v1/responses", &local).limit(LONG).header("session-id", "s");
        let marked = call.header("x-codex-turn-metadata", r#"{"request_kind":"compaction"}"#);
        assert_eq!(last(&stage.send(&marked))["type"], "response.completed");
    }
    let reply = compact("s", true);
    let error = &last(&reply)["response"]["error"];
    assert_eq!(error["code"], "invalid_prompt", "nobody tries again");
    let told = error["message"].as_str().unwrap();
    assert!(told.contains("model_auto_compact_token_limit"), "{told}");
    assert_eq!(stage.upstream.bodies().len(), 6, "the upstream is not asked");
    assert_eq!(last(&compact("another", true))["type"], "response.completed");
    // An ordinary turn of the same session goes on.
    let call = Call::post("/v1/responses", &json!({ "model": MODEL, "input": "hi" })).limit(LONG);
    assert_eq!(stage.send(&call.header("session-id", "s")).status, 200);
}

#[test]
fn without_headers_the_cache_key_names_the_session() {
    let stage = Stage::new(Script::new().otherwise(summed("Again.")));
    let compact = |key: &str| {
        let body = json!({ "model": MODEL, "input": triggered(10), "prompt_cache_key": key });
        stage.send(&Call::post("/v1/responses", &body).limit(LONG))
    };
    for _ in 0..6 {
        assert_eq!(compact("k").status, 200);
    }
    let reply = compact("k");
    assert_eq!((reply.status, &reply.json()["error"]["code"]), (400, &json!("compaction_storm")));
    assert_eq!(compact("other").status, 200);
}
