use std::fs;
use std::sync::Arc;

use interlingua_codex_integration::{
    Access, Catalog, CatalogOptions, CatalogSource, ConfigOptions, Shown, config_toml,
};
use interlingua_dialect::Dialects;
use interlingua_registry::{Environment, RawConfig, check};
use interlingua_testkit::codex::{PICTURE, mcp_server};
use interlingua_testkit::upstream::{Answer, Script, Strict, call, finish, reasoning, text};
use serde_json::{Value, json};

use crate::stage::{Plan, Stage, TEXT_MODEL, VISION_MODEL, of_role};

fn shell(id: &str, command: &str) -> interlingua_testkit::upstream::Piece {
    call(id, "exec_command", json!({ "cmd": command }).to_string())
}

/// Three rounds, each with a thought that has to come back to the letter.
fn rounds() -> Script {
    let round = |thought: &str, id: &str, command: &str| {
        Answer::stream([reasoning(thought), shell(id, command), finish("tool_calls")])
    };
    Script::new()
        .strict(Strict::mimo())
        .then(round("First \"make\" a file.\n", "call_1", "printf one > a.txt"))
        .then(Answer::stream([
            reasoning("Then "),
            reasoning("append."),
            text("Appending."),
            shell("call_2", "printf two >> a.txt"),
            finish("tool_calls"),
        ]))
        .then(round("Look at it. 你好 😀", "call_3", "cat a.txt"))
        .then(Answer::stream([reasoning("All done."), text("It says onetwo."), finish("stop")]))
}

pub(crate) fn shell_loop() {
    let stage = Stage::new(rounds());
    let run = stage.succeed("make a file");
    assert_eq!(run.messages(), ["Appending.", "It says onetwo."]);
    assert_eq!(fs::read_to_string(stage.codex.cwd().join("a.txt")).unwrap(), "onetwo");
    let bodies = stage.bodies();
    assert_eq!(bodies.len(), 4);
    let thoughts: Vec<&Value> =
        of_role(&bodies[3], "assistant").iter().map(|it| &it["reasoning_content"]).collect();
    assert_eq!(thoughts, ["First \"make\" a file.\n", "Then append.", "Look at it. 你好 😀"]);
    let results = of_role(&bodies[3], "tool");
    assert!(results[2]["content"].as_str().unwrap().contains("onetwo"));
    // The prompt cache lives from this: each request begins with all of the one before.
    let texts: Vec<String> = bodies
        .iter()
        .map(|it| it["messages"].as_array().unwrap().iter().map(Value::to_string).collect())
        .collect();
    for pair in texts.windows(2) {
        assert!(pair[1].starts_with(&pair[0]), "the history changed between two rounds");
    }
    assert!(!stage.gateway.log().contains("reasoning-missing"), "{}", stage.gateway.log());
}

/// The strict upstream has to notice when nothing is put back: here by a dialect of the user's own that
/// differs from MiMo's in nothing else.
pub(crate) fn without_injection() {
    let mut stage = Stage::new(rounds().otherwise(Answer::text("no")));
    let config = stage.gateway.config();
    let folder = config.with_file_name("dialects.d");
    fs::create_dir(&folder).unwrap();
    let record = "id = \"forgetful\"\ntitle = \"MiMo without replay\"\nextends = \"mimo\"\n\
                  [replay]\nrule = \"forbid\"\ncarrier = \"none\"\non_missing = \"none\"\n";
    fs::write(folder.join("forgetful.toml"), record).unwrap();
    let text = fs::read_to_string(&config).unwrap();
    fs::write(&config, text.replace("dialect = \"mimo\"", "dialect = \"forgetful\"")).unwrap();
    stage.gateway.kill().unwrap();
    stage.gateway.start().unwrap();
    let run = stage.codex.exec("make a file").unwrap();
    let refused = stage.upstream.violations();
    assert!(!refused.is_empty(), "{}\n{}", run.transcript(), stage.gateway.log());
    for violation in refused {
        assert!(violation.param.contains("reasoning_content"), "{violation:?}");
    }
}

