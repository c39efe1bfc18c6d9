//! Chat Completions.

mod alike;
mod calls;
mod decode;
mod leaves;
mod messages;
mod offer;
mod tags;
mod usage;
mod write;

pub use decode::Decoder;
pub use write::write;
