//! Thought between tags at the start of an answer's prose.

use std::mem;

use interlingua_ir::Text;

/// Finds thought between tags.
///
/// Only the very start of the prose is looked at: an answer that *talks about* tags is left alone.
/// Tags may be cut anywhere; half a tag at the end is text.
///
/// ```text
///          <think>            </think>
/// Leading ────────▶ Inside ──────────▶ Past
///    └──────── anything else ──────────▲
/// ```
#[derive(Debug)]
pub(super) struct TagReader {
    state: State,
}

#[derive(Debug)]
enum State {
    /// Only blanks and the beginning of a tag have come.
    Leading(String),
    /// Inside the thought; what is held may be the beginning of the closing tag.
    Inside { held: String, close: Option<&'static str>, fresh: bool },
    /// The thought is over, and the blanks that follow it have not ended.
    After,
    /// Nothing is looked for any longer.
    Past,
}

/// A stretch of prose that was told apart.
#[derive(Debug, PartialEq)]
pub(super) enum Piece<'a> {
    Thought(Text<'a>),
    Text(Text<'a>),
}

const TAGS: [(&str, &str); 3] =
    [("<think>", "</think>"), ("<thinking>", "</thinking>"), ("<thought>", "</thought>")];

impl TagReader {
    /// Looks for a tag at the very start.
    pub(super) fn leading() -> Self {
        Self { state: State::Leading(String::new()) }
    }

    /// Takes the start for thought: the server's template has opened the tag already.
    pub(super) fn inside() -> Self {
        Self { state: State::Inside { held: String::new(), close: None, fresh: true } }
    }

    /// Looks for nothing.
    pub(super) fn past() -> Self {
        Self { state: State::Past }
    }

    /// Whether all that follows is text.
    pub(super) fn is_past(&self) -> bool {
        matches!(self.state, State::Past)
    }

    /// Takes the next stretch of prose.
    pub(super) fn push<'a>(&mut self, text: &Text<'a>) -> Vec<Piece<'a>> {
        let mut pieces = Vec::new();
        self.read(text.to_plain().into_owned(), &mut pieces);
        pieces
    }

    /// Takes the end of the prose.
    pub(super) fn finish(&mut self) -> Vec<Piece<'static>> {
        match mem::replace(&mut self.state, State::Past) {
            State::Leading(held) => vec![Piece::Text(held.into())],
            State::Inside { held, .. } => vec![Piece::Thought(held.into())],
            State::After | State::Past => Vec::new(),
        }
    }

    fn read(&mut self, text: String, pieces: &mut Vec<Piece<'_>>) {
        match &mut self.state {
            State::Leading(held) => {
                held.push_str(&text);
                let tag = held.trim_start();
                if let Some((open, close)) = TAGS.iter().find(|(open, _)| tag.starts_with(open)) {
                    let rest = tag.split_at(open.len()).1.to_owned();
                    self.state =
                        State::Inside { held: String::new(), close: Some(close), fresh: true };
                    self.read(rest, pieces);
                } else if !TAGS.iter().any(|(open, _)| open.starts_with(tag)) {
                    let held = mem::take(held);
                    self.state = State::Past;
                    pieces.push(Piece::Text(held.into()));
                }
            }
            State::Inside { held, close, fresh } => {
                held.push_str(&text);
                if *fresh {
                    // A line break behind the opening tag is layout.
                    let trimmed = held.trim_start();
                    if trimmed.is_empty() || (close.is_none() && is_open_prefix(trimmed)) {
                        return;
                    }
                    let open =
                        TAGS.iter().find(|(open, _)| close.is_none() && trimmed.starts_with(open));
                    let start = held.len() - trimmed.len() + open.map_or(0, |(open, _)| open.len());
                    let rest = held.split_off(start);
                    rest.trim_start().clone_into(held);
                    *fresh = false;
                }
                let ends = TAGS
                    .iter()
                    .map(|(_, close)| *close)
                    .filter(|it| close.is_none_or(|own| own == *it));
                let end = ends.clone().filter_map(|it| Some((held.find(it)?, it.len()))).min();
                if let Some((at, len)) = end {
                    let rest = held.split_off(at + len);
                    held.truncate(at);
                    let thought = held.trim_end().to_owned();
                    self.state = State::After;
                    pieces.push(Piece::Thought(thought.into()));
                    self.read(rest, pieces);
                    return;
                }
                // Trailing blanks wait, too: before the closing tag they are layout.
                let tail = ends.map(|it| overlap(held.trim_end(), it)).max().unwrap_or(0);
                let shown = held.trim_end().len() - tail;
                let shown = if tail > 0 { held.split_at(shown).0.trim_end().len() } else { shown };
                let rest = held.split_off(shown);
                let thought = mem::replace(held, rest);
                if !thought.is_empty() {
                    pieces.push(Piece::Thought(thought.into()));
                }
            }
            State::After => {
                let text = text.trim_start();
                if !text.is_empty() {
                    let text = text.to_owned();
                    self.state = State::Past;
                    pieces.push(Piece::Text(text.into()));
                }
            }
            State::Past => pieces.push(Piece::Text(text.into())),
        }
    }
}

fn is_open_prefix(text: &str) -> bool {
    TAGS.iter().any(|(open, _)| open.len() > text.len() && open.starts_with(text))
}

/// How many bytes at the end of `text` may be the beginning of `tag`.
fn overlap(text: &str, tag: &str) -> usize {
    (1..tag.len())
        .rev()
        .find(|len| tag.get(..*len).is_some_and(|it| text.ends_with(it)))
        .unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(reader: fn() -> TagReader, input: &str, thought: &str, text: &str) {
        for step in 1..=input.len() {
            let mut reader = reader();
            let (mut got_thought, mut got_text) = (String::new(), String::new());
            let mut take = |pieces: Vec<Piece<'_>>| {
                for piece in pieces {
                    match piece {
                        Piece::Thought(it) => got_thought.push_str(&it.to_plain()),
                        Piece::Text(it) => got_text.push_str(&it.to_plain()),
                    }
                }
            };
            let chars: Vec<char> = input.chars().collect();
            for piece in chars.chunks(step) {
                take(reader.push(&Text::from(piece.iter().collect::<String>())));
            }
            take(reader.finish());
            assert_eq!(
                (got_thought.as_str(), got_text.as_str()),
                (thought, text),
                "in pieces of {step}"
            );
        }
    }

    #[test]
    fn only_the_start_counts() {
        check(TagReader::leading, "<think>\na < b\n</think>\n\nyes", "a < b", "yes");
        check(TagReader::leading, "no <think>x</think>", "", "no <think>x</think>");
        check(TagReader::leading, "<thinking>x</thinking>y", "x", "y");
        check(TagReader::leading, "<thin", "", "<thin");
        check(TagReader::leading, "<b>x", "", "<b>x");
        check(TagReader::leading, "<think>cut </thi", "cut </thi", "");
    }

    #[test]
    fn a_server_without_a_parser() {
        check(TagReader::inside, "1. plan\n2. answer</think>391", "1. plan\n2. answer", "391");
        check(TagReader::inside, "<think>a</think>b", "a", "b");
    }
}
