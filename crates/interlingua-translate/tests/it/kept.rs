//! Conversations that the gateway keeps.

use interlingua_ir::{Class, Event, Fault, Index, Kind, Sink, Stop, Text};
use interlingua_translate::faults::Caller;
use interlingua_translate::json::Limits;
use interlingua_translate::{Encode, responses};
use serde_json::{Value, json};

use crate::support::{document, head};

#[test]
fn a_kept_conversation_joins_the_next_request() {
    let stored = r#"[{"role":"user","content":"a"}, {"role":"assistant","content":"b"}]"#;
    let expand = |body: &str| {
        let whole = String::from_utf8(responses::expand(&document(body), stored).unwrap()).unwrap();
        let (turn, _) = responses::read(whole.as_bytes(), Limits::default()).unwrap();
        assert!(!whole.contains("previous_response_id"));
        (whole.clone(), turn.items.len())
    };
    assert_eq!(
        expand(r#"{"previous_response_id":"r","input":[{"role":"user","content":"c"}],"x": 1}"#).1,
        3
    );
    assert_eq!(expand(r#"{"input":"c","model":"m","previous_response_id":"r"}"#).1, 3);
    assert_eq!(expand(r#"{"input":[],"previous_response_id":"r"}"#).1, 2);
    assert_eq!(expand(r#"{"previous_response_id":"r"}"#).1, 2);
    let kept = r#"{ "x" : {"y":1.0}, "input":[{"role":"assistant","content":"b"}] }"#;
    assert!(
        expand(&kept.replace("\"input\"", "\"previous_response_id\":\"r\", \"input\""))
            .0
            .starts_with("{ \"x\" : {\"y\":1.0}, \"input\":[{")
    );

    assert_eq!(responses::items(&document(br#"{"input":[ {"a":1} ]}"#)).unwrap(), r#"[ {"a":1} ]"#);
    assert_eq!(
        responses::items(&document(br#"{"input":"h\"i"}"#)).unwrap(),
        r#"[{"type":"message","role":"user","content":"h\"i"}]"#
    );
    assert_eq!(
        responses::items(&document(
            br#"{"input":[{"a":"compaction_trigger"},{"type":"compaction_trigger"}]}"#
        ))
        .unwrap(),
        r#"[{"a":"compaction_trigger"}]"#
    );
    assert_eq!(responses::items(&document(b"{}")).unwrap(), "[]");
    assert_eq!(responses::join("[]", " [1] "), "[1]");
    assert_eq!(responses::join("[1]", "[2,3]"), "[1,2,3]");
    assert_eq!(responses::items(&document(b"[")).unwrap_err().class, Class::InvalidRequest);
}

/// An answer of one message that ends as it is told.
fn answer(mut encoder: responses::Encoder, stop: Stop) -> responses::Encoder {
    let index = Index(0);
    for event in [
        Event::Begin { id: "u".into(), model: "m".into() },
        Event::Open { index, kind: Kind::Text },
        Event::Delta { index, text: Text::plain("hi") },
        Event::Close { index },
        Event::End { stop, usage: None },
    ] {
        encoder.event(event);
    }
    encoder
}

#[test]
fn an_answer_is_kept_as_its_client_saw_it() {
    for form in [responses::Encoder::stream, responses::Encoder::whole] {
        for stop in [Stop::Complete, Stop::Length] {
            let head = head().stored(true, Some("resp_0"));
            let mut encoder = answer(form(head).keep(), stop);
            let kept = encoder.kept().unwrap();
            let mut out = Vec::new();
            encoder.take(&mut out);
            assert!(String::from_utf8(out).unwrap().contains(&kept.answer));
            let whole: Value = serde_json::from_str(&kept.answer).unwrap();
            assert_eq!(
                (&whole["store"], &whole["previous_response_id"]),
                (&json!(true), &json!("resp_0"))
            );
            assert_eq!(serde_json::from_str::<Value>(&kept.output).unwrap(), whole["output"]);

            // The conversation goes on with what was said.
            let first = responses::items(&document(br#"{"input":"hello"}"#)).unwrap();
            let stored = responses::join(&first, &kept.output);
            let next = responses::expand(
                &document(br#"{"previous_response_id":"resp_1","input":"more"}"#),
                &stored,
            )
            .unwrap();
            let (turn, notes) = responses::read(&next, Limits::default()).unwrap();
            assert_eq!((turn.items.len(), notes.len()), (3, 0));
        }
    }
}

#[test]
fn what_failed_or_was_not_to_be_kept_is_not() {
    assert_eq!(answer(responses::Encoder::stream(head()), Stop::Complete).kept(), None);
    let filtered = responses::Encoder::stream(head()).caller(Caller::Codex).keep();
    assert_eq!(answer(filtered, Stop::Filtered).kept(), None);
    let mut failed = responses::Encoder::stream(head()).keep();
    failed.fail(&Fault::new(Class::Upstream, "no"));
    assert_eq!(failed.kept(), None);
}

#[test]
fn a_link_is_found_however_it_is_written() {
    let previous = |body: &[u8]| responses::previous(&document(body));
    for (body, id) in [
        (r#"{"input":"x","previous_response_id":"resp_1"}"#, Some("resp_1")),
        (r#"{"previous_response_\u0069d":"resp_\u0031"}"#, Some("resp_1")),
        (r#"{"previous_response_id":"resp_1","previous_response_id":"resp_2"}"#, Some("resp_2")),
        (r#"{"previous_response_id":null}"#, None),
        (r#"{"input":[{"previous_response_id":"resp_1"}]}"#, None),
        (r#"{"input":"\"previous_response_id\":\"resp_1\""}"#, None),
        ("no request", None),
    ] {
        assert_eq!(previous(body.as_bytes()).unwrap().as_deref(), id, "{body}");
    }
    assert!(previous(br#"{"previous_response_id":7}"#).is_err());
    // It is told as what it is by whoever reads it whole.
    assert_eq!(previous(b"{\"previous_response_id\":\"\xff\"}").unwrap(), None);
}
