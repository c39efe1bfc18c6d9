//! The real opencode, in the three flavours that its packages speak.

use std::fs;
use std::time::{Duration, Instant};

use interlingua_testkit::codex::PICTURE;
use interlingua_testkit::opencode::{self, Opencode, Run};
use interlingua_testkit::upstream::{
    Answer, Piece, Script, Strict, Wire, call, finish, reasoning, text, usage,
};
use serde_json::json;

use crate::house::{House, MODEL, Way, has_no_tools, pictures};

/// A scenario for each flavour and each way to the model.
pub(crate) type Case = (&'static str, fn(Wire, Way));

pub(crate) const CASES: &[Case] = &[
    ("text, and a title beside it", text_turn),
    ("tool loop with reasoning", tool_loop),
    ("parallel results", parallel),
    ("image from a tool", image_from_tool),
    ("second turn", second_turn),
    ("overflow", overflow),
    ("429", rate_limited),
    ("an upstream that tells no usage", no_usage),
];

/// A house with an opencode in it. Titles are asked for beside every conversation.
struct Desk {
    house: House,
    opencode: Opencode,
}

impl Desk {
    fn new(flavour: Wire, way: Way, script: Script) -> Self {
        // Straight, it sends what only some servers know.
        let strict = if way.is_straight() { Strict::deepseek() } else { Strict::mimo() };
        let script = script.strict(strict);
        let script = script.always("title", has_no_tools, Answer::text("A title"));
        let house = House::new(way, script);
        let binary = opencode::find().unwrap_or_else(|missing| panic!("{missing}"));
        let opencode =
            Opencode::new(&binary, flavour, &house.base_url(), house.key(), MODEL).unwrap();
        Self { house, opencode }
    }

    #[track_caller]
    fn succeed(&self, prompt: &str, said: &str) -> Run {
        let run = self.opencode.ask(prompt).unwrap();
        self.check(&run, said);
        run
    }

    #[track_caller]
    fn check(&self, run: &Run, said: &str) {
        let told = || format!("{}\ngateway:\n{}", run.transcript(), self.house.log());
        assert_eq!(run.errors(), [""; 0], "{}", told());
        assert_eq!(run.said().last(), Some(&said), "{}", told());
        self.house.check(&run.transcript());
    }
}

fn echo(id: &str, word: &str) -> Piece {
    call(
        id,
        "bash",
        json!({ "command": format!("echo {word}"), "description": "say it" }).to_string(),
    )
}

fn text_turn(flavour: Wire, way: Way) {
    let answer = Answer::stream([
        reasoning("The user greets me."),
        text("Hello from 你好 \"up\"."),
        finish("stop"),
        usage(120, 30),
    ]);
    let desk = Desk::new(flavour, way, Script::new().then(answer));
    let run = desk.succeed("greet me", "Hello from 你好 \"up\".");
    assert_eq!(desk.house.lane("title").len(), 1, "{}", run.transcript());
    let steps = run.events.iter().find(|it| it["type"] == "step_finish").unwrap();
    assert_eq!(steps["part"]["tokens"]["input"], 120, "{}", run.transcript());
}

fn tool_loop(flavour: Wire, way: Way) {
    let script = Script::new()
        .then(Answer::stream([
            reasoning("First \"say\" one.\n"),
            echo("call_1", "one"),
            finish("tool_calls"),
            usage(500, 20),
        ]))
        .then(Answer::stream([
            reasoning("Then "),
            reasoning("two."),
            text("Going on."),
            echo("call_2", "two"),
            finish("tool_calls"),
            usage(500, 20),
        ]))
        .then(Answer::stream([
            reasoning("All said."),
            text("Onetwo."),
            finish("stop"),
            usage(500, 20),
        ]));
    let desk = Desk::new(flavour, way, script);
    let run = desk.succeed("say two words", "Onetwo.");
    let said: Vec<_> =
        run.calls().iter().map(|it| it["state"]["output"].as_str().unwrap().trim()).collect();
    assert_eq!(said, ["one", "two"]);
    assert!(!desk.house.log().contains("reasoning-missing"), "{}", desk.house.log());
}

fn parallel(flavour: Wire, way: Way) {
    let script = Script::new()
        .then(Answer::stream([
            reasoning("Both at once."),
            echo("call_a", "A"),
            echo("call_b", "B"),
            finish("tool_calls"),
            usage(500, 20),
        ]))
        .then(Answer::text("Both were said."));
    let desk = Desk::new(flavour, way, script);
    let run = desk.succeed("say two letters", "Both were said.");
    assert_eq!(run.calls().len(), 2, "{}", run.transcript());
}

fn image_from_tool(flavour: Wire, way: Way) {
    let look = |request: &interlingua_testkit::upstream::Request| {
        let told = request.body.to_string();
        let (_, rest) = told.split_once("look at [[").expect("the prompt names the file");
        let (path, _) = rest.split_once("]]").expect("the prompt ends so");
        let arguments = json!({ "filePath": path }).to_string();
        let pieces = [
            reasoning("Look."),
            call("call_v", "read", arguments),
            finish("tool_calls"),
            usage(500, 20),
        ];
        Answer::stream(pieces)
    };
    let script = Script::new().then_with(look).then(Answer::text("Red."));
    let desk = Desk::new(flavour, way, script);
    let path = desk.opencode.cwd().join("a.png");
    fs::write(&path, PICTURE).unwrap();
    desk.succeed(&format!("look at [[{}]]", path.display()), "Red.");
    let exchanges = desk.house.lane("main");
    assert_eq!(pictures(way.wire(), &exchanges[1].request.body), 1);
}

fn second_turn(flavour: Wire, way: Way) {
    let script = Script::new()
        .then(Answer::stream([
            reasoning("One."),
            echo("call_1", "one"),
            finish("tool_calls"),
            usage(500, 20),
        ]))
        .then(Answer::stream([
            reasoning("Said."),
            text("It is said."),
            finish("stop"),
            usage(500, 20),
        ]))
        .then(Answer::stream([
            reasoning("Again."),
            echo("call_2", "two"),
            finish("tool_calls"),
            usage(500, 20),
        ]))
        .then(Answer::text("Again it is."));
    let desk = Desk::new(flavour, way, script);
    let run = desk.opencode.ask("say one").unwrap();
    assert_eq!(run.said().last(), Some(&"It is said."), "{}", run.transcript());
    let run = desk.opencode.go_on("say two").unwrap();
    desk.check(&run, "Again it is.");
}

/// It knows an overflow when it sees one, and sums its conversation up.
fn overflow(flavour: Wire, way: Way) {
    let script =
        Script::new().then(Answer::context_overflow()).otherwise(Answer::text("Summed up."));
    let desk = Desk::new(flavour, way, script);
    let run = desk.opencode.ask("too long").unwrap();
    let errors = run.errors().join(" ");
    assert!(errors.contains("ContextOverflowError"), "{}\n{}", run.transcript(), desk.house.log());
    desk.house.no_secret(&run.transcript());
}

fn rate_limited(flavour: Wire, way: Way) {
    let script =
        Script::new().then(Answer::rate_limited(Some(1))).then(Answer::text("After the wait."));
    let desk = Desk::new(flavour, way, script);
    let begun = Instant::now();
    desk.succeed("hi", "After the wait.");
    assert!(begun.elapsed() >= Duration::from_secs(1), "the wait is the upstream's");
}

/// What is not told must not look like an answer that never ended.
fn no_usage(flavour: Wire, way: Way) {
    let script = Script::new()
        .then(Answer::stream([reasoning("Say."), echo("call_1", "one"), finish("tool_calls")]))
        .then(Answer::stream([reasoning("Said."), text("It is said."), finish("stop")]));
    let desk = Desk::new(flavour, way, script);
    desk.succeed("say one", "It is said.");
}
