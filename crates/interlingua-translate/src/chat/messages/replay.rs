//! What goes back to the upstream of its earlier thoughts.

use std::borrow::Cow;
use std::ops::Range;

use interlingua_dialect::{
    Carrier, Fix, Foreign, OnMissing, ReplayRule, ReplayScope, WhenThinkingOff, glob_matches,
};
use interlingua_ir::{Call, Item, Note, NoteKind, Place, Protocol, Reasoning, Text, Thought, Turn};

use super::Writer;
use crate::chat::signs;
use crate::chat::write::{field, joined};
use crate::history::{Entry, History};
use crate::target::Target;

/// What the upstream wants to have back of the thoughts that belong to its earlier messages.
pub(in crate::chat) struct Replay {
    pub(super) carrier: Carrier,
    rule: ReplayRule,
    scope: ReplayScope,
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
            let placeholder = rules.placeholder.clone();
            return Self { carrier, rule, scope: rules.scope, on_missing, placeholder };
        }
        // The upstream insists, whatever its record says. One blank has passed everywhere.
        Self {
            carrier: match rules.carrier {
                Carrier::None => Carrier::ReasoningContent,
                own => own,
            },
            rule: ReplayRule::RequiredToolCalls,
            scope: ReplayScope::AllTurns,
            on_missing: OnMissing::Placeholder,
            placeholder: Some(rules.placeholder.clone().unwrap_or(" ".to_owned())),
        }
    }

    /// Whether an answer has to come with its thought. `current`: nobody has asked anything since.
    pub(super) fn wants(&self, has_calls: bool, current: bool) -> bool {
        if self.scope == ReplayScope::CurrentTurn && !current {
            return false;
        }
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
    /// What has to stand beside a call, and the calls that it may stand beside.
    beside: Vec<(&'w [String], &'w str)>,
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
            let own = is_own(reasoning, self.target, self.same_protocol);
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
                let calls = reasoning.thought.as_ref().map_or(&[][..], |it| &it.calls);
                let extra = provenance.iter().filter(|(name, _)| name == EXTRA_CONTENT);
                found.beside.extend(extra.map(|(_, json)| (calls, json.as_str())));
                let name = self.replay.carrier.name();
                found.kept = found.kept.or(self.extras.find(Place::Item(*at), name));
            }
        }
        let in_words = |it: &Replayed<'_>| it.text.iter().any(|text| !text.is_empty());
        found.filter(|it| match self.replay.carrier {
            // What it says in words is not what is wanted back.
            Carrier::ToolCallExtraContent => !it.beside.is_empty(),
            _ => in_words(it) || !it.provenance.is_empty() || it.kept.is_some(),
        })
    }

    /// What has to stand beside each of an answer's calls.
    pub(super) fn beside_calls(
        &self,
        thought: Option<&Replayed<'_>>,
        calls: &[(usize, &Call<'_>)],
        fill: bool,
    ) -> Vec<Option<String>> {
        if self.replay.carrier != Carrier::ToolCallExtraContent {
            return vec![None; calls.len()];
        }
        let known = |(_, call): &(usize, &Call<'_>)| {
            let followed = |ids: &[String]| ids.iter().any(|id| *id == call.head.id);
            let (_, json) = thought?.beside.iter().find(|(ids, _)| followed(ids))?;
            Some((*json).to_owned())
        };
        let mut beside: Vec<Option<String>> = calls.iter().map(known).collect();
        let path = self.target.dialect.replay.placeholder_path.as_deref();
        if let (true, Some(first), Some((path, placeholder))) =
            (fill, beside.first_mut(), path.zip(self.replay.placeholder.as_deref()))
        {
            *first = Some(signs::at_path(path, placeholder));
        }
        beside
    }

    /// What the content begins with, where that is the carrier.
    pub(super) fn lead(&self, thought: Option<&Replayed<'w>>, fill: bool) -> Lead<'w> {
        let placeholder = self.replay.placeholder.as_deref().filter(|_| fill);
        let words = match (thought, placeholder) {
            (Some(thought), _) => thought.text.clone(),
            (None, Some(placeholder)) => vec![Text::from(placeholder.to_owned())],
            (None, None) => return Lead::Nothing,
        };
        match self.replay.carrier {
            Carrier::ContentParts => Lead::Part(words),
            Carrier::ContentTags => Lead::Tags(words),
            _ => Lead::Nothing,
        }
    }

    /// Writes the thought that goes back in a field of the message. `fill`: something has to stand there;
    /// `blank`: the client itself sent an empty one.
    pub(super) fn carry(&mut self, thought: Option<Replayed<'w>>, fill: bool, blank: bool) {
        let name = match self.replay.carrier {
            Carrier::ReasoningContent => "reasoning_content",
            Carrier::Reasoning => "reasoning",
            Carrier::ReasoningDetails => "reasoning_details",
            Carrier::None
            | Carrier::ContentTags
            | Carrier::ContentParts
            | Carrier::ToolCallExtraContent => return,
            Carrier::ThinkingBlocks => {
                if thought.is_some() {
                    let what = self.replay.carrier.name();
                    self.notes.push(Note::new(NoteKind::Dropped, format!("reasoning in {what}")));
                }
                return;
            }
        };
        let Some(thought) = thought else {
            if let (true, Some(placeholder)) = (fill, &self.replay.placeholder) {
                self.words_of(name, [Cow::Owned(Text::plain(placeholder.as_str()))]);
            } else if blank && self.replay.carrier != Carrier::ReasoningDetails {
                field(self.out, name, "\"\"");
            }
            return;
        };
        if let Some(json) = thought.kept {
            return field(self.out, name, json);
        }
        let words = thought.text.into_iter().map(Cow::Owned);
        if self.replay.carrier != Carrier::ReasoningDetails {
            return self.words_of(name, words);
        }
        let lists = thought.provenance.iter().filter(|(field, _)| field == name);
        let lists: Vec<&str> = lists.map(|(_, json)| json.as_str()).collect();
        let rules = &self.target.dialect.replay;
        if !lists.is_empty() {
            let signed =
                |format: &str| rules.signed_formats.iter().any(|it| glob_matches(it, format));
            let details = signs::details(lists.into_iter(), signed);
            return field(self.out, name, &details);
        }
        if rules.opaque {
            // Words alone would pass for a thought that somebody has changed.
            self.notes.push(Note::new(NoteKind::ReasoningMissing, "it came without details"));
            return;
        }
        self.out
            .extend_from_slice(b",\"reasoning_details\":[{\"type\":\"reasoning.text\",\"text\":");
        joined(self.out, words, "");
        self.out.extend_from_slice(b"}]");
    }

    fn words_of<'t>(&mut self, name: &str, words: impl IntoIterator<Item = Cow<'t, Text<'t>>>) {
        self.out.extend_from_slice(b",\"");
        self.out.extend_from_slice(name.as_bytes());
        self.out.extend_from_slice(b"\":");
        joined(self.out, words, "");
    }
}

/// What the content of an answer begins with.
pub(super) enum Lead<'w> {
    Nothing,
    /// The thought, as a part of its own.
    Part(Vec<Text<'w>>),
    /// The thought, between tags.
    Tags(Vec<Text<'w>>),
}

impl<'w> Lead<'w> {
    /// The thought as the text before what was said.
    pub(super) fn tagged(self) -> Option<Text<'w>> {
        let Self::Tags(words) = self else { return None };
        let words: String = words.iter().map(|it| it.to_plain().into_owned()).collect();
        Some(Text::from(format!("<think>\n{words}\n</think>\n\n")))
    }
}

/// Writes the thought as a part of the content.
pub(super) fn thinking_part(words: Vec<Text<'_>>, out: &mut Vec<u8>) {
    out.extend_from_slice(br#"{"type":"thinking","thinking":[{"type":"text","text":"#);
    joined(out, words.into_iter().map(Cow::Owned), "");
    out.extend_from_slice(br#"}],"closed":true}"#);
}

/// Whether an answer has lost a thought that nothing can stand in for, so that the model may not think
/// at all.
pub(in crate::chat) fn forbids_thinking(turn: &Turn<'_>, target: &Target<'_>) -> bool {
    if target.dialect.replay.on_missing != OnMissing::DisableThinking {
        return false;
    }
    let replay = Replay::of(target, true);
    let same_protocol = turn.protocol == Protocol::Chat;
    let history = History::of(turn);
    let lacks = |range: &Range<usize>| {
        let items = turn.items.get(range.clone()).unwrap_or_default();
        let calls = items.iter().enumerate().filter_map(|(at, item)| match item {
            Item::Call(call) => Some((at, call)),
            _ => None,
        });
        let calls: Vec<(usize, &Call<'_>)> = calls.collect();
        let brings = |item: &Item<'_>| match item {
            Item::Reasoning(it) => is_usable(it, &calls, target, same_protocol),
            _ => false,
        };
        let current = history.is_current(range);
        replay.wants(!calls.is_empty(), current) && !items.iter().any(brings)
    };
    history.entries.iter().any(|entry| matches!(entry, Entry::Step(range) if lacks(range)))
}

/// Whether something of a thought may go back.
fn is_usable(
    reasoning: &Reasoning<'_>,
    calls: &[(usize, &Call<'_>)],
    target: &Target<'_>,
    same_protocol: bool,
) -> bool {
    let says = match &reasoning.thought {
        Some(thought) => {
            belongs(thought, calls) && !(thought.text.is_empty() && thought.provenance.is_empty())
        }
        None => reasoning.readable.iter().any(|it| !it.is_empty()),
    };
    let may = target.dialect.replay.foreign == Foreign::Keep;
    says && (may || is_own(reasoning, target, same_protocol))
}

/// Whether the upstream itself thought it.
fn is_own(reasoning: &Reasoning<'_>, target: &Target<'_>, same_protocol: bool) -> bool {
    match reasoning.thought.as_ref().and_then(|it| it.origin.as_ref()) {
        Some(origin) => origin.family == target.dialect.id,
        // Nobody says whose thought a Chat client sends back; it had it from this conversation.
        None => same_protocol && reasoning.thought.is_none(),
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

/// The field of a call in which its upstream keeps what it knows the call by.
pub(super) const EXTRA_CONTENT: &str = "extra_content";
