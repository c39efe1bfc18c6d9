//! Laws for every input, not only for those that somebody has seen.

use std::fmt::Write;
use std::sync::Arc;

use interlingua_ir::{
    Attachment, CallHead, Class, Event, Fault, Form, Grammar, Index, Kind, Note, NoteKind, Sink,
    Stop, Text, Usage,
};
use interlingua_testkit::fixtures::{dialect_streams, sse_data, sse_json};
use interlingua_translate::compaction::Compaction;
use interlingua_translate::json::Limits;
use interlingua_translate::tools::{Bridge, Unwrapping};
use interlingua_translate::{Encode, Pipe, Reader, chat, responses};
use proptest::prelude::*;
use proptest::sample::Index as Pick;
use serde_json::{Value, json};

use crate::encode::tools;
use crate::support::{DIALECTS, Seen, check_messages, decode, dialect, head, write};

pub(crate) fn config() -> ProptestConfig {
    ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() }
}

fn index() -> impl Strategy<Value = Index> {
    (0..4u32).prop_map(Index)
}

fn text() -> impl Strategy<Value = Text<'static>> {
    (any::<String>(), any::<bool>()).prop_map(|(text, escaped)| match escaped {
        true => {
            let json = serde_json::to_string(&text).unwrap();
            Text::from_json(&json).unwrap().into_owned()
        }
        false => Text::from(text),
    })
}

fn kind() -> impl Strategy<Value = Kind<'static>> {
    let form = prop_oneof![Just(Form::Function), Just(Form::Custom), Just(Form::ToolSearch)];
    let call = ("[a-z\"\\\\]{0,3}", "[a-z\"]{1,3}", prop::option::of("[a-z\"]{1,3}"), form);
    let call = call.prop_map(|(id, name, namespace, form)| {
        let namespace = namespace.map(Into::into);
        Kind::Call(CallHead { id: id.into(), name: name.into(), namespace, form })
    });
    prop_oneof![Just(Kind::Text), Just(Kind::Refusal), Just(Kind::Reasoning), call]
}

pub(crate) fn event() -> impl Strategy<Value = Event<'static>> {
    let stop = prop_oneof![
        Just(Stop::Complete),
        Just(Stop::Filtered),
        Just(Stop::Length),
        Just(Stop::ToolUse)
    ];
    let usage = prop::option::of((any::<u64>(), any::<u64>()).prop_map(|(input, output)| Usage {
        input,
        output,
        ..Usage::default()
    }));
    let attachment = prop_oneof![
        (text(), text()).prop_map(|(url, title)| Attachment::Citation { url, title }),
        any::<String>().prop_map(|it| Attachment::Sealed(it.into())),
    ];
    prop_oneof![
        1 => Just(Event::Begin { id: "u".into(), model: "m".into() }),
        4 => (index(), kind()).prop_map(|(index, kind)| Event::Open { index, kind }),
        8 => (index(), text()).prop_map(|(index, text)| Event::Delta { index, text }),
        2 => (index(), attachment).prop_map(|(index, attachment)| Event::Attach { index, attachment }),
        4 => index().prop_map(|index| Event::Close { index }),
        1 => index().prop_map(|index| Event::Drop { index }),
        1 => Just(Event::Note(Note::new(NoteKind::Unknown, "x"))),
        1 => (stop, usage).prop_map(|(stop, usage)| Event::End { stop, usage }),
    ]
}

