//! An upstream that forgives nothing.

use std::collections::BTreeMap;
use std::fmt;

use serde_json::Value;

use super::answer::{Answer, Piece};
use super::record::Record;
use super::render::Voice;
use super::script::Request;
use super::thought::{Issuer, Thought, thoughts};
use super::wire::Wire;

mod chat;
mod messages;
mod record;
mod responses;
mod vendors;
mod walk;

use chat::Kind;

/// Judges requests as strictly as the real servers do, and a little more.
///
/// Its most important rule needs memory: calls must come back with exactly the thought that this
/// upstream sent together with them, as text over Chat Completions, with its signature over Messages,
/// encrypted over Responses. A gateway that loses or shortens thought is refused, and so is one that
/// switches thinking off to get around the rule.
#[derive(Clone, Debug, Default)]
pub struct Strict {
    chat: Kind,
    /// Judges Chat Completions by this record.
    record: Option<Record>,
    /// Judges Chat Completions by what is known of this vendor.
    vendor: Option<String>,
    /// What was sent with each call, by the call's id.
    thoughts: BTreeMap<String, Vec<Thought>>,
    /// Every thought that was sent, by its seal.
    seals: BTreeMap<String, Thought>,
    blind: Vec<String>,
    /// Somebody else judges what has to come back with a call.
    form_only: bool,
}

/// A rule that a request broke.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Violation {
    /// Which rule.
    pub rule: Rule,
    /// The upstream's explanation, in the words of the real one where they are known.
    pub param: String,
    /// Where in the body, as a JSON pointer.
    pub place: String,
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?} at `{}`: {}", self.rule, self.place, self.param)
    }
}

/// The rules of [`Strict`].
#[non_exhaustive]
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub enum Rule {
    /// Calls come back with exactly the thought they were sent with.
    ThoughtMissing,
    /// A thought that comes back was had in this very conversation.
    ThoughtForeign,
    /// A thought that comes back is one that was sent, to the letter.
    ThoughtForged,
    /// A thought stands before what it led to.
    ThoughtMisplaced,
    /// Every result answers a call of the assistant turn right before it.
    OrphanResult,
    /// Every call has a result right after its assistant turn.
    CallWithoutResult,
    /// No two results for one call.
    RepeatedResult,
    /// Roles are those of the protocol.
    UnknownRole,
    /// Content is never null; where it is required it is there.
    NullContent,
    /// No text part and no user text is empty.
    EmptyText,
    /// An image has text beside it.
    ImageWithoutText,
    /// Tool messages hold text only.
    ImageInToolMessage,
    /// Images go only to models that see.
    ImageForBlindModel,
    /// Replayed arguments are a JSON object.
    BadArguments,
    /// Content is of a kind that may stand there.
    UnknownContent,
    /// Identifiers have the form that the protocol gives them.
    BadId,
    /// `strict` is true, false or absent.
    NullStrict,
    /// Tool names are unique.
    DuplicateTool,
    /// A tools list is absent or has entries.
    EmptyTools,
    /// Tool names have the form that the server wants.
    ToolName,
    /// Tools are well formed.
    BadTool,
    /// `tool_choice` is one that the server takes.
    ToolChoice,
    /// What is required is there.
    MissingParameter,
    /// Only documented parameters on the top level, none of them null.
    UnknownParameter,
    /// A parameter's value is one that the server takes.
    BadParameter,
    /// Messages follow one another in an order that the server takes.
    MessageOrder,
    /// No more cache marks than the server takes.
    CacheMarks,
    /// The headers that the protocol wants are there.
    MissingHeader,
}

impl Strict {
    /// Over Chat, the rules of MiMo.
    pub fn mimo() -> Self {
        Self::default()
    }

    /// Over Chat, the rules of DeepSeek.
    pub fn deepseek() -> Self {
        Self { chat: Kind::DeepSeek, ..Self::default() }
    }

    /// Over Chat, the rules of Kimi.
    pub fn kimi() -> Self {
        Self { chat: Kind::Kimi, ..Self::default() }
    }

    /// Over Chat, what a record of `dialects.json` says about a model, and what is known of its vendor.
    ///
    /// # Panics
    ///
    /// If there is no such record.
    pub fn of(dialect: &str, model: &str) -> Self {
        Self { record: Some(Record::of(dialect, model)), ..Self::vendor(dialect) }
    }

