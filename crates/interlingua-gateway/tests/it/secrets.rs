//! Nobody who should not sees a secret, whatever the upstream repeats.

use interlingua_testkit::upstream::{raw, text};
use serde_json::json;

use crate::stage::{Answer, KEY, Plan, Script, Stage, at_once, codex, turn};

const HEADER: &str = "canary-header/with+signs-9917";

fn stage(script: Script) -> Stage {
    let provider = format!("headers = {{ x-tenant = \"{HEADER}\" }}");
    Stage::with(script, &Plan { provider: &provider, ..Plan::default() })
}

#[track_caller]
fn check(text: &str) {
    for secret in [KEY, HEADER, "canary-header%2Fwith%2Bsigns-9917"] {
        assert!(!text.contains(secret), "{secret} was told: {text}");
    }
}

#[test]
fn an_upstream_that_repeats_them_is_masked() {
    let told = format!("bad key {KEY}, header {HEADER}, url ?k=canary-header%2Fwith%2Bsigns-9917");
    at_once([400, 401, 403, 404, 429, 500], |status| {
        let body = json!({ "error": { "message": told, "code": KEY, "param": HEADER } });
        let stage = stage(Script::new().otherwise(Answer::json(status, body)));
        for call in [codex(), turn(true), turn(false)] {
            let reply = stage.send(&call);
            assert!(reply.text().contains("[secret]"), "{}", reply.text());
            check(&reply.text());
            check(&format!("{:?}", reply.headers));
        }
        stage.gateway.requests(3);
        check(&stage.gateway.log.text());
    });
}

#[test]
fn so_is_one_that_fails_in_its_stream() {
    let error = json!({ "error": { "message": format!("lost {KEY}") } });
    let answer = Answer::stream([text("Half "), raw(format!("data: {error}\n\n"))]);
    let stage = stage(Script::new().otherwise(answer));
    for call in [codex(), turn(true)] {
        let reply = stage.send(&call);
        assert!(reply.text().contains("[secret]"), "{}", reply.text());
        check(&reply.text());
    }
    stage.gateway.requests(2);
    check(&stage.gateway.log.text());
}

/// Somebody may paste a key into the conversation; the log of what is sent shows it to nobody.
#[test]
fn the_log_of_what_is_sent_is_masked() {
    let stage = stage(Script::new().otherwise(Answer::text("ok")));
    let call =
        turn(false).body(json!({ "model": "up/m", "input": format!("use {KEY}") }).to_string());
    assert_eq!(stage.send(&call).status, 200);
    assert!(stage.upstream.bodies()[0].to_string().contains(KEY), "the model is told");
    let log = stage.gateway.log.text();
    assert!(log.contains("sending upstream"));
    check(&log);
}

/// A client's own credentials end here.
#[test]
fn what_a_client_shows_goes_no_further() {
    let stage = stage(Script::new().otherwise(Answer::text("ok")));
    let call = turn(false)
        .header("authorization", "Bearer clients-own-key")
        .header("x-api-key", "clients-own-key")
        .header("cookie", "session=clients-own-key")
        .header("x-secret", "clients-own-key");
    assert_eq!(stage.send(&call).status, 200);
    let sent = &stage.upstream.exchanges()[0].request;
    assert!(!format!("{:?}", sent.headers).contains("clients-own-key"), "{:?}", sent.headers);
    assert_eq!(sent.header("x-tenant"), Some(HEADER));
    assert!(!stage.gateway.log.text().contains("clients-own-key"));
}
