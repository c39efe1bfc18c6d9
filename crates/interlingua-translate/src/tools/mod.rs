//! Tools of a kind that the target lacks, on their way there and back.

mod arguments;
mod bridge;
mod describe;
mod envelope;
mod freeform;
mod ids;
mod names;
pub mod patch;
mod schema;
mod spoken;

pub(crate) use arguments::{arguments, quoted_arguments};
pub use bridge::{Bridge, Unwrapping};
pub(crate) use describe::{Grammar, description, freeform_description, freeform_schema};
pub(crate) use envelope::Envelope;
pub(crate) use freeform::ARGUMENT;
pub(crate) use ids::{repeated_id, wire_id};
pub use names::ToolMap;
pub(crate) use names::{Names, joined_name, plain_name, short_hash};
pub(crate) use schema::{Lost, shaped};
pub(crate) use spoken::Spoken;
