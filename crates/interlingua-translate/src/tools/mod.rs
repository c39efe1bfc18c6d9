//! Tools of a kind that the target lacks, on their way there and back.

mod bridge;
mod freeform;
mod names;
pub mod patch;
mod schema;

pub use bridge::{Bridge, Unwrapping};
pub(crate) use freeform::ARGUMENT;
pub use names::ToolMap;
pub(crate) use names::{Names, plain_name, short_hash};
pub(crate) use schema::shaped;
