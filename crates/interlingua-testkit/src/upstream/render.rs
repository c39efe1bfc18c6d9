//! Pieces of an answer as Chat Completions bytes: chunk by chunk, or folded into one object.

use std::time::Duration;

use bytes::Bytes;
use serde_json::{Map, Value, json};

use super::answer::Piece;

/// What the connection does next.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Act {
    Send(Bytes),
    Wait(Duration),
    Cut,
}

/// What every chunk of one answer repeats.
pub(super) struct Head<'a> {
    pub(super) id: &'a str,
    pub(super) model: &'a str,
    /// The client asked for a chunk with token counts.
    pub(super) usage: bool,
    /// A clean end is marked by `data: [DONE]`.
    pub(super) done_line: bool,
}

const CREATED: u64 = 1_793_000_000;

/// Length in bytes of one fragment of a call's arguments; short enough that most calls have several.
const FRAGMENT: usize = 12;

/// The answer as server-sent events.
pub(super) fn stream(head: &Head<'_>, pieces: &[Piece]) -> Vec<Act> {
    let mut writer = Writer { head, acts: Vec::new(), calls: 0 };
    writer.delta(&json!({ "role": "assistant", "content": "" }), None);
    for piece in pieces {
        match piece {
            Piece::Reasoning(text) => writer.words("reasoning_content", text),
            Piece::Text(text) => writer.words("content", text),
            Piece::Call { id, name, arguments } => writer.call(id.as_deref(), name, arguments),
            Piece::Finish(reason) => writer.delta(&json!({}), Some(reason)),
            Piece::Usage(usage) if head.usage => writer.chunk(&json!([]), &usage.to_json()),
            Piece::Usage(_) => {}
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
    head: &'a Head<'a>,
    acts: Vec<Act>,
    calls: usize,
}

impl Writer<'_> {
    fn words(&mut self, field: &str, text: &str) {
        for word in text.split_inclusive(' ') {
            self.delta(&json!({ field: word }), None);
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
        let chunk = json!({
            "id": self.head.id,
            "object": "chat.completion.chunk",
            "created": CREATED,
            "model": self.head.model,
            "choices": choices,
            "usage": usage,
        });
        self.acts.push(Act::Send(format!("data: {chunk}\n\n").into()));
    }
}

fn fragments(text: &str) -> Vec<String> {
    let mut all = Vec::new();
    let mut fragment = String::new();
    for letter in text.chars() {
        fragment.push(letter);
        if fragment.len() >= FRAGMENT {
            all.push(std::mem::take(&mut fragment));
        }
    }
    if !fragment.is_empty() {
        all.push(fragment);
    }
    all
}

/// The same answer as one `chat.completion`; waits come first, and a cut leaves half of the object.
pub(super) fn fold(head: &Head<'_>, pieces: &[Piece]) -> Vec<Act> {
    let mut acts = Vec::new();
    let (mut thought, mut prose) = (String::new(), String::new());
    let (mut calls, mut finish, mut usage) = (Vec::new(), Value::Null, Value::Null);
    let mut is_cut = false;
    for piece in pieces {
        match piece {
            Piece::Reasoning(text) => thought.push_str(text),
            Piece::Text(text) => prose.push_str(text),
            Piece::Call { id, name, arguments } => {
                let function = json!({ "name": name, "arguments": arguments });
                calls.push(json!({ "id": id, "type": "function", "function": function }));
            }
            Piece::Finish(reason) => finish = reason.as_str().into(),
            Piece::Usage(counts) => usage = counts.to_json(),
            Piece::Raw(_) => {}
            Piece::Wait(time) => acts.push(Act::Wait(*time)),
            Piece::Cut => is_cut = true,
        }
    }
    let mut message = Map::new();
    message.insert("role".into(), "assistant".into());
    message.insert("content".into(), prose.into());
    if !thought.is_empty() {
        message.insert("reasoning_content".into(), thought.into());
    }
    if !calls.is_empty() {
        message.insert("tool_calls".into(), calls.into());
    }
    let mut bytes = json!({
        "id": head.id,
        "object": "chat.completion",
        "created": CREATED,
        "model": head.model,
        "choices": [{ "index": 0, "message": message, "finish_reason": finish }],
        "usage": usage,
    })
    .to_string();
    if is_cut {
        let half = bytes.floor_char_boundary(bytes.len() / 2);
        bytes.truncate(half);
    }
    acts.push(Act::Send(bytes.into()));
    if is_cut {
        acts.push(Act::Cut);
    }
    acts
}

#[cfg(test)]
mod tests {
    use super::super::answer::{call, cut, finish, reasoning, text, usage};
    use super::*;

    const HEAD: Head<'_> = Head { id: "c1", model: "m", usage: true, done_line: true };

    fn joined(acts: &[Act]) -> String {
        let bytes = acts.iter().filter_map(|act| match act {
            Act::Send(bytes) => Some(String::from_utf8(bytes.to_vec()).unwrap()),
            Act::Wait(_) | Act::Cut => None,
        });
        bytes.collect()
    }

    #[test]
    fn a_call_arrives_in_several_deltas_that_join_to_its_arguments() {
        let arguments = r#"{"cmd":"echo hällo wörld"}"#;
        let sent = joined(&stream(&HEAD, &[call("c", "shell", arguments), finish("tool_calls")]));
        let mut received = String::new();
        let mut deltas = 0;
        for line in sent.lines().filter_map(|line| line.strip_prefix("data: {")) {
            let chunk: Value = serde_json::from_str(&format!("{{{line}")).unwrap();
            let delta = &chunk["choices"][0]["delta"]["tool_calls"][0]["function"]["arguments"];
            deltas += usize::from(delta.is_string());
            received.push_str(delta.as_str().unwrap_or_default());
        }
        assert_eq!(received, arguments);
        assert!(deltas >= 3, "{deltas} deltas");
        assert!(sent.ends_with("data: [DONE]\n\n"));
    }

    #[test]
    fn usage_is_sent_only_to_those_who_ask() {
        let pieces = [text("a"), finish("stop"), usage(3, 1)];
        assert!(joined(&stream(&HEAD, &pieces)).contains("prompt_tokens"));
        let unasked = Head { usage: false, ..HEAD };
        assert!(!joined(&stream(&unasked, &pieces)).contains("prompt_tokens"));
    }

    #[test]
    fn nothing_follows_a_cut() {
        let acts = stream(&HEAD, &[text("a "), cut(), text("never")]);
        assert_eq!(acts.last(), Some(&Act::Cut));
        assert!(!joined(&acts).contains("never"));
    }

    #[test]
    fn folding_keeps_thought_text_calls_and_counts() {
        let acts = fold(
            &HEAD,
            &[
                reasoning("Think. "),
                reasoning("More."),
                text("Hi."),
                call("c", "f", "{}"),
                finish("tool_calls"),
                usage(5, 2),
            ],
        );
        let whole: Value = serde_json::from_str(&joined(&acts)).unwrap();
        let message = &whole["choices"][0]["message"];
        assert_eq!(message["reasoning_content"], "Think. More.");
        assert_eq!(message["content"], "Hi.");
        assert_eq!(message["tool_calls"][0]["id"], "c");
        assert_eq!(whole["choices"][0]["finish_reason"], "tool_calls");
        assert_eq!(whole["usage"]["total_tokens"], 7);
    }
}
