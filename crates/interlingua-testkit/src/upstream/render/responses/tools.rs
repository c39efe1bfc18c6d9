//! A call in the words of the tool that was offered.

use serde_json::{Value, json};

/// How a call is shown as an item.
pub(super) struct Call {
    /// The item, without ids, and with its text still empty.
    pub(super) item: Value,
    /// How its id begins.
    pub(super) prefix: &'static str,
    /// Its arguments, or its input.
    pub(super) text: String,
    /// Which field of the item that text fills, and what its events are called.
    pub(super) streamed: Option<(&'static str, &'static str)>,
}

impl Call {
    /// A script calls everything by one name; the request says what kind of tool has it.
    pub(super) fn new(body: &Value, name: &str, arguments: &str) -> Self {
        let parsed: Value = serde_json::from_str(arguments).unwrap_or_default();
        match offered(body, name) {
            Offered::Custom => Self {
                item: json!({ "type": "custom_tool_call", "name": name, "input": "" }),
                prefix: "ctc",
                text: parsed["input"].as_str().unwrap_or(arguments).to_owned(),
                streamed: Some(("input", "response.custom_tool_call_input")),
            },
            Offered::Search => Self {
                item: json!({
                    "type": "tool_search_call", "execution": "client", "arguments": parsed,
                }),
                prefix: "tsc",
                text: arguments.to_owned(),
                streamed: None,
            },
            Offered::Function { name, namespace } => {
                let mut item = json!({ "type": "function_call", "name": name, "arguments": "" });
                if let Some(namespace) = namespace {
                    item["namespace"] = namespace.into();
                }
                let streamed = Some(("arguments", "response.function_call_arguments"));
                Self { item, prefix: "fc", text: arguments.to_owned(), streamed }
            }
        }
    }
}

enum Offered<'a> {
    Custom,
    Search,
    Function { name: &'a str, namespace: Option<&'a str> },
}

fn offered<'a>(body: &'a Value, name: &'a str) -> Offered<'a> {
    for tool in body["tools"].as_array().into_iter().flatten() {
        let own = tool["name"].as_str().unwrap_or_default();
        match tool["type"].as_str().unwrap_or_default() {
            "custom" if own == name => return Offered::Custom,
            "tool_search" if name == "tool_search" => return Offered::Search,
            "namespace" => {
                let inner = name.strip_prefix(own).and_then(|rest| rest.strip_prefix("__"));
                let mut tools = tool["tools"].as_array().into_iter().flatten();
                if let Some(inner) = inner.filter(|inner| tools.any(|it| it["name"] == *inner)) {
                    return Offered::Function { name: inner, namespace: Some(own) };
                }
            }
            _ => {}
        }
    }
    Offered::Function { name, namespace: None }
}
