//! What a scripted upstream says, from small pieces.

use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use serde_json::{Value, json};

/// One thing that a streamed answer does.
#[derive(Clone, Debug, PartialEq)]
pub enum Piece {
    /// Thought, sent word by word as `reasoning_content`.
    Reasoning(String),
    /// Prose, sent word by word as `content`.
    Text(String),
    /// A tool call: one delta with id and name, then its arguments in several.
    Call {
        /// The call's id; `None` for upstreams that send none.
        id: Option<String>,
        /// The function's name.
        name: String,
        /// The arguments as JSON text, sent as they are, broken or not.
        arguments: String,
    },
    /// The chunk that carries `finish_reason`.
    Finish(String),
    /// A trailing chunk with empty `choices`, sent only to clients that asked for it.
    Usage(Usage),
    /// Bytes as they are.
    Raw(Bytes),
    /// Silence.
    Wait(Duration),
    /// The socket is cut; nothing after this piece is sent.
    Cut,
}

/// Token counts of an answer.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Usage {
    /// Tokens of the prompt, cached ones included.
    pub input: u64,
    /// Tokens of the answer, thought included.
    pub output: u64,
    /// Prompt tokens read from the cache.
    pub cached: u64,
    /// Answer tokens spent on thought.
    pub reasoning: u64,
}

impl Usage {
    pub(super) fn to_json(self) -> Value {
        json!({
            "prompt_tokens": self.input,
            "completion_tokens": self.output,
            "total_tokens": self.input + self.output,
            "prompt_tokens_details": { "cached_tokens": self.cached },
            "completion_tokens_details": { "reasoning_tokens": self.reasoning },
        })
    }
}

/// Thought.
pub fn reasoning(text: impl Into<String>) -> Piece {
    Piece::Reasoning(text.into())
}

/// Prose.
pub fn text(text: impl Into<String>) -> Piece {
    Piece::Text(text.into())
}

/// A tool call; `arguments` is JSON text.
pub fn call(id: impl Into<String>, name: impl Into<String>, arguments: impl Into<String>) -> Piece {
    Piece::Call { id: Some(id.into()), name: name.into(), arguments: arguments.into() }
}

/// A tool call without an id.
pub fn nameless_call(name: impl Into<String>, arguments: impl Into<String>) -> Piece {
    Piece::Call { id: None, name: name.into(), arguments: arguments.into() }
}

/// The finish reason, for example `stop` or `tool_calls`.
pub fn finish(reason: impl Into<String>) -> Piece {
    Piece::Finish(reason.into())
}

/// Token counts: prompt and answer.
pub fn usage(input: u64, output: u64) -> Piece {
    Piece::Usage(Usage { input, output, cached: 0, reasoning: 0 })
}

/// Bytes as they are, in the middle of a stream.
pub fn raw(bytes: impl Into<Bytes>) -> Piece {
    Piece::Raw(bytes.into())
}

/// Silence of the given length.
pub fn wait(time: Duration) -> Piece {
    Piece::Wait(time)
}

/// The socket is cut here.
pub fn cut() -> Piece {
    Piece::Cut
}

/// One answer of a scripted upstream.
#[derive(Clone, Debug)]
pub struct Answer {
    pub(super) status: StatusCode,
    pub(super) headers: HeaderMap,
    pub(super) delay: Duration,
    pub(super) done_line: bool,
    pub(super) content: Content,
}

/// The body of an [`Answer`].
#[derive(Clone, Debug)]
pub(super) enum Content {
    /// Streamed, or folded into one `chat.completion` for `stream: false`.
    Pieces(Vec<Piece>),
    /// Always one `chat.completion`, even for `stream: true`.
    Whole(Vec<Piece>),
    /// Any JSON.
    Json(Value),
    /// Any bytes.
    Bytes(Bytes),
    /// The socket closes without an answer.
    Nothing,
}

impl Answer {
    fn new(status: StatusCode, content: Content) -> Self {
        Self { status, headers: HeaderMap::new(), delay: Duration::ZERO, done_line: true, content }
    }

    /// An answer of pieces: server-sent events, or one object for `stream: false`.
    pub fn stream(pieces: impl IntoIterator<Item = Piece>) -> Self {
        Self::new(StatusCode::OK, Content::Pieces(pieces.into_iter().collect()))
    }

    /// Prose and a clean end.
    pub fn text(prose: impl Into<String>) -> Self {
        Self::stream([text(prose), finish("stop"), usage(1000, 20)])
    }

    /// One object even though a stream was asked for.
    pub fn whole(pieces: impl IntoIterator<Item = Piece>) -> Self {
        Self::new(StatusCode::OK, Content::Whole(pieces.into_iter().collect()))
    }

    /// Any status and JSON body.
    ///
    /// # Panics
    ///
    /// If `status` is not between 100 and 999.
    pub fn json(status: u16, body: Value) -> Self {
        Self::new(status_code(status), Content::Json(body))
    }

    /// Any status and body; server-sent events unless a `content-type` is set.
    ///
    /// # Panics
    ///
    /// If `status` is not between 100 and 999.
    pub fn bytes(status: u16, body: impl Into<Bytes>) -> Self {
        Self::new(status_code(status), Content::Bytes(body.into()))
    }

    /// The connection closes without a status line.
    pub fn hang_up() -> Self {
        Self::new(StatusCode::OK, Content::Nothing)
    }

    /// An error in the common shape: `{"error":{"message","type","code"}}`.
    ///
    /// # Panics
    ///
    /// If `status` is not between 100 and 999.
    pub fn error(status: u16, code: &str, message: &str) -> Self {
        let error = json!({ "error": { "message": message, "type": code, "code": code } });
        Self::json(status, error)
    }

    /// The answer to a prompt that is longer than the model's window.
    pub fn context_overflow() -> Self {
        let message = "This model's maximum context length is 131072 tokens. \
                       However, your messages resulted in 140000 tokens.";
        Self::error(400, "context_length_exceeded", message)
    }

    /// Too many requests, with the seconds to wait if the upstream tells them.
    pub fn rate_limited(retry_after: Option<u32>) -> Self {
        let answer = Self::error(429, "rate_limit_exceeded", "Too many requests");
        match retry_after {
            Some(seconds) => answer.header("retry-after", &seconds.to_string()),
            None => answer,
        }
    }

    /// Adds or replaces a header.
    ///
    /// # Panics
    ///
    /// If name or value cannot stand in a header.
    #[must_use]
    pub fn header(mut self, name: &str, value: &str) -> Self {
        let name = HeaderName::try_from(name).expect("a script's header name is well formed");
        let value = HeaderValue::try_from(value).expect("a script's header value is well formed");
        self.headers.insert(name, value);
        self
    }

    /// Waits before the status line.
    #[must_use]
    pub fn after(mut self, delay: Duration) -> Self {
        self.delay = delay;
        self
    }

    /// Leaves out the closing `data: [DONE]`.
    #[must_use]
    pub fn without_done(mut self) -> Self {
        self.done_line = false;
        self
    }

    pub(super) fn pieces(&self) -> &[Piece] {
        match &self.content {
            Content::Pieces(pieces) | Content::Whole(pieces) => pieces,
            Content::Json(_) | Content::Bytes(_) | Content::Nothing => &[],
        }
    }
}

fn status_code(status: u16) -> StatusCode {
    StatusCode::from_u16(status).expect("a script's status is between 100 and 999")
}
