//! Chat Completions: the request, and the answer, whole and in pieces.
//!
//! One set of types reads `chat.completion` and `chat.completion.chunk` of every server: a whole
//! message is a large delta. Field names are those of OpenAI's API reference; the additions of other
//! vendors are named where they stand.

mod chunk;
mod request;

pub use chunk::{CallPiece, Choice, Chunk, Delta, FunctionPiece, read};
pub use request::{
    Call, CallCustom, CallFunction, Custom, FilePart, Function, ImageUrl, InputAudio, JsonSchema,
    Message, Messages, Part, Reasoning, Request, ResponseFormat, StreamOptions, Thought, Tool,
};
