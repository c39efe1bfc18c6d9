//! What clients ask beside their conversations: which models there are, how long a prompt is, and whether they
//! may ask at all.

use interlingua_testkit::fixtures;
use interlingua_testkit::http::{Call, Reply};
use interlingua_testkit::upstream::{Answer, Script, Scripted, Wire};
use serde_json::{Value, json};

use crate::keys::keyed;
use crate::pairs::{KINDS, Kind};
use crate::stage::{LONG, MODEL, Plan, Running, Stage, at_once};

/// The original, which counts.
const COUNTING: Kind = KINDS[3];

/// A request of Claude Code as it was seen, for a model that is here.
fn captured(name: &str, model: &str) -> Call {
    let whole = fixtures::json(format!("clients/messages/{name}.request.json"));
    let path = whole["path"].as_str().unwrap();
    let call = match whole["method"].as_str() {
        Some("GET") => Call::get(path),
        _ => {
            let mut body = whole["body"].clone();
            body["model"] = model.into();
            Call::post(path, &body)
        }
    };
    let headers = whole["headers"].as_object().unwrap().iter();
    let own = headers.filter(|(name, _)| name.starts_with("anthropic-"));
    own.fold(call.limit(LONG), |call, (name, value)| call.header(name, value.as_str().unwrap()))
}

fn asking(path: &str, model: &str) -> Call {
    let body = json!({ "model": model, "max_tokens": 100, "stream": false,
        "messages": [{ "role": "user", "content": "hi" }] });
    Call::post(path, &body).header("anthropic-version", "2023-06-01").limit(LONG)
}

#[test]
fn models_are_listed_as_the_asker_reads_them_and_every_name_is_answered() {
    let tables = "[aliases]\nwork = \"up/m\"\n[providers.my-claude]\nbase_url = \"http://127.0.0.1:1\"\n\
                  models = [{ id = \"x\" }]\n[providers.off]\nbase_url = \"http://127.0.0.1:1\"\nenabled = false\n\
                  models = [{ id = \"y\" }]";
    let plan = Plan { tables, ..Plan::default() };
    let stage = Stage::with(Script::new().otherwise(Answer::text("Here.")), &plan);
    let openai = stage.send(&Call::get("/v1/models")).json();
    let ids = |list: &Value| -> Vec<String> {
        let data = list["data"].as_array().unwrap().iter();
        data.map(|it| it["id"].as_str().unwrap().to_owned()).collect()
    };
    assert_eq!((&openai["object"], openai.get("has_more")), (&json!("list"), None));
    assert_eq!(ids(&openai), ["up/m", "my-claude/x", "work"]);

    let page = stage.send(&captured("claude_11_model_discovery", MODEL)).json();
    // It lets nothing into its list that has not its own name in it.
    assert_eq!(ids(&page), ["claude/up/m", "my-claude/x", "claude/work"], "{page}");
    assert_eq!(page["has_more"], false);
    assert_eq!(
        (&page["first_id"], &page["last_id"]),
        (&json!("claude/up/m"), &json!("claude/work"))
    );
    for entry in page["data"].as_array().unwrap() {
        assert_eq!(entry["type"], "model");
        assert!(entry["display_name"].as_str().is_some_and(|it| !it.is_empty()), "{entry}");
        assert!(entry["created_at"].as_str().is_some_and(|it| it.contains('T')), "{entry}");
    }
    for name in ["claude/up/m", "claude/work", "up/m", "work", "claude/up/m[1m]"] {
        let reply = stage.send(&asking("/v1/messages", name));
        assert_eq!(reply.status, 200, "{name}: {}", reply.text());
        assert_eq!(reply.json()["model"], name, "the client is told the name that it asked for");
        assert_eq!(stage.upstream.bodies().pop().unwrap()["model"], "m");
    }
    let reply = stage.send(&asking("/v1/messages", "claude/up/unknown"));
    assert_eq!((reply.status, &reply.json()["error"]["type"]), (404, &json!("not_found_error")));
}

/// What was counted, whether it is an estimate, and what the notes say.
#[track_caller]
fn counted(reply: &Reply) -> (u64, bool, String) {
    assert_eq!(reply.status, 200, "{}", reply.text());
    let told = reply.json();
    let notes = reply.header("x-interlingua-notes").unwrap_or_default().to_owned();
    (told["input_tokens"].as_u64().unwrap(), told["estimated"] == true, notes)
}

