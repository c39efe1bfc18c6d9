//! Requests at their limits and one beyond.

use interlingua_testkit::http::{Call, Reply};

use crate::stage::{Answer, LONG, Plan, Script, Stage, raw, status, turn};

fn stage(limits: &str) -> Stage {
    let tables = format!("[limits]\n{limits}");
    let plan = Plan { tables: &tables, ..Plan::default() };
    Stage::with(Script::new().otherwise(Answer::text("hello")), &plan)
}

fn post(stage: &Stage, body: &str) -> Reply {
    stage.send(&turn(false).body(body))
}

#[track_caller]
fn check_invalid(reply: &Reply, code: &str, told: &str) {
    let error = &reply.json()["error"];
    assert_eq!((reply.status, error["code"].as_str()), (400, Some(code)), "{}", reply.text());
    let message = error["message"].as_str().unwrap();
    assert!(message.contains(told), "{message}");
}

#[track_caller]
fn check_place(reply: &Reply, place: &str) {
    let error = &reply.json()["error"];
    assert_eq!((reply.status, error["type"].as_str()), (400, Some("invalid_request_error")));
    assert!(error["message"].as_str().unwrap().contains(place), "{error}");
}

/// A turn whose JSON nests `depth` deep in all.
fn nested(depth: usize) -> String {
    let inner = depth - 2;
    let (open, close) = ("[".repeat(inner), "]".repeat(inner));
    format!(r#"{{"model":"up/m","input":"hi","metadata":{{"x":{open}{close}}}}}"#)
}

#[test]
fn depth() {
    let stage = stage("");
    assert_eq!(post(&stage, &nested(128)).status, 200);
    check_invalid(&post(&stage, &nested(129)), "json_too_deep", "128");
    // However deep it goes, it costs a scan.
    check_invalid(&post(&stage, &nested(1_000_000)), "json_too_deep", "128");
}

#[test]
fn nodes() {
    let stage = stage("json_nodes = 1000");
    let list = |items: usize| {
        let zeros = vec!["0"; items].join(",");
        format!(r#"{{"model":"up/m","input":"hi","metadata":{{"x":[{zeros}]}}}}"#)
    };
    assert_eq!(post(&stage, &list(900)).status, 200);
    check_invalid(&post(&stage, &list(1001)), "json_too_complex", "1000");
}

#[test]
fn invalid_json_is_told_with_its_place() {
    let stage = stage("");
    for (body, place) in [
        ("", "line 1"),
        ("{", "line 1"),
        ("{\"model\": \"up/m\",\n\"input\": }", "line 2"),
        (r#"{"model":"up/m","input":"hi"} x"#, "column 31"),
        ("{\"model\":\"up/m\",\"input\":\"\u{1}\"}", "column"),
        (r#"["up/m"]"#, ""),
        ("\"hi\"", ""),
    ] {
        check_place(&post(&stage, body), place);
    }
    check_place(&stage.send(&turn(false).body(b"{\"model\":\"\xff\"}".to_vec())), "");
    assert_eq!(stage.upstream.exchanges().len(), 0);
}

#[test]
fn body() {
    let stage = stage("body = 1000");
    let sized = |size: usize| {
        let (before, after) = (r#"{"model":"up/m","input":""#, r#""}"#);
        format!("{before}{}{after}", "x".repeat(size - before.len() - after.len()))
    };
    assert_eq!(post(&stage, &sized(1000)).status, 200);
    let refused = post(&stage, &sized(1001));
    assert_eq!(refused.status, 413);
    assert!(refused.text().contains("`limits.body`"), "{}", refused.text());
    for (size, expected) in [(1000, 200), (1001, 413)] {
        let body = sized(size);
        let (one, two) = body.split_at(500);
        let request = crate::stage::head(
            stage.address(),
            &format!(
                "connection: close\r\ntransfer-encoding: chunked\r\n\r\n{:x}\r\n{one}\r\n{:x}\r\n{two}\r\n0\r\n\r\n",
                one.len(),
                two.len()
            ),
        );
        assert_eq!(status(&raw(stage.address(), request.as_bytes())), expected, "{size}");
    }
}

/// A client that writes all before it reads must still see why it was refused.
#[test]
fn who_sends_too_much_is_told() {
    let stage = stage("body = 1000");
    let call = turn(false).body(vec![b' '; 8 << 20]).limit(LONG);
    for _ in 0..5 {
        let reply = stage.send(&call);
        assert_eq!(reply.status, 413);
    }
}

#[test]
fn an_event_of_the_upstream() {
    let content = |length: usize| {
        let text = "x".repeat(length);
        Answer::bytes(
            200,
            format!(
                "data: {{\"choices\":[{{\"index\":0,\"delta\":{{\"content\":\"{text}\"}},\"finish_reason\":\"stop\"}}]}}\n\ndata: [DONE]\n\n"
            ),
        )
    };
    let plan = Plan { tables: "[limits]\nupstream_event = 10000", ..Plan::default() };
    let script = Script::new().then(content(9000)).otherwise(content(11_000));
    let stage = Stage::with(script, &plan);
    assert_eq!(stage.send(&turn(true)).status, 200);
    let reply = stage.send(&turn(true));
    assert_eq!(reply.status, 502, "{}", reply.text());
}

#[test]
fn a_whole_answer_of_the_upstream() {
    let whole = |length: usize| {
        let text = "x".repeat(length);
        Answer::whole([
            interlingua_testkit::upstream::text(text),
            interlingua_testkit::upstream::finish("stop"),
        ])
    };
    let plan = Plan { tables: "[limits]\nupstream_body = 10000", ..Plan::default() };
    let script = Script::new().then(whole(9000)).otherwise(whole(11_000));
    let stage = Stage::with(script, &plan);
    assert_eq!(stage.send(&turn(false)).status, 200);
    let reply = stage.send(&turn(false));
    assert_eq!(reply.status, 502, "{}", reply.text());
    assert!(reply.text().contains("10000"), "{}", reply.text());
}

#[test]
fn a_model_must_be_named_and_known() {
    let stage = stage("");
    let reply = post(&stage, r#"{"input":"hi"}"#);
    assert_eq!(reply.status, 400, "{}", reply.text());
    assert!(reply.text().contains("default_model"), "{}", reply.text());
    let reply = post(&stage, r#"{"model":"up/n","input":"hi"}"#);
    assert_eq!(
        (reply.status, reply.json()["error"]["code"].as_str()),
        (404, Some("model_not_found"))
    );
    assert!(reply.text().contains("up/m"), "{}", reply.text());
    let call = Call::get("/v1/models/up%2Fm");
    assert_eq!(stage.send(&call).status, 200);
}
