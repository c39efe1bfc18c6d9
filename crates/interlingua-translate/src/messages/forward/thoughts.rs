//! The thoughts in a request: the upstream's own go back as it made them, others are left out.

use std::ops::Range;

use interlingua_dialect::{Fix, OnMissing, ReplayRule, ReplayScope};
use interlingua_ir::{Item, Note, NoteKind, Reasoning, Text, Turn};

use super::thinking::Wish;
use crate::history::History;
use crate::messages::write::replay::{Known, calls, known};
use crate::messages::write::thinking::is_off_by_repair;
use crate::spans::{Member, Spans, elements, member, members};
use crate::splices::Splices;
use crate::target::Target;

/// The messages of a request, and what becomes of their thoughts.
pub(super) struct Thoughts<'t> {
    /// The array of messages.
    list: &'t str,
    messages: Vec<Message<'t>>,
    /// What was left out, and why.
    told: Vec<Note>,
}

/// One message.
struct Message<'t> {
    text: &'t str,
    role: Role,
    content: &'t str,
    /// Only those of the model's messages are looked at.
    blocks: Vec<Block<'t>>,
    /// Blocks that are put in front.
    added: Vec<String>,
    /// A thought of the message cannot go on.
    lost: bool,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Role {
    User,
    Assistant,
    Other,
}

struct Block<'t> {
    text: &'t str,
    kind: Kind,
    members: Vec<Member<'t>>,
    fate: Fate,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Kind {
    Thinking,
    Redacted,
    Call,
    Other,
}

/// What becomes of a block.
#[derive(Clone, Debug, Default)]
enum Fate {
    /// It goes on as it is.
    #[default]
    Stays,
    /// Its member of this name gets this value, or is left out.
    Member(&'static str, Option<String>),
    /// It is written anew.
    Anew(String),
    Gone,
}

impl<'t> Thoughts<'t> {
    /// Finds the thoughts of a request; `None` where the body and the turn do not fit together.
    pub(super) fn of(
        spans: &Spans<'t>,
        list: &'t str,
        turn: &Turn<'_>,
        target: &Target<'_>,
    ) -> Option<Self> {
        let mut thoughts = Self { list, messages: Vec::new(), told: Vec::new() };
        let has_thoughts = turn.items.iter().any(|item| matches!(item, Item::Reasoning(_)));
        let insists = target.dialect.replay.on_missing == OnMissing::Placeholder;
        if !has_thoughts && !insists {
            return Some(thoughts);
        }
        let messages = spans.elements(list).into_iter();
        thoughts.messages = messages.map(|text| Message::of(spans, text)).collect();
        if has_thoughts {
            thoughts.judge(turn, target)?;
        }
        Some(thoughts)
    }

    /// Decides what becomes of each thought.
    fn judge(&mut self, turn: &Turn<'_>, target: &Target<'_>) -> Option<()> {
        let history = History::of(turn);
        let places: Vec<(usize, usize)> = self.places(Kind::is_thought);
        let mut carried = places.into_iter();
        let mut asked = self.places(|kind| kind == Kind::Call).into_iter();
        for (at, item) in turn.items.iter().enumerate() {
            let Item::Reasoning(reasoning) = item else { continue };
            let step = history.step_of(at);
            let items = turn.items.get(step.clone()).unwrap_or_default();
            let calls = calls(items);
            let known = known(reasoning, &calls, target);
            if is_carried(reasoning) {
                let (message, block) = carried.next()?;
                let message = &mut self.messages[message];
                self.told.extend(told(reasoning, &known, target));
                let fate = message.blocks[block].fate(reasoning, known, target);
                message.lost |= matches!(fate, Fate::Gone);
                message.blocks[block].fate = fate;
                continue;
            }
            // The gateway remembered it. It belongs to the message with the first call of its answer.
            let Some(id) = calls.first().map(|call| &call.head.id) else { continue };
            let with_id = |place: &(usize, usize)| {
                let (message, block) = *place;
                let members = &self.messages[message].blocks[block].members;
                let known = member(members, "id").and_then(Text::from_json);
                known.is_some_and(|it| it.to_plain() == *id)
            };
            let Some((message, _)) = asked.clone().find(with_id) else { continue };
            while asked.clone().next().is_some_and(|(before, _)| before < message) {
                asked.next();
            }
            self.told.extend(told(reasoning, &known, target));
            let added = written(&known);
            self.messages[message].lost |= added.is_none();
            self.messages[message].added.extend(added);
        }
        // More thoughts than were read: the body is not what the turn was read from.
        carried.next().is_none().then_some(())
    }

