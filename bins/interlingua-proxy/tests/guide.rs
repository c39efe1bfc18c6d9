//! Does what `docs/dialects-adding.md` says, with the files that stand in it.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use interlingua_testkit::fixtures::workspace;
use interlingua_testkit::gateway::{Gateway, Setup};
use interlingua_testkit::http::{Call, Reply};
use interlingua_testkit::upstream::{Answer, Script, Scripted};
use serde_json::{Value, json};

const LONG: Duration = Duration::from_secs(20);

/// The fenced blocks of the guide that have a name.
fn blocks() -> BTreeMap<String, String> {
    let guide = fs::read_to_string(workspace().join("docs/dialects-adding.md")).unwrap();
    let mut blocks = BTreeMap::new();
    let mut open: Option<(String, String)> = None;
    for line in guide.lines() {
        match &mut open {
            Some(_) if line == "```" => blocks.extend(open.take()),
            Some((_, text)) => text.extend([line, "\n"]),
            None => {
                let name = line.strip_prefix("```").and_then(|it| it.split_once(' '));
                open = name.map(|(_, name)| (name.to_owned(), String::new()));
            }
        }
    }
    blocks
}

fn parsed(blocks: &BTreeMap<String, String>, name: &str) -> Value {
    serde_json::from_str(&blocks[name]).unwrap_or_else(|error| panic!("{name}: {error}"))
}

/// A gateway with the guide's record and configuration, in front of `upstream`.
fn gateway(blocks: &BTreeMap<String, String>, upstream: &Scripted) -> Gateway {
    let binary = Path::new(env!("CARGO_BIN_EXE_interlingua-proxy"));
    let mut gateway = Setup::new(binary, "").env("ACME_API_KEY", "key-of-acme").start().unwrap();
    let record = gateway.config().with_file_name("dialects.d/acme.toml");
    fs::create_dir(record.parent().unwrap()).unwrap();
    fs::write(record, &blocks["dialects.d/acme.toml"]).unwrap();
    let config = &blocks["config.toml"];
    assert!(config.contains("https://api.acme.example/v1"));
    let config = config.replace("https://api.acme.example/v1", &upstream.base_url());
    fs::write(gateway.config(), config).unwrap();
    gateway.kill().unwrap();
    gateway.start().unwrap();
    gateway
}

fn ask(gateway: &Gateway, body: &Value) -> Reply {
    gateway.send(&Call::post("/v1/chat/completions", body).limit(LONG)).unwrap()
}

#[test]
fn the_guide_leads_to_an_upstream_that_works() {
    let blocks = blocks();
    let recording = blocks["acme-tools.sse"].clone();
    let upstream = Scripted::start(Script::new().otherwise(Answer::bytes(200, recording))).unwrap();
    let gateway = gateway(&blocks, &upstream);

    let reply = ask(&gateway, &parsed(&blocks, "request"));
    assert_eq!(reply.status, 200, "{}\n{}", reply.text(), gateway.log());
    assert_eq!(upstream.bodies(), [parsed(&blocks, "upstream")]);

    let expected = parsed(&blocks, "streams.expected.json")["acme-tools.sse"].take();
    let answer = reply.json();
    let choice = &answer["choices"][0];
    let message = &choice["message"];
    assert_eq!(message["reasoning_content"], expected["reasoning"]);
    assert_eq!(message["content"], expected["text"]);
    assert_eq!(choice["finish_reason"], expected["finish"]);
    let calls = message["tool_calls"].as_array().unwrap().iter().map(|call| {
        let (id, function) = (call["id"].as_str().unwrap(), &call["function"]);
        assert!(id.starts_with("c1"), "the gateway may make an id unique: {id}");
        json!({ "id": "c1", "name": function["name"], "arguments": function["arguments"] })
    });
    assert_eq!(Value::from(calls.collect::<Vec<_>>()), expected["tool_calls"]);
    let (usage, wanted) = (&answer["usage"], &expected["usage"]);
    assert_eq!(usage["prompt_tokens"], wanted["input"]);
    assert_eq!(usage["completion_tokens"], wanted["output"]);
    assert_eq!(usage["prompt_tokens_details"]["cached_tokens"], wanted["cached"]);
}

#[test]
fn the_refusal_of_the_guide_is_what_it_says() {
    let blocks = blocks();
    let refusal = parsed(&blocks, "errors/acme-no-credit.json");
    let status = refusal["http_status"].as_u64().unwrap().try_into().unwrap();
    let answer = Answer::json(status, refusal["body"].clone());
    let upstream = Scripted::start(Script::new().otherwise(answer)).unwrap();
    let reply = ask(&gateway(&blocks, &upstream), &parsed(&blocks, "request"));
    assert_eq!(reply.json()["error"]["code"], refusal["class"], "{}", reply.text());
    assert_eq!(upstream.exchanges().len(), 1, "nothing is tried again");
}

#[test]
fn a_record_may_change_while_the_gateway_runs() {
    let blocks = blocks();
    let upstream = Scripted::start(Script::new().otherwise(Answer::text("hello"))).unwrap();
    let gateway = gateway(&blocks, &upstream);
    let record = gateway.config().with_file_name("dialects.d/acme.toml");
    let changed = blocks["dialects.d/acme.toml"].replace("max_completion_tokens", "max_tokens");
    fs::write(record, changed).unwrap();
    let end = Instant::now() + LONG;
    loop {
        ask(&gateway, &parsed(&blocks, "request"));
        if upstream.bodies().last().unwrap()["max_tokens"] == 500 {
            return;
        }
        assert!(Instant::now() < end, "{}", gateway.log());
        std::thread::sleep(Duration::from_millis(50));
    }
}
