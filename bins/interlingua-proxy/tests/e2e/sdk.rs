//! The official SDKs, with their strict stream helpers and enforced types.

use std::path::PathBuf;
use std::time::Duration;

use interlingua_testkit::fixtures;
use interlingua_testkit::sdk::Language;
use interlingua_testkit::upstream::{
    Answer, Piece, Request, Script, Strict, Wire, call, fail, finish, reasoning, text, usage, wait,
};

use crate::house::{House, MODEL, Way, pictures};
use crate::scenarios::Scenario;

pub(crate) fn all() -> Vec<Scenario> {
    let mut all = Vec::new();
    for (language, name) in [(Language::Python, "python"), (Language::Node, "node")] {
        for protocol in Wire::ALL {
            for way in [&[Way::Straight(protocol)], &Way::THROUGH[..]].concat() {
                let name = format!("sdk for {name} over {}, {way}", protocol.name());
                let run = Box::new(move || check(language, protocol, way));
                all.push(Scenario { stage: "sdk", name, run });
            }
        }
    }
    all
}

/// How many checks a script makes at least; fewer means that it broke off.
const LEAST: usize = 12;

fn check(language: Language, protocol: Wire, way: Way) {
    // Straight, nobody puts back what a client has forgotten.
    let left_out: &[&str] = if way.is_straight() { &["forgetful", "fragment"] } else { &[] };
    let house = House::new(way, script(protocol, way));
    let arguments = [&[protocol.name()], left_out].concat();
    let key = house.key();
    let checked = language.run(&path(language), &house.root(), MODEL, key, &arguments).unwrap();
    let told = || format!("{}\ngateway:\n{}", checked.transcript(), house.log());
    assert_eq!(checked.failed(), [""; 0], "{}", told());
    assert_eq!(checked.code, Some(0), "{}", told());
    assert!(checked.passed().len() >= LEAST, "{}", told());
    assert_eq!(house.upstream.violations(), [], "{}", told());
    house.no_secret(&checked.transcript());
}

fn path(language: Language) -> PathBuf {
    let name = match language {
        Language::Python => "check.py",
        Language::Node => "check.mjs",
    };
    fixtures::workspace().join("bins/interlingua-proxy/tests/e2e/sdk").join(name)
}

/// What the upstream says to each check, which names itself in its prompt.
fn script(protocol: Wire, way: Way) -> Script {
    let strict = if way.is_straight() { Strict::deepseek() } else { Strict::mimo() };
    let mut script = Script::new().strict(strict).models([MODEL]);
    let loops = ["loop", "loop_whole", "loop_fragment", "loop_forgetful", "loop_forgetful_whole"];
    // Not every script makes each of these checks, so nothing is said of answers never asked for.
    for check in loops {
        script = script.lane(check, marked(protocol, check), rounds(check));
    }
    let parallel =
        vec![reasoning("Both."), lookup("a", "gate"), lookup("b", "gateway"), finish("tool_calls")];
    let cut = vec![reasoning("Long."), text("A way"), finish("length"), usage(50, 20)];
    let broken =
        vec![text("Half an "), wait(Duration::from_millis(50)), fail("server_error", "scripted")];
    for (check, pieces) in [
        ("whole", answer()),
        ("stream", answer()),
        ("beta", answer()),
        ("no_usage_unless_asked", answer()),
        ("parallel", parallel),
        ("length", cut),
        ("broken", broken),
    ] {
        script = script.always(check, marked(protocol, check), Answer::stream(pieces));
    }
    let wants = marked(protocol, "image");
    let has_picture = move |it: &Request| wants(it) && pictures(way.wire(), &it.body) == 1;
    script = script.always("image", has_picture, Answer::text("One picture."));
    for (status, code) in [
        (400, "invalid_request_error"),
        (404, "not_found_error"),
        (500, "server_error"),
        (529, "overloaded"),
    ] {
        let wants = marked(protocol, &format!("error.{status}"));
        script = script.always("error", wants, Answer::error(status, code, "scripted"));
    }
    script.always("error", marked(protocol, "error.429"), Answer::rate_limited(Some(7)))
}

fn marked(protocol: Wire, check: &str) -> impl Fn(&Request) -> bool + Send + 'static {
    let mark = format!("[[{}.{check}]]", protocol.name());
    move |request| request.contains(&mark)
}

fn answer() -> Vec<Piece> {
    vec![reasoning("What is it?"), text("A way in."), finish("stop"), usage(50, 20)]
}

/// A loop of three rounds, whose thoughts have to come back to the letter.
fn rounds(check: &str) -> [Answer; 3] {
    let id = |round: usize| format!("call_{check}_{round}");
    [
        Answer::stream([
            reasoning(format!("Look \"it\" up, says {check}.\n")),
            lookup(&id(1), "gate"),
            finish("tool_calls"),
            usage(50, 20),
        ]),
        Answer::stream([
            reasoning("And more: 你好 😀"),
            text("One moment."),
            lookup(&id(2), "gateway"),
            finish("tool_calls"),
            usage(50, 20),
        ]),
        Answer::stream(answer()),
    ]
}

fn lookup(id: &str, word: &str) -> Piece {
    call(id, "lookup", format!(r#"{{"word":"{word}"}}"#))
}