/// Keeps what makes the events a well-formed stream, and ends it.
pub(crate) fn well_formed(events: Vec<Event<'static>>) -> Vec<Event<'static>> {
    let begin = Event::Begin { id: "u".into(), model: "m".into() };
    let mut kept = vec![begin];
    let mut next = 0;
    let mut open: Vec<Index> = Vec::new();
    for event in events {
        match event {
            Event::Begin { .. } | Event::End { .. } => {}
            Event::Open { kind, .. } => {
                open.push(Index(next));
                kept.push(Event::Open { index: Index(next), kind });
                next += 1;
            }
            Event::Delta { index, .. } | Event::Attach { index, .. } if !open.contains(&index) => {}
            Event::Close { index } | Event::Drop { index } => {
                if let Some(at) = open.iter().position(|it| *it == index) {
                    open.remove(at);
                    kept.push(event);
                }
            }
            other => kept.push(other),
        }
    }
    kept.extend(open.into_iter().map(|index| Event::Close { index }));
    kept.push(Event::End { stop: Stop::Complete, usage: None });
    let mut grammar = Grammar::default();
    for event in &kept {
        grammar.event(event.clone());
    }
    assert_eq!(grammar.finish(), Ok(()));
    kept
}

fn encode(mut encoder: responses::Encoder, events: &[Event<'static>]) -> Vec<u8> {
    for event in events {
        encoder.event(event.clone());
    }
    let mut out = Vec::new();
    encoder.take(&mut out);
    out
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn well_formed_events_make_well_formed_answers(events in prop::collection::vec(event(), 0..40)) {
        let events = well_formed(events);
        let seen = Seen::of(&encode(responses::Encoder::stream(head()), &events));
        let whole = encode(responses::Encoder::whole(head()), &events);
        let whole: Value = serde_json::from_slice(&whole).unwrap();
        prop_assert_eq!(&seen.terminal()["response"], &whole);
        let done: Vec<_> = seen.done().into_iter().cloned().collect();
        prop_assert_eq!(&whole["output"], &Value::Array(done));
    }

    #[test]
    fn no_events_break_the_encoder(events in prop::collection::vec(event(), 0..40), whole: bool) {
        let encoder = if whole { responses::Encoder::whole } else { responses::Encoder::stream };
        let mut encoder = encoder(head());
        for event in events {
            encoder.event(event);
        }
        encoder.keep_alive();
        encoder.fail(&Fault::new(Class::Upstream, "no \"more\"\n"));
        let mut out = Vec::new();
        encoder.take(&mut out);
        if !whole {
            // Every event is JSON, whatever it is about.
            sse_json(&String::from_utf8(out).unwrap());
        }
    }

    #[test]
    fn shuffled_and_doubled_frames_break_nothing(
        stream: Pick,
        dialect_of: Pick,
        order in prop::collection::vec(any::<Pick>(), 1..24),
    ) {
        let streams = dialect_streams(None);
        let stream = stream.get(&streams);
        let frames = sse_data(&String::from_utf8_lossy(&stream.bytes));
        let bytes: String =
            order.iter().flat_map(|it| ["data: ", it.get(&frames).as_str(), "\n\n"]).collect();
        let dialect = dialect(DIALECTS[dialect_of.index(6)]);
        let run = decode(&dialect, bytes.as_bytes(), usize::MAX);
        prop_assert_eq!(&decode(&dialect, bytes.as_bytes(), 7), &run);

        let decoder = chat::Decoder::new(Arc::new(dialect), "up", "s");
        let mut pipe = Pipe::new(decoder, responses::Encoder::stream(head())).tools(tools());
        let result = pipe.push(bytes.as_bytes()).and_then(|()| pipe.finish());
        prop_assert_eq!(result, run.result);
        let mut out = Vec::new();
        pipe.take(&mut out);
        Seen::of(&out);
    }

    #[test]
    fn damaged_streams_break_nothing(
        stream: Pick,
        damage in prop::collection::vec((any::<Pick>(), any::<u8>()), 1..6),
    ) {
        let streams = dialect_streams(None);
        let mut bytes = stream.get(&streams).bytes.clone();
        for (at, byte) in damage {
            let at = at.index(bytes.len());
            bytes[at] = byte;
        }
        let generic = dialect("generic");
        let whole = decode(&generic, &bytes, usize::MAX);
        prop_assert_eq!(decode(&generic, &bytes, 3), whole);
    }

    #[test]
    fn any_bytes_break_nothing(bytes: Vec<u8>, start: Pick) {
        let starts = ["", "data: ", "{\"choices\":", "<", "data: {\"choices\":[{\"delta\":", "[", "event: error\ndata: "];
        let bytes = [start.get(&starts).as_bytes(), &bytes].concat();
        let generic = dialect("generic");
        let whole = decode(&generic, &bytes, usize::MAX);
        prop_assert_eq!(decode(&generic, &bytes, 1), whole);
    }

    /// A model may escape any character, and pieces end anywhere.
    #[test]
    fn free_text_survives_its_arguments(
        words: String,
        escaped in prop::collection::vec(any::<bool>(), 64),
        cuts in prop::collection::vec(1..9usize, 32),
        extra in prop_oneof![Just(""), Just(",\"b\":{\"input\":\"x\"}"), Just(" ")],
    ) {
        let mut inside = String::new();
        for (nth, letter) in words.chars().enumerate() {
            if escaped[nth % escaped.len()] {
                let mut units = [0; 2];
                for unit in letter.encode_utf16(&mut units) {
                    write!(inside, "\\u{unit:04x}").unwrap();
                }
            } else {
                let json = serde_json::to_string(&letter).unwrap();
                inside += json.strip_prefix('"').unwrap().strip_suffix('"').unwrap();
            }
        }
        let arguments = format!("{{ \"input\": \"{inside}\"{extra}}}");

        let mut events: Vec<Event<'static>> = Vec::new();
        let (map, mut open) = (tools(), Unwrapping::default());
        let mut bridge = Bridge::new(&map, &mut open, &mut events);
        let call = CallHead { id: "a".into(), name: "apply_patch".into(), namespace: None, form: Form::Function };
        bridge.event(Event::Open { index: Index(0), kind: Kind::Call(call) });
        let mut rest = arguments.as_str();
        for cut in cuts.into_iter().chain([usize::MAX]) {
            let (piece, after) = rest.split_at(rest.floor_char_boundary(cut));
            bridge.event(Event::Delta { index: Index(0), text: Text::plain(piece) });
            rest = after;
        }
        bridge.event(Event::Close { index: Index(0) });
        let got: String = events.iter().filter_map(|event| match event {
            Event::Delta { text, .. } => Some(text.to_plain().into_owned()),
            _ => None,
        }).collect();
        prop_assert_eq!(got, words);
    }

    #[test]
    fn any_history_becomes_one_that_strict_upstreams_take(
        letters in prop::collection::vec((0..8u8, 0..4u8), 0..24),
        of: Pick,
    ) {
        let items: Vec<Value> = letters.into_iter().map(|(kind, id)| match kind {
            0 => json!({ "role": "user", "content": "u" }),
            1 => json!({ "role": "assistant", "content": "a" }),
            2 => json!({ "role": "developer", "content": "d" }),
            3 => json!({ "type": "reasoning", "summary": [{ "type": "summary_text", "text": "r" }] }),
            4 => json!({ "type": "web_search_call", "status": "completed" }),
            5 => json!({ "type": "compaction", "encrypted_content": "ilc1.x" }),
            6 => json!({ "type": "function_call", "call_id": format!("c{id}"), "name": "f", "arguments": "{}" }),
            _ => json!({ "type": "function_call_output", "call_id": format!("c{id}"), "output": "o" }),
        }).chain([json!({ "role": "user", "content": "u" })]).collect();
        let body = json!({ "model": "m", "input": items }).to_string();
        let (turn, _) = responses::read(body.as_bytes(), Limits::default()).unwrap();
        let dialect = dialect(DIALECTS[of.index(6)]);
        check_messages(&write(&turn, &dialect).body);
        // Nor does shortening part a call from its result.
        let parted = |compaction: &Compaction<'_>| {
            let body = write(compaction.turn(), &dialect).body;
            check_messages(&body);
            let text = body.to_string();
            ["no result was recorded", "result of the unknown tool call"].map(|it| text.matches(it).count())
        };
        let mut compaction = Compaction::new(turn);
        let mut before = parted(&compaction);
        while compaction.shorten() {
            let after = parted(&compaction);
            prop_assert!(after[0] <= before[0] && after[1] <= before[1], "{before:?} {after:?}");
            before = after;
        }
    }

    #[test]
    fn any_request_is_read_or_refused(body in "[\\[\\]{}:,\"a-z0-9 ]{0,60}") {
        if let Err(fault) = responses::read(body.as_bytes(), Limits::default()) {
            prop_assert_eq!(fault.class, Class::InvalidRequest);
        }
    }
}

#[test]
fn a_reader_that_is_over_takes_no_more() {
    let decoder = chat::Decoder::new(Arc::new(dialect("generic")), "up", "s");
    let mut reader = Reader::new(decoder);
    let mut events: Vec<Event<'static>> = Vec::new();
    let stream = "data: {\"choices\":[{\"delta\":{\"content\":\"a\"},\"finish_reason\":\"stop\"}]}\n\ndata: [DONE]\n\n";
    reader.push(stream.as_bytes(), &mut events).unwrap();
    assert!(reader.is_over());
    let before = events.len();
    reader.push(b"data: {\"choices\":[{\"delta\":{\"content\":\"b\"}}]}\n\n", &mut events).unwrap();
    reader.push(b"data: {\"error\":{\"message\":\"late\"}}\n\n", &mut events).unwrap();
    reader.finish(&mut events).unwrap();
    assert_eq!(events.len(), before);
}
