//! Chat Completions.

mod alike;
mod calls;
mod decode;
mod extras;
mod leaves;
mod messages;
mod offer;
mod read;
mod tags;
mod usage;
mod write;

pub use decode::Decoder;
pub use read::read;
pub use write::write;
