//! The answer in Messages.

use serde_json::{Value, json};

use super::{CACHED, DELTAS, PROMPT, Stream, delta, named, text};
use crate::pair::MODEL;

pub(super) const ID: &str = "msg_01bench0000000000000000";

pub(super) fn stream(deltas: usize) -> Stream {
    let start = message(&json!([]), None, 1);
    let block = json!({ "type": "text", "text": "" });
    let piece = |index| {
        let delta = json!({ "type": "text_delta", "text": delta(index) });
        named(&json!({ "type": "content_block_delta", "index": 0, "delta": delta }))
    };
    let stop = json!({ "stop_reason": "end_turn", "stop_sequence": null });
    Stream {
        opening: vec![
            named(&json!({ "type": "message_start", "message": start })),
            named(&json!({ "type": "content_block_start", "index": 0, "content_block": block })),
            named(&json!({ "type": "ping" })),
        ],
        deltas: (0..deltas).map(piece).collect(),
        closing: vec![
            named(&json!({ "type": "content_block_stop", "index": 0 })),
            named(&json!({ "type": "message_delta", "delta": stop, "usage": usage(deltas) })),
            named(&json!({ "type": "message_stop" })),
        ],
    }
}

pub(super) fn whole() -> Vec<u8> {
    let content = json!([{ "type": "text", "text": text(DELTAS) }]);
    message(&content, Some("end_turn"), DELTAS).to_string().into_bytes()
}

fn message(content: &Value, stop: Option<&str>, output: usize) -> Value {
    json!({
        "id": ID,
        "type": "message",
        "role": "assistant",
        "model": MODEL,
        "content": content,
        "stop_reason": stop,
        "stop_sequence": null,
        "usage": usage(output),
    })
}

/// This protocol tells cached tokens beside the others, not among them.
fn usage(output: usize) -> Value {
    json!({
        "input_tokens": PROMPT - CACHED,
        "cache_creation_input_tokens": 0,
        "cache_read_input_tokens": CACHED,
        "output_tokens": output,
    })
}
