//! What is refused before anything is read.

use std::io::{Read as _, Write as _};

use interlingua_testkit::http::Call;
use interlingua_testkit::upstream::{finish, text, wait};
use serde_json::Value;

use crate::stage::{Answer, LONG, Plan, Script, Stage, connect, head, raw, read, status};

fn stage() -> Stage {
    Stage::saying("hello")
}

/// An error as every client can read it.
#[track_caller]
fn check_error(answer: &str, expected: u16) -> Value {
    assert_eq!(status(answer), expected, "{answer}");
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    assert!(head.to_ascii_lowercase().contains("\r\nx-request-id: "), "{head}");
    let body: Value = serde_json::from_str(body).unwrap_or_else(|_| panic!("no JSON: {answer}"));
    for field in ["message", "type", "code"] {
        assert!(body["error"][field].is_string(), "{body}");
    }
    assert!(body["error"].get("param").is_some(), "{body}");
    body["error"].clone()
}

#[test]
fn only_our_own_names_are_answered_on_any_route() {
    let stage = stage();
    let port = stage.address().port();
    let own = ["127.0.0.1", "localhost", "LocalHost", "[::1]"];
    for host in own.map(|it| format!("{it}:{port}")) {
        let answer = stage.send(&Call::get("/healthz").header("host", &host));
        assert_eq!(answer.status, 200, "{host}");
    }
    let other = port ^ 1;
    let foreign = [
        "127.0.0.1".to_owned(),
        "localhost".to_owned(),
        "[::1]".to_owned(),
        "::1".to_owned(),
        String::new(),
        "*".to_owned(),
        format!("127.0.0.1:{other}"),
        format!("localhost:{other}"),
        format!("localhost.:{port}"),
        format!("127.0.0.1.:{port}"),
        format!("127.1:{port}"),
        format!("127.0.1:{port}"),
        format!("0x7f.1:{port}"),
        format!("0x7f000001:{port}"),
        format!("0177.0.0.1:{port}"),
        format!("2130706433:{port}"),
        format!("127.0.0.2:{port}"),
        format!("0.0.0.0:{port}"),
        format!("[::]:{port}"),
        format!("[0:0:0:0:0:0:0:1]:{port}"),
        format!("[::ffff:127.0.0.1]:{port}"),
        format!("[::ffff:7f00:1]:{port}"),
        format!("[::1%25lo]:{port}"),
        format!("user@127.0.0.1:{port}"),
        format!("127.0.0.1:{port}@evil.test"),
        format!("127.0.0.1.evil.test:{port}"),
        format!("localhost.evil.test:{port}"),
        format!("evil.test:{port}"),
        "evil.test".to_owned(),
        format!("127.0.0.1:0{port}"),
        format!("127.0.0.1:{port}, evil.test"),
        format!("127.0.0.1:{port} "),
    ];
    for host in &foreign[..foreign.len() - 1] {
        for path in ["/healthz", "/readyz", "/v1/models", "/", "/nowhere"] {
            let request =
                format!("GET {path} HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\n\r\n");
            let error = check_error(&raw(stage.address(), request.as_bytes()), 421);
            assert_eq!(error["code"], "host_not_allowed", "{host}");
        }
    }
    // Blanks around a value are no part of it.
    let blank = foreign.last().unwrap();
    assert_eq!(stage.send(&Call::get("/healthz").header("host", blank)).status, 200);
}

#[test]
fn a_request_names_one_host() {
    let stage = stage();
    let host = stage.address();
    for fields in [
        String::new(),
        format!("host: {host}\r\nhost: {host}\r\n"),
        format!("host: {host}\r\nhost: evil.test\r\n"),
    ] {
        let request = format!("GET /healthz HTTP/1.1\r\n{fields}connection: close\r\n\r\n");
        let error = check_error(&raw(host, request.as_bytes()), 400);
        assert_eq!(error["code"], "invalid_host");
    }
    for (target, expected) in [
        (format!("http://{host}/healthz"), 200),
        ("http://evil.test/healthz".to_owned(), 400),
        (format!("http://user@{host}/healthz"), 400),
    ] {
        let request = format!("GET {target} HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\n\r\n");
        assert_eq!(status(&raw(host, request.as_bytes())), expected, "{target}");
    }
}

#[test]
fn framing_that_others_might_read_in_another_way_is_refused() {
    let stage = stage();
    let host = stage.address();
    for coding in ["gzip, chunked", "chunked, chunked", "xchunked", "identity"] {
        let request = head(
            host,
            &format!("connection: close\r\ntransfer-encoding: {coding}\r\n\r\n0\r\n\r\n"),
        );
        assert_eq!(status(&raw(host, request.as_bytes())), 400, "{coding}");
    }
    for length in ["-1", "+2", "0x10", "1, 2", "99999999999999999999999", ""] {
        let request = head(host, &format!("content-length: {length}\r\n\r\n"));
        assert_eq!(status(&raw(host, request.as_bytes())), 400, "{length:?}");
    }
    let twice = head(host, "content-length: 2\r\ncontent-length: 3\r\n\r\n{}");
    assert_eq!(status(&raw(host, twice.as_bytes())), 400);
    assert_eq!(stage.upstream.exchanges().len(), 0);
}

