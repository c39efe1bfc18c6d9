//! The records, their resolution and the classifier, held against the fixtures.

#![expect(clippy::unwrap_used, reason = "clippy knows test functions, not their helpers")]

mod documents;
mod errors;
mod own_records;
mod resolution;
mod shipped;
mod support;
