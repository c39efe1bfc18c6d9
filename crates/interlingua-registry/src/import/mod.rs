//! Providers out of the files of other tools.
//!
//! Each reader takes a text and gives what can be taken, and a note about everything that cannot.
//! A key in such a file never becomes part of a provider: it stands beside it, for whoever has a safe
//! place for it.

mod cc_switch;
mod claude_code_router;
mod deep_link;
mod gather;
mod mimo2codex;
mod sql;
mod words;

use serde_json::Value;

use crate::edit::ProviderDraft;
use crate::secret::Secret;
use gather::Gather;

pub use mimo2codex::generic_variables;

/// A tool whose files can be read.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Tool {
    /// `providers.json` of mimo2codex.
    Mimo2codex,
    /// `config.json`, an SQL export or deep links of cc-switch.
    CcSwitch,
    /// `config.json` of claude-code-router.
    ClaudeCodeRouter,
}

impl Tool {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Mimo2codex, Self::CcSwitch, Self::ClaudeCodeRouter];

    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Mimo2codex => "mimo2codex",
            Self::CcSwitch => "cc-switch",
            Self::ClaudeCodeRouter => "claude-code-router",
        }
    }

    /// The tool that a text most likely comes from.
    pub fn of(text: &str) -> Option<Self> {
        let text = text.trim_start_matches('\u{feff}').trim_start();
        if deep_link::is_one(text) || sql::is_dump(text) {
            return Some(Self::CcSwitch);
        }
        let value = parse(text).ok()?;
        match &value["providers"] {
            Value::Array(_) => return Some(Self::Mimo2codex),
            Value::Object(_) => return Some(Self::CcSwitch),
            _ => {}
        }
        if value["Providers"].is_array() {
            return Some(Self::ClaudeCodeRouter);
        }
        let is_app = |value: &Value| value["providers"].is_object();
        value.as_object()?.values().any(is_app).then_some(Self::CcSwitch)
    }
}

/// What was found in a file.
#[derive(Debug, Default)]
pub struct Import {
    /// The providers that can be taken.
    pub providers: Vec<Imported>,
    /// What cannot be taken, or was changed on the way.
    pub notes: Vec<Note>,
}

/// A provider that can be taken.
#[derive(Debug)]
pub struct Imported {
    /// The provider, without its key.
    pub draft: ProviderDraft,
    /// The key, if the file has it.
    pub key: Option<Secret>,
}

/// Something about an import that its reader should know.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Note {
    /// What it is about: a provider as the file names it, or a part of the file.
    pub about: String,
    /// What was done with it, or why nothing was.
    pub what: String,
}

/// Why a text cannot be read at all.
#[non_exhaustive]
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum Unreadable {
    /// It is not JSON.
    #[error("this is not JSON: {0}")]
    Json(String),
    /// It is something else.
    #[error("this is no file of {}: {wanted} is missing", .tool.name())]
    Shape {
        /// Whose file it should be.
        tool: Tool,
        /// What it should hold.
        wanted: &'static str,
    },
}

/// Reads a file. Ids and shortcuts that are `taken` are not used again.
///
/// # Errors
///
/// [`Unreadable`] if it is no such file. Its text holds nothing of the file.
pub fn read(tool: Tool, text: &str, taken: &[String]) -> Result<Import, Unreadable> {
    let text = text.trim_start_matches('\u{feff}');
    let mut gather = Gather::new(taken);
    match tool {
        Tool::Mimo2codex => mimo2codex::read(text, &mut gather)?,
        Tool::CcSwitch => cc_switch::read(text, &mut gather)?,
        Tool::ClaudeCodeRouter => claude_code_router::read(text, &mut gather)?,
    }
    Ok(gather.done())
}

/// Reads JSON as these tools write and people edit it: with comments and commas too many.
fn parse(text: &str) -> Result<Value, Unreadable> {
    let options = jsonc_parser::ParseOptions::default();
    jsonc_parser::parse_to_serde_value(text, &options)
        .map_err(|error| Unreadable::Json(error.to_string()))
}

#[cfg(test)]
mod tests;
