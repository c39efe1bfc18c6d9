//! Ids as the client sees them, and as the upstream sees them again.

use interlingua_ir::{CallHead, Event, Form, Index, Item, Kind, Sink, Thought};
use interlingua_reasoning::ids::MAX_LEN;
use interlingua_reasoning::{Unique, restore};
use proptest::prelude::*;

use crate::support::*;

fn shown(id: &str, answer: &str, index: u32) -> String {
    let mut seen: Vec<Event<'static>> = Vec::new();
    let head = CallHead { id: id.into(), name: "ls".into(), namespace: None, form: Form::Function };
    Unique::new(Some(answer), &mut seen)
        .event(Event::Open { index: Index(index), kind: Kind::Call(head) });
    let Event::Open { kind: Kind::Call(head), .. } = seen.remove(0) else { panic!("a call") };
    head.id.into_owned()
}

fn restored(id: &str) -> String {
    let mut turn = turn(&[step("", &[id], "{}"), output(id, "x")]);
    restore(&mut turn);
    let Item::Call(call) = &turn.items[0] else { panic!("a call") };
    let Item::Output(output) = &turn.items[1] else { panic!("an output") };
    assert_eq!(call.head.id, output.call_id);
    call.head.id.to_string()
}

#[track_caller]
fn check(id: &str, pattern: &str) {
    let shown = shown(id, "a1", 0);
    let (begin, digits) = shown.split_at(shown.len() - 13);
    assert_eq!(begin, pattern);
    assert!(digits.bytes().all(|it| it.is_ascii_lowercase() || it.is_ascii_digit()), "{shown}");
}

#[test]
fn ids_that_are_counted_get_a_suffix() {
    check("call_0", "call_0_il");
    check("functions.ls:0", "functions-2els-3a0_ie");
    check("toolu-1", "toolu-1_il");
    check("a-b:1", "a-2db-3a1_ie");
    check("é", "-c3-a9_ie");
    check("call_aaaabbbbccccddd", "call_aaaabbbbccccddd_il");
    check("chatcmpl-tool:0123456789abcdef", "chatcmpl-2dtool-3a0123456789abcdef_ie");
    check("", "call_");
    check(&"x_".repeat(40), "call_");
}

#[test]
fn ids_that_are_random_stay() {
    for id in ["call_0123456789abcdef", "toolu_01A09q90qw90lq917835lq9", "0123456789abcdef"] {
        assert_eq!(shown(id, "a1", 0), id);
        assert_eq!(restored(id), id);
    }
}

#[test]
fn answers_and_calls_do_not_share_an_id() {
    assert_eq!(shown("call_0", "a1", 0), shown("call_0", "a1", 0));
    assert_ne!(shown("call_0", "a1", 0), shown("call_0", "a2", 0));
    assert_ne!(shown("call_0", "a1", 0), shown("call_0", "a1", 1));
}

#[test]
fn thoughts_know_their_calls_by_the_same_ids() {
    let id = shown("call_0", "a1", 0);
    let mut turn = turn(&[step("", &[&id], "{}")]);
    let thought = Thought { calls: vec![id], ..Thought::default() };
    let reasoning = interlingua_ir::Reasoning { thought: Some(thought), ..Default::default() };
    turn.items.insert(0, Item::Reasoning(reasoning));
    restore(&mut turn);
    assert_eq!(thoughts(&turn)[0].1.calls, ["call_0"]);
}

#[test]
fn an_id_that_would_name_another_call_stays() {
    let (first, second) = (shown("call_0", "a1", 0), shown("call_0", "a2", 0));
    let ids = |history: &[Said]| -> Vec<String> {
        let mut turn = turn(history);
        restore(&mut turn);
        let id = |item: &Item<'_>| match item {
            Item::Call(call) => Some(call.head.id.to_string()),
            Item::Output(output) => Some(output.call_id.to_string()),
            _ => None,
        };
        turn.items.iter().filter_map(id).collect()
    };
    let (one, two) = (|| step("", &[&first], "{}"), || step("", &[&second], "{}"));
    let usual = [one(), output(&first, "1"), two(), output(&second, "2")];
    assert_eq!(ids(&usual), ["call_0"; 4]);
    let late = [one(), user("go on"), two(), output(&first, "1"), output(&second, "2")];
    let expected = [first.as_str(), "call_0", first.as_str(), "call_0"];
    assert_eq!(ids(&late), expected);
}

proptest! {
    #[test]
    fn every_id_is_safe_short_and_comes_back(id in "[a-z0-9_.:/ -]{1,16}|\\PC{1,3}", n in 0..99u32) {
        let shown = shown(&id, "a1", n);
        prop_assert!(shown.len() <= MAX_LEN);
        prop_assert!(shown.bytes().all(|it| it.is_ascii_alphanumeric() || b"_-".contains(&it)));
        prop_assert_eq!(restored(&shown), id);
    }
}
