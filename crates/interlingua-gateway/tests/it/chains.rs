//! Several who may answer: who is asked, in which order, and what is told about it.

use std::time::Duration;

use interlingua_testkit::http::{Call, Reply};
use interlingua_testkit::upstream::{cut, finish, raw, text, wait};
use serde_json::json;

use crate::stage::{
    Answer, Canned, KEY, KEY2, LONG, MODEL, Plan, Running, Script, Scripted, Stage, Then, at_once,
    last,
};

/// Two providers behind one name, whose first may fail.
struct Chain {
    first: Scripted,
    second: Scripted,
    gateway: Running,
}

impl Chain {
    fn new(first: Script, second: Script, more: &str) -> Self {
        let (first, second) = (Scripted::start(first).unwrap(), Scripted::start(second).unwrap());
        let gateway = Running::start(&chain(&first.base_url(), &second.base_url(), more));
        Self { first, second, gateway }
    }

    fn asked(&self) -> [usize; 2] {
        [self.first.exchanges().len(), self.second.exchanges().len()]
    }
}

fn chain(first: &str, second: &str, more: &str) -> String {
    format!(
        r#"
        listen = "127.0.0.1:0"
        [providers.one]
        base_url = "{first}"
        timeouts = {{ first_byte = "300ms" }}
        models = [{{ id = "m", context_window = 1000, images = false }}]
        [providers.two]
        base_url = "{second}"
        models = [{{ id = "m", context_window = 100000 }}]
        [aliases]
        work = {{ targets = ["one/m", "two/m"] }}
        {more}
        "#
    )
}

/// A turn of a session of its own, unless it names one.
fn ask(session: &str) -> Call {
    let body = json!({ "model": "work", "input": "hi", "stream": true });
    let call = Call::post("/v1/responses", &body).limit(LONG);
    if session.is_empty() { call } else { call.header("session-id", session) }
}

fn ends_well(reply: &Reply) -> bool {
    last(reply)["type"] == "response.completed"
}

#[test]
fn whatever_the_first_does_the_client_does_not_notice() {
    let failing = [
        ("refuses", Answer::error(401, "invalid_api_key", "no")),
        ("429", Answer::rate_limited(Some(60))),
        ("500", Answer::error(500, "internal", "oops")),
        ("stalls", Answer::text("late").after(LONG)),
        ("dies before the first event", Answer::hang_up()),
        ("stalls after the head", Answer::stream([wait(LONG), text("late"), finish("stop")])),
    ];
    at_once(failing, |(how, answer)| {
        let chain = Chain::new(
            Script::new().otherwise(answer),
            Script::new().otherwise(Answer::text("hello")),
            "",
        );
        let reply = chain.gateway.send(&ask("").header("originator", "codex_exec"));
        assert_eq!(reply.status, 200, "{how}: {}", reply.text());
        assert!(ends_well(&reply) && reply.text().contains("hello"), "{how}: {}", reply.text());
        assert_eq!(reply.header("x-interlingua-provider"), Some("two"), "{how}");
        let notes = reply.header("x-interlingua-notes").unwrap();
        assert!(notes.starts_with("skipped=one/m: "), "{how}: {notes}");
        assert_eq!(chain.second.exchanges().len(), 1, "{how}");
        let line = &chain.gateway.requests(1)[0];
        assert_eq!((&line["asked"], &line["provider"]), (&"work".into(), &"two".into()), "{how}");
    });
}

#[test]
fn nothing_is_asked_twice_once_the_client_has_seen_a_part() {
    let broken = Answer::stream([text("half an ans"), cut()]);
    let chain = Chain::new(
        Script::new().otherwise(broken),
        Script::new().otherwise(Answer::text("hello")),
        "",
    );
    let reply = chain.gateway.send(&ask(""));
    assert_eq!(last(&reply)["type"], "response.failed");
    assert_eq!(chain.asked(), [1, 0]);
}

#[test]
fn nobody_listening_is_as_good_as_a_refusal() {
    let second = Scripted::start(Script::new().otherwise(Answer::text("hello"))).unwrap();
    let config = chain("http://127.0.0.1:1/v1", &second.base_url(), "");
    let gateway = Running::start(&config);
    assert!(ends_well(&gateway.send(&ask(""))));
    let gone = Canned::start(b"no http at all\n".to_vec(), Then::Close);
    gateway.replace(&chain(&gone.base_url(), &second.base_url(), ""));
    assert!(ends_well(&gateway.send(&ask(""))));
}

