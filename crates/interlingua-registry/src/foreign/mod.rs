//! Keys of ours in the settings of other programs: set, looked after, and put back.
//!
//! A [`Program`] says how its settings are written and which keys in them are ours; a [`Plan`] gives
//! the text that is to be there, an [`Undo`] the one without us. Both are text in and text out. The
//! feature `fs` adds the types that carry them out: first the bytes that a restore needs are kept, then
//! the [`Journal`] that knows them is written, then the program's file is replaced.

#[cfg(feature = "fs")]
mod carry;
mod diff;
mod journal;
mod plan;
mod program;

#[cfg(feature = "fs")]
pub use carry::{ApplyError, Beside, Session, View, rewrite_beside};
pub use diff::{Secrecy, diff};
pub use journal::{FileEntry, Home, Journal, digest};
pub use plan::{Applied, Change, Changes, Plan, Undo, plan, standing, undo};
pub use program::{Gaps, OwnKey, Program, Wish, Wishes};
