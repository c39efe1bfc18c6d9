//! The built binary, as a person or a script meets it.
#![expect(clippy::unwrap_used, reason = "a test may fail")]

mod aliases;
mod claude;
mod codex;
mod codex_home;
mod config;
mod doctor;
mod documents;
mod import;
mod keys;
mod print;
mod probe;
mod providers;
#[cfg(unix)]
mod sessions;
mod support;
mod up;
mod vendors;
