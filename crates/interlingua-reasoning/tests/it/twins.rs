//! Conversations that look alike, and never get each other's thoughts.

use interlingua_reasoning::Fingerprints;
use proptest::prelude::*;

use crate::support::*;

/// How much of what can be seen is the same in all conversations.
#[derive(Clone, Copy, Debug)]
struct Alike {
    /// What the user asks first; else each conversation asks something else.
    question: bool,
    /// What the model says.
    text: bool,
    /// The ids of calls.
    ids: bool,
}

fn alike() -> impl Strategy<Value = Alike> {
    any::<(bool, bool, bool)>().prop_map(|(question, text, ids)| Alike { question, text, ids })
}

/// One more round of a conversation.
#[derive(Clone, Copy, Debug)]
struct Round {
    tenant: usize,
    conversation: usize,
    provider: usize,
    calls: bool,
    thinks: bool,
}

fn rounds() -> impl Strategy<Value = Vec<Round>> {
    let round = (0..3usize, 0..4usize, 0..2usize, any::<bool>(), prop::bool::weighted(0.8));
    let round = round.prop_map(|(tenant, conversation, provider, calls, thinks)| Round {
        tenant,
        conversation,
        provider,
        calls,
        thinks,
    });
    prop::collection::vec(round, 1..60)
}

#[derive(Default)]
struct Conversation {
    history: Vec<Said>,
    /// What it thought, by position of the step; empty where it did not think.
    thoughts: Vec<String>,
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn what_is_put_back_is_ones_own_or_nothing(alike in alike(), rounds in rounds()) {
        let mut shelf = Shelf::default();
        let mut all: Vec<Vec<Conversation>> = Vec::new();
        all.resize_with(3, || {
            let mut four = Vec::new();
            four.resize_with(4, Conversation::default);
            four
        });
        for Round { tenant, conversation, provider, calls, thinks } in rounds {
            let name = format!("{tenant}.{conversation}");
            let tenant_id = ["laptop", "desk", "ci"][tenant];
            let this = &mut all[tenant][conversation];
            let nth = this.thoughts.len();
            if nth == 0 {
                let question = if alike.question { "same" } else { name.as_str() };
                this.history = vec![system("rules"), user(question)];
            }

            let mut turn = turn(&this.history);
            let before = Fingerprints::of(&turn, scope(tenant_id));
            let (injected, put_back) = shelf.inject(&mut turn, tenant_id);
            prop_assert!(injected.notes.is_empty());
            for thought in &put_back {
                prop_assert!(this.thoughts.contains(thought), "{name} got {thought}");
            }
            // Nobody can be taken for another where the first question tells.
            if !alike.question {
                let own: Vec<_> = this.thoughts.iter().filter(|it| !it.is_empty()).collect();
                prop_assert_eq!(put_back.iter().collect::<Vec<_>>(), own);
                prop_assert_eq!(injected.missing, 0);
            }

            let differs = |same: bool| if same { String::new() } else { format!(" {name}") };
            let text = format!("step {nth}{}", differs(alike.text));
            let id = format!("call_{nth}{}", differs(alike.ids));
            let ids = if calls { vec![id.as_str()] } else { Vec::new() };
            let step = step(&text, &ids, "{}");
            let thought = if thinks { format!("thought {nth} of {name}") } else { String::new() };
            let provider = ["p", "q"][provider];
            let events = answer(&thought, &step);
            shelf.put(capture(tenant_id, provider, before.end(), &events).unwrap());
            this.thoughts.push(thought);
            this.history.push(step);
            this.history.push(if calls { output(&id, "x") } else { user("go on") });
        }
    }

    #[test]
    fn behind_an_edit_nothing_is_found_and_before_it_everything(
        steps in prop::collection::vec(any::<bool>(), 1..12),
        edited in 0..12usize,
    ) {
        let mut shelf = Shelf::default();
        let mut history = vec![user("first")];
        for (nth, calls) in steps.iter().enumerate() {
            let before = turn(&history);
            let before = Fingerprints::of(&before, scope("t"));
            let id = format!("call_{nth}");
            let ids = if *calls { vec![id.as_str()] } else { Vec::new() };
            let step = step("ok", &ids, "{}");
            let events = answer(&format!("thought {nth}"), &step);
            shelf.put(capture("t", "p", before.end(), &events).unwrap());
            history.push(step);
            history.push(if *calls { output(&id, "x") } else { user("go on") });
        }
        // What stands before step n is at 2n.
        let edited = edited.min(steps.len() - 1);
        match &mut history[2 * edited] {
            Said::User(text) | Said::Output(_, text) => text.push_str(" edited"),
            other => panic!("{other:?} is not the client's"),
        }
        let (injected, put_back) = shelf.inject(&mut turn(&history), "t");
        let expected: Vec<_> = (0..edited).map(|nth| format!("thought {nth}")).collect();
        prop_assert_eq!(put_back, expected);
        prop_assert_eq!(injected.missing, steps.len() - edited);
    }
}

#[test]
fn a_message_that_is_generated_again_gets_its_new_thought() {
    let mut shelf = Shelf::default();
    let history = [user("u")];
    let before = turn(&history);
    let before = Fingerprints::of(&before, scope("t"));
    let mut put = |thought: &str, text: &str| {
        let events = answer(thought, &step(text, &[], ""));
        shelf.put(capture("t", "p", before.end(), &events).unwrap());
    };
    put("one", "first");
    put("two", "second");
    put("three", "same");
    put("four", "same");
    put("two", "second");
    let found = |text: &str| {
        let mut turn = turn(&[user("u"), step(text, &[], "")]);
        shelf.inject(&mut turn, "t").1
    };
    assert_eq!(found("first"), ["one"]);
    assert_eq!(found("second"), ["two"], "the same again is no other");
    assert_eq!(found("same"), [""; 0], "one of two, and nobody can tell which");
}
