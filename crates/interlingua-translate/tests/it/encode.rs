//! What a Responses client is sent.

use expect_test::{Expect, expect};
use interlingua_testkit::fixtures::{self, sse_json};
use interlingua_testkit::schema;
use interlingua_translate::responses;
use interlingua_translate::tools::ToolMap;
use serde_json::{Value, json};

use crate::support::{Seen, dialect, head, recorded, translate, translate_with, written};

/// The way back from the tools that the real Codex offers.
pub(crate) fn tools() -> ToolMap {
    let offered = json!({ "model": "m", "input": "x", "tools": [
        { "type": "function", "name": "exec_command", "parameters": { "type": "object" } },
        { "type": "custom", "name": "apply_patch", "description": "Patches files.",
          "format": { "type": "grammar", "syntax": "lark", "definition": "start: x" } },
        { "type": "namespace", "name": "mcp__tiny", "description": "Tiny.", "tools": [
            { "type": "function", "name": "echo", "parameters": { "type": "object" } } ] },
        { "type": "tool_search", "execution": "client", "description": "Search.",
          "parameters": { "type": "object" } },
    ] });
    written(&offered, &dialect("mimo")).tools
}

/// A Chat stream of these deltas.
fn stream(deltas: &[Value]) -> String {
    let usage = json!({ "prompt_tokens": 12, "completion_tokens": 6, "total_tokens": 18,
        "prompt_tokens_details": { "cached_tokens": 10 },
        "completion_tokens_details": { "reasoning_tokens": 4 } });
    let chunk = |choice: Value| format!("data: {}\n\n", json!({ "id": "c", "choices": [choice] }));
    let mut stream: String =
        deltas.iter().map(|delta| chunk(json!({ "index": 0, "delta": delta }))).collect();
    stream += &chunk(json!({ "index": 0, "delta": {}, "finish_reason": "stop" }));
    stream + &format!("data: {}\n\ndata: [DONE]\n\n", json!({ "choices": [], "usage": usage }))
}

fn call(index: u32, id: &str, name: &str, arguments: &str) -> Value {
    json!({ "tool_calls": [{ "index": index, "id": id, "type": "function",
        "function": { "name": name, "arguments": arguments } }] })
}

/// The events for `deltas`, as the client gets them.
fn events(deltas: &[Value]) -> Seen {
    let encoder = responses::Encoder::stream(head());
    let bytes = stream(deltas);
    let (out, result) = translate_with(&dialect("mimo"), tools(), encoder, bytes.as_bytes());
    assert_eq!(result, Ok(()));
    Seen::of(&out)
}

/// Compares the stream without the two opening events and without what every answer repeats.
#[track_caller]
fn check(deltas: &[Value], expect: &Expect) {
    let mut lines = String::new();
    for mut event in events(deltas).events.into_iter().skip(2) {
        if let Some(response) = event.get_mut("response").and_then(Value::as_object_mut) {
            response.retain(|name, _| ["status", "usage", "output"].contains(&name.as_str()));
            let ids = response["output"].as_array().unwrap().iter().map(|it| it["id"].clone());
            response["output"] = ids.collect();
        }
        event.as_object_mut().unwrap().shift_remove("sequence_number");
        lines.extend([event.to_string(), "\n".to_owned()]);
    }
    expect.assert_eq(&lines);
}

