//! Thoughts as they leave, and what proves later that they are the upstream's own.

use super::answer::Piece;

/// One uninterrupted thought of an answer.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Thought {
    /// What can be read; empty for a redacted one.
    pub text: String,
    /// `signature` or `data` of a Messages block, `encrypted_content` of a Responses item.
    pub seal: String,
    /// Whether it leaves as `redacted_thinking`.
    pub redacted: bool,
}

/// Who issues: no two upstreams of a process, and no two answers of one, issue the same seal.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct Issuer {
    /// Of the upstream.
    pub(super) serial: u64,
    /// Of the answer.
    pub(super) number: usize,
}

impl Issuer {
    /// The seal of the answer's thought at `index`. It looks like base64, as real ones do.
    pub(super) fn seal(self, index: usize) -> String {
        format!("il{:06}{:08}{index:04}seal==", self.serial, self.number)
    }

    /// The id of the answer's call at `index`, where the script gives none and the protocol wants one.
    pub(super) fn call_id(self, index: usize) -> String {
        format!("call_{}_{}_{index}", self.serial, self.number)
    }

    /// The ids of the answer's calls.
    pub(super) fn call_ids(self, pieces: &[Piece]) -> Vec<String> {
        let ids = pieces.iter().filter_map(|piece| match piece {
            Piece::Call { id, .. } => Some(id),
            _ => None,
        });
        let named = ids.enumerate().map(|(at, id)| id.clone().unwrap_or_else(|| self.call_id(at)));
        named.collect()
    }
}

/// The thoughts of an answer in their order; neighbours are one thought.
pub(super) fn thoughts(issuer: Issuer, pieces: &[Piece]) -> Vec<Thought> {
    let mut all: Vec<Thought> = Vec::new();
    let mut open = false;
    for piece in pieces {
        match piece {
            Piece::Reasoning(text) if open => {
                let last = all.last_mut().expect("an open thought is the last one");
                last.text.push_str(text);
            }
            Piece::Reasoning(text) => {
                let seal = issuer.seal(all.len());
                all.push(Thought { text: text.clone(), seal, redacted: false });
                open = true;
            }
            Piece::Redacted => {
                let seal = issuer.seal(all.len());
                all.push(Thought { text: String::new(), seal, redacted: true });
                open = false;
            }
            Piece::Wait(_) | Piece::Raw(_) | Piece::Usage(_) => {}
            _ => open = false,
        }
    }
    all
}
