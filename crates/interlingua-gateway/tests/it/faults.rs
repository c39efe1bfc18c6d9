//! What becomes of an upstream's failures.

use std::time::{Duration, Instant};

use interlingua_testkit::http::Reply;
use interlingua_testkit::upstream::{Piece, call, cut, finish, raw, reasoning, text, usage, wait};
use serde_json::json;

use crate::stage::{
    Answer, Canned, LONG, Plan, Running, Script, Scripted, Stage, Then, at_once, codex, config,
    kinds, last, turn,
};

/// What Codex and everybody else are told when the upstream always answers the same.
struct Told {
    /// The type of the last event, or the status where it is no stream.
    codex: String,
    code: String,
    status: u16,
    /// Both answers.
    text: String,
    asked: usize,
    whole: Reply,
}

/// Asks as Codex, as a streaming client and as one that wants its answer whole.
#[track_caller]
fn ask(gateway: &Running, count: impl Fn() -> usize) -> Told {
    let reply = gateway.send(&codex());
    let asked = count();
    let (shown, code) = if reply.status == 200 {
        let last = last(&reply);
        let code = last["response"]["error"]["code"].as_str().unwrap_or_default().to_owned();
        (last["type"].as_str().unwrap().to_owned(), code)
    } else {
        let code = reply.json()["error"]["code"].as_str().unwrap_or_default().to_owned();
        (reply.status.to_string(), code)
    };
    let streamed = gateway.send(&turn(true));
    let whole = gateway.send(&turn(false));
    assert_eq!(streamed.status, whole.status, "{}\n{}", streamed.text(), whole.text());
    let text = format!("{}\n{}\n{}", reply.text(), streamed.text(), whole.text());
    Told { codex: shown, code, status: whole.status, text, asked, whole }
}

#[track_caller]
fn always(answer: Answer) -> Told {
    let stage = Stage::new(Script::new().otherwise(answer));
    let told = ask(&stage.gateway, || stage.upstream.exchanges().len());
    assert!(!told.text.contains(crate::stage::KEY));
    told
}

/// Checks what Codex is told, what others are told, and how often the upstream was asked.
#[track_caller]
fn check(told: &Told, (codex, code): (&str, &str), status: u16, asked: usize) {
    let found = (told.codex.as_str(), told.code.as_str(), told.status, told.asked);
    assert_eq!(found, (codex, code, status, asked), "{}", told.text);
}

const FAILED: &str = "response.failed";

#[test]
fn errors_of_the_server_are_tried_again_and_then_told() {
    at_once([500, 502, 503], |status| {
        let told = always(Answer::error(status, "internal", "the disk is full"));
        assert_eq!((told.codex.as_str(), told.asked), (FAILED, 3), "{}", told.text);
        assert!(
            told.text.contains("up") && told.text.contains("the disk is full"),
            "{}",
            told.text
        );
        assert_eq!(told.whole.header("x-interlingua-attempts"), Some("3"));
    });
    let told = always(Answer::error(500, "internal", "the disk is full"));
    check(&told, (FAILED, "server_error"), 502, 3);
}

#[test]
fn our_key_is_not_the_clients() {
    for status in [401, 403] {
        let told =
            always(Answer::error(status, "invalid_key", &format!("bad key {}", crate::stage::KEY)));
        check(&told, (FAILED, "invalid_prompt"), 400, 1);
        assert!(told.text.contains("UP_KEY`"), "{}", told.text);
    }
}

#[test]
fn rate_limits() {
    check(&always(Answer::rate_limited(Some(7))), ("429", "rate_limit_exceeded"), 429, 1);
    let told = always(Answer::rate_limited(Some(7)));
    assert_eq!(told.whole.header("retry-after"), Some("7"));
    check(&always(Answer::rate_limited(None)), (FAILED, "rate_limit_exceeded"), 429, 3);
    let told = always(Answer::rate_limited(Some(1000)));
    check(&told, (FAILED, "invalid_prompt"), 402, 1);
    assert!(told.text.contains("16 min 40 s"), "{}", told.text);
}

#[test]
fn what_the_model_cannot_take() {
    check(&always(Answer::context_overflow()), (FAILED, "context_length_exceeded"), 400, 1);
    let told = always(Answer::error(400, "content_filter", "the content is not allowed"));
    assert_eq!((told.codex.as_str(), told.status), (FAILED, 400), "{}", told.text);
}

#[test]
fn a_redirect_is_not_followed() {
    let second = Scripted::start(Script::new().otherwise(Answer::text("stolen"))).unwrap();
    at_once([301, 302, 307, 308], |status| {
        let location = format!("{}/chat/completions", second.base_url());
        let told = always(Answer::json(status, json!({})).header("location", &location));
        check(&told, (FAILED, "server_error"), 502, 1);
        assert!(told.text.contains("redirect"), "{}", told.text);
    });
    assert_eq!(second.exchanges().len(), 0, "the key does not travel");
}

