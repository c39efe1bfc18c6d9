//! Agent loops by chance: models that never think the same thought twice, and say and do the same things
//! again and again; clients that forget, edit, ask again and change their provider; a gateway that is
//! killed in between. Nobody may ever get a thought that is not his own, and nobody may miss one.

use std::time::{SystemTime, UNIX_EPOCH};

use interlingua_testkit::upstream::{Rule, Wire};

use crate::house::Way;
use walk::{Plan, Town};

mod sdk;
mod walk;

pub(crate) const CASES: &[(&str, fn())] = &[
    ("random loops, straight, in every protocol", straight),
    ("random loops of a responses client, chat upstream", responses_client),
    ("200 random loops, three clients, three providers", everything),
    ("nothing is put back: a chat client's loops are refused", without_memory),
    ("loops of a chat sdk, straight: what is forgotten is refused", sdk::straight),
    ("loops of a chat sdk, chat upstream", || sdk::run(Way::To(Wire::Chat))),
    ("loops of a chat sdk, responses upstream", || sdk::run(Way::To(Wire::Responses))),
    ("loops of a chat sdk, messages upstream", || sdk::run(Way::To(Wire::Messages))),
];

/// How many loops there are with seeds that never change. One more has a seed of its own in each run.
const LOOPS: u64 = 200;

/// How many loops one gateway goes through, before the next one begins with an empty store.
const A_GATEWAY: u64 = 25;

/// Shows that models and clients understand each other, whatever the gateway does.
fn straight() {
    for wires in [&[Wire::Chat], &[Wire::Responses], &[Wire::Messages]] {
        rounds(Plan { clients: wires, providers: wires, forgets: false, straight: true }, 30);
    }
}

/// What can be asked of the gateway since it speaks Responses: its clients carry their thoughts
/// themselves.
fn responses_client() {
    let plan = Plan { clients: &[Wire::Responses], providers: &[Wire::Chat], ..Plan::default() };
    rounds(plan, 40);
}

fn everything() {
    rounds(Plan::default(), LOOPS);
}

fn rounds(plan: Plan, loops: u64) {
    let fresh = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_nanos() & 0xffff_ffff;
    let fresh = u64::try_from(fresh).unwrap();
    println!("        the fresh seed of this run is {fresh}");
    let seeds: Vec<u64> = (0..loops).chain([fresh]).collect();
    for chunk in seeds.chunks(usize::try_from(A_GATEWAY).unwrap()) {
        let mut town = Town::new(plan, chunk[0]);
        for seed in chunk {
            town.walk(*seed);
        }
    }
}

/// The same clients, and a gateway that is made to forget: the upstream has to notice, or nothing of
/// this proves anything.
fn without_memory() {
    let plan =
        Plan { clients: &[Wire::Chat], providers: &[Wire::Chat], forgets: true, ..Plan::default() };
    let mut town = Town::new(plan, 1);
    for seed in 0..5 {
        town.try_walk(seed).unwrap_or_else(|refused| drop(refused));
    }
    let violations = town.violations();
    assert!(!violations.is_empty(), "nobody has noticed");
    assert!(violations.iter().all(|it| it.rule == Rule::ThoughtMissing), "{violations:?}");
}
