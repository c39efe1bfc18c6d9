use interlingua_ir::{Text, Turn};

/// What is known about an answer before it begins.
#[derive(Clone, Debug, Default)]
pub struct Head {
    /// The answer's id, `msg_…`.
    id: String,
    /// The model that the client asked for, whoever answers.
    model: String,
    /// The request's id, which errors repeat.
    pub(super) request_id: String,
}

impl Head {
    /// Names an answer. `model` is what the client asked for, and empty where that could not be read;
    /// `request_id` is what the answer's headers call the request.
    pub fn new(id: &str, model: &str, request_id: &str) -> Self {
        Self { id: id.to_owned(), model: model.to_owned(), request_id: request_id.to_owned() }
    }

    /// Names the answer to `turn`.
    pub fn of(turn: &Turn<'_>, id: &str, request_id: &str) -> Self {
        Self::new(id, &turn.model, request_id)
    }

    /// Writes the answer as an object: what it holds, as JSON, and how it ended.
    ///
    /// Every field is there from the beginning: what SDKs accumulate starts from this object.
    pub(super) fn write(
        &self,
        content: &[u8],
        stop: Option<&str>,
        usage: &[u8],
        out: &mut Vec<u8>,
    ) {
        out.extend_from_slice(b"{\"id\":\"");
        Text::plain(self.id.as_str()).write_json(out);
        out.extend_from_slice(b"\",\"type\":\"message\",\"role\":\"assistant\",\"model\":\"");
        Text::plain(self.model.as_str()).write_json(out);
        out.extend_from_slice(b"\",\"content\":[");
        out.extend_from_slice(content);
        out.push(b']');
        write_stop(stop, out);
        out.extend_from_slice(b",\"usage\":");
        out.extend_from_slice(usage);
        out.push(b'}');
    }
}

/// Writes why the model stopped. Which of the client's own texts it ran into no upstream tells.
pub(super) fn write_stop(stop: Option<&str>, out: &mut Vec<u8>) {
    out.extend_from_slice(b",\"stop_reason\":");
    match stop {
        Some(stop) => {
            out.push(b'"');
            out.extend_from_slice(stop.as_bytes());
            out.push(b'"');
        }
        None => out.extend_from_slice(b"null"),
    }
    out.extend_from_slice(b",\"stop_sequence\":null");
}