#[test]
fn nobody_is_there() {
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    at_once(
        [(format!("http://{free}/v1"), 502), ("http://does-not-exist.invalid/v1".to_owned(), 502)],
        |(base, expected)| {
            let plan = Plan { provider: "allow_insecure = true", ..Plan::default() };
            let gateway = Running::start(&config(&base, &plan));
            let told = ask(&gateway, || 0);
            assert_eq!((told.codex.as_str(), told.code.as_str()), (FAILED, "server_error"));
            assert_eq!(told.status, expected);
            assert!(told.text.contains("up cannot be reached at"), "{}", told.text);
            assert_eq!(told.whole.header("x-interlingua-attempts"), Some("3"));
        },
    );
}

#[test]
fn a_page_is_no_answer() {
    let page = "<!doctype html><html><head><title>Welcome to nginx!</title></head></html>";
    let told = always(Answer::bytes(200, page).header("content-type", "text/html"));
    assert_eq!((told.codex.as_str(), told.status), (FAILED, 502), "{}", told.text);
    assert!(
        told.text.contains("Welcome to nginx!") && told.text.contains("base URL"),
        "{}",
        told.text
    );
}

#[test]
fn nothing_is_no_answer() {
    at_once(["", "\n\n", ": only a comment\n\n", "data: [DONE]\n\n"], |body| {
        let told = always(Answer::bytes(200, body));
        assert_eq!((told.codex.as_str(), told.status), (FAILED, 502), "{body:?}: {}", told.text);
        assert_eq!(told.asked, 3, "{body:?}: {}", told.text);
    });
}

#[test]
fn an_error_may_come_under_200() {
    let error = json!({ "error": { "message": "the model is on fire", "code": "server_error" } });
    at_once(
        [Answer::json(200, error.clone()), Answer::bytes(200, format!("data: {error}\n\n"))],
        |answer| {
            let told = always(answer);
            assert_eq!((told.codex.as_str(), told.status), (FAILED, 502), "{}", told.text);
            assert!(told.text.contains("the model is on fire"), "{}", told.text);
        },
    );
}

/// S20: who asks for a stream may get one document.
#[test]
fn a_document_instead_of_a_stream_is_an_answer() {
    let stage = Stage::new(Script::new().otherwise(Answer::whole([
        reasoning("Hm."),
        text("Whole."),
        finish("stop"),
        usage(5, 2),
    ])));
    let reply = stage.send(&codex());
    assert_eq!(last(&reply)["type"], "response.completed");
    assert_eq!(last(&reply)["response"]["usage"]["output_tokens"], 2);
    assert!(reply.text().contains("Whole."));
}

#[test]
fn bytes_that_are_no_http() {
    let answer = |text: &str| text.as_bytes().to_vec();
    let chunked =
        "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n";
    at_once(
        [
            answer(""),
            answer("SSH-2.0-OpenSSH_9.6\r\n"),
            answer("HTTP/1.1 200 OK\r\ncontent-length: 5\r\ncontent-length: 6\r\n\r\nhello"),
            answer("HTTP/1.1 200 OK\r\ncontent-length: 500\r\n\r\n{\"choices\":"),
            answer(&format!("{chunked}zz\r\nhello\r\n0\r\n\r\n")),
            answer(&format!("{chunked}ffffffffffffffffff\r\nhello")),
            answer(&format!("{chunked}5\r\nhe")),
            answer(&format!("HTTP/1.1 200 OK\r\nx: {}\r\n\r\n", "y".repeat(600 << 10))),
        ],
        |bytes| {
            let shown = String::from_utf8_lossy(&bytes[..bytes.len().min(80)]).into_owned();
            let canned = Canned::start(bytes, Then::Close);
            let gateway = Running::start(&config(&canned.base_url(), &Plan::default()));
            let told = ask(&gateway, || 0);
            assert_eq!((told.codex.as_str(), told.status), (FAILED, 502), "{shown}: {}", told.text);
            assert_eq!(told.code, "server_error", "{shown}");
        },
    );
}

/// Half an answer, then silence, a cut or garbage: the client learns that it is half.
#[test]
fn an_answer_that_breaks_off_is_told_in_its_stream() {
    let endings: [(&str, Vec<Piece>); 4] = [
        ("cut", vec![cut()]),
        ("stall", vec![wait(LONG)]),
        (
            "garbage",
            vec![
                raw("data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\n\n"),
                raw("data: nonsense\n\n"),
                cut(),
            ],
        ),
        (
            "error",
            vec![raw(
                "data: {\"error\":{\"message\":\"GPU lost, key canary-provider-key-5501\",\"code\":500}}\n\n",
            )],
        ),
    ];
    at_once(endings, |(name, ending)| {
        let pieces = [text("Half of "), wait(Duration::from_millis(30))].into_iter().chain(ending);
        let script = Script::new().otherwise(Answer::stream(pieces).without_done());
        let stage = Stage::timed(script, "idle = \"500ms\"");
        let reply = stage.send(&codex());
        let failed = last(&reply);
        assert_eq!(failed["type"], FAILED, "{name}: {}", reply.text());
        assert_eq!(failed["response"]["error"]["code"], "server_error", "{name}");
        assert!(reply.text().contains("Half "), "{name}");
        assert!(!kinds(&reply).contains(&"response.output_item.done".to_owned()), "{name}");
        assert!(!reply.text().contains(crate::stage::KEY), "{name}");
        assert_eq!(
            stage.upstream.exchanges().len(),
            1,
            "{name}: nothing is tried twice in a stream"
        );
        let line = &stage.gateway.requests(1)[0];
        assert_eq!(line["status"], 200, "{line}");
        assert_ne!(line["err"], "", "{line}");
        assert!(!stage.gateway.log.text().contains(crate::stage::KEY), "{name}");
    });
}

