use interlingua_registry::Environment;
use serde_json::Value as Json;

use super::owned::{ENV, OWNED, OwnedKey};
use super::program::split_mark;
use crate::json::TOLERANT;

/// Switches that send Claude Code to another cloud whatever the address is.
pub(super) const CLOUDS: [&str; 3] =
    ["CLAUDE_CODE_USE_BEDROCK", "CLAUDE_CODE_USE_VERTEX", "CLAUDE_CODE_USE_FOUNDRY"];

/// The variable of a vendor's key, which Claude Code sends beside the token.
pub(super) const API_KEY: &str = "ANTHROPIC_API_KEY";

/// The variables that have to be empty, so that Claude Code goes to the gateway and shows it nothing else.
pub fn in_the_way() -> impl Iterator<Item = &'static str> {
    CLOUDS.into_iter().chain([API_KEY])
}

/// The variables of ours that are set where Claude Code is started, too, and beaten by the settings.
pub fn overruled(text: &str, environment: &Environment) -> Vec<OwnedKey> {
    let settings = read(text);
    let is_overruled = |key: &OwnedKey| {
        environment.get(key.name()).is_some() && string(&settings[ENV][key.name()]).is_some()
    };
    OWNED.into_iter().filter(is_overruled).collect()
}

/// The variables with which Claude Code runs.
#[derive(Clone, Copy)]
pub(super) struct Variables<'a> {
    pub(super) settings: &'a Json,
    pub(super) shell: &'a Environment,
}

impl Variables<'_> {
    /// A variable's text, if it is not empty, and where it is set. Settings beat the shell, also with
    /// nothing.
    pub(super) fn get(self, name: &str) -> Option<(String, &'static str)> {
        match &self.settings[ENV][name] {
            Json::Null => {
                let found = self.shell.get(name).filter(|it| !it.is_empty())?;
                Some((found.to_owned(), "this shell"))
            }
            written => Some((string(written)?, "the settings")),
        }
    }
}

/// Settings as Claude Code would have them; nothing where they cannot be read.
pub(super) fn read(text: &str) -> Json {
    let (_, text) = split_mark(text);
    jsonc_parser::parse_to_serde_value(text, &TOLERANT).unwrap_or_default()
}

/// A variable's text, if it is not empty. Numbers are taken for their text, as Claude Code does.
pub(super) fn string(value: &Json) -> Option<String> {
    let text = match value {
        Json::String(text) => text.clone(),
        Json::Number(number) => number.to_string(),
        Json::Bool(bool) => bool.to_string(),
        _ => return None,
    };
    (!text.is_empty()).then_some(text)
}
