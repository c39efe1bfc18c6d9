//! Requests of very many small things: whoever sends one must not hold a gateway up.

use std::fmt::Write as _;

use interlingua_dialect::Wire;
use interlingua_ir::Protocol;
use interlingua_translate::{Repairs, client, upstream};

use crate::support::{dialect, document, target};

/// How many things one request holds. Reading and writing them takes a part of a second. Where each is looked
/// for among all of them it takes so long that the test does not end, whatever the machine.
const MANY: usize = 50_000;

/// Reads a request and writes it for an upstream of each kind.
#[track_caller]
fn check(protocol: Protocol, before: &str, thing: impl Fn(usize) -> String, after: &str) {
    let mut body = before.to_owned();
    for nth in 0..MANY {
        let comma = if nth == 0 { "" } else { "," };
        write!(body, "{comma}{}", thing(nth)).unwrap();
    }
    body.push_str(after);
    let (turn, _) = client::read(protocol, &document(&body)).unwrap();
    for (wire, id) in
        [(Wire::Chat, "generic"), (Wire::Messages, "anthropic"), (Wire::Responses, "openai")]
    {
        let (dialect, repairs) = (dialect(id), Repairs::default());
        let target = target(&dialect, &repairs);
        upstream::write(wire, Some(&document(&body)), &turn, &target).unwrap();
    }
}

#[test]
fn parts_that_nobody_knows() {
    let part = |_| r#"{"type":"x"}"#.to_owned();
    let (before, after) = (r#"{"model":"m","messages":[{"role":"user","content":["#, "]}]}");
    check(Protocol::Messages, before, part, after);
    check(Protocol::Chat, before, part, after);
    let before = r#"{"model":"m","input":[{"role":"user","content":["#;
    check(Protocol::Responses, before, part, after);
}

#[test]
fn rules_at_the_beginning() {
    let rule = |_| r#"{"role":"system","content":"x"}"#.to_owned();
    check(Protocol::Messages, r#"{"model":"m","messages":["#, rule, "]}");
    check(Protocol::Chat, r#"{"model":"m","messages":["#, rule, "]}");
    check(Protocol::Responses, r#"{"model":"m","input":["#, rule, "]}");
}

#[test]
fn tools_that_nobody_knows() {
    let tool = |_| r#"{"type":"x"}"#.to_owned();
    let messages = r#"{"model":"m","messages":[{"role":"user","content":"x"}],"tools":["#;
    check(Protocol::Messages, messages, tool, "]}");
    check(Protocol::Chat, messages, tool, "]}");
    check(Protocol::Responses, r#"{"model":"m","input":"x","tools":["#, tool, "]}");
}

#[test]
fn tools() {
    let tool = |nth| format!(r#"{{"name":"t{nth}","input_schema":{{}}}}"#);
    let messages = r#"{"model":"m","messages":[{"role":"user","content":"x"}],"tools":["#;
    check(Protocol::Messages, messages, tool, "]}");
    let tool = |nth| format!(r#"{{"type":"function","function":{{"name":"t{nth}"}}}}"#);
    check(Protocol::Chat, messages, tool, "]}");
    let tool = |nth| format!(r#"{{"type":"function","name":"t{nth}"}}"#);
    check(Protocol::Responses, r#"{"model":"m","input":"x","tools":["#, tool, "]}");
    let tool = |nth| format!(r#"{{"type":"function","name":"t{nth}"}}"#);
    let before = r#"{"model":"m","input":"x","tools":[{"type":"namespace","name":"n","tools":["#;
    check(Protocol::Responses, before, tool, "]}]}");
}

#[test]
fn thoughts() {
    let turn = |nth| {
        format!(
            r#"{{"role":"assistant","content":[{{"type":"thinking","thinking":"x","signature":"s"}},
            {{"type":"tool_use","id":"t{nth}","name":"f","input":{{}}}}]}},
            {{"role":"user","content":[{{"type":"tool_result","tool_use_id":"t{nth}"}}]}}"#
        )
    };
    check(Protocol::Messages, r#"{"model":"m","messages":["#, turn, "]}");
    let turn = |nth| {
        format!(
            r#"{{"type":"reasoning","summary":[],"encrypted_content":"s"}},
            {{"type":"function_call","call_id":"t{nth}","name":"f","arguments":"{{}}"}},
            {{"type":"function_call_output","call_id":"t{nth}","output":"x"}}"#
        )
    };
    check(Protocol::Responses, r#"{"model":"m","input":["#, turn, "]}");
}

#[test]
fn fields_that_nobody_knows() {
    let field = |nth| format!(r#""f{nth}":1"#);
    let after = r#","messages":[{"role":"user","content":"x"}]}"#;
    check(Protocol::Messages, "{", field, after);
    check(Protocol::Chat, "{", field, after);
    check(Protocol::Responses, "{", field, r#","input":"x"}"#);
}