    /// Decides what to do where a thought is missing, and tells what was left out.
    ///
    /// `None` where the upstream wants the calls in words.
    pub(super) fn settle(
        &mut self,
        wish: &mut Wish<'_>,
        target: &Target<'_>,
        notes: &mut Vec<Note>,
    ) -> Option<()> {
        let rules = &target.dialect.replay;
        if is_off_by_repair(target) {
            self.forget();
            notes.push(Note::new(NoteKind::ReasoningMissing, "thinking off for this request"));
            return Some(());
        }
        notes.append(&mut self.told);
        // A refusal tells more than the record.
        let insists = target.repairs.has(Fix::AddPlaceholder);
        let required =
            matches!(rules.rule, ReplayRule::RequiredToolCalls | ReplayRule::RequiredAll);
        let matters = insists || (wish.thinks && required);
        if !matters {
            return Some(());
        }
        let scope = match rules.scope {
            ReplayScope::AllTurns => 0..self.messages.len(),
            ReplayScope::CurrentTurn => self.current(),
        };
        let wanting = |message: &Message<'_>| {
            let called = message.blocks.iter().any(|it| it.kind == Kind::Call);
            called && !message.has_thought()
        };
        let missing: Vec<usize> = scope.filter(|at| wanting(&self.messages[*at])).collect();
        if missing.is_empty() {
            return Some(());
        }
        match rules.on_missing {
            OnMissing::DisableThinking => {
                // A client that sends no thought has got none: the model did not think.
                let lost = missing.iter().any(|at| self.messages[*at].lost);
                let exempt = rules.adaptive_exempt && wish.is_adaptive();
                if lost && !exempt && wish.switch_off(target.dialect) {
                    self.forget();
                    let what = "thinking off for this request";
                    notes.push(Note::new(NoteKind::ReasoningMissing, what));
                }
            }
            OnMissing::Placeholder => {
                let placeholder = rules.placeholder.as_deref().unwrap_or_default();
                let words = vec![Text::plain(placeholder)];
                let block = written(&Known::Words(words, None)).unwrap_or_default();
                notes.push(Note::new(NoteKind::ReasoningMissing, missing.len().to_string()));
                for at in missing {
                    self.messages[at].added.push(block.clone());
                }
            }
            OnMissing::StripToolCalls => return None,
            OnMissing::None => {}
        }
        Some(())
    }

    pub(super) fn apply(self, splices: &mut Splices<'t>) {
        let empty: Vec<bool> = self.messages.iter().map(Message::is_empty).collect();
        let ranges: Vec<_> =
            self.messages.iter().map(|it| splices.range(it.text).unwrap_or_default()).collect();
        splices.remove(self.list, &ranges, &empty);
        for (message, _) in self.messages.into_iter().zip(empty).filter(|(_, empty)| !empty) {
            message.apply(splices);
        }
    }

    /// Leaves all thoughts out.
    fn forget(&mut self) {
        for message in &mut self.messages {
            message.added.clear();
            for block in message.blocks.iter_mut().filter(|it| it.kind.is_thought()) {
                block.fate = Fate::Gone;
            }
        }
    }

