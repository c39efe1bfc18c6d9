use interlingua_ir::{Place, Text, Turn};
use interlingua_protocol::chat::StreamOptions;

use super::extras::Extras;

/// What is known about an answer before it begins.
#[derive(Clone, Debug)]
pub struct Head {
    id: String,
    model: String,
    /// When it was begun, in seconds since 1970.
    created_at: u64,
    include_usage: bool,
    /// The client knows the API's first version: one `function_call` instead of `tool_calls`.
    pub(super) legacy: bool,
}

impl Head {
    /// Names an answer, `chatcmpl-…`. `model` is what the client asked for, whoever answers.
    pub fn new(id: &str, model: &str, created_at: u64) -> Self {
        Self {
            id: id.to_owned(),
            model: model.to_owned(),
            created_at,
            include_usage: false,
            legacy: false,
        }
    }

    /// Names the answer to `turn`, and takes from it how the client wants it told.
    pub fn of(turn: &Turn<'_>, id: &str, created_at: u64) -> Self {
        let extras = Extras::of(turn);
        let options = extras.find(Place::Top, "stream_options");
        let options = options.and_then(|it| serde_json::from_str::<StreamOptions<'_>>(it).ok());
        Self {
            include_usage: options.and_then(|it| it.include_usage).unwrap_or(false),
            legacy: extras.find(Place::Top, "functions").is_some(),
            ..Self::new(id, &turn.model, created_at)
        }
    }

    /// Whether the client wants a stream to end with a chunk that tells the cost.
    pub fn include_usage(&self) -> bool {
        self.include_usage
    }

    /// Writes the fields that every chunk and the whole answer begin with.
    pub(super) fn write(&self, object: &str, out: &mut Vec<u8>) {
        out.extend_from_slice(b"{\"id\":\"");
        Text::plain(&*self.id).write_json(out);
        out.extend_from_slice(b"\",\"object\":\"");
        out.extend_from_slice(object.as_bytes());
        out.extend_from_slice(b"\",\"created\":");
        out.extend_from_slice(itoa::Buffer::new().format(self.created_at).as_bytes());
        out.extend_from_slice(b",\"model\":\"");
        Text::plain(&*self.model).write_json(out);
        out.push(b'"');
    }
}
