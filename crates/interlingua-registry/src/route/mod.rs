//! Who answers for a model name.

mod choose;
mod lookup;
mod missing;

use std::sync::Arc;

use crate::model::Model;
use crate::provider::Provider;

pub use choose::{Demand, SkipReason, rank};
pub use missing::{Near, RouteError};

/// Who answers a request.
#[derive(Clone, Debug)]
pub struct Route {
    /// The model as the client asked for it, or the default one.
    pub asked: String,
    /// Which rule found the targets.
    pub rule: Rule,
    /// How to choose among the targets.
    pub policy: Policy,
    /// Those who can answer, the preferred one first. Never empty.
    pub targets: Vec<Target>,
    /// Those who are listed and known but cannot, and why.
    pub skipped: Vec<Skipped>,
    /// The window that a suffix such as `[1m]` asked for, in tokens.
    pub wanted_window: Option<u64>,
}

/// One model of one provider that can answer.
#[derive(Clone, Debug)]
pub struct Target {
    /// Where to send the request.
    pub provider: Arc<Provider>,
    /// Which model to ask there.
    pub model: Arc<Model>,
    /// `<provider>/<model>`
    pub slug: Arc<str>,
    /// How often it is to be chosen, beside the others of its alias.
    pub weight: u32,
}

/// A target that is listed but does not answer.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Skipped {
    /// `<provider>/<model>`
    pub slug: String,
    /// Why it does not.
    pub why: SkipReason,
}

/// How a model name led to its targets.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Rule {
    /// It is a slug.
    Slug,
    /// It is an alias of the configuration.
    Alias,
    /// It is the name of one model only.
    BareName,
}

/// How to choose among the targets of an alias.
#[non_exhaustive]
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum Policy {
    /// The first one that answers.
    #[default]
    Failover,
    /// By weight: many sessions spread over the targets, and each stays with its own.
    Weighted,
}

impl Policy {
    /// Its name in the configuration.
    pub fn name(self) -> &'static str {
        match self {
            Self::Failover => "failover",
            Self::Weighted => "weighted",
        }
    }
}

/// A name that the user gave to one model or several.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Alias {
    /// The name.
    pub name: String,
    /// What it stands for, the preferred one first.
    pub targets: Vec<AliasTarget>,
    /// How to choose among them.
    pub policy: Policy,
    /// Whether it is one of `[codex.slots]`, a name that Codex's picker shows.
    pub slot: bool,
}

/// One of the models that an alias stands for.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct AliasTarget {
    /// `<provider>/<model>`
    pub slug: String,
    /// How often it is to be chosen, beside the others.
    pub weight: u32,
}
