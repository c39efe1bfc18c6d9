//! Pieces of an answer as bytes of the protocol that was asked: event by event, or as one object.

use std::time::Duration;

use bytes::Bytes;
use serde_json::Value;

use super::answer::{Piece, Usage};
use super::thought::Issuer;
use super::wire::Wire;

mod chat;
mod messages;
mod responses;

pub(super) use chat::Voice;

/// What the connection does next.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Act {
    Send(Bytes),
    Wait(Duration),
    Cut,
}

/// What an answer knows beside its pieces.
#[derive(Clone, Copy)]
pub(super) struct Head<'a> {
    /// Whose ids and seals it carries.
    pub(super) issuer: Issuer,
    /// The request.
    pub(super) body: &'a Value,
    /// A clean end is marked as the protocol marks it: `[DONE]`, `message_stop`.
    pub(super) done_line: bool,
    /// How it shows what it thinks, over Chat.
    pub(super) voice: &'a Voice,
}

impl Head<'_> {
    fn model(&self) -> &str {
        self.body["model"].as_str().unwrap_or_default()
    }

    /// The answer's id, with the protocol's prefix.
    fn id(&self, prefix: &str) -> String {
        format!("{prefix}_{}_{}", self.issuer.serial, self.issuer.number)
    }
}

/// The answer as server-sent events.
pub(super) fn stream(wire: Wire, head: Head<'_>, pieces: &[Piece]) -> Vec<Act> {
    match wire {
        Wire::Chat => chat::stream(head, pieces),
        Wire::Responses => responses::stream(head, pieces),
        Wire::Messages => messages::stream(head, pieces),
    }
}

/// The same answer as one object; waits come first, and a cut leaves half of the object.
pub(super) fn fold(wire: Wire, head: Head<'_>, pieces: &[Piece]) -> Vec<Act> {
    let whole = match wire {
        Wire::Chat => chat::fold(head, pieces),
        Wire::Responses => responses::fold(head, pieces),
        Wire::Messages => messages::fold(head, pieces),
    };
    let mut bytes = whole.to_string();
    let waits = pieces.iter().filter_map(|piece| match piece {
        Piece::Wait(time) => Some(Act::Wait(*time)),
        _ => None,
    });
    let mut acts: Vec<_> = waits.collect();
    let is_cut = pieces.contains(&Piece::Cut);
    if is_cut {
        bytes.truncate(bytes.floor_char_boundary(bytes.len() / 2));
    }
    acts.push(Act::Send(bytes.into()));
    if is_cut {
        acts.push(Act::Cut);
    }
    acts
}

/// When everything was made.
const CREATED: u64 = 1_793_000_000;

/// Length in bytes of one fragment of a call's arguments; short enough that most calls have several.
const FRAGMENT: usize = 12;

fn fragments(text: &str) -> Vec<String> {
    let mut all = Vec::new();
    let mut fragment = String::new();
    for letter in text.chars() {
        fragment.push(letter);
        if fragment.len() >= FRAGMENT {
            all.push(std::mem::take(&mut fragment));
        }
    }
    if !fragment.is_empty() {
        all.push(fragment);
    }
    all
}

fn words(text: &str) -> impl Iterator<Item = &str> {
    text.split_inclusive(' ')
}

/// The counts of an answer; some protocols tell them before its end.
fn usage(pieces: &[Piece]) -> Option<Usage> {
    pieces.iter().rev().find_map(|piece| match piece {
        Piece::Usage(usage) => Some(*usage),
        _ => None,
    })
}

/// What bytes remain when nothing but them is looked at.
#[cfg(test)]
fn joined(acts: &[Act]) -> String {
    let bytes = acts.iter().filter_map(|act| match act {
        Act::Send(bytes) => Some(String::from_utf8(bytes.to_vec()).unwrap()),
        Act::Wait(_) | Act::Cut => None,
    });
    bytes.collect()
}

#[cfg(test)]
mod tests;
