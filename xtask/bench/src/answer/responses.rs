//! The answer in Responses.

use serde_json::{Value, json};

use super::{CACHED, DELTAS, PROMPT, Stream, delta, named, text};
use crate::pair::MODEL;

pub(super) const ID: &str = "resp_bench00000000000000000000";
const ITEM: &str = "msg_bench00000000000000000000";

pub(super) fn stream(deltas: usize) -> Stream {
    let mut log = Log::default();
    let text = text(deltas);
    let opening = vec![
        log.event("response.created", json!({ "response": response("in_progress", &[], None) })),
        log.event(
            "response.in_progress",
            json!({ "response": response("in_progress", &[], None) }),
        ),
        log.event("response.output_item.added", json!({ "output_index": 0, "item": item(None) })),
        log.event("response.content_part.added", at_part(json!({ "part": part("") }))),
    ];
    let piece = |index| {
        let delta = json!({ "delta": delta(index), "logprobs": [] });
        log.event("response.output_text.delta", at_part(delta))
    };
    let deltas_of_text = (0..deltas).map(piece).collect();
    let item = item(Some(&text));
    let done = response("completed", std::slice::from_ref(&item), Some(&usage(deltas)));
    let closing = vec![
        log.event("response.output_text.done", at_part(json!({ "text": text, "logprobs": [] }))),
        log.event("response.content_part.done", at_part(json!({ "part": part(&text) }))),
        log.event("response.output_item.done", json!({ "output_index": 0, "item": item })),
        log.event("response.completed", json!({ "response": done })),
    ];
    Stream { opening, deltas: deltas_of_text, closing }
}

pub(super) fn whole() -> Vec<u8> {
    let items = [item(Some(&text(DELTAS)))];
    response("completed", &items, Some(&usage(DELTAS))).to_string().into_bytes()
}

/// Numbers the events.
#[derive(Default)]
struct Log {
    count: usize,
}

impl Log {
    fn event(&mut self, kind: &str, fields: Value) -> Vec<u8> {
        let mut event = json!({ "type": kind, "sequence_number": self.count });
        self.count += 1;
        if let (Value::Object(event), Value::Object(fields)) = (&mut event, fields) {
            event.extend(fields);
        }
        named(&event)
    }
}

fn at_part(fields: Value) -> Value {
    let mut value = json!({ "item_id": ITEM, "output_index": 0, "content_index": 0 });
    if let (Value::Object(value), Value::Object(fields)) = (&mut value, fields) {
        value.extend(fields);
    }
    value
}

fn part(text: &str) -> Value {
    json!({ "type": "output_text", "text": text, "annotations": [], "logprobs": [] })
}

fn item(text: Option<&str>) -> Value {
    json!({
        "type": "message",
        "id": ITEM,
        "role": "assistant",
        "status": if text.is_some() { "completed" } else { "in_progress" },
        "content": text.map(part).into_iter().collect::<Vec<_>>(),
    })
}

fn response(status: &str, output: &[Value], usage: Option<&Value>) -> Value {
    json!({
        "id": ID,
        "object": "response",
        "created_at": 1_793_000_000,
        "status": status,
        "error": null,
        "incomplete_details": null,
        "instructions": null,
        "metadata": {},
        "model": MODEL,
        "output": output,
        "parallel_tool_calls": true,
        "temperature": 1.0,
        "tool_choice": "auto",
        "tools": [],
        "top_p": 1.0,
        "store": false,
        "usage": usage,
    })
}

fn usage(output: usize) -> Value {
    json!({
        "input_tokens": PROMPT,
        "input_tokens_details": { "cached_tokens": CACHED },
        "output_tokens": output,
        "output_tokens_details": { "reasoning_tokens": 0 },
        "total_tokens": PROMPT + output,
    })
}
