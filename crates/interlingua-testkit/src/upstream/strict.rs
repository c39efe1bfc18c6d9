//! An upstream that forgives nothing.

use std::collections::BTreeMap;
use std::fmt;

use serde_json::{Value, json};

use super::answer::{Answer, Piece};

mod messages;
mod request;

/// Judges Chat Completions bodies as strictly as Xiaomi's MiMo does, and a little more.
///
/// Its most important rule needs memory: an assistant message with tool calls must carry exactly the
/// `reasoning_content` that this upstream sent together with those calls. A gateway that loses or
/// shortens thought is refused, and so is one that switches thinking off to get around the rule.
#[derive(Clone, Debug, Default)]
pub struct Strict {
    /// What was sent with each call, by the call's id.
    thought: BTreeMap<String, String>,
    blind: Vec<String>,
}

/// A rule that a body broke.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Violation {
    /// Which rule.
    pub rule: Rule,
    /// The upstream's explanation, which MiMo puts into `param`.
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
    /// Every tool message answers a call of the assistant message right before its block.
    OrphanResult,
    /// Every call has a result right after its assistant message.
    CallWithoutResult,
    /// No two results for one call.
    RepeatedResult,
    /// Roles are `system`, `user`, `assistant` and `tool`.
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
    /// `strict` is true, false or absent.
    NullStrict,
    /// Tool names are unique.
    DuplicateTool,
    /// A tools list is absent or has entries.
    EmptyTools,
    /// Tools are well-formed functions.
    BadTool,
    /// `tool_choice` is `auto` or absent.
    ToolChoice,
    /// Only documented parameters on the top level, none of them null.
    UnknownParameter,
}

impl Strict {
    /// The rules of MiMo.
    pub fn mimo() -> Self {
        Self::default()
    }

    /// Names models that cannot see: a picture for them is a 404.
    #[must_use]
    pub fn blind<'a>(mut self, models: impl IntoIterator<Item = &'a str>) -> Self {
        self.blind.extend(models.into_iter().map(str::to_owned));
        self
    }

    /// Everything that is wrong with a body, in the order of the body.
    pub fn check(&self, body: &Value) -> Vec<Violation> {
        let mut found = Found::default();
        request::check(body, &mut found);
        messages::check(self, body, &mut found);
        found.0
    }

    /// Keeps the thought of an answer for the calls in it.
    pub fn remember(&mut self, pieces: &[Piece]) {
        let mut thought = String::new();
        let mut ids = Vec::new();
        for piece in pieces {
            match piece {
                Piece::Reasoning(text) => thought.push_str(text),
                Piece::Call { id: Some(id), .. } => ids.push(id.clone()),
                _ => {}
            }
        }
        self.thought.extend(ids.into_iter().map(|id| (id, thought.clone())));
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

/// The answer to a body that breaks a rule. To `stream: true` it is one event, status 400 all the same.
pub(super) fn answer_to(violation: &Violation, body: &Value) -> Answer {
    if violation.rule == Rule::ImageForBlindModel {
        return refusal(404, &violation.param, "", "");
    }
    if body["stream"] == true {
        let event = format!("data:{}\n\n", error(400, "Param Incorrect", &violation.param, ""));
        Answer::bytes(400, event)
    } else {
        refusal(400, "Param Incorrect", &violation.param, "")
    }
}

/// An error with all of MiMo's fields.
pub(super) fn refusal(status: u16, message: &str, param: &str, kind: &str) -> Answer {
    Answer::json(status, error(status, message, param, kind))
}

fn error(status: u16, message: &str, param: &str, kind: &str) -> Value {
    let code = status.to_string();
    json!({ "error": { "code": code, "message": message, "param": param, "type": kind } })
}

#[cfg(test)]
mod tests;
