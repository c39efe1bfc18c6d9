//! The answer in Chat Completions.

use serde_json::{Value, json};

use super::{CACHED, DELTAS, PROMPT, Stream, delta, text};
use crate::pair::MODEL;

pub(super) const ID: &str = "chatcmpl-bench0000000000000000";

pub(super) fn stream(deltas: usize) -> Stream {
    let closing = vec![
        chunk(&json!({}), Some("stop")),
        event(&json!({
            "id": ID,
            "object": "chat.completion.chunk",
            "created": 1_793_000_000,
            "model": MODEL,
            "choices": [],
            "usage": usage(deltas),
        })),
        b"data: [DONE]\n\n".to_vec(),
    ];
    Stream {
        opening: vec![chunk(&json!({ "role": "assistant", "content": "" }), None)],
        deltas: (0..deltas).map(|it| chunk(&json!({ "content": delta(it) }), None)).collect(),
        closing,
    }
}

fn chunk(delta: &Value, finish: Option<&str>) -> Vec<u8> {
    event(&json!({
        "id": ID,
        "object": "chat.completion.chunk",
        "created": 1_793_000_000,
        "model": MODEL,
        "system_fingerprint": null,
        "choices": [{ "index": 0, "delta": delta, "logprobs": null, "finish_reason": finish }],
    }))
}

fn event(value: &Value) -> Vec<u8> {
    format!("data: {value}\n\n").into_bytes()
}

pub(super) fn whole() -> Vec<u8> {
    let message = json!({ "role": "assistant", "content": text(DELTAS) });
    json!({
        "id": ID,
        "object": "chat.completion",
        "created": 1_793_000_000,
        "model": MODEL,
        "choices": [{ "index": 0, "message": message, "finish_reason": "stop" }],
        "usage": usage(DELTAS),
    })
    .to_string()
    .into_bytes()
}

fn usage(deltas: usize) -> Value {
    json!({
        "prompt_tokens": PROMPT,
        "completion_tokens": deltas,
        "total_tokens": PROMPT + deltas,
        "prompt_tokens_details": { "cached_tokens": CACHED },
    })
}