#[test]
fn who_failed_lately_is_passed_by_and_a_conversation_stays_where_it_went() {
    let first = Script::new().then(Answer::rate_limited(Some(60))).otherwise(Answer::text("one"));
    let chain = Chain::new(first, Script::new().otherwise(Answer::text("two")), "");
    for session in ["a", "b", "a", ""] {
        let reply = chain.gateway.send(&ask(session));
        assert_eq!(reply.header("x-interlingua-provider"), Some("two"), "{session}");
        let notes = reply.header("x-interlingua-notes").unwrap();
        let why = if chain.asked() == [1, 1] { "rate_limit" } else { "it failed lately" };
        assert_eq!(notes, format!("skipped=one/m: {why}"));
    }
    assert_eq!(chain.asked(), [1, 4]);
}

#[test]
fn a_conversation_that_moved_stays_though_the_first_is_well_again() {
    let first = Script::new().then(Answer::rate_limited(Some(60))).otherwise(Answer::text("one"));
    let chain = Chain::new(first, Script::new().otherwise(Answer::text("two")), "");
    let provider = |session: &str| {
        let reply = chain.gateway.send(&ask(session));
        reply.header("x-interlingua-provider").unwrap().to_owned()
    };
    assert_eq!([provider("a"), provider("a")], ["two", "two"]);
    // Another account has not failed yet.
    let config = self::chain(&chain.first.base_url(), &chain.second.base_url(), "");
    let key = "[providers.one]\n        key = { env = \"UP_KEY\" }";
    chain.gateway.replace(&config.replace("[providers.one]", key));
    assert_eq!(provider("b"), "one");
    assert_eq!([provider("a"), provider("a")], ["two", "two"]);
}

#[test]
fn the_only_one_is_asked_even_if_it_failed_lately() {
    let script =
        Script::new().then(Answer::error(402, "no_money", "no")).otherwise(Answer::text("hello"));
    let stage = Stage::new(script);
    assert_ne!(stage.send(&crate::stage::turn(false)).status, 200);
    assert_eq!(stage.send(&crate::stage::turn(false)).status, 200);
}

#[test]
fn who_cannot_serve_the_request_is_not_asked() {
    let script = || Script::new().otherwise(Answer::text("hello"));
    let chain = Chain::new(script(), script(), "");
    let image = json!([{ "role": "user", "content": [
        { "type": "input_text", "text": "what is this?" },
        { "type": "input_image", "image_url": "data:image/png;base64,AAAA" },
    ] }]);
    for (input, why) in [
        (image, "it sees no images"),
        (json!("long ".repeat(2_000)), "about 2500 tokens do not fit into its window of 1000"),
    ] {
        let body = json!({ "model": "work", "input": input, "stream": true });
        let reply = chain.gateway.send(&Call::post("/v1/responses", &body).limit(LONG));
        let notes = reply.header("x-interlingua-notes").unwrap();
        assert!(notes.contains(&format!("skipped=one/m: {why}")), "{notes}");
        assert_eq!(reply.header("x-interlingua-provider"), Some("two"));
    }
    assert_eq!(chain.asked(), [0, 2]);
}

#[test]
fn a_longer_window_is_asked_after_an_overflow() {
    let chain = Chain::new(
        Script::new().otherwise(Answer::context_overflow()),
        Script::new().otherwise(Answer::text("hello")),
        "",
    );
    assert!(ends_well(&chain.gateway.send(&ask(""))));
    let body = json!({ "model": "one/m", "input": "hi", "stream": false });
    let reply = chain.gateway.send(&Call::post("/v1/responses", &body).limit(LONG));
    assert_eq!(reply.json()["error"]["code"], "context_length_exceeded");

    // The window that nobody stated may be wider than the one that is known; the same model is not.
    let several = self::chain(&chain.first.base_url(), &chain.second.base_url(), "");
    let several = several.replace("1000,", "1000000,").replace(", context_window = 100000 }", " }");
    let key = "[providers.one]\n        key = [{ env = \"UP_KEY\" }, { env = \"UP_KEY2\" }]";
    chain.gateway.replace(&several.replace("[providers.one]", key));
    let before = chain.asked();
    assert!(ends_well(&chain.gateway.send(&ask("another"))));
    assert_eq!(chain.asked(), [before[0] + 1, before[1] + 1]);
}