#[test]
fn a_cut_call_is_never_released() {
    let script = Script::new().otherwise(Answer::stream([
        text("I do it."),
        call("c1", "shell", "{\"cmd\":\"rm -rf /tm"),
        finish("length"),
        usage(5, 2),
    ]));
    let stage = Stage::new(script);
    for call in [codex(), turn(true)] {
        let reply = stage.send(&call);
        let end = last(&reply);
        assert_eq!(end["type"], "response.incomplete", "{}", reply.text());
        assert_eq!(end["response"]["incomplete_details"]["reason"], "max_output_tokens");
        for event in reply.events() {
            let done = event["type"] == "response.output_item.done";
            assert!(!(done && event["item"]["type"] == "function_call"), "{event}");
        }
        let output = end["response"]["output"].as_array().unwrap();
        assert!(output.iter().all(|it| it["type"] != "function_call"), "{end}");
    }
    let whole = stage.send(&turn(false)).json();
    assert_eq!(whole["status"], "incomplete", "{whole}");
    assert!(whole["output"].as_array().unwrap().iter().all(|it| it["type"] != "function_call"));
}

#[test]
fn a_filtered_answer() {
    let script = Script::new().otherwise(Answer::stream([text("I "), finish("content_filter")]));
    let stage = Stage::new(script);
    let failed = last(&stage.send(&codex()));
    assert_eq!(failed["type"], FAILED);
    assert_eq!(failed["response"]["error"]["code"], "invalid_prompt");
    let cut = last(&stage.send(&turn(true)));
    assert_eq!(cut["type"], "response.incomplete");
    assert_eq!(cut["response"]["incomplete_details"]["reason"], "content_filter");
}

/// F28, F29: what follows the end is not for this client, and not for the next one either.
#[test]
fn bytes_after_the_end_are_ignored() {
    let more =
        r#"data: {"choices":[{"index":0,"delta":{"content":"SMUGGLED"},"finish_reason":"stop"}]}"#;
    let noisy = Answer::stream([
        text("First."),
        finish("stop"),
        raw("data: [DONE]\n\n"),
        raw(format!("{more}\n\n{more}\n\n")),
    ]);
    let script = Script::new().then(noisy.clone()).then(noisy).otherwise(Answer::text("Second."));
    let stage = Stage::new(script);
    for call in [turn(true), turn(false)] {
        let first = stage.send(&call);
        assert!(first.text().contains("First.") && !first.text().contains("SMUGGLED"));
    }
    for _ in 0..3 {
        let second = stage.send(&turn(true));
        assert!(second.text().contains("Second.") && !second.text().contains("SMUGGLED"));
        assert_eq!(last(&second)["type"], "response.completed");
    }
    let response = "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ncontent-length: ";
    let body = "data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"One.\"},\"finish_reason\":\"stop\"}]}\n\ndata: [DONE]\n\n";
    let one = format!("{response}{}\r\n\r\n{body}", body.len());
    let two = one.replace("One.", "Two.");
    let canned = Canned::start(format!("{one}{two}").into_bytes(), Then::Stay);
    let gateway = Running::start(&config(&canned.base_url(), &Plan::default()));
    for _ in 0..3 {
        let reply = gateway.send(&turn(true));
        assert!(
            reply.text().contains("One.") && !reply.text().contains("Two."),
            "{}",
            reply.text()
        );
    }
}

/// An upstream may say `[DONE]` and leave its connection open.
#[test]
fn the_end_is_the_end_though_the_connection_stays() {
    let body = "data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"All.\"},\"finish_reason\":\"stop\"}]}\n\ndata: [DONE]\n\n";
    let head =
        "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n";
    let open = format!("{head}{:x}\r\n{body}\r\n", body.len());
    let canned = Canned::start(open.into_bytes(), Then::Stay);
    let gateway = Running::start(&config(&canned.base_url(), &Plan::default()));
    let begun = Instant::now();
    assert_eq!(last(&gateway.send(&turn(true)))["type"], "response.completed");
    let whole = gateway.send(&turn(false));
    assert_eq!(whole.json()["status"], "completed", "{}", whole.text());
    assert!(begun.elapsed() < LONG / 2, "{:?}", begun.elapsed());
}
