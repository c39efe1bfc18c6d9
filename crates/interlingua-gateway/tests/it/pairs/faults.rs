//! Faults of every kind, told in the client's protocol, before its first byte and in the middle.

use std::time::Duration;

use interlingua_testkit::http::Reply;
use interlingua_testkit::upstream::{Answer, Ending, Script, Wire, fail, finish, text, wait};
use serde_json::json;

use super::answers::step;
use super::{KINDS, Kind, Pair, ask, asking, body, for_each, recorded, talker};
use crate::stage::{LONG, at_once};

/// What is told of a fault: the status, and the protocol's word for it.
#[track_caller]
fn check(pair: Pair, reply: &Reply, status: u16, code: &str, kind: &str) {
    let told = reply.json();
    assert_eq!(reply.status, status, "{pair}: {}", reply.text());
    let word = match pair.client {
        Wire::Messages => {
            assert_eq!(told["type"], "error", "{pair}: {told}");
            assert_eq!(told["request_id"].as_str(), reply.header("request-id"), "{pair}: {told}");
            (&told["error"]["type"], kind)
        }
        Wire::Chat | Wire::Responses => (&told["error"]["code"], code),
    };
    assert_eq!(word.0, word.1, "{pair}: {told}");
    assert!(!told["error"]["message"].as_str().unwrap().is_empty(), "{pair}: {told}");
    assert!(!reply.text().contains(crate::stage::KEY), "{pair}: the key is told");
}

#[test]
fn before_the_first_byte() {
    for_each(|pair, stream| {
        let Pair { client, kind } = pair;
        let always = |answer| kind.stage(kind.script().otherwise(answer), "");
        let is_messages = client == Wire::Messages;

        let reply = ask(&always(Answer::rate_limited(Some(7))), client, stream);
        check(pair, &reply, 429, "rate_limit_exceeded", "rate_limit_error");
        assert_eq!(reply.header("retry-after"), Some("7"), "{pair}");

        let reply = ask(&always(Answer::context_overflow()), client, stream);
        check(pair, &reply, 400, "context_length_exceeded", "invalid_request_error");
        // The words by which Claude Code knows that it has to shorten its conversation.
        let known =
            reply.json()["error"]["message"].as_str().unwrap().starts_with("prompt is too long");
        assert!(known || !is_messages, "{pair}: {}", reply.text());

        let stage = kind.stage(Script::new().key("another key"), "");
        let reply = ask(&stage, client, stream);
        let status = if is_messages { 403 } else { 400 };
        check(pair, &reply, status, "provider_key_rejected", "permission_error");
        assert!(reply.text().contains("UP_KEY"), "{pair}: {}", reply.text());

        let mut talker = talker(client, "hi");
        talker.switch("up/unknown");
        let reply = stage.send(&talker.call(&body(&talker, client, stream)));
        check(pair, &reply, 404, "model_not_found", "not_found_error");
        assert!(reply.text().contains("up/m"), "{pair}: the nearest is named: {}", reply.text());

        let reply = ask(&always(Answer::error(402, "no_money", "no")), client, stream);
        check(pair, &reply, 402, "quota", "billing_error");

        let reply = stage.send(&talker.call(&json!({ "model": 7, "stream": stream })));
        check(pair, &reply, 400, "invalid_request", "invalid_request_error");
    });
}

/// What stands in a stream instead of its end.
#[track_caller]
fn has_failed(pair: Pair, reply: &Reply, why: &str) {
    let told = reply.text();
    assert!(reply.status == 200 && reply.complete, "{pair}: {why}: {told}");
    let last = reply.events().pop().unwrap_or_default();
    let (is_told, message) = match pair.client {
        Wire::Chat => (last["error"].is_object(), &last["error"]["message"]),
        Wire::Responses => {
            (last["type"] == "response.failed", &last["response"]["error"]["message"])
        }
        Wire::Messages => (last["type"] == "error", &last["error"]["message"]),
    };
    assert!(is_told && message.is_string(), "{pair}: {why}: {told}");
    assert!(!told.contains("data: [DONE]"), "{pair}: {why}: {told}");
    let read = talker(pair.client, "hi").read(reply, true);
    assert!(read.is_err(), "{pair}: {why}: half an answer looks whole: {told}");
}

#[test]
fn in_the_middle() {
    for_each(|pair, stream| {
        let Pair { client, kind } = pair;
        let pieces = [
            text("Half of "),
            wait(Duration::from_millis(20)),
            fail("server_error", "the GPU is lost"),
        ];
        let stage = kind.stage(kind.script().otherwise(Answer::stream(pieces)), "");
        if stream {
            let reply = ask(&stage, client, true);
            has_failed(pair, &reply, "an error in the stream");
            assert!(reply.text().contains("Half ") && reply.text().contains("the GPU is lost"));
            assert_eq!(stage.upstream.exchanges().len(), 1, "{pair}: nothing is asked twice");
        } else {
            let failing = recorded(
                kind,
                Answer::stream([text("Half of "), fail("server_error", "the GPU is lost")]),
            );
            let stage = kind.stage(kind.script().otherwise(Answer::bytes(200, failing)), "");
            let reply = ask(&stage, client, false);
            check(pair, &reply, 502, "upstream_error", "api_error");
            assert!(reply.text().contains("the GPU is lost"), "{pair}: {}", reply.text());
        }
    });
}

