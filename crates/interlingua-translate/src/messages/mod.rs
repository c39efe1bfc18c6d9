//! Messages.

mod block;
mod count;
mod encode;
mod head;
mod models;
mod read;

pub mod faults;

pub use count::estimate_tokens;
pub use encode::Encoder;
pub use head::Head;
pub use models::models_page;
pub use read::{count_tokens_read, read};
