//! What the mock upstream answers, and so what everybody must deliver.

use serde_json::json;

/// Deltas of one streamed answer.
pub(crate) const DELTAS: usize = 200;

/// The text of one delta. Every tenth has what JSON must escape, every seventh is not ASCII.
pub(crate) fn delta(index: usize) -> String {
    match index {
        _ if index.is_multiple_of(10) => format!("w{index:03} says \"so\"\n"),
        _ if index.is_multiple_of(7) => format!("w{index:03} größer als "),
        _ => format!("w{index:03} and more "),
    }
}

/// Stands in the first delta and nowhere else, in every protocol.
pub(crate) const FIRST: &[u8] = b"w000";

/// The whole text.
pub(crate) fn text() -> String {
    (0..DELTAS).map(delta).collect()
}

/// The body of a streamed answer, one event per delta.
pub(crate) fn events() -> Vec<Vec<u8>> {
    let chunk = |delta, finish: Option<&str>| {
        let choices =
            json!([{ "index": 0, "delta": delta, "logprobs": null, "finish_reason": finish }]);
        event(&json!({
            "id": "chatcmpl-bench0000000000000000",
            "object": "chat.completion.chunk",
            "created": 1_793_000_000,
            "model": "bench",
            "system_fingerprint": null,
            "choices": choices,
        }))
    };
    let mut events = vec![chunk(json!({ "role": "assistant", "content": "" }), None)];
    events.extend((0..DELTAS).map(|index| chunk(json!({ "content": delta(index) }), None)));
    events.push(chunk(json!({}), Some("stop")));
    events.push(event(&json!({
        "id": "chatcmpl-bench0000000000000000",
        "object": "chat.completion.chunk",
        "created": 1_793_000_000,
        "model": "bench",
        "choices": [],
        "usage": usage(),
    })));
    events.push(b"data: [DONE]\n\n".to_vec());
    events
}

fn event(value: &serde_json::Value) -> Vec<u8> {
    format!("data: {value}\n\n").into_bytes()
}

/// The body of a whole answer.
pub(crate) fn whole() -> Vec<u8> {
    let message = json!({ "role": "assistant", "content": text() });
    json!({
        "id": "chatcmpl-bench0000000000000000",
        "object": "chat.completion",
        "created": 1_793_000_000,
        "model": "bench",
        "choices": [{ "index": 0, "message": message, "finish_reason": "stop" }],
        "usage": usage(),
    })
    .to_string()
    .into_bytes()
}

fn usage() -> serde_json::Value {
    json!({
        "prompt_tokens": 15_000,
        "completion_tokens": DELTAS,
        "total_tokens": 15_000 + DELTAS,
        "prompt_tokens_details": { "cached_tokens": 12_000 },
    })
}
