//! Loops that a program on an official SDK goes through.

use std::path::Path;

use interlingua_testkit::fixtures;
use interlingua_testkit::sdk::Language;
use interlingua_testkit::upstream::{Ledger, Model, Script, Strict};

use crate::house::{House, MODEL, Way};

/// The program has four checks: it keeps thought, forgets it, goes through two conversations at once,
/// and edits what was said.
const CHECKS: [&str; 4] = ["keeping", "forgetting", "interleaved", "edited"];

pub(super) fn run(way: Way) {
    let model = Model::new("the model", 11, &Ledger::new());
    let script = Script::new().strict(Strict::mimo()).model(model);
    let house = House::with(way, script, crate::stage::KEY, "[store]\nurl = \"sqlite\"\n");
    let place = Path::new("bins/interlingua-proxy/tests/e2e/sdk/loops.py");
    let script = fixtures::workspace().join(place);
    let checked = Language::Python.run(&script, &house.root(), MODEL, house.key(), &[]).unwrap();
    let told = || format!("{}\ngateway:\n{}", checked.transcript(), house.log());
    assert_eq!(checked.passed(), CHECKS, "{}", told());
    assert_eq!(house.upstream.violations(), [], "{}", told());
}
