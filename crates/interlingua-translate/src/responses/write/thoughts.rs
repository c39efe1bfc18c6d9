//! What goes back to the upstream of its earlier thoughts.

use std::borrow::Cow;

use interlingua_dialect::{Foreign, ReplayRule};
use interlingua_ir::{Call, Note, NoteKind, Reasoning, Text};

use crate::render::{field, joined};
use crate::responses::rules::{ENCRYPTED, can_think};
use crate::target::Target;
use crate::tools::short_hash;

/// What becomes of a thought.
#[derive(Debug)]
pub(in crate::responses) enum Reply<'r> {
    /// It goes back as its upstream gave it.
    Own {
        /// The item's id, as JSON.
        id: Option<&'r str>,
        /// The thought itself, as JSON.
        encrypted: &'r str,
        /// What people could read of it.
        text: &'r str,
    },
    /// Its words go back, and nothing else.
    Words(Vec<Text<'r>>),
    /// Nothing goes back.
    Nothing,
}

/// What the target may have of a thought; tells about what it may not.
pub(in crate::responses) fn reply<'r>(
    reasoning: &'r Reasoning<'_>,
    target: &Target<'_>,
    notes: &mut Vec<Note>,
) -> Reply<'r> {
    let words: Vec<Text<'r>> = match &reasoning.thought {
        Some(thought) => vec![Text::plain(thought.text.as_str())],
        None => reasoning.readable.iter().map(Text::borrowed).collect(),
    };
    let thought = reasoning.thought.as_ref();
    let origin = thought.and_then(|it| it.origin.as_ref());
    let value = |name: &str| {
        // Where a field came twice, it is the last that counts.
        let provenance = thought.iter().flat_map(|it| it.provenance.iter().rev());
        provenance.into_iter().find(|(field, _)| field == name).map(|(_, json)| json.as_str())
    };
    let empty = words.iter().all(Text::is_empty);
    if !can_think(target) {
        if !empty || value(ENCRYPTED).is_some() {
            notes.push(Note::new(NoteKind::Dropped, "reasoning"));
        }
        return Reply::Nothing;
    }
    let dialect = target.dialect;
    let family = origin.is_some_and(|it| it.family == dialect.id);
    let provider = origin.is_some_and(|it| it.provider == target.provider);
    match value(ENCRYPTED) {
        Some(encrypted) if family && provider => {
            let text = thought.map_or("", |it| it.text.as_str());
            Reply::Own { id: value("id"), encrypted, text }
        }
        _ if empty => Reply::Nothing,
        encrypted => {
            // Words of a thought that its upstream only knows encrypted are a copy for people.
            let own = family && encrypted.is_none();
            let readable = !matches!(dialect.replay.rule, ReplayRule::Forbid | ReplayRule::Ignored);
            if readable && (own || dialect.replay.foreign == Foreign::Keep) {
                return Reply::Words(words);
            }
            let whose = origin.map_or("unknown", |it| it.provider.as_str());
            let kind = if own { NoteKind::Dropped } else { NoteKind::ReasoningForeign };
            notes.push(Note::new(kind, if own { "reasoning" } else { whose }));
            Reply::Nothing
        }
    }
}

impl Reply<'_> {
    /// Writes the item that goes back; nothing for [`Reply::Nothing`].
    pub(in crate::responses) fn write(&self, out: &mut Vec<u8>) {
        match self {
            Self::Own { id, encrypted, text } => {
                out.extend_from_slice(b"{\"type\":\"reasoning\"");
                if let Some(id) = id {
                    field(out, "id", id);
                }
                out.extend_from_slice(b",\"summary\":[");
                if !text.is_empty() {
                    part(out, "summary_text", &[Text::plain(*text)]);
                }
                out.push(b']');
                field(out, ENCRYPTED, encrypted);
                out.push(b'}');
            }
            Self::Words(words) => words_item(out, words),
            Self::Nothing => {}
        }
    }
}

/// Writes a thought of which nothing but its words is known.
pub(super) fn words_item(out: &mut Vec<u8>, words: &[Text<'_>]) {
    // The API wants an id; this one is the same in every turn.
    let plain: Vec<Cow<'_, str>> = words.iter().map(Text::to_plain).collect();
    let parts: Vec<&str> = plain.iter().map(|it| &**it).collect();
    out.extend_from_slice(b"{\"type\":\"reasoning\",\"id\":\"rs_");
    out.extend_from_slice(short_hash(&parts).as_bytes());
    out.extend_from_slice(b"\",\"summary\":[],\"content\":[");
    part(out, "reasoning_text", words);
    out.extend_from_slice(b"]}");
}

fn part(out: &mut Vec<u8>, kind: &str, words: &[Text<'_>]) {
    out.extend_from_slice(b"{\"type\":\"");
    out.extend_from_slice(kind.as_bytes());
    out.extend_from_slice(b"\",\"text\":");
    joined(out, words.iter().map(Cow::Borrowed), "");
    out.push(b'}');
}

/// Whether a thought still stands beside the calls that followed from it.
pub(super) fn belongs(reasoning: &Reasoning<'_>, calls: &[(usize, &Call<'_>)]) -> bool {
    let Some(thought) = &reasoning.thought else { return true };
    let followed =
        |(_, call): &(usize, &Call<'_>)| thought.calls.iter().any(|id| *id == call.head.id);
    thought.calls.is_empty() || calls.iter().any(followed)
}
