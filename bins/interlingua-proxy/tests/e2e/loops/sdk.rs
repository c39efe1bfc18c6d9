//! Loops that a program on an official SDK goes through.

use std::path::Path;

use interlingua_testkit::fixtures;
use interlingua_testkit::sdk::{Checked, Language};
use interlingua_testkit::upstream::{Ledger, Model, Rule, Script, Strict, Violation, Wire};

use crate::house::{House, MODEL, Way};
use crate::stage::KEY;

/// The program has four checks: it keeps thought, forgets it, goes through two conversations at once,
/// and edits what was said.
const CHECKS: [&str; 4] = ["keeping", "forgetting", "interleaved", "edited"];

pub(super) fn run(way: Way) {
    let house = house(way, "[store]\nurl = \"sqlite\"\n");
    let checked = checked(&house);
    let told = || format!("{}\ngateway:\n{}", checked.transcript(), house.log());
    assert_eq!(checked.passed(), CHECKS, "{}", told());
    assert_eq!(house.upstream.violations(), [], "{}", told());
}

/// Where nobody puts anything back, only those pass who forget nothing.
pub(super) fn straight() {
    let house = house(Way::Straight(Wire::Chat), "");
    let checked = checked(&house);
    assert_eq!(checked.passed(), CHECKS[..1], "{}", checked.transcript());
    let violations = house.upstream.violations();
    let is_missing = |it: &Violation| it.rule == Rule::ThoughtMissing;
    assert!(violations.len() == 3 && violations.iter().all(is_missing), "{violations:?}");
}

fn house(way: Way, top: &str) -> House {
    let model = Model::new("the model", 11, &Ledger::new());
    let script = Script::new().strict(Strict::mimo()).model(model);
    House::with(way, script, KEY, top)
}

fn checked(house: &House) -> Checked {
    let place = Path::new("bins/interlingua-proxy/tests/e2e/sdk/loops.py");
    let script = fixtures::workspace().join(place);
    Language::Python.run(&script, &house.root(), MODEL, house.key(), &[]).unwrap()
}
