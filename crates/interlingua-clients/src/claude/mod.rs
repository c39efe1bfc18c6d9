//! Claude Code's `settings.json`.

mod inspect;
mod options;
mod owned;
mod program;
mod variables;
mod whole;

pub use inspect::{Facts, Finding, Layer, Severity, inspect, is_gateway};
pub(crate) use options::root_url;
pub use options::{Limits, Options, Tiers, limits};
pub(crate) use owned::OWNED;
pub use owned::OwnedKey;
pub use program::{Applied, Changes, ClaudeCode, Plan, Setup, Undo, plan, undo};
pub use variables::{in_the_way, overruled};
pub use whole::{session_settings, settings_json, variables};

/// What brings Claude Code.
pub const INSTALL: &str = "npm install -g @anthropic-ai/claude-code";
