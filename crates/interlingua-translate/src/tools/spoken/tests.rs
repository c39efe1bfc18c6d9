use interlingua_dialect::Dialects;
use interlingua_dialect::TextCalls::{
    JsonActionFence, ToolCallHeading, ToolCallTags, ToolCallsList,
};
use interlingua_protocol::json::Limits;

use super::scan::MAX_CALLS;
use super::*;
use crate::tools::Names;

/// The tools `ls` and `say`.
fn tools() -> ToolMap {
    let body = br#"{"model": "m", "messages": [{"role": "user", "content": "x"}], "tools": [
        {"type": "function", "function": {"name": "ls"}},
        {"type": "function", "function": {"name": "say"}}]}"#;
    let (turn, _) = crate::chat::read(body, Limits::default()).unwrap();
    let rules = Dialects::builtin().resolve("generic", "").unwrap().tools;
    Names::of(&turn, &rules, &mut Vec::new()).map()
}

/// What is made of a text that comes in pieces of `step` characters: text as it is, calls in brackets.
fn heard(forms: &[TextCalls], text: &str, step: usize) -> String {
    let mut scanner = Scanner::new(forms.to_vec(), tools());
    let letters: Vec<char> = text.chars().collect();
    let pieces = letters.chunks(step).map(|piece| piece.iter().collect::<String>());
    let mut found: Vec<_> = pieces.flat_map(|piece| scanner.push(&piece)).collect();
    found.extend(scanner.finish());
    let shown = found.into_iter().map(|it| match it {
        Found::Text(text) => text,
        Found::Call { name, arguments } => format!("⟦{name} {arguments}⟧"),
        Found::Unread => String::new(),
    });
    shown.collect()
}

#[track_caller]
fn check(forms: &[TextCalls], text: &str, expect: &str) {
    for step in 1..=text.chars().count() {
        assert_eq!(heard(forms, text, step), expect, "in pieces of {step}");
    }
}

#[test]
fn every_form_is_read_where_it_is_named() {
    check(
        &[ToolCallTags],
        "Look:\n<tool_call>\n{\"name\": \"ls\", \"arguments\": {\"a\": 1}}\n</tool_call>\n",
        "Look:\n⟦ls {\"a\":1}⟧",
    );
    check(
        &[ToolCallsList],
        r#"[TOOL_CALLS][{"name":"ls","arguments":{}}, {"name":"say","arguments":{},"id":"1"}]"#,
        "⟦ls {}⟧⟦say {}⟧",
    );
    check(
        &[JsonActionFence],
        "I look.\n```json action\n{\"tool\": \"ls\", \"parameters\": {}}\n```\nThen.",
        "I look.\n⟦ls {}⟧\nThen.",
    );
    check(
        &[ToolCallHeading],
        "#Tool Call\n{\"name\": \"say\", \"arguments\": {\"w\": \"}\"}}",
        "⟦say {\"w\":\"}\"}⟧",
    );
}

#[test]
fn a_form_that_is_not_named_is_text() {
    let text = "<tool_call>{\"name\":\"ls\",\"arguments\":{}}</tool_call>";
    check(&[ToolCallsList, JsonActionFence, ToolCallHeading], text, text);
}

#[test]
fn prose_about_calls_is_text() {
    for text in [
        "Write <tool_call>{\"name\":\"ls\",\"arguments\":{}}</tool_call> to call.",
        "```xml\n<tool_call>{\"name\":\"ls\",\"arguments\":{}}</tool_call>\n```\n",
        "<tool_call>{\"name\":\"rm\",\"arguments\":{}}</tool_call>",
        "<tool_call>{\"name\":\"LS\",\"arguments\":{}}</tool_call>",
        "<tool_call>{\"name\":\"ls\",\"arguments\":\"{}\"}</tool_call>",
        "<tool_call>{\"name\":\"ls\",\"arguments\":{},\"then\":1}</tool_call>",
        "<tool_call>{\"name\":\"ls\",\"arguments\":{\"a\":}}</tool_call>",
        "<tool_call>{\"name\":\"ls\",\"arguments\":{}}",
        "<tool_call>{\"name\":\"ls\",\"arguments\":{}} or so",
        "<tool_call>ls</tool_call>\n",
        "```json action\n{\"tool\": \"rm\", \"parameters\": {}}\n```\n",
        "[TOOL_CALLS][]",
        "[TOOL_CALLS][{\"name\":\"ls\",\"arguments\":{}},{\"name\":\"rm\",\"arguments\":{}}]",
        "  \n",
        "``",
    ] {
        check(&[ToolCallTags, ToolCallsList, JsonActionFence, ToolCallHeading], text, text);
    }
}

