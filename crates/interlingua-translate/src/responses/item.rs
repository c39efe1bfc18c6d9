use interlingua_ir::{CallHead, Form, Index, Kind, Text};

/// An item that is being written.
#[derive(Debug)]
pub(super) struct Open {
    pub(super) index: Index,
    pub(super) id: String,
    pub(super) body: Body,
    /// Everything of a delta event up to the piece itself.
    pub(super) delta: Vec<u8>,
    /// The text so far, JSON-escaped.
    pub(super) text: Vec<u8>,
    pub(super) sealed: Option<String>,
    /// The sources so far, as JSON objects joined by commas, and how many they are.
    pub(super) citations: (Vec<u8>, u32),
}

#[derive(Debug)]
pub(super) enum Body {
    Message,
    Reasoning,
    Call(CallHead<'static>),
    Summary,
}

impl Open {
    /// Makes the item of `kind` at `index` of the answer `answer`.
    pub(super) fn new(answer: &str, index: Index, kind: Kind<'_>) -> Self {
        let (prefix, body) = match kind {
            Kind::Text | Kind::Refusal => ("msg", Body::Message),
            Kind::Reasoning => ("rs", Body::Reasoning),
            Kind::Summary => ("cmp", Body::Summary),
            Kind::Call(head) => {
                let prefix = match head.form {
                    Form::Function => "fc",
                    Form::Custom => "ctc",
                    Form::ToolSearch => "tsc",
                };
                (prefix, Body::Call(head.into_owned()))
            }
        };
        let suffix = answer.split_once('_').map_or(answer, |(_, it)| it);
        Self {
            index,
            id: format!("{prefix}_{suffix}_{}", index.0),
            body,
            delta: Vec::new(),
            text: Vec::new(),
            sealed: None,
            citations: (Vec::new(), 0),
        }
    }

    /// The event in which the item grows, and what stands between its place and its piece.
    pub(super) fn delta_event(&self) -> Option<(&'static str, &'static str)> {
        match &self.body {
            Body::Message => Some(("response.output_text.delta", ",\"content_index\":0")),
            Body::Reasoning => {
                Some(("response.reasoning_summary_text.delta", ",\"summary_index\":0"))
            }
            Body::Call(head) => match head.form {
                Form::Function => Some(("response.function_call_arguments.delta", "")),
                Form::Custom => Some(("response.custom_tool_call_input.delta", "")),
                Form::ToolSearch => None,
            },
            Body::Summary => None,
        }
    }

    /// Writes the fields that say which item an event is about.
    pub(super) fn place(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(b",\"item_id\":\"");
        out.extend_from_slice(self.id.as_bytes());
        out.push(b'"');
        output_index(out, self.index);
    }

    pub(super) fn write_part(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(b"{\"type\":\"output_text\",\"text\":\"");
        out.extend_from_slice(&self.text);
        out.extend_from_slice(b"\",\"annotations\":[");
        out.extend_from_slice(&self.citations.0);
        out.extend_from_slice(b"],\"logprobs\":[]}");
    }

    /// Writes the item as an object.
    pub(super) fn write(&self, status: &str, out: &mut Vec<u8>) {
        let whole = status == "completed";
        let string = |before: &str, value: &str, out: &mut Vec<u8>| {
            out.extend_from_slice(before.as_bytes());
            Text::plain(value).write_json(out);
            out.push(b'"');
        };
        match &self.body {
            Body::Message => {
                string("{\"type\":\"message\",\"id\":\"", &self.id, out);
                string(",\"status\":\"", status, out);
                out.extend_from_slice(b",\"role\":\"assistant\",\"content\":[");
                if whole {
                    self.write_part(out);
                }
                out.extend_from_slice(b"]}");
            }
            Body::Reasoning => {
                string("{\"type\":\"reasoning\",\"id\":\"", &self.id, out);
                out.extend_from_slice(b",\"summary\":[");
                if whole {
                    out.extend_from_slice(b"{\"type\":\"summary_text\",\"text\":\"");
                    out.extend_from_slice(&self.text);
                    out.extend_from_slice(b"\"}");
                }
                out.push(b']');
                if let Some(sealed) = &self.sealed {
                    string(",\"encrypted_content\":\"", sealed, out);
                }
                out.push(b'}');
            }
            Body::Summary => {
                string("{\"type\":\"compaction\",\"id\":\"", &self.id, out);
                let sealed = self.sealed.as_deref().unwrap_or_default();
                string(",\"encrypted_content\":\"", sealed, out);
                out.push(b'}');
            }
            Body::Call(head) => {
                let (kind, input) = match head.form {
                    Form::Function => ("function_call", "arguments"),
                    Form::Custom => ("custom_tool_call", "input"),
                    Form::ToolSearch => ("tool_search_call", "arguments"),
                };
                string("{\"type\":\"", kind, out);
                string(",\"id\":\"", &self.id, out);
                string(",\"status\":\"", status, out);
                string(",\"call_id\":\"", &head.id, out);
                if head.form == Form::ToolSearch {
                    out.extend_from_slice(b",\"execution\":\"client\",\"arguments\":");
                    out.extend_from_slice(object(&self.text).as_bytes());
                } else {
                    string(",\"name\":\"", &head.name, out);
                    if let Some(namespace) = &head.namespace {
                        string(",\"namespace\":\"", namespace, out);
                    }
                    string(",\"", input, out);
                    out.extend_from_slice(b":\"");
                    out.extend_from_slice(&self.text);
                    out.push(b'"');
                }
                out.push(b'}');
            }
        }
    }
}

/// Arguments as an object instead of text, for the one call that wants them so. Text that is none is
/// kept: the client says what is wrong with it.
fn object(escaped: &[u8]) -> String {
    let text = Text::Json(interlingua_protocol::lossy(escaped));
    let plain = text.to_plain();
    match serde_json::from_str::<serde::de::IgnoredAny>(&plain) {
        Ok(_) if plain.trim_start().starts_with('{') => plain.into_owned(),
        _ if plain.trim().is_empty() => "{}".to_owned(),
        _ => format!("{{\"_raw\":\"{}\"}}", interlingua_protocol::lossy(escaped)),
    }
}

pub(super) fn output_index(out: &mut Vec<u8>, index: Index) {
    out.extend_from_slice(b",\"output_index\":");
    out.extend_from_slice(itoa::Buffer::new().format(index.0).as_bytes());
}
