//! Messages: event by event, or as one `message`.

use bytes::Bytes;
use serde_json::{Value, json};

use super::{Act, Head, fragments, usage, words};
use crate::upstream::{Piece, Usage};

pub(super) fn stream(head: Head<'_>, pieces: &[Piece]) -> Vec<Act> {
    let mut writer = Writer::new(head, pieces);
    writer.begin();
    for piece in pieces {
        if writer.piece(piece) {
            return writer.acts;
        }
    }
    writer.close();
    if writer.stop != Value::Null && head.done_line {
        writer.event(&json!({ "type": "message_stop" }));
    }
    writer.acts
}

pub(super) fn fold(head: Head<'_>, pieces: &[Piece]) -> Value {
    let mut writer = Writer::new(head, pieces);
    for piece in pieces.iter().filter(|piece| !matches!(piece, Piece::Raw(_) | Piece::Cut)) {
        writer.piece(piece);
    }
    writer.close();
    let mut message = writer.message(&counts(writer.usage));
    message["content"] = writer.content.into();
    message["stop_reason"] = writer.stop;
    message
}

struct Writer<'a> {
    head: Head<'a>,
    acts: Vec<Act>,
    usage: Usage,
    /// The blocks so far, as a whole answer has them.
    content: Vec<Value>,
    /// The last block has not ended.
    open: bool,
    thoughts: usize,
    calls: usize,
    stop: Value,
}

impl<'a> Writer<'a> {
    fn new(head: Head<'a>, pieces: &[Piece]) -> Self {
        Self {
            head,
            acts: Vec::new(),
            usage: usage(pieces).unwrap_or_default(),
            content: Vec::new(),
            open: false,
            thoughts: 0,
            calls: 0,
            stop: Value::Null,
        }
    }

    fn begin(&mut self) {
        let mut counts = counts(self.usage);
        counts["output_tokens"] = 1.into();
        let message = self.message(&counts);
        self.event(&json!({ "type": "message_start", "message": message }));
        self.event(&json!({ "type": "ping" }));
    }

    fn message(&self, usage: &Value) -> Value {
        json!({
            "id": self.head.id("msg"),
            "type": "message",
            "role": "assistant",
            "model": self.head.model(),
            "content": [],
            "stop_reason": null,
            "stop_sequence": null,
            "usage": usage,
        })
    }

    /// Whether the stream ends here.
    fn piece(&mut self, piece: &Piece) -> bool {
        match piece {
            Piece::Reasoning(text) => self.think(text),
            Piece::Redacted => {
                self.close();
                let data = self.head.issuer.seal(self.thoughts);
                self.thoughts += 1;
                self.open(json!({ "type": "redacted_thinking", "data": data }), None);
                self.close();
            }
            Piece::Text(text) => {
                if !self.is_open("text") {
                    let block = json!({ "type": "text", "text": "" });
                    self.open(block.clone(), Some(block));
                }
                for word in words(text) {
                    self.delta(&json!({ "type": "text_delta", "text": word }));
                    self.extend("text", word);
                }
            }
            Piece::Call { id, name, arguments } => self.call(id.as_deref(), name, arguments),
            Piece::Search { query, title, url } => self.search(query, title, url),
            Piece::Finish(reason) => self.finish(reason),
            Piece::Usage(_) => {}
            Piece::Fail { code, message } => {
                let error = json!({ "type": code, "message": message });
                self.event(&json!({ "type": "error", "error": error }));
                return true;
            }
            Piece::Raw(bytes) => self.acts.push(Act::Send(bytes.clone())),
            Piece::Wait(time) => self.acts.push(Act::Wait(*time)),
            Piece::Cut => {
                self.acts.push(Act::Cut);
                return true;
            }
        }
        false
    }

    fn think(&mut self, text: &str) {
        if !self.is_open("thinking") {
            let block = json!({ "type": "thinking", "thinking": "", "signature": "" });
            self.open(block.clone(), Some(block));
        }
        for word in words(text) {
            self.delta(&json!({ "type": "thinking_delta", "thinking": word }));
            self.extend("thinking", word);
        }
    }

