//! The truth of the end: an answer that stops anywhere never looks whole.

use interlingua_testkit::fixtures;

use crate::stage::{Answer, Script, Stage, at_once, codex, last, turn};

/// Recorded streams with thought, text and calls.
const RECORDED: [&str; 3] =
    ["mimo-reasoning-tools.sse", "deepseek-v4-tools.sse", "generic-crlf-no-done.sse"];

/// The places after each event, as its bytes were recorded.
fn frames(stream: &[u8]) -> Vec<usize> {
    let text = str::from_utf8(stream).unwrap();
    let end = if text.contains("\r\n\r\n") { "\r\n\r\n" } else { "\n\n" };
    text.match_indices(end).map(|(at, _)| at + end.len()).collect()
}

/// The first frame after which the upstream has said that its answer is complete.
fn finished(stream: &[u8]) -> usize {
    let text = str::from_utf8(stream).unwrap();
    let at = text.find("\"finish_reason\":\"").or(text.find("\"finish_reason\": \"")).unwrap();
    frames(stream).into_iter().find(|end| *end > at).unwrap()
}

#[test]
fn a_stream_that_stops_anywhere_is_whole_or_failed() {
    for name in RECORDED {
        let stream = fixtures::bytes(format!("dialects/streams/{name}"));
        let (frames, finished) = (frames(&stream), finished(&stream));
        assert!(frames.len() >= 3, "{name}");
        let cuts: Vec<usize> = [0].into_iter().chain(frames).collect();
        at_once(cuts, |cut| {
            let script = Script::new().otherwise(Answer::bytes(200, stream[..cut].to_vec()));
            let stage = Stage::new(script);
            let reply = stage.send(&codex());
            let end = last(&reply);
            let expected = if cut < finished { "response.failed" } else { "response.completed" };
            assert_eq!(end["type"], expected, "{name} cut at {cut}: {}", reply.text());
            if cut < finished {
                assert_eq!(end["response"]["error"]["code"], "server_error", "{name} at {cut}");
            }
            let whole = stage.send(&turn(false));
            let expected = if cut < finished { 502 } else { 200 };
            assert_eq!(whole.status, expected, "{name} cut at {cut}: {}", whole.text());
        });
    }
}

/// The connection breaks in the middle of an event's bytes.
#[test]
fn a_stream_that_stops_inside_an_event_fails() {
    let name = RECORDED[0];
    let stream = fixtures::bytes(format!("dialects/streams/{name}"));
    at_once((1..finished(&stream) - 2).step_by(97), |cut| {
        let script = Script::new().otherwise(Answer::bytes(200, stream[..cut].to_vec()));
        let stage = Stage::new(script);
        let end = last(&stage.send(&codex()));
        assert_eq!(end["type"], "response.failed", "{name} cut at {cut}");
    });
}
