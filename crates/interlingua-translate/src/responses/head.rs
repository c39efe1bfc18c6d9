use interlingua_ir::{Text, Turn};

use crate::render::quoted;

/// What is known about an answer before it begins.
#[derive(Clone, Debug)]
pub struct Head {
    /// The answer's id, `resp_…`.
    pub(super) id: String,
    /// When it was begun, in seconds since 1970.
    created_at: u64,
    /// Gives the time at which it ended.
    clock: fn() -> u64,
    /// The fields that are the same in every event that shows the whole answer, as JSON.
    fields: String,
    /// The client's metadata, as JSON, and what was [added](Self::annotate) to it.
    metadata: String,
    /// Whether the answer is kept, so that a later request can continue from it.
    store: bool,
    /// The id of the answer that this one continues from.
    previous: Option<String>,
}

/// The longest value that metadata may have, in characters: what OpenAI's API documents.
const LONGEST_VALUE: usize = 512;

impl Head {
    /// Names an answer. `model` is what the client asked for, whoever answers.
    pub fn new(id: &str, model: &str, created_at: u64) -> Self {
        let turn = Turn { model: model.into(), ..Turn::default() };
        Self::of(&turn, id, created_at, || 0)
    }

    /// Names the answer to `turn`, and repeats from it what clients expect to see again.
    ///
    /// The tools are not repeated: they are by far the largest part of an agent's request, every
    /// event that shows the whole answer would carry them, and no client reads them.
    pub fn of(turn: &Turn<'_>, id: &str, created_at: u64, clock: fn() -> u64) -> Self {
        let param = |name: &str, default: &str| {
            let found = turn.params.iter().find(|it| it.name == name);
            found.map_or(default, |it| it.json.get()).to_owned()
        };
        let number = |value: Option<u64>| value.map_or("null".to_owned(), |it| it.to_string());
        let fields = [
            ("background", "false".to_owned()),
            ("frequency_penalty", param("frequency_penalty", "0")),
            ("instructions", "null".to_owned()),
            ("max_output_tokens", number(turn.max_output_tokens)),
            ("max_tool_calls", "null".to_owned()),
            ("model", quoted(&turn.model)),
            ("parallel_tool_calls", turn.parallel_calls.unwrap_or(true).to_string()),
            ("presence_penalty", param("presence_penalty", "0")),
            ("prompt_cache_key", param("prompt_cache_key", "null")),
            ("reasoning", reasoning(turn)),
            ("safety_identifier", param("safety_identifier", "null")),
            ("service_tier", "\"default\"".to_owned()),
            ("temperature", param("temperature", "1.0")),
            ("text", "{\"format\":{\"type\":\"text\"}}".to_owned()),
            ("tool_choice", "\"auto\"".to_owned()),
            ("tools", "[]".to_owned()),
            ("top_logprobs", param("top_logprobs", "0")),
            ("top_p", param("top_p", "1.0")),
            ("truncation", "\"disabled\"".to_owned()),
        ];
        let mut joined = String::with_capacity(768);
        for (name, value) in fields {
            joined.extend([",\"", name, "\":", &value]);
        }
        let metadata = param("metadata", "{}");
        let id = id.to_owned();
        Self { id, created_at, clock, fields: joined, metadata, store: false, previous: None }
    }

    /// Tells whether the answer is kept, and from which kept answer it continues.
    #[must_use]
    pub fn stored(mut self, store: bool, previous: Option<&str>) -> Self {
        self.store = store;
        self.previous = previous.map(str::to_owned);
        self
    }

    /// Whether the answer is kept.
    pub fn is_stored(&self) -> bool {
        self.store
    }

    /// Takes over the id that the answer has already.
    pub(super) fn rename(&mut self, id: &str) {
        if !id.is_empty() {
            id.clone_into(&mut self.id);
        }
    }

    /// Adds what could not be said in headers any more to the metadata that later events show. Long
    /// values are cut; metadata that is no object is left alone.
    pub(super) fn annotate(&mut self, pairs: &[(&str, String)]) {
        let Some(inside) = self.metadata.trim().strip_prefix('{') else { return };
        let Some(inside) = inside.strip_suffix('}').map(str::trim) else { return };
        let own = Some(inside.to_owned()).filter(|it| !it.is_empty());
        let added = pairs.iter().map(|(name, value)| {
            let value: String = value.chars().take(LONGEST_VALUE).collect();
            format!("{}:{}", quoted(name), quoted(&value))
        });
        self.metadata =
            format!("{{{}}}", own.into_iter().chain(added).collect::<Vec<_>>().join(","));
    }