    /// Where blocks of a kind stand: which message, which block.
    fn places(&self, of: impl Fn(Kind) -> bool) -> Vec<(usize, usize)> {
        let mut places = Vec::new();
        for (at, message) in self.messages.iter().enumerate() {
            let blocks = message.blocks.iter().enumerate().filter(|(_, it)| of(it.kind));
            places.extend(blocks.map(|(block, _)| (at, block)));
        }
        places
    }

    /// The loop of calls that is not over: from the user's words before the model's last message on, if
    /// that message called something.
    fn current(&self) -> Range<usize> {
        let by = |role| move |message: &Message<'_>| message.role == role;
        let Some(last) = self.messages.iter().rposition(by(Role::Assistant)) else { return 0..0 };
        if !self.messages[last].blocks.iter().any(|it| it.kind == Kind::Call) {
            return 0..0;
        }
        let says = |message: &Message<'_>| message.role == Role::User && message.says_something();
        let begin = self.messages[..last].iter().rposition(says).map_or(0, |at| at + 1);
        begin..last + 1
    }
}

impl<'t> Message<'t> {
    fn of(spans: &Spans<'t>, text: &'t str) -> Self {
        let members = spans.members(text);
        let role = match member(&members, "role") {
            Some("\"user\"") => Role::User,
            Some("\"assistant\"") => Role::Assistant,
            _ => Role::Other,
        };
        let content = member(&members, "content").unwrap_or_default();
        let blocks = match role {
            Role::Assistant => {
                let blocks = spans.elements(content).into_iter();
                blocks.map(|text| Block::of(spans, text)).collect()
            }
            Role::User | Role::Other => Vec::new(),
        };
        Self { text, role, content, blocks, added: Vec::new(), lost: false }
    }

    /// Whether a thought of the message goes on.
    fn has_thought(&self) -> bool {
        let stays = |it: &Block<'_>| it.kind.is_thought() && !matches!(it.fate, Fate::Gone);
        !self.added.is_empty() || self.blocks.iter().any(stays)
    }

    /// Whether nothing is left of what was not empty before.
    fn is_empty(&self) -> bool {
        let gone = |it: &Block<'_>| matches!(it.fate, Fate::Gone);
        self.added.is_empty() && !self.blocks.is_empty() && self.blocks.iter().all(gone)
    }

    /// Whether the user says something, instead of answering for tools only.
    fn says_something(&self) -> bool {
        let is_result = |block: &&str| {
            member(&members(block), "type").is_some_and(|kind| kind == "\"tool_result\"")
        };
        self.content.starts_with('"') || !elements(self.content).iter().all(is_result)
    }

    fn apply(self, splices: &mut Splices<'t>) {
        let ranges: Vec<_> =
            self.blocks.iter().map(|it| splices.range(it.text).unwrap_or_default()).collect();
        if let Some(first) = ranges.first() {
            for block in self.added {
                splices.put(first.start..first.start, block + ",");
            }
        }
        let gone: Vec<_> = self.blocks.iter().map(|it| matches!(it.fate, Fate::Gone)).collect();
        splices.remove(self.content, &ranges, &gone);
        for block in self.blocks {
            block.apply(splices);
        }
    }
}

impl<'t> Block<'t> {
    fn of(spans: &Spans<'t>, text: &'t str) -> Self {
        let members = spans.members(text);
        let kind = match member(&members, "type") {
            Some("\"thinking\"") => Kind::Thinking,
            Some("\"redacted_thinking\"") => Kind::Redacted,
            Some("\"tool_use\"") => Kind::Call,
            _ => Kind::Other,
        };
        Self { text, kind, members, fate: Fate::Stays }
    }

