//! What a client of Messages understands.

use serde_json::Value;

use super::{Heard, data, parse};

pub(super) fn stream(body: &str) -> Result<Heard, String> {
    let mut heard = Heard::default();
    let (mut stop, mut open, mut is_over) = (None, false, false);
    for data in data(body) {
        let event = parse(data)?;
        if is_over {
            return Err(format!("after the end: {data}"));
        }
        match event["type"].as_str() {
            Some("message_start") => heard.tokens = tokens(&event["message"]["usage"]),
            Some("content_block_start") => open = true,
            Some("content_block_delta") => {
                if !open {
                    return Err(format!("outside of a block: {data}"));
                }
                heard.deltas += 1;
                heard.text.push_str(event["delta"]["text"].as_str().unwrap_or_default());
            }
            Some("content_block_stop") => open = false,
            Some("message_delta") => {
                stop = event["delta"]["stop_reason"].as_str().map(str::to_owned);
                // What is only told at the end counts, and what is told again is not less.
                let (prompt, output) = tokens(&event["usage"]);
                heard.tokens = (heard.tokens.0.max(prompt), output);
            }
            Some("message_stop") => is_over = true,
            Some("ping") => {}
            _ => return Err(data.to_owned()),
        }
    }
    stopped(stop.as_deref())?;
    if is_over && !open { Ok(heard) } else { Err("the stream has no end".into()) }
}

pub(super) fn whole(body: &str) -> Result<Heard, String> {
    let answer = parse(body)?;
    stopped(answer["stop_reason"].as_str())?;
    let parts = answer["content"].as_array().ok_or("no content")?;
    let text = parts.iter().filter_map(|part| part["text"].as_str()).collect();
    Ok(Heard { text, tokens: tokens(&answer["usage"]), ..Heard::default() })
}

fn stopped(reason: Option<&str>) -> Result<(), String> {
    if reason == Some("end_turn") { Ok(()) } else { Err(format!("stop_reason {reason:?}")) }
}

/// Cached tokens stand beside the others here.
fn tokens(usage: &Value) -> (u64, u64) {
    let of = |field: &str| usage[field].as_u64().unwrap_or_default();
    let cached = of("cache_read_input_tokens") + of("cache_creation_input_tokens");
    (of("input_tokens") + cached, of("output_tokens"))
}
