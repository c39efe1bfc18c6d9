//! What a client of Chat Completions understands.

use serde_json::Value;

use super::{Heard, data, parse};

pub(super) fn stream(body: &str) -> Result<Heard, String> {
    let mut heard = Heard::default();
    let (mut finish, mut is_over) = (None, false);
    for data in data(body) {
        if is_over {
            return Err(format!("after the end: {data}"));
        }
        if data == "[DONE]" {
            is_over = true;
            continue;
        }
        let chunk = parse(data)?;
        if chunk["object"] != "chat.completion.chunk" {
            return Err(format!("not a chunk: {data}"));
        }
        if !chunk["usage"].is_null() {
            heard.tokens = tokens(&chunk["usage"]);
        }
        for choice in chunk["choices"].as_array().ok_or("no choices")? {
            let text = choice["delta"]["content"].as_str().unwrap_or_default();
            heard.deltas += usize::from(!text.is_empty());
            heard.text.push_str(text);
            if let Some(reason) = choice["finish_reason"].as_str() {
                finish = Some(reason.to_owned());
            }
        }
    }
    stopped(finish.as_deref())?;
    if is_over { Ok(heard) } else { Err("the stream has no end".into()) }
}

pub(super) fn whole(body: &str) -> Result<Heard, String> {
    let answer = parse(body)?;
    let choice = &answer["choices"][0];
    stopped(choice["finish_reason"].as_str())?;
    let text = choice["message"]["content"].as_str().ok_or("no text")?.to_owned();
    Ok(Heard { text, tokens: tokens(&answer["usage"]), ..Heard::default() })
}

fn stopped(reason: Option<&str>) -> Result<(), String> {
    if reason == Some("stop") { Ok(()) } else { Err(format!("finish_reason {reason:?}")) }
}

fn tokens(usage: &Value) -> (u64, u64) {
    let of = |field: &str| usage[field].as_u64().unwrap_or_default();
    (of("prompt_tokens"), of("completion_tokens"))
}
