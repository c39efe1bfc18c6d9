//! A conversation as a model remembers it, whichever protocol brings it.

use serde_json::Value;

use crate::upstream::{Request, Wire};

/// What was said, in order.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) enum Said {
    /// By the user, or by the tools.
    ToModel(String),
    /// By the model, until somebody else speaks.
    ByModel(Step),
}

/// One step of the model.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub(super) struct Step {
    /// Readable thought and its seal, where the protocol has one.
    pub(super) thoughts: Vec<(String, Option<String>)>,
    /// Its prose.
    pub(super) text: String,
    /// Names and arguments of its calls.
    pub(super) calls: Vec<(String, Value)>,
}

impl Step {
    /// What anybody can see of it.
    pub(super) fn visible(&self) -> String {
        format!("{:?} {:?}", self.text, self.calls)
    }
}

pub(super) fn read(wire: Wire, request: &Request) -> Vec<Said> {
    let mut history = History::default();
    match wire {
        Wire::Chat => request.messages().iter().for_each(|it| history.chat(it)),
        Wire::Messages => request.messages().iter().for_each(|it| history.message(it)),
        Wire::Responses => match &request.body["input"] {
            Value::String(text) => history.told(text),
            input => input.as_array().into_iter().flatten().for_each(|it| history.item(it)),
        },
    }
    history.0
}

#[derive(Default)]
struct History(Vec<Said>);

impl History {
    fn told(&mut self, text: &str) {
        self.0.push(Said::ToModel(text.to_owned()));
    }

    fn step(&mut self) -> &mut Step {
        if !matches!(self.0.last(), Some(Said::ByModel(_))) {
            self.0.push(Said::ByModel(Step::default()));
        }
        match self.0.last_mut() {
            Some(Said::ByModel(step)) => step,
            _ => unreachable!("a step was pushed if there was none"),
        }
    }

    fn chat(&mut self, message: &Value) {
        match message["role"].as_str().unwrap_or_default() {
            "user" | "tool" => self.told(&text(&message["content"])),
            "assistant" => {
                // Two messages of the model in a row are two steps.
                self.0.push(Said::ByModel(Step::default()));
                let step = self.step();
                if let Some(thought) = message["reasoning_content"].as_str() {
                    step.thoughts.push((thought.to_owned(), None));
                }
                step.text = text(&message["content"]);
                for call in message["tool_calls"].as_array().into_iter().flatten() {
                    let function = &call["function"];
                    step.calls.push((name(function), arguments(&function["arguments"])));
                }
            }
            _ => {}
        }
    }

    fn message(&mut self, message: &Value) {
        let role = message["role"].as_str().unwrap_or_default();
        if role == "system" {
            return;
        }
        let whole = Value::Array(Vec::new());
        let blocks = match &message["content"] {
            Value::String(text) if role == "assistant" => {
                self.step().text.push_str(text);
                &whole
            }
            Value::String(text) => {
                self.told(text);
                &whole
            }
            blocks => blocks,
        };
        for block in blocks.as_array().into_iter().flatten() {
            let own = |field: &str| block[field].as_str().unwrap_or_default().to_owned();
            match block["type"].as_str().unwrap_or_default() {
                "tool_result" => self.told(&text(&block["content"])),
                "text" if role == "user" => self.told(&own("text")),
                "text" => self.step().text.push_str(&own("text")),
                "thinking" => {
                    self.step().thoughts.push((own("thinking"), Some(own("signature"))));
                }
                "redacted_thinking" => {
                    self.step().thoughts.push((String::new(), Some(own("data"))));
                }
                "tool_use" => self.step().calls.push((own("name"), block["input"].clone())),
                _ => {}
            }
        }
    }

    fn item(&mut self, item: &Value) {
        match item["type"].as_str().unwrap_or("message") {
            "message" if item["role"] == "assistant" => {
                self.step().text.push_str(&text(&item["content"]));
            }
            "message" if item["role"] == "user" => self.told(&text(&item["content"])),
            "function_call_output" => self.told(&text(&item["output"])),
            "reasoning" => {
                let seal = item["encrypted_content"].as_str().map(str::to_owned);
                self.step().thoughts.push((text(&item["summary"]), seal));
            }
            "function_call" => {
                let call = (name(item), arguments(&item["arguments"]));
                self.step().calls.push(call);
            }
            _ => {}
        }
    }
}

fn name(of: &Value) -> String {
    of["name"].as_str().unwrap_or_default().to_owned()
}

fn arguments(text: &Value) -> Value {
    serde_json::from_str(text.as_str().unwrap_or_default()).unwrap_or_default()
}

/// The text of a content that is a string or a list of parts.
fn text(content: &Value) -> String {
    match content {
        Value::String(text) => text.clone(),
        parts => {
            let parts = parts.as_array().into_iter().flatten();
            parts.filter_map(|part| part["text"].as_str()).collect()
        }
    }
}
