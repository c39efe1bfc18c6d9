use super::*;
use crate::upstream::{
    Answer, Ledger, Model, Rule, Script, Scripted, Strict, USER, call, cut, fail, finish,
    reasoning, text as prose,
};

/// Two turns with loops in them, one of which is edited and one asked for again.
fn converse(talker: &mut Talker, upstream: &Scripted, nonce: &str) -> io::Result<()> {
    let turn = |talker: &mut Talker| -> io::Result<()> {
        for round in 0.. {
            talker.ask(upstream.address(), round % 2 == 0)?;
            if talker.open().is_empty() {
                return Ok(());
            }
            talker.answer(|call| format!("{} of {}", call.name, call.arguments["value"]));
        }
        Ok(())
    };
    talker.say(&format!("{USER}begin [[{nonce}]]"));
    turn(talker)?;
    let mark = talker.mark();
    talker.say(&format!("{USER}go on"));
    let again = talker.mark();
    turn(talker)?;
    talker.rewind(again);
    turn(talker)?;
    talker.rewind(mark);
    talker.say(&format!("{USER}go on, but otherwise"));
    turn(talker)
}

fn model(seed: u64, ledger: &Ledger) -> Scripted {
    named("one", seed, ledger)
}

fn named(name: &str, seed: u64, ledger: &Ledger) -> Scripted {
    let script = Script::new().strict(Strict::mimo()).model(Model::new(name, seed, ledger));
    Scripted::start(script).unwrap()
}

#[test]
fn clients_that_keep_thought_break_no_rule() {
    for wire in Wire::ALL {
        for seed in 0..20 {
            let ledger = Ledger::new();
            let upstream = model(seed, &ledger);
            // Two clients whose requests are equal.
            for who in ["a", "b"] {
                ledger.speaks(who);
                let mut talker = Talker::new(wire, "m").keeping_thought();
                let result = converse(&mut talker, &upstream, "n");
                result.unwrap_or_else(|error| panic!("{wire:?}, seed {seed}: {error}"));
            }
            assert_eq!(upstream.faults(), [""; 0], "{wire:?}, seed {seed}");
        }
    }
}

#[test]
fn a_client_that_forgets_thought_is_refused() {
    let refused = (0..20).filter(|seed| {
        let upstream = model(*seed, &Ledger::new());
        let mut talker = Talker::new(Wire::Chat, "m");
        let result = converse(&mut talker, &upstream, "n");
        let violations = upstream.violations();
        assert_eq!(result.is_err(), !violations.is_empty(), "seed {seed}");
        assert!(violations.iter().all(|it| it.rule == Rule::ThoughtMissing), "{violations:?}");
        result.is_err()
    });
    assert!(refused.count() > 10);
}

/// The first body of a conversation that has a thought and a call in its history.
fn body(wire: Wire, upstream: &Scripted, nonce: &str) -> (Talker, Value) {
    let mut talker = Talker::new(wire, "m").keeping_thought();
    talker.say(&format!("{USER}begin [[{nonce}]]"));
    loop {
        let mark = talker.mark();
        let answered = talker.ask(upstream.address(), true).unwrap();
        if !answered.calls.is_empty() && !answered.thought.is_empty() {
            talker.answer(|_| "done".into());
            let body = talker.body(false);
            return (talker, body);
        }
        talker.rewind(mark);
    }
}

#[test]
fn the_thought_of_another_is_noticed() {
    for wire in Wire::ALL {
        let ledger = Ledger::new();
        let upstream = model(3, &ledger);
        ledger.speaks("a");
        let (talker, of_a) = body(wire, &upstream, "n");
        ledger.speaks("b");
        talker.call(&of_a).send(upstream.address()).unwrap();
        let rules: Vec<_> = upstream.violations().iter().map(|it| it.rule).collect();
        assert!(rules.contains(&Rule::ThoughtForeign), "{wire:?}: {rules:?}");
        let tally = upstream.tally(|request| request.contains("[[n]]").to_string());
        assert_eq!(tally["true"], rules.len());
    }
}

#[test]
fn a_changed_thought_and_a_changed_word_are_noticed() {
    for (wire, place) in [
        (Wire::Chat, "/messages/1/reasoning_content"),
        (Wire::Messages, "/messages/1/content/0/thinking"),
        (Wire::Responses, "/input/1/summary/0/text"),
    ] {
        let upstream = model(5, &Ledger::new());
        let (talker, mut body) = body(wire, &upstream, "n");
        let mut other = body.clone();
        *body.pointer_mut(place).unwrap() = "Something else.".into();
        talker.call(&body).send(upstream.address()).unwrap();
        assert_eq!(upstream.violations()[0].rule, Rule::ThoughtForged, "{wire:?}");

        let prompt =
            if wire == Wire::Responses { "/input/0/content" } else { "/messages/0/content" };
        *other.pointer_mut(prompt).unwrap() = format!("{USER}begun [[n]]").into();
        talker.call(&other).send(upstream.address()).unwrap();
        let last = upstream.violations().pop().unwrap();
        assert!(last.param.contains("never said"), "{wire:?}: {last}");
    }
}

#[test]
fn another_model_may_see_but_not_seal_a_thought() {
    let ledger = Ledger::new();
    let one = model(7, &ledger);
    let other = named("other", 7, &ledger);
    let (talker, body) = body(Wire::Chat, &one, "n");
    assert_eq!(talker.call(&body).send(other.address()).unwrap().status, 200);
    assert_eq!(other.faults(), [""; 0]);
    let (talker, body) = self::body(Wire::Messages, &one, "n");
    assert_eq!(talker.call(&body).send(other.address()).unwrap().status, 400);
    assert!(other.violations().iter().all(|it| it.rule == Rule::ThoughtForged));
}

#[test]
fn who_said_the_same_misses_no_thought_of_his() {
    let ledger = Ledger::new();
    // Of one seed they do the same, and each has thoughts of its own.
    let (one, other) = (model(7, &ledger), named("other", 7, &ledger));
    let mut talker = Talker::new(Wire::Chat, "m");
    talker.say(&format!("{USER}begin [[n]]"));
    let mark = talker.mark();
    loop {
        let said = talker.ask(one.address(), true).unwrap();
        talker.rewind(mark);
        let kept = talker.ask(other.address(), true).unwrap();
        if !said.calls.is_empty() && !said.thought.is_empty() {
            assert_ne!(said.thought, kept.thought);
            break;
        }
        talker.rewind(mark);
    }
    talker.answer(|_| "done".into());
    talker.ask(one.address(), true).unwrap();
    assert_eq!(one.faults(), [""; 0]);
}

#[test]
fn half_an_answer_is_none() {
    for wire in Wire::ALL {
        let begin = [reasoning("Hm."), prose("Half"), call("c", "read", "{\"value\":")];
        let ends =
            [vec![cut()], vec![fail("server_error", "broken")], vec![], vec![finish("tool_calls")]];
        for end in ends {
            let pieces = begin.iter().cloned().chain(end);
            let upstream = Scripted::start(Script::new().then(Answer::stream(pieces))).unwrap();
            let mut talker = Talker::new(wire, "m");
            talker.say("hi");
            assert!(talker.ask(upstream.address(), true).is_err(), "{wire:?}");
            assert_eq!(talker.mark(), 1);
        }
    }
}
