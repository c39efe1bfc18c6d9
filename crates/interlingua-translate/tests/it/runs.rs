//! Frames that differ in nothing but their text are taken together, and mean what each means by itself.

use std::sync::Arc;

use interlingua_ir::{Event, Piece, Protocol, Turn};
use interlingua_testkit::fixtures::{cut, sse_json};
use interlingua_translate::client::{Head, Ids};
use interlingua_translate::faults::Caller;
use interlingua_translate::{
    Decode, Pipe, ReadLimits, Reader, chat, messages, responses, verbatim,
};

use crate::support::{Said, dialect, frames, json_of, one_by_one, run};

/// A decoder that hands frames on, with a stream that says `a`, `b`, `c` and `ä`, and what ends it.
fn samples() -> [(Box<dyn Decode>, String, &'static str); 3] {
    let chat = |text: &str| {
        format!(
            "data: {{\"id\":\"c1\",\"model\":\"m\",\"choices\":[{{\"delta\":{{\"content\":\"{text}\"}}}}],\"n\":1}}\n\n"
        )
    };
    let messages = |text: &str| {
        format!(
            "event: content_block_delta\ndata: {{\"type\":\"content_block_delta\",\"index\":0,\
             \"delta\":{{\"type\":\"text_delta\",\"text\":\"{text}\"}}}}\n\n"
        )
    };
    let mut number = 0;
    let responses = |text: &str| {
        number += 9;
        format!(
            "event: response.output_text.delta\ndata: {{\"type\":\"response.output_text.delta\",\
             \"item_id\":\"i\",\"output_index\":0,\"content_index\":0,\"delta\":\"{text}\",\
             \"sequence_number\":{number}}}\n\n"
        )
    };
    let texts = ["a", "b", "c", "ä"];
    let openai = || Arc::new(dialect("openai"));
    [
        (
            Box::new(chat::Decoder::new(openai(), "up", "s").verbatim(true)),
            texts.map(chat).concat(),
            "data: {\"choices\":[{\"delta\":{},\"finish_reason\":\"stop\"}]}\n\ndata: [DONE]\n\n",
        ),
        (
            Box::new(messages::Decoder::new(Arc::new(dialect("anthropic")), "up", "s").verbatim()),
            "event: message_start\ndata: {\"type\":\"message_start\",\"message\":{\"id\":\"m1\"}}\n\n"
                .to_owned()
                + &texts.map(messages).concat(),
            "data: {\"type\":\"message_delta\",\"delta\":{\"stop_reason\":\"end_turn\"}}\n\n\
             data: {\"type\":\"message_stop\"}\n\n",
        ),
        (
            Box::new(responses::Decoder::new(openai(), "up", "s").verbatim()),
            texts.map(responses).concat(),
            "data: {\"type\":\"response.completed\",\"response\":{\"id\":\"r\",\"status\":\"completed\"}}\n\n",
        ),
    ]
}

#[test]
fn what_follows_the_first_text_is_one_run_and_goes_on_as_it_came() {
    for (decoder, text, end) in samples() {
        let stream = text.clone() + end;
        let taken = run(decoder, cut(stream.as_bytes(), usize::MAX));
        assert_eq!(taken.result, Ok(()), "{stream}");
        assert_eq!(Said::of(&taken).text, "abcä");
        let runs: Vec<_> = taken
            .events
            .iter()
            .filter_map(|it| if let Event::Frames(run) = it { Some(run) } else { None })
            .collect();
        let [run] = *runs else { panic!("one run: {:#?}", taken.events) };
        assert_eq!(run.count, 3);
        // What they mean is told before they are shown.
        let shown = taken.events.iter().position(|it| matches!(it, Event::Frames(_))).unwrap();
        let told = taken.events[shown - 3..shown].iter();
        assert!(told.clone().all(|it| matches!(it, Event::Delta { .. })), "{:#?}", taken.events);
        let lines = json_of(&run.lines);
        assert!(text.ends_with(&lines) && lines.contains("\"b\""), "{lines}");
        let models = run.lines.iter().filter(|it| matches!(it, Piece::Model(_))).count();
        assert_eq!(models, text.matches("\"model\"").count().saturating_sub(1), "each is marked");
    }
}

#[test]
fn a_run_is_the_same_wherever_the_stream_is_cut() {
    let whole = samples().map(|(decoder, text, end)| {
        one_by_one(&run(decoder, cut((text + end).as_bytes(), usize::MAX)))
    });
    for step in 1..200 {
        for ((decoder, text, end), whole) in samples().into_iter().zip(&whole) {
            let pieces = run(decoder, cut((text + end).as_bytes(), step));
            assert_eq!(one_by_one(&pieces), *whole, "in pieces of {step}");
        }
    }
}

#[test]
fn what_follows_the_end_is_no_run() {
    let [_, (_, said, _), _] = samples();
    let unexplained = (samples().into_iter().nth(1).unwrap().0, said, "data: [DONE]\n\n");
    for (decoder, text, end) in samples().into_iter().chain([unexplained]) {
        let stream = text.clone() + end + &text;
        let taken = run(decoder, cut(stream.as_bytes(), usize::MAX));
        assert_eq!((Said::of(&taken).text.as_str(), taken.result.is_ok()), ("abcä", true));
        assert_eq!(frames(&taken).len(), (text + end).matches("\n\n").count(), "{stream}");
    }
}

#[test]
fn after_done_nothing_is_read() {
    let chunk = |text: &str| {
        format!("data: {{\"choices\":[{{\"delta\":{{\"content\":\"{text}\"}}}}]}}\n\n")
    };
    let end = "data: {\"choices\":[{\"delta\":{},\"finish_reason\":\"stop\"}]}\n\n";
    // Some go on after they have said why they stopped.
    let stream = end.to_owned() + &chunk("a") + "data: [DONE]\n\ndata: {}\n\n" + &chunk("b");
    for decoder in [false, true] {
        let chat = chat::Decoder::new(Arc::new(dialect("openai")), "up", "s");
        let chat = if decoder { chat.verbatim(true) } else { chat };
        let taken = run(chat, cut(stream.as_bytes(), usize::MAX));
        assert_eq!((Said::of(&taken).text.as_str(), taken.result.is_ok()), ("a", true));
    }
}

#[test]
fn an_event_that_is_too_long_ends_a_run() {
    let chunk = |text: &str| {
        format!("data: {{\"choices\":[{{\"delta\":{{\"content\":\"{text}\"}}}}]}}\n\n")
    };
    let stream = chunk("a") + &chunk(&"b".repeat(300));
    let decoder = chat::Decoder::new(Arc::new(dialect("openai")), "up", "s");
    let limits = ReadLimits { event: 200, ..ReadLimits::default() };
    let mut events: Vec<Event<'static>> = Vec::new();
    let fault = Reader::with_limits(decoder, limits).push(stream.as_bytes(), &mut events);
    assert!(fault.unwrap_err().message.contains("longer than 200 bytes"));
}

#[test]
fn a_client_sees_the_same_bytes_however_frames_came() {
    for (nth, protocol) in
        [Protocol::Chat, Protocol::Messages, Protocol::Responses].into_iter().enumerate()
    {
        let sent = |step: usize| {
            let (decoder, text, end) = samples().into_iter().nth(nth).unwrap();
            let turn = Turn { protocol, model: "asked".into(), ..Turn::default() };
            let own =
                Head::of(&turn, Ids { answer: "a1", request: "r1" }, || 0).stream(Caller::Other);
            let mut pipe = Pipe::new(decoder, verbatim::Encoder::stream(own, "asked"));
            let mut out = Vec::new();
            for piece in cut((text + end).as_bytes(), step) {
                pipe.push(piece).unwrap();
            }
            pipe.finish().unwrap();
            pipe.take(&mut out);
            String::from_utf8(out).unwrap()
        };
        let (_, text, end) = samples().into_iter().nth(nth).unwrap();
        let whole = sent(usize::MAX);
        assert_eq!(whole, sent(1));
        let frames = |sse: &str| sse.matches("\n\n").count();
        assert_eq!(frames(&whole), frames(&(text + end)), "{whole}");
        assert!(whole.contains("\"ä\"") && !whole.contains("\"model\":\"m\""), "{whole}");
    }
}

#[test]
fn an_answer_that_breaks_off_after_a_run_is_counted_on() {
    let (decoder, text, _) = samples().into_iter().nth(2).unwrap();
    let turn = Turn { protocol: Protocol::Responses, ..Turn::default() };
    let own = Head::of(&turn, Ids { answer: "a1", request: "r1" }, || 0).stream(Caller::Other);
    let mut pipe = Pipe::new(decoder, verbatim::Encoder::stream(own, "asked"));
    pipe.push(text.as_bytes()).unwrap();
    pipe.finish().unwrap_err();
    let mut out = Vec::new();
    pipe.take(&mut out);
    let failed = sse_json(std::str::from_utf8(&out).unwrap()).pop().unwrap();
    assert_eq!(
        (&failed["type"], &failed["sequence_number"]),
        (&"response.failed".into(), &4.into())
    );
}
