use std::fs;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use interlingua_testkit::codex::PICTURE;
use interlingua_testkit::upstream::{
    Answer, Piece, Script, Strict, Wire, call, finish, reasoning, text, usage,
};
use serde_json::json;

use super::Desk;
use crate::house::{Way, pictures, tools};

fn echo(id: &str, word: &str) -> Piece {
    call(
        id,
        "Bash",
        json!({ "command": format!("echo {word}"), "description": "say it" }).to_string(),
    )
}

const ECHO: [&str; 1] = ["Bash(echo *)"];

pub(crate) fn text_turn(way: Way) {
    let answer = Answer::stream([
        reasoning("The user greets me."),
        text("Hello from 你好 \"up\"."),
        finish("stop"),
        usage(120, 30),
    ]);
    let desk = Desk::new(way, Script::new().strict(Strict::mimo()).then(answer));
    let run = desk.succeed("greet me", &[], "Hello from 你好 \"up\".");
    assert_eq!(run.blocks("thinking")[0]["thinking"], "The user greets me.");
    assert_eq!(run.result()["usage"]["input_tokens"], 120, "{}", run.transcript());
    assert_eq!(run.result()["usage"]["output_tokens"], 30, "{}", run.transcript());
    let body = desk.house.bodies()[0].to_string();
    assert!(body.contains("greet me"));
    // It changes from conversation to conversation, and would spoil every cache.
    assert!(way.wire() == Wire::Messages || !body.contains("x-anthropic-billing-header"), "{body}");
}

/// Three rounds, each with a thought that has to come back to the letter.
pub(crate) fn tool_loop(way: Way) {
    let round = |thought: &str, id: &str, word: &str| {
        Answer::stream([reasoning(thought), echo(id, word), finish("tool_calls"), usage(500, 20)])
    };
    let script = Script::new()
        .strict(Strict::mimo())
        .then(round("First \"say\" one.\n", "call_1", "one"))
        .then(Answer::stream([
            reasoning("Then "),
            reasoning("two."),
            text("Going on."),
            echo("call_2", "two"),
            finish("tool_calls"),
        ]))
        .then(round("At last three. 你好 😀", "call_3", "three"))
        .then(Answer::stream([reasoning("All said."), text("Onetwothree."), finish("stop")]));
    let desk = Desk::new(way, script);
    let run = desk.succeed("say three words", &ECHO, "Onetwothree.");
    let said: Vec<_> = run.results().iter().map(|it| it["content"].as_str().unwrap()).collect();
    assert_eq!(said, ["one", "two", "three"]);
    let bodies = desk.house.bodies();
    assert_eq!(bodies.len(), 4);
    assert!(!desk.house.log().contains("reasoning-missing"), "{}", desk.house.log());
}

pub(crate) fn parallel(way: Way) {
    let script = Script::new()
        .strict(Strict::mimo())
        .then(Answer::stream([
            reasoning("Both at once."),
            echo("call_a", "A"),
            echo("call_b", "B"),
            finish("tool_calls"),
        ]))
        .then(Answer::text("Both were said."));
    let desk = Desk::new(way, script);
    let run = desk.succeed("say two letters", &ECHO, "Both were said.");
    assert_eq!(run.results().len(), 2, "{}", run.transcript());
}

pub(crate) fn second_turn(way: Way) {
    let script = Script::new()
        .strict(Strict::mimo())
        .then(Answer::stream([reasoning("One."), echo("call_1", "one"), finish("tool_calls")]))
        .then(Answer::stream([reasoning("Said."), text("It is said."), finish("stop")]))
        .then(Answer::stream([reasoning("Again."), echo("call_2", "two"), finish("tool_calls")]))
        .then(Answer::text("Again it is."));
    let desk = Desk::new(way, script);
    let run = desk.claude.ask("say one", &ECHO).unwrap();
    assert_eq!(run.said(), Some("It is said."), "{}", run.transcript());
    let run = desk.claude.go_on("say two", &ECHO).unwrap();
    desk.check(&run, "Again it is.");
}

/// A tool that is hidden until the model has looked for it.
pub(crate) fn deferred(way: Way) {
    let script = Script::new()
        .strict(Strict::mimo())
        .then(Answer::stream([
            reasoning("Is there a tool for notebooks?"),
            call("call_s", "ToolSearch", r#"{"query":"select:NotebookEdit"}"#),
            finish("tool_calls"),
        ]))
        .then(Answer::text("There is."));
    let desk = Desk::new(way, script);
    desk.succeed("edit a notebook", &["ToolSearch"], "There is.");
    let bodies = desk.house.bodies();
    let names = |at: usize| tools(way.wire(), &bodies[at]);
    if way.wire() != Wire::Messages {
        assert!(!names(0).contains(&"NotebookEdit"), "{:?}", names(0));
        assert!(!names(0).contains(&"DeferredToolPlaceholder"), "{:?}", names(0));
        let result = bodies[1].to_string();
        assert!(!result.contains("tool_reference"), "{result}");
    }
    assert!(names(1).contains(&"NotebookEdit"), "{:?}", names(1));
}

pub(crate) fn image_typed(way: Way) {
    let script = Script::new().strict(Strict::mimo()).then(Answer::text("Red."));
    let desk = Desk::new(way, script);
    let run = desk.claude.ask_with_picture("which colour?", &BASE64.encode(PICTURE)).unwrap();
    desk.check(&run, "Red.");
    assert_eq!(pictures(way.wire(), &desk.house.bodies()[0]), 1);
}

pub(crate) fn image_read(way: Way) {
    let desk = Desk::new(
        way,
        Script::new()
            .strict(Strict::mimo())
            .then_with(|request| {
                let told = request.body.to_string();
                let (_, rest) = told.split_once("look at [[").expect("the prompt names the file");
                let (path, _) = rest.split_once("]]").expect("the prompt ends so");
                let arguments = json!({ "file_path": path }).to_string();
                Answer::stream([
                    reasoning("Look."),
                    call("call_v", "Read", arguments),
                    finish("tool_calls"),
                ])
            })
            .then(Answer::text("Red.")),
    );
    let path = desk.claude.cwd().join("a.png");
    fs::write(&path, PICTURE).unwrap();
    desk.succeed(&format!("look at [[{}]]", path.display()), &["Read"], "Red.");
    assert_eq!(pictures(way.wire(), &desk.house.bodies()[1]), 1);
}

/// The client answers such a call itself, and the loop goes on.
pub(crate) fn bad_arguments(way: Way) {
    let script = Script::new()
        .strict(Strict::mimo())
        .then(Answer::stream([
            reasoning("Say it."),
            call("call_b", "Bash", r#"{"command": "echo x"#),
            finish("tool_calls"),
        ]))
        .then(Answer::text("It was broken."));
    let desk = Desk::new(way, script);
    let run = desk.succeed("say it", &ECHO, "It was broken.");
    let result = run.results()[0].to_string();
    assert!(result.contains("tool_use_error"), "{result}");
}