pub(crate) fn apply_patch() {
    let patch =
        "*** Begin Patch\n*** Update File: a.txt\n@@\n-old \"line\"\n+new \\ 你好\n*** End Patch\n";
    let arguments = json!({ "input": patch }).to_string();
    let script = Script::new()
        .strict(Strict::mimo())
        .then(Answer::stream([
            reasoning("Patch it."),
            call("call_p", "apply_patch", arguments.clone()),
            finish("tool_calls"),
        ]))
        .then(Answer::text("Patched."));
    let stage = Stage::new(script);
    fs::write(stage.codex.cwd().join("a.txt"), "old \"line\"\n").unwrap();
    let run = stage.succeed("change the file");
    assert_eq!(fs::read_to_string(stage.codex.cwd().join("a.txt")).unwrap(), "new \\ 你好\n");
    assert_eq!(run.items("file_change").len(), 1, "{}", run.transcript());
    let bodies = stage.bodies();
    let offered = bodies[0]["tools"].as_array().unwrap();
    let tool = offered.iter().find(|it| it["function"]["name"] == "apply_patch").unwrap();
    assert!(tool["function"]["description"].as_str().unwrap().contains("lark"), "with its grammar");
    // The call comes back as the model wrote it.
    let sent = &of_role(&bodies[1], "assistant")[0]["tool_calls"][0]["function"]["arguments"];
    let sent: Value = serde_json::from_str(sent.as_str().unwrap()).unwrap();
    assert_eq!(sent["input"], patch);
}

pub(crate) fn parallel_calls() {
    let script = Script::new()
        .strict(Strict::mimo())
        .then(Answer::stream([
            reasoning("Both at once."),
            shell("call_a", "printf A > a.txt"),
            shell("call_b", "printf B > b.txt"),
            finish("tool_calls"),
        ]))
        .then(Answer::text("Both are there."));
    let stage = Stage::new(script);
    stage.succeed("make two files");
    for (name, content) in [("a.txt", "A"), ("b.txt", "B")] {
        assert_eq!(fs::read_to_string(stage.codex.cwd().join(name)).unwrap(), content);
    }
    let body = &stage.bodies()[1];
    let messages = body["messages"].as_array().unwrap();
    let at = messages.iter().position(|it| it["role"] == "assistant").unwrap();
    assert_eq!(messages[at]["tool_calls"].as_array().unwrap().len(), 2);
    assert_eq!(messages[at + 1]["tool_call_id"], "call_a");
    assert_eq!(messages[at + 2]["tool_call_id"], "call_b");
}

