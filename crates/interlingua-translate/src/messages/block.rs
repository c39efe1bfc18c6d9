use std::borrow::Cow;

use interlingua_ir::{Attachment, CallHead, Form, Index, Kind, Text};

use crate::tools::{ARGUMENT, joined_name};

/// A block of an answer that is being written.
///
/// A client sees one block at a time, in the order in which they were opened. What arrives for a later
/// one waits in its `text`; so does a call until it is whole, and all of an answer that is wanted whole.
#[derive(Debug)]
pub(super) struct Block {
    pub(super) index: Index,
    body: Body,
    /// What has not gone out yet, JSON-escaped.
    text: Vec<u8>,
    /// The sources that have not gone out yet, as JSON objects.
    citations: Vec<Vec<u8>>,
    sealed: Option<String>,
    /// Everything of a delta event up to the piece itself; empty until the block has started.
    delta: Vec<u8>,
    /// Whether anything but blanks has come.
    said: bool,
    pub(super) closed: bool,
}

#[derive(Debug)]
enum Body {
    Text,
    Thought,
    Call {
        id: String,
        name: String,
        /// The input is free text, which this protocol knows only inside an argument.
        wrapped: bool,
    },
}

impl Block {
    /// Makes the block of `kind`, if this protocol has a word for it.
    pub(super) fn new(index: Index, kind: Kind<'_>) -> Option<Self> {
        let body = match kind {
            Kind::Text | Kind::Refusal => Body::Text,
            Kind::Reasoning => Body::Thought,
            Kind::Call(head) => Body::Call {
                name: name(&head),
                wrapped: head.form == Form::Custom,
                id: head.id.into_owned(),
            },
            Kind::Summary => return None,
        };
        Some(Self {
            index,
            body,
            text: Vec::new(),
            citations: Vec::new(),
            sealed: None,
            delta: Vec::new(),
            said: false,
            closed: false,
        })
    }

    pub(super) fn is_call(&self) -> bool {
        matches!(self.body, Body::Call { .. })
    }

    /// Whether it is a call with arguments that nobody can run, once it is whole.
    pub(super) fn is_broken(&self) -> bool {
        self.is_call() && object(&self.text).is_none()
    }

    /// Whether the client sees the block.
    pub(super) fn has_started(&self) -> bool {
        !self.delta.is_empty()
    }

    /// Takes the next piece.
    pub(super) fn piece(&mut self, text: &Text<'_>) {
        self.begin_input();
        let start = self.text.len();
        match self.body {
            // The text becomes a string inside a document inside a string.
            Body::Call { wrapped: true, .. } => {
                let mut inner = Vec::with_capacity(text.stored_len() + 8);
                text.write_json(&mut inner);
                interlingua_ir::escape(&interlingua_protocol::lossy(&inner), &mut self.text);
            }
            _ => text.write_json(&mut self.text),
        }
        self.said |= self.text[start..].iter().any(|byte| !byte.is_ascii_whitespace());
    }

    pub(super) fn attach(&mut self, attachment: Attachment<'_>) {
        match attachment {
            Attachment::Sealed(blob) => {
                self.sealed = Some(blob.into_owned()).filter(|it| !it.is_empty());
            }
            // It travels inside the seal.
            Attachment::Provenance { .. } => {}
            Attachment::Citation { url, title } if matches!(self.body, Body::Text) => {
                self.citations.push(citation(&url, &title));
            }
            Attachment::Citation { .. } => {}
        }
    }

    /// Whether the block has something to show. A call is shown once it is whole: what has begun cannot
    /// be taken back. An empty text is refused when it comes back.
    fn is_worth_a_block(&self) -> bool {
        match self.body {
            Body::Call { .. } => self.closed,
            Body::Text | Body::Thought => !self.text.is_empty() || !self.citations.is_empty(),
        }
    }

