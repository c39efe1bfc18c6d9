//! A model without a model: lets a newcomer see an agent work end to end before any key is set.
//!
//! It speaks Chat Completions like any other upstream, so everything behind it is the real thing. It
//! thinks, says that it is a demo, runs one harmless command where the agent offers a shell, writes one
//! file where it offers `apply_patch`, and ends.

use std::collections::VecDeque;
use std::future::Future as _;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::time::{Instant, Sleep};

/// The pause between two pieces, so that an answer can be watched.
const PAUSE: Duration = Duration::from_millis(12);

/// An answer of the demo model, on its way.
#[derive(Debug)]
pub struct Replay {
    pieces: VecDeque<Bytes>,
    pause: Pin<Box<Sleep>>,
}

impl Replay {
    /// Answers a Chat Completions request.
    pub(crate) fn of(body: &[u8]) -> Self {
        let request = serde_json::from_slice(body).unwrap_or_default();
        let answer = Answer::to(&request);
        let pieces = if request.stream { answer.pieces() } else { [answer.whole()].into() };
        Self { pieces, pause: Box::pin(tokio::time::sleep(Duration::ZERO)) }
    }

    pub(crate) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Option<Bytes>> {
        if self.pause.as_mut().poll(cx).is_pending() {
            return Poll::Pending;
        }
        self.pause.as_mut().reset(Instant::now() + PAUSE);
        Poll::Ready(self.pieces.pop_front())
    }
}

#[derive(Default, Deserialize)]
struct Request {
    #[serde(default)]
    stream: bool,
    #[serde(default)]
    messages: Vec<Message>,
    #[serde(default)]
    tools: Vec<Tool>,
}

#[derive(Deserialize)]
struct Message {
    role: String,
    #[serde(default)]
    tool_calls: Vec<ToolCall>,
}

#[derive(Deserialize)]
struct ToolCall {
    function: Function,
}

#[derive(Deserialize)]
struct Tool {
    #[serde(default)]
    function: Option<Function>,
}

#[derive(Deserialize)]
struct Function {
    name: String,
}

/// What the demo model thinks, says and calls.
struct Answer {
    thought: &'static str,
    text: &'static str,
    call: Option<(&'static str, Value)>,
    nth: usize,
}

impl Answer {
    fn to(request: &Request) -> Self {
        let offers = |name: &str| {
            request.tools.iter().any(|it| it.function.as_ref().is_some_and(|it| it.name == name))
        };
        let messages = &request.messages;
        let roles = |at: usize| messages.get(at).map(|it| it.role.as_str());
        // What an agent adds to the results of its tools begins no turn.
        let begins = |at: &usize| {
            roles(*at) == Some("user") && at.checked_sub(1).and_then(roles) != Some("tool")
        };
        let this_turn = (0..messages.len()).rfind(begins).unwrap_or(0);
        let called = |name: &str| {
            let since = request.messages.iter().skip(this_turn);
            since.flat_map(|it| &it.tool_calls).any(|it| it.function.name == name)
        };
        let nth = request.messages.len();
        if request.tools.is_empty() {
            return Self {
                thought: "I am a script, and there is no tool to show.",
                text: "This is the built-in demo model of Interlingua. No real model is connected yet.",
                call: None,
                nth,
            };
        }
        let shell = SHELLS.into_iter().find(|(name, _)| offers(name));
        if let Some((name, field)) = shell.filter(|(name, _)| !called(name)) {
            let mut arguments = json!({ field: "ls" });
            if field == "command" {
                arguments["description"] = "List this folder".into();
            }
            return Self {
                thought: "I am a script. I will show a tool call: list the folder.",
                text: "This is the built-in demo model of Interlingua. No real model is connected yet, \
                       so I only follow a script. First I list this folder.",
                call: Some((name, arguments)),
                nth,
            };
        }
        if offers("apply_patch") && !called("apply_patch") {
            return Self {
                thought: "The command has run. Next I show a patch.",
                text: "The command ran. Now I write a small file with a patch.",
                call: Some(("apply_patch", json!({ "input": PATCH }))),
                nth,
            };
        }
        let text = match (shell, offers("apply_patch")) {
            (Some(_), true) => {
                "That was the demo: thought, text, a command and a patch went through the gateway and \
                 back. `interlingua providers add` connects a real model; the README shows how."
            }
            (None, false) => {
                "This is the built-in demo model of Interlingua. No real model is connected yet, and \
                 the script knows none of your tools. `interlingua providers add` connects a real model."
            }
            _ => {
                "That was the demo: thought, text and a tool call went through the gateway and back. \
                 `interlingua providers add` connects a real model; the README shows how."
            }
        };
        Self { thought: "Nothing is left to show.", text, call: None, nth }
    }

