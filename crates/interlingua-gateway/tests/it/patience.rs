//! Waiting for models that think.

use std::time::{Duration, Instant};

use interlingua_testkit::upstream::{finish, raw, text, wait};

use crate::stage::{Answer, Plan, Running, Script, Stage, codex, config, kinds, last, turn};

const MILLIS: fn(u64) -> Duration = Duration::from_millis;

/// How often the stream says nothing but that it is alive.
fn beats(kinds: &[String]) -> usize {
    kinds.iter().filter(|it| *it == "response.in_progress").count()
}

#[test]
fn a_stream_is_opened_before_the_upstream_answers_and_kept_alive() {
    let answer = Answer::text("late").after(MILLIS(1500));
    let script = Script::new().then(answer.clone()).then(answer.clone()).then(answer);
    let stage = Stage::timed(script, "commit_grace = \"200ms\"\nheartbeat = \"300ms\"");
    for call in [codex(), turn(true)] {
        let reply = stage.send(&call);
        let kinds = kinds(&reply);
        assert_eq!(kinds[..2], ["response.created", "response.in_progress"]);
        assert!((4..=6).contains(&beats(&kinds)), "{kinds:?}");
        assert_eq!(kinds.iter().filter(|it| *it == "response.created").count(), 1);
        assert_eq!(last(&reply)["type"], "response.completed");
        let numbers: Vec<_> =
            reply.events().iter().map(|it| it["sequence_number"].as_u64()).collect();
        assert!(numbers.windows(2).all(|pair| pair[0] < pair[1]), "{numbers:?}");
    }
    let whole = stage.send(&turn(false));
    assert_eq!(whole.json()["status"], "completed");
    for line in stage.gateway.requests(3) {
        assert_eq!((&line["status"], &line["provider"]), (&200.into(), &"up".into()), "{line}");
    }
}

#[test]
fn who_wants_it_whole_gets_the_status_however_late() {
    let late = Answer::error(400, "bad_param", "no such thing").after(MILLIS(700));
    let stage = Stage::timed(
        Script::new().otherwise(late),
        "commit_grace = \"100ms\"\nheartbeat = \"100ms\"",
    );
    let reply = stage.send(&turn(false));
    assert_eq!(reply.status, 400, "{}", reply.text());
    let reply = stage.send(&turn(true));
    assert_eq!(reply.status, 200, "the stream was opened");
    assert_eq!(last(&reply)["type"], "response.failed");
    let lines = stage.gateway.requests(2);
    assert_eq!(lines[0]["status"], 400, "{lines:?}");
    assert_eq!((&lines[1]["status"], &lines[1]["err"]), (&200.into(), &"bad_param".into()));
}

#[test]
fn silence_in_the_middle_is_bridged() {
    let pieces = [text("One "), wait(MILLIS(1000)), text("two."), finish("stop")];
    let stage = Stage::timed(Script::new().then(Answer::stream(pieces)), "heartbeat = \"200ms\"");
    let reply = stage.send(&codex());
    assert!((4..=6).contains(&beats(&kinds(&reply))), "{:?}", kinds(&reply));
    assert_eq!(last(&reply)["type"], "response.completed");
}

/// Comments of the upstream are signs of life, but nothing that a client could see.
#[test]
fn comments_keep_the_upstream_alive() {
    let comments = (0..12).flat_map(|_| [raw(": keep-alive\n\n"), wait(MILLIS(100))]);
    let pieces: Vec<_> =
        [text("One ")].into_iter().chain(comments).chain([text("two."), finish("stop")]).collect();
    let stage = Stage::timed(
        Script::new().then(Answer::stream(pieces)),
        "idle = \"400ms\"\nheartbeat = \"300ms\"",
    );
    let reply = stage.send(&codex());
    assert_eq!(last(&reply)["type"], "response.completed", "{}", reply.text());
    assert!(beats(&kinds(&reply)) >= 3, "{:?}", kinds(&reply));
}

/// Neither comments nor the empty chunk with the role are the model's first word.
#[test]
fn the_first_word_has_a_limit_of_its_own() {
    let comments = (0..40).flat_map(|_| [raw(": thinking\n\n"), wait(MILLIS(100))]);
    let pieces: Vec<_> = comments.chain([text("late"), finish("stop")]).collect();
    let script = Script::new().otherwise(Answer::stream(pieces));
    let stage = Stage::timed(script, "first_byte = \"600ms\"\nidle = \"5s\"");
    for (call, status) in [(turn(true), 504), (codex(), 200)] {
        let begun = Instant::now();
        let reply = stage.send(&call);
        assert_eq!(reply.status, status, "{}", reply.text());
        assert!(reply.text().contains("did not begin to answer"), "{}", reply.text());
        // It is asked three times at most, each time as long.
        assert!(begun.elapsed() < MILLIS(4000), "{:?}", begun.elapsed());
    }
}

#[test]
fn an_upstream_that_says_nothing_at_all() {
    let script = Script::new().otherwise(Answer::text("never").after(MILLIS(9000)));
    let stage = Stage::timed(script, "first_byte = \"300ms\"");
    let reply = stage.send(&turn(false));
    assert_eq!(
        (reply.status, reply.json()["error"]["code"].as_str()),
        (504, Some("upstream_timeout"))
    );
}

#[test]
fn an_upstream_that_stops_fails_the_stream() {
    let pieces = [text("One "), wait(MILLIS(9000))];
    let script = Script::new().otherwise(Answer::stream(pieces));
    let stage = Stage::timed(script, "idle = \"500ms\"\nheartbeat = \"200ms\"");
    let begun = Instant::now();
    let reply = stage.send(&codex());
    assert!(begun.elapsed() < MILLIS(2000), "{:?}", begun.elapsed());
    assert_eq!(last(&reply)["type"], "response.failed");
    assert!(reply.text().contains("stopped in the middle"), "{}", reply.text());
}

/// TLS is a part of the connection: who never says hello does not hold a request for minutes.
#[test]
fn a_connection_has_a_limit_of_its_own() {
    let silent = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let base = format!("https://{}/v1", silent.local_addr().unwrap());
    let plan = Plan { provider: "timeouts = { connect = \"300ms\" }", ..Plan::default() };
    let gateway = Running::start(&config(&base, &plan));
    let begun = Instant::now();
    let reply = gateway.send(&turn(false));
    assert_eq!(reply.status, 502, "{}", reply.text());
    assert!(reply.text().contains("cannot be reached"), "{}", reply.text());
    assert!(begun.elapsed() < MILLIS(4000), "{:?}", begun.elapsed());
}