    fn call(&mut self, id: Option<&str>, name: &str, arguments: &str) {
        let id = id.map_or_else(|| self.head.issuer.call_id(self.calls), str::to_owned);
        self.calls += 1;
        let block = json!({ "type": "tool_use", "id": id, "name": name, "input": {} });
        let mut whole = block.clone();
        // Broken arguments can be streamed, but an object cannot hold them.
        whole["input"] = serde_json::from_str(arguments).unwrap_or_else(|_| json!({}));
        self.open(block, Some(whole));
        self.delta(&json!({ "type": "input_json_delta", "partial_json": "" }));
        for fragment in fragments(arguments) {
            self.delta(&json!({ "type": "input_json_delta", "partial_json": fragment }));
        }
    }

    fn search(&mut self, query: &str, title: &str, url: &str) {
        let id = self.head.id("srvtoolu");
        let call =
            json!({ "type": "server_tool_use", "id": id, "name": "web_search", "input": {} });
        let mut whole = call.clone();
        whole["input"] = json!({ "query": query });
        self.open(call, Some(whole));
        let input = json!({ "query": query }).to_string();
        self.delta(&json!({ "type": "input_json_delta", "partial_json": input }));
        let found = json!([{
            "type": "web_search_result", "title": title, "url": url,
            "encrypted_content": "opaque", "page_age": null,
        }]);
        let kind = "web_search_tool_result";
        self.open(json!({ "type": kind, "tool_use_id": id, "content": found }), None);
        self.close();
    }

    fn finish(&mut self, reason: &str) {
        self.close();
        let word = match reason {
            "stop" => "end_turn",
            "tool_calls" => "tool_use",
            "length" => "max_tokens",
            "content_filter" => "refusal",
            other => other,
        };
        self.stop = word.into();
        let delta = json!({ "stop_reason": word, "stop_sequence": null });
        let usage = counts(self.usage);
        self.event(&json!({ "type": "message_delta", "delta": delta, "usage": usage }));
    }

    /// Begins a block; `whole` is what a whole answer shows of it, if that is more.
    fn open(&mut self, block: Value, whole: Option<Value>) {
        self.close();
        let index = self.content.len();
        self.event(
            &json!({ "type": "content_block_start", "index": index, "content_block": block }),
        );
        self.content.push(whole.unwrap_or(block));
        self.open = true;
    }

    fn close(&mut self) {
        if self.is_open("thinking") {
            let seal = self.head.issuer.seal(self.thoughts);
            self.thoughts += 1;
            self.delta(&json!({ "type": "signature_delta", "signature": seal }));
            self.extend("signature", &seal);
        }
        if std::mem::take(&mut self.open) {
            let index = self.content.len() - 1;
            self.event(&json!({ "type": "content_block_stop", "index": index }));
        }
    }

    fn is_open(&self, kind: &str) -> bool {
        self.open && self.content.last().is_some_and(|block| block["type"] == kind)
    }

    fn extend(&mut self, field: &str, more: &str) {
        if let Some(Value::String(text)) = self.content.last_mut().map(|block| &mut block[field]) {
            text.push_str(more);
        }
    }

    fn delta(&mut self, delta: &Value) {
        let index = self.content.len() - 1;
        self.event(&json!({ "type": "content_block_delta", "index": index, "delta": delta }));
    }

    fn event(&mut self, event: &Value) {
        let kind = event["type"].as_str().unwrap_or_default();
        let bytes = Bytes::from(format!("event: {kind}\ndata: {event}\n\n"));
        self.acts.push(Act::Send(bytes));
    }
}

/// Cached tokens are counted apart from those of the input.
fn counts(usage: Usage) -> Value {
    json!({
        "input_tokens": usage.input - usage.cached,
        "cache_creation_input_tokens": 0,
        "cache_read_input_tokens": usage.cached,
        "output_tokens": usage.output,
    })
}
