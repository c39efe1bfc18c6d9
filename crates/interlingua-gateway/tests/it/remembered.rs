//! Thoughts for clients that forget them.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use bytes::Bytes;
use interlingua_reasoning::{Entry, Key, Pending, Stats, Store};
use interlingua_registry::generate;
use interlingua_store::Stores;
use interlingua_testkit::talk::Talker;
use interlingua_testkit::upstream::{
    Answer, Rule, Script, Scripted, Wire, call, finish, reasoning, text, usage,
};
use serde_json::{Value, json};

use crate::pairs::{KINDS, Kind, go_on, talker};
use crate::stage::{LONG, MODEL, Running, Stage, at_once};

/// Those who take their thoughts back.
fn kinds() -> impl Iterator<Item = Kind> {
    KINDS.into_iter().filter(|it| it.has_thoughts())
}

fn config(kind: Kind, upstream: &Scripted) -> String {
    format!("listen = \"127.0.0.1:0\"\n{}", kind.provider("up", &upstream.base_url()))
}

/// A step that looks like every other one, but for its thought.
fn step(thought: &str, id: &str) -> Answer {
    let call = call(id, "read", r#"{"value":"a"}"#);
    Answer::stream([reasoning(thought), text("Looking."), call, finish("tool_calls"), usage(9, 3)])
}

/// The rounds of one loop.
const ROUNDS: usize = 4;

fn looping(kind: Kind) -> Script {
    let script = (0..ROUNDS).fold(kind.script(), |script, round| {
        script.then(step(&format!("Thought {round}."), &format!("call_{round}")))
    });
    script.then(Answer::text("Done."))
}

#[test]
fn a_loop_goes_on_though_its_client_forgets() {
    at_once(kinds(), |kind| {
        let stage = kind.stage(looping(kind), "");
        let mut talker = talker(Wire::Chat, "go");
        for round in 0..=ROUNDS {
            go_on(&mut talker, stage.address(), Wire::Chat, round % 2 == 0);
            talker.answer(|_| "ok".into());
        }
        assert!(!talker.body(true).to_string().contains("Thought"), "the client forgets nothing");
        assert_eq!(stage.upstream.faults(), [""; 0], "{kind}");
        let sent = stage.upstream.bodies().pop().unwrap().to_string();
        let places: Vec<_> = (0..ROUNDS).map(|it| sent.find(&format!("Thought {it}."))).collect();
        // Messages upstreams want those of the running loop only, which this is.
        assert!(places.iter().all(Option::is_some) && places.is_sorted(), "{kind}: {sent}");
    });
}

/// A gateway that has lost everything in mid-loop: only so is it known that the upstream would notice.
#[test]
fn what_is_not_remembered_is_missed() {
    at_once([None, Some(tempfile::tempdir().unwrap())], |folder| {
        let kind = KINDS[0];
        let upstream = Scripted::start(looping(kind)).unwrap();
        let config = config(kind, &upstream);
        let folder = folder.as_ref().map(tempfile::TempDir::path);
        let mut talker = talker(Wire::Chat, "go");
        let first = Running::keeping(&config, folder);
        go_on(&mut talker, first.address, Wire::Chat, true);
        drop(first);
        talker.answer(|_| "ok".into());
        let second = Running::keeping(&config, folder);
        let asked = talker.ask(second.address, true);
        let violations = upstream.violations();
        if folder.is_some() {
            assert!(asked.is_ok() && violations.is_empty(), "{asked:?}: {violations:?}");
        } else {
            assert!(asked.is_err() && !violations.is_empty(), "nobody has noticed: {asked:?}");
            assert!(violations.iter().all(|it| it.rule == Rule::ThoughtMissing), "{violations:?}");
            assert_eq!(second.requests(1)[0]["err"], "replay_missing");
        }
    });
}

/// Three keys, and two conversations of each, that nobody could tell apart by what can be seen in them.
struct Town {
    stage: Stage,
    talkers: Vec<Talker>,
}

impl Town {
    fn new(kind: Kind, script: Script) -> Self {
        let keys: Vec<_> = (1..=3).map(|seed| generate([seed; 32])).collect();
        let entry = |(nth, hash): (usize, &_)| {
            format!("[[client_keys]]\nid = \"client-{nth}\"\nhash = \"{hash}\"\n")
        };
        let tables: String = keys.iter().map(|(_, hash)| hash).enumerate().map(entry).collect();
        let stage = kind.stage(script, &tables);
        let talkers = keys.iter().flat_map(|(key, _)| {
            [(); 2].map(|()| {
                let mut talker = Talker::new(Wire::Chat, MODEL).key(key.expose()).limit(LONG);
                talker.say("go");
                talker
            })
        });
        let talkers = talkers.collect();
        Self { stage, talkers }
    }

    /// All ask at once in turn, the last one first.
    #[track_caller]
    fn ask(&mut self, stream: bool) {
        for talker in self.talkers.iter_mut().rev() {
            go_on(talker, self.stage.address(), Wire::Chat, stream);
            talker.answer(|_| "ok".into());
        }
    }

    /// Which of the thoughts 1 to 6 each of the last requests brought, in the order of the talkers.
    fn brought(&self) -> Vec<Vec<usize>> {
        let bodies = self.stage.upstream.bodies();
        let last = bodies[bodies.len() - self.talkers.len()..].iter().rev().map(Value::to_string);
        let thoughts =
            |body: String| (1..=6).filter(|it| body.contains(&format!("Thought {it}."))).collect();
        last.map(thoughts).collect()
    }
}

#[test]
fn equal_conversations_get_their_own_thoughts() {
    at_once(kinds().filter(|it| it.wire != Wire::Messages), |kind| {
        // Calls are counted anew in each answer.
        let script = (1..=6).fold(Script::new(), |script, nth| {
            script.then(step(&format!("Thought {nth}."), "call_0"))
        });
        let mut town = Town::new(kind, script.otherwise(Answer::text("Done.")));
        town.ask(true);
        town.ask(false);
        let own: Vec<_> = (1..=6).rev().map(|it| vec![it]).collect();
        assert_eq!(town.brought(), own, "{kind}");
        let ids: BTreeSet<_> = town
            .talkers
            .iter()
            .map(|it| it.body(true)["messages"][1]["tool_calls"][0]["id"].to_string())
            .collect();
        assert_eq!(ids.len(), 6, "ids are the clients' only way to tell calls apart: {ids:?}");
        // The upstream sees the names that it gave.
        for body in &town.stage.upstream.bodies()[6..] {
            let body = body.to_string();
            assert!(body.contains("\"call_0\"") && !body.contains("call_0_"), "{kind}: {body}");
        }
    });
}

/// Where nothing is called, there are no ids either: clients of other keys are told apart, and twins of one key
/// get nothing, for nobody knows whose it is.
#[test]
fn twins_of_one_key_get_nothing_and_other_keys_their_own() {
    let kind = KINDS[0];
    let script = (1..=6).fold(Script::new(), |script, nth| {
        script.then(Answer::stream([
            reasoning(format!("Thought {nth}.")),
            text("Said."),
            finish("stop"),
        ]))
    });
    let mut town = Town::new(kind, script.otherwise(Answer::text("Done.")));
    // The twins of the first two keys speak later, and do not get the first one's thought by then.
    town.talkers.remove(5);
    town.ask(true);
    for talker in &mut town.talkers {
        talker.say("more");
    }
    town.ask(true);
    let lonely = vec![1];
    assert_eq!(town.brought(), [vec![], vec![], vec![], vec![], lonely]);
}

#[test]
fn a_history_that_was_taken_over_brings_no_thought() {
    let kind = KINDS[0];
    let script = Script::new().then(step("Thought 1.", "call_0")).otherwise(Answer::text("Done."));
    let mut town = Town::new(kind, script);
    let (owner, thief) = (0, 2);
    go_on(&mut town.talkers[owner], town.stage.address(), Wire::Chat, true);
    town.talkers[owner].answer(|_| "ok".into());
    let stolen = town.talkers[owner].body(false);
    let reply = town.stage.send(&town.talkers[thief].call(&stolen));
    assert_eq!(reply.status, 200, "{}", reply.text());
    let body = town.stage.upstream.bodies().pop().unwrap();
    assert!(body.to_string().contains("call_0") && !body.to_string().contains("Thought"), "{body}");
}

/// The helper of the SDK for Node keeps of a field that it does not know the last piece only, and sends that
/// back.
#[test]
fn a_fragment_of_a_thought_becomes_whole() {
    at_once(kinds(), |kind| {
        let whole = "First this, then that, and then the rest.";
        let script = kind.script().then(step(whole, "call_0")).then(Answer::text("Done."));
        let stage = kind.stage(script, "");
        let mut talker = talker(Wire::Chat, "go").keeping_thought();
        go_on(&mut talker, stage.address(), Wire::Chat, true);
        talker.answer(|_| "ok".into());
        let mut body = crate::pairs::body(&talker, Wire::Chat, true);
        let thought = &mut body["messages"][1]["reasoning_content"];
        assert_eq!(*thought, whole, "{kind}");
        *thought = json!("rest.");
        let reply = stage.send(&talker.call(&body));
        assert_eq!(reply.status, 200, "{kind}: {}", reply.text());
        assert_eq!(stage.upstream.faults(), [""; 0], "{kind}");
        assert!(stage.upstream.bodies()[1].to_string().contains(whole), "{kind}");
    });
}

/// Two gateways before one file, in turn.
#[test]
fn the_next_gateway_knows_at_once() {
    let folder = tempfile::tempdir().unwrap();
    let kind = KINDS[0];
    let upstream = Scripted::start(looping(kind)).unwrap();
    let config = config(kind, &upstream);
    let two = [(); 2].map(|()| Running::keeping(&config, Some(folder.path())));
    let mut talker = talker(Wire::Chat, "go");
    for round in 0..=ROUNDS {
        go_on(&mut talker, two[round % 2].address, Wire::Chat, round < 2);
        talker.answer(|_| "ok".into());
    }
    assert_eq!(upstream.faults(), [""; 0]);
}

/// The end of an answer is not shown before its thoughts are kept: a client may go on at once, and through
/// another gateway.
#[test]
fn the_end_waits_until_thoughts_are_kept() {
    let both = kinds().flat_map(|kind| [(kind, true), (kind, false)]);
    at_once(both, |(kind, stream)| {
        let upstream = Scripted::start(looping(kind)).unwrap();
        let kept = Arc::new(AtomicBool::new(false));
        let flag = Arc::clone(&kept);
        let slow = move |stores: Stores| {
            let thoughts = Arc::new(Slow { inner: stores.thoughts, kept: flag });
            Stores { thoughts, ..stores }
        };
        let gateway = Running::with(&config(kind, &upstream), None, slow);
        let mut talker = talker(Wire::Chat, "go");
        go_on(&mut talker, gateway.address, Wire::Chat, stream);
        assert!(kept.load(Ordering::SeqCst), "{kind}: the client could have gone on before");
    });
}

/// A store that takes its time.
#[derive(Debug)]
struct Slow {
    inner: Arc<dyn Store>,
    kept: Arc<AtomicBool>,
}

impl Store for Slow {
    fn get<'s>(&'s self, keys: &'s [Key]) -> Pending<'s, Vec<Option<Bytes>>> {
        self.inner.get(keys)
    }

    fn put(&self, key: Key, entry: Entry) -> Pending<'static, ()> {
        let (put, kept) = (self.inner.put(key, entry), Arc::clone(&self.kept));
        Box::pin(async move {
            tokio::time::sleep(Duration::from_millis(400)).await;
            put.await?;
            kept.store(true, Ordering::SeqCst);
            Ok(())
        })
    }

    fn remove(&self, key: Key) -> Pending<'static, bool> {
        self.inner.remove(key)
    }

    fn stats(&self) -> Stats {
        self.inner.stats()
    }
}