#[test]
fn what_stands_in_strings_ends_nothing() {
    check(
        &[ToolCallTags],
        r#"<tool_call>{"name":"say","arguments":{"w":"</tool_call>"}}</tool_call>"#,
        r#"⟦say {"w":"</tool_call>"}⟧"#,
    );
    check(
        &[ToolCallTags],
        "<tool_call>{\"name\":\"say\",\"arguments\":{\"w\":\"a\n\\\"b\\\"\tc\"}}</tool_call>",
        r#"⟦say {"w":"a\n\"b\"\tc"}⟧"#,
    );
}

#[test]
fn a_call_after_code_is_read() {
    check(
        &[ToolCallTags],
        "```\ncode\n```\n<tool_call>{\"name\":\"ls\",\"arguments\":{}}</tool_call>",
        "```\ncode\n```\n⟦ls {}⟧",
    );
}

#[test]
fn what_grows_without_end_is_text() {
    let mut scanner = Scanner::new(vec![ToolCallTags], tools());
    assert_eq!(scanner.push("<tool_call>{\"name\":\""), []);
    let long = "x".repeat(9 << 20);
    let found = scanner.push(&long);
    assert_eq!(found[0], Found::Unread);
    assert_eq!(found[1], Found::Text(format!("<tool_call>{{\"name\":\"{long}")));
}

/// A call as text, and what shows that it was taken for one.
const CALL: &str = "<tool_call>{\"name\":\"ls\",\"arguments\":{}}</tool_call>";

#[test]
fn code_that_is_shown_ends_where_its_own_fence_does() {
    for (before, after) in [
        ("````\n```\n", "\n```\n````\n"),
        ("```markdown\n```python\n", "\n```\n"),
        ("~~~\n```\n", "\n~~~\n"),
        ("```\n    ```\n", "\n```\n"),
        ("```\n``` and on\n", "\n```"),
        ("1. a\n   ```\n", "\n   ```\n"),
    ] {
        let text = format!("{before}{CALL}{after}");
        check(&[ToolCallTags], &text, &text);
    }
    for before in
        ["```\ncode\n````\n", "``` `code` ```\n", "~~\n", "  ```\ncode\n```  \n", "a ```\n"]
    {
        check(&[ToolCallTags], &format!("{before}{CALL}"), &format!("{before}⟦ls {{}}⟧"));
    }
}

/// Texts for which the test does not end where what is held back is looked through again and again.
#[test]
fn no_text_is_looked_through_again_and_again() {
    let (opener, blanks) = ("<tool_call>", " ".repeat(300_000));
    for (what, text, step) in [
        ("lines", "a line\n".repeat(400_000), usize::MAX),
        ("calls that never end", format!("{opener}{{\n").repeat(50_000), usize::MAX),
        ("blank lines", "\n".repeat(300_000), 1),
        ("blanks before", format!("{opener}{blanks}"), 1),
        ("blanks behind", format!("{opener}{{}}{blanks}"), 1),
    ] {
        assert!(heard(&[ToolCallTags], &text, step) == text, "{what}");
    }
}

#[test]
fn an_answer_does_not_call_without_end() {
    let calls = heard(&[ToolCallTags], &CALL.repeat(MAX_CALLS + 1), 1 << 20);
    assert_eq!(calls.matches('⟦').count(), MAX_CALLS);
    assert!(calls.ends_with(CALL));
}