    /// What becomes of a thought that the client sent.
    fn fate(&self, reasoning: &Reasoning<'_>, known: Known<'_>, target: &Target<'_>) -> Fate {
        if reasoning.thought.is_none() {
            let sealed = reasoning.sealed.as_ref().filter(|it| !it.is_empty());
            return match sealed {
                // Ours, and not authentic.
                Some(sealed)
                    if reasoning.readable.is_empty() && sealed.to_plain().starts_with(OURS) =>
                {
                    Fate::Gone
                }
                // Somebody else's, most likely the upstream's own from another way to it.
                Some(_) => Fate::Stays,
                // The upstream cannot recognise it.
                None if target.dialect.replay.opaque => Fate::Gone,
                // What stands for a signature that nobody gave is none.
                None if self.is_signed() => Fate::Member("signature", None),
                None => Fate::Stays,
            };
        }
        match known {
            Known::Redacted(data) if self.kind == Kind::Redacted => {
                Fate::Member("data", Some(data.to_owned()))
            }
            Known::Words(ref words, signature) if self.says(words) => {
                Fate::Member("signature", signature.map(str::to_owned))
            }
            known => written(&known).map_or(Fate::Gone, Fate::Anew),
        }
    }

    fn is_signed(&self) -> bool {
        member(&self.members, "signature").is_some_and(|it| it != "\"\"")
    }

    /// Whether these are the words of the block.
    fn says(&self, words: &[Text<'_>]) -> bool {
        let own = member(&self.members, "thinking").and_then(Text::from_json);
        let said: String = words.iter().map(|it| it.to_plain()).collect();
        self.kind == Kind::Thinking && own.is_some_and(|it| it.to_plain() == said)
    }

    fn apply(self, splices: &mut Splices<'t>) {
        match self.fate {
            Fate::Stays | Fate::Gone => {}
            Fate::Anew(json) => splices.replace(self.text, json),
            Fate::Member(name, value) => {
                let is_meant = |it: &Member<'_>| it.name == name;
                match (self.members.iter().find(|it| is_meant(it)), value) {
                    (Some(member), Some(value)) => splices.replace(member.value, value),
                    (None, Some(value)) => {
                        let end = splices.range(self.text).map_or(0, |it| it.end);
                        splices.put(end - 1..end - 1, format!(",\"{name}\":{value}"));
                    }
                    (Some(_), None) => {
                        let ranges: Vec<_> = self
                            .members
                            .iter()
                            .map(|it| splices.range(it.whole).unwrap_or_default())
                            .collect();
                        let gone: Vec<_> = self.members.iter().map(is_meant).collect();
                        splices.remove(self.text, &ranges, &gone);
                    }
                    (None, None) => {}
                }
            }
        }
    }
}

impl Kind {
    fn is_thought(self) -> bool {
        matches!(self, Self::Thinking | Self::Redacted)
    }
}

/// How our own seals begin.
const OURS: &str = "il1.";

/// Whether a thought came in the client's own body.
fn is_carried(reasoning: &Reasoning<'_>) -> bool {
    reasoning.sealed.is_some() || !reasoning.readable.is_empty()
}

/// Why a thought does not go on. What opens the seals has told of those that are not authentic.
fn told(reasoning: &Reasoning<'_>, known: &Known<'_>, target: &Target<'_>) -> Option<Note> {
    let missing = |why: &str| Some(Note::new(NoteKind::ReasoningMissing, why));
    let Some(thought) = &reasoning.thought else {
        let unsigned = reasoning.sealed.as_ref().is_none_or(Text::is_empty);
        return missing("it is not signed").filter(|_| unsigned && target.dialect.replay.opaque);
    };
    match known {
        Known::Foreign => {
            let from = thought.origin.as_ref().map_or("unknown", |it| it.provider.as_str());
            Some(Note::new(NoteKind::ReasoningForeign, from))
        }
        Known::Lost(why) => missing(why),
        Known::Words(..) | Known::Redacted(_) | Known::Nothing => None,
    }
}

/// A thought as a block of its own; `None` if the upstream may not have it.
fn written(known: &Known<'_>) -> Option<String> {
    let mut out = Vec::new();
    known.write(&mut out);
    String::from_utf8(out).ok().filter(|it| !it.is_empty())
}
