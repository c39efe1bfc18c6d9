use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::*;

/// Posts a body and returns status and everything that came after the head, until the socket ends.
fn post(upstream: &Scripted, body: &Value, headers: &str) -> (u16, String) {
    let mut socket = open(upstream, body, headers);
    let mut bytes = Vec::new();
    // A cut socket is an error here; what came before it is still in `bytes`.
    drop(socket.read_to_end(&mut bytes));
    let answer = String::from_utf8(bytes).unwrap();
    let Some((head, body)) = answer.split_once("\r\n\r\n") else { return (0, answer) };
    let status = head.split(' ').nth(1).unwrap().parse().unwrap();
    (status, body.to_owned())
}

fn open(upstream: &Scripted, body: &Value, headers: &str) -> TcpStream {
    let body = body.to_string();
    let mut socket = TcpStream::connect(upstream.address()).unwrap();
    write!(
        socket,
        "POST /v1/chat/completions HTTP/1.1\r\nhost: h\r\nconnection: close\r\n{headers}\
         content-length: {}\r\n\r\n{body}",
        body.len()
    )
    .unwrap();
    socket
}

fn ask(prompt: &str) -> Value {
    json!({ "model": "m", "stream": true, "messages": [{ "role": "user", "content": prompt }] })
}

#[test]
fn answers_come_in_order_and_requests_are_kept() {
    let script = Script::new().then(Answer::text("one")).then_with(|request| {
        Answer::text(request.body["messages"][0]["content"].as_str().unwrap())
    });
    let upstream = Scripted::start(script).unwrap();
    assert!(post(&upstream, &ask("a"), "").1.contains(r#""content":"one""#));
    assert!(post(&upstream, &ask("echo"), "x-mark: 7\r\n").1.contains(r#""content":"echo""#));
    let exchanges = upstream.exchanges();
    assert_eq!(exchanges[1].request.header("x-mark"), Some("7"));
    assert_eq!(upstream.bodies(), [ask("a"), ask("echo")]);
    assert_eq!(exchanges.iter().map(|it| it.ending).collect::<Vec<_>>(), [Ending::Complete; 2]);
    assert_eq!(upstream.faults(), [""; 0]);
}

#[test]
fn a_request_too_many_is_an_error_and_a_fault() {
    let upstream = Scripted::start(Script::new()).unwrap();
    assert_eq!(post(&upstream, &ask("a"), "").0, 500);
    assert_eq!(upstream.faults(), ["1 requests for which no answer was left"]);
}

#[test]
fn a_lane_takes_only_its_own() {
    let script = Script::new().then(Answer::text("parent")).lane(
        "child",
        |it| it.contains("sub-task"),
        [Answer::text("child")],
    );
    let upstream = Scripted::start(script).unwrap();
    assert!(post(&upstream, &ask("the sub-task"), "").1.contains("child"));
    assert!(post(&upstream, &ask("the task"), "").1.contains("parent"));
    let lanes: Vec<_> = upstream.exchanges().into_iter().map(|it| it.lane).collect();
    assert_eq!(lanes, ["child", "main"]);
}

#[test]
fn a_lane_may_answer_for_ever() {
    let script = Script::new().always("title", |it| it.contains("title"), Answer::text("Titled"));
    let upstream = Scripted::start(script).unwrap();
    assert_eq!(upstream.faults(), [""; 0]);
    for _ in 0..2 {
        assert!(post(&upstream, &ask("a title"), "").1.contains("Titled"));
    }
    assert_eq!(post(&upstream, &ask("else"), "").0, 500);
}

/// Asks under another path than Chat's.
fn ask_at(upstream: &Scripted, path: &str, headers: &[(&str, &str)], body: &Value) -> (u16, Value) {
    let call = crate::http::Call::post(path, body);
    let call = headers.iter().fold(call, |call, (name, value)| call.header(name, value));
    let reply = call.send(upstream.address()).unwrap();
    (reply.status, reply.json())
}

#[test]
fn errors_have_the_shape_of_the_protocol() {
    let script = Script::new()
        .then(Answer::overloaded())
        .then(Answer::context_overflow())
        .then(Answer::context_overflow());
    let upstream = Scripted::start(script).unwrap();
    let (status, body) = ask_at(&upstream, "/v1/messages", &[], &ask("a"));
    assert_eq!((status, &body["error"]["type"]), (529, &json!("overloaded_error")));
    let (_, body) = ask_at(&upstream, "/v1/messages?beta=true", &[], &ask("a"));
    assert!(body["error"]["message"].as_str().unwrap().starts_with("prompt is too long"));
    let (_, body) = ask_at(&upstream, "/v1/responses", &[], &ask("a"));
    assert_eq!(body["error"]["code"], "context_length_exceeded");
}

#[test]
fn what_stands_beside_an_answer_takes_no_step() {
    let script = Script::new().models(["m"]).then(Answer::text("in"));
    let upstream = Scripted::start(script).unwrap();
    let (status, body) = ask_at(&upstream, "/v1/messages/count_tokens", &[], &ask("a"));
    assert!(status == 200 && body["input_tokens"].as_u64().unwrap() > 1, "{body}");
    let models = crate::http::Call::get("/v1/models").header("anthropic-version", "2023-06-01");
    let list = models.send(upstream.address()).unwrap().json();
    assert_eq!(list["data"][0]["type"], "model");
    assert_eq!(upstream.bodies().len(), 0);
    let bare = Scripted::start(Script::new().without_count_tokens()).unwrap();
    assert_eq!(ask_at(&bare, "/v1/messages/count_tokens", &[], &ask("a")).0, 404);
}

#[test]
fn a_key_may_come_in_either_header() {
    let script = Script::new().key("k-1").otherwise(Answer::text("in"));
    let upstream = Scripted::start(script).unwrap();
    let status = |header| ask_at(&upstream, "/v1/messages", &[header], &ask("a")).0;
    assert_eq!(status(("x-api-key", "k-1")), 200);
    assert_eq!(status(("authorization", "Bearer k-1")), 200);
    assert_eq!(status(("x-api-key", "k-2")), 401);
}

#[test]
fn a_whole_answer_is_folded_from_the_same_pieces() {
    let pieces = [reasoning("Hm."), call("c", "f", "{}"), finish("tool_calls")];
    let script = Script::new().then(Answer::stream(pieces.clone())).then(Answer::whole(pieces));
    let upstream = Scripted::start(script).unwrap();
    let mut body = ask("a");
    body["stream"] = false.into();
    for body in [body, ask("a")] {
        let whole: Value = serde_json::from_str(&post(&upstream, &body, "").1).unwrap();
        assert_eq!(whole["choices"][0]["message"]["reasoning_content"], "Hm.");
    }
}

#[test]
fn a_cut_leaves_half_a_call() {
    let pieces = [call("c", "f", "{\"half\": "), cut(), finish("tool_calls")];
    let upstream = Scripted::start(Script::new().then(Answer::stream(pieces))).unwrap();
    let (_, sent) = post(&upstream, &ask("a"), "");
    assert!(sent.contains("half"), "{sent}");
    assert!(!sent.contains("tool_calls\"}") && !sent.ends_with("0\r\n\r\n"), "{sent}");
    assert_eq!(upstream.exchanges()[0].ending, Ending::Cut);
}

#[test]
fn hanging_up_sends_no_status() {
    let upstream = Scripted::start(Script::new().then(Answer::hang_up())).unwrap();
    assert_eq!(post(&upstream, &ask("a"), ""), (0, String::new()));
    assert_eq!(upstream.exchanges()[0].status, 0);
}

#[test]
fn a_client_that_goes_away_is_noticed_at_once() {
    let stall = [text("a "), wait(Duration::from_mins(1)), finish("stop")];
    let upstream = Scripted::start(Script::new().then(Answer::stream(stall))).unwrap();
    let mut socket = open(&upstream, &ask("a"), "");
    socket.read_exact(&mut [0; 20]).unwrap();
    drop(socket);
    let gone = |all: &[Exchange]| all[0].ending == Ending::ClientGone;
    let seen = upstream.wait_until(Duration::from_secs(5), gone);
    assert_eq!(seen[0].ending, Ending::ClientGone);
}

#[test]
fn the_first_byte_can_be_slow() {
    let slow = Answer::text("late").after(Duration::from_millis(150));
    let upstream = Scripted::start(Script::new().then(slow)).unwrap();
    let start = Instant::now();
    assert!(post(&upstream, &ask("a"), "").1.contains("late"));
    assert!(start.elapsed() >= Duration::from_millis(150));
}

#[test]
fn errors_carry_their_status_and_headers() {
    let script = Script::new().then(Answer::rate_limited(Some(3))).then(Answer::context_overflow());
    let upstream = Scripted::start(script).unwrap();
    let mut socket = open(&upstream, &ask("a"), "");
    let mut answer = String::new();
    socket.read_to_string(&mut answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 429") && answer.contains("retry-after: 3"), "{answer}");
    let (status, body) = post(&upstream, &ask("a"), "");
    assert_eq!(status, 400);
    assert!(body.contains("context_length_exceeded"));
}

#[test]
fn a_wrong_key_is_refused_and_takes_no_step() {
    let upstream = Scripted::start(Script::new().key("k-1").then(Answer::text("in"))).unwrap();
    assert_eq!(post(&upstream, &ask("a"), "authorization: Bearer k-2\r\n").0, 401);
    assert_eq!(post(&upstream, &ask("a"), "").0, 401);
    assert_eq!(post(&upstream, &ask("a"), "authorization: Bearer k-1\r\n").0, 200);
}

#[test]
fn the_strict_upstream_remembers_what_it_sent() {
    let first = Answer::stream([reasoning("Deep thought."), call("c", "f", "{}"), finish("x")]);
    let script = Script::new().strict(Strict::mimo()).then(first).then(Answer::text("done"));
    let upstream = Scripted::start(script).unwrap();
    post(&upstream, &ask("a"), "");

    let mut replay = ask("a");
    let function = json!({ "name": "f", "arguments": "{}" });
    let calls = json!([{ "id": "c", "type": "function", "function": function }]);
    let messages = replay["messages"].as_array_mut().unwrap();
    messages.push(json!({ "role": "assistant", "content": "", "tool_calls": calls }));
    messages.push(json!({ "role": "tool", "tool_call_id": "c", "content": "ok" }));
    let (status, refusal) = post(&upstream, &replay, "");
    assert_eq!(status, 400);
    assert!(refusal.contains("data:{\"error\":{\"code\":\"400\",\"message\":\"Param Incorrect\""));

    replay["messages"][1]["reasoning_content"] = "Deep thought.".into();
    assert_eq!(post(&upstream, &replay, "").0, 200);
    assert_eq!(upstream.violations().len(), 1);
    assert_eq!(upstream.faults().len(), 1);
}
