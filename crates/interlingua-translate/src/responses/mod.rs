//! Responses.

mod encode;
mod head;
mod item;
mod read;

pub use encode::Encoder;
pub use head::Head;
pub use read::read;
