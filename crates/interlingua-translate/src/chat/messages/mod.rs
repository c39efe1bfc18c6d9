//! The messages of a request.

use std::borrow::Cow;

use interlingua_dialect::{
    AssistantNullContent, Consecutive, DeveloperRole, LastAssistant, NameField, SystemPlacement,
    TextParts, UserAfterTool,
};
use interlingua_ir::{Item, Note, NoteKind, Place, Protocol, Role, Summary, Text, Turn};

use super::extras::{CONTENT, Extras};
use super::write::{field, joined, string};
use crate::compaction::{HEADING, MISSING};
use crate::form::AnswerForm;
use crate::history::{Entry, History, is_rules};
use crate::target::Target;
use crate::tools::{Envelope, Names};

mod marks;
mod parts;
mod replay;
mod step;
mod told;

use parts::Seen;
pub(super) use replay::{Replay, forbids_thinking};

/// Writes the array of messages.
#[expect(clippy::too_many_arguments, reason = "a writer's state, which nobody else keeps")]
pub(super) fn write(
    turn: &Turn<'_>,
    target: &Target<'_>,
    names: &Names<'_>,
    replay: &Replay,
    extras: &Extras<'_>,
    envelope: Option<&Envelope>,
    out: &mut Vec<u8>,
    notes: &mut Vec<Note>,
) {
    let merges = target.dialect.messages.consecutive == Consecutive::Merge;
    let history = if merges { History::merged(turn) } else { History::of(turn) };
    for _ in &history.replaced {
        notes.push(Note::new(NoteKind::StrayResult, "a call has two results; the last counts"));
    }
    let mut writer = Writer {
        turn,
        target,
        names,
        replay,
        extras,
        envelope,
        same_protocol: turn.protocol == Protocol::Chat,
        history: &history,
        out,
        notes,
        last: None,
        marks: Vec::new(),
    };
    writer.marks = marks::places(&writer);
    writer.out.push(b'[');
    writer.system();
    let mut entries = history.entries.iter().peekable();
    while let Some(entry) = entries.next() {
        match entry {
            Entry::Message(at) => {
                let role = writer.role(*at);
                let mut run = vec![*at];
                while let Some(Entry::Message(next)) = entries.next_if(|next| {
                    merges && matches!(next, Entry::Message(next) if role.is_some() && writer.role(*next) == role)
                }) {
                    run.push(*next);
                }
                writer.messages(role, &run);
            }
            Entry::Step(range) => writer.step(range.clone()),
            Entry::Stray(at) => writer.stray(*at),
        }
    }
    writer.end();
    writer.out.push(b']');
}

struct Writer<'w, 'a> {
    turn: &'w Turn<'a>,
    target: &'w Target<'w>,
    names: &'w Names<'w>,
    replay: &'w Replay,
    extras: &'w Extras<'w>,
    /// Calls and results are told in words.
    envelope: Option<&'w Envelope>,
    /// The client spoke Chat: what it says in its own words can be said again.
    same_protocol: bool,
    history: &'w History,
    out: &'w mut Vec<u8>,
    notes: &'w mut Vec<Note>,
    /// The last message: whose it is, and where it begins.
    last: Option<(&'static str, usize)>,
    /// Where prompts may be cached up to, by the items that are written last before.
    marks: Vec<usize>,
}

impl<'w> Writer<'w, '_> {
    /// Writes the rules that have to stand in front.
    fn system(&mut self) {
        let placement = self.target.dialect.request.system;
        let mut texts: Vec<Text<'w>> = Vec::new();
        let turn = self.turn;
        for (at, item) in turn.items.iter().enumerate() {
            let Item::Message(message) = item else { continue };
            let leading = at < self.history.leading_rules;
            let gathered = match placement {
                SystemPlacement::MergeFirst | SystemPlacement::TopLevel => true,
                SystemPlacement::FirstOnly => leading,
                SystemPlacement::Any | SystemPlacement::ToUser => false,
            };
            if gathered && is_rules(message.role) {
                texts.extend(self.words(at, &message.parts));
                self.lose(Place::Item(at));
            }
        }
        texts.extend(self.envelope.and_then(|it| it.instruction(turn, self.names)));
        texts.extend(AnswerForm::of(turn, self.target).words(turn));
        if !texts.is_empty() {
            let role = match placement {
                SystemPlacement::ToUser => "user",
                _ => "system",
            };
            self.open(role);
            self.out.extend_from_slice(b",\"content\":");
            if marks::is_wanted(self) && role == "system" {
                self.marked(texts);
            } else {
                joined(self.out, texts.into_iter().map(Cow::Owned), "\n\n");
            }
            self.out.push(b'}');
        }
    }

