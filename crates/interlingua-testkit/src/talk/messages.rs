//! Messages.

use serde_json::{Value, json};

use super::{Answered, TOOLS, ToolCall, arguments, schema, text};

pub(super) fn body(history: &[Value]) -> Value {
    let tools = TOOLS.map(|name| json!({ "name": name, "input_schema": schema() }));
    json!({
        "messages": history, "tools": tools, "max_tokens": 32000,
        "thinking": { "type": "adaptive" },
    })
}

pub(super) fn stream(events: &[Value]) -> Result<Answered, String> {
    let mut message = json!({ "content": [] });
    let mut blocks: Vec<Value> = Vec::new();
    // The input of the open block, while it comes.
    let mut input: Option<String> = None;
    for event in events {
        match text(&event["type"], "type")? {
            "content_block_start" if event["index"] == blocks.len() && input.is_none() => {
                blocks.push(event["content_block"].clone());
                input = Some(String::new());
            }
            "content_block_delta" => {
                let block = blocks.last_mut().ok_or("a delta without a block")?;
                extend(block, &event["delta"], input.as_mut().ok_or("a delta behind a block")?)?;
            }
            "content_block_stop" => {
                let input = input.take().ok_or("a block ends twice")?;
                let block = blocks.last_mut().ok_or("an end without a block")?;
                if !input.is_empty() {
                    block["input"] = arguments(&input)?;
                }
            }
            "message_delta" => message["stop_reason"] = event["delta"]["stop_reason"].clone(),
            "message_start" | "message_stop" | "ping" => {}
            _ => return Err(format!("unexpected {event}")),
        }
    }
    if events.last().is_none_or(|it| it["type"] != "message_stop") {
        return Err("the stream has no end".into());
    }
    message["content"] = blocks.into();
    whole(&message)
}

fn extend(block: &mut Value, delta: &Value, input: &mut String) -> Result<(), String> {
    let (field, more) = match text(&delta["type"], "type")? {
        "text_delta" => ("text", &delta["text"]),
        "thinking_delta" => ("thinking", &delta["thinking"]),
        "signature_delta" => ("signature", &delta["signature"]),
        "input_json_delta" => {
            input.push_str(text(&delta["partial_json"], "partial_json")?);
            return Ok(());
        }
        other => return Err(format!("a delta of type {other}")),
    };
    let before = block[field].as_str().unwrap_or_default();
    block[field] = format!("{before}{}", text(more, field)?).into();
    Ok(())
}

pub(super) fn whole(message: &Value) -> Result<Answered, String> {
    let mut answered = Answered {
        stop: text(&message["stop_reason"], "stop_reason")?.to_owned(),
        ..Answered::default()
    };
    let blocks = message["content"].as_array().ok_or("no content")?;
    for block in blocks {
        match text(&block["type"], "type")? {
            "thinking" => {
                if text(&block["signature"], "signature")?.is_empty() {
                    return Err("a thought without a signature".into());
                }
                answered.thought.push_str(text(&block["thinking"], "thinking")?);
            }
            "redacted_thinking" => drop(text(&block["data"], "data")?.to_owned()),
            "text" => answered.text.push_str(text(&block["text"], "text")?),
            "tool_use" => answered.calls.push(ToolCall {
                id: text(&block["id"], "id")?.to_owned(),
                name: text(&block["name"], "name")?.to_owned(),
                arguments: block["input"].clone(),
            }),
            other => return Err(format!("a block of type {other}")),
        }
    }
    answered.items = vec![json!({ "role": "assistant", "content": blocks })];
    Ok(answered)
}