pub(crate) fn mcp() {
    let script = Script::new()
        .strict(Strict::mimo())
        .then(Answer::stream([
            reasoning("Ask the tool."),
            call("call_m", "mcp__tiny__echo", r#"{"text":"ping"}"#),
            finish("tool_calls"),
        ]))
        .then(Answer::text("It echoed."));
    let server = mcp_server();
    let codex = format!(
        "[mcp_servers.tiny]\ncommand = \"python3\"\nargs = [{:?}]\n",
        server.to_str().unwrap()
    );
    let stage = Stage::with(script, Plan { codex, ..Plan::default() });
    let run = stage.succeed("echo ping");
    assert_eq!(run.items("mcp_tool_call").len(), 1, "{}", run.transcript());
    let bodies = stage.bodies();
    let result = &of_role(&bodies[1], "tool")[0]["content"];
    assert!(result.as_str().unwrap().contains("echo: ping"), "{result}");
}

/// Tools that Codex hides until the model has searched for them: the search is a function for the model,
/// what it finds joins the tools behind all others, and a call of it gets its namespace back.
pub(crate) fn tool_search() {
    let script = Script::new()
        .strict(Strict::mimo())
        .then(Answer::stream([
            reasoning("Is there a tool for it?"),
            call("call_s", "tool_search", r#"{"query":"echo text","limit":5}"#),
            finish("tool_calls"),
        ]))
        .then(Answer::stream([
            reasoning("There is."),
            call("call_m", "mcp__tiny__echo", r#"{"text":"ping"}"#),
            finish("tool_calls"),
        ]))
        .then(Answer::text("It echoed."));
    let stage = Stage::new(script);
    let catalog = stage.codex.home().join("catalog.json");
    fs::write(&catalog, catalog_with_tool_search(&stage)).unwrap();
    let config = config_toml(&ConfigOptions {
        base_url: stage.gateway.base_url(),
        model: TEXT_MODEL.to_owned(),
        access: Access::local(),
        catalog: CatalogSource::File(catalog.to_str().unwrap().to_owned()),
        search: false,
    });
    let server = mcp_server();
    let server = server.to_str().unwrap();
    let tiny = format!("[mcp_servers.tiny]\ncommand = \"python3\"\nargs = [{server:?}]\n");
    stage.codex.configure(&format!("{config}\n{tiny}")).unwrap();
    let run = stage.succeed("echo ping");
    assert_eq!(run.messages(), ["It echoed."]);
    assert_eq!(run.items("mcp_tool_call").len(), 1, "{}", run.transcript());

    let bodies = stage.bodies();
    let tools = |at: usize| bodies[at]["tools"].as_array().unwrap();
    let names = |at: usize| -> Vec<&str> {
        tools(at).iter().map(|it| it["function"]["name"].as_str().unwrap()).collect()
    };
    assert!(names(0).contains(&"tool_search"), "{:?}", names(0));
    assert!(!names(0).contains(&"mcp__tiny__echo"), "{:?}", names(0));
    // The prompt cache lives from this: what was found comes last, and stays there.
    assert_eq!(tools(1)[..tools(0).len()], tools(0)[..]);
    let found = &names(1)[tools(0).len()..];
    assert!(found.contains(&"mcp__tiny__echo"), "{found:?}");
    assert_eq!(tools(2), tools(1));
    let results = of_role(&bodies[2], "tool");
    assert!(results[0]["content"].as_str().unwrap().contains("mcp__tiny__echo"), "{}", results[0]);
    assert!(results[1]["content"].as_str().unwrap().contains("echo: ping"), "{}", results[1]);
}

/// The catalog that the gateway would serve if it hid tools.
fn catalog_with_tool_search(stage: &Stage) -> String {
    let config = fs::read_to_string(stage.gateway.config()).unwrap();
    let key: Environment = [("UP_KEY".to_owned(), "any".to_owned())].into_iter().collect();
    let raw = RawConfig::new().file("config.toml", &config);
    let snapshot = check(&raw, &Arc::new(Dialects::builtin()), &key).unwrap();
    let options = CatalogOptions { tool_search: true, ..CatalogOptions::new(Shown::All) };
    Catalog::of(snapshot.pool(), &options).into_json()
}

pub(crate) fn image_from_tool() {
    let script = Script::new()
        .strict(Strict::mimo().blind(["mimo-v2.5-pro"]))
        .then(Answer::stream([
            reasoning("Look."),
            call("call_v", "view_image", r#"{"path":"a.png"}"#),
            finish("tool_calls"),
        ]))
        .then(Answer::text("Red."));
    let stage = Stage::with(script, Plan { model: Some(VISION_MODEL), ..Plan::default() });
    fs::write(stage.codex.cwd().join("a.png"), PICTURE).unwrap();
    stage.succeed("look at a.png");
    let body = &stage.bodies()[1];
    let messages = body["messages"].as_array().unwrap();
    let tool = messages.iter().position(|it| it["role"] == "tool").unwrap();
    assert!(messages[tool]["content"].is_string());
    let lifted = &messages[tool + 1];
    assert_eq!(lifted["role"], "user");
    assert_eq!(lifted["content"][1]["type"], "image_url", "{lifted}");
}
