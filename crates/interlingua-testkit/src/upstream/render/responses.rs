//! Responses: event by event, or as one `response`.

use bytes::Bytes;
use serde_json::{Value, json};

use super::{Act, CREATED, Head, fragments, usage, words};
use crate::upstream::{Piece, Usage};

mod tools;

pub(super) fn stream(head: Head<'_>, pieces: &[Piece]) -> Vec<Act> {
    let mut writer = Writer::new(head, pieces);
    for kind in ["response.created", "response.in_progress"] {
        let response = writer.response("in_progress");
        writer.event(kind, json!({ "response": response }));
    }
    for piece in pieces {
        if writer.piece(piece) {
            return writer.acts;
        }
    }
    writer.acts
}

pub(super) fn fold(head: Head<'_>, pieces: &[Piece]) -> Value {
    let mut writer = Writer::new(head, pieces);
    for piece in pieces.iter().filter(|piece| !matches!(piece, Piece::Raw(_) | Piece::Cut)) {
        writer.piece(piece);
    }
    writer.close();
    writer.last
}

struct Writer<'a> {
    head: Head<'a>,
    acts: Vec<Act>,
    usage: Usage,
    /// The items so far, the open one included.
    output: Vec<Value>,
    open: bool,
    thoughts: usize,
    calls: usize,
    events: u64,
    /// The response as it was last shown.
    last: Value,
}

impl<'a> Writer<'a> {
    fn new(head: Head<'a>, pieces: &[Piece]) -> Self {
        Self {
            head,
            acts: Vec::new(),
            usage: usage(pieces).unwrap_or_default(),
            output: Vec::new(),
            open: false,
            thoughts: 0,
            calls: 0,
            events: 0,
            last: Value::Null,
        }
    }

