//! Chat Completions: the answer, whole and in pieces.
//!
//! One set of types reads `chat.completion` and `chat.completion.chunk` of every server: a whole
//! message is a large delta. Field names are those of OpenAI's API reference; the additions of other
//! vendors are named where they stand.

mod chunk;

pub use chunk::{CallPiece, Choice, Chunk, Delta, FunctionPiece, read};