    /// Writes the answer to `POST /responses/compact`.
    pub(super) fn write_compacted(&self, output: &[u8], usage: &[u8], out: &mut Vec<u8>) {
        out.extend_from_slice(b"{\"id\":\"");
        out.extend_from_slice(self.id.as_bytes());
        out.extend_from_slice(b"\",\"object\":\"response.compaction\",\"created_at\":");
        out.extend_from_slice(itoa::Buffer::new().format(self.created_at).as_bytes());
        out.extend_from_slice(b",\"output\":[");
        out.extend_from_slice(output);
        out.extend_from_slice(b"],\"usage\":");
        out.extend_from_slice(usage);
        out.push(b'}');
    }

    /// Writes the answer as an object: its state, and what it holds so far.
    pub(super) fn write(&self, state: &State<'_>, out: &mut Vec<u8>) {
        let mut number = itoa::Buffer::new();
        out.extend_from_slice(b"{\"id\":\"");
        out.extend_from_slice(self.id.as_bytes());
        out.extend_from_slice(b"\",\"object\":\"response\",\"created_at\":");
        out.extend_from_slice(number.format(self.created_at).as_bytes());
        let status = match state {
            State::InProgress => "in_progress",
            State::Completed { .. } => "completed",
            State::Incomplete { .. } => "incomplete",
            State::Failed { .. } => "failed",
        };
        let completed_at = match state {
            State::Completed { .. } => number.format((self.clock)().max(self.created_at)),
            _ => "null",
        };
        for (name, value) in [("completed_at", completed_at), ("status", &quoted(status))] {
            out.extend_from_slice(b",\"");
            out.extend_from_slice(name.as_bytes());
            out.extend_from_slice(b"\":");
            out.extend_from_slice(value.as_bytes());
        }
        out.extend_from_slice(b",\"error\":");
        match state {
            State::Failed { code, message } => {
                out.extend_from_slice(b"{\"code\":\"");
                out.extend_from_slice(code.as_bytes());
                out.extend_from_slice(b"\",\"message\":\"");
                Text::plain(*message).write_json(out);
                out.extend_from_slice(b"\"}");
            }
            _ => out.extend_from_slice(b"null"),
        }
        out.extend_from_slice(b",\"incomplete_details\":");
        match state {
            State::Incomplete { reason, .. } => {
                out.extend_from_slice(b"{\"reason\":\"");
                out.extend_from_slice(reason.as_bytes());
                out.extend_from_slice(b"\"}");
            }
            _ => out.extend_from_slice(b"null"),
        }
        out.extend_from_slice(self.fields.as_bytes());
        out.extend_from_slice(b",\"previous_response_id\":");
        let previous = self.previous.as_deref().map_or("null".to_owned(), quoted);
        out.extend_from_slice(previous.as_bytes());
        out.extend_from_slice(b",\"store\":");
        out.extend_from_slice(if self.store { b"true" } else { b"false" });
        out.extend_from_slice(b",\"metadata\":");
        out.extend_from_slice(self.metadata.as_bytes());
        let (output, usage): (&[u8], &[u8]) = match state {
            State::Completed { output, usage } | State::Incomplete { output, usage, .. } => {
                (output, usage)
            }
            State::InProgress | State::Failed { .. } => (b"", b"null"),
        };
        out.extend_from_slice(b",\"output\":[");
        out.extend_from_slice(output);
        out.extend_from_slice(b"],\"usage\":");
        out.extend_from_slice(usage);
        out.push(b'}');
    }
}

/// How far an answer has come.
pub(super) enum State<'s> {
    InProgress,
    Completed { output: &'s [u8], usage: &'s [u8] },
    Incomplete { reason: &'s str, output: &'s [u8], usage: &'s [u8] },
    Failed { code: &'s str, message: &'s str },
}

fn reasoning(turn: &Turn<'_>) -> String {
    let effort = turn.thinking.effort.as_deref().map_or("null".to_owned(), quoted);
    format!("{{\"effort\":{effort},\"summary\":null}}")
}
