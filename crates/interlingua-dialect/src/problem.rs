use std::fmt;
use std::ops::Range;

/// A mistake in a record that a user wrote.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Problem {
    /// The file, as its reader named it.
    pub file: String,
    /// The line, counted from 1.
    pub line: usize,
    /// The column, in characters, counted from 1.
    pub column: usize,
    /// What is wrong, and what to write instead.
    pub message: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}:{}: {}", self.file, self.line, self.column, self.message)
    }
}

impl std::error::Error for Problem {}

/// Collects the problems of one file.
pub(crate) struct Problems<'a> {
    file: &'a str,
    text: &'a str,
    found: Vec<Problem>,
}

impl<'a> Problems<'a> {
    pub(crate) fn new(file: &'a str, text: &'a str) -> Self {
        Self { file, text, found: Vec::new() }
    }

    /// Notes a problem at a place of the text; without a place at its beginning.
    pub(crate) fn add(&mut self, place: Option<&Range<usize>>, message: impl Into<String>) {
        let (line, column) = position(self.text, place.map_or(0, |place| place.start));
        let file = self.file.to_owned();
        self.found.push(Problem { file, line, column, message: message.into() });
    }

    /// The problems, in the order of the text.
    pub(crate) fn into_sorted(mut self) -> Vec<Problem> {
        self.found.sort_by_key(|problem| (problem.line, problem.column));
        self.found
    }
}

/// Line and column of a byte, both counted from 1.
pub(crate) fn position(text: &str, byte: usize) -> (usize, usize) {
    let before = text.get(..byte).unwrap_or(text);
    let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
    let line = before.matches('\n').count() + 1;
    (line, before.chars().count() - before.get(..line_start).map_or(0, |it| it.chars().count()) + 1)
}

/// The closest of the known names, if one is close.
pub(crate) fn did_you_mean<'a>(
    wrong: &str,
    known: impl IntoIterator<Item = &'a str>,
) -> Option<&'a str> {
    const CLOSE_ENOUGH: f64 = 0.75;

    known
        .into_iter()
        .map(|name| (strsim::jaro_winkler(wrong, name), name))
        .filter(|(likeness, _)| *likeness >= CLOSE_ENOUGH)
        .max_by(|one, other| one.0.total_cmp(&other.0))
        .map(|(_, name)| name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn positions_count_characters_from_one() {
        assert_eq!(position("aé\nßx", 0), (1, 1));
        assert_eq!(position("aé\nßx", "aé\nß".len()), (2, 2));
    }

    #[test]
    fn a_far_name_is_not_suggested() {
        assert_eq!(did_you_mean("carier", ["rule", "carrier"]), Some("carrier"));
        assert_eq!(did_you_mean("zzz", ["rule", "carrier"]), None);
    }
}
