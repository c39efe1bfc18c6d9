//! Chat Completions: chunk by chunk, or as one `chat.completion`.

use bytes::Bytes;
use serde_json::{Map, Value, json};

use super::{Act, CREATED, Head, fragments, words};
use crate::upstream::thought::thoughts;
use crate::upstream::{Piece, Usage};

mod voice;

pub(in crate::upstream) use voice::Voice;

pub(super) fn stream(head: Head<'_>, pieces: &[Piece]) -> Vec<Act> {
    let seals = thoughts(head.issuer, pieces).into_iter().map(|it| it.seal).collect();
    let mut writer = Writer { head, acts: Vec::new(), calls: 0, seals };
    writer.delta(&json!({ "role": "assistant", "content": "" }), None);
    for piece in pieces {
        match piece {
            Piece::Reasoning(text) => writer.thought(text),
            Piece::Text(text) => writer.words("content", text),
            Piece::Call { id, name, arguments } => writer.call(id.as_deref(), name, arguments),
            Piece::Finish(reason) => writer.delta(&json!({}), Some(reason)),
            Piece::Usage(usage) if head.body["stream_options"]["include_usage"] == true => {
                writer.chunk(&json!([]), &counts(*usage));
            }
            // This protocol has no words for them.
            Piece::Usage(_) | Piece::Redacted | Piece::Search { .. } => {}
            Piece::Fail { code, message } => {
                writer
                    .send(&json!({ "error": { "message": message, "type": code, "code": code } }));
                return writer.acts;
            }
            Piece::Raw(bytes) => writer.acts.push(Act::Send(bytes.clone())),
            Piece::Wait(time) => writer.acts.push(Act::Wait(*time)),
            Piece::Cut => {
                writer.acts.push(Act::Cut);
                return writer.acts;
            }
        }
    }
    if head.done_line {
        writer.acts.push(Act::Send(Bytes::from_static(b"data: [DONE]\n\n")));
    }
    writer.acts
}

struct Writer<'a> {
    head: Head<'a>,
    acts: Vec<Act>,
    calls: usize,
    seals: Vec<String>,
}

impl Writer<'_> {
    fn words(&mut self, field: &str, text: &str) {
        for word in words(text) {
            self.delta(&json!({ field: word }), None);
        }
    }

    fn thought(&mut self, text: &str) {
        let seal = self.seals.first().cloned().unwrap_or_default();
        for delta in self.head.voice.deltas(words(text), &seal) {
            self.delta(&delta, None);
        }
    }

    fn call(&mut self, id: Option<&str>, name: &str, arguments: &str) {
        let index = self.calls;
        self.calls += 1;
        let mut first = json!({
            "index": index,
            "type": "function",
            "function": { "name": name, "arguments": "" },
        });
        if let Some(id) = id {
            first["id"] = id.into();
        }
        let seal = self.seals.first().filter(|_| index == 0);
        if let Some(beside) = seal.and_then(|seal| self.head.voice.beside_call(seal)) {
            first["extra_content"] = beside;
        }
        self.delta(&json!({ "tool_calls": [first] }), None);
        for fragment in fragments(arguments) {
            let next = json!({ "index": index, "function": { "arguments": fragment } });
            self.delta(&json!({ "tool_calls": [next] }), None);
        }
    }

    fn delta(&mut self, delta: &Value, finish: Option<&str>) {
        let choices = json!([{ "index": 0, "delta": delta, "finish_reason": finish }]);
        self.chunk(&choices, &Value::Null);
    }

    fn chunk(&mut self, choices: &Value, usage: &Value) {
        self.send(&json!({
            "id": self.head.id("chatcmpl"),
            "object": "chat.completion.chunk",
            "created": CREATED,
            "model": self.head.model(),
            "choices": choices,
            "usage": usage,
        }));
    }

    fn send(&mut self, chunk: &Value) {
        self.acts.push(Act::Send(format!("data: {chunk}\n\n").into()));
    }
}

pub(super) fn fold(head: Head<'_>, pieces: &[Piece]) -> Value {
    let (mut thought, mut prose) = (String::new(), String::new());
    let seals = thoughts(head.issuer, pieces);
    let seal = seals.first().map(|it| it.seal.as_str()).unwrap_or_default();
    let (mut calls, mut finish, mut usage) = (Vec::new(), Value::Null, Value::Null);
    for piece in pieces {
        match piece {
            Piece::Reasoning(text) => thought.push_str(text),
            Piece::Text(text) => prose.push_str(text),
            Piece::Call { id, name, arguments } => {
                let function = json!({ "name": name, "arguments": arguments });
                let mut call = json!({ "id": id, "type": "function", "function": function });
                let signed = calls.is_empty() && !seal.is_empty();
                if let Some(beside) = head.voice.beside_call(seal).filter(|_| signed) {
                    call["extra_content"] = beside;
                }
                calls.push(call);
            }
            Piece::Finish(reason) => finish = reason.as_str().into(),
            Piece::Usage(told) => usage = counts(*told),
            _ => {}
        }
    }
    let mut message = Map::new();
    message.insert("role".into(), "assistant".into());
    message.insert("content".into(), prose.into());
    if !thought.is_empty() {
        head.voice.whole(&mut message, &thought, seal);
    }
    if !calls.is_empty() {
        message.insert("tool_calls".into(), calls.into());
    }
    json!({
        "id": head.id("chatcmpl"),
        "object": "chat.completion",
        "created": CREATED,
        "model": head.model(),
        "choices": [{ "index": 0, "message": message, "finish_reason": finish }],
        "usage": usage,
    })
}

fn counts(usage: Usage) -> Value {
    json!({
        "prompt_tokens": usage.input,
        "completion_tokens": usage.output,
        "total_tokens": usage.input + usage.output,
        "prompt_tokens_details": { "cached_tokens": usage.cached },
        "completion_tokens_details": { "reasoning_tokens": usage.reasoning },
    })
}
