//! Carries plans out, so that whatever happens in between can be put back.
//!
//! How that is done is the same for every program: see [`interlingua_registry::foreign`].

use interlingua_registry::foreign;

use crate::claude::ClaudeCode;
use crate::json::EditError;

/// Why Claude Code's settings stay as they are.
pub type ApplyError = foreign::ApplyError<EditError>;

/// One of Claude Code's folders as it is now.
pub type View<W = ()> = foreign::View<ClaudeCode, W>;

/// The same, while nobody else of us may change it.
pub type Session<W = ()> = foreign::Session<ClaudeCode, W>;
