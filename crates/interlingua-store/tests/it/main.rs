//! Tests of the stores as others use them.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]
#![expect(clippy::print_stderr, reason = "a failure is to tell where it was, a skip why")]

mod conformance;
#[cfg(unix)]
mod kills;
#[cfg(unix)]
mod outages;
mod sqlite;
mod support;
mod tls;
