//! Responses: the request, and the answer whole and in events.
//!
//! Field names are those of OpenAI's API reference and of what Codex CLI 0.169 was seen to send.

mod event;
mod request;

pub use event::{
    Answer, Event, OutputItem, OutputPart, read_answer, read_event, read_item, read_part,
};
pub use request::{
    Content, Format, Input, Item, Part, ReasoningOptions, Request, TextOptions, Tool,
};

pub use crate::document::{ReadError, read};
