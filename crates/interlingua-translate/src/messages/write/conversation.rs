//! The rules and the messages of a request.

use interlingua_ir::{Item, Message, Note, NoteKind, Summary, Text, Turn};

use super::Marks;
use super::extras::Extras;
use super::replay::Replay;
use crate::compaction::{HEADING, MISSING};
use crate::form::AnswerForm;
use crate::history::{Entry, History, is_rules};
use crate::render::{CACHE_MARK, cache_mark};
use crate::target::Target;
use crate::tools::Names;

/// Writes rules and messages.
///
/// Messages of the user and of the model alternate: neighbours of one role become one message. Every
/// content is a list of blocks, so that a cache mark changes nothing else.
pub(super) struct Writer<'w, 'a> {
    pub(super) turn: &'w Turn<'a>,
    pub(super) target: &'w Target<'w>,
    pub(super) names: &'w Names<'w>,
    pub(super) replay: &'w Replay,
    pub(super) history: &'w History,
    pub(super) extras: &'w Extras<'w>,
    pub(super) out: &'w mut Vec<u8>,
    pub(super) notes: &'w mut Vec<Note>,
    /// Whose message is being written.
    open: Option<Who>,
    /// Where the last blocks of the user's messages end.
    ends: Vec<usize>,
}

/// Who speaks, in the words of the protocol.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Who {
    User,
    Assistant,
}

impl<'w, 'a> Writer<'w, 'a> {
    #[expect(clippy::too_many_arguments, reason = "a writer's state, which nobody else keeps")]
    pub(super) fn new(
        turn: &'w Turn<'a>,
        target: &'w Target<'w>,
        names: &'w Names<'w>,
        replay: &'w Replay,
        history: &'w History,
        extras: &'w Extras<'w>,
        out: &'w mut Vec<u8>,
        notes: &'w mut Vec<Note>,
    ) -> Self {
        let (open, ends) = (None, Vec::new());
        Self { turn, target, names, replay, history, extras, out, notes, open, ends }
    }

    /// Writes `system` and `messages`.
    pub(super) fn write(mut self, marks: Marks) {
        for _ in &self.history.replaced {
            let what = "a call has two results; the last counts";
            self.notes.push(Note::new(NoteKind::StrayResult, what));
        }
        if self.history.has_repeats() {
            let what = "a call id that was used twice";
            self.notes.push(Note::new(NoteKind::Renamed, what));
        }
        self.system(marks);
        self.out.extend_from_slice(b",\"messages\":[");
        let history = self.history;
        for entry in &history.entries {
            match entry {
                Entry::Message(at) => self.message(*at),
                Entry::Step(range) => self.step(range.clone()),
                Entry::Stray(at) => self.stray(*at),
            }
        }
        // The model answers somebody, and never goes on with its own words.
        if self.open != Some(Who::User) {
            self.notes.push(Note::new(NoteKind::FilledIn, "a last message of the user"));
            self.block(Who::User, |writer| writer.text(&Text::plain(CONTINUE)));
        }
        self.close();
        self.out.push(b']');
        // From the back, because each mark moves what follows it.
        for end in self.ends.iter().rev().take(marks.messages) {
            self.out.splice(end - 1..end - 1, CACHE_MARK.bytes());
        }
    }

    /// Writes the rules that stand at the beginning. Later ones stay where they are: to move them here
    /// would change what all turns begin with.
    fn system(&mut self, marks: Marks) {
        let start = self.out.len();
        self.out.extend_from_slice(b",\"system\":[");
        let turn = self.turn;
        let mut first = true;
        for at in 0..self.history.leading_rules {
            let Some(Item::Message(message)) = turn.items.get(at) else { continue };
            for part in self.seen(at, &message.parts) {
                if !std::mem::take(&mut first) {
                    self.out.push(b',');
                }
                self.part(&part);
            }
        }
        if let Some(schema) = AnswerForm::of(turn, self.target).words(turn) {
            if !std::mem::take(&mut first) {
                self.out.push(b',');
            }
            self.text(&schema);
        }
        if first {
            return self.out.truncate(start);
        }
        if marks.system {
            cache_mark(self.out);
        }
        self.out.push(b']');
    }

    fn message(&mut self, at: usize) {
        match self.turn.items.get(at) {
            Some(Item::Message(message)) if !is_rules(message.role) => self.parts(at, message),
            Some(Item::Message(message)) if at >= self.history.leading_rules => {
                self.notes.push(Note::new(NoteKind::Changed, "rules to words of the user"));
                self.parts(at, message);
            }
            Some(Item::Summary(summary)) => self.summary(summary),
            _ => {}
        }
    }

    fn parts(&mut self, at: usize, message: &'w Message<'a>) {
        for part in self.seen(at, &message.parts) {
            self.block(Who::User, |writer| writer.part(&part));
        }
    }

    /// Writes a summary as somebody's words, the same in every turn.
    fn summary(&mut self, summary: &Summary<'_>) {
        let words = match &summary.text {
            Some(text) => Text::from(format!("{HEADING}\n\n{text}")),
            None => {
                self.notes.push(Note::new(NoteKind::Omitted, "summary"));
                Text::plain(MISSING)
            }
        };
        self.block(Who::User, |writer| writer.text(&words));
    }

    /// Writes a result whose call is gone. Nothing is dropped: a person's or a tool's words stay.
    fn stray(&mut self, at: usize) {
        let turn = self.turn;
        let Some(Item::Output(output)) = turn.items.get(at) else { return };
        self.notes.push(Note::new(NoteKind::StrayResult, "1"));
        let label = Text::from(format!("[result of the unknown tool call {}]", output.call_id));
        self.block(Who::User, |writer| writer.text(&label));
        for part in self.seen(at, &output.parts) {
            self.block(Who::User, |writer| writer.part(&part));
        }
    }

    /// Writes a block into the message of `who`, which is begun if it is not open.
    pub(super) fn block(&mut self, who: Who, write: impl FnOnce(&mut Self)) {
        if self.open == Some(who) {
            self.out.push(b',');
        } else {
            // A conversation begins with the user.
            if self.open.is_none() && self.ends.is_empty() && who == Who::Assistant {
                self.notes.push(Note::new(NoteKind::FilledIn, "a first message of the user"));
                self.begin(Who::User);
                self.text(&Text::plain(EARLIER));
            }
            self.begin(who);
        }
        write(self);
    }

    /// Begins a message.
    fn begin(&mut self, who: Who) {
        if self.open.is_some() {
            self.close();
            self.out.push(b',');
        }
        let role = match who {
            Who::User => "user",
            Who::Assistant => "assistant",
        };
        self.out.extend_from_slice(b"{\"role\":\"");
        self.out.extend_from_slice(role.as_bytes());
        self.out.extend_from_slice(b"\",\"content\":[");
        self.open = Some(who);
    }

    fn close(&mut self) {
        let Some(who) = self.open.take() else { return };
        if who == Who::User {
            self.ends.push(self.out.len());
        }
        self.out.extend_from_slice(b"]}");
    }
}

/// What the user says where a conversation ends with the model's words.
const CONTINUE: &str = "Continue.";

/// What the user says where a conversation begins with the model's words.
const EARLIER: &str = "[the beginning of this conversation is not shown]";
