//! Claude Code's settings on a real disk: set up, killed in between, put back.
#![expect(clippy::unwrap_used, reason = "a test may fail")]

mod corpus;
#[cfg(unix)]
mod crash;
#[path = "../../../interlingua-registry/tests/foreign/mod.rs"]
mod foreign;
mod home;
mod laws;
mod snippets;
mod support;
