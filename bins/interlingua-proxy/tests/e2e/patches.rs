use std::fs;

use interlingua_testkit::fixtures;
use interlingua_testkit::upstream::{Answer, Piece, Script, Strict, call, finish, reasoning};
use serde_json::{Value, json};

use crate::stage::{Stage, of_role};

/// How many patches the model writes in one answer.
const AT_ONCE: usize = 8;

/// Every malformed patch of the fixture, in one session: what can be mended changes its file, what
/// cannot reaches Codex as it is, and Codex's own complaint reaches the model.
pub(crate) fn malformed() {
    let cases = fixtures::json("codex/patches/malformed.json");
    let cases = cases.as_array().unwrap();
    assert_eq!(cases.len(), 46);
    let write = |(at, case): (usize, &Value)| -> Piece {
        let arguments = json!({ "input": case["patch"] }).to_string();
        call(format!("call_{at}"), "apply_patch", arguments)
    };
    let calls: Vec<Piece> = cases.iter().enumerate().map(write).collect();
    let mut script = Script::new().strict(Strict::mimo());
    for calls in calls.chunks(AT_ONCE) {
        let pieces = [reasoning("Patch.")].into_iter().chain(calls.iter().cloned());
        script = script.then(Answer::stream(pieces.chain([finish("tool_calls")])));
    }
    let stage = Stage::new(script.then(Answer::text("Patched.")));
    let cwd = stage.codex.cwd();
    for (name, content) in cases.iter().flat_map(|case| case["before"].as_object().unwrap()) {
        fs::write(cwd.join(name), content.as_str().unwrap()).unwrap();
    }
    stage.succeed("patch the files");

    let last = stage.bodies().pop().unwrap();
    let sent: Vec<&Value> = of_role(&last, "assistant")
        .into_iter()
        .flat_map(|it| it["tool_calls"].as_array().unwrap())
        .collect();
    let results = of_role(&last, "tool");
    assert_eq!((sent.len(), results.len()), (46, 46));
    for ((case, sent), result) in cases.iter().zip(sent).zip(results) {
        let name = &case["name"];
        let arguments = sent["function"]["arguments"].as_str().unwrap();
        let arguments: Value = serde_json::from_str(arguments).unwrap();
        let said = result["content"].as_str().unwrap();
        match case["after"].as_object() {
            Some(after) => {
                assert_eq!(arguments["input"], case["text"], "{name}");
                for (file, content) in after {
                    let found = fs::read_to_string(cwd.join(file)).unwrap_or_default();
                    assert_eq!(found, content.as_str().unwrap(), "{name}: {said}");
                }
            }
            None => {
                assert_eq!(arguments["input"], case["patch"], "{name}");
                assert!(said.contains(case["said"].as_str().unwrap()), "{name}: {said}");
                for (file, content) in case["before"].as_object().unwrap() {
                    let found = fs::read_to_string(cwd.join(file)).unwrap();
                    assert_eq!(found, content.as_str().unwrap(), "{name}");
                }
            }
        }
    }
    let log = stage.gateway.log();
    for edit in ["no last line", "markdown fence", "closed @@"] {
        assert!(log.contains(&format!("patch-repaired={edit}")), "{edit}: {log}");
    }
}
