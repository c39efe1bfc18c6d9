//! Another configuration while requests are at work.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use interlingua_testkit::http::Call;
use interlingua_testkit::upstream::{finish, text, wait};
use serde_json::json;

use crate::stage::{Answer, LONG, Running, Script, Scripted, last, turn};

/// The configuration of a version: its number is the model behind one name, and in the catalog.
fn version(number: u64, base_url: &str) -> String {
    format!(
        r#"
        listen = "127.0.0.1:0"
        [providers.up]
        base_url = "{base_url}"
        models = [{{ id = "m{number}", context_window = {window} }}]
        [aliases]
        work = "up/m{number}"
        "#,
        window = 10_000 + number
    )
}

#[test]
fn every_answer_is_of_one_configuration() {
    let upstream = Scripted::start(Script::new().otherwise(Answer::text("hello"))).unwrap();
    let base_url = upstream.base_url();
    let gateway = Running::start(&version(0, &base_url));
    // Which catalog belongs to which version, learned before the storm.
    let etags: Vec<String> = (0..8)
        .map(|number| {
            gateway.replace(&version(number, &base_url));
            gateway.send(&Call::get("/v1/codex/models")).header("etag").unwrap().to_owned()
        })
        .collect();
    let (over, answers) = (AtomicBool::new(false), AtomicUsize::new(0));
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                let body = json!({ "model": "work", "input": "hi", "stream": true });
                let call = Call::post("/v1/responses", &body).limit(LONG);
                while !over.load(Ordering::Relaxed) {
                    let reply = gateway.send(&call);
                    assert_eq!(last(&reply)["type"], "response.completed", "{}", reply.text());
                    let model = reply.header("x-interlingua-model").unwrap();
                    let number: usize = model.strip_prefix('m').unwrap().parse().unwrap();
                    assert_eq!(reply.header("x-models-etag"), Some(etags[number].as_str()));
                    answers.fetch_add(1, Ordering::Relaxed);
                }
            });
        }
        for round in 0..200 {
            gateway.replace(&version(round % 8, &base_url));
            std::thread::sleep(Duration::from_millis(2));
        }
        over.store(true, Ordering::Relaxed);
    });
    let answers = answers.into_inner();
    assert!(answers > 20, "{answers} answers");
    let sent = upstream.bodies();
    assert_eq!(sent.len(), answers);
    let models: std::collections::BTreeSet<_> =
        sent.iter().map(|it| it["model"].to_string()).collect();
    assert!(models.len() > 1, "the storm was felt: {models:?}");
}

#[test]
fn a_request_at_work_keeps_its_configuration() {
    let slow = Answer::stream([
        text("one "),
        wait(Duration::from_millis(300)),
        text("two"),
        finish("stop"),
    ]);
    let upstream = Scripted::start(Script::new().then(slow)).unwrap();
    let gateway = Running::start(&version(1, &upstream.base_url()));
    let body = json!({ "model": "work", "input": "hi", "stream": true });
    let call = Call::post("/v1/responses", &body).limit(LONG);
    std::thread::scope(|scope| {
        let answer = scope.spawn(|| gateway.send(&call));
        std::thread::sleep(Duration::from_millis(100));
        gateway.replace("listen = '127.0.0.1:0'");
        assert!(gateway.send(&call).text().contains("model_not_found"));
        assert_eq!(last(&answer.join().unwrap())["type"], "response.completed");
    });
}

#[test]
fn what_is_not_in_force_is_told_until_it_is() {
    let gateway = Running::start(&version(1, "http://127.0.0.1:1/v1"));
    let status = || gateway.send(&Call::get("/status")).json();
    assert_eq!(status()["configuration"]["number"], 1);
    assert!(status()["configuration"]["refused"].is_null());
    gateway.state.refuse("config.toml:3:1: unknown key `x`".to_owned());
    gateway.state.synced("models of up", Err(format!("no with {}", crate::stage::KEY)));
    let told = status();
    assert_eq!(told["configuration"]["refused"]["why"], "config.toml:3:1: unknown key `x`");
    assert_eq!(told["failures"][0]["what"], "models of up");
    let page = gateway.send(&Call::get("/")).text();
    assert!(page.contains("NOT in force") && page.contains("unknown key `x`"), "{page}");
    assert_eq!(gateway.replace(&version(2, "http://127.0.0.1:1/v1")), 2);
    gateway.state.synced("models of up", Ok(()));
    let told = status();
    assert!(told["configuration"]["refused"].is_null(), "{told}");
    assert_eq!(told["failures"], json!([]));
}

#[test]
fn limits_that_stay_keep_their_count() {
    let upstream = Scripted::start(
        Script::new().otherwise(Answer::text("hello").after(Duration::from_millis(400))),
    )
    .unwrap();
    let config = |name: &str| {
        crate::stage::config(
            &upstream.base_url(),
            &crate::stage::Plan {
                provider: &format!("name = \"{name}\""),
                tables: "[limits]\nin_flight = 1\nqueue = 1\n[timeouts]\nqueue = \"50ms\"",
                ..crate::stage::Plan::default()
            },
        )
    };
    let gateway = Running::start(&config("a"));
    std::thread::scope(|scope| {
        let first = scope.spawn(|| gateway.send(&turn(false)).status);
        std::thread::sleep(Duration::from_millis(100));
        gateway.replace(&config("b"));
        assert_eq!(gateway.send(&turn(false)).status, 503);
        assert_eq!(first.join().unwrap(), 200);
    });
}
