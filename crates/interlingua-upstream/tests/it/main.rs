//! The client towards providers, against servers that play a script.
#![expect(clippy::unwrap_used, reason = "a test may fail")]

mod bursts;
mod models;
