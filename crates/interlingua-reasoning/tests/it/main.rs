//! Tests of the crate as others use it.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod captures;
mod ids;
mod keys;
mod support;
mod twins;
