//! Responses, with nothing stored.

use serde_json::{Value, json};

use super::{Answered, TOOLS, ToolCall, arguments, schema, text};

pub(super) fn body(history: &[Value]) -> Value {
    let tools = TOOLS.map(
        |name| json!({ "type": "function", "name": name, "parameters": schema(), "strict": false }),
    );
    json!({
        "input": history, "tools": tools, "store": false,
        "include": ["reasoning.encrypted_content"],
    })
}

pub(super) fn stream(events: &[Value]) -> Result<Answered, String> {
    let last = events.last().ok_or("the stream is empty")?;
    if last["type"] != "response.completed" {
        return Err(format!("the stream ends by {last}"));
    }
    let done = events.iter().filter(|it| it["type"] == "response.output_item.done");
    let items: Vec<Value> = done.map(|it| it["item"].clone()).collect();
    if last["response"]["output"].as_array() != Some(&items) {
        return Err("the items that were closed are not those of the end".into());
    }
    whole(&last["response"])
}

pub(super) fn whole(response: &Value) -> Result<Answered, String> {
    let mut answered =
        Answered { stop: text(&response["status"], "status")?.to_owned(), ..Answered::default() };
    if answered.stop != "completed" {
        return Err(format!("status {}", answered.stop));
    }
    let items = response["output"].as_array().ok_or("no output")?;
    for item in items {
        match text(&item["type"], "type")? {
            "reasoning" => {
                text(&item["encrypted_content"], "encrypted_content")?;
                answered.thought.push_str(&joined(&item["summary"]));
            }
            "message" => answered.text.push_str(&joined(&item["content"])),
            "function_call" => answered.calls.push(ToolCall {
                id: text(&item["call_id"], "call_id")?.to_owned(),
                name: text(&item["name"], "name")?.to_owned(),
                arguments: arguments(text(&item["arguments"], "arguments")?)?,
            }),
            other => return Err(format!("an item of type {other}")),
        }
    }
    answered.items.clone_from(items);
    Ok(answered)
}

fn joined(parts: &Value) -> String {
    let parts = parts.as_array().into_iter().flatten();
    parts.filter_map(|part| part["text"].as_str()).collect()
}
