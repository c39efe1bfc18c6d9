//! Chat Completions.

mod calls;
mod decode;
mod details;
mod encode;
mod extras;
mod head;
mod item;
mod lane;
mod leaves;
mod messages;
mod offer;
mod pieces;
mod prose;
mod read;
mod signs;
mod tags;
mod thinking;
mod usage;
mod write;

pub use decode::Decoder;
pub use encode::Encoder;
pub use head::Head;
pub use read::read;
pub(crate) use read::read_document;
pub use write::write;