    /// Whether the stream ends here.
    fn piece(&mut self, piece: &Piece) -> bool {
        match piece {
            Piece::Reasoning(text) => self.think(text),
            Piece::Redacted => {
                self.close();
                self.begin_thought();
                self.close();
            }
            Piece::Text(text) => self.say(text),
            Piece::Call { id, name, arguments } => self.call(id.as_deref(), name, arguments),
            Piece::Search { query, title, url } => self.search(query, title, url),
            Piece::Finish(reason) => self.finish(reason),
            Piece::Usage(_) => {}
            Piece::Fail { code, message } => {
                self.close();
                let mut response = self.response("failed");
                response["error"] = json!({ "code": code, "message": message });
                self.event("response.failed", json!({ "response": response }));
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

    fn begin_thought(&mut self) {
        let seal = self.head.issuer.seal(self.thoughts);
        let id = self.item_id("rs");
        self.thoughts += 1;
        self.open(json!({
            "type": "reasoning", "id": id, "summary": [], "encrypted_content": seal,
            "status": "in_progress",
        }));
    }

    fn think(&mut self, text: &str) {
        if !self.is_open("reasoning") {
            self.begin_thought();
            let part = json!({ "type": "summary_text", "text": "" });
            self.item()["summary"] = json!([part]);
            self.part(
                "response.reasoning_summary_part.added",
                "summary_index",
                json!({ "part": part }),
            );
        }
        for word in words(text) {
            let delta = json!({ "delta": word });
            self.part("response.reasoning_summary_text.delta", "summary_index", delta);
            extend(&mut self.item()["summary"][0]["text"], word);
        }
    }

    fn say(&mut self, text: &str) {
        if !self.is_open("message") {
            let id = self.item_id("msg");
            self.open(json!({
                "type": "message", "id": id, "role": "assistant", "content": [],
                "status": "in_progress",
            }));
            let part =
                json!({ "type": "output_text", "text": "", "annotations": [], "logprobs": [] });
            self.item()["content"] = json!([part]);
            self.part("response.content_part.added", "content_index", json!({ "part": part }));
        }
        for word in words(text) {
            let delta = json!({ "delta": word, "logprobs": [] });
            self.part("response.output_text.delta", "content_index", delta);
            extend(&mut self.item()["content"][0]["text"], word);
        }
    }

    fn call(&mut self, id: Option<&str>, name: &str, arguments: &str) {
        self.close();
        let id = id.map_or_else(|| self.head.issuer.call_id(self.calls), str::to_owned);
        self.calls += 1;
        let call = tools::Call::new(self.head.body, name, arguments);
        let mut item = call.item.clone();
        item["id"] = self.item_id(call.prefix).into();
        item["call_id"] = id.into();
        item["status"] = "in_progress".into();
        self.open(item);
        let Some((field, event)) = call.streamed else { return };
        for fragment in fragments(&call.text) {
            self.part(&format!("{event}.delta"), "", json!({ "delta": fragment }));
            extend(&mut self.item()[field], &fragment);
        }
        let mut done = json!({ field: call.text });
        if field == "arguments" {
            done["name"] = call.item["name"].clone();
        }
        self.part(&format!("{event}.done"), "", done);
    }

    fn search(&mut self, query: &str, title: &str, url: &str) {
        self.close();
        let id = self.item_id("ws");
        let sources = json!([{ "type": "url", "url": url, "title": title }]);
        let action = json!({ "type": "search", "query": query, "sources": sources });
        self.open(json!({
            "type": "web_search_call", "id": id, "status": "in_progress", "action": action,
        }));
        self.close();
    }

    fn finish(&mut self, reason: &str) {
        self.close();
        let cut = match reason {
            "length" => Some("max_output_tokens"),
            "content_filter" => Some("content_filter"),
            _ => None,
        };
        let status = if cut.is_some() { "incomplete" } else { "completed" };
        let mut response = self.response(status);
        if let Some(reason) = cut {
            response["incomplete_details"] = json!({ "reason": reason });
        }
        self.event(&format!("response.{status}"), json!({ "response": response }));
    }

    fn response(&self, status: &str) -> Value {
        let usage = (status != "in_progress").then(|| counts(self.usage));
        json!({
            "id": self.head.id("resp"),
            "object": "response",
            "created_at": CREATED,
            "status": status,
            "error": null,
            "incomplete_details": null,
            "instructions": null,
            "metadata": {},
            "model": self.head.model(),
            "output": if status == "in_progress" { &[][..] } else { &self.output[..] },
            "parallel_tool_calls": true,
            "temperature": 1.0,
            "tool_choice": "auto",
            "tools": [],
            "top_p": 1.0,
            "store": false,
            "usage": usage,
        })
    }

    fn open(&mut self, item: Value) {
        self.close();
        let index = self.output.len();
        self.event("response.output_item.added", json!({ "output_index": index, "item": item }));
        self.output.push(item);
        self.open = true;
    }

    fn close(&mut self) {
        if !std::mem::take(&mut self.open) {
            return;
        }
        let item = self.item().clone();
        if let Some(part) = item["summary"].get(0) {
            let text = json!({ "text": part["text"] });
            self.part("response.reasoning_summary_text.done", "summary_index", text);
            self.part(
                "response.reasoning_summary_part.done",
                "summary_index",
                json!({ "part": part }),
            );
        }
        if let Some(part) = item["content"].get(0) {
            let text = json!({ "text": part["text"], "logprobs": [] });
            self.part("response.output_text.done", "content_index", text);
            self.part("response.content_part.done", "content_index", json!({ "part": part }));
        }
        self.item()["status"] = "completed".into();
        let (index, item) = (self.output.len() - 1, self.item().clone());
        self.event("response.output_item.done", json!({ "output_index": index, "item": item }));
    }

    fn is_open(&self, kind: &str) -> bool {
        self.open && self.output.last().is_some_and(|item| item["type"] == kind)
    }

    fn item(&mut self) -> &mut Value {
        self.output.last_mut().expect("an item has been opened")
    }

    fn item_id(&self, prefix: &str) -> String {
        // The item before is still counted as the last one until the next is opened.
        format!("{}_{}", self.head.id(prefix), self.output.len())
    }

    /// An event about the first part of the open item, or about the item as a whole.
    fn part(&mut self, kind: &str, index: &str, mut event: Value) {
        event["item_id"] = self.item()["id"].clone();
        event["output_index"] = (self.output.len() - 1).into();
        if !index.is_empty() {
            event[index] = 0.into();
        }
        self.event(kind, event);
    }

    fn event(&mut self, kind: &str, mut event: Value) {
        event["type"] = kind.into();
        event["sequence_number"] = self.events.into();
        self.events += 1;
        if let Some(response) = event.get("response") {
            self.last = response.clone();
        }
        self.acts.push(Act::Send(Bytes::from(format!("event: {kind}\ndata: {event}\n\n"))));
    }
}

fn extend(text: &mut Value, more: &str) {
    if let Value::String(text) = text {
        text.push_str(more);
    }
}

fn counts(usage: Usage) -> Value {
    json!({
        "input_tokens": usage.input,
        "input_tokens_details": { "cached_tokens": usage.cached, "cache_write_tokens": 0 },
        "output_tokens": usage.output,
        "output_tokens_details": { "reasoning_tokens": usage.reasoning },
        "total_tokens": usage.input + usage.output,
    })
}
