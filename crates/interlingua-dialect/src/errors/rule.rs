use std::sync::OnceLock;

use interlingua_ir::Class;
use regex_lite::{Captures, Regex, RegexBuilder};
use serde::de::{Deserialize, Deserializer, Error as _};

use crate::shape::{Kind, Shape, block, closed_enum};

block! {
    /// What refusals mean.
    pub struct Errors {
        /// Tried in order, before those that all upstreams share; the first that matches wins.
        pub rules: Vec<ErrorRule>,
    }
}

block! {
    /// One rule: if all that it names is there, the refusal is of its class.
    pub struct ErrorRule {
        /// What the refusal is.
        #[serde(deserialize_with = "class")]
        pub class: Class,
        /// HTTP statuses, one of which it must have.
        #[serde(default)]
        pub status: Vec<u32>,
        /// Codes, one of which it must have; numbers count as text.
        #[serde(default)]
        pub code: Vec<String>,
        /// Types, one of which it must have.
        #[serde(default)]
        pub kind as "type": Vec<String>,
        /// What its text must look like.
        pub text: Option<Pattern>,
        /// Overrules whether another try may help.
        pub retryable: Option<bool>,
        /// One repair that is worth another try.
        pub fix: Option<Fix>,
    }
}

closed_enum! {
    /// A repair that is worth one more try.
    pub enum Fix {
        /// Leave the upstream's web search out.
        DropWebSearch = "drop_web_search",
        /// Leave `strict` out.
        DropStrict = "drop_strict",
        /// Switch thinking off.
        DisableThinking = "disable_thinking",
        /// Ask for the nearest effort level.
        EffortNearest = "effort_nearest",
        /// Ask for any JSON object instead of a schema.
        ToJsonObject = "to_json_object",
        /// Stream, and collect.
        ForceStream = "force_stream",
        /// Leave the field out that the upstream complains about, and from then on.
        DropParam = "drop_param",
        /// Leave the field out of whose value the upstream complains, in this request.
        DropValue = "drop_value",
        /// Put the placeholder where reasoning is missing.
        AddPlaceholder = "add_placeholder",
        /// Move images out of tool results, or leave them out.
        LiftImages = "lift_images",
        /// Give the calls ids that the upstream accepts.
        RewriteIds = "rewrite_ids",
    }
}

/// What a rule is held against.
pub(super) struct Evidence<'a> {
    pub(super) status: u16,
    pub(super) codes: &'a [String],
    pub(super) kinds: &'a [String],
    pub(super) text: &'a str,
}

impl ErrorRule {
    pub(super) fn matches(&self, found: &Evidence<'_>) -> bool {
        let any = |wanted: &[String], found: &[String]| {
            wanted.is_empty() || wanted.iter().any(|wanted| found.contains(wanted))
        };
        (self.status.is_empty() || self.status.contains(&found.status.into()))
            && any(&self.code, found.codes)
            && any(&self.kind, found.kinds)
            && self.text.as_ref().is_none_or(|text| text.is_match(found.text))
    }
}

/// A regular expression without regard to case, compiled when it is first needed.
#[derive(Clone, Debug)]
pub struct Pattern {
    source: String,
    compiled: OnceLock<Option<Regex>>,
}

impl Pattern {
    /// The expression as it was written.
    pub fn as_str(&self) -> &str {
        &self.source
    }

    /// Whether it occurs in a text. An expression that does not compile occurs nowhere; records
    /// with such a one are refused when they are read.
    pub fn is_match(&self, text: &str) -> bool {
        self.regex().is_some_and(|regex| regex.is_match(text))
    }

    /// What the first group holds that takes part in a match.
    pub(super) fn group<'t>(&self, text: &'t str) -> Option<&'t str> {
        let found = self.captures(text)?;
        found.iter().skip(1).flatten().next().map(|group| group.as_str())
    }

    /// Its groups, where it occurs first.
    pub(super) fn captures<'t>(&self, text: &'t str) -> Option<Captures<'t>> {
        self.regex()?.captures(text)
    }

    fn regex(&self) -> Option<&Regex> {
        let compile = || RegexBuilder::new(&self.source).case_insensitive(true).build().ok();
        self.compiled.get_or_init(compile).as_ref()
    }
}

impl PartialEq for Pattern {
    fn eq(&self, other: &Self) -> bool {
        self.source == other.source
    }
}

impl<'de> Deserialize<'de> for Pattern {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let source = String::deserialize(from)?;
        Ok(Self { source, compiled: OnceLock::new() })
    }
}

impl Shape for Pattern {
    const KIND: Kind = Kind::Pattern;
}

/// The classes that records may name: those of an upstream's refusals.
const CLASSES: [Class; 14] = [
    Class::Auth,
    Class::Quota,
    Class::RateLimit,
    Class::Overloaded,
    Class::ContextLength,
    Class::ContentFilter,
    Class::ReplayMissing,
    Class::ToolHistoryInvalid,
    Class::BadParam,
    Class::ModelNotFound,
    Class::ToolGenerationFailed,
    Class::FeatureDisabled,
    Class::Upstream,
    Class::Interrupted,
];

const CLASS_NAMES: [&str; 14] = [
    "auth",
    "quota",
    "rate_limit",
    "overloaded",
    "context_length",
    "content_filter",
    "replay_missing",
    "tool_history_invalid",
    "bad_param",
    "model_not_found",
    "tool_generation_failed",
    "feature_disabled",
    "upstream",
    "stream_interrupted",
];

/// The class of this name, if records may name it.
pub(crate) fn class_by_name(name: &str) -> Option<Class> {
    CLASSES.into_iter().find(|class| class.name() == name)
}

fn class<'de, D: Deserializer<'de>>(from: D) -> Result<Class, D::Error> {
    let name = String::deserialize(from)?;
    class_by_name(&name).ok_or_else(|| D::Error::unknown_variant(&name, &CLASS_NAMES))
}

impl Shape for Class {
    const KIND: Kind = Kind::OneOf(&CLASS_NAMES, &[]);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_classes_stand_in_one_order() {
        assert_eq!(CLASSES.map(Class::name), CLASS_NAMES);
    }
}
