//! Conversations in an order that strict upstreams accept.

use expect_test::{Expect, expect};
use interlingua_dialect::Fix;
use interlingua_ir::{Item, Origin, Thought, Turn};
use interlingua_translate::json::Limits;
use interlingua_translate::{Repairs, chat, responses};
use serde_json::{Value, json};

use crate::support::{check_messages, dialect, target, write};

fn user(text: &str) -> Value {
    json!({ "type": "message", "role": "user", "content": [{ "type": "input_text", "text": text }] })
}

fn assistant(text: &str) -> Value {
    json!({ "type": "message", "role": "assistant", "content": [{ "type": "output_text", "text": text }] })
}

fn call(id: &str, name: &str, arguments: &str) -> Value {
    json!({ "type": "function_call", "call_id": id, "name": name, "arguments": arguments })
}

fn output(id: &str, output: impl Into<Value>) -> Value {
    json!({ "type": "function_call_output", "call_id": id, "output": output.into() })
}

fn reasoning(text: &str) -> Value {
    json!({ "type": "reasoning", "summary": [{ "type": "summary_text", "text": text }] })
}

fn image() -> Value {
    json!({ "type": "input_image", "image_url": "data:image/png;base64,AAAA", "detail": "high" })
}

/// Reads the items, lets `edit` change the turn as an opened seal does, and writes it.
#[track_caller]
fn check_turn(id: &str, items: &[Value], edit: impl FnOnce(&mut Turn<'_>), expect: &Expect) {
    let body = json!({ "model": "m", "input": items }).to_string();
    let (mut turn, mut notes) = responses::read(body.as_bytes(), Limits::default()).unwrap();
    edit(&mut turn);
    let upstream = write(&turn, &dialect(id));
    check_messages(&upstream.body);
    notes.extend(upstream.notes);
    let messages = upstream.body["messages"].as_array().unwrap();
    let lines = messages.iter().map(Value::to_string).chain(notes.iter().map(ToString::to_string));
    expect.assert_eq(&lines.map(|line| line + "\n").collect::<String>());
}

#[track_caller]
fn check(items: &[Value], expect: &Expect) {
    check_turn("generic", items, |_| {}, expect);
}

#[test]
fn rules_and_prose() {
    check(
        &[
            json!({ "role": "developer", "content": [
                { "type": "input_text", "text": "Be brief." }, { "type": "input_text", "text": "Be \"kind\"." } ] }),
            user("a"),
            user("b"),
            assistant("c"),
            json!({ "role": "system", "content": "New rules." }),
            user(""),
            user("d"),
        ],
        &expect![[r#"
            {"role":"system","content":"Be brief.\n\nBe \"kind\"."}
            {"role":"user","content":"a"}
            {"role":"user","content":"b"}
            {"role":"assistant","content":"c"}
            {"role":"system","content":"New rules."}
            {"role":"user","content":"d"}
        "#]],
    );
}

#[test]
fn parallel_calls_and_late_results() {
    check(
        &[
            user("go"),
            assistant("Two things."),
            call("a", "f", "{\"x\":1}"),
            call("b", "g", "{}"),
            output("a", "A"),
            user("wait"),
            output("b", "B"),
            assistant("Done."),
        ],
        &expect![[r#"
            {"role":"user","content":"go"}
            {"role":"assistant","content":"Two things.","tool_calls":[{"id":"a","type":"function","function":{"name":"f","arguments":"{\"x\":1}"}},{"id":"b","type":"function","function":{"name":"g","arguments":"{}"}}]}
            {"role":"tool","tool_call_id":"a","content":"A"}
            {"role":"tool","tool_call_id":"b","content":"B"}
            {"role":"user","content":"wait"}
            {"role":"assistant","content":"Done."}
        "#]],
    );
}

#[test]
fn results_that_are_doubled_missing_or_of_nobody() {
    check(
        &[
            user("go"),
            call("a", "f", "{}"),
            output("a", "first"),
            output("a", "second"),
            call("b", "f", "{}"),
            user("stop"),
            output("z", "whose?"),
        ],
        &expect![[r#"
            {"role":"user","content":"go"}
            {"role":"assistant","content":"","tool_calls":[{"id":"a","type":"function","function":{"name":"f","arguments":"{}"}}]}
            {"role":"tool","tool_call_id":"a","content":"second"}
            {"role":"assistant","content":"","tool_calls":[{"id":"b","type":"function","function":{"name":"f","arguments":"{}"}}]}
            {"role":"tool","tool_call_id":"b","content":"no result was recorded (interrupted)"}
            {"role":"user","content":"stop"}
            {"role":"user","content":"[result of the unknown tool call z]\nwhose?"}
            stray-result=a call has two results; the last counts
            filled-in=a call without a result
            stray-result=1
        "#]],
    );
}

#[test]
fn images_follow_the_whole_block_of_results() {
    let with_image = json!([{ "type": "input_text", "text": "a picture" }, image()]);
    check(
        &[
            user("look"),
            call("a", "view_image", "{}"),
            call("b", "view_image", "{}"),
            output("a", with_image.clone()),
            output("b", json!([image()])),
            user("and now?"),
        ],
        &expect![[r#"
            {"role":"user","content":"look"}
            {"role":"assistant","content":"","tool_calls":[{"id":"a","type":"function","function":{"name":"view_image","arguments":"{}"}},{"id":"b","type":"function","function":{"name":"view_image","arguments":"{}"}}]}
            {"role":"tool","tool_call_id":"a","content":"a picture\n[the image follows in the next message]"}
            {"role":"tool","tool_call_id":"b","content":"[the image follows in the next message]"}
            {"role":"user","content":[{"type":"text","text":"Image from the result of tool call a:"},{"type":"image_url","image_url":{"url":"data:image/png;base64,AAAA","detail":"high"}},{"type":"text","text":"Image from the result of tool call b:"},{"type":"image_url","image_url":{"url":"data:image/png;base64,AAAA","detail":"high"}}]}
            {"role":"user","content":"and now?"}
        "#]],
    );
    check_turn(
        "deepseek",
        &[user("look"), call("a", "view_image", "{}"), output("a", with_image)],
        |_| {},
        &expect![[r#"
            {"role":"user","content":"look"}
            {"role":"assistant","content":"","reasoning_content":"","tool_calls":[{"id":"a","type":"function","function":{"name":"view_image","arguments":"{}"}}]}
            {"role":"tool","tool_call_id":"a","content":"a picture\n[image omitted: this model takes text only]"}
            reasoning-missing=1
            omitted=image
        "#]],
    );
}

#[test]
fn images_of_the_user() {
    let message = json!({ "role": "user", "content": [image()] });
    check_turn(
        "mimo",
        &[message],
        |_| {},
        &expect![[r#"
        {"role":"user","content":[{"type":"text","text":"[image]"},{"type":"image_url","image_url":{"url":"data:image/png;base64,AAAA","detail":"high"}}]}
    "#]],
    );
    check_turn(
        "ollama",
        &[json!({ "role": "user", "content": [
        { "type": "input_image", "image_url": "https://e.com/a.png" },
        { "type": "input_file", "file_id": "f" }, image() ] })],
        |_| {},
        &expect![[r#"
            {"role":"user","content":[{"type":"text","text":"[image omitted: this model takes text only]"},{"type":"text","text":"[file omitted: this model takes text only]"},{"type":"image_url","image_url":{"url":"data:image/png;base64,AAAA","detail":"high"}}]}
            omitted=image
            omitted=input_file
        "#]],
    );
}

#[test]
fn pictures_in_the_words_of_the_model_leave_a_trace() {
    let message = json!({ "role": "assistant", "content": [
        { "type": "output_text", "text": "See: " }, image() ] });
    check(
        &[user("draw"), message],
        &expect![[r#"
        {"role":"user","content":"draw"}
        {"role":"assistant","content":"See: [image omitted: this model takes text only]"}
        omitted=image
    "#]],
    );
}

#[test]
fn custom_calls_and_searches_for_tools() {
    let items = || {
        vec![
            user("patch"),
            json!({ "type": "custom_tool_call", "call_id": "a", "name": "apply_patch", "input": "*** Begin\n\"x\"\\" }),
            json!({ "type": "custom_tool_call_output", "call_id": "a", "output": "ok" }),
            json!({ "type": "tool_search_call", "call_id": "b", "execution": "client", "arguments": { "query": "q" } }),
            json!({ "type": "tool_search_output", "call_id": "b", "execution": "client", "tools": [
                { "type": "namespace", "name": "mcp__x", "tools": [{ "type": "function", "name": "f", "parameters": { "type": "object" } }] } ] }),
            json!({ "type": "function_call", "call_id": "c", "namespace": "mcp__x", "name": "f", "arguments": "{}" }),
            output("c", "found"),
        ]
    };
    check(
        &items(),
        &expect![[r#"
            {"role":"user","content":"patch"}
            {"role":"assistant","content":"","tool_calls":[{"id":"a","type":"function","function":{"name":"apply_patch","arguments":"{\"input\":\"*** Begin\\n\\\"x\\\"\\\\\"}"}}]}
            {"role":"tool","tool_call_id":"a","content":"ok"}
            {"role":"assistant","content":"","tool_calls":[{"id":"b","type":"function","function":{"name":"tool_search","arguments":"{\"query\":\"q\"}"}}]}
            {"role":"tool","tool_call_id":"b","content":"These tools were found and can be called now: mcp__x__f"}
            {"role":"assistant","content":"","tool_calls":[{"id":"c","type":"function","function":{"name":"mcp__x__f","arguments":"{}"}}]}
            {"role":"tool","tool_call_id":"c","content":"found"}
        "#]],
    );
    check_turn(
        "openai",
        &items(),
        |_| {},
        &expect![[r#"
            {"role":"user","content":"patch"}
            {"role":"assistant","content":"","tool_calls":[{"id":"a","type":"custom","custom":{"name":"apply_patch","input":"*** Begin\n\"x\"\\"}}]}
            {"role":"tool","tool_call_id":"a","content":"ok"}
            {"role":"assistant","content":"","tool_calls":[{"id":"b","type":"function","function":{"name":"tool_search","arguments":"{\"query\":\"q\"}"}}]}
            {"role":"tool","tool_call_id":"b","content":"These tools were found and can be called now: mcp__x__f"}
            {"role":"assistant","content":"","tool_calls":[{"id":"c","type":"function","function":{"name":"mcp__x__f","arguments":"{}"}}]}
            {"role":"tool","tool_call_id":"c","content":"found"}
        "#]],
    );
}

#[test]
fn what_chat_has_no_word_for_is_told() {
    check(
        &[
            user("search"),
            json!({ "type": "web_search_call", "status": "completed", "action": { "type": "search", "query": "q" } }),
            assistant("Found."),
            json!({ "type": "compaction", "encrypted_content": "x" }),
        ],
        &expect![[r#"
            {"role":"user","content":"search"}
            {"role":"assistant","content":"Found."}
            {"role":"user","content":"[A summary of the earlier conversation stood here and cannot be read any more. What was said and done before is unknown: look at the files, and ask the user where it matters. Do not make it up.]"}
            unknown=input.web_search_call
            omitted=summary
        "#]],
    );
}

#[test]
fn arguments_are_objects() {
    check(
        &[
            user("go"),
            call("a", "f", ""),
            call("b", "f", "{\"x\":"),
            call("c", "f", "[1]"),
            call("d", "f", "ls \"-la\""),
            call("e", "f", " {\"x\":\"é\\n\"} "),
            output("a", "1"),
            output("b", "2"),
            output("c", "3"),
            output("d", "4"),
            output("e", "5"),
        ],
        &expect![[r#"
            {"role":"user","content":"go"}
            {"role":"assistant","content":"","tool_calls":[{"id":"a","type":"function","function":{"name":"f","arguments":"{}"}},{"id":"b","type":"function","function":{"name":"f","arguments":"{\"_raw\":\"{\\\"x\\\":\"}"}},{"id":"c","type":"function","function":{"name":"f","arguments":"{\"_raw\":\"[1]\"}"}},{"id":"d","type":"function","function":{"name":"f","arguments":"{\"_raw\":\"ls \\\"-la\\\"\"}"}},{"id":"e","type":"function","function":{"name":"f","arguments":" {\"x\":\"é\\n\"} "}}]}
            {"role":"tool","tool_call_id":"a","content":"1"}
            {"role":"tool","tool_call_id":"b","content":"2"}
            {"role":"tool","tool_call_id":"c","content":"3"}
            {"role":"tool","tool_call_id":"d","content":"4"}
            {"role":"tool","tool_call_id":"e","content":"5"}
            changed=arguments that are no JSON object
            changed=arguments that are no JSON object
            changed=arguments that are no JSON object
        "#]],
    );
}

/// What the opened seal says of the reasoning items, in order.
fn opened(thoughts: Vec<Thought>) -> impl FnOnce(&mut Turn<'_>) {
    move |turn| {
        let items = turn.items.iter_mut();
        let reasoning = items.filter_map(|item| match item {
            Item::Reasoning(reasoning) => Some(reasoning),
            _ => None,
        });
        reasoning.zip(thoughts).for_each(|(item, thought)| item.thought = Some(thought));
    }
}

fn thought(family: &str, answer: &str, text: &str, calls: &[&str]) -> Thought {
    Thought {
        origin: Some(Origin { provider: family.to_owned(), family: family.to_owned() }),
        answer: answer.to_owned(),
        text: text.to_owned(),
        provenance: Vec::new(),
        calls: calls.iter().map(|it| (*it).to_owned()).collect(),
    }
}

/// Two rounds of a tool loop, the second without its thought.
fn rounds() -> Vec<Value> {
    vec![
        user("go"),
        reasoning("one"),
        call("a", "f", "{}"),
        output("a", "A"),
        call("b", "f", "{}"),
        output("b", "B"),
        assistant("Done."),
    ]
}

#[test]
fn own_thought_goes_back_as_it_was_and_a_lost_one_is_filled_in() {
    let own = |family: &str| opened(vec![thought(family, "1", "the \"whole\" thought", &["a"])]);
    check_turn(
        "mimo",
        &rounds(),
        own("mimo"),
        &expect![[r#"
        {"role":"user","content":"go"}
        {"role":"assistant","reasoning_content":"the \"whole\" thought","tool_calls":[{"id":"a","type":"function","function":{"name":"f","arguments":"{}"}}]}
        {"role":"tool","tool_call_id":"a","content":"A"}
        {"role":"assistant","reasoning_content":"","tool_calls":[{"id":"b","type":"function","function":{"name":"f","arguments":"{}"}}]}
        {"role":"tool","tool_call_id":"b","content":"B"}
        {"role":"assistant","content":"Done."}
        reasoning-missing=1
    "#]],
    );
    check_turn(
        "deepseek",
        &rounds(),
        own("deepseek"),
        &expect![[r#"
        {"role":"user","content":"go"}
        {"role":"assistant","content":"","reasoning_content":"the \"whole\" thought","tool_calls":[{"id":"a","type":"function","function":{"name":"f","arguments":"{}"}}]}
        {"role":"tool","tool_call_id":"a","content":"A"}
        {"role":"assistant","content":"","reasoning_content":"","tool_calls":[{"id":"b","type":"function","function":{"name":"f","arguments":"{}"}}]}
        {"role":"tool","tool_call_id":"b","content":"B"}
        {"role":"assistant","content":"Done."}
        reasoning-missing=1
    "#]],
    );
    check_turn(
        "vllm",
        &rounds(),
        own("vllm"),
        &expect![[r#"
        {"role":"user","content":"go"}
        {"role":"assistant","content":"","reasoning":"the \"whole\" thought","tool_calls":[{"id":"a","type":"function","function":{"name":"f","arguments":"{}"}}]}
        {"role":"tool","tool_call_id":"a","content":"A"}
        {"role":"assistant","content":"","tool_calls":[{"id":"b","type":"function","function":{"name":"f","arguments":"{}"}}]}
        {"role":"tool","tool_call_id":"b","content":"B"}
        {"role":"assistant","content":"Done."}
    "#]],
    );
    check_turn(
        "openai",
        &rounds(),
        own("openai"),
        &expect![[r#"
        {"role":"user","content":"go"}
        {"role":"assistant","content":"","tool_calls":[{"id":"a","type":"function","function":{"name":"f","arguments":"{}"}}]}
        {"role":"tool","tool_call_id":"a","content":"A"}
        {"role":"assistant","content":"","tool_calls":[{"id":"b","type":"function","function":{"name":"f","arguments":"{}"}}]}
        {"role":"tool","tool_call_id":"b","content":"B"}
        {"role":"assistant","content":"Done."}
        dropped=reasoning
    "#]],
    );
}

#[test]
fn a_model_that_shall_not_think_misses_no_thought() {
    check_turn(
        "mimo",
        &rounds(),
        |turn| turn.thinking.effort = Some("none".into()),
        &expect![[r#"
            {"role":"user","content":"go"}
            {"role":"assistant","tool_calls":[{"id":"a","type":"function","function":{"name":"f","arguments":"{}"}}]}
            {"role":"tool","tool_call_id":"a","content":"A"}
            {"role":"assistant","tool_calls":[{"id":"b","type":"function","function":{"name":"f","arguments":"{}"}}]}
            {"role":"tool","tool_call_id":"b","content":"B"}
            {"role":"assistant","content":"Done."}
            dropped=reasoning
        "#]],
    );
}

#[test]
fn foreign_thought_goes_by_the_record() {
    let foreign = || opened(vec![thought("kimi", "1", "thought elsewhere", &["a"])]);
    check_turn(
        "mimo",
        &rounds(),
        foreign(),
        &expect![[r#"
        {"role":"user","content":"go"}
        {"role":"assistant","reasoning_content":"thought elsewhere","tool_calls":[{"id":"a","type":"function","function":{"name":"f","arguments":"{}"}}]}
        {"role":"tool","tool_call_id":"a","content":"A"}
        {"role":"assistant","reasoning_content":"","tool_calls":[{"id":"b","type":"function","function":{"name":"f","arguments":"{}"}}]}
        {"role":"tool","tool_call_id":"b","content":"B"}
        {"role":"assistant","content":"Done."}
        reasoning-missing=1
    "#]],
    );
    check_turn(
        "generic",
        &rounds(),
        foreign(),
        &expect![[r#"
        {"role":"user","content":"go"}
        {"role":"assistant","content":"","tool_calls":[{"id":"a","type":"function","function":{"name":"f","arguments":"{}"}}]}
        {"role":"tool","tool_call_id":"a","content":"A"}
        {"role":"assistant","content":"","tool_calls":[{"id":"b","type":"function","function":{"name":"f","arguments":"{}"}}]}
        {"role":"tool","tool_call_id":"b","content":"B"}
        {"role":"assistant","content":"Done."}
        reasoning-foreign=kimi
    "#]],
    );
}

#[test]
fn a_thought_stays_with_its_answer() {
    // The first answer was cut off after its thought; the second thought leads to the call.
    let items = vec![
        user("go"),
        reasoning("one"),
        reasoning("two"),
        call("a", "f", "{}"),
        output("a", "A"),
    ];
    let thoughts =
        vec![thought("mimo", "1", "cut off", &[]), thought("mimo", "2", "whole", &["a"])];
    check_turn(
        "mimo",
        &items,
        opened(thoughts),
        &expect![[r#"
            {"role":"user","content":"go"}
            {"role":"assistant","reasoning_content":"whole","tool_calls":[{"id":"a","type":"function","function":{"name":"f","arguments":"{}"}}]}
            {"role":"tool","tool_call_id":"a","content":"A"}
            dropped=reasoning without an answer
        "#]],
    );

    // Two stretches of thought around words are one answer, in their order.
    let items = vec![
        user("go"),
        reasoning("one"),
        assistant("Hm."),
        reasoning("two"),
        call("a", "f", "{}"),
        output("a", "A"),
    ];
    let thoughts =
        vec![thought("mimo", "1", "first, ", &["a"]), thought("mimo", "1", "second", &["a"])];
    check_turn(
        "mimo",
        &items,
        opened(thoughts),
        &expect![[r#"
        {"role":"user","content":"go"}
        {"role":"assistant","content":"Hm.","reasoning_content":"first, second","tool_calls":[{"id":"a","type":"function","function":{"name":"f","arguments":"{}"}}]}
        {"role":"tool","tool_call_id":"a","content":"A"}
    "#]],
    );
}

#[test]
fn a_thought_without_its_calls_is_no_thought_of_others() {
    let items = vec![user("go"), reasoning("one"), call("b", "f", "{}"), output("b", "B")];
    let thoughts = vec![thought("mimo", "1", "about call a", &["a"])];
    check_turn(
        "mimo",
        &items,
        opened(thoughts),
        &expect![[r#"
        {"role":"user","content":"go"}
        {"role":"assistant","reasoning_content":"","tool_calls":[{"id":"b","type":"function","function":{"name":"f","arguments":"{}"}}]}
        {"role":"tool","tool_call_id":"b","content":"B"}
        reasoning-missing=its calls are gone
        reasoning-missing=1
    "#]],
    );
}

#[test]
fn repairs_leave_out_what_was_refused_but_never_the_request_itself() {
    let body = json!({ "model": "m", "input": "x", "stream": true, "reasoning": { "effort": "low" },
        "prompt_cache_key": "k", "parallel_tool_calls": true, "tool_choice": "auto", "max_output_tokens": 5,
        "text": { "format": { "type": "json_object" } },
        "tools": [{ "type": "function", "name": "f", "parameters": { "type": "object" } }] })
    .to_string();
    let (turn, _) = responses::read(body.as_bytes(), Limits::default()).unwrap();
    let write = |params: &[&str]| -> (Value, Vec<bool>) {
        let mut repairs = Repairs::default();
        let added = params.iter().map(|it| repairs.add(Fix::DropParam, Some(it))).collect();
        let written = chat::write(&turn, &target(&dialect("openai"), &repairs)).unwrap();
        (serde_json::from_slice(&written.body.to_vec()).unwrap(), added)
    };
    let optional = [
        "stream_options",
        "reasoning_effort",
        "prompt_cache_key",
        "parallel_tool_calls",
        "tool_choice",
        "max_completion_tokens",
        "response_format",
    ];
    let (whole, _) = write(&[]);
    for name in optional {
        assert!(whole.get(name).is_some(), "{name} in {whole}");
        let path = format!("{name}.x");
        let (less, added) = write(&[&path, name]);
        assert_eq!((less.get(name), added), (None, vec![true, false]), "{name}");
    }
    let needed = ["model", "messages", "tools", "stream", "tools[0].function.strict"];
    let (same, added) = write(&needed);
    assert_eq!((same, added), (whole, vec![false; 5]));
}
