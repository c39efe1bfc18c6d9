//! Who may call, and whose thoughts are whose.

use interlingua_registry::{KeyHash, generate};
use interlingua_testkit::http::Call;
use interlingua_testkit::upstream::{finish, reasoning, text};
use serde_json::{Value, json};

use crate::stage::{Answer, MODEL, Plan, Script, Stage, codex, last, turn};

pub(crate) fn keyed(script: Script) -> (Stage, [String; 2]) {
    let keys = [1, 2].map(|seed| generate([seed; 32]));
    let entry = |(id, hash): (&str, &KeyHash)| {
        format!("[[client_keys]]\nid = \"{id}\"\nhash = \"{hash}\"\n")
    };
    let tables = entry(("alice", &keys[0].1)) + &entry(("bob", &keys[1].1));
    let plan = Plan { tables: &tables, ..Plan::default() };
    let stage = Stage::with(script, &plan);
    (stage, keys.map(|(key, _)| key.expose().to_owned()))
}

#[test]
fn an_open_gateway_takes_any_token() {
    let stage = Stage::saying("hello");
    for call in [turn(false), turn(false).header("authorization", "Bearer interlingua-local")] {
        assert_eq!(stage.send(&call).status, 200);
    }
    let sent = stage.upstream.exchanges();
    for exchange in sent {
        let key = format!("Bearer {}", crate::stage::KEY);
        assert_eq!(exchange.request.header("authorization"), Some(key.as_str()));
    }
    assert!(stage.gateway.requests(2).iter().all(|it| it["client"] == "local"));
}

#[test]
fn a_key_is_wanted_where_there_are_keys() {
    let (stage, [alice, _]) = keyed(Script::new().otherwise(Answer::text("hello")));
    let bearer = |key: &str| format!("Bearer {key}");
    for path in ["/v1/models", "/v1/codex/models", "/", "/nowhere"] {
        assert_eq!(stage.send(&Call::get(path)).status, 401, "{path}");
    }
    for path in ["/healthz", "/readyz", "/version"] {
        assert_eq!(stage.send(&Call::get(path)).status, 200, "{path}");
    }
    for call in [
        turn(true),
        turn(true).header("authorization", &bearer("il_0000")),
        turn(true).header("authorization", &bearer("")),
        turn(true).header("authorization", &alice),
        turn(true).header("authorization", &format!("Basic {alice}")),
        turn(true).header("x-api-key", "no"),
    ] {
        let reply = stage.send(&call);
        assert_eq!(reply.status, 401, "{}", reply.text());
        assert_eq!(reply.json()["error"]["code"], "invalid_api_key");
        let id = reply.header("x-request-id").unwrap().to_owned();
        let lines = stage.gateway.log.text();
        assert!(lines.contains(&id), "the refusal is logged under its id");
    }
    assert_eq!(stage.upstream.exchanges().len(), 0);
    assert_eq!(stage.send(&turn(true).header("authorization", &bearer(&alice))).status, 200);
    assert_eq!(
        stage.send(&turn(true).header("authorization", &format!("bearer {alice}"))).status,
        200
    );
    assert_eq!(stage.send(&turn(true).header("x-api-key", &alice)).status, 200);
    let log = stage.gateway.log.text();
    assert!(!log.contains(&alice), "the client's key is not logged");
}

/// Codex tries a 401 six times; a failed response is told once, in plain words.
#[test]
fn codex_is_told_in_a_stream() {
    let (stage, _) = keyed(Script::new());
    let reply = stage.send(&codex());
    assert_eq!(reply.status, 200);
    let failed = last(&reply);
    assert_eq!(failed["type"], "response.failed");
    assert_eq!(failed["response"]["error"]["code"], "invalid_prompt");
    assert!(reply.text().contains("interlingua keys add"), "{}", reply.text());
}

/// The reasoning item of an answer, as the client keeps it.
fn thought(reply: &interlingua_testkit::http::Reply) -> Value {
    let output = reply.json()["output"].as_array().unwrap().clone();
    output.into_iter().find(|it| it["type"] == "reasoning").unwrap()
}

fn next_turn(item: &Value) -> Call {
    let input = json!([
        { "type": "message", "role": "user", "content": "hi" },
        item,
        { "type": "message", "role": "assistant",
          "content": [{ "type": "output_text", "text": "Done." }] },
        { "type": "message", "role": "user", "content": "go on" },
    ]);
    let body =
        json!({ "model": MODEL, "input": input, "include": ["reasoning.encrypted_content"] });
    Call::post("/v1/responses", &body)
}

#[test]
fn thoughts_stay_with_their_tenant() {
    const SECRET: &str = "the thought of alice";
    let first = Answer::stream([reasoning(SECRET), text("Done."), finish("stop")]);
    let script = Script::new().then(first).otherwise(Answer::text("ok"));
    let (stage, [alice, bob]) = keyed(script);
    let as_ = |call: Call, key: &str| call.header("authorization", &format!("Bearer {key}"));
    let ask = json!({ "model": MODEL, "input": "hi", "include": ["reasoning.encrypted_content"] });
    let reply = stage.send(&as_(Call::post("/v1/responses", &ask), &alice));
    let item = thought(&reply);
    let sealed = item["encrypted_content"].as_str().unwrap();
    assert!(!sealed.contains(SECRET) && item.to_string().contains(SECRET), "{item}");

    let own = stage.send(&as_(next_turn(&item), &alice));
    assert_eq!(own.status, 200, "{}", own.text());
    assert!(!own.header("x-interlingua-notes").unwrap_or_default().contains("authentic"));

    let stolen = stage.send(&as_(next_turn(&item), &bob));
    assert_eq!(stolen.status, 200, "{}", stolen.text());
    let notes = stolen.header("x-interlingua-notes").unwrap_or_default();
    assert!(notes.contains("not authentic, dropped"), "{notes}");

    let mut forged = item.clone();
    let mut letters = sealed.as_bytes().to_vec();
    let middle = letters.len() / 2;
    letters[middle] = if letters[middle] == b'A' { b'B' } else { b'A' };
    forged["encrypted_content"] = String::from_utf8(letters).unwrap().into();
    let tampered = stage.send(&as_(next_turn(&forged), &alice));
    let notes = tampered.header("x-interlingua-notes").unwrap_or_default();
    assert!(notes.contains("not authentic, dropped"), "{notes}");

    let bodies = stage.upstream.bodies();
    let carries = |at: usize| bodies[at].to_string().contains(SECRET);
    assert_eq!([carries(1), carries(2), carries(3)], [true, false, false]);
}