/// A second request that waits in the buffer must not hold back the answer to the first.
#[test]
fn a_pipelined_request_holds_nothing_back() {
    let pieces = [text("first "), wait(LONG * 2), finish("stop")];
    let stage = Stage::new(Script::new().then(Answer::stream(pieces)));
    let body = r#"{"model":"up/m","input":"hi","stream":true}"#;
    let host = stage.address();
    let fields = format!("content-length: {}\r\n\r\n{body}", body.len());
    let both = head(host, &fields) + &format!("GET /version HTTP/1.1\r\nhost: {host}\r\n\r\n");
    let mut socket = connect(host);
    socket.write_all(both.as_bytes()).unwrap();
    let mut seen = String::new();
    while !seen.contains("first ") {
        let mut piece = [0; 4096];
        let count = socket.read(&mut piece).unwrap();
        seen.push_str(&String::from_utf8_lossy(&piece[..count]));
    }
}

/// With both lengths the chunks count, and the connection is not used again: bytes that somebody before
/// us took for a second request are none.
#[test]
fn two_lengths_smuggle_nothing() {
    let stage = stage();
    let host = stage.address();
    let body = r#"{"model":"up/m","input":"hi"}"#;
    let fields = format!(
        "content-length: 4\r\ntransfer-encoding: chunked\r\n\r\n{:x}\r\n{body}\r\n0\r\n\r\nGET /version HTTP/1.1\r\nhost: {host}\r\n\r\n",
        body.len()
    );
    let answer = raw(host, head(host, &fields).as_bytes());
    assert_eq!(status(&answer), 200, "{answer}");
    assert!(answer.contains("\r\nconnection: close\r\n"), "{answer}");
    assert_eq!(answer.matches("HTTP/1.1 ").count(), 1, "{answer}");
}

#[test]
fn heads_have_limits() {
    let stage = stage();
    let host = stage.address();
    let many = |count: usize| {
        let fields: Vec<_> = (0..count).map(|at| format!("x-{at}: 1\r\n")).collect();
        let fields = fields.concat();
        format!("GET /healthz HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\n{fields}\r\n")
    };
    assert_eq!(status(&raw(host, many(98).as_bytes())), 200);
    assert_eq!(status(&raw(host, many(99).as_bytes())), 431);
    let sized = |length: usize| {
        let fields = format!("host: {host}\r\nconnection: close\r\nx: ");
        let value = "v".repeat(length - fields.len() - "\r\n".len());
        format!("GET /healthz HTTP/1.1\r\n{fields}{value}\r\n\r\n")
    };
    assert_eq!(status(&raw(host, sized(64 << 10).as_bytes())), 200);
    let error = check_error(&raw(host, sized((64 << 10) + 1).as_bytes()), 431);
    assert_eq!(error["code"], "headers_too_large");
    // Far beyond, the head is not even read to its end.
    assert_eq!(status(&raw(host, sized(200 << 10).as_bytes())), 431);
}

#[test]
fn request_lines_have_a_limit() {
    let stage = stage();
    let host = stage.address();
    let line = |length: usize| {
        let rest = length - "GET /healthz? HTTP/1.1".len();
        let query = "q".repeat(rest);
        format!("GET /healthz?{query} HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\n\r\n")
    };
    assert_eq!(status(&raw(host, line(8192).as_bytes())), 200);
    let error = check_error(&raw(host, line(8193).as_bytes()), 414);
    assert_eq!(error["code"], "uri_too_long");
}

#[test]
fn a_large_body_is_refused_by_its_declared_length() {
    let stage = stage();
    let mut socket = connect(stage.address());
    let head = head(stage.address(), "content-length: 10000000000\r\n\r\n");
    socket.write_all(head.as_bytes()).unwrap();
    let begun = std::time::Instant::now();
    let answer = read(&mut socket);
    // The answer comes at once; the connection may linger for a client that sends on.
    let error = check_error(&answer, 413);
    assert_eq!(error["code"], "body_too_large");
    assert!(begun.elapsed() < std::time::Duration::from_secs(5), "{:?}", begun.elapsed());
}

