use std::time::{Duration, Instant};

use interlingua_testkit::claude::Claude;
use interlingua_testkit::upstream::{
    Answer, Script, Strict, Wire, call, cut, fail, finish, reasoning, text, usage,
};
use serde_json::json;

use super::Desk;
use crate::house::{House, Way};
use crate::stage::KEY;

/// Half an answer is thrown away, and the client asks again for a whole one.
pub(crate) fn mid_stream(way: Way) {
    let script = Script::new()
        .strict(Strict::mimo())
        .then(Answer::stream([text("Half of "), fail("overloaded_error", "scripted failure")]))
        .then(Answer::text("Whole."));
    let desk = Desk::new(way, script);
    desk.succeed("hi", &[], "Whole.");
}

pub(crate) fn cut_off(way: Way) {
    let script = Script::new()
        .strict(Strict::mimo())
        .then(Answer::stream([reasoning("Begin."), text("Half of "), cut()]))
        .then(Answer::text("Whole."));
    let desk = Desk::new(way, script);
    desk.succeed("hi", &[], "Whole.");
}

/// Told that its prompt is too long, it sums its conversation up and goes on.
pub(crate) fn overflow(way: Way) {
    let arguments = json!({ "command": "echo one", "description": "say it" }).to_string();
    let script = Script::new()
        .strict(Strict::mimo())
        .lane(
            "summary",
            |request| request.contains("<analysis>") && request.contains("<summary>"),
            [Answer::text("<analysis>Short.</analysis><summary>ONE was said.</summary>")],
        )
        .then(Answer::stream([
            reasoning("Say one."),
            call("call_1", "Bash", arguments),
            finish("tool_calls"),
        ]))
        .then(Answer::text("It is said."))
        .then(Answer::context_overflow())
        .then_with(|request| {
            assert!(request.contains("ONE was said."), "the summary goes on");
            Answer::text("Going on.")
        });
    let desk = Desk::new(way, script);
    let run = desk.claude.ask("say one", &["Bash(echo *)"]).unwrap();
    assert_eq!(run.said(), Some("It is said."), "{}\n{}", run.transcript(), desk.house.log());
    let run = desk.claude.go_on("go on", &[]).unwrap();
    desk.check(&run, "Going on.");
    assert!(run.has_compacted(), "{}", run.transcript());
}

pub(crate) fn bad_request(way: Way) {
    let refused = Answer::error(400, "invalid_request_error", "scripted refusal");
    let desk = Desk::new(way, Script::new().otherwise(refused));
    let (run, text, status) = desk.fail("hi");
    assert!(text.contains("scripted refusal"), "{}", run.transcript());
    assert_eq!(status, Some(400), "{}", run.transcript());
}

/// The client repeats a 401 for minutes: an upstream's must never look like the gateway's own.
pub(crate) fn unauthorized(way: Way) {
    let script = Script::new().strict(Strict::mimo());
    let wrong = "sk-wrong-canary-55";
    let mut desk = Desk::of(House::asked_for_thought(way, script, wrong, ""));
    if way.is_straight() {
        let binary = interlingua_testkit::claude::find().unwrap();
        let claude = Claude::new(&binary, &desk.house.root(), wrong, crate::house::MODEL).unwrap();
        desk.claude = claude.env("CLAUDE_CODE_MAX_RETRIES", "1");
    }
    let (run, text, status) = desk.fail("hi");
    let asked = desk.house.upstream.exchanges().len();
    if way.is_straight() {
        assert_eq!((status, asked), (Some(401), 2), "{}", run.transcript());
    } else {
        assert_ne!(status, Some(401), "{}", run.transcript());
        assert_eq!(asked, 1, "{}\n{}", run.transcript(), desk.house.log());
        assert!(text.contains("UP_KEY"), "{text}\n{}", desk.house.log());
        assert!(!desk.house.log().contains(wrong), "the key was printed");
    }
}

pub(crate) fn forbidden(way: Way) {
    let refused = Answer::error(403, "permission_error", "scripted prohibition");
    let desk = Desk::new(way, Script::new().otherwise(refused));
    let (run, _, _) = desk.fail("hi");
    assert_eq!(desk.house.bodies().len(), 1, "{}", run.transcript());
}

pub(crate) fn not_found(way: Way) {
    let refused = Answer::error(404, "not_found_error", "scripted absence");
    let desk = Desk::new(way, Script::new().otherwise(refused));
    let (run, text, status) = desk.fail("hi");
    assert_eq!(status, Some(404), "{}\n{}", run.transcript(), desk.house.log());
    assert!(text.contains("may not exist"), "{}", run.transcript());
    // The client makes sure once, without a stream.
    assert!(desk.house.bodies().len() <= 2, "{}", run.transcript());
}

pub(crate) fn rate_limited(way: Way) {
    let script = Script::new()
        .strict(Strict::mimo())
        .then(Answer::rate_limited(Some(1)))
        .then(Answer::text("After the wait."));
    let desk = Desk::new(way, script);
    let begun = Instant::now();
    desk.succeed("hi", &[], "After the wait.");
    assert!(begun.elapsed() >= Duration::from_secs(1), "the wait is the upstream's");
}

pub(crate) fn overloaded(way: Way) {
    let script = Script::new()
        .strict(Strict::mimo())
        .then(Answer::overloaded())
        .then(Answer::stream([text("Second try."), finish("stop"), usage(10, 2)]));
    let desk = Desk::new(way, script);
    desk.succeed("hi", &[], "Second try.");
}

pub(crate) fn wrong_client_key(way: Way) {
    // The hash of an empty key, which nobody sends.
    let top = "[[client_keys]]\nid = \"laptop\"\nhash = \
               \"blake3:af1349b9f5f9a1a6a0404dea36dcc9499bcb25c9adc112b7cc9a93cae41f3262\"";
    let house = House::asked_for_thought(way, Script::new().strict(Strict::mimo()), KEY, top);
    let Desk { house, claude } = Desk::of(house);
    let claude = claude.env("CLAUDE_CODE_MAX_RETRIES", "1").env("ANTHROPIC_AUTH_TOKEN", "wrong");
    let desk = Desk { house, claude };
    let (run, text, status) = desk.fail("hi");
    assert_eq!(status, Some(401), "{}", run.transcript());
    assert!(way.is_straight() || text.contains("interlingua keys add"), "{text}");
    assert_eq!(desk.house.bodies().len(), if way.is_straight() { 2 } else { 0 });
    assert!(way.wire() == Wire::Chat || !desk.house.log().contains(KEY));
}
