//! What the heads of answers tell.

use interlingua_testkit::http::Reply;
use interlingua_testkit::upstream::finish;

use crate::stage::{Answer, Plan, Script, Stage, codex, kinds, turn};

fn upstream() -> Script {
    let named = |answer: Answer| {
        answer
            .header("openai-model", "someone-elses-model")
            .header("x-request-id", "up-77")
            .header("set-cookie", "a=b")
            .header("connection", "keep-alive")
            .header("x-models-etag", "\"theirs\"")
    };
    let answers = [named(Answer::text("hello")), named(Answer::text("hello"))];
    let [one, two] = answers;
    Script::new()
        .then(one)
        .then(two)
        .then(named(Answer::error(400, "bad_param", "no")))
        .then(named(Answer::error(400, "bad_param", "no")))
        .otherwise(named(Answer::stream([finish("stop")])))
}

fn ours(reply: &Reply) -> Vec<&str> {
    let names = reply.headers.iter().map(|(name, _)| name.as_str());
    names.filter(|it| it.starts_with("x-interlingua-") || *it == "x-upstream-request-id").collect()
}

#[track_caller]
fn check_nothing_of_theirs(reply: &Reply) {
    for name in ["openai-model", "set-cookie"] {
        assert_eq!(reply.header(name), None, "{name}");
    }
    assert_ne!(reply.header("x-models-etag"), Some("\"theirs\""));
    assert_ne!(reply.header("x-request-id"), Some("up-77"));
}

#[test]
fn answers_tell_who_answered() {
    let stage = Stage::new(upstream());
    for stream in [true, false] {
        let reply = stage.send(&turn(stream));
        assert_eq!(reply.header("x-interlingua-provider"), Some("up"));
        assert_eq!(reply.header("x-interlingua-model"), Some("m"));
        assert_eq!(reply.header("x-interlingua-attempts"), Some("1"));
        assert_eq!(reply.header("x-upstream-request-id"), Some("up-77"));
        check_nothing_of_theirs(&reply);
        let kind = if stream { "text/event-stream; charset=utf-8" } else { "application/json" };
        assert_eq!(reply.header("content-type"), Some(kind));
    }
    let reply = stage.send(&turn(true));
    assert_eq!(reply.status, 400, "{}", reply.text());
    assert_eq!(reply.header("x-interlingua-attempts"), Some("1"));
    assert_eq!(reply.header("x-interlingua-provider"), Some("up"));
    check_nothing_of_theirs(&reply);
    let reply = stage.send(&codex());
    assert_eq!(kinds(&reply).last().map(String::as_str), Some("response.failed"));
    assert_eq!(reply.header("x-interlingua-provider"), Some("up"));
    check_nothing_of_theirs(&reply);
    let lines = stage.gateway.requests(4);
    assert!(lines.iter().all(|it| it["provider"] == "up" && it["model"] == "m"), "{lines:?}");
}

#[test]
fn a_stream_is_not_held_back_by_proxies() {
    let stage = Stage::saying("hello");
    let reply = stage.send(&turn(true));
    assert_eq!(reply.header("cache-control"), Some("no-cache, no-transform"));
    assert_eq!(reply.header("x-accel-buffering"), Some("no"));
    assert_eq!(reply.header("content-encoding"), None);
}

#[test]
fn one_setting_switches_them_off_everywhere() {
    let plan = Plan { top: "expose_headers = false", ..Plan::default() };
    let stage = Stage::with(upstream(), &plan);
    for call in [turn(true), turn(false), turn(false), codex(), turn(true).body("{")] {
        let reply = stage.send(&call);
        assert_eq!(ours(&reply), [""; 0], "{}", reply.status);
        assert!(reply.header("x-request-id").is_some());
    }
}
