//! How long an answer may be, as refusals tell it.

use super::Pattern;

/// The longest answer that an upstream would have given, where it refused a longer one.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct AnswerLimit {
    /// In tokens.
    pub tokens: u64,
    /// Whether the model answers no request with more. Else it is what this conversation leaves of the window.
    pub always: bool,
}

/// Where the window has less room than this, in tokens, the conversation is too long, not the answer: an agent
/// that hears so makes it shorter, and one whose answers are cut goes wrong.
const LEAST_ROOM: u64 = 4096;

impl AnswerLimit {
    /// Looks for it in what a refusal says.
    pub(super) fn find(patterns: &[Pattern], said: &str) -> Option<Self> {
        patterns.iter().find_map(|pattern| Self::read(pattern, said))
    }

    fn read(pattern: &Pattern, said: &str) -> Option<Self> {
        let found = pattern.captures(said)?;
        let number = |name| found.name(name)?.as_str().parse::<u64>().ok();
        if let Some(tokens) = number("most") {
            return Some(Self { tokens, always: true });
        }
        let taken = number("input").or_else(|| number("both")?.checked_sub(number("output")?))?;
        let tokens = number("window")?.checked_sub(taken)?;
        (tokens >= LEAST_ROOM).then_some(Self { tokens, always: false })
    }
}
