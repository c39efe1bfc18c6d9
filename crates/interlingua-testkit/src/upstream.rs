//! Upstreams that play a script: [`Scripted`] answers, [`Strict`] judges.

mod answer;
mod render;
mod script;
mod server;
mod strict;

pub use answer::{
    Answer, Piece, Usage, call, cut, finish, nameless_call, raw, reasoning, text, usage, wait,
};
pub use script::{Request, Script};
pub use server::{Ending, Exchange, Scripted};
pub use strict::{Rule, Strict, Violation};

#[cfg(test)]
mod tests;
