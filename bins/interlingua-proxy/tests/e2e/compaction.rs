use interlingua_testkit::codex::Run;
use interlingua_testkit::upstream::{
    Answer, Piece, Request, Script, Strict, call, finish, reasoning, text, usage,
};
use serde_json::{Value, json};

use crate::stage::{Plan, Stage};

/// Has Codex ask the gateway for summaries instead of writing them by itself.
const REMOTE: &str = "capabilities = { remote_compaction = \"v2\" }\n";

/// An answer after which the window is full.
fn filling(thought: &str, id: &str) -> Answer {
    let run: Piece = call(id, "exec_command", json!({ "cmd": "echo big" }).to_string());
    Answer::stream([reasoning(thought), run, finish("tool_calls"), usage(99_000, 100)])
}

fn saying(words: &str) -> Answer {
    Answer::stream([reasoning("Think."), text(words), finish("stop"), usage(600, 20)])
}

/// One thread that is summed up three times: by the gateway, by Codex itself, by the gateway again; the
/// gateway is restarted in between.
pub(crate) fn long_session() {
    let script = Script::new()
        .strict(Strict::mimo())
        .then(filling("THOUGHT one.", "call_1"))
        .then(saying("SUMMARY one"))
        .then(saying("Done once."))
        .then(filling("THOUGHT two.", "call_2"))
        .then(saying("SUMMARY two"))
        .then(saying("Done twice."))
        .then(filling("THOUGHT three.", "call_3"))
        .then(saying("SUMMARY three"))
        .then(saying("Done three times."))
        .then(saying("All done."));
    let mut stage = Stage::with(script, Plan { codex: REMOTE.to_owned(), ..Plan::default() });
    let config = std::fs::read_to_string(stage.codex.home().join("config.toml")).unwrap();
    let said = |run: &Run, words: &str| {
        assert_eq!(run.messages().last(), Some(&words), "{}", run.transcript());
    };
    said(&stage.codex.exec("the long task").unwrap(), "Done once.");
    // What the gateway sealed opens after a restart.
    stage.gateway.kill().unwrap();
    stage.gateway.start().unwrap();
    stage.codex.configure(&config.replace(REMOTE, "")).unwrap();
    said(&stage.codex.resume("go on").unwrap(), "Done twice.");
    stage.codex.configure(&config).unwrap();
    said(&stage.codex.resume("go on again").unwrap(), "Done three times.");
    let run = stage.codex.resume("finish").unwrap();
    stage.check(&run);
    said(&run, "All done.");

    let bodies = stage.bodies();
    assert_eq!(bodies.len(), 10);
    for (at, body) in bodies.iter().enumerate() {
        let sums_up = [1, 4, 7].contains(&at);
        assert_eq!(body.get("tools").is_none(), sums_up, "tools in request {at}");
    }
    let shows = |at: usize, what: &str| bodies[at].to_string().contains(what);
    // The gateway's own question, and Codex's.
    assert!(shows(1, "Write that summary now") && shows(7, "Write that summary now"));
    assert!(!shows(4, "Write that summary now"));
    for (at, summary) in [(2, "one"), (3, "one"), (4, "one"), (5, "two"), (7, "two"), (8, "three")]
    {
        assert!(shows(at, &format!("SUMMARY {summary}")), "request {at}");
    }
    for (at, thought) in [(2, "one"), (5, "two"), (8, "three")] {
        assert!(!shows(at, &format!("THOUGHT {thought}")), "request {at} shows an old thought");
        assert!(shows(at, "the long task"), "request {at}");
    }
    // The beginning is the same from turn to turn.
    let messages = |at: usize| -> String {
        bodies[at]["messages"].as_array().unwrap().iter().map(Value::to_string).collect()
    };
    assert!(messages(9).starts_with(&messages(8)), "the history changed between two turns");
    assert!(!stage.gateway.log().contains("summary-unreadable"), "{}", stage.gateway.log());
}

/// Answers that fill the window whatever was dropped: Codex would compact until it is stopped.
pub(crate) fn storm() {
    for codex in ["", REMOTE] {
        let sums_up = |request: &Request| request.body.get("tools").is_none();
        let full = || Answer::stream([text("Still long."), finish("stop"), usage(99_000, 100)]);
        let script = Script::new()
            .strict(Strict::mimo())
            .lane("compaction", sums_up, (0..50).map(|_| full()))
            .otherwise(filling("Go on.", "call_1"));
        let stage = Stage::with(script, Plan { codex: codex.to_owned(), ..Plan::default() });
        let run = stage.codex.exec("a task").unwrap();
        assert!(matches!(run.code, Some(code) if code != 0), "{}", run.transcript());
        let told = run.errors().join(" ");
        assert!(told.contains("model_auto_compact_token_limit"), "{told}");
        let exchanges = stage.upstream.exchanges();
        let compactions = exchanges.iter().filter(|it| it.lane == "compaction").count();
        assert_eq!(compactions, 6, "{codex}");
        assert!(exchanges.len() <= 14, "{} requests", exchanges.len());
        stage.no_secret(&run);
    }
}