    fn finish(&self) -> &'static str {
        if self.call.is_some() { "tool_calls" } else { "stop" }
    }

    fn call_json(&self) -> Option<Value> {
        let (name, arguments) = self.call.as_ref()?;
        let id = format!("call_demo_{}", self.nth);
        let function = json!({ "name": name, "arguments": arguments.to_string() });
        Some(json!({ "index": 0, "id": id, "type": "function", "function": function }))
    }

    fn whole(&self) -> Bytes {
        let mut message = json!({
            "role": "assistant", "content": self.text, "reasoning_content": self.thought,
        });
        if let Some(call) = self.call_json() {
            message["tool_calls"] = json!([call]);
        }
        let answer = json!({
            "id": "demo", "object": "chat.completion", "model": MODEL,
            "choices": [{ "index": 0, "message": message, "finish_reason": self.finish() }],
            "usage": usage(),
        });
        answer.to_string().into()
    }

    fn pieces(&self) -> VecDeque<Bytes> {
        let words = |field: &'static str, text: &'static str| {
            text.split_inclusive(' ').map(move |word| json!({ field: word }))
        };
        let deltas = words("reasoning_content", self.thought)
            .chain(words("content", self.text))
            .chain(self.call_json().map(|call| json!({ "tool_calls": [call] })));
        let chunk = |delta: &Value, finish: Option<&str>, usage: Option<Value>| {
            let chunk = json!({
                "id": "demo", "object": "chat.completion.chunk", "model": MODEL,
                "choices": [{ "index": 0, "delta": delta, "finish_reason": finish }], "usage": usage,
            });
            Bytes::from(format!("data: {chunk}\n\n"))
        };
        let mut pieces: VecDeque<Bytes> = deltas.map(|delta| chunk(&delta, None, None)).collect();
        pieces.push_back(chunk(&json!({}), Some(self.finish()), Some(usage())));
        pieces.push_back(Bytes::from_static(b"data: [DONE]\n\n"));
        pieces
    }
}

/// Numbers that cost nothing and keep an agent's counters at rest.
fn usage() -> Value {
    json!({ "prompt_tokens": 1, "completion_tokens": 1, "total_tokens": 2 })
}

const MODEL: &str = "assistant";

/// The tools by which agents run commands, and the field in which each takes one.
const SHELLS: [(&str, &str); 3] =
    [("exec_command", "cmd"), ("Bash", "command"), ("bash", "command")];

const PATCH: &str = "*** Begin Patch
*** Add File: interlingua-demo.txt
+This file was written by the demo model of Interlingua.
+You may delete it.
*** End Patch
";

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(messages: &Value, tools: &[&str]) -> Answer {
        let tools: Vec<Value> = tools
            .iter()
            .map(|name| json!({ "type": "function", "function": { "name": name } }))
            .collect();
        let request = json!({ "messages": messages, "tools": tools });
        Answer::to(&serde_json::from_value(request).unwrap())
    }

    #[test]
    fn it_calls_what_is_offered_once_each() {
        let tools = ["exec_command", "apply_patch"];
        let user = json!({ "role": "user", "content": "hi" });
        let called =
            |name| json!({ "role": "assistant", "tool_calls": [{ "function": { "name": name } }] });
        let name = |it: Answer| it.call.map(|it| it.0);
        assert_eq!(name(answer(&json!([user]), &tools)), Some("exec_command"));
        let one = json!([user, called("exec_command")]);
        assert_eq!(name(answer(&one, &tools)), Some("apply_patch"));
        let both = json!([user, called("exec_command"), called("apply_patch")]);
        assert_eq!(name(answer(&both, &tools)), None);
        let next_turn = json!([user, called("exec_command"), called("apply_patch"), user]);
        assert_eq!(name(answer(&next_turn, &tools)), Some("exec_command"));
        assert_eq!(name(answer(&json!([user]), &[])), None);
    }

    #[test]
    fn what_follows_a_result_begins_no_turn() {
        let user = json!({ "role": "user" });
        let call =
            json!({ "role": "assistant", "tool_calls": [{ "function": { "name": "Bash" } }] });
        let result = json!({ "role": "tool" });
        let first = answer(&json!([user]), &["Bash"]);
        assert_eq!(
            first.call.unwrap().1,
            json!({ "command": "ls", "description": "List this folder" })
        );
        let last = answer(&json!([user, call, result, user]), &["Bash"]);
        assert!(last.call.is_none() && last.text.contains("a tool call went through"));
        assert!(answer(&json!([user]), &["look"]).text.contains("none of your tools"));
    }

    #[test]
    fn it_says_that_it_is_a_demo() {
        assert!(answer(&json!([]), &["exec_command"]).text.contains("demo model"));
    }
}