    /// Writes the events for what has come since the last time. `place` is the block's position among
    /// those that the client sees; says whether the client sees it now.
    pub(super) fn stream(&mut self, place: u32, out: &mut Vec<u8>) -> bool {
        if !self.has_started() {
            if !self.is_worth_a_block() {
                return false;
            }
            self.start(place, out);
        }
        for citation in std::mem::take(&mut self.citations) {
            begin_delta(place, "citations_delta", out);
            out.extend_from_slice(b",\"citation\":");
            out.extend_from_slice(&citation);
            out.extend_from_slice(b"}}\n\n");
        }
        if !self.text.is_empty() {
            out.reserve(self.delta.len() + self.text.len() + 8);
            out.extend_from_slice(&self.delta);
            out.extend_from_slice(&self.text);
            out.extend_from_slice(b"\"}}\n\n");
            self.text.clear();
        }
        true
    }

    /// Writes the events that end the block; says whether the client has seen it.
    pub(super) fn finish(&mut self, place: u32, out: &mut Vec<u8>) -> bool {
        self.end_input();
        if !self.stream(place, out) {
            let hidden = self.hidden();
            if let Some(json) = &hidden {
                begin("content_block_start", place, out);
                out.extend_from_slice(b",\"content_block\":");
                out.extend_from_slice(json);
                out.extend_from_slice(b"}\n\n");
                end(place, out);
            }
            return hidden.is_some();
        }
        if let Body::Thought = self.body {
            begin_delta(place, "signature_delta", out);
            out.extend_from_slice(b",\"signature\":\"");
            Text::plain(self.sealed.as_deref().unwrap_or(UNSEALED)).write_json(out);
            out.extend_from_slice(b"\"}}\n\n");
        }
        end(place, out);
        true
    }

    /// Writes the block as an object; says whether there is one.
    pub(super) fn write(&mut self, out: &mut Vec<u8>) -> bool {
        self.end_input();
        if !self.is_worth_a_block() {
            let hidden = self.hidden();
            out.extend_from_slice(hidden.as_deref().unwrap_or_default());
            return hidden.is_some();
        }
        match &self.body {
            Body::Text => {
                out.extend_from_slice(b"{\"type\":\"text\",\"text\":\"");
                out.extend_from_slice(&self.text);
                out.push(b'"');
                if !self.citations.is_empty() {
                    out.extend_from_slice(b",\"citations\":[");
                    out.extend_from_slice(&self.citations.join(&b','));
                    out.push(b']');
                }
            }
            Body::Thought => {
                out.extend_from_slice(b"{\"type\":\"thinking\",\"thinking\":\"");
                out.extend_from_slice(&self.text);
                out.extend_from_slice(b"\",\"signature\":\"");
                Text::plain(self.sealed.as_deref().unwrap_or(UNSEALED)).write_json(out);
                out.push(b'"');
            }
            Body::Call { id, name, .. } => {
                write_call(id, name, out);
                // Text that is no object is kept: the client says what is wrong with it.
                let raw =
                    || format!("{{\"_raw\":\"{}\"}}", interlingua_protocol::lossy(&self.text));
                out.extend_from_slice(object(&self.text).unwrap_or_else(raw).as_bytes());
            }
        }
        out.push(b'}');
        true
    }

    fn start(&mut self, place: u32, out: &mut Vec<u8>) {
        begin("content_block_start", place, out);
        out.extend_from_slice(b",\"content_block\":");
        let delta: &[u8] = match &self.body {
            Body::Text => {
                out.extend_from_slice(b"{\"type\":\"text\",\"text\":\"\"}");
                b"\"type\":\"text_delta\",\"text\":\""
            }
            Body::Thought => {
                out.extend_from_slice(
                    b"{\"type\":\"thinking\",\"thinking\":\"\",\"signature\":\"\"}",
                );
                b"\"type\":\"thinking_delta\",\"thinking\":\""
            }
            Body::Call { id, name, .. } => {
                write_call(id, name, out);
                out.extend_from_slice(b"{}}");
                b"\"type\":\"input_json_delta\",\"partial_json\":\""
            }
        };
        out.extend_from_slice(b"}\n\n");
        begin("content_block_delta", place, &mut self.delta);
        self.delta.extend_from_slice(b",\"delta\":{");
        self.delta.extend_from_slice(delta);
    }

