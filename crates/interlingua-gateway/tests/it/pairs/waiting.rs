//! Silence of an upstream, and what its client is told meanwhile.

use std::time::Duration;

use interlingua_testkit::http::Reply;
use interlingua_testkit::upstream::{Answer, Wire, finish, text, wait};

use super::{Pair, ask, at_once, read};

const MILLIS: fn(u64) -> Duration = Duration::from_millis;

/// How often the stream says nothing but that it is alive.
fn beats(client: Wire, reply: &Reply) -> usize {
    let told = reply.text();
    match client {
        Wire::Chat => told.lines().filter(|line| line.starts_with(':')).count(),
        Wire::Responses => told.matches("\ndata: {\"type\":\"response.in_progress\"").count(),
        Wire::Messages => told.matches("event: ping\n").count(),
    }
}

#[test]
fn silence_in_the_middle_is_bridged() {
    at_once(Pair::all(), |pair| {
        let Pair { client, kind } = pair;
        let pieces = [text("One "), wait(MILLIS(1000)), text("two."), finish("stop")];
        let script = kind.script().then(Answer::stream(pieces));
        let stage = kind.stage(script, "[timeouts]\nheartbeat = \"200ms\"");
        let reply = ask(&stage, client, true);
        assert_eq!(read(client, &reply, true).text, "One two.", "{pair}");
        let beats = beats(client, &reply);
        assert!((3..=7).contains(&beats), "{pair}: {beats} in {}", reply.text());
    });
}

/// The stream is opened with what carries nothing, and the answer follows as if it had come at once.
#[test]
fn a_stream_is_opened_before_the_upstream_answers() {
    at_once(Pair::all(), |pair| {
        let Pair { client, kind } = pair;
        let script = kind.script().then(Answer::text("Late.").after(MILLIS(1200)));
        let times = "[timeouts]\ncommit_grace = \"200ms\"\nheartbeat = \"250ms\"";
        let stage = kind.stage(script, times);
        let reply = ask(&stage, client, true);
        assert_eq!(read(client, &reply, true).text, "Late.", "{pair}");
        assert_eq!(
            reply.header("x-interlingua-provider"),
            None,
            "{pair}: the head had gone before"
        );
        let beats = beats(client, &reply);
        assert!((3..=7).contains(&beats), "{pair}: {beats} in {}", reply.text());
        let told = reply.text();
        match client {
            Wire::Chat => {}
            Wire::Responses => {
                assert_eq!(told.matches("event: response.created\n").count(), 1, "{pair}: {told}");
                let numbers: Vec<_> =
                    reply.events().iter().map(|it| it["sequence_number"].as_u64()).collect();
                assert!(numbers.is_sorted_by(|one, next| one < next), "{pair}: {numbers:?}");
            }
            Wire::Messages => {
                assert_eq!(told.matches("event: message_start\n").count(), 1, "{pair}: {told}");
            }
        }
        let line = &stage.gateway.requests(1)[0];
        assert_eq!((&line["provider"], &line["status"]), (&"up".into(), &200.into()), "{line}");
    });
}

/// What fails behind an opened stream is told in it.
#[test]
fn a_late_refusal_is_told_in_the_stream() {
    at_once(Pair::all(), |pair| {
        let Pair { client, kind } = pair;
        let late = Answer::context_overflow().after(MILLIS(600));
        let stage =
            kind.stage(kind.script().otherwise(late), "[timeouts]\ncommit_grace = \"100ms\"");
        let reply = ask(&stage, client, true);
        assert!(reply.status == 200 && reply.complete, "{pair}: {}", reply.text());
        let last = reply.events().pop().unwrap();
        let told = match client {
            Wire::Chat => &last["error"]["code"],
            Wire::Responses => &last["response"]["error"]["code"],
            Wire::Messages => &last["error"]["type"],
        };
        let code = if client == Wire::Messages {
            "invalid_request_error"
        } else {
            "context_length_exceeded"
        };
        assert_eq!(told, code, "{pair}: {last}");
    });
}
