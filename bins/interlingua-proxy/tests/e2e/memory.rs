use std::fs;
use std::time::Duration;

use interlingua_testkit::http::Call;
use interlingua_testkit::upstream::{Answer, Script, Strict, call, finish, reasoning, text, usage};
use serde_json::{Value, json};

use crate::stage::{Plan, Stage, TEXT_MODEL, of_role};

fn shell(id: &str, command: &str) -> interlingua_testkit::upstream::Piece {
    call(id, "exec_command", json!({ "cmd": command }).to_string())
}

pub(crate) fn sub_agent() {
    let script = Script::new()
        .strict(Strict::mimo())
        .lane(
            "child",
            |request| request.contains("SUBTASK count") && !request.contains("call_spawn"),
            [Answer::stream([reasoning("I am the child."), text("Three files."), finish("stop")])
                .after(Duration::from_millis(300))],
        )
        .then(Answer::stream([
            reasoning("Delegate."),
            call(
                "call_spawn",
                "multi_agent_v1__spawn_agent",
                r#"{"message":"SUBTASK count the files"}"#,
            ),
            finish("tool_calls"),
        ]))
        .then(Answer::stream([
            reasoning("Work meanwhile."),
            shell("call_s", "sleep 1; echo parent"),
            finish("tool_calls"),
        ]))
        .then(Answer::text("The parent is done."));
    let stage = Stage::new(script);
    let run = stage.succeed("use a helper");
    assert!(run.messages().contains(&"The parent is done."), "{}", run.transcript());
    let lanes: Vec<String> = stage.upstream.exchanges().into_iter().map(|it| it.lane).collect();
    assert_eq!(lanes.iter().filter(|it| *it == "child").count(), 1, "{lanes:?}");
}

/// A turn that is cut in the middle of its loop, because the upstream fails for good.
fn begin_loop(first_thought: &str) -> Script {
    Script::new()
        .strict(Strict::mimo())
        .then(Answer::stream([
            reasoning(first_thought),
            shell("call_1", "printf one > a.txt"),
            finish("tool_calls"),
        ]))
        .then(Answer::error(400, "400", "the second round fails on purpose"))
        .then(Answer::stream([reasoning("Go on."), text("Continued."), finish("stop")]))
}

pub(crate) fn restart() {
    let mut stage = Stage::new(begin_loop("Only I know this."));
    let run = stage.codex.exec("begin").unwrap();
    assert_ne!(run.code, Some(0), "{}", run.transcript());
    assert!(run.errors().join(" ").contains("fails on purpose"), "{}", run.transcript());
    stage.gateway.kill().unwrap();
    stage.gateway.start().unwrap();
    let run = stage.codex.resume("go on").unwrap();
    stage.check(&run);
    assert_eq!(run.messages(), ["Continued."]);
    let body = stage.bodies().pop().unwrap();
    let thought = &of_role(&body, "assistant")[0]["reasoning_content"];
    assert_eq!(thought, "Only I know this.");
}

pub(crate) fn lost_key() {
    let mut stage = Stage::new(begin_loop("Readable, too."));
    stage.codex.exec("begin").unwrap();
    stage.gateway.kill().unwrap();
    let key = find(stage.gateway.home(), "seal.key").unwrap();
    fs::remove_file(key).unwrap();
    stage.gateway.start().unwrap();
    let run = stage.codex.resume("go on").unwrap();
    stage.check(&run);
    let body = stage.bodies().pop().unwrap();
    assert_eq!(of_role(&body, "assistant")[0]["reasoning_content"], "Readable, too.");
    assert!(stage.gateway.log().contains("reasoning-unreadable"), "{}", stage.gateway.log());
}

fn find(folder: &std::path::Path, name: &str) -> Option<std::path::PathBuf> {
    fs::read_dir(folder).ok()?.flatten().find_map(|entry| {
        let path = entry.path();
        if path.is_dir() { find(&path, name) } else { path.ends_with(name).then_some(path) }
    })
}

pub(crate) fn compaction() {
    let script = Script::new()
        .strict(Strict::mimo())
        .then(Answer::stream([
            reasoning("Fill the window."),
            shell("call_1", "echo big"),
            finish("tool_calls"),
            usage(99_000, 100),
        ]))
        .then(Answer::stream([
            reasoning("Sum up."),
            text("SUMMARY of the work"),
            finish("stop"),
            usage(500, 50),
        ]))
        .then(Answer::stream([
            reasoning("Go on."),
            text("Done after compaction."),
            finish("stop"),
            usage(600, 20),
        ]));
    let stage = Stage::new(script);
    let run = stage.succeed("a long task");
    assert_eq!(run.messages().last(), Some(&"Done after compaction."));
    let bodies = stage.bodies();
    assert!(bodies[1].get("tools").is_none(), "an empty list of tools is left out");
    assert!(bodies[2].to_string().contains("SUMMARY of the work"));
    assert!(!bodies[2].to_string().contains("Fill the window."), "old thoughts are gone");
}

/// A server that wants thoughts back though its record does not know it, and a client that has none.
pub(crate) fn self_healing() {
    let missing = "The reasoning_content in the thinking mode must be passed back to the API.";
    let thought = |request: &interlingua_testkit::upstream::Request| {
        let assistant = request.messages().iter().find(|it| it["role"] == "assistant");
        assistant.map(|it| it["reasoning_content"].clone())
    };
    let script = Script::new()
        .then_with(move |request| {
            assert_eq!(thought(request), Some(Value::Null), "nothing is made up unasked");
            Answer::error(400, "400", missing)
        })
        .then_with(move |request| {
            let healed = thought(request).is_some_and(|it| it.is_string());
            if healed { Answer::text("Healed.") } else { Answer::error(400, "400", missing) }
        });
    let stage = Stage::with(script, Plan { dialect: Some("generic"), ..Plan::default() });
    let body = json!({ "model": TEXT_MODEL, "input": [
        { "role": "user", "content": "begin" },
        { "type": "function_call", "call_id": "call_1", "name": "f", "arguments": "{}" },
        { "type": "function_call_output", "call_id": "call_1", "output": "done" },
    ] });
    let reply = stage.gateway.send(&Call::post("/v1/responses", &body)).unwrap();
    assert_eq!(reply.status, 200, "{}", reply.text());
    assert_eq!(reply.json()["output"][0]["content"][0]["text"], "Healed.");
    assert_eq!(reply.header("x-interlingua-attempts"), Some("2"));
    let notes = reply.header("x-interlingua-notes").unwrap();
    assert!(
        notes.contains("repaired=add_placeholder") && notes.contains("reasoning-missing"),
        "{notes}"
    );
}