    /// A thought without words, as a block of its own kind: only its maker can read it.
    fn hidden(&self) -> Option<Vec<u8>> {
        let (Body::Thought, Some(sealed)) = (&self.body, &self.sealed) else { return None };
        let mut json = b"{\"type\":\"redacted_thinking\",\"data\":\"".to_vec();
        Text::plain(sealed.as_str()).write_json(&mut json);
        json.extend_from_slice(b"\"}");
        Some(json)
    }

    /// Opens the argument that holds free text, before its first piece.
    fn begin_input(&mut self) {
        if let Body::Call { wrapped: true, .. } = self.body
            && !self.said
        {
            self.said = true;
            self.text.extend_from_slice(b"{\\\"");
            self.text.extend_from_slice(ARGUMENT.as_bytes());
            self.text.extend_from_slice(b"\\\":\\\"");
        }
    }

    /// Completes a call's input: no arguments are an empty object, free text is closed. Text that is
    /// no JSON stays the model's own: a client that runs tools tells the model what is wrong with it.
    fn end_input(&mut self) {
        let Body::Call { wrapped, .. } = self.body else { return };
        if wrapped {
            self.begin_input();
            self.text.extend_from_slice(b"\\\"}");
        } else if !self.said {
            self.text.extend_from_slice(b"{}");
        }
    }
}

/// What stands where a thought's seal would: clients of this protocol drop thoughts without a mark.
pub(super) const UNSEALED: &str = "unsealed";

/// The name of a call. This protocol has no groups of tools.
fn name(head: &CallHead<'_>) -> String {
    let joined = joined_name(&head.name, head.namespace.as_deref());
    joined.unwrap_or_else(|| Cow::Borrowed(&*head.name)).into_owned()
}

/// Writes a call up to its input.
fn write_call(id: &str, name: &str, out: &mut Vec<u8>) {
    out.extend_from_slice(b"{\"type\":\"tool_use\",\"id\":\"");
    Text::plain(id).write_json(out);
    out.extend_from_slice(b"\",\"name\":\"");
    Text::plain(name).write_json(out);
    out.extend_from_slice(b"\",\"input\":");
}

/// A source. What was quoted, and the mark by which its maker would recognise it, are not known.
fn citation(url: &Text<'_>, title: &Text<'_>) -> Vec<u8> {
    let mut json =
        b"{\"type\":\"web_search_result_location\",\"cited_text\":\"\",\"url\":\"".to_vec();
    url.write_json(&mut json);
    json.extend_from_slice(b"\",\"title\":\"");
    title.write_json(&mut json);
    json.extend_from_slice(b"\",\"encrypted_index\":\"\"}");
    json
}

/// Arguments as an object instead of text, if they are one.
fn object(escaped: &[u8]) -> Option<String> {
    let text = Text::Json(interlingua_protocol::lossy(escaped));
    let plain = text.to_plain();
    let is_json = serde_json::from_str::<serde::de::IgnoredAny>(&plain).is_ok();
    (is_json && plain.trim_start().starts_with('{')).then(|| plain.into_owned())
}

/// Writes the beginning of an event about a block.
fn begin(kind: &str, place: u32, out: &mut Vec<u8>) {
    out.extend_from_slice(b"event: ");
    out.extend_from_slice(kind.as_bytes());
    out.extend_from_slice(b"\ndata: {\"type\":\"");
    out.extend_from_slice(kind.as_bytes());
    out.extend_from_slice(b"\",\"index\":");
    out.extend_from_slice(itoa::Buffer::new().format(place).as_bytes());
}

/// Writes the beginning of a delta event, up to its fields.
fn begin_delta(place: u32, kind: &str, out: &mut Vec<u8>) {
    begin("content_block_delta", place, out);
    out.extend_from_slice(b",\"delta\":{\"type\":\"");
    out.extend_from_slice(kind.as_bytes());
    out.push(b'"');
}

fn end(place: u32, out: &mut Vec<u8>) {
    begin("content_block_stop", place, out);
    out.extend_from_slice(b"}\n\n");
}
