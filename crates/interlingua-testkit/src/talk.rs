//! Plain clients of the three protocols, as somebody writes them on an official SDK.
//!
//! They keep their history as the protocol has it and send it back as it came, except that a client of
//! Chat Completions forgets `reasoning_content`, unless it is told not to.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use serde_json::{Value, json};

use crate::http::{Call, Reply};
use crate::upstream::Wire;

mod chat;
mod messages;
mod responses;

/// The tools that a talker offers.
const TOOLS: [&str; 3] = ["read", "write", "search"];

/// One conversation of one client.
#[derive(Clone, Debug)]
pub struct Talker {
    wire: Wire,
    model: String,
    key: Option<String>,
    effort: Option<&'static str>,
    keeps_thought: bool,
    limit: Duration,
    history: Vec<Value>,
    /// The calls that wait for their results.
    open: Vec<ToolCall>,
}

/// A call that the model made.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct ToolCall {
    /// Its id, as the client got it.
    pub id: String,
    /// The tool.
    pub name: String,
    /// Its arguments.
    pub arguments: Value,
}

/// An answer as a client understood it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Answered {
    /// What the model thought, as far as it can be read.
    pub thought: String,
    /// What it said.
    pub text: String,
    /// What it wants done.
    pub calls: Vec<ToolCall>,
    /// Why it stopped, in the protocol's word.
    pub stop: String,
    /// The entries of the history that it becomes.
    items: Vec<Value>,
}

impl Talker {
    /// A client that asks for a model.
    pub fn new(wire: Wire, model: &str) -> Self {
        Self {
            wire,
            model: model.into(),
            key: None,
            effort: None,
            keeps_thought: wire != Wire::Chat,
            limit: Duration::from_secs(20),
            history: Vec::new(),
            open: Vec::new(),
        }
    }

    /// The client key that it sends.
    #[must_use]
    pub fn key(mut self, key: &str) -> Self {
        self.key = Some(key.into());
        self
    }

    /// How much the model shall think; a Messages client leaves it to the model.
    #[must_use]
    pub fn effort(mut self, level: &'static str) -> Self {
        self.effort = Some(level);
        self
    }

    /// Sends `reasoning_content` back, too.
    #[must_use]
    pub fn keeping_thought(mut self) -> Self {
        self.keeps_thought = true;
        self
    }

    /// How long the server may be silent; twenty seconds unless set.
    #[must_use]
    pub fn limit(mut self, limit: Duration) -> Self {
        self.limit = limit;
        self
    }

    /// Asks for another model from now on.
    pub fn switch(&mut self, model: &str) {
        model.clone_into(&mut self.model);
    }

    /// The user says something.
    pub fn say(&mut self, text: &str) {
        self.history.push(json!({ "role": "user", "content": text }));
    }

    /// The history itself, for what the other methods do not say.
    pub fn history(&mut self) -> &mut Vec<Value> {
        &mut self.history
    }

    /// The calls that wait for their results.
    pub fn open(&self) -> &[ToolCall] {
        &self.open
    }

    /// Answers all open calls.
    pub fn answer(&mut self, mut result: impl FnMut(&ToolCall) -> String) {
        let results: Vec<_> = self.open.drain(..).map(|call| (result(&call), call.id)).collect();
        match self.wire {
            Wire::Chat => self.history.extend(results.into_iter().map(
                |(text, id)| json!({ "role": "tool", "tool_call_id": id, "content": text }),
            )),
            Wire::Responses => self.history.extend(results.into_iter().map(
                |(text, id)| json!({ "type": "function_call_output", "call_id": id, "output": text }),
            )),
            Wire::Messages => {
                let blocks = results.into_iter().map(
                    |(text, id)| json!({ "type": "tool_result", "tool_use_id": id, "content": text }),
                );
                let blocks: Vec<_> = blocks.collect();
                self.history.push(json!({ "role": "user", "content": blocks }));
            }
        }
    }

    /// How long the history is; [`Self::rewind`] goes back to it.
    pub fn mark(&self) -> usize {
        self.history.len()
    }

    /// Where each thing begins that the user said, in order.
    pub fn prompts(&self) -> Vec<usize> {
        let is_prompt = |item: &Value| item["role"] == "user" && item["content"].is_string();
        (0..self.history.len()).filter(|at| is_prompt(&self.history[*at])).collect()
    }

