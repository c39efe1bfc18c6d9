use std::fmt;

use interlingua_registry::foreign::OwnKey;
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// The object of Claude Code's settings whose properties become environment variables.
pub(crate) const ENV: &str = "env";

/// A key of Claude Code's `settings.json` that is ours to set, to remove and to put back. No other is
/// touched. Each is a variable in `env`, and beats one of the same name in the shell.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct OwnedKey(&'static str);

/// All of them, in the order in which they are written.
pub(crate) const OWNED: [OwnedKey; 11] = [
    OwnedKey::BASE_URL,
    OwnedKey::TOKEN,
    OwnedKey::MODEL,
    OwnedKey::OPUS,
    OwnedKey::SONNET,
    OwnedKey::HAIKU,
    OwnedKey::FABLE,
    OwnedKey::WINDOW,
    OwnedKey::MAX_OUTPUT,
    OwnedKey::DISCOVERY,
    OwnedKey::ATTRIBUTION,
];

impl OwnedKey {
    /// Where the gateway is; the client adds `/v1/messages` by itself.
    pub const BASE_URL: Self = Self("ANTHROPIC_BASE_URL");
    /// The client key, sent as a bearer token.
    pub const TOKEN: Self = Self("ANTHROPIC_AUTH_TOKEN");
    /// The model to start with.
    pub const MODEL: Self = Self("ANTHROPIC_MODEL");
    /// What the alias `opus` stands for.
    pub const OPUS: Self = Self("ANTHROPIC_DEFAULT_OPUS_MODEL");
    /// What the alias `sonnet` stands for.
    pub const SONNET: Self = Self("ANTHROPIC_DEFAULT_SONNET_MODEL");
    /// What the alias `haiku` stands for.
    pub const HAIKU: Self = Self("ANTHROPIC_DEFAULT_HAIKU_MODEL");
    /// What the alias `fable` stands for.
    pub const FABLE: Self = Self("ANTHROPIC_DEFAULT_FABLE_MODEL");
    /// How many tokens the client takes a model to have; without it a million.
    pub const WINDOW: Self = Self("CLAUDE_CODE_MAX_CONTEXT_TOKENS");
    /// What the client asks for at most in one answer; without it 32,000.
    pub const MAX_OUTPUT: Self = Self("CLAUDE_CODE_MAX_OUTPUT_TOKENS");
    /// Whether `/model` shows what the gateway lists.
    pub const DISCOVERY: Self = Self("CLAUDE_CODE_ENABLE_GATEWAY_MODEL_DISCOVERY");
    /// Whether each conversation begins with a line of its own, which no prompt cache can share.
    pub const ATTRIBUTION: Self = Self("CLAUDE_CODE_ATTRIBUTION_HEADER");

    /// Its name as a variable.
    pub fn name(self) -> &'static str {
        self.0
    }

    /// Whether it names a model.
    pub fn is_model(self) -> bool {
        [Self::MODEL, Self::OPUS, Self::SONNET, Self::HAIKU, Self::FABLE].contains(&self)
    }
}

impl OwnKey for OwnedKey {
    fn is_secret(self) -> bool {
        self == Self::TOKEN
    }
}

impl fmt::Display for OwnedKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{ENV}.{}", self.0)
    }
}

impl Serialize for OwnedKey {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for OwnedKey {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let found = OWNED.into_iter().find(|key| key.to_string() == text);
        found.ok_or_else(|| D::Error::custom(format!("`{text}` is no key of ours")))
    }
}
