use std::collections::HashMap;
use std::ops::Range;

use bytes::Bytes;
use interlingua_ir::{Item, Note, NoteKind, Place, Reasoning, Text, Thought, Turn};

use crate::seal::is_ours;
use crate::{Key, SealError, SealKeys, kept};

/// The steps of a turn whose thoughts a store may know.
#[derive(Debug, Default)]
pub struct Wanted {
    keys: Vec<Key>,
    steps: Vec<Range<usize>>,
}

impl Wanted {
    /// What to ask the store for.
    pub fn keys(&self) -> &[Key] {
        &self.keys
    }

    /// Whether nothing is missing.
    pub fn is_empty(&self) -> bool {
        self.keys.is_empty()
    }
}

impl FromIterator<(Key, Range<usize>)> for Wanted {
    fn from_iter<I: IntoIterator<Item = (Key, Range<usize>)>>(steps: I) -> Self {
        let (keys, steps) = steps.into_iter().unzip();
        Self { keys, steps }
    }
}

/// What came of [`inject`].
#[derive(Debug, Default)]
pub struct Injected {
    /// Steps that have their thoughts again.
    pub restored: usize,
    /// Steps that have none, and no readable copy. Models do not think before each answer, so only
    /// whoever knows the upstream can say whether that is a loss.
    pub missing: usize,
    /// What was found and could not be used.
    pub notes: Vec<Note>,
}

/// Gives the steps of `turn` the thoughts that were found for them.
///
/// `found` is the store's answer to [`Wanted::keys`]; nothing may have changed the turn's items since
/// the keys were made. The thoughts stand before the first item of their step. A readable copy that the
/// client sent makes room for what was found if it says the same, because it does not say who thought
/// it; if it says something else, it stays.
pub fn inject(
    turn: &mut Turn<'_>,
    wanted: &Wanted,
    found: &[Option<Bytes>],
    keys: &SealKeys,
    tenant: &str,
) -> Injected {
    let mut result = Injected::default();
    let mut thoughts: HashMap<usize, (Range<usize>, Vec<Thought>)> = HashMap::new();
    for (nth, (key, range)) in wanted.keys.iter().zip(&wanted.steps).enumerate() {
        let items = turn.items.get(range.clone()).unwrap_or_default();
        let opened = found.get(nth).and_then(Option::as_ref);
        let opened = opened.and_then(|bytes| match kept::open(bytes, key, keys, tenant) {
            Ok(thoughts) => Some(thoughts),
            Err(error) => {
                result.notes.push(Note::new(NoteKind::ReasoningUnreadable, why(&error)));
                None
            }
        });
        match opened {
            // The model is known not to have thought.
            Some(found) if found.is_empty() => {}
            Some(found) if fits(items, &found) => {
                result.restored += 1;
                thoughts.insert(range.start, (range.clone(), found));
            }
            _ if There::of(items) == There::Nothing => result.missing += 1,
            _ => {}
        }
    }
    if !thoughts.is_empty() {
        rebuild(turn, &mut thoughts);
    }
    result
}

/// What a client sent of a step's thoughts.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(crate) enum There {
    /// Nothing that could be used.
    Nothing,
    /// Words without their origin.
    Readable,
    /// Thoughts with their origin, or something that others have sealed.
    Whole,
}

impl There {
    pub(crate) fn of(items: &[Item<'_>]) -> Self {
        let thoughts = items.iter().filter_map(as_reasoning);
        thoughts.map(Self::of_one).max().unwrap_or(Self::Nothing)
    }

    fn of_one(reasoning: &Reasoning<'_>) -> Self {
        let says = |it: &Thought| !it.text.is_empty() || !it.provenance.is_empty();
        let foreign = reasoning.sealed.as_ref().is_some_and(|it| !is_ours(&it.to_plain()));
        if reasoning.thought.as_ref().is_some_and(says) || foreign {
            Self::Whole
        } else if reasoning.readable.iter().any(|it| !it.is_empty()) {
            Self::Readable
        } else {
            Self::Nothing
        }
    }
}

/// Whether what was found may take the place of what the client sent.
fn fits(items: &[Item<'_>], found: &[Thought]) -> bool {
    let readable = items.iter().filter_map(as_reasoning).flat_map(|it| &it.readable);
    let sent: String = readable.map(Text::to_plain).collect();
    let thought: String = found.iter().map(|it| it.text.as_str()).collect();
    // Some clients send the last piece of it only.
    thought.contains(sent.trim())
}

fn as_reasoning<'t, 'a>(item: &'t Item<'a>) -> Option<&'t Reasoning<'a>> {
    match item {
        Item::Reasoning(reasoning) => Some(reasoning),
        _ => None,
    }
}

/// Puts thoughts before the steps that begin where they are to stand, in the place of those that are
/// there.
fn rebuild(turn: &mut Turn<'_>, thoughts: &mut HashMap<usize, (Range<usize>, Vec<Thought>)>) {
    let old = std::mem::take(&mut turn.items);
    // Where each item stands now: what is only known of one protocol is kept by the place of its item.
    let mut places = Vec::with_capacity(old.len());
    let mut replaced = 0..0;
    for (at, item) in old.into_iter().enumerate() {
        if let Some((range, found)) = thoughts.remove(&at) {
            replaced = range;
            turn.items.extend(found.into_iter().map(|thought| {
                Item::Reasoning(Reasoning { thought: Some(thought), ..Reasoning::default() })
            }));
        }
        if replaced.contains(&at) && as_reasoning(&item).is_some() {
            places.push(turn.items.len().saturating_sub(1));
            continue;
        }
        places.push(turn.items.len());
        turn.items.push(item);
    }
    for extra in &mut turn.extras {
        if let Place::Item(at) | Place::Part { item: at, .. } = &mut extra.place {
            *at = places.get(*at).copied().unwrap_or(*at);
        }
    }
}

fn why(error: &SealError) -> &'static str {
    match error {
        SealError::NotOurs => "stored by another gateway",
        SealError::KeyGone(_) => "stored, and its key is gone",
        SealError::Refused => "stored, and not authentic",
    }
}