#[test]
fn a_wait_is_handed_on_though_the_last_one_will_never_answer() {
    for second in [Answer::error(401, "invalid_api_key", "no"), Answer::context_overflow()] {
        let chain = Chain::new(
            Script::new().otherwise(Answer::rate_limited(Some(30))),
            Script::new().otherwise(second),
            "",
        );
        let body = json!({ "model": "work", "input": "hi", "stream": false });
        let reply = chain.gateway.send(&Call::post("/v1/responses", &body).limit(LONG));
        assert_eq!((reply.status, reply.header("retry-after")), (429, Some("30")));
        assert_eq!(chain.asked(), [1, 1]);
    }
}

#[test]
fn the_log_does_not_name_the_request_of_another_provider() {
    let dies = Answer::stream([cut()]).header("x-request-id", "of-the-first");
    let chain = Chain::new(
        Script::new().otherwise(dies),
        Script::new().otherwise(Answer::error(401, "invalid_api_key", "no")),
        "",
    );
    chain.gateway.send(&ask(""));
    let line = &chain.gateway.requests(1)[0];
    assert_eq!((&line["provider"], &line["upstream_request_id"]), (&json!("two"), &json!(null)));
}

#[test]
fn weights_spread_sessions_and_a_session_keeps_its_target() {
    let script = || Script::new().otherwise(Answer::text("hello"));
    let more = r#"even = { targets = ["one/m", "two/m"], policy = "weighted" }"#;
    let chain = Chain::new(script(), script(), more);
    let ask = |session: &str| {
        let body = json!({ "model": "even", "input": "hi", "stream": false });
        let call = Call::post("/v1/responses", &body).header("session-id", session).limit(LONG);
        chain.gateway.send(&call).header("x-interlingua-provider").unwrap().to_owned()
    };
    for session in 0..20 {
        let first = ask(&session.to_string());
        assert_eq!(ask(&session.to_string()), first);
    }
    assert!(chain.asked().iter().all(|it| *it >= 6), "{:?}", chain.asked());
}

const TWO_KEYS: Plan<'_> = Plan { top: "", provider: "", tables: "" };

fn with_two_keys(script: Script) -> Stage {
    let upstream = Scripted::start(script).unwrap();
    let config = crate::stage::config(&upstream.base_url(), &TWO_KEYS);
    let both = "key = [{ env = \"UP_KEY\" }, { env = \"UP_KEY2\" }]";
    let config = config.replace("key = { env = \"UP_KEY\" }", both);
    Stage { upstream, gateway: Running::start(&config) }
}

#[test]
fn a_key_that_is_used_up_makes_room_for_the_next() {
    let stage = with_two_keys(
        Script::new()
            .then(Answer::error(401, "invalid_api_key", "no"))
            .otherwise(Answer::text("hi")),
    );
    for _ in 0..3 {
        assert_eq!(stage.send(&crate::stage::turn(false)).status, 200);
    }
    let sent: Vec<_> = stage
        .upstream
        .exchanges()
        .iter()
        .map(|it| it.request.header("authorization").unwrap_or_default().to_owned())
        .collect();
    let refused = sent[0].clone();
    assert!(sent[1..].iter().all(|it| *it != refused), "{} keys", sent.len());
    assert_eq!(sent.len(), 4);
    let told = stage.gateway.log.text();
    assert!(!told.contains(KEY) && !told.contains(KEY2));
    let line = &stage.gateway.requests(3)[0];
    assert!(line["notes"].as_str().unwrap().contains("skipped=up/m with env UP_KEY"), "{line}");
}

#[test]
fn another_key_is_not_tried_where_the_server_is_ill() {
    let stage = with_two_keys(Script::new().otherwise(Answer::error(503, "overloaded", "later")));
    assert_eq!(stage.send(&crate::stage::turn(false)).status, 503);
    assert_eq!(stage.upstream.exchanges().len(), 3, "one attempt and its two repeats");
}

