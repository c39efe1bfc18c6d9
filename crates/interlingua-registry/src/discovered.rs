use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::provider::Provider;

/// More models than any provider has; what exceeds it is somebody's mistake or malice.
pub const MAX_LISTED: usize = 5_000;

/// Longer ids are no model's.
pub const MAX_ID: usize = 256;

/// What providers say about their own models, by the provider's id.
///
/// It comes from outside, so it never overrules what the user says: it adds models to
/// [open](crate::Models::Open) providers and fills in what nobody else knows.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(transparent)]
pub struct Discovered(BTreeMap<String, Listing>);

/// One provider's list of its models.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Listing {
    /// Whom it was asked for: another address, wire or key, and it counts no more.
    pub identity: String,
    /// When it was asked for, in seconds since 1970.
    pub at: u64,
    /// The models in the provider's order.
    pub models: Vec<ListedModel>,
}

/// A model as its provider lists it.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
pub struct ListedModel {
    /// The provider's spelling.
    pub id: String,
    /// For humans.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// In tokens.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub context_window: Option<u64>,
    /// In tokens.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_output_tokens: Option<u64>,
}

impl Discovered {
    /// Keeps what a provider lists; tells whether that is another list than before.
    pub fn keep(&mut self, provider: &Provider, at: u64, models: Vec<ListedModel>) -> bool {
        let mut models = models;
        models.retain(ListedModel::is_sane);
        models.truncate(MAX_LISTED);
        let new = Listing { identity: provider.identity(), at, models };
        let old = self.0.insert(provider.id.to_string(), new);
        let new = &self.0[&*provider.id];
        old.is_none_or(|old| old.identity != new.identity || old.models != new.models)
    }

    /// What a provider lists, if it still is the one that was asked.
    pub fn of(&self, provider: &Provider) -> Option<&Listing> {
        self.get(&provider.id, &provider.identity())
    }

    pub(crate) fn get(&self, id: &str, identity: &str) -> Option<&Listing> {
        self.0.get(id).filter(|listing| listing.identity == identity)
    }

    /// Forgets all providers but those of `ids`.
    pub fn retain<'a>(&mut self, ids: impl Iterator<Item = &'a str>) {
        let ids: Vec<&str> = ids.collect();
        self.0.retain(|id, _| ids.contains(&id.as_str()));
    }
}

impl ListedModel {
    /// Whether the id can be a part of a slug: it is printed, compared and sent.
    pub(crate) fn is_sane(&self) -> bool {
        let id = &self.id;
        !id.is_empty() && id.len() <= MAX_ID && id.trim() == id && !id.chars().any(char::is_control)
    }
}
