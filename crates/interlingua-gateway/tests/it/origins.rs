//! Which web pages may call.

use interlingua_testkit::http::{Call, Reply};

use crate::stage::{Answer, Plan, Script, Stage, turn};

const EDITOR: &str = "https://editor.test";

fn stage() -> Stage {
    let plan = Plan { top: r#"cors_origins = ["https://editor.test"]"#, ..Plan::default() };
    Stage::with(Script::new().otherwise(Answer::text("hello")), &plan)
}

fn allowed(reply: &Reply) -> Option<&str> {
    reply.header("access-control-allow-origin")
}

#[test]
fn a_listed_page_may_call_and_another_may_not() {
    let stage = stage();
    let own = format!("http://{}", stage.address());
    for (origin, status, shown) in [
        (EDITOR, 200, Some(EDITOR)),
        ("https://EDITOR.test", 200, Some(EDITOR)),
        (&own, 200, None),
        ("https://evil.test", 403, None),
        ("https://editor.test.evil.test", 403, None),
        ("http://editor.test", 403, None),
        ("https://editor.test:444", 403, None),
        ("http://localhost:1", 403, None),
        ("null", 403, None),
        ("", 403, None),
    ] {
        for call in [turn(false), Call::get("/v1/models"), Call::get("/healthz")] {
            let reply = stage.send(&call.header("origin", origin));
            assert_eq!((reply.status, allowed(&reply)), (status, shown), "{origin}");
            assert_eq!(reply.header("vary"), shown.map(|_| "origin"), "{origin}");
            assert_eq!(reply.header("access-control-allow-credentials"), None);
            if status == 403 {
                assert_eq!(reply.json()["error"]["code"], "origin_not_allowed");
                assert!(reply.text().contains("cors_origins"), "{}", reply.text());
            }
        }
    }
    assert_eq!(stage.upstream.exchanges().len(), 3, "who is refused reaches nobody");
}

#[test]
fn a_preflight_is_answered_for_listed_pages_only() {
    let stage = stage();
    let ask = |origin: &str| {
        let request = format!(
            "OPTIONS /v1/responses HTTP/1.1\r\nhost: {}\r\norigin: {origin}\r\naccess-control-request-method: POST\r\naccess-control-request-private-network: true\r\nconnection: close\r\n\r\n",
            stage.address()
        );
        crate::stage::raw(stage.address(), request.as_bytes())
    };
    let answer = ask(EDITOR);
    assert_eq!(crate::stage::status(&answer), 204, "{answer}");
    for field in [
        "access-control-allow-origin: https://editor.test\r\n",
        "access-control-allow-methods: GET, POST, DELETE\r\n",
        "access-control-allow-headers: authorization, content-type, session-id, x-api-key, \
         x-interlingua-provider-key, x-request-id\r\n",
    ] {
        assert!(answer.contains(field), "{answer}");
    }
    for origin in ["https://evil.test", "null"] {
        let answer = ask(origin);
        assert_eq!(crate::stage::status(&answer), 403, "{answer}");
        assert!(!answer.contains("access-control-allow"), "{answer}");
    }
}

#[test]
fn what_the_browser_says_of_the_site_counts() {
    let stage = stage();
    for (site, status) in
        [("cross-site", 403), ("same-site", 403), ("same-origin", 200), ("none", 200)]
    {
        for call in [turn(false), Call::get("/v1/models")] {
            let reply = stage.send(&call.header("sec-fetch-site", site));
            assert_eq!(reply.status, status, "{site}");
        }
        let listed = turn(false).header("sec-fetch-site", site).header("origin", EDITOR);
        assert_eq!(stage.send(&listed).status, 200, "a listed page is of another site");
    }
}

/// A form needs no leave of the browser, and it cannot send JSON.
#[test]
fn a_page_sends_json() {
    let stage = stage();
    let body = r#"{"model":"up/m","input":"hi"}"#;
    let post = |kind: &str, field: (&str, &str)| {
        let kind =
            if kind.is_empty() { String::new() } else { format!("content-type: {kind}\r\n") };
        let request = format!(
            "POST /v1/responses HTTP/1.1\r\nhost: {}\r\n{kind}{}: {}\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{}",
            stage.address(),
            field.0,
            field.1,
            body.len(),
            body
        );
        crate::stage::status(&crate::stage::raw(stage.address(), request.as_bytes()))
    };
    for field in [("origin", EDITOR), ("sec-fetch-site", "same-origin")] {
        assert_eq!(post("application/json", field), 200);
        assert_eq!(post("Application/JSON; charset=utf-8", field), 200);
        for kind in ["text/plain", "application/x-www-form-urlencoded", "application/jsonp", ""] {
            assert_eq!(post(kind, field), 415, "{kind} {field:?}");
        }
    }
    // A program that forgets the header is no page.
    assert_eq!(post("", ("accept", "*/*")), 200);
}