#[test]
fn tokens_are_counted_by_the_upstream_where_it_can() {
    let stage = COUNTING.stage(COUNTING.script(), "");
    for name in ["claude_09_count_tokens_text", "claude_10_count_tokens_tools"] {
        let (tokens, estimated, notes) = counted(&stage.send(&captured(name, MODEL)));
        let asked = stage.upstream.exchanges().pop().unwrap().request;
        assert_eq!((tokens, estimated, notes.as_str()), (asked.raw.len() as u64 / 4, false, ""));
        assert!(asked.path.ends_with("/v1/messages/count_tokens"), "{}", asked.path);
        assert_eq!(asked.body["model"], "m");
        assert!(asked.header("anthropic-beta").is_some(), "what it asks for goes along");
        assert_eq!(asked.header("x-api-key"), Some(crate::stage::KEY));
    }
    let line = &stage.gateway.requests(2)[0];
    assert_eq!(
        (&line["route"], &line["provider"]),
        (&json!("count_tokens"), &json!("up")),
        "{line}"
    );
}

/// A key that only the request knows is in no list of secrets.
#[test]
fn a_callers_key_is_masked_where_who_counts_repeats_it() {
    let own = "callers-own-key-3344";
    let why = format!("Incorrect API key provided: {own}");
    let refusing = Answer::error(401, "authentication_error", &why);
    let upstream = Scripted::start(Script::new().count_answer(refusing)).unwrap();
    let provider = COUNTING.provider("up", &upstream.base_url());
    let provider = provider.replace("{ env = \"UP_KEY\" }", "{ client = true }");
    let gateway = Running::start(&format!("listen = \"127.0.0.1:0\"\n{provider}"));
    let call = asking("/v1/messages/count_tokens", MODEL);
    let (_, estimated, _) = counted(&gateway.send(&call.header("x-interlingua-provider-key", own)));
    assert!(estimated);
    let log = gateway.log.text();
    assert!(log.contains("[secret]") && !log.contains(own), "{log}");
}

/// The official SDKs show this header where they report a problem.
#[test]
fn every_answer_of_the_messages_api_names_its_request() {
    let stage = Stage::saying("Here.");
    let id = "asked-by-a-client-1";
    for (call, status) in [
        (asking("/v1/messages", MODEL), 200),
        (asking("/v1/messages/count_tokens", MODEL), 200),
        (Call::get("/v1/models").header("anthropic-version", "2023-06-01"), 200),
        (asking("/v1/messages", "up/unknown"), 404),
        (Call::get("/v1/messages"), 405),
    ] {
        let reply = stage.send(&call.header("x-request-id", id).limit(LONG));
        assert_eq!(reply.status, status, "{}", reply.text());
        assert_eq!(
            (reply.header("request-id"), reply.header("x-request-id")),
            (Some(id), Some(id))
        );
    }
    let reply = stage.send(&Call::get("/v1/models").limit(LONG));
    assert_eq!(reply.header("request-id"), None, "others call it `x-request-id`");
}

#[test]
fn an_estimate_says_that_it_is_one() {
    let cannot = |kind: Kind| kind.stage(kind.script().without_count_tokens(), "");
    at_once(KINDS, |kind| {
        let stage = cannot(kind);
        let mut counts = Vec::new();
        for name in ["claude_09_count_tokens_text", "claude_10_count_tokens_tools"] {
            let (tokens, estimated, notes) = counted(&stage.send(&captured(name, MODEL)));
            assert!(estimated && notes.contains("estimated"), "{kind}: {notes}");
            counts.push(tokens);
        }
        assert!(
            counts[0] > 0 && counts[1] > 50 * counts[0],
            "{kind}: tools count, too: {counts:?}"
        );
        // Only an upstream that may know is asked, and nothing is charged for.
        let asked = stage.upstream.exchanges();
        assert_eq!(asked.len(), if kind == COUNTING { 2 } else { 0 }, "{kind}");
    });
}

#[test]
fn a_count_that_cannot_be_given_is_refused_as_the_client_reads_it() {
    let stage = COUNTING.stage(COUNTING.script(), "");
    let check = |reply: &Reply, status: u16, kind: &str| {
        let told = reply.json();
        assert_eq!((reply.status, &told["error"]["type"]), (status, &json!(kind)), "{told}");
        assert_eq!(told["type"], "error");
        assert_eq!(told["request_id"].as_str(), reply.header("request-id"), "{told}");
    };
    let path = "/v1/messages/count_tokens";
    check(&stage.send(&asking(path, "up/unknown")), 404, "not_found_error");
    check(&stage.send(&asking(path, MODEL).body("{")), 400, "invalid_request_error");
    let reply = stage.send(&Call::get(path));
    assert_eq!((reply.status, reply.header("allow")), (405, Some("POST")));
}

