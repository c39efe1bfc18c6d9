use std::fs;
use std::time::Duration;

use interlingua_testkit::upstream::{
    Answer, Script, Strict, Wire, call, finish, reasoning, search, text,
};
use serde_json::json;

use super::Desk;
use crate::house::{House, Way};
use crate::stage::KEY;

pub(crate) fn sub_agent(way: Way) {
    let arguments = json!({
        "description": "count", "prompt": "SUBTASK count the files",
        "subagent_type": "general-purpose", "run_in_background": false,
    });
    let script = Script::new()
        .strict(Strict::mimo())
        .lane(
            "child",
            |request| request.contains("SUBTASK count") && !request.contains("use a helper"),
            [Answer::stream([reasoning("I am the child."), text("Three files."), finish("stop")])
                .after(Duration::from_millis(200))],
        )
        .then(Answer::stream([
            reasoning("Delegate."),
            call("call_spawn", "Agent", arguments.to_string()),
            finish("tool_calls"),
        ]))
        .then_with(|request| {
            assert!(request.contains("Three files."), "the child's report");
            Answer::text("The parent is done.")
        });
    let desk = Desk::new(way, script);
    desk.succeed("use a helper", &["Agent"], "The parent is done.");
    assert_eq!(desk.house.lane("child").len(), 1);
}

/// The client asks its own model to search, by a request with the server's tool.
pub(crate) fn web_search(way: Way) {
    let found = [
        search("rust gateway", "Example page", "https://example.invalid/page"),
        text("Found: the example page says hello."),
        finish("stop"),
    ];
    let script = Script::new()
        .strict(Strict::mimo())
        .lane(
            "search",
            |request| request.contains("Perform a web search for the query"),
            [Answer::stream(found)],
        )
        .then(Answer::stream([
            call("call_s", "ToolSearch", r#"{"query":"select:WebSearch"}"#),
            finish("tool_calls"),
        ]))
        .then(Answer::stream([
            reasoning("Search."),
            call("call_w", "WebSearch", r#"{"query":"rust gateway"}"#),
            finish("tool_calls"),
        ]))
        .then(Answer::text("It says hello."));
    let desk = Desk::new(way, script);
    let allowed = ["WebSearch", "ToolSearch"];
    let run = desk.succeed("search the web", &allowed, "It says hello.");
    let result = run.results()[1].to_string();
    assert!(result.contains("says hello"), "{result}");
    if way.wire() == Wire::Messages {
        assert!(result.contains("https://example.invalid/page"), "{result}");
    } else {
        let body = desk.house.lane("search")[0].request.body.to_string();
        assert!(!body.contains("web_search_20"), "a tool of a stranger's server: {body}");
    }
}

/// `/context` counts by some two dozen requests at once.
pub(crate) fn count_tokens(way: Way) {
    let desk = Desk::new(way, Script::new().strict(Strict::mimo()));
    let run = desk.claude.ask("/context", &[]).unwrap();
    let said = run.said().unwrap_or_else(|| panic!("{}\n{}", run.transcript(), desk.house.log()));
    assert!(said.contains("Context Usage"), "{said}");
    let counted = desk.house.upstream.exchanges();
    let counted = counted.iter().filter(|it| it.request.path.contains("/count_tokens")).count();
    assert_eq!(counted > 0, way.wire() == Wire::Messages, "{counted} requests were counted");
    desk.house.check(&run.transcript());
}

/// Its picker takes models whose name holds a vendor's; ours have an alias for that.
pub(crate) fn discovery(way: Way) {
    let script = Script::new().models(["up/thinker", "claude/up/thinker"]);
    let script = script.strict(Strict::mimo()).then(Answer::text("Here."));
    let Desk { house, claude } = Desk::of(House::asked_for_thought(way, script, KEY, ""));
    let claude = claude.env("CLAUDE_CODE_ENABLE_GATEWAY_MODEL_DISCOVERY", "1");
    let desk = Desk { house, claude };
    desk.succeed("who is there?", &[], "Here.");
    let known = desk.claude.settings().join("cache/gateway-models.json");
    let known = fs::read_to_string(known).unwrap();
    assert!(known.contains("\"claude/up/thinker\""), "{known}");
    assert!(!known.contains("\"up/thinker\""), "{known}");
}
