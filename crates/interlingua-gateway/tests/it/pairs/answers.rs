//! Answers of every form, and the loop that goes on from them.

use interlingua_testkit::upstream::{
    Answer, Piece, Usage, Wire, call, finish, reasoning, redacted, text,
};
use serde_json::{Value, json};

use super::{Kind, Pair, ask, body, for_each, go_on, read, recorded, talker};

pub(super) const THOUGHT: &str = "I look at \"both\".\nFirst a, then b. 你好";

const USAGE: Usage = Usage { input: 1000, output: 50, cached: 600, reasoning: 20 };

/// A step with everything in it that the upstream can say; `first` numbers its calls.
pub(super) fn step(kind: Kind, first: u8) -> Answer {
    let thought = kind.has_thoughts().then(|| reasoning(THOUGHT));
    let rest = [
        text("Looking. 😀"),
        call(format!("c_{first}"), "read", r#"{"value":"a"}"#),
        call(format!("c_{}", first + 1), "search", r#"{"value":"b \"q\""}"#),
        finish("tool_calls"),
        Piece::Usage(USAGE),
    ];
    Answer::stream(thought.into_iter().chain(rest))
}

/// The protocol's words for an answer that is complete, that waits for results, and that was cut.
fn stops(client: Wire) -> [&'static str; 3] {
    match client {
        Wire::Chat => ["stop", "tool_calls", "length"],
        Wire::Responses => ["completed", "completed", "incomplete"],
        Wire::Messages => ["end_turn", "tool_use", "max_tokens"],
    }
}

/// All that a step holds reaches the client, and all that the next one needs goes back.
#[test]
fn a_loop_is_the_same_in_all_pairs() {
    for_each(|pair, stream| {
        let Pair { client, kind } = pair;
        let done = Answer::stream([text("Done."), finish("stop"), Piece::Usage(USAGE)]);
        let stage = kind.stage(kind.script().then(step(kind, 1)).then(done), "");
        let mut talker = talker(client, "look at both");

        let reply = stage.send(&talker.call(&body(&talker, client, stream)));
        let answered = talker.read(&reply, stream).unwrap_or_else(|it| panic!("{pair}: {it}"));
        let thought = if kind.has_thoughts() { THOUGHT } else { "" };
        assert_eq!(answered.thought, thought, "{pair}");
        assert_eq!(answered.text, "Looking. 😀", "{pair}");
        let calls: Vec<_> =
            answered.calls.iter().map(|it| (it.name.as_str(), it.arguments.clone())).collect();
        let wanted = [("read", json!({ "value": "a" })), ("search", json!({ "value": "b \"q\"" }))];
        assert_eq!(calls, wanted, "{pair}");
        assert_ne!(answered.calls[0].id, answered.calls[1].id, "{pair}");
        assert_eq!(answered.stop, stops(client)[1], "{pair}");
        assert_eq!(counts(client, &reply, stream), [1000, 600, 50], "{pair}: {}", reply.text());

        talker.keep(&answered);
        talker.answer(|call| format!("result of {}", call.name));
        let answered = go_on(&mut talker, stage.address(), client, stream);
        assert_eq!((answered.text.as_str(), answered.stop.as_str()), ("Done.", stops(client)[0]));
        assert_eq!(stage.upstream.faults(), [""; 0], "{pair}");
        let sent = stage.upstream.exchanges().pop().unwrap().request;
        for word in ["\"c_1\"", "\"c_2\"", "result of read", "result of search"] {
            assert!(sent.contains(word), "{pair}: {word} is missing in {}", sent.body);
        }
        let shown = serde_json::to_string(THOUGHT).unwrap();
        assert_eq!(sent.contains(&shown), kind.has_thoughts(), "{pair}: {}", sent.body);
    });
}

/// The tokens of the prompt, those of them that were cached, and those of the answer.
#[track_caller]
fn counts(client: Wire, reply: &interlingua_testkit::http::Reply, stream: bool) -> [u64; 3] {
    let whole = if stream { Value::Null } else { reply.json() };
    let events = if stream { reply.events() } else { vec![whole] };
    let find = |usage: fn(&Value) -> &Value| {
        events.iter().map(usage).rfind(|it| it.is_object()).cloned().unwrap_or_default()
    };
    let count = |value: &Value| value.as_u64().unwrap_or_default();
    match client {
        Wire::Chat => {
            let usage = find(|it| &it["usage"]);
            let cached = &usage["prompt_tokens_details"]["cached_tokens"];
            [&usage["prompt_tokens"], cached, &usage["completion_tokens"]].map(count)
        }
        Wire::Responses => {
            let usage =
                find(
                    |it| {
                        if it["usage"].is_object() {
                            &it["usage"]
                        } else {
                            &it["response"]["usage"]
                        }
                    },
                );
            let cached = &usage["input_tokens_details"]["cached_tokens"];
            [&usage["input_tokens"], cached, &usage["output_tokens"]].map(count)
        }
        Wire::Messages => {
            let usage = find(|it| &it["usage"]);
            let cached = count(&usage["cache_read_input_tokens"]);
            [count(&usage["input_tokens"]) + cached, cached, count(&usage["output_tokens"])]
        }
    }
}

/// A thought that nobody may read comes back to the upstream that sealed it.
#[test]
fn a_hidden_thought_comes_back() {
    for_each(|pair, stream| {
        let Pair { client, kind } = pair;
        if kind.wire == Wire::Chat {
            return;
        }
        let hidden = [redacted(), call("c_1", "read", r#"{"value":"a"}"#), finish("tool_calls")];
        let script = kind.script().then(Answer::stream(hidden)).then(Answer::text("Done."));
        let stage = kind.stage(script, "");
        let mut talker = talker(client, "hi");
        for _ in 0..2 {
            go_on(&mut talker, stage.address(), client, stream);
            talker.answer(|_| "ok".into());
        }
        assert_eq!(stage.upstream.faults(), [""; 0], "{pair}");
        let all = stage.upstream.exchanges();
        assert!(all[1].request.contains(&all[0].issued[0].seal), "{pair}");
    });
}

#[test]
fn an_answer_that_was_cut_by_its_length_says_so() {
    for_each(|pair, stream| {
        let Pair { client, kind } = pair;
        let cut = [
            text("Half of "),
            call("c_1", "read", r#"{"value":"#),
            finish("length"),
            Piece::Usage(USAGE),
        ];
        let stage = kind.stage(kind.script().otherwise(Answer::stream(cut)), "");
        let reply = ask(&stage, client, stream);
        assert!(reply.status == 200 && reply.complete, "{pair}: {}", reply.text());
        let told = reply.text();
        assert!(told.contains("Half "), "{pair}: {told}");
        let word = match client {
            Wire::Chat => "\"finish_reason\":\"length\"",
            Wire::Responses => "\"reason\":\"max_output_tokens\"",
            Wire::Messages => "\"stop_reason\":\"max_tokens\"",
        };
        assert!(told.contains(word), "{pair}: {told}");
        assert!(!told.contains("response.completed"), "{pair}: {told}");
    });
}

/// Who asks for a stream may get a document, and the other way round; the client gets what it asked for.
#[test]
fn an_answer_may_come_in_the_other_form() {
    for_each(|pair, stream| {
        let Pair { client, kind } = pair;
        let thought = kind.has_thoughts().then(|| reasoning(THOUGHT));
        let pieces = [text("All of it."), finish("stop"), Piece::Usage(USAGE)];
        let pieces = thought.into_iter().chain(pieces);
        let answer = match stream {
            true => Answer::whole(pieces),
            false => Answer::bytes(200, recorded(kind, Answer::stream(pieces))),
        };
        let stage = kind.stage(kind.script().otherwise(answer), "");
        let reply = ask(&stage, client, stream);
        let answered = read(client, &reply, stream);
        assert_eq!(answered.text, "All of it.", "{pair}");
        assert_eq!(answered.thought.is_empty(), !kind.has_thoughts(), "{pair}");
        assert_eq!(counts(client, &reply, stream), [1000, 600, 50], "{pair}: {}", reply.text());
    });
}
