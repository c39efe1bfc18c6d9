//! What changes a key and what does not.

use interlingua_ir::{Item, Part, Role, Text, Thought};
use interlingua_reasoning::{Fingerprints, Scope};
use proptest::prelude::*;

use crate::support::*;

/// A loop of two steps with calls and one without.
fn history() -> Vec<Said> {
    vec![
        system("You are an agent.\nBe brief."),
        user("List \"it\"."),
        step("Looking.", &["call_1", "call_2"], r#"{"path":"a/b","deep":true,"n":[1,2.5]}"#),
        output("call_1", "x\ny"),
        output("call_2", ""),
        step("", &["call_3"], "{}"),
        output("call_3", "z"),
        step("Two files: é.", &[], ""),
        user("Thanks."),
    ]
}

#[track_caller]
fn check_same(changed: &[Said]) {
    assert_eq!(wanted(&turn(changed), "t"), wanted(&turn(&history()), "t"));
}

/// The first step that has another key than before.
#[track_caller]
fn check_changes(change: impl FnOnce(&mut Vec<Said>), first: usize) {
    let mut changed = history();
    change(&mut changed);
    let (before, after) = (wanted(&turn(&history()), "t"), wanted(&turn(&changed), "t"));
    assert_eq!(before[..first], after[..first]);
    for key in &after[first..] {
        assert!(!before.contains(key), "a step behind the change has its old key");
    }
}

#[test]
fn each_step_has_a_key_of_its_own() {
    let keys = wanted(&turn(&history()), "t");
    assert_eq!(keys.len(), 3);
    let different: std::collections::BTreeSet<_> = keys.iter().collect();
    assert_eq!(different.len(), 3);
}

#[test]
fn what_clients_change_by_themselves_changes_no_key() {
    let mut changed = history();
    changed[0] = system(
        "x-anthropic-billing-header: cc_version=2; cch=1a2b3;\nYou are an agent.\nBe brief.",
    );
    changed.insert(1, system("x-anthropic-billing-header: cc_version=2; cch=77;"));
    changed[2] = user("<system-reminder>Today is\nMonday.</system-reminder>\nList \"it\". ");
    changed.insert(2, user("<system-reminder>all of it</system-reminder>"));
    changed[6] = output("call_2", "<system-reminder>\nempty</system-reminder>");
    check_same(&changed);
    let mut arguments = history();
    arguments[2] = step(
        "Looking. \n",
        &["call_1", "call_2"],
        " {\"n\" : [1.0,25e-1],\"deep\":true, \"path\":\"a\\/\\u0062\"}\n",
    );
    arguments[5] = step("\n", &["call_3"], "");
    arguments.insert(1, step(" \n", &[], ""));
    check_same(&arguments);
}

#[test]
fn a_change_counts_from_where_it_stands() {
    check_changes(|it| it[0] = system("You are another agent."), 0);
    check_changes(|it| it[1] = user("List it all."), 0);
    check_changes(|it| it[2] = step("Looking.", &["call_1", "call_9"], "{}"), 0);
    // The key of a step with calls is made of their ids; what they were called with counts for the
    // steps behind it.
    check_changes(|it| it[2] = step("Looking.", &["call_1", "call_2"], "{}"), 1);
    check_changes(|it| it[2] = step("Looked.", &["call_1", "call_2"], ARGUMENTS), 1);
    check_changes(|it| it[3] = output("call_1", "other"), 1);
    check_changes(|it| drop(it.remove(4)), 1);
    check_changes(|it| it[7] = step("Three files.", &[], ""), 2);
    check_changes(|it| it[1] = user("<system-reminder>List \"it\"."), 0);
}

const ARGUMENTS: &str = r#"{"path":"a/b","deep":true,"n":[1,2.5]}"#;

#[test]
fn who_says_it_and_where_it_ends_counts() {
    let keys = |history: &[Said]| wanted(&turn(history), "t");
    let last = || step("ok", &[], "");
    assert_ne!(keys(&[user("a"), last()]), keys(&[system("a"), last()]));
    assert_ne!(keys(&[user("a"), user("b"), last()]), keys(&[user("ab"), last()]));
    assert_ne!(keys(&[step("", &["a", "b"], "{}")]), keys(&[step("", &["ab"], "{}")]));
    assert_ne!(keys(&[step("a", &[], "")]), keys(&[step("", &["a"], "{}")]));
}

#[test]
fn long_words_count_to_the_last_letter() {
    let key = |length: usize, last: &str| {
        let words = "w".repeat(length) + last;
        wanted(&turn(&[user("u"), output("a", &words), step("", &["b"], "{}")]), "t")
    };
    let mut seen = std::collections::BTreeSet::new();
    for around in [1 << 10, 2 << 10, 4 << 10, 8 << 10, 16 << 10, 24 << 10, 64 << 10] {
        // What a piece holds besides the words takes a few bytes of it.
        for length in around - 12..around + 4 {
            assert!(seen.insert(key(length, "x")), "{length}");
            assert!(seen.insert(key(length, "y")), "{length}");
        }
    }
}

#[test]
fn tenants_and_sessions_have_their_own_keys() {
    let turn = turn(&history());
    let keys = |tenant, session| {
        Fingerprints::of(&turn, Scope { tenant, session }).wanted().keys().to_vec()
    };
    assert_eq!(keys("t", Some("s")), keys("t", Some("s")));
    assert_ne!(keys("t", Some("s")), keys("t", None));
    assert_ne!(keys("t", Some("s")), keys("t", Some("r")));
    assert_ne!(keys("t", Some("s")), keys("u", Some("s")));
    assert_ne!(keys("ts", None), keys("t", Some("s")));
}

#[test]
fn images_count_and_rules_are_rules_by_either_name() {
    let mut with_image = turn(&history());
    let Item::Message(message) = &mut with_image.items[1] else { panic!("a message") };
    message.parts.push(Part::Image { url: Text::plain("data:a"), detail: None });
    let first = wanted(&with_image, "t");
    let Item::Message(message) = &mut with_image.items[1] else { panic!("a message") };
    message.parts[1] = Part::Image { url: Text::plain("data:b"), detail: None };
    assert_ne!(first, wanted(&with_image, "t"));
    let mut developer = turn(&history());
    let Item::Message(message) = &mut developer.items[0] else { panic!("a message") };
    message.role = Role::Developer;
    assert_eq!(wanted(&developer, "t"), wanted(&turn(&history()), "t"));
}

#[test]
fn a_thought_of_another_answer_begins_another_step() {
    let mut turn = turn(&[user("u"), step("a", &[], ""), step("b", &[], "")]);
    assert_eq!(wanted(&turn, "t").len(), 1);
    let thought = Thought { answer: "2".into(), text: "b".into(), ..Thought::default() };
    let reasoning = |thought| interlingua_ir::Reasoning { thought, ..Default::default() };
    turn.items.insert(2, Item::Reasoning(reasoning(Some(thought.clone()))));
    let first = Thought { answer: "1".into(), ..thought };
    turn.items.insert(1, Item::Reasoning(reasoning(Some(first))));
    // Both have their thoughts.
    assert_eq!(wanted(&turn, "t").len(), 0);
    let Item::Reasoning(second) = &mut turn.items[3] else { panic!("a thought") };
    second.thought.as_mut().unwrap().text.clear();
    assert_eq!(wanted(&turn, "t").len(), 1);
}

proptest! {
    #[test]
    fn escapes_change_no_key(text in "[a-c\"\\\\\n\u{e9}\u{1F600}/]{0,12}") {
        let history = [
            user(&format!("u{text}")),
            step(&text, &["call_1"], &serde_json::json!({ "k": text }).to_string()),
            output("call_1", &text),
            step(&format!("{text}."), &[], ""),
        ];
        let escaped: Writes = |text| {
            let units = text.encode_utf16().map(|unit| format!("\\u{unit:04x}"));
            Text::from_json(&format!("\"{}\"", units.collect::<String>())).unwrap().into_owned()
        };
        let usual: Writes = |text| {
            let json = serde_json::to_string(text).unwrap();
            Text::from_json(&json).unwrap().into_owned()
        };
        let plain = wanted(&turn(&history), "t");
        prop_assert_eq!(&wanted(&turn_as(&history, escaped), "t"), &plain);
        prop_assert_eq!(&wanted(&turn_as(&history, usual), "t"), &plain);
    }
}
