//! From an answer into the store and back into the history.

use interlingua_ir::{
    Attachment, Event, Extra, Index, Item, Kind, Origin, Place, Reasoning, Text, Thought,
};
use interlingua_reasoning::{Fingerprints, Key, inject};
use serde_json::value::RawValue;

use crate::support::*;

const CALL: &str = "call_0123456789abcdef";

/// Runs an answer to `before`, and gives the shelf that it is kept on.
fn kept(before: &[Said], thought: &str, step: &Said) -> Shelf {
    let before = turn(before);
    let before = Fingerprints::of(&before, scope("t"));
    let mut shelf = Shelf::default();
    shelf.put(capture("t", "p", before.end(), &answer(thought, step)).unwrap());
    shelf
}

#[test]
fn a_thought_comes_back_before_its_step() {
    for step in [
        step("Looking.", &[CALL], "{}"),
        step("", &[CALL, "b"], r#"{"a":1}"#),
        step("\n Done. \n", &[], ""),
    ] {
        let shelf = kept(&[user("u")], "hm", &step);
        let Said::Step { text, calls } = &step else { panic!("a step") };
        // What the thought led to follows right after it.
        let led_to = calls.iter().take(usize::from(text.is_empty())).map(|it| it.0.clone());
        let led_to: Vec<_> = led_to.collect();
        let mut turn = turn(&[user("u"), step, user("next")]);
        let (injected, _) = shelf.inject(&mut turn, "t");
        assert_eq!((injected.restored, injected.missing), (1, 0));
        let (at, thought) = thoughts(&turn).remove(0);
        assert_eq!((at, thought.text.as_str(), thought.answer.as_str()), (1, "hm", "a"));
        let origin = Origin { provider: "p".into(), family: "p".into() };
        assert_eq!((thought.origin, thought.calls), (Some(origin), led_to));
    }
}

#[test]
fn all_thoughts_of_an_answer_come_back_with_their_signatures() {
    let before = turn(&[user("u")]);
    let before = Fingerprints::of(&before, scope("t"));
    let mut events = vec![Event::Begin { id: "c".into(), model: "m".into() }];
    let item = |index, kind, text: &'static str| {
        let index = Index(index);
        [
            Event::Open { index, kind },
            Event::Delta { index, text: Text::plain(text) },
            Event::Attach {
                index,
                attachment: Attachment::Provenance {
                    field: "signature".into(),
                    json: format!("\"{text}\"").into(),
                },
            },
            Event::Close { index },
        ]
    };
    events.extend(item(0, Kind::Reasoning, "one"));
    events.extend(item(1, Kind::Text, "Hi"));
    events.extend(item(2, Kind::Reasoning, "two"));
    events.extend(item(3, Kind::Refusal, " there"));
    events.push(Event::Open { index: Index(4), kind: Kind::Reasoning });
    events.push(Event::Drop { index: Index(4) });
    events.push(Event::End { stop: interlingua_ir::Stop::Length, usage: None });
    let mut shelf = Shelf::default();
    shelf.put(capture("t", "p", before.end(), &events).unwrap());
    let mut turn = turn(&[user("u"), step("Hi there", &[], "")]);
    shelf.inject(&mut turn, "t");
    let signed: Vec<_> = thoughts(&turn)
        .into_iter()
        .map(|(at, it)| (at, it.text.clone(), it.provenance[0].1.clone()))
        .collect();
    let expected = [(1, "one", "\"one\""), (2, "two", "\"two\"")];
    assert_eq!(signed, expected.map(|(at, text, json)| (at, text.to_owned(), json.to_owned())));
}

#[test]
fn what_was_cut_is_not_kept() {
    let before = turn(&[user("u")]);
    let before = Fingerprints::of(&before, scope("t"));
    let whole = answer("hm", &step("Hi", &[CALL], "{}"));
    for cut in 0..whole.len() {
        assert!(capture("t", "p", before.end(), &whole[..cut]).is_none(), "{cut}");
    }
    assert!(capture("t", "p", before.end(), &whole).is_some());
    assert!(capture("t", "p", before.end(), &answer("hm", &step("", &[], ""))).is_none());
    let much = "x".repeat(5 << 20);
    let mut events = answer("hm", &step("Hi", &[], ""));
    events[2] = Event::Delta { index: Index(1), text: Text::from(much) };
    assert!(capture("t", "p", before.end(), &events).is_none());
}

#[test]
fn a_call_that_was_cut_is_no_part_of_the_key() {
    let before = turn(&[user("u")]);
    let before = Fingerprints::of(&before, scope("t"));
    let mut events = answer("hm", &step("Hi", &[CALL, "cut"], "{}"));
    let close = events.len() - 2;
    let Event::Close { index } = events[close] else { panic!("the last call is closed") };
    events[close] = Event::Drop { index };
    let (key, _) = capture("t", "p", before.end(), &events).unwrap();
    assert_eq!(wanted(&turn(&[user("u"), step("Hi", &[CALL], "{}")]), "t"), [key]);
}

