//! Responses that a client refers to by their ids.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use interlingua_reasoning::{Entry, Key, Pending, Stats, Store, StoreError};
use interlingua_store::Stores;
use interlingua_testkit::http::{Call, Reply};
use interlingua_testkit::upstream::{
    Answer, Script, Scripted, Wire, call, fail, finish, reasoning, text, usage,
};
use serde_json::{Value, json};

use crate::keys::keyed;
use crate::pairs::{KINDS, Kind};
use crate::stage::{LONG, MODEL, Running, Stage, at_once, last};

fn post(body: &Value) -> Call {
    Call::post("/v1/responses", body).limit(LONG)
}

fn delete(id: &str) -> Call {
    Call::get(&format!("/v1/responses/{id}")).method("DELETE").limit(LONG)
}

fn get(id: &str) -> Call {
    Call::get(&format!("/v1/responses/{id}")).limit(LONG)
}

/// The response of a reply, however it came.
#[track_caller]
fn response(reply: &Reply, stream: bool) -> Value {
    assert_eq!(reply.status, 200, "{}", reply.text());
    let response = if stream { last(reply)["response"].clone() } else { reply.json() };
    assert_eq!(response["status"], "completed", "{response}");
    response
}

fn id(response: &Value) -> String {
    response["id"].as_str().unwrap().to_owned()
}

fn body(input: &Value, stream: bool, previous: Option<&str>) -> Value {
    let tools = json!([{ "type": "function", "name": "read", "parameters": { "type": "object" } }]);
    json!({ "model": MODEL, "input": input, "stream": stream, "tools": tools,
        "reasoning": { "effort": "high" }, "previous_response_id": previous })
}

