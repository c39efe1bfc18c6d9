//! Responses.

mod decode;
mod encode;
mod head;
mod item;
mod read;

pub use decode::Decoder;
pub use encode::Encoder;
pub use head::Head;
pub use read::read;