/// Each client is told in its own words that its key is wrong.
#[test]
fn a_wrong_key_is_told_in_the_protocol() {
    let (stage, [alice, _]) = keyed(Script::new().otherwise(Answer::text("Here.")));
    for path in ["/v1/messages", "/v1/messages?beta=true", "/v1/messages/count_tokens"] {
        let reply = stage.send(&asking(path, MODEL).header("x-api-key", "wrong"));
        let told = reply.json();
        assert_eq!((reply.status, &told["type"]), (401, &json!("error")), "{path}: {told}");
        assert_eq!(told["error"]["type"], "authentication_error", "{path}: {told}");
        assert_eq!(told["request_id"].as_str(), reply.header("request-id"), "{path}: {told}");
        assert_eq!(stage.send(&asking(path, MODEL).header("x-api-key", &alice)).status, 200);
    }
    for path in ["/v1/chat/completions", "/v1/responses"] {
        let reply = stage.send(&Call::post(path, &json!({ "model": MODEL })).limit(LONG));
        assert_eq!(
            (reply.status, &reply.json()["error"]["code"]),
            (401, &json!("invalid_api_key"))
        );
    }
}

/// People paste `/v1` twice, or not at all; SDKs add what they like.
#[test]
fn every_way_to_write_a_path_leads_there() {
    let stage = Stage::saying("Here.");
    for path in [
        "/v1/messages",
        "/v1/messages?beta=true",
        "/v1/v1/messages",
        "/v1/v1/messages?beta=true",
        "/messages",
        "/v1/messages/",
    ] {
        let reply = stage.send(&asking(path, MODEL));
        assert_eq!(reply.json()["content"][0]["text"], "Here.", "{path}: {}", reply.text());
    }
    for path in ["/v1/chat/completions", "/chat/completions", "/v1/v1/chat/completions"] {
        let reply = stage.send(&asking(path, MODEL));
        let said = &reply.json()["choices"][0]["message"]["content"];
        assert_eq!(*said, "Here.", "{path}: {}", reply.text());
    }
    for path in ["/v1/v1/models", "/models?limit=1000"] {
        assert_eq!(stage.send(&Call::get(path)).json()["data"][0]["id"], MODEL, "{path}");
    }
    for path in ["/v1/messages/count_tokens?beta=true", "/v1/v1/messages/count_tokens"] {
        assert!(stage.send(&asking(path, MODEL)).json()["input_tokens"].is_u64(), "{path}");
    }
    let reply = stage.send(&asking("/v2/messages", MODEL));
    assert_eq!(reply.status, 404);
    assert!(reply.text().contains("`/v1/messages`"), "{}", reply.text());
    for wire in Wire::ALL {
        let reply = stage.send(&Call::get(&format!("/v1{}", wire.path())));
        assert_eq!((reply.status, reply.header("allow")), (405, Some("POST")), "{}", wire.name());
    }
}

/// A page's SDK sends headers that nobody can list.
#[test]
fn a_preflight_allows_what_it_is_asked_for() {
    const EDITOR: &str = "https://editor.test";
    let plan = Plan { top: r#"cors_origins = ["https://editor.test"]"#, ..Plan::default() };
    let stage = Stage::with(Script::new().otherwise(Answer::text("Here.")), &plan);
    let wanted = "anthropic-version, x-api-key, x-stainless-os";
    let ask = |origin: &str| {
        let call = Call::get("/v1/messages").method("OPTIONS").header("origin", origin);
        let call = call.header("access-control-request-method", "POST");
        stage.send(&call.header("access-control-request-headers", wanted).limit(LONG))
    };
    let allowed = ask(EDITOR);
    assert_eq!(allowed.status, 204);
    assert_eq!(allowed.header("access-control-allow-headers"), Some(wanted));
    assert_eq!(allowed.header("access-control-allow-origin"), Some(EDITOR));
    let methods = allowed.header("access-control-allow-methods").unwrap();
    assert!(methods.contains("POST") && methods.contains("DELETE"), "{methods}");
    let reply = stage.send(&asking("/v1/messages", MODEL).header("origin", EDITOR));
    assert_eq!(reply.header("access-control-allow-origin"), Some(EDITOR));
    let refused = ask("https://evil.test");
    assert_eq!(refused.header("access-control-allow-headers"), None, "{}", refused.text());
}