#[test]
fn another_key_is_not_tried_where_the_provider_has_no_place() {
    let upstream = Scripted::start(
        Script::new().otherwise(Answer::text("hello").after(Duration::from_secs(2))),
    )
    .unwrap();
    let tables = "[limits]\nin_flight_per_provider = 1\n[timeouts]\nqueue = \"400ms\"";
    let config = crate::stage::config(&upstream.base_url(), &Plan { tables, ..TWO_KEYS });
    let both = "key = [{ env = \"UP_KEY\" }, { env = \"UP_KEY2\" }]";
    let gateway = Running::start(&config.replace("key = { env = \"UP_KEY\" }", both));
    std::thread::scope(|scope| {
        let first = scope.spawn(|| gateway.send(&crate::stage::turn(false)).status);
        std::thread::sleep(Duration::from_millis(300));
        let begun = std::time::Instant::now();
        assert_eq!(gateway.send(&crate::stage::turn(false)).status, 503);
        assert!(begun.elapsed() < Duration::from_millis(750), "{:?}", begun.elapsed());
        assert_eq!(first.join().unwrap(), 200);
    });
}

fn with_own_key(script: Script, more: &str) -> Stage {
    let upstream = Scripted::start(script.key("callers-own-key-3344")).unwrap();
    let config = crate::stage::config(&upstream.base_url(), &Plan { tables: more, ..TWO_KEYS });
    let config = config.replace("{ env = \"UP_KEY\" }", "{ client = true }");
    Stage { upstream, gateway: Running::start(&config) }
}

#[test]
fn a_caller_may_bring_the_key_and_nobody_elses_is_used() {
    let stage = with_own_key(Script::new().otherwise(Answer::text("hello")), "");
    let turn = || crate::stage::turn(false);
    let own = "callers-own-key-3344";
    for call in [
        turn().header("authorization", &format!("Bearer {own}")),
        turn().header("x-interlingua-provider-key", own),
        turn()
            .header("authorization", "Bearer interlingua-local")
            .header("x-interlingua-provider-key", own),
    ] {
        let reply = stage.send(&call);
        assert_eq!(reply.status, 200, "{}", reply.text());
    }
    for call in [turn(), turn().header("authorization", "Bearer interlingua-local")] {
        let reply = stage.send(&call);
        assert!(reply.text().contains("x-interlingua-provider-key"), "{}", reply.text());
    }
    assert_eq!(stage.upstream.exchanges().len(), 3);
    assert!(!stage.gateway.log.text().contains(own));
}

#[test]
fn a_provider_for_which_no_key_is_brought_is_skipped_and_that_is_told() {
    let script = || Script::new().otherwise(Answer::text("hello"));
    let chain = Chain::new(script(), script(), "");
    let config = self::chain(&chain.first.base_url(), &chain.second.base_url(), "");
    let key = "[providers.one]\n        key = { client = true }";
    chain.gateway.replace(&config.replace("[providers.one]", key));
    let reply = chain.gateway.send(&ask(""));
    assert_eq!(reply.header("x-interlingua-provider"), Some("two"));
    let notes = reply.header("x-interlingua-notes");
    assert_eq!(notes, Some("skipped=one/m: the request brings no key for it"));
    let own = ask("").header("x-interlingua-provider-key", "callers-own-key-3344");
    assert_eq!(chain.gateway.send(&own).header("x-interlingua-provider"), Some("one"));
}

#[test]
fn a_callers_key_is_masked_where_the_upstream_repeats_it() {
    let own = "callers-own-key-3344";
    let why = format!("Incorrect API key provided: {own}");
    let event = json!({ "error": { "message": why, "code": 500 } });
    for (answer, stream) in [
        (Answer::error(401, "invalid_api_key", &why), false),
        (Answer::stream([text("half"), raw(format!("data: {event}\n\n"))]), true),
    ] {
        let stage = with_own_key(Script::new().then(answer), "");
        let call = crate::stage::turn(stream).header("x-interlingua-provider-key", own);
        let reply = stage.send(&call);
        assert!(reply.text().contains("[secret]"), "{}", reply.text());
        assert_eq!(stage.gateway.requests(1).len(), 1);
        assert!(!reply.text().contains(own) && !stage.gateway.log.text().contains(own));
    }
}