    /// Over Chat, only what is known of a vendor by hand: nothing of it comes from a record, so that a
    /// record can be judged.
    pub fn vendor(dialect: &str) -> Self {
        Self { vendor: Some(dialect.to_owned()), ..Self::default() }
    }

    /// How thought is shown over Chat.
    pub(super) fn voice(&self) -> Voice {
        self.record.as_ref().map(Voice::of).unwrap_or_default()
    }

    /// Names models that cannot see: a picture for them is refused.
    #[must_use]
    pub fn blind<'a>(mut self, models: impl IntoIterator<Item = &'a str>) -> Self {
        self.blind.extend(models.into_iter().map(str::to_owned));
        self
    }

    /// Everything that is wrong with a request, in the order of its body.
    pub fn check(&self, request: &Request) -> Vec<Violation> {
        let mut found = Found::default();
        match Wire::of(request) {
            Some(Wire::Chat) => {
                if let Some(record) = &self.record {
                    record::check(self, record, &request.body, &mut found);
                }
                match &self.vendor {
                    Some(vendor) => vendors::check(vendor, &request.body, &mut found),
                    None => chat::check(self, &request.body, &mut found),
                }
            }
            Some(Wire::Responses) => responses::check(self, &request.body, &mut found),
            Some(Wire::Messages) => messages::check(self, request, &mut found),
            None => {}
        }
        found.0
    }

    /// Keeps the thoughts of an answer for the calls in it.
    pub(super) fn issue(&mut self, issuer: Issuer, pieces: &[Piece]) {
        self.seal(issuer, pieces);
        let thoughts = thoughts(issuer, pieces);
        for id in issuer.call_ids(pieces) {
            self.thoughts.insert(id, thoughts.clone());
        }
    }

    /// Judges form only from now on: a model whose calls repeat their ids judges by itself what has to
    /// come back with them.
    pub(super) fn leave_thought(&mut self) {
        self.form_only = true;
    }

    /// Keeps the thoughts of an answer, but not which calls they led to.
    pub(super) fn seal(&mut self, issuer: Issuer, pieces: &[Piece]) {
        let sealed = thoughts(issuer, pieces).into_iter();
        self.seals.extend(sealed.map(|thought| (thought.seal.clone(), thought)));
    }

    /// The answer to a request that breaks a rule.
    pub(super) fn refuse(&self, violation: &Violation, request: &Request) -> Answer {
        match Wire::of(request) {
            Some(Wire::Messages) => messages::refuse(violation),
            Some(Wire::Responses) => responses::refuse(violation),
            Some(Wire::Chat) | None => match &self.record {
                Some(record) => record::refuse(record, violation, &request.body),
                None => chat::refuse(self.chat, violation, &request.body),
            },
        }
    }

    /// What was sent with a call of this upstream.
    fn issued(&self, call: &str) -> Option<&[Thought]> {
        self.thoughts.get(call).map(Vec::as_slice)
    }

    /// Whether thought may come back without a signature.
    fn takes_unsigned(&self) -> bool {
        self.record.as_ref().is_some_and(|it| it.at("replay.opaque") == false)
    }

    fn is_blind(&self, body: &Value) -> bool {
        body["model"].as_str().is_some_and(|model| self.blind.iter().any(|it| it == model))
    }
}

/// The answer to a request without the right key.
pub(super) fn unknown_key(request: &Request) -> Answer {
    match Wire::of(request) {
        Some(Wire::Chat) => chat::mimo(401, "Invalid API Key", "", "invalid_key"),
        _ => Answer::error(401, "authentication_error", "invalid x-api-key"),
    }
}

/// The violations found so far.
#[derive(Debug, Default)]
struct Found(Vec<Violation>);

impl Found {
    fn add(&mut self, rule: Rule, place: impl Into<String>, param: impl Into<String>) {
        self.0.push(Violation { rule, param: param.into(), place: place.into() });
    }
}

/// Whether a word is made of the letters that names and ids may have, and not longer than `most`.
fn is_word(word: &str, most: usize) -> bool {
    let fits = |letter: char| letter.is_ascii_alphanumeric() || letter == '_' || letter == '-';
    (1..=most).contains(&word.len()) && word.chars().all(fits)
}

#[cfg(test)]
mod tests;
