//! Patches that a model has written almost right.
//!
//! Codex takes a change of files as text for its tool `apply_patch` and refuses the whole of it over a
//! missing line or a Markdown fence. Models that were not trained on this form make the same few
//! mistakes again and again. [`repair`] mends those, and only those: it never looks at a file, never
//! guesses what was meant, and leaves a patch alone that the tool would take. What it cannot mend goes
//! to the client as the model wrote it, because the tool says best what is wrong.

mod grammar;
mod live;
mod repair;

pub(super) use live::Live;
pub use repair::{Edit, Repaired, repair};

/// The tool that takes patches, as Codex declares it.
pub(super) const APPLY_PATCH: &str = "apply_patch";
