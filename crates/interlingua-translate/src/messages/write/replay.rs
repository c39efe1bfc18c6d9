//! What goes back to the upstream of its earlier thoughts.

use std::ops::Range;

use interlingua_dialect::{
    Carrier, Fix, Foreign, OnMissing, ReplayRule, ReplayScope, WhenThinkingOff,
};
use interlingua_ir::{Call, Item, Part, Protocol, Reasoning, Role, Text, Thought, Turn};

use super::parts::is_blank;
use crate::history::{Entry, History};
use crate::render::field;
use crate::target::Target;

/// What the upstream wants to have back of the thoughts that belong to its earlier messages.
#[derive(Debug)]
pub(super) struct Replay {
    /// Whether it may have any.
    pub(super) takes: bool,
    rule: ReplayRule,
    /// What to do where the thought is gone.
    pub(super) on_missing: OnMissing,
    /// What stands in for it.
    pub(super) placeholder: Option<String>,
}

impl Replay {
    pub(super) fn of(target: &Target<'_>, thinks: bool) -> Self {
        let rules = &target.dialect.replay;
        let silent = !thinks && rules.when_thinking_off == WhenThinkingOff::Omit;
        let barred = matches!(rules.rule, ReplayRule::Forbid | ReplayRule::Ignored);
        let can = !barred && rules.carrier == Carrier::ThinkingBlocks;
        let missed = target.repairs.has(Fix::AddPlaceholder);
        let stands_in = rules.on_missing != OnMissing::DisableThinking;
        // The upstream insists, whatever its record and the request say.
        let insists = can && missed && stands_in;
        let takes = insists || (can && !silent && !missed);
        Self {
            takes,
            rule: match insists {
                true => ReplayRule::RequiredToolCalls,
                false if thinks => rules.rule,
                // Nothing is missed; what is there goes back all the same.
                false => ReplayRule::Optional,
            },
            on_missing: if insists { OnMissing::Placeholder } else { rules.on_missing },
            placeholder: match insists {
                true => Some(rules.placeholder.clone().unwrap_or_default()),
                false => rules.placeholder.clone(),
            },
        }
    }

    /// Whether an answer has to come with its thought.
    pub(super) fn wants(&self, has_calls: bool) -> bool {
        self.takes && wants(self.rule, has_calls)
    }
}

fn wants(rule: ReplayRule, has_calls: bool) -> bool {
    match rule {
        ReplayRule::RequiredAll => true,
        ReplayRule::RequiredToolCalls => has_calls,
        ReplayRule::Forbid | ReplayRule::Ignored | ReplayRule::Optional => false,
    }
}

/// A thought as the upstream may have it.
#[derive(Debug)]
pub(in crate::messages) enum Known<'w> {
    /// In words, and with what the upstream knows it by.
    Words(Vec<Text<'w>>, Option<&'w str>),
    /// Only as the data that the upstream made of it.
    Redacted(&'w str),
    /// It is another model's, and may not be shown.
    Foreign,
    /// It is this upstream's and cannot be given back: this is why.
    Lost(&'static str),
    /// It says nothing.
    Nothing,
}

impl Known<'_> {
    /// Writes it as a block; nothing at all if the upstream may not have it.
    pub(in crate::messages) fn write(&self, out: &mut Vec<u8>) {
        match self {
            Self::Words(words, signature) => {
                out.extend_from_slice(b"{\"type\":\"thinking\",\"thinking\":\"");
                for text in words {
                    text.write_json(out);
                }
                out.push(b'"');
                if let Some(signature) = signature {
                    field(out, "signature", signature);
                }
                out.push(b'}');
            }
            Self::Redacted(data) => {
                out.extend_from_slice(b"{\"type\":\"redacted_thinking\"");
                field(out, "data", data);
                out.push(b'}');
            }
            Self::Foreign | Self::Lost(_) | Self::Nothing => {}
        }
    }
}

/// What may be said of a thought to this upstream; `calls` are those of its answer.
pub(in crate::messages) fn known<'w>(
    reasoning: &'w Reasoning<'_>,
    calls: &[&Call<'_>],
    target: &Target<'_>,
) -> Known<'w> {
    let rules = &target.dialect.replay;
    match &reasoning.thought {
        Some(thought) if !belongs(thought, calls) => Known::Lost("its calls are gone"),
        Some(thought) if is_own(thought, target) => {
            let field = |name| {
                let of_name = thought.provenance.iter().rfind(|(field, _)| field == name);
                of_name.map(|(_, json)| json.as_str())
            };
            if let Some(data) = field("redacted_thinking") {
                return Known::Redacted(data);
            }
            let words = vec![Text::plain(thought.text.as_str())];
            match field("signature") {
                Some(signature) => Known::Words(words, Some(signature)),
                None if rules.opaque => Known::Lost("it is not signed"),
                None if thought.text.is_empty() => Known::Nothing,
                None => Known::Words(words, None),
            }
        }
        thought => {
            let words: Vec<Text<'_>> = match thought {
                Some(thought) => vec![Text::plain(thought.text.as_str())],
                None => reasoning.readable.iter().map(Text::borrowed).collect(),
            };
            if words.iter().all(Text::is_empty) {
                return Known::Nothing;
            }
            match rules.foreign {
                Foreign::Keep if !rules.opaque => Known::Words(words, None),
                Foreign::Keep | Foreign::Drop => Known::Foreign,
            }
        }
    }
}