#[test]
fn methods_and_routes_are_explained() {
    let stage = stage();
    let host = stage.address();
    for request in ["TRACE /healthz", "CONNECT evil.test:443", "TRACE /v1/responses"] {
        let request = format!("{request} HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\n\r\n");
        let answer = raw(host, request.as_bytes());
        let error = check_error(&answer, 405);
        assert_eq!(error["code"], "method_not_allowed");
        assert!(answer.contains("\r\nallow: "), "{answer}");
    }
    for (request, allowed) in [
        ("GET /v1/responses", "POST"),
        ("PUT /responses", "POST"),
        ("POST /healthz", "GET, HEAD"),
        ("DELETE /v1/models", "GET, HEAD"),
    ] {
        let request = format!("{request} HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\n\r\n");
        let answer = raw(host, request.as_bytes());
        check_error(&answer, 405);
        assert!(answer.contains(&format!("\r\nallow: {allowed}\r\n")), "{answer}");
    }
    for (path, nearest) in [
        ("/v1/response", "/v1/responses"),
        ("/v1/v1/response", "/v1/responses"),
        ("/v1/message", "/v1/messages"),
        ("/chat/completion", "/v1/chat/completions"),
        ("/openai/models", "/v1/models"),
        ("/codex/model", "/v1/codex/models"),
        ("/v1", "/v1/responses"),
        ("/../etc/passwd", "/v1/responses"),
    ] {
        let request = format!("GET {path} HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\n\r\n");
        let error = check_error(&raw(host, request.as_bytes()), 404);
        let told = error["message"].as_str().unwrap();
        assert!(told.contains(&format!("nearest is `{nearest}`")), "{told}");
    }
}

#[test]
fn a_websocket_is_refused_and_other_upgrades_are_ignored() {
    let stage = stage();
    let host = stage.address();
    let upgrade = format!(
        "GET /v1/responses HTTP/1.1\r\nhost: {host}\r\nconnection: upgrade\r\nupgrade: websocket\r\nsec-websocket-version: 13\r\nsec-websocket-key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\nGET /version HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\n\r\n"
    );
    let answer = raw(host, upgrade.as_bytes());
    assert_eq!(status(&answer), 426, "{answer}");
    let h2c =
        crate::stage::turn(false).header("upgrade", "h2c").header("http2-settings", "AAMAAABk");
    assert_eq!(stage.send(&h2c).status, 200);
}

#[test]
fn a_compressed_body_is_refused_with_a_reason() {
    let stage = stage();
    let call = crate::stage::turn(false).header("content-encoding", "gzip");
    let reply = stage.send(&call);
    assert_eq!(reply.status, 400);
    assert_eq!(reply.json()["error"]["code"], "unsupported_content_encoding");
    assert!(reply.text().contains("gzip"));
    let call = crate::stage::turn(false).header("content-encoding", "identity");
    assert_eq!(stage.send(&call).status, 200);
}

#[test]
fn head_is_get_without_a_body() {
    let stage = stage();
    let host = stage.address();
    for path in ["/healthz", "/readyz", "/version", "/", "/v1/models", "/v1/codex/models"] {
        let whole = stage.send(&Call::get(path));
        let request = format!("HEAD {path} HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\n\r\n");
        let answer = raw(host, request.as_bytes());
        assert_eq!(status(&answer), 200, "{answer}");
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        assert_eq!(body, "");
        let length = format!("content-length: {}", whole.body.len());
        assert!(head.contains(&length), "{path}: {head}");
    }
    let request =
        format!("HEAD /v1/responses HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\n\r\n");
    assert_eq!(status(&raw(host, request.as_bytes())), 405);
}

#[test]
fn every_answer_has_a_request_id() {
    let stage = stage();
    let id = |call: &Call| stage.send(call).header("x-request-id").unwrap().to_owned();
    for call in [Call::get("/healthz"), Call::get("/nowhere"), crate::stage::turn(true)] {
        let made = id(&call);
        assert!(made.starts_with("req_") && made.len() == 36, "{made}");
        assert_eq!(id(&call.clone().header("x-request-id", "my-id_1.2")), "my-id_1.2");
        let bad = id(&call.header("x-request-id", "no blanks"));
        assert!(bad.starts_with("req_"), "{bad}");
    }
    let sent = stage.upstream.exchanges();
    let passed =
        sent.iter().filter(|it| it.request.header("x-client-request-id") == Some("my-id_1.2"));
    assert_eq!(passed.count(), 1, "the upstream learns the id");
}

#[test]
fn what_is_no_http_gets_no_answer_of_ours() {
    let stage = Stage::with(Script::new(), &Plan::default());
    for bytes in
        [&b"\x16\x03\x01\x02\x00\x01\x00\x01"[..], b"hello\r\n\r\n", b"GET / HTTP/9.9\r\n\r\n"]
    {
        let answer = raw(stage.address(), bytes);
        assert!(matches!(status(&answer), 0 | 400 | 505), "{answer}");
    }
}

/// Bytes that were not read must not cost the answer that says why.
#[test]
fn a_refusal_reaches_who_has_sent_a_lot() {
    let stage = stage();
    let body = vec![b' '; 200 << 10];
    for _ in 0..5 {
        let reply =
            stage.send(&crate::stage::turn(false).header("host", "evil.test").body(body.clone()));
        assert_eq!(reply.status, 421);
        let odd = head(stage.address(), "connection: close\r\ntransfer-encoding: xchunked\r\n\r\n");
        let answer = raw(stage.address(), &[odd.as_bytes(), &body].concat());
        assert_eq!(status(&answer), 400, "{answer}");
    }
}
