use std::collections::{BTreeMap, HashSet};

use serde::{Deserialize, Deserializer, Serialize};

use crate::pool::{MAX_PROVIDER_ID, MAX_SLUG};
use crate::provider::Provider;

/// More models than any provider has; what exceeds it is somebody's mistake or malice.
pub const MAX_LISTED: usize = 5_000;

/// Longer ids are no model's: their slugs could not be asked for.
pub const MAX_ID: usize = MAX_SLUG - 1 - MAX_PROVIDER_ID;

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
    #[serde(deserialize_with = "read_sane")]
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
        let models = ListedModel::sane(models);
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
    /// The models of a list that can be had: each once, and not more than anybody has. What they are
    /// called can be printed, compared and sent.
    pub fn sane(mut models: Vec<Self>) -> Vec<Self> {
        let mut seen = HashSet::new();
        models.retain(|model| is_sane(&model.id) && seen.insert(model.id.clone()));
        models.truncate(MAX_LISTED);
        for model in &mut models {
            model.name = model.name.take().filter(|name| is_sane(name));
        }
        models
    }
}

/// Reads a list from where somebody else may have written it.
fn read_sane<'de, D: Deserializer<'de>>(from: D) -> Result<Vec<ListedModel>, D::Error> {
    Vec::deserialize(from).map(ListedModel::sane)
}

/// Whether a text can be an id or a name: it is printed, compared and sent.
fn is_sane(text: &str) -> bool {
    !text.is_empty()
        && text.len() <= MAX_ID
        && text.trim() == text
        && !text.chars().any(char::is_control)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_is_listed_can_be_asked_for() {
        let named = |length| {
            let id = "m".repeat(length);
            ListedModel::sane(vec![ListedModel { id, ..ListedModel::default() }])
        };
        let longest = named(MAX_ID).remove(0).id;
        assert_eq!(format!("{}/{longest}", "p".repeat(MAX_PROVIDER_ID)).len(), MAX_SLUG);
        assert_eq!(named(MAX_ID + 1), []);
    }

    #[test]
    fn what_somebody_wrote_into_the_cache_is_bounded() {
        let model = |id: &str, name: &str| json!({ "id": id, "name": name });
        let odd = [model("", "n"), model(" a", "n"), model("a\u{1b}[2J", "n")];
        let mut models: Vec<_> = odd.into();
        models.extend([model("a", "A"), model("a", "again"), model("b", "\n")]);
        models.extend((0..MAX_LISTED).map(|n| model(&format!("m{n}"), "M")));
        let cache = json!({ "up": { "identity": "i", "at": 1, "models": models } });
        let discovered: Discovered = serde_json::from_value(cache).unwrap();
        let listed = &discovered.get("up", "i").unwrap().models;
        let named = |id: &str, name: Option<&str>| ListedModel {
            id: id.to_owned(),
            name: name.map(str::to_owned),
            ..ListedModel::default()
        };
        assert_eq!(listed[..2], [named("a", Some("A")), named("b", None)]);
        assert_eq!(listed.len(), MAX_LISTED);
    }
}
