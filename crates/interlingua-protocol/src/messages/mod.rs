//! Anthropic's Messages.
//!
//! One turn of an agent is one request that holds the whole conversation, and one answer, which comes
//! whole or as an event stream. Field names are those of Anthropic's API reference and of what Claude Code
//! 2.1.329 was seen to send.

mod answer;
mod request;

pub use answer::{Answer, AnswerBlock, Delta, StreamEvent, read_answer, read_event};
pub use request::{
    Content, Format, InputBlock, Message, OutputConfig, Request, Source, Thinking, Tool, ToolChoice,
};
