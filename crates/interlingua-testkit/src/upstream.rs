//! Upstreams that play a script: [`Scripted`] answers, [`Strict`] judges, [`Model`] makes up.

mod answer;
mod model;
mod record;
mod render;
mod script;
mod server;
mod strict;
mod thought;
mod wire;

pub use answer::{
    Answer, Piece, Usage, cached_usage, call, cut, fail, finish, nameless_call, raw, reasoning,
    redacted, search, text, usage, wait,
};
pub use model::{Ledger, Model, USER};
pub use script::{Request, Script};
pub use server::{Ending, Exchange, Scripted};
pub use strict::{Rule, Strict, Violation};
pub use thought::Thought;
pub use wire::Wire;

#[cfg(test)]
mod tests;
