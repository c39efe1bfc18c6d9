//! What a client of the same protocol says beyond what all protocols share.

use std::collections::HashMap;

use interlingua_dialect::CacheMode;
use interlingua_ir::{Extra, Item, Note, NoteKind, Place, Protocol, Turn};

use super::OUTPUT_CONFIG;
use super::thinking::THINKING;
use crate::render::field;
use crate::spans::{Member, members};
use crate::target::Target;

/// The extras of a turn, by the place where they belong; empty for clients of other protocols.
#[derive(Debug, Default)]
pub(super) struct Extras<'w> {
    top: Vec<&'w Extra<'w>>,
    tools: HashMap<usize, Vec<&'w Extra<'w>>>,
    items: HashMap<usize, Vec<&'w Extra<'w>>>,
    parts: HashMap<(usize, usize), Vec<&'w Extra<'w>>>,
}

impl<'w> Extras<'w> {
    pub(super) fn of(turn: &'w Turn<'_>, target: &Target<'_>, notes: &mut Vec<Note>) -> Self {
        let mut extras = Self::default();
        if turn.protocol != Protocol::Messages {
            return extras;
        }
        let marked = target.dialect.cache.mode == CacheMode::CacheControl;
        for extra in turn.extras.iter().filter(|it| marked || it.name != CACHE_CONTROL) {
            match extra.place {
                Place::Top => extras.top.push(extra),
                Place::Tool(at) => extras.tools.entry(at).or_default().push(extra),
                Place::Item(at) if has_block(turn, at) => {
                    extras.items.entry(at).or_default().push(extra);
                }
                Place::Item(_) => {
                    notes.push(Note::new(NoteKind::Dropped, extra.name.as_ref()));
                }
                Place::Part { item, part } => {
                    extras.parts.entry((item, part)).or_default().push(extra);
                }
            }
        }
        extras
    }

    /// Writes those of the request itself, unless the record bars them.
    pub(super) fn top(&self, target: &Target<'_>, out: &mut Vec<u8>, notes: &mut Vec<Note>) {
        for extra in &self.top {
            if MERGED.contains(&&*extra.name) {
                continue;
            }
            if WRITTEN.contains(&&*extra.name) {
                notes.push(Note::new(NoteKind::Dropped, extra.name.as_ref()));
                continue;
            }
            if target.repairs.drops(&extra.name, notes) {
                continue;
            }
            if target.dialect.request.drop.iter().any(|it| *it == extra.name) {
                notes.push(Note::new(NoteKind::Dropped, extra.name.as_ref()));
                continue;
            }
            field(out, &extra.name, extra.json.get());
        }
    }

    /// What the client says in a field whose shared part the writer puts in its own words.
    pub(super) fn beside(&self, name: &str) -> Vec<Member<'w>> {
        let own = self.top.iter().find(|extra| extra.name == name);
        own.map(|extra| members(extra.json.get())).unwrap_or_default()
    }

    pub(super) fn tool(&self, at: usize, out: &mut Vec<u8>) {
        write(self.tools.get(&at), out);
    }

    /// Writes those of a call or a result.
    pub(super) fn item(&self, at: usize, out: &mut Vec<u8>) {
        write(self.items.get(&at), out);
    }

    pub(super) fn has_part(&self, place: (usize, usize)) -> bool {
        self.parts.contains_key(&place)
    }

    /// Writes those of a part of a message or a result.
    pub(super) fn part(&self, place: Option<(usize, usize)>, out: &mut Vec<u8>) {
        write(place.and_then(|it| self.parts.get(&it)), out);
    }
}

/// Whether an item is one block, which can hold further fields.
fn has_block(turn: &Turn<'_>, at: usize) -> bool {
    matches!(turn.items.get(at), Some(Item::Call(_) | Item::Output(_)))
}

fn write(extras: Option<&Vec<&Extra<'_>>>, out: &mut Vec<u8>) {
    for extra in extras.into_iter().flatten() {
        field(out, &extra.name, extra.json.get());
    }
}

const CACHE_CONTROL: &str = "cache_control";

/// Fields of which the writer keeps what it does not decide about.
const MERGED: [&str; 2] = [OUTPUT_CONFIG, THINKING];

/// Fields that the writer alone decides about.
const WRITTEN: [&str; 7] =
    ["max_tokens", "messages", "model", "stream", "system", "tool_choice", "tools"];
