//! What a scripted upstream says, from small pieces.

use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use serde_json::Value;

/// One thing that a streamed answer does.
#[derive(Clone, Debug, PartialEq)]
pub enum Piece {
    /// Thought, sent word by word: `reasoning_content`, a `reasoning` item, a `thinking` block.
    Reasoning(String),
    /// Thought that nobody may read: an item without a summary, a `redacted_thinking` block. Chat
    /// Completions has no words for it.
    Redacted,
    /// Prose, sent word by word.
    Text(String),
    /// A tool call: one delta with id and name, then its arguments in several.
    Call {
        /// The call's id; `None` for upstreams that send none. Where the protocol wants one, one is made.
        id: Option<String>,
        /// The function's name.
        name: String,
        /// The arguments as JSON text, sent as they are, broken or not.
        arguments: String,
    },
    /// A search of the web that the server itself makes, and the one page that it finds. Chat
    /// Completions has no words for it.
    Search {
        /// What is searched for.
        query: String,
        /// The page's title.
        title: String,
        /// The page's address.
        url: String,
    },
    /// The clean end, by Chat's word for the reason; the others are translated from it.
    Finish(String),
    /// Token counts. Over Chat a trailing chunk, sent only to clients that asked for it; elsewhere they
    /// stand where the protocol has them, wherever this piece stands.
    Usage(Usage),
    /// The upstream breaks down and says so in the stream; nothing after this piece is sent.
    Fail {
        /// The kind of the failure, for example `server_error`.
        code: String,
        /// Its text.
        message: String,
    },
    /// Bytes as they are.
    Raw(Bytes),
    /// Silence.
    Wait(Duration),
    /// The socket is cut; nothing after this piece is sent.
    Cut,
}

/// Token counts of an answer.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
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

/// Thought.
pub fn reasoning(text: impl Into<String>) -> Piece {
    Piece::Reasoning(text.into())
}

/// Thought that nobody may read.
pub fn redacted() -> Piece {
    Piece::Redacted
}

/// A search of the web by the server, which finds one page.
pub fn search(query: impl Into<String>, title: impl Into<String>, url: impl Into<String>) -> Piece {
    Piece::Search { query: query.into(), title: title.into(), url: url.into() }
}

/// A failure that the upstream tells in mid-stream.
pub fn fail(code: impl Into<String>, message: impl Into<String>) -> Piece {
    Piece::Fail { code: code.into(), message: message.into() }
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

/// Token counts with what the cache gave: the whole prompt, the cached part of it, and the answer.
pub fn cached_usage(input: u64, cached: u64, output: u64) -> Piece {
    Piece::Usage(Usage { input, output, cached, reasoning: 0 })
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
    /// Streamed, or folded into one object for `stream: false`.
    Pieces(Vec<Piece>),
    /// Always one object, even for `stream: true`.
    Whole(Vec<Piece>),
    /// An error, in the shape of the protocol that was asked.
    Error { code: String, message: String },
    /// The error that tells of a prompt that is too long.
    Overflow,
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

    /// Leaves out what the model thinks: it was told not to.
    pub(super) fn without_thought(&mut self) {
        if let Content::Pieces(pieces) | Content::Whole(pieces) = &mut self.content {
            pieces.retain(|piece| !matches!(piece, Piece::Reasoning(_)));
        }
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

    /// An error in the shape of the protocol that was asked: `{"error":{"message","type","code"}}`, or
    /// `{"type":"error","error":{"type","message"}}` with a type that fits the status.
    ///
    /// # Panics
    ///
    /// If `status` is not between 100 and 999.
    pub fn error(status: u16, code: &str, message: &str) -> Self {
        let error = Content::Error { code: code.into(), message: message.into() };
        Self::new(status_code(status), error)
    }

    /// The answer to a prompt that is longer than the model's window, in the words of the protocol that
    /// was asked.
    pub fn context_overflow() -> Self {
        Self::new(StatusCode::BAD_REQUEST, Content::Overflow)
    }

    /// The server has too much to do: 529.
    pub fn overloaded() -> Self {
        Self::error(529, "overloaded", "Overloaded")
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

    /// Leaves out what closes a stream: `data: [DONE]`, or `message_stop`.
    #[must_use]
    pub fn without_done(mut self) -> Self {
        self.done_line = false;
        self
    }

    pub(super) fn pieces(&self) -> &[Piece] {
        match &self.content {
            Content::Pieces(pieces) | Content::Whole(pieces) => pieces,
            Content::Error { .. }
            | Content::Overflow
            | Content::Json(_)
            | Content::Bytes(_)
            | Content::Nothing => &[],
        }
    }
}

fn status_code(status: u16) -> StatusCode {
    StatusCode::from_u16(status).expect("a script's status is between 100 and 999")
}
