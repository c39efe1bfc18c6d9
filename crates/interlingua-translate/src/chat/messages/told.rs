//! An answer and its results in words, for a model that has no tools.

use std::borrow::Cow;

use interlingua_ir::{Call, Item, Note, NoteKind, Place, Text};

use super::Writer;
use super::parts::Seen;
use super::replay::{Lead, Replayed};
use crate::chat::write::joined;
use crate::tools::Envelope;

impl<'w, 'a> Writer<'w, 'a> {
    /// Writes what one answer said, its calls as the model writes them, and their results.
    pub(super) fn told(
        &mut self,
        envelope: &Envelope,
        seen: Vec<Seen<'w>>,
        calls: &[(usize, &'w Call<'a>)],
        thought: Option<Replayed<'w>>,
    ) {
        let said = self.in_words(seen);
        let said: String = said.iter().map(|it| it.to_plain().into_owned()).collect();
        let mut lines: Vec<Text<'w>> = Vec::with_capacity(calls.len() + 2);
        match self.lead(thought.as_ref(), false) {
            Lead::Nothing => {}
            Lead::Part(_) => {
                self.notes.push(Note::new(NoteKind::Dropped, "reasoning beside calls in words"));
            }
            tags @ Lead::Tags(_) => lines.extend(tags.tagged()),
        }
        lines.extend((!said.is_empty()).then(|| Text::from(said)));
        for (at, call) in calls {
            self.lose(Place::Item(*at));
            let name = self.names.wire(&call.head);
            lines.push(envelope.call(&name, call, self.notes));
        }
        self.open("assistant");
        self.out.extend_from_slice(b",\"content\":");
        joined(self.out, lines.into_iter().map(Cow::Owned), "\n");
        self.carry(thought, false, false);
        self.out.push(b'}');
        if !calls.is_empty() {
            self.told_results(envelope, calls);
        }
    }

    fn told_results(&mut self, envelope: &Envelope, calls: &[(usize, &'w Call<'a>)]) {
        let turn = self.turn;
        let mut parts: Vec<Seen<'w>> = Vec::new();
        for (at, call) in calls {
            let name = self.names.wire(&call.head);
            let (start, end) = envelope.result(&name);
            parts.push(Seen::words(start));
            let result = self.history.result_of(*at);
            match result.map(|at| (at, &turn.items[at])) {
                Some((at, Item::Output(output))) => {
                    parts.extend(
                        self.seen(at, &output.parts).into_iter().filter(|it| !it.is_empty()),
                    );
                    self.lose(Place::Item(at));
                }
                _ => {
                    self.notes.push(Note::new(NoteKind::FilledIn, "a call without a result"));
                    parts.push(Seen::words("no result was recorded (interrupted)"));
                }
            }
            parts.push(Seen::words(end));
        }
        self.open("user");
        self.out.extend_from_slice(b",\"content\":");
        match parts.iter().all(Seen::is_text) {
            true => self.flat(parts, "\n"),
            false => self.list(&parts),
        }
        self.out.push(b'}');
    }
}
