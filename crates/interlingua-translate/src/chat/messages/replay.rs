//! What goes back to the upstream of its earlier thoughts.

use std::borrow::Cow;

use interlingua_dialect::{Carrier, Fix, Foreign, OnMissing, ReplayRule, WhenThinkingOff};
use interlingua_ir::{Call, Note, NoteKind, Place, Reasoning, Text, Thought};

use super::Writer;
use crate::chat::write::{field, joined, string};
use crate::target::Target;

/// What the upstream wants to have back of the thoughts that belong to its earlier messages.
pub(in crate::chat) struct Replay {
    carrier: Carrier,
    rule: ReplayRule,
    /// What to say where the thought is gone.
    pub(super) on_missing: OnMissing,
    placeholder: Option<String>,
}

impl Replay {
    pub(in crate::chat) fn of(target: &Target<'_>, thinks: bool) -> Self {
        let rules = &target.dialect.replay;
        let silent = !thinks && rules.when_thinking_off == WhenThinkingOff::Omit;
        let barred = matches!(rules.rule, ReplayRule::Forbid | ReplayRule::Ignored);
        let carrier = if silent || barred { Carrier::None } else { rules.carrier };
        if !target.repairs.has(Fix::AddPlaceholder) {
            // A model that does not think misses no thought.
            let rule = if silent { ReplayRule::Optional } else { rules.rule };
            let on_missing = rules.on_missing;
            return Self { carrier, rule, on_missing, placeholder: rules.placeholder.clone() };
        }
        // The upstream insists, whatever its record says. One blank has passed everywhere.
        Self {
            carrier: if carrier == Carrier::None { Carrier::ReasoningContent } else { carrier },
            rule: ReplayRule::RequiredToolCalls,
            on_missing: OnMissing::Placeholder,
            placeholder: Some(rules.placeholder.clone().unwrap_or(" ".to_owned())),
        }
    }

    pub(super) fn wants(&self, has_calls: bool) -> bool {
        match self.rule {
            ReplayRule::RequiredAll => true,
            ReplayRule::RequiredToolCalls => has_calls,
            ReplayRule::Forbid | ReplayRule::Ignored | ReplayRule::Optional => false,
        }
    }
}

/// A thought on its way back.
#[derive(Default)]
pub(super) struct Replayed<'w> {
    text: Vec<Text<'w>>,
    provenance: Vec<&'w (String, String)>,
    /// The carrier's field as the client sent it back.
    kept: Option<&'w str>,
}

impl<'w, 'a> Writer<'w, 'a> {
    /// What is known of the thoughts of a step, if the upstream may have it.
    pub(super) fn thought(
        &mut self,
        thoughts: &[(usize, &'w Reasoning<'a>)],
        calls: &[(usize, &'w Call<'a>)],
    ) -> Option<Replayed<'w>> {
        if self.replay.carrier == Carrier::None {
            if !thoughts.is_empty() {
                self.notes.push(Note::new(NoteKind::Dropped, "reasoning"));
            }
            return None;
        }
        let mut found: Option<Replayed<'w>> = None;
        for (at, reasoning) in thoughts {
            let (text, provenance): (Vec<Text<'w>>, &'w [(String, String)]) = match &reasoning
                .thought
            {
                Some(thought) if !belongs(thought, calls) => {
                    self.notes.push(Note::new(NoteKind::ReasoningMissing, "its calls are gone"));
                    continue;
                }
                Some(thought) => (vec![Text::plain(thought.text.as_str())], &thought.provenance),
                None => (reasoning.readable.iter().map(Text::borrowed).collect(), &[]),
            };
            let origin = reasoning.thought.as_ref().and_then(|it| it.origin.as_ref());
            let own = match origin {
                Some(origin) => origin.family == self.target.dialect.id,
                // Nobody says whose thought a Chat client sends back; it had it from this conversation.
                None => self.same_protocol && reasoning.thought.is_none(),
            };
            if !own && self.target.dialect.replay.foreign == Foreign::Drop {
                if text.iter().any(|it| !it.is_empty()) {
                    self.notes.push(Note::new(NoteKind::ReasoningForeign, origin_name(reasoning)));
                }
                continue;
            }
            let found = found.get_or_insert_with(Replayed::default);
            found.text.extend(text);
            if own {
                found.provenance.extend(provenance);
                let name = self.replay.carrier.name();
                found.kept = found.kept.or(self.extras.find(Place::Item(*at), name));
            }
        }
        found.filter(|it| {
            it.text.iter().any(|text| !text.is_empty())
                || !it.provenance.is_empty()
                || it.kept.is_some()
        })
    }

    /// Writes the thought that goes back. `blank` says that the client itself sent an empty one.
    pub(super) fn carry(&mut self, thought: Option<Replayed<'w>>, has_calls: bool, blank: bool) {
        let name = match self.replay.carrier {
            Carrier::ReasoningContent => "reasoning_content",
            Carrier::Reasoning => "reasoning",
            Carrier::ReasoningDetails => "reasoning_details",
            Carrier::None => return,
            Carrier::ContentTags
            | Carrier::ContentParts
            | Carrier::ThinkingBlocks
            | Carrier::ToolCallExtraContent => {
                if thought.is_some() {
                    let what = self.replay.carrier.name();
                    self.notes.push(Note::new(NoteKind::Dropped, format!("reasoning in {what}")));
                }
                return;
            }
        };
        let Some(thought) = thought else {
            let fill =
                self.replay.wants(has_calls) && self.replay.on_missing == OnMissing::Placeholder;
            if let (true, Some(placeholder)) = (fill, &self.replay.placeholder) {
                self.out.extend_from_slice(b",\"");
                self.out.extend_from_slice(name.as_bytes());
                self.out.extend_from_slice(b"\":");
                string(self.out, &Text::plain(placeholder.as_str()));
            } else if blank && self.replay.carrier != Carrier::ReasoningDetails {
                field(self.out, name, "\"\"");
            }
            return;
        };
        if let Some(json) = thought.kept {
            return field(self.out, name, json);
        }
        if self.replay.carrier == Carrier::ReasoningDetails {
            let known = thought.provenance.iter().find(|(field, _)| field == name);
            match known {
                Some((_, json)) => field(self.out, name, json),
                None => {
                    self.out.extend_from_slice(
                        b",\"reasoning_details\":[{\"type\":\"reasoning.text\",\"text\":",
                    );
                    joined(self.out, thought.text.into_iter().map(Cow::Owned), "");
                    self.out.extend_from_slice(b"}]");
                }
            }
            return;
        }
        self.out.extend_from_slice(b",\"");
        self.out.extend_from_slice(name.as_bytes());
        self.out.extend_from_slice(b"\":");
        joined(self.out, thought.text.into_iter().map(Cow::Owned), "");
    }
}

/// Whether a thought still stands beside the calls that followed from it.
fn belongs(thought: &Thought, calls: &[(usize, &Call<'_>)]) -> bool {
    let followed =
        |(_, call): &(usize, &Call<'_>)| thought.calls.iter().any(|id| *id == call.head.id);
    thought.calls.is_empty() || calls.iter().any(followed)
}

fn origin_name(reasoning: &Reasoning<'_>) -> String {
    let origin = reasoning.thought.as_ref().and_then(|it| it.origin.as_ref());
    origin.map_or("unknown".to_owned(), |it| it.provider.clone())
}
