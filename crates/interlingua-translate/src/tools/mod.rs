//! Tools of a kind that the target lacks, on their way there and back.

mod bridge;
mod freeform;
mod ids;
mod names;
pub mod patch;
mod schema;
mod words;

pub use bridge::{Bridge, Unwrapping};
pub(crate) use freeform::ARGUMENT;
pub(crate) use ids::wire_id;
pub use names::ToolMap;
pub(crate) use names::{Names, plain_name};
pub(crate) use schema::shaped;
pub(crate) use words::{Grammar, about_group, freeform_schema, freeform_words};