#[test]
fn a_text_turn() {
    check(
        &[json!({ "content": "Hel" }), json!({ "content": "lo \"you\"\n" })],
        &expect![[r#"
            {"type":"response.output_item.added","output_index":0,"item":{"type":"message","id":"msg_1_0","status":"in_progress","role":"assistant","content":[]}}
            {"type":"response.content_part.added","item_id":"msg_1_0","output_index":0,"content_index":0,"part":{"type":"output_text","text":"","annotations":[],"logprobs":[]}}
            {"type":"response.output_text.delta","item_id":"msg_1_0","output_index":0,"content_index":0,"delta":"Hel","logprobs":[]}
            {"type":"response.output_text.delta","item_id":"msg_1_0","output_index":0,"content_index":0,"delta":"lo \"you\"\n","logprobs":[]}
            {"type":"response.output_text.done","item_id":"msg_1_0","output_index":0,"content_index":0,"text":"Hello \"you\"\n","logprobs":[]}
            {"type":"response.content_part.done","item_id":"msg_1_0","output_index":0,"content_index":0,"part":{"type":"output_text","text":"Hello \"you\"\n","annotations":[],"logprobs":[]}}
            {"type":"response.output_item.done","output_index":0,"item":{"type":"message","id":"msg_1_0","status":"completed","role":"assistant","content":[{"type":"output_text","text":"Hello \"you\"\n","annotations":[],"logprobs":[]}]}}
            {"type":"response.completed","response":{"status":"completed","output":["msg_1_0"],"usage":{"input_tokens":12,"input_tokens_details":{"cached_tokens":10,"cache_write_tokens":0},"output_tokens":6,"output_tokens_details":{"reasoning_tokens":4},"total_tokens":18}}}
        "#]],
    );
}

#[test]
fn a_thought_and_a_shell_call() {
    let arguments = [r#"{"cmd":"#, r#""ls -la"}"#];
    check(
        &[
            json!({ "reasoning_content": "Look " }),
            json!({ "reasoning_content": "around." }),
            call(0, "call_1", "exec_command", arguments[0]),
            json!({ "tool_calls": [{ "index": 0, "function": { "arguments": arguments[1] } }] }),
        ],
        &expect![[r#"
            {"type":"response.output_item.added","output_index":0,"item":{"type":"reasoning","id":"rs_1_0","summary":[]}}
            {"type":"response.reasoning_summary_part.added","item_id":"rs_1_0","output_index":0,"summary_index":0,"part":{"type":"summary_text","text":""}}
            {"type":"response.reasoning_summary_text.delta","item_id":"rs_1_0","output_index":0,"summary_index":0,"delta":"Look "}
            {"type":"response.reasoning_summary_text.delta","item_id":"rs_1_0","output_index":0,"summary_index":0,"delta":"around."}
            {"type":"response.reasoning_summary_text.done","item_id":"rs_1_0","output_index":0,"summary_index":0,"text":"Look around."}
            {"type":"response.reasoning_summary_part.done","item_id":"rs_1_0","output_index":0,"summary_index":0,"part":{"type":"summary_text","text":"Look around."}}
            {"type":"response.output_item.done","output_index":0,"item":{"type":"reasoning","id":"rs_1_0","summary":[{"type":"summary_text","text":"Look around."}]}}
            {"type":"response.output_item.added","output_index":1,"item":{"type":"function_call","id":"fc_1_1","status":"in_progress","call_id":"call_1","name":"exec_command","arguments":""}}
            {"type":"response.function_call_arguments.delta","item_id":"fc_1_1","output_index":1,"delta":"{\"cmd\":"}
            {"type":"response.function_call_arguments.delta","item_id":"fc_1_1","output_index":1,"delta":"\"ls -la\"}"}
            {"type":"response.function_call_arguments.done","item_id":"fc_1_1","output_index":1,"name":"exec_command","arguments":"{\"cmd\":\"ls -la\"}"}
            {"type":"response.output_item.done","output_index":1,"item":{"type":"function_call","id":"fc_1_1","status":"completed","call_id":"call_1","name":"exec_command","arguments":"{\"cmd\":\"ls -la\"}"}}
            {"type":"response.completed","response":{"status":"completed","output":["rs_1_0","fc_1_1"],"usage":{"input_tokens":12,"input_tokens_details":{"cached_tokens":10,"cache_write_tokens":0},"output_tokens":6,"output_tokens_details":{"reasoning_tokens":4},"total_tokens":18}}}
        "#]],
    );
}

#[test]
fn a_patch_is_streamed_as_the_free_text_that_it_is() {
    check(
        &[
            call(0, "call_1", "apply_patch", ""),
            call(0, "call_1", "apply_patch", r#"{"input": "*** Begin Patch\n*** Add File: a.tx"#),
            call(0, "call_1", "apply_patch", r"t\n+\u00e9\n*** End Pa"),
            call(0, "call_1", "apply_patch", r#"tch\n"}"#),
        ],
        &expect![[r#"
            {"type":"response.output_item.added","output_index":0,"item":{"type":"custom_tool_call","id":"ctc_1_0","status":"in_progress","call_id":"call_1","name":"apply_patch","input":""}}
            {"type":"response.custom_tool_call_input.delta","item_id":"ctc_1_0","output_index":0,"delta":"*** Begin Patch\n"}
            {"type":"response.custom_tool_call_input.delta","item_id":"ctc_1_0","output_index":0,"delta":"*** Add File: a.txt\n+é\n"}
            {"type":"response.custom_tool_call_input.delta","item_id":"ctc_1_0","output_index":0,"delta":"*** End Patch\n"}
            {"type":"response.custom_tool_call_input.done","item_id":"ctc_1_0","output_index":0,"input":"*** Begin Patch\n*** Add File: a.txt\n+é\n*** End Patch\n"}
            {"type":"response.output_item.done","output_index":0,"item":{"type":"custom_tool_call","id":"ctc_1_0","status":"completed","call_id":"call_1","name":"apply_patch","input":"*** Begin Patch\n*** Add File: a.txt\n+é\n*** End Patch\n"}}
            {"type":"response.completed","response":{"status":"completed","output":["ctc_1_0"],"usage":{"input_tokens":12,"input_tokens_details":{"cached_tokens":10,"cache_write_tokens":0},"output_tokens":6,"output_tokens_details":{"reasoning_tokens":4},"total_tokens":18}}}
        "#]],
    );
}

/// What the real Codex was seen to accept, said by a Chat upstream.
#[track_caller]
fn check_capture(name: &str, deltas: &[Value]) {
    let capture = sse_json(&fixtures::text(format!("codex/{name}")));
    let ours = events(deltas);

    let kinds = |events: &[Value]| -> Vec<String> {
        let kinds = events.iter().filter_map(|it| it["type"].as_str());
        kinds.filter(|it| *it != "response.in_progress").map(str::to_owned).collect()
    };
    assert_eq!(kinds(&ours.events), kinds(&capture), "{name}");

    let done = capture.iter().filter(|it| it["type"] == "response.output_item.done");
    for (ours, theirs) in ours.done().into_iter().zip(done) {
        assert_same_shape(&theirs["item"], ours, name);
    }
}

/// All that Codex was given stands in our value too; ids differ.
#[track_caller]
fn assert_same_shape(theirs: &Value, ours: &Value, place: &str) {
    match (theirs, ours) {
        (Value::Object(theirs), Value::Object(ours)) => {
            // Which part of an answer a message is cannot be known before it ends.
            for (name, value) in theirs.iter().filter(|(name, _)| *name != "id" && *name != "phase")
            {
                let place = format!("{place}.{name}");
                let ours = ours.get(name).unwrap_or_else(|| panic!("{place} is missing"));
                assert_same_shape(value, ours, &place);
            }
        }
        (Value::Array(theirs), Value::Array(ours)) => {
            assert_eq!(theirs.len(), ours.len(), "{place}");
            theirs
                .iter()
                .zip(ours)
                .for_each(|(theirs, ours)| assert_same_shape(theirs, ours, place));
        }
        _ => assert_eq!(ours, theirs, "{place}"),
    }
}

#[test]
fn captures_of_the_real_codex() {
    let text = |it: &str| json!({ "content": it });
    let pieces = ["Hello ", "from ", "the ", "gateway."].map(text);
    check_capture("text.sse", &pieces);

    // The arguments of the captures, so that nothing but the envelope is compared.
    let done = |name: &str| -> Vec<Value> {
        let events = sse_json(&fixtures::text(format!("codex/{name}")));
        let done = events.into_iter().filter(|it| it["type"] == "response.output_item.done");
        done.map(|it| it["item"].clone()).collect()
    };
    let string = |value: &Value| value.as_str().unwrap().to_owned();
    for name in
        ["shell_call.sse", "apply_patch_call.sse", "mcp_namespace_call.sse", "tool_search_call.sse"]
    {
        let [item] = done(name).try_into().unwrap();
        let (wire, arguments) = match string(&item["type"]).as_str() {
            "custom_tool_call" => {
                (string(&item["name"]), json!({ "input": item["input"] }).to_string())
            }
            "tool_search_call" => ("tool_search".to_owned(), item["arguments"].to_string()),
            _ => {
                let namespace =
                    item["namespace"].as_str().map_or(String::new(), |it| format!("{it}__"));
                (namespace + &string(&item["name"]), string(&item["arguments"]))
            }
        };
        check_capture(name, &[call(0, &string(&item["call_id"]), &wire, &arguments)]);
    }
}

#[test]
fn a_patch_is_mended_behind_the_lines_that_were_right() {
    let patch = "*** Begin Patch\n*** Add File: a\n+x\ny\n*** End Patch\n";
    let arguments = json!({ "input": patch }).to_string();
    let (first, rest) = arguments.split_at(60);
    let seen = events(&[call(0, "a", "apply_patch", first), call(0, "a", "apply_patch", rest)]);
    let mended = "*** Begin Patch\n*** Add File: a\n+x\n+y\n*** End Patch\n";
    assert_eq!(seen.done()[0]["input"], mended);
    let deltas: Vec<_> = seen.events.iter().filter_map(|it| it["delta"].as_str()).collect();
    assert_eq!(deltas, ["*** Begin Patch\n*** Add File: a\n+x\n", "+y\n*** End Patch\n"]);
    // Arguments that end inside the text were cut: nothing says what would have followed.
    let cut = "*** Begin Patch\n*** Add File: a\n+x\n";
    let arguments = json!({ "input": cut }).to_string();
    let seen = events(&[call(0, "a", "apply_patch", arguments.strip_suffix("\"}").unwrap())]);
    assert_eq!(seen.done()[0]["input"], cut);
}

#[test]
fn parallel_calls_are_open_together_and_stay_in_order() {
    let seen = events(&[
        call(0, "a", "exec_command", "{\"cmd\":"),
        call(1, "b", "apply_patch", "{\"input\":\"*** "),
        call(0, "a", "exec_command", "\"ls\"}"),
        call(1, "b", "apply_patch", "Begin\"}"),
    ]);
    let done: Vec<_> = seen
        .done()
        .iter()
        .map(|it| (&it["call_id"], it.get("input").or(it.get("arguments"))))
        .collect();
    assert_eq!(
        done,
        [(&json!("a"), Some(&json!("{\"cmd\":\"ls\"}"))), (&json!("b"), Some(&json!("*** Begin")))]
    );
}

#[test]
fn a_tool_search_that_is_no_object_keeps_its_words() {
    let seen = events(&[call(0, "a", "tool_search", "echo text")]);
    assert_eq!(seen.done()[0]["arguments"], json!({ "_raw": "echo text" }));
    let seen = events(&[call(0, "a", "tool_search", "")]);
    assert_eq!(seen.done()[0]["arguments"], json!({}));
}

/// Every recorded stream, through the encoder.
fn each_stream(mut each: impl FnMut(&str, &[u8], &[u8])) {
    for (stream, dialect) in recorded() {
        let (events, _) = translate(&dialect, &stream.bytes);
        let encoder = responses::Encoder::whole(head());
        let (whole, _) = translate_with(&dialect, ToolMap::default(), encoder, &stream.bytes);
        each(&stream.name, &events, &whole);
    }
}

#[test]
fn the_whole_answer_is_the_folded_stream() {
    each_stream(|name, events, whole| {
        let seen = Seen::of(events);
        let whole: Value = serde_json::from_slice(whole).unwrap();
        assert_eq!(seen.terminal()["response"], whole, "{name}");
        if whole["status"] != "failed" {
            let done: Vec<_> = seen.done().into_iter().cloned().collect();
            assert_eq!(whole["output"], Value::Array(done), "{name}");
        }
    });
}

#[test]
fn deltas_add_up_to_what_is_done() {
    each_stream(|name, events, _| {
        let seen = Seen::of(events);
        for done in seen.events.iter().filter(|it| it["type"] == "response.output_item.done") {
            let item = &done["item"];
            let places = ["/content/0/text", "/summary/0/text", "/arguments", "/input"]
                .map(|it| item.pointer(it));
            let whole = places.into_iter().flatten().next().unwrap();
            let deltas = seen.events.iter().filter(|it| it["item_id"] == item["id"]);
            let sum: String = deltas.filter_map(|it| it["delta"].as_str()).collect();
            assert_eq!(&sum, whole, "{name}");
        }
    });
}

/// Whether Open Responses knows all of it: custom tools and searches for tools it does not.
fn is_open(value: &Value) -> bool {
    let text = value.to_string();
    let foreign = ["custom_tool_call", "tool_search_call"];
    !foreign.iter().any(|it| text.contains(&format!(r#""type":"{it}""#)))
}

/// The exceptions. OpenAI itself sends `null` for a usage that its description wants to be an object or
/// to be absent, and Open Responses insists on the field; and Codex reads codes that OpenAI's description
/// does not list.
fn forgive(response: &mut Value) {
    if response["usage"].is_null() {
        response.as_object_mut().unwrap().shift_remove("usage");
    }
    let codex =
        ["context_length_exceeded", "invalid_prompt", "model_not_found", "server_is_overloaded"];
    if codex.iter().any(|code| response["error"]["code"] == *code) {
        response["error"]["code"] = "server_error".into();
    }
}

#[test]
fn everything_fits_the_published_schemas() {
    let judge = |event: &Value, name: &str| {
        let kind = event["type"].as_str().unwrap();
        let mut described = event.clone();
        if let Some(response) = described.get_mut("response") {
            forgive(response);
        }
        assert_eq!(schema::openai().check_event(&described), Ok(()), "{name} {event}");
        if is_open(event) && schema::open_responses().knows_event(kind) {
            assert_eq!(schema::open_responses().check_event(event), Ok(()), "{name} {event}");
        }
    };
    let mut count = 0;
    each_stream(|name, events, whole| {
        for event in Seen::of(events).events {
            judge(&event, name);
            count += 1;
        }
        let mut whole: Value = serde_json::from_slice(whole).unwrap();
        if is_open(&whole) {
            assert_eq!(schema::open_responses().check_response(&whole), Ok(()), "{name}");
        }
        forgive(&mut whole);
        assert_eq!(schema::openai().check_response(&whole), Ok(()), "{name}");
    });
    let own = events(&[
        json!({ "reasoning_content": "Hm." }),
        json!({ "content": "A", "annotations": [{ "type": "url_citation", "url": "https://e.com", "title": "E" }] }),
        call(0, "a", "exec_command", "{}"),
        call(1, "b", "apply_patch", "{\"input\":\"x\"}"),
        call(2, "c", "mcp__tiny__echo", "{}"),
        call(3, "d", "tool_search", "{\"query\":\"x\"}"),
    ]);
    for event in &own.events {
        judge(event, "our own");
        count += 1;
    }
    assert!(count > 100, "{count}");
}
