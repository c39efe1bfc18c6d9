//! Messages: the request.
//!
//! Field names are those of Anthropic's API reference and of what Claude Code 2.1.329 was seen to
//! send.

mod request;

pub use request::{
    Block, Content, Format, Message, OutputConfig, Request, Source, Thinking, Tool, ToolChoice,
};
