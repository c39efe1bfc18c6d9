//! What a client of Responses understands.

use serde_json::Value;

use super::{Heard, data, parse};

pub(super) fn stream(body: &str) -> Result<Heard, String> {
    let mut heard = Heard::default();
    let mut end = None;
    for data in data(body).filter(|data| *data != "[DONE]") {
        let event = parse(data)?;
        match event["type"].as_str() {
            _ if end.is_some() => return Err(format!("after the end: {data}")),
            Some("response.output_text.delta") => {
                heard.deltas += 1;
                heard.text.push_str(event["delta"].as_str().unwrap_or_default());
            }
            Some("response.output_item.done") => heard.again.push(text_of(&event["item"])),
            Some("response.completed") => end = Some(event["response"].clone()),
            Some("response.failed" | "response.incomplete" | "error") => {
                return Err(data.to_owned());
            }
            _ => {}
        }
    }
    if heard.again.is_empty() {
        return Err("no item is done".into());
    }
    let (text, tokens) = completed(&end.ok_or("the stream has no end")?)?;
    heard.again.push(text);
    Ok(Heard { tokens, ..heard })
}

pub(super) fn whole(body: &str) -> Result<Heard, String> {
    let (text, tokens) = completed(&parse(body)?)?;
    Ok(Heard { text, tokens, ..Heard::default() })
}

fn completed(response: &Value) -> Result<(String, (u64, u64)), String> {
    if response["status"] != "completed" {
        return Err(format!("status {} instead of completed", response["status"]));
    }
    let of = |field: &str| response["usage"][field].as_u64().unwrap_or_default();
    let items = response["output"].as_array().ok_or("no output")?;
    Ok((items.iter().map(text_of).collect(), (of("input_tokens"), of("output_tokens"))))
}

fn text_of(item: &Value) -> String {
    let parts = item["content"].as_array().into_iter().flatten();
    parts.filter_map(|part| part["text"].as_str()).collect()
}
