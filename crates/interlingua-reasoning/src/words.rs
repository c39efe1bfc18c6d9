//! Words without what clients add to them and take away by themselves.

use std::sync::LazyLock;

use memchr::memmem::Finder;

/// Text on its way into a hash, without the blanks around it, which clients cut or add.
#[derive(Debug, Default)]
pub(crate) struct Words {
    pub(crate) begun: bool,
    /// Blanks that count only if words follow.
    blanks: String,
}

impl Words {
    pub(crate) fn push(&mut self, out: &mut Vec<u8>, piece: &str) {
        let piece = if self.begun { piece } else { piece.trim_start() };
        let (words, blanks) = piece.split_at(piece.trim_end().len());
        if !words.is_empty() {
            out.extend_from_slice(self.blanks.as_bytes());
            out.extend_from_slice(words.as_bytes());
            self.blanks.clear();
            self.begun = true;
        }
        self.blanks.push_str(blanks);
    }
}

/// How the line about billing begins that Claude Code puts before the operator's rules. It is another
/// one in each request.
const BILLING: &str = "x-anthropic-billing-header:";

pub(crate) fn without_billing(text: &str) -> &str {
    if !text.starts_with(BILLING) {
        return text;
    }
    text.split_once('\n').map_or("", |(_, rest)| rest)
}

/// What clients put around notes to the model that they add and take away as they please.
static REMINDER: LazyLock<(Finder<'_>, Finder<'_>)> =
    LazyLock::new(|| (Finder::new("<system-reminder>"), Finder::new("</system-reminder>")));

/// The pieces of a text between its reminders.
pub(crate) fn without_reminders(text: &str) -> impl Iterator<Item = &str> {
    let mut rest = Some(text);
    std::iter::from_fn(move || {
        let text = rest.take()?;
        let (begin, end) = &*REMINDER;
        let Some(at) = begin.find(text.as_bytes()) else { return Some(text) };
        let (before, reminder) = text.split_at(at);
        // One that does not end is none.
        let Some(len) = end.find(reminder.as_bytes()) else {
            return Some(text);
        };
        rest = Some(reminder.split_at(len + end.needle().len()).1);
        Some(before)
    })
}