#[test]
fn the_gateways_own_keys_stay_here() {
    let hello = || Script::new().otherwise(Answer::text("hello"));
    let bearer =
        |key: &str| crate::stage::turn(false).header("authorization", &format!("Bearer {key}"));
    let (key, _) = interlingua_registry::generate([9; 32]);
    for key in [key.expose(), "made-by-somebody-else"] {
        let hash = interlingua_registry::KeyHash::of(key);
        let client = format!("[[client_keys]]\nid = \"a\"\nhash = \"{hash}\"");
        let stage = with_own_key(hello(), &client);
        let reply = stage.send(&bearer(key));
        assert!(reply.text().contains("brings none"), "{}", reply.text());
        assert_eq!(stage.upstream.exchanges().len(), 0);
        let own = bearer(key).header("x-interlingua-provider-key", "callers-own-key-3344");
        assert_eq!(stage.send(&own).status, 200);
    }

    // A client that was not told that keys are not needed any more.
    let open = with_own_key(hello(), "");
    let reply = open.send(&bearer(key.expose()));
    assert!(reply.text().contains("brings none"), "{}", reply.text());
    assert_eq!(open.upstream.exchanges().len(), 0);
}

#[test]
fn a_header_may_name_the_session() {
    let plan = Plan {
        provider: "headers = { x-affinity = \"il-{session_id}\", x-team = \"blue\" }",
        ..TWO_KEYS
    };
    let stage = Stage::with(Script::new().otherwise(Answer::text("hello")), &plan);
    stage.send(&crate::stage::turn(false).header("session-id", "s-17"));
    stage.send(&crate::stage::turn(false));
    for odd in [json!(null), json!(12345), json!("s-\u{e9}")] {
        let body = json!({ "model": MODEL, "input": "hi", "prompt_cache_key": odd });
        let reply = stage.send(&Call::post("/v1/responses", &body).limit(LONG));
        assert_eq!(reply.status, 200, "{odd}: {}", reply.text());
    }
    let exchanges = stage.upstream.exchanges();
    assert_eq!(exchanges[0].request.header("x-affinity"), Some("il-s-17"));
    assert!(exchanges[1..].iter().all(|it| it.request.header("x-affinity").is_none()));
    assert!(exchanges.iter().all(|it| it.request.header("x-team") == Some("blue")));
}

#[test]
fn a_window_that_is_wished_for_is_told_if_it_is_not_there() {
    let stage = Stage::new(Script::new().otherwise(Answer::text("hello")));
    let body = json!({ "model": "up/m[1m]", "input": "hi", "stream": false });
    let reply = stage.send(&Call::post("/v1/responses", &body).limit(Duration::from_secs(5)));
    assert_eq!(reply.status, 200, "{}", reply.text());
    let notes = reply.header("x-interlingua-notes").unwrap();
    assert_eq!(notes, "changed=window of 1000000 tokens: m has 100000");
    assert_eq!(stage.upstream.bodies()[0]["model"], "m");
}

/// An answer that is opened before anybody has answered tells who did when it is over.
#[test]
fn who_answered_late_is_told_by_the_answer() {
    let slow = Answer::text("hello").after(Duration::from_millis(600));
    let more = "[timeouts]\ncommit_grace = \"100ms\"";
    let refused = Script::new().otherwise(Answer::error(401, "invalid_api_key", "no"));
    let chain = Chain::new(refused, Script::new().otherwise(slow), more);
    let body =
        json!({ "model": "work", "input": "hi", "stream": true, "metadata": { "mine": "1" } });
    let reply = chain.gateway.send(&Call::post("/v1/responses", &body).limit(LONG));
    assert_eq!(reply.header("x-interlingua-provider"), None);
    let told = last(&reply)["response"]["metadata"].clone();
    assert_eq!(
        told,
        json!({
            "mine": "1",
            "interlingua_provider": "two",
            "interlingua_model": "m",
            "interlingua_attempts": "2",
            "interlingua_notes": "skipped=one/m: auth",
        })
    );
}

/// The log tells how long the first word took, from the request on and not from when it came.
#[test]
fn the_wait_for_the_first_word_is_told() {
    let slow = Answer::text("hello").after(Duration::from_millis(150));
    let stage = Stage::new(Script::new().otherwise(slow));
    for streams in [true, false] {
        stage.send(&crate::stage::turn(streams));
    }
    for line in stage.gateway.requests(2) {
        let (first, all) = (line["ttft_ms"].as_u64().unwrap(), line["ms"].as_u64().unwrap());
        assert!((150..=all).contains(&first), "{line}");
    }
}
