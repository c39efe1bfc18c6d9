//! Anthropic's Messages.

mod block;
mod blocks;
mod count;
mod decode;
mod encode;
mod forward;
mod head;
mod lane;
mod models;
mod read;
mod usage;
mod write;

pub mod faults;

pub use count::estimate_tokens;
pub use decode::Decoder;
pub use encode::Encoder;
pub use forward::{count_tokens, forward};
pub use head::Head;
pub use models::{Listed, models_page};
pub(crate) use read::read_document;
pub use read::{count_tokens_read, read};
pub use write::write;