/// Three steps, each of which says only what is new: the upstream gets all of it, thoughts included.
#[test]
fn a_chain_of_three() {
    let both = KINDS.iter().flat_map(|kind| [(*kind, true), (*kind, false)]);
    at_once(both, |(kind, stream)| {
        let step = |id: &str| {
            let thought = kind.has_thoughts().then(|| reasoning(format!("Before {id}.")));
            let rest = [call(id, "read", r#"{"value":"a"}"#), finish("tool_calls"), usage(10, 5)];
            Answer::stream(thought.into_iter().chain(rest))
        };
        let script = kind.script().then(step("c_1")).then(step("c_2")).then(Answer::text("Done."));
        let stage = kind.stage(script, "");
        let result = |id: &str| json!([{ "type": "function_call_output", "call_id": id, "output": format!("result of {id}") }]);
        let first = response(&stage.send(&post(&body(&json!("look"), stream, None))), stream);
        // An upstream of the same protocol says of itself that it keeps nothing, and its words go on.
        let is_lane = kind.wire == Wire::Responses;
        let links = |shown: &Value| {
            let previous = shown["previous_response_id"].clone();
            if is_lane { (json!(true), Value::Null) } else { (shown["store"].clone(), previous) }
        };
        let linked = |to: &Value| if is_lane { Value::Null } else { to["id"].clone() };
        assert_eq!(links(&first), (json!(true), Value::Null), "{kind}");
        let second = post(&body(&result("c_1"), stream, Some(&id(&first))));
        let second = response(&stage.send(&second), stream);
        assert_eq!(links(&second), (json!(true), linked(&first)), "{kind}");
        let third = post(&body(&result("c_2"), stream, Some(&id(&second))));
        let third = response(&stage.send(&third), stream);
        assert_eq!(links(&third), (json!(true), linked(&second)), "{kind}");

        assert_eq!(stage.upstream.faults(), [""; 0], "{kind}");
        let sent = stage.upstream.exchanges().pop().unwrap().request;
        let places = ["look", "\"c_1\"", "result of c_1", "\"c_2\"", "result of c_2"];
        let places: Vec<_> = places.iter().map(|it| sent.body.to_string().find(it)).collect();
        assert!(places.iter().all(Option::is_some) && places.is_sorted(), "{kind}: {}", sent.body);
        assert!(!sent.contains("previous_response_id") && !sent.contains("\"store\":true"));
        assert_eq!(sent.contains("Before c_1."), kind.has_thoughts(), "{kind}: {}", sent.body);

        // What is kept is what the client was shown.
        for shown in [&first, &second, &third] {
            let kept = stage.send(&get(&id(shown)));
            assert_eq!((kept.status, &kept.json()), (200, shown), "{kind}");
        }
    });
}

/// One answer may be gone on from twice; and the other client's deletion of a link breaks no chain, since each
/// holds all that came before.
#[test]
fn a_chain_may_fork_and_lose_a_link() {
    let stage = Stage::new(Script::new().otherwise(Answer::text("Said.")));
    let ask = |said: &str, previous: Option<&str>| {
        id(&response(&stage.send(&post(&body(&json!(said), false, previous))), false))
    };
    let first = ask("one", None);
    let second = ask("two", Some(&first));
    let gone = stage.send(&delete(&first));
    assert_eq!(gone.json(), json!({ "id": first, "object": "response", "deleted": true }));
    ask("three", Some(&second));
    ask("other", Some(&second));
    let bodies = stage.upstream.bodies();
    for (body, last) in [(&bodies[2], "three"), (&bodies[3], "other")] {
        let said: Vec<_> = body["messages"]
            .as_array()
            .unwrap()
            .iter()
            .map(|it| it["content"].as_str().unwrap())
            .collect();
        assert_eq!(said, ["one", "Said.", "two", "Said.", last]);
    }
    is_missed(&stage, &first);
}

/// Nothing is answered without what came before, and the words say what to do.
#[track_caller]
fn is_missed(stage: &Stage, id: &str) {
    let asked = stage.upstream.exchanges().len();
    for stream in [true, false] {
        let reply = stage.send(&post(&body(&json!("more"), stream, Some(id))));
        let error = &reply.json()["error"];
        assert_eq!(reply.status, 400, "{}", reply.text());
        assert_eq!(error["code"], "previous_response_not_found", "{error}");
        assert_eq!(error["param"], "previous_response_id", "{error}");
        let words = error["message"].as_str().unwrap();
        assert!(
            words.contains(id) && words.contains("send the whole conversation in `input`"),
            "{words}"
        );
    }
    for call in [get(id), delete(id)] {
        let reply = stage.send(&call);
        assert_eq!(reply.status, 404, "{}", reply.text());
        assert_eq!(reply.json()["error"]["code"], "response_not_found");
    }
    assert_eq!(stage.upstream.exchanges().len(), asked, "nobody was asked");
}

#[test]
fn what_is_not_kept_is_missed() {
    let stage = Stage::new(Script::new().otherwise(Answer::text("Said.")));
    is_missed(&stage, "resp_never");
    for stream in [true, false] {
        let mut unkept = body(&json!("one"), stream, None);
        unkept["store"] = false.into();
        let shown = response(&stage.send(&post(&unkept)), stream);
        assert_eq!(shown["store"], false);
        is_missed(&stage, &id(&shown));

        let shown = id(&response(&stage.send(&post(&body(&json!("one"), stream, None))), stream));
        assert_eq!(stage.send(&get(&shown)).status, 200);
        assert_eq!(stage.send(&delete(&shown)).json()["deleted"], true);
        is_missed(&stage, &shown);
    }
}

/// Half an answer is none to go on from.
#[test]
fn an_answer_that_failed_is_not_kept() {
    let half = Answer::stream([text("Half "), fail("server_error", "oops")]);
    let stage = Stage::new(Script::new().otherwise(half));
    let reply = stage.send(&post(&body(&json!("one"), true, None)));
    let failed = last(&reply);
    assert_eq!(failed["type"], "response.failed", "{}", reply.text());
    is_missed(&stage, &id(&failed["response"]));
}

#[test]
fn nobody_goes_on_from_what_is_anothers() {
    let (stage, keys) = keyed(Script::new().otherwise(Answer::text("Said.")));
    let [alice, bob] = keys.map(|key| format!("Bearer {key}"));
    let as_bob = |call: Call| call.header("authorization", &bob);
    let first = post(&body(&json!("my secret"), false, None)).header("authorization", &alice);
    let first = id(&response(&stage.send(&first), false));
    for call in [get(&first), delete(&first)] {
        assert_eq!(stage.send(&as_bob(call)).status, 404);
    }
    let reply = stage.send(&as_bob(post(&body(&json!("more"), false, Some(&first)))));
    assert_eq!(reply.json()["error"]["code"], "previous_response_not_found", "{}", reply.text());
    assert_eq!(stage.upstream.exchanges().len(), 1);
    let own = get(&first).header("authorization", &alice);
    assert_eq!(id(&stage.send(&own).json()), first, "and it is still there");
}

#[test]
fn what_is_kept_survives_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    for kind in [KINDS[0], KINDS[2]] {
        let upstream = Scripted::start(Script::new().otherwise(Answer::text("Said."))).unwrap();
        let config = config(kind, &upstream);
        for stream in [true, false] {
            let begin = |said: &str, previous: Option<&str>| {
                let gateway = Running::keeping(&config, Some(folder.path()));
                response(&gateway.send(&post(&body(&json!(said), stream, previous))), stream)
            };
            let first = begin("one", None);
            let second = begin("two", Some(&id(&first)));
            let sent = upstream.bodies().pop().unwrap().to_string();
            assert!(
                sent.contains("one") && sent.contains("Said.") && sent.contains("two"),
                "{sent}"
            );
            let gateway = Running::keeping(&config, Some(folder.path()));
            assert_eq!(gateway.send(&get(&id(&second))).json(), second, "{kind}");
        }
    }
    // What a tenant has said is in no file that others can read.
    let mut read = 0;
    for entry in std::fs::read_dir(folder.path()).unwrap() {
        // SQLite takes its log away when the last gateway's writer closes.
        let Ok(bytes) = std::fs::read(entry.unwrap().path()) else { continue };
        assert!(
            !bytes.windows(5).any(|it| it == b"Said."),
            "the file holds the answer in plain words"
        );
        read += 1;
    }
    assert!(read > 0, "there is a file");
}

fn config(kind: Kind, upstream: &Scripted) -> String {
    format!("listen = \"127.0.0.1:0\"\n{}", kind.provider("up", &upstream.base_url()))
}

/// A store that has gone is no reason to say that nothing was kept: the client would begin anew.
#[test]
fn who_asks_while_the_store_is_away_is_to_ask_again() {
    let upstream = Scripted::start(Script::new().otherwise(Answer::text("Said."))).unwrap();
    let away = |stores: Stores| Stores { responses: Arc::new(Away), ..stores };
    let gateway = Running::with(&config(KINDS[0], &upstream), None, away);
    let more = post(&body(&json!("more"), false, Some("resp_1")));
    for call in [more, get("resp_1"), delete("resp_1")] {
        let reply = gateway.send(&call);
        assert_eq!(reply.status, 503, "{}", reply.text());
        assert!(reply.text().contains("does not answer; try again"), "{}", reply.text());
    }
    // Who refers to nothing is answered all the same.
    let plain = gateway.send(&post(&body(&json!("hi"), false, None)));
    assert_eq!(plain.status, 200, "{}", plain.text());
    assert_eq!(upstream.exchanges().len(), 1);
}

/// A store whose server does not answer.
#[derive(Debug)]
struct Away;

impl Store for Away {
    fn get<'s>(&'s self, keys: &'s [Key]) -> Pending<'s, Vec<Option<Bytes>>> {
        Box::pin(async { Ok(vec![None; keys.len()]) })
    }

    fn put(&self, _: Key, _: Entry) -> Pending<'static, ()> {
        Box::pin(async { Err(StoreError::Away) })
    }

    fn remove(&self, _: Key) -> Pending<'static, bool> {
        Box::pin(async { Err(StoreError::Away) })
    }

    fn stats(&self) -> Stats {
        Stats { degraded: Some(Duration::from_secs(1)), ..Stats::default() }
    }
}

#[test]
fn other_methods_are_refused() {
    let stage = Stage::saying("hello");
    let reply = stage.send(&Call::post("/v1/responses/resp_1", &Value::Null));
    assert_eq!((reply.status, reply.header("allow")), (405, Some("GET, HEAD, DELETE")));
    let reply = stage.send(&Call::get("/v1/responses/resp_1/input_items"));
    assert_eq!(reply.status, 404, "{}", reply.text());
}
