//! Thought between tags at the start of an answer's prose.

use std::mem;

use interlingua_dialect::Tags;
use interlingua_ir::Text;

use crate::surrogates::Halves;

/// Finds thought between tags.
///
/// Only the very start of the prose is looked at: an answer that *talks about* tags is left alone.
/// Tags may be cut anywhere; half a tag at the end is text. Blanks stay where they are, because the
/// upstream may want its thought back as it was.
///
/// ```text
///          <think>            </think>
/// Leading ────────▶ Inside ──────────▶ Past
///    └──────── anything else ──────────▲
/// ```
#[derive(Debug)]
pub(super) struct TagReader {
    state: State,
    /// The server's template has opened the tag already, so that only the closing one is seen.
    opened: bool,
    halves: Halves,
}

#[derive(Debug)]
enum State {
    /// Only blanks and the beginning of a tag have come.
    Leading(String),
    /// Inside the thought; what is held may be the beginning of the closing tag.
    Inside { held: String, close: &'static str },
    /// Nothing is looked for any longer.
    Past,
}

/// A stretch of prose that was told apart.
#[derive(Debug, PartialEq)]
pub(super) enum Piece {
    Thought(String),
    Text(String),
}

const TAGS: [(&str, &str); 3] =
    [("<think>", "</think>"), ("<thinking>", "</thinking>"), ("<thought>", "</thought>")];

impl TagReader {
    pub(super) fn new(tags: Tags) -> Self {
        let (state, opened) = match tags {
            Tags::Never => (State::Past, false),
            Tags::Leading => (State::Leading(String::new()), false),
            Tags::ImplicitOpen => (State::Leading(String::new()), true),
        };
        Self { state, opened, halves: Halves::default() }
    }

    /// Whether all that follows is text.
    pub(super) fn is_past(&self) -> bool {
        matches!(self.state, State::Past) && self.halves.is_empty()
    }

    /// Takes the next stretch of prose.
    pub(super) fn push(&mut self, text: Text<'_>) -> Vec<Piece> {
        let mut pieces = Vec::new();
        if let Some(text) = self.halves.join(text) {
            self.read(&text.to_plain(), &mut pieces);
        }
        pieces
    }

    /// Takes the end of the prose, and gives what was held back.
    pub(super) fn finish(&mut self) -> Vec<Piece> {
        let mut pieces = Vec::new();
        if let Some(half) = self.halves.rest() {
            self.read(&half.to_plain(), &mut pieces);
        }
        pieces.extend(match mem::replace(&mut self.state, State::Past) {
            State::Leading(held) if self.opened => Some(Piece::Thought(held)),
            State::Leading(held) => Some(Piece::Text(held)),
            State::Inside { held, .. } => Some(Piece::Thought(held)),
            State::Past => None,
        });
        pieces
    }

    fn read(&mut self, text: &str, pieces: &mut Vec<Piece>) {
        match &mut self.state {
            State::Leading(held) => {
                held.push_str(text);
                let start = held.trim_start();
                let tag = TAGS
                    .iter()
                    .find_map(|(open, close)| Some((start.strip_prefix(open)?.to_owned(), *close)));
                let (rest, close) = match tag {
                    Some(found) => found,
                    None if TAGS.iter().any(|(open, _)| open.starts_with(start)) => return,
                    None if self.opened => (mem::take(held), TAGS[0].1),
                    None => {
                        pieces.push(Piece::Text(mem::take(held)));
                        self.state = State::Past;
                        return;
                    }
                };
                self.state = State::Inside { held: String::new(), close };
                self.read(&rest, pieces);
            }
            State::Inside { held, close } => {
                held.push_str(text);
                if let Some((thought, after)) = held.split_once(*close) {
                    pieces.push(Piece::Thought(thought.to_owned()));
                    pieces.push(Piece::Text(after.to_owned()));
                    self.state = State::Past;
                    return;
                }
                let rest = held.split_off(held.len() - overlap(held, close));
                pieces.push(Piece::Thought(mem::replace(held, rest)));
            }
            State::Past => pieces.push(Piece::Text(text.to_owned())),
        }
    }
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
    fn check(tags: Tags, input: &str, thought: &str, text: &str) {
        for step in 1..=input.len() {
            let mut reader = TagReader::new(tags);
            let chars: Vec<char> = input.chars().collect();
            let mut pieces = Vec::new();
            for piece in chars.chunks(step) {
                pieces.extend(reader.push(Text::from(piece.iter().collect::<String>())));
            }
            pieces.extend(reader.finish());

            let (mut got_thought, mut got_text) = (String::new(), String::new());
            for piece in pieces {
                match piece {
                    Piece::Thought(it) => got_thought.push_str(&it),
                    Piece::Text(it) => got_text.push_str(&it),
                }
            }
            assert_eq!((&*got_thought, &*got_text), (thought, text), "in pieces of {step}");
        }
    }

    #[test]
    fn only_the_start_counts() {
        check(Tags::Leading, "<think>\na < b\n</think>\n\nyes", "\na < b\n", "\n\nyes");
        check(Tags::Leading, "\n<thinking>x</thinking>y", "x", "y");
        check(Tags::Leading, "<think>x</thought>y</think>", "x</thought>y", "");
        check(Tags::Leading, "no <think>x</think>", "", "no <think>x</think>");
        check(Tags::Leading, "<b>x", "", "<b>x");
        check(Tags::Never, "<think>x</think>", "", "<think>x</think>");
    }

    #[test]
    fn half_a_tag_is_text() {
        check(Tags::Leading, " <thin", "", " <thin");
        check(Tags::Leading, "<think>cut </thi", "cut </thi", "");
    }

    #[test]
    fn a_server_whose_template_opens_the_tag() {
        check(Tags::ImplicitOpen, "1. plan\n2. answer</think>391", "1. plan\n2. answer", "391");
        check(Tags::ImplicitOpen, "<think>a</think>b", "a", "b");
        check(Tags::ImplicitOpen, "<th", "<th", "");
    }
}