    /// Who says the message at `at`, in the upstream's words; `None` for what is no message, and for rules
    /// that stand in front already.
    fn role(&self, at: usize) -> Option<&'static str> {
        let Some(Item::Message(message)) = self.turn.items.get(at) else { return None };
        let rules = &self.target.dialect.request;
        Some(match message.role {
            Role::User => "user",
            Role::Assistant => "assistant",
            Role::System | Role::Developer => match rules.system {
                SystemPlacement::MergeFirst | SystemPlacement::TopLevel => return None,
                SystemPlacement::FirstOnly if at < self.history.leading_rules => return None,
                SystemPlacement::FirstOnly | SystemPlacement::ToUser => "user",
                SystemPlacement::Any => match (message.role, rules.developer_role) {
                    (Role::Developer, DeveloperRole::Keep) => "developer",
                    _ => "system",
                },
            },
        })
    }

    /// Writes messages of one role as one message.
    fn messages(&mut self, role: Option<&'static str>, run: &[usize]) {
        let turn = self.turn;
        let mut seen = Vec::new();
        for &at in run {
            match &turn.items[at] {
                Item::Summary(summary) => self.summary(summary),
                Item::Message(message) if role.is_some() => {
                    seen.extend(self.seen(at, &message.parts));
                }
                _ => {}
            }
        }
        let Some(role) = role else { return };
        let is_list = run.iter().any(|at| self.extras.is_list(*at));
        let is_list = is_list && self.target.dialect.messages.text_parts == TextParts::Ok;
        if !is_list {
            seen.retain(|part| !part.is_empty());
        }
        if seen.is_empty() && !self.same_protocol {
            return;
        }
        self.open(role);
        self.out.extend_from_slice(b",\"content\":");
        let is_marked = run.last().is_some_and(|at| self.marks.contains(at));
        if is_marked && !seen.is_empty() {
            self.list(&seen);
            marks::mark(self.out);
        } else if is_list || !seen.iter().all(Seen::is_text) {
            if self.target.dialect.messages.image_needs_text && !seen.iter().any(Seen::is_text) {
                seen.insert(0, Seen::words("[image]"));
            }
            self.list(&seen);
        } else {
            self.flat(seen, "\n\n");
        }
        for &at in run {
            self.beside(at);
        }
        self.out.push(b'}');
    }

    /// Writes what else a Chat client said in the message at `at`.
    fn beside(&mut self, at: usize) {
        let rules = &self.target.dialect.messages;
        let (keeps_name, nulls) =
            (rules.name_field == NameField::Keep, rules.assistant_null_content);
        let is_answer =
            matches!(&self.turn.items[at], Item::Message(it) if it.role == Role::Assistant);
        for (name, json) in self.extras.outer(Place::Item(at)) {
            match name {
                CONTENT => {}
                // Its words are the content then.
                "refusal" if is_answer && nulls != AssistantNullContent::Ok => {}
                "name" if !keeps_name => self.notes.push(Note::new(NoteKind::Dropped, name)),
                _ => field(self.out, name, json),
            }
        }
    }

    /// Tells what a Chat client said at a place that is not written.
    fn lose(&mut self, place: Place) {
        let lost = self.extras.at(place).map(|(name, _)| name).filter(|name| *name != CONTENT);
        self.notes.extend(lost.map(|name| Note::new(NoteKind::Dropped, name)));
    }

    /// Writes a summary as somebody's words, the same in every turn.
    fn summary(&mut self, summary: &Summary<'_>) {
        self.open("user");
        self.out.extend_from_slice(b",\"content\":");
        match &summary.text {
            Some(text) => {
                let texts = [HEADING, text].map(|it| Cow::Owned(Text::plain(it)));
                joined(self.out, texts, "\n\n");
            }
            None => {
                self.notes.push(Note::new(NoteKind::Omitted, "summary"));
                string(self.out, &Text::plain(MISSING));
            }
        }
        self.out.push(b'}');
    }

    /// Writes a result whose call is gone. Nothing is dropped: a person's or a tool's words stay.
    fn stray(&mut self, at: usize) {
        let Some(Item::Output(output)) = self.turn.items.get(at) else { return };
        self.notes.push(Note::new(NoteKind::StrayResult, "1"));
        self.lose(Place::Item(at));
        let mut seen = self.seen(at, &output.parts);
        seen.retain(|part| !part.is_empty());
        self.open("user");
        self.out.extend_from_slice(b",\"content\":");
        let label = format!("[result of the unknown tool call {}]", output.call_id);
        seen.insert(0, Seen::words(label));
        match seen.iter().all(Seen::is_text) {
            true => self.flat(seen, "\n"),
            false => self.list(&seen),
        }
        self.out.push(b'}');
    }

    /// Writes the beginning of a message.
    fn open(&mut self, role: &'static str) {
        let bridged = self.target.dialect.messages.user_after_tool == UserAfterTool::Bridge;
        if bridged && role == "user" && matches!(self.last, Some(("tool", _))) {
            self.out.extend_from_slice(BRIDGE.as_bytes());
            self.notes.push(Note::new(NoteKind::FilledIn, "an assistant message after results"));
        }
        if self.last.is_some() {
            self.out.push(b',');
        }
        self.last = Some((role, self.out.len()));
        self.out.extend_from_slice(b"{\"role\":\"");
        self.out.extend_from_slice(role.as_bytes());
        self.out.push(b'"');
    }

    /// Ends the list as the upstream wants it ended.
    fn end(&mut self) {
        let Some(("assistant", start)) = self.last else { return };
        match self.target.dialect.messages.last_assistant {
            LastAssistant::Ok => {}
            LastAssistant::PrefixFlag => {
                let message = self.out.get(start..).unwrap_or_default();
                // The client may have said so itself.
                if memchr::memmem::find(message, b"\"prefix\":").is_none()
                    && self.out.ends_with(b"}")
                {
                    self.out.pop();
                    field(self.out, "prefix", "true");
                    self.out.push(b'}');
                }
            }
            LastAssistant::Refuse => {
                self.notes.push(Note::new(NoteKind::FilledIn, "a last message of the user"));
                self.open("user");
                self.out.extend_from_slice(b",\"content\":\"Go on.\"}");
            }
        }
    }
}

/// What stands between a result and the words of the user, where the one may not follow the other.
const BRIDGE: &str = r#",{"role":"assistant","content":"Understood."}"#;