/// Whether the upstream itself thought it. What only it can read goes nowhere else.
pub(in crate::messages) fn is_own(thought: &Thought, target: &Target<'_>) -> bool {
    let origin = thought.origin.as_ref();
    origin.is_some_and(|it| it.provider == target.provider && it.family == target.dialect.id)
}

/// Whether a thought still stands beside the calls that followed from it.
fn belongs(thought: &Thought, calls: &[&Call<'_>]) -> bool {
    let followed = |call: &&Call<'_>| thought.calls.iter().any(|id| *id == call.head.id);
    thought.calls.is_empty() || calls.iter().any(followed)
}

/// Whether an answer that has to come with its thought has lost it.
pub(super) fn lacks_thought(turn: &Turn<'_>, target: &Target<'_>, history: &History) -> bool {
    let rules = &target.dialect.replay;
    let lacking = |range: &Range<usize>| {
        let items = turn.items.get(range.clone()).unwrap_or_default();
        let calls = calls(items);
        wants(rules.rule, !calls.is_empty())
            && !begins_with_thought(items, &calls, turn.protocol, target)
    };
    let steps = |entries: &[Entry]| {
        entries.iter().any(|entry| matches!(entry, Entry::Step(range) if lacking(range)))
    };
    match rules.scope {
        ReplayScope::AllTurns => steps(&history.entries),
        ReplayScope::CurrentTurn => steps(current(turn, history)),
    }
}

/// Whether the first that an answer says is a thought which the upstream may have.
fn begins_with_thought(
    items: &[Item<'_>],
    calls: &[&Call<'_>],
    of: Protocol,
    target: &Target<'_>,
) -> bool {
    let first = items.iter().find_map(|item| match item {
        Item::Reasoning(it) => match known(it, calls, target) {
            Known::Words(..) | Known::Redacted(_) => Some(true),
            Known::Foreign | Known::Lost(_) | Known::Nothing => None,
        },
        item => says(item, of).then_some(false),
    });
    first.unwrap_or(false)
}

/// Whether an item of an answer says or calls something in this protocol.
fn says(item: &Item<'_>, of: Protocol) -> bool {
    match item {
        Item::Message(message) => {
            message.parts.iter().any(|it| !matches!(it, Part::Text(text) if is_blank(text)))
        }
        Item::Call(_) => true,
        Item::Other { .. } => of == Protocol::Messages,
        Item::Reasoning(_) | Item::Output(_) | Item::Summary(_) => false,
    }
}

pub(in crate::messages) fn calls<'i, 'a>(items: &'i [Item<'a>]) -> Vec<&'i Call<'a>> {
    let calls = items.iter().filter_map(|item| match item {
        Item::Call(call) => Some(call),
        _ => None,
    });
    calls.collect()
}

/// The loop of calls that is not over: from the user's message before the last answer on, if that
/// answer called something. What the user has said meanwhile does not end it.
fn current<'h>(turn: &Turn<'_>, history: &'h History) -> &'h [Entry] {
    let entries = &history.entries[..];
    let items = |range: &Range<usize>| turn.items.get(range.clone()).unwrap_or_default();
    // An answer that is nothing but a thought is not written.
    let is_written = |entry: &Entry| match entry {
        Entry::Step(range) => items(range).iter().any(|it| says(it, turn.protocol)),
        Entry::Message(_) | Entry::Stray(_) => false,
    };
    let Some(last) = entries.iter().rposition(is_written) else { return &[] };
    let Entry::Step(range) = &entries[last] else { return &[] };
    if calls(items(range)).is_empty() {
        return &[];
    }
    let by_user = |entry: &Entry| match entry {
        Entry::Message(at) => match &turn.items[*at] {
            Item::Message(message) => message.role == Role::User,
            _ => true,
        },
        Entry::Step(_) | Entry::Stray(_) => false,
    };
    let begin = entries[..last].iter().rposition(by_user).map_or(0, |at| at + 1);
    &entries[begin..=last]
}
