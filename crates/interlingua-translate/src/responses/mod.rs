//! Responses.

mod decode;
mod encode;
mod forward;
mod head;
mod item;
mod read;
mod rules;
mod stored;
mod write;

pub use decode::Decoder;
pub use encode::Encoder;
pub use forward::forward;
pub use head::Head;
pub use read::read;
pub(crate) use read::read_document;
pub use stored::{expand, items, join, previous};
pub use write::write;
