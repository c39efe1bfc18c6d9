//! How long an answer may be, as refusals tell it.

use regex_lite::Captures;

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

/// No model has a smaller limit, in tokens: such a number tells something else.
const LEAST_MOST: u64 = 256;

impl AnswerLimit {
    /// Looks for it in what a refusal says.
    pub(super) fn find(patterns: &[Pattern], said: &str) -> Option<Self> {
        patterns.iter().find_map(|pattern| Self::read(&pattern.captures(said)?))
    }

    fn read(found: &Captures<'_>) -> Option<Self> {
        let number = |name| {
            let digits: String =
                found.name(name)?.as_str().chars().filter(char::is_ascii_digit).collect();
            digits.parse::<u64>().ok()
        };
        let most = number("most").or_else(|| number("below")?.checked_sub(1));
        let room = || {
            let taken = number("input").or_else(|| number("both")?.checked_sub(number("output")?));
            number("window")?.checked_sub(taken?)
        };
        let (tokens, always, least) = match most {
            Some(most) => (most, true, LEAST_MOST),
            None => (room().or_else(|| Some(number("half")? / 2))?, false, LEAST_ROOM),
        };
        (tokens >= least).then_some(Self { tokens, always })
    }
}
