//! Responses: the request.
//!
//! Field names are those of OpenAI's API reference and of what Codex CLI 0.169 was seen to send.

mod request;

pub use request::{
    Content, Format, Input, Item, Part, ReasoningOptions, Request, TextOptions, Tool,
};

pub use crate::document::{ReadError, read};
