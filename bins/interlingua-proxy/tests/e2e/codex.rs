//! The real Codex before upstreams of the other protocols.

use std::fs;

use interlingua_testkit::codex::{Codex, PICTURE, Run, mcp_server};
use interlingua_testkit::upstream::{
    Answer, Piece, Script, Strict, call, finish, reasoning, text, usage,
};
use serde_json::json;

use crate::house::{House, MODEL, Way, pictures};
use crate::stage;

/// A scenario for each way to the model.
pub(crate) type Case = (&'static str, fn(Way));

pub(crate) const CASES: &[Case] = &[
    ("text", text_turn),
    ("shell loop of three rounds with reasoning", shell_loop),
    ("apply_patch changes a file", apply_patch),
    ("parallel calls", parallel),
    ("mcp namespace tool", mcp),
    ("image from a tool", image_from_tool),
    ("resume", resume),
    ("overflow", overflow),
];

/// A house with a Codex in it.
struct Desk {
    house: House,
    codex: Codex,
}

impl Desk {
    fn new(way: Way, script: Script) -> Self {
        Self::with(way, script, "")
    }

    fn with(way: Way, script: Script, more: &str) -> Self {
        let house = House::new(way, script.strict(Strict::mimo()));
        let codex = stage::codex_at(&house.base_url(), MODEL, more);
        Self { house, codex }
    }

    #[track_caller]
    fn succeed(&self, prompt: &str) -> Run {
        let run = self.codex.exec(prompt).unwrap();
        self.check(&run);
        run
    }

    #[track_caller]
    fn check(&self, run: &Run) {
        let told = || format!("{}\ngateway:\n{}", run.transcript(), self.house.log());
        assert_eq!(run.code, Some(0), "{}", told());
        self.house.check(&run.transcript());
    }
}

fn shell(id: &str, command: &str) -> Piece {
    call(id, "exec_command", json!({ "cmd": command }).to_string())
}

fn calls(pieces: impl IntoIterator<Item = Piece>) -> Answer {
    let end = [finish("tool_calls"), usage(500, 20)];
    Answer::stream(pieces.into_iter().chain(end))
}

fn text_turn(way: Way) {
    let answer = Answer::stream([
        reasoning("The user greets me."),
        text("Hello from 你好 \"up\"."),
        finish("stop"),
        usage(120, 30),
    ]);
    let desk = Desk::new(way, Script::new().then(answer));
    let run = desk.succeed("greet me");
    assert_eq!(run.messages(), ["Hello from 你好 \"up\"."]);
    assert_eq!(run.items("reasoning")[0]["text"], "The user greets me.");
    let done = run.events.iter().find(|it| it["type"] == "turn.completed").unwrap();
    assert_eq!(done["usage"]["input_tokens"], 120);
    assert_eq!(done["usage"]["output_tokens"], 30);
}

/// Three rounds, each with a thought that has to come back to the letter.
fn shell_loop(way: Way) {
    let script = Script::new()
        .then(calls([reasoning("First \"make\" a file.\n"), shell("call_1", "printf one > a.txt")]))
        .then(calls([
            reasoning("Then "),
            reasoning("append."),
            text("Appending."),
            shell("call_2", "printf two >> a.txt"),
        ]))
        .then(calls([reasoning("Look at it. 你好 😀"), shell("call_3", "cat a.txt")]))
        .then(Answer::text("It says onetwo."));
    let desk = Desk::new(way, script);
    let run = desk.succeed("make a file");
    assert_eq!(run.messages(), ["Appending.", "It says onetwo."]);
    assert_eq!(fs::read_to_string(desk.codex.cwd().join("a.txt")).unwrap(), "onetwo");
    assert!(!desk.house.log().contains("reasoning-missing"), "{}", desk.house.log());
}

fn apply_patch(way: Way) {
    let patch = "*** Begin Patch\n*** Update File: a.txt\n@@\n-old\n+new \\ 你好\n*** End Patch\n";
    let arguments = json!({ "input": patch }).to_string();
    let script = Script::new()
        .then(calls([reasoning("Patch it."), call("call_p", "apply_patch", arguments)]))
        .then(Answer::text("Patched."));
    let desk = Desk::new(way, script);
    fs::write(desk.codex.cwd().join("a.txt"), "old\n").unwrap();
    desk.succeed("change the file");
    let changed = fs::read_to_string(desk.codex.cwd().join("a.txt")).unwrap();
    assert_eq!(changed, "new \\ 你好\n");
}

fn parallel(way: Way) {
    let script = Script::new()
        .then(calls([
            reasoning("Both at once."),
            shell("call_a", "printf A > a.txt"),
            shell("call_b", "printf B > b.txt"),
        ]))
        .then(Answer::text("Both are there."));
    let desk = Desk::new(way, script);
    desk.succeed("make two files");
    for (name, content) in [("a.txt", "A"), ("b.txt", "B")] {
        assert_eq!(fs::read_to_string(desk.codex.cwd().join(name)).unwrap(), content);
    }
}

fn mcp(way: Way) {
    let script = Script::new()
        .then(calls([
            reasoning("Ask the tool."),
            call("call_m", "mcp__tiny__echo", r#"{"text":"ping"}"#),
        ]))
        .then_with(|request| {
            assert!(request.contains("echo: ping"), "the tool's answer");
            Answer::text("It echoed.")
        });
    let server = mcp_server();
    let server = server.to_str().unwrap();
    let more = format!("[mcp_servers.tiny]\ncommand = \"python3\"\nargs = [{server:?}]\n");
    let desk = Desk::with(way, script, &more);
    let run = desk.succeed("echo ping");
    assert_eq!(run.items("mcp_tool_call").len(), 1, "{}", run.transcript());
}

fn image_from_tool(way: Way) {
    let script = Script::new()
        .then(calls([reasoning("Look."), call("call_v", "view_image", r#"{"path":"a.png"}"#)]))
        .then(Answer::text("Red."));
    let desk = Desk::new(way, script);
    fs::write(desk.codex.cwd().join("a.png"), PICTURE).unwrap();
    desk.succeed("look at a.png");
    assert_eq!(pictures(way.wire(), &desk.house.bodies()[1]), 1);
}

fn resume(way: Way) {
    let script = Script::new()
        .then(calls([reasoning("One."), shell("call_1", "printf one > a.txt")]))
        .then(Answer::text("It is there."))
        .then(calls([reasoning("Two."), shell("call_2", "printf two > b.txt")]))
        .then(Answer::text("So is the other."));
    let desk = Desk::new(way, script);
    let run = desk.codex.exec("make a file").unwrap();
    assert_eq!(run.messages(), ["It is there."], "{}\n{}", run.transcript(), desk.house.log());
    let run = desk.codex.resume("make another").unwrap();
    desk.check(&run);
    assert_eq!(run.messages(), ["So is the other."]);
}

fn overflow(way: Way) {
    let desk = Desk::new(way, Script::new().then(Answer::context_overflow()));
    let run = desk.codex.exec("too long").unwrap();
    assert_ne!(run.code, Some(0));
    assert!(run.errors().join(" ").contains("context window"), "{}", run.transcript());
    assert_eq!(desk.house.bodies().len(), 1, "nobody tries again");
}