/// The places after each event, from none to all.
fn cuts(stream: &[u8]) -> Vec<usize> {
    let text = str::from_utf8(stream).unwrap();
    [0].into_iter().chain(text.match_indices("\n\n").map(|(at, _)| at + 2)).collect()
}

/// Where the upstream has said that its answer is complete.
fn finished(kind: Kind, stream: &[u8]) -> usize {
    let text = str::from_utf8(stream).unwrap();
    let word = match kind.wire {
        Wire::Chat => "\"finish_reason\":\"tool_calls\"",
        Wire::Responses => "\"type\":\"response.completed\"",
        Wire::Messages => "\"stop_reason\":\"tool_use\"",
    };
    let at = text.find(word).unwrap();
    cuts(stream).into_iter().find(|cut| *cut > at).unwrap()
}

/// A stream that stops after any of its events never looks whole, in whatever protocol it is told.
#[test]
fn cut_anywhere() {
    at_once(KINDS, |kind| {
        let stream = recorded(kind, step(kind, 1));
        let (cuts, finished) = (cuts(&stream), finished(kind, &stream));
        assert!(cuts.len() > 12, "{kind}");
        let script = cuts.iter().fold(Script::new(), |script, cut| {
            let (name, part) = (format!("cut at {cut}."), stream[..*cut].to_vec());
            let wanted = name.clone();
            script.always(&name, move |it| it.contains(&wanted), Answer::bytes(200, part))
        });
        let stage = kind.stage(script, "");
        let all = cuts.iter().flat_map(|cut| Wire::ALL.map(|client| (*cut, client)));
        at_once(all, |(cut, client)| {
            let pair = Pair { client, kind };
            let talker = talker(client, &format!("cut at {cut}."));
            let why = format!("cut at {cut} of {finished}");
            let streamed = stage.send(&talker.call(&body(&talker, client, true)));
            let whole = stage.send(&talker.call(&body(&talker, client, false)));
            if cut >= finished {
                // Some servers forget what follows the reason; then it may be taken for whole or not, but
                // never for neither.
                let is_all = cut == stream.len();
                if talker.read(&streamed, true).is_err() {
                    assert!(!is_all, "{pair}: {why}: {}", streamed.text());
                    has_failed(pair, &streamed, &why);
                }
                if talker.read(&whole, false).is_err() {
                    assert!(!is_all, "{pair}: {why}: {}", whole.text());
                    assert_eq!(whole.status, 502, "{pair}: {why}: {}", whole.text());
                }
            } else if streamed.status == 200 {
                has_failed(pair, &streamed, &why);
                assert_eq!(whole.status, 502, "{pair}: {why}: {}", whole.text());
            } else {
                // Nothing of the model had come, so the fault has a status of its own.
                check(pair, &streamed, 502, "upstream_truncated", "api_error");
                check(pair, &whole, 502, "upstream_truncated", "api_error");
            }
        });
    });
}

/// Who hangs up pays for nothing more.
#[test]
fn a_client_that_leaves_cancels_the_upstream() {
    for_each(|pair, stream| {
        let Pair { client, kind } = pair;
        let pieces = [text("One "), wait(LONG), text("two."), finish("stop")];
        let stage = kind.stage(kind.script().then(Answer::stream(pieces)), "");
        let mut socket = asking(client, stream).open(stage.address()).unwrap();
        stage.upstream.wait_until(LONG, |all| !all.is_empty());
        if stream {
            see(&mut socket, "One ");
        }
        drop(socket);
        let left = std::time::Instant::now();
        let seen = stage.upstream.wait_until(LONG / 2, |all| all[0].ending != Ending::Open);
        assert_eq!(seen[0].ending, Ending::ClientGone, "{pair}");
        assert!(left.elapsed() < Duration::from_secs(1), "{pair}: {:?}", left.elapsed());
        assert_eq!(stage.gateway.requests(1)[0]["status"], 499, "{pair}");
    });
}

fn see(socket: &mut std::net::TcpStream, until: &str) {
    let mut seen = String::new();
    while !seen.contains(until) {
        let mut piece = [0; 4096];
        let count = std::io::Read::read(socket, &mut piece).unwrap();
        assert_ne!(count, 0, "{seen}");
        seen.push_str(&String::from_utf8_lossy(&piece[..count]));
    }
}