#[test]
fn an_answer_without_a_thought_is_not_missing_one() {
    let shelf = kept(&[user("u")], "", &step("Hi", &[], ""));
    let mut turn = turn(&[user("u"), step("Hi", &[], "")]);
    let (injected, thoughts) = shelf.inject(&mut turn, "t");
    assert_eq!((injected.restored, injected.missing, thoughts.len()), (0, 0, 0));
    let (injected, _) = Shelf::default().inject(&mut turn, "t");
    assert_eq!((injected.restored, injected.missing), (0, 1));
}

/// What becomes of a reasoning item that the client has sent, where the store knows the thought `hm`.
fn sent(reasoning: Reasoning<'static>) -> (usize, Vec<(usize, Option<Thought>)>) {
    let shelf = kept(&[user("u")], "hm", &step("Hi", &[], ""));
    let mut turn = turn(&[user("u"), step("Hi", &[], "")]);
    turn.items.insert(1, Item::Reasoning(reasoning));
    let (injected, _) = shelf.inject(&mut turn, "t");
    let items = turn.items.iter().enumerate();
    let reasoning = items.filter_map(|(at, item)| match item {
        Item::Reasoning(it) => Some((at, it.thought.clone())),
        _ => None,
    });
    (injected.restored, reasoning.collect())
}

#[test]
fn the_stored_thought_is_better_than_the_same_words_and_worse_than_others() {
    let readable = |text: &'static str| Reasoning {
        readable: vec![Text::plain(text)],
        ..Reasoning::default()
    };
    let (restored, items) = sent(readable("hm\n"));
    assert_eq!((restored, items.len()), (1, 1));
    assert_eq!(items[0].1.as_ref().unwrap().text, "hm");
    assert_eq!(sent(readable("edited")), (0, vec![(1, None)]));
    let thought = Some(Thought { text: "carried".into(), ..Thought::default() });
    let carried = Reasoning { thought: thought.clone(), ..Reasoning::default() };
    assert_eq!(sent(carried), (0, vec![(1, thought)]));
    let sealed =
        |blob: &'static str| Reasoning { sealed: Some(Text::plain(blob)), ..Reasoning::default() };
    assert_eq!(sent(sealed("gAAAA")), (0, vec![(1, None)]), "somebody else's");
    let (restored, items) = sent(sealed("il1.tampered"));
    assert_eq!((restored, items.len()), (1, 1), "ours, and not authentic");
}

#[test]
fn what_cannot_be_opened_is_told() {
    let mut turn = turn(&[user("u"), step("Hi", &[], "")]);
    let wanted = Fingerprints::of(&turn, scope("t")).wanted();
    let injected = inject(&mut turn, &wanted, &[Some("il1.xx".into())], &keys(), "t");
    let notes: Vec<_> = injected.notes.iter().map(ToString::to_string).collect();
    assert_eq!(notes, ["reasoning-unreadable=stored, and not authentic"]);
    assert_eq!((injected.restored, injected.missing), (0, 1));
}

#[test]
fn an_entry_moved_to_another_key_is_refused() {
    let before = turn(&[user("u")]);
    let before = Fingerprints::of(&before, scope("t"));
    let (_, entry) = capture("t", "p", before.end(), &answer("hm", &step("Hi", &[], ""))).unwrap();
    let mut other = turn(&[user("other"), step("Hi", &[], "")]);
    let wanted = Fingerprints::of(&other, scope("t")).wanted();
    let injected = inject(&mut other, &wanted, &[Some(entry.bytes)], &keys(), "t");
    assert_eq!((injected.restored, injected.notes.len()), (0, 1));
}

#[test]
fn what_belongs_to_an_item_moves_with_it() {
    let shelf = kept(&[user("u")], "hm", &step("Hi", &[], ""));
    let mut turn = turn(&[user("u"), step("Hi", &[], ""), user("next")]);
    let json = RawValue::from_string("1".into()).unwrap();
    let extra = |place| Extra { place, name: "x".into(), json: &json };
    turn.extras = [Place::Item(0), Place::Item(1), Place::Item(2), Place::Top].map(extra).into();
    let mut places = turn.clone();
    places.extras.clear();
    shelf.inject(&mut turn, "t");
    let places: Vec<_> = turn.extras.iter().map(|it| it.place).collect();
    assert_eq!(places, [Place::Item(0), Place::Item(2), Place::Item(3), Place::Top]);
}

#[test]
fn a_key_is_the_same_on_both_ways() {
    let first = step("Looking.", &["a", "b"], r#"{"x":1}"#);
    let history = [user("u"), first, output("a", "1"), output("b", "2")];
    let before = turn(&history);
    let before = Fingerprints::of(&before, scope("t"));
    let last = step("Done.", &[], "");
    let (key, _) = capture("t", "p", before.end(), &answer("hm", &last)).unwrap();
    let mut later = history.to_vec();
    later.push(last);
    let keys: Vec<Key> = wanted(&turn(&later), "t");
    assert_eq!(keys[1], key);
}
