//! Chat Completions.

use serde_json::{Map, Value, json};

use super::{Answered, TOOLS, ToolCall, arguments, schema, text};

pub(super) fn body(history: &[Value]) -> Value {
    let tools = TOOLS.map(
        |name| json!({ "type": "function", "function": { "name": name, "parameters": schema() } }),
    );
    json!({ "messages": history, "tools": tools })
}

pub(super) fn whole(body: &Value) -> Result<Answered, String> {
    let choice = &body["choices"][0];
    read(&choice["message"], text(&choice["finish_reason"], "finish_reason")?)
}

pub(super) fn stream(events: &[Value]) -> Result<Answered, String> {
    let (mut thought, mut prose) = (String::new(), String::new());
    let mut calls: Vec<Value> = Vec::new();
    let mut finish = None;
    for chunk in events {
        if !chunk["error"].is_null() {
            return Err(format!("an error in the stream: {}", chunk["error"]));
        }
        if chunk["object"] != "chat.completion.chunk" || !chunk["choices"].is_array() {
            return Err(format!("no chunk: {chunk}"));
        }
        let choice = &chunk["choices"][0];
        let delta = &choice["delta"];
        thought.push_str(delta["reasoning_content"].as_str().unwrap_or_default());
        prose.push_str(delta["content"].as_str().unwrap_or_default());
        for part in delta["tool_calls"].as_array().into_iter().flatten() {
            add(&mut calls, part)?;
        }
        if let Some(reason) = choice["finish_reason"].as_str() {
            finish = Some(reason.to_owned());
        }
    }
    let finish = finish.ok_or("the stream has no finish_reason")?;
    let mut message = Map::new();
    message.insert("content".into(), prose.into());
    if !thought.is_empty() {
        message.insert("reasoning_content".into(), thought.into());
    }
    if !calls.is_empty() {
        message.insert("tool_calls".into(), calls.into());
    }
    read(&Value::Object(message), &finish)
}

/// Adds a delta to its call, as strictly as the strictest SDK: id and name come once.
fn add(calls: &mut Vec<Value>, part: &Value) -> Result<(), String> {
    let index = part["index"].as_u64().and_then(|it| usize::try_from(it).ok());
    let index = index.filter(|it| *it <= calls.len()).ok_or_else(|| format!("index of {part}"))?;
    let more = part["function"]["arguments"].as_str().unwrap_or_default();
    let Some(call) = calls.get_mut(index) else {
        let (id, name) = (text(&part["id"], "id")?, text(&part["function"]["name"], "name")?);
        let function = json!({ "name": name, "arguments": more });
        calls.push(json!({ "id": id, "type": "function", "function": function }));
        return Ok(());
    };
    if part.get("id").is_some() || part["function"].get("name").is_some() {
        return Err(format!("id or name again: {part}"));
    }
    let text = format!("{}{more}", text(&call["function"]["arguments"], "arguments")?);
    call["function"]["arguments"] = text.into();
    Ok(())
}

fn read(message: &Value, finish: &str) -> Result<Answered, String> {
    let mut item = message.clone();
    item["role"] = "assistant".into();
    let calls = message["tool_calls"].as_array().into_iter().flatten().map(|call| {
        Ok(ToolCall {
            id: text(&call["id"], "id")?.to_owned(),
            name: text(&call["function"]["name"], "name")?.to_owned(),
            arguments: arguments(text(&call["function"]["arguments"], "arguments")?)?,
        })
    });
    Ok(Answered {
        thought: message["reasoning_content"].as_str().unwrap_or_default().to_owned(),
        text: message["content"].as_str().unwrap_or_default().to_owned(),
        calls: calls.collect::<Result<_, String>>()?,
        stop: finish.to_owned(),
        items: vec![item],
    })
}
