//! What an answer is made of, on its way to a Chat client.

use interlingua_ir::{CallHead, Form, Index, Kind, Text};

/// An item that is being written.
#[derive(Debug)]
pub(super) struct Open {
    pub(super) index: Index,
    pub(super) body: Body,
}

#[derive(Debug)]
pub(super) enum Body {
    /// Prose, a refusal or a thought.
    Words(Words),
    Call(Call),
    /// What Chat has no word for.
    Nothing,
}

/// The field of a delta or of a message in which words stand.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Words {
    Content,
    Reasoning,
    Refusal,
}

impl Words {
    /// The beginning of a delta in which they come.
    pub(super) fn start(self) -> &'static [u8] {
        match self {
            Self::Content => b"\"content\":\"",
            Self::Reasoning => b"\"reasoning_content\":\"",
            Self::Refusal => b"\"refusal\":\"",
        }
    }
}

/// A call.
#[derive(Debug)]
pub(super) struct Call {
    pub(super) head: CallHead<'static>,
    /// The beginning of a delta in which it grows; `None` until the client has seen it.
    pub(super) grows: Option<Vec<u8>>,
    /// The input so far, JSON-escaped, where it is needed whole.
    pub(super) input: Vec<u8>,
}

impl Open {
    pub(super) fn new(index: Index, kind: Kind<'_>) -> Self {
        let body = match kind {
            Kind::Text => Body::Words(Words::Content),
            Kind::Reasoning => Body::Words(Words::Reasoning),
            Kind::Refusal => Body::Words(Words::Refusal),
            Kind::Summary => Body::Nothing,
            Kind::Call(head) => {
                Body::Call(Call { head: head.into_owned(), grows: None, input: Vec::new() })
            }
        };
        Self { index, body }
    }
}

impl Call {
    /// Whether it is shown at once and not piece by piece. Where the input of a custom tool is cut, nothing
    /// in it shows that more was to follow; the client would run half of it.
    pub(super) fn is_shown_whole(&self) -> bool {
        self.head.form == Form::Custom
    }

    /// Writes the fields that name the call, and its input up to what is still to come.
    pub(super) fn write(&self, input: &[u8], out: &mut Vec<u8>) {
        let (kind, field) = self.words();
        out.extend_from_slice(b"\"id\":\"");
        Text::plain(&*self.head.id).write_json(out);
        out.extend_from_slice(b"\",\"type\":\"");
        out.extend_from_slice(kind.as_bytes());
        out.extend_from_slice(b"\",\"");
        out.extend_from_slice(kind.as_bytes());
        out.extend_from_slice(b"\":");
        self.write_function(field, input, out);
    }

    /// Writes name and input.
    pub(super) fn write_function(&self, field: &str, input: &[u8], out: &mut Vec<u8>) {
        out.extend_from_slice(b"{\"name\":\"");
        if let Some(namespace) = &self.head.namespace {
            Text::plain(&**namespace).write_json(out);
            out.extend_from_slice(b"__");
        }
        Text::plain(&*self.head.name).write_json(out);
        out.extend_from_slice(b"\",\"");
        out.extend_from_slice(field.as_bytes());
        out.extend_from_slice(b"\":\"");
        out.extend_from_slice(input);
        out.extend_from_slice(b"\"}");
    }

    /// What kind of call it is, and the field of its input.
    fn words(&self) -> (&'static str, &'static str) {
        match self.head.form {
            Form::Custom => ("custom", "input"),
            Form::Function | Form::ToolSearch => ("function", "arguments"),
        }
    }
}