    /// Forgets everything since a mark, as a client does that edits what was said or asks again.
    pub fn rewind(&mut self, mark: usize) {
        self.history.truncate(mark);
        self.open.clear();
    }

    /// The body that the next request has.
    pub fn body(&self, stream: bool) -> Value {
        let mut body = match self.wire {
            Wire::Chat => chat::body(&self.history),
            Wire::Responses => responses::body(&self.history),
            Wire::Messages => messages::body(&self.history),
        };
        match (self.wire, self.effort) {
            (Wire::Chat, Some(level)) => body["reasoning_effort"] = level.into(),
            (Wire::Responses, Some(level)) => body["reasoning"] = json!({ "effort": level }),
            (Wire::Messages, _) | (_, None) => {}
        }
        body["model"] = self.model.as_str().into();
        body["stream"] = stream.into();
        body
    }

    /// The request of a body.
    pub fn call(&self, body: &Value) -> Call {
        let call = Call::post(&format!("/v1{}", self.wire.path()), body).limit(self.limit);
        let key = self.key.as_deref().unwrap_or("any");
        match self.wire {
            Wire::Messages => call.header("x-api-key", key).header("anthropic-version", VERSION),
            Wire::Chat | Wire::Responses => call.header("authorization", &format!("Bearer {key}")),
        }
    }

    /// Asks the model to go on, and keeps its answer.
    ///
    /// # Errors
    ///
    /// If there is no whole, well-formed answer; the text holds status and body.
    pub fn ask(&mut self, address: SocketAddr, stream: bool) -> io::Result<Answered> {
        let reply = self.call(&self.body(stream)).send(address)?;
        let answered = self.read(&reply, stream)?;
        self.keep(&answered);
        Ok(answered)
    }

    /// Understands a reply without keeping it.
    ///
    /// # Errors
    ///
    /// If it is no whole, well-formed answer; the text holds status and body.
    pub fn read(&self, reply: &Reply, stream: bool) -> io::Result<Answered> {
        let wrong = |why: &str| {
            io::Error::other(format!("{why}: status {}, body {}", reply.status, reply.text()))
        };
        if reply.status != 200 || !reply.complete {
            return Err(wrong("no whole answer"));
        }
        let read = match (self.wire, stream) {
            (Wire::Chat, true) => chat::stream(&reply.events()),
            (Wire::Chat, false) => chat::whole(&reply.json()),
            (Wire::Responses, true) => responses::stream(&reply.events()),
            (Wire::Responses, false) => responses::whole(&reply.json()),
            (Wire::Messages, true) => messages::stream(&reply.events()),
            (Wire::Messages, false) => messages::whole(&reply.json()),
        };
        read.map_err(|why| wrong(&why))
    }

    /// Makes an answer part of the history.
    pub fn keep(&mut self, answered: &Answered) {
        let mut items = answered.items.clone();
        if !self.keeps_thought {
            for item in &mut items {
                item.as_object_mut().and_then(|item| item.remove("reasoning_content"));
            }
        }
        self.history.extend(items);
        self.open.clone_from(&answered.calls);
    }
}

/// Demands an answer that follows a schema, in the words of the protocol.
pub fn form(wire: Wire, body: &mut Value, schema: &Value) {
    match wire {
        Wire::Chat => {
            let schema = json!({ "name": "answer", "schema": schema, "strict": true });
            body["response_format"] = json!({ "type": "json_schema", "json_schema": schema });
        }
        Wire::Responses => {
            let format = json!({ "type": "json_schema", "name": "answer", "schema": schema, "strict": true });
            body["text"] = json!({ "format": format });
        }
        Wire::Messages => {
            let format = json!({ "type": "json_schema", "schema": schema });
            body["output_config"] = json!({ "format": format });
        }
    }
}

const VERSION: &str = "2023-06-01";

/// What a tool takes.
fn schema() -> Value {
    json!({ "type": "object", "properties": { "value": { "type": "string" } } })
}

/// A text of a JSON value, which has to be one.
fn text<'v>(value: &'v Value, what: &str) -> Result<&'v str, String> {
    value.as_str().ok_or_else(|| format!("{what} is no text: {value}"))
}

fn arguments(text: &str) -> Result<Value, String> {
    let value: Value =
        serde_json::from_str(text).map_err(|error| format!("arguments {text:?}: {error}"))?;
    if value.is_object() { Ok(value) } else { Err(format!("arguments {text:?} are no object")) }
}

#[cfg(test)]
mod tests;
