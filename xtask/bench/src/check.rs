//! Whether an answer is the right one, to the last byte.

use clap::ValueEnum;

use crate::answer::{self, Stream};
use crate::pair::Wire;

mod chat;
mod lane;
mod messages;
mod responses;

use lane::Pattern;

/// What has to be right.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Expect {
    /// Every byte is the mock's.
    Same,
    /// Every byte but the model's name and the answer's id.
    Lane,
    /// Texts, letter by letter; one delta for one delta; tokens; and an end that says that it is one.
    Meaning,
}

/// The answer that is asked for.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Asked {
    pub(crate) wire: Wire,
    pub(crate) stream: bool,
    pub(crate) deltas: usize,
}

/// Knows the right answer.
pub(crate) enum Checker {
    Same(Vec<u8>),
    Lane(Pattern),
    Meaning { asked: Asked, text: String },
}

impl Checker {
    pub(crate) fn new(expect: Expect, asked: Asked) -> Self {
        let bytes = if asked.stream {
            Stream::new(asked.wire, asked.deltas).bytes()
        } else {
            answer::whole(asked.wire)
        };
        match expect {
            Expect::Same => Self::Same(bytes),
            Expect::Lane => Self::Lane(Pattern::new(&bytes, asked.wire)),
            Expect::Meaning => Self::Meaning { asked, text: answer::text(asked.deltas) },
        }
    }

    /// # Errors
    ///
    /// What is wrong.
    pub(crate) fn check(&self, body: &[u8]) -> Result<(), String> {
        match self {
            Self::Same(bytes) if body == bytes => Ok(()),
            Self::Same(bytes) => {
                let (found, sent) = (body.len(), bytes.len());
                Err(format!("{found} bytes differ from the {sent} that were sent"))
            }
            Self::Lane(pattern) => pattern.check(body),
            Self::Meaning { asked, text } => {
                let body = str::from_utf8(body).map_err(|it| it.to_string())?;
                let heard = match (asked.wire, asked.stream) {
                    (Wire::Chat, true) => chat::stream(body),
                    (Wire::Chat, false) => chat::whole(body),
                    (Wire::Responses, true) => responses::stream(body),
                    (Wire::Responses, false) => responses::whole(body),
                    (Wire::Messages, true) => messages::stream(body),
                    (Wire::Messages, false) => messages::whole(body),
                }?;
                heard.check(*asked, text)
            }
        }
    }
}

/// What a client understands of an answer. Readers fail where the answer has no proper end.
#[derive(Debug, Default)]
struct Heard {
    /// The deltas together, or the text of a whole answer.
    text: String,
    deltas: usize,
    /// Where the protocol says the text once more.
    again: Vec<String>,
    /// Of prompt and answer.
    tokens: (u64, u64),
}

impl Heard {
    fn check(&self, asked: Asked, text: &str) -> Result<(), String> {
        same("the text", &self.text, text)?;
        for again in &self.again {
            same("the text, said again", again, text)?;
        }
        if asked.stream && self.deltas != asked.deltas {
            return Err(format!("{} deltas instead of {}", self.deltas, asked.deltas));
        }
        let tokens = (answer::PROMPT as u64, asked.deltas as u64);
        if self.tokens != tokens {
            return Err(format!("tokens {:?} instead of {tokens:?}", self.tokens));
        }
        Ok(())
    }
}

fn same(what: &str, found: &str, expected: &str) -> Result<(), String> {
    if found == expected {
        return Ok(());
    }
    let at = found.bytes().zip(expected.bytes()).take_while(|(a, b)| a == b).count();
    let (found, expected) = (found.len(), expected.len());
    Err(format!("{what}: {found} bytes, expected {expected}, equal up to byte {at}"))
}

/// The data of a stream's events, in order; comments and names of events carry nothing.
fn data(body: &str) -> impl Iterator<Item = &str> {
    let frames = body.split("\n\n").filter(|frame| !frame.is_empty());
    frames.filter_map(|frame| frame.lines().find_map(|line| line.strip_prefix("data: ")))
}

fn parse(text: &str) -> Result<serde_json::Value, String> {
    serde_json::from_str(text)
        .map_err(|error| format!("{error} in {}", text.chars().take(200).collect::<String>()))
}

#[cfg(test)]
mod tests;
