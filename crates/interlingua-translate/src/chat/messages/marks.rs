//! Where an upstream is told that its prompt may be cached up to here.
//!
//! Clients of other protocols mark nothing, or mark it in a way that is gone by now. What the next turn
//! repeats for sure is marked for them: the rules, and the last two messages that somebody else than the
//! model has written. A client that speaks Chat itself has set its own marks.

use interlingua_dialect::{CacheMode, ResultContent, TextParts};
use interlingua_ir::{Item, Text};

use super::{Entry, Seen, Writer};
use crate::render::cache_mark;

/// Whether marks are to be set.
pub(super) fn is_wanted(writer: &Writer<'_, '_>) -> bool {
    let dialect = writer.target.dialect;
    let takes = dialect.cache.max_breakpoints > 0 && dialect.messages.text_parts == TextParts::Ok;
    dialect.cache.mode == CacheMode::CacheControl && takes && !writer.same_protocol
}

/// The items whose messages are marked.
pub(super) fn places(writer: &Writer<'_, '_>) -> Vec<usize> {
    if !is_wanted(writer) {
        return Vec::new();
    }
    let most = (writer.target.dialect.cache.max_breakpoints as usize - 1).min(2);
    let in_results = writer.target.dialect.tools.result_content != ResultContent::String;
    let entries = writer.history.entries.iter().rev();
    let markable = entries.filter_map(|entry| match entry {
        Entry::Message(at) => (writer.role(*at) == Some("user")).then_some(*at),
        Entry::Step(range) if in_results => {
            let call = |at: &usize| matches!(writer.turn.items.get(*at), Some(Item::Call(_)));
            range.clone().rev().find(call).and_then(|call| writer.history.result_of(call))
        }
        Entry::Step(_) | Entry::Stray(_) => None,
    });
    let rules = writer.history.leading_rules.checked_sub(1);
    let leading = rules.filter(|at| writer.role(*at).is_some_and(|role| role != "user"));
    markable.take(most).chain(leading).collect()
}

/// Marks the last part of the list that `out` ends with.
pub(super) fn mark(out: &mut Vec<u8>) {
    if out.pop_if(|it| *it == b']').is_some() {
        cache_mark(out);
        out.push(b']');
    }
}

impl Writer<'_, '_> {
    /// Writes texts as a list of parts and marks its end.
    pub(super) fn marked(&mut self, texts: Vec<Text<'_>>) {
        let parts: Vec<Seen<'_>> = texts.into_iter().map(Seen::words).collect();
        self.list(&parts);
        mark(self.out);
    }
}
