use interlingua_registry::foreign::{Wish, Wishes};
use interlingua_registry::{Model, Secret};

use super::owned::OwnedKey;

/// What Claude Code's settings are to say.
#[derive(Clone, Debug)]
pub struct Options {
    /// Where the gateway's API begins, with `/v1` or without.
    pub base_url: String,
    /// The client key that Claude Code shows.
    pub token: Secret,
    /// The name of the model to start with.
    pub model: String,
    /// What the aliases for other models stand for.
    pub tiers: Tiers,
    /// The window, in tokens, that holds for all of them; nothing if it is not known.
    pub context_window: Option<u64>,
    /// How long an answer may be, in tokens; nothing if it is not known.
    pub max_output_tokens: Option<u64>,
}

/// What Claude Code's own names for models stand for; nothing means the model to start with.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Tiers {
    /// For `opus`.
    pub opus: Option<String>,
    /// For `sonnet`.
    pub sonnet: Option<String>,
    /// For `haiku`, which also works in the background.
    pub haiku: Option<String>,
    /// For `fable`.
    pub fable: Option<String>,
}

impl Options {
    /// The gateway's address as Claude Code wants it: it adds `/v1` by itself.
    pub fn root_url(&self) -> &str {
        root_url(&self.base_url)
    }
}

/// The address of a gateway without `/v1`.
pub(crate) fn root_url(base_url: &str) -> &str {
    let url = base_url.trim_end_matches('/');
    url.strip_suffix("/v1").unwrap_or(url)
}

impl Wishes<OwnedKey> for Options {
    fn wish(&self, key: OwnedKey) -> Wish {
        let tier = |tier: &Option<String>| text(tier.as_ref().unwrap_or(&self.model));
        let number = |it: Option<u64>| it.map_or(Wish::AsBefore, |it| text(&it.to_string()));
        match key {
            OwnedKey::BASE_URL => text(self.root_url()),
            OwnedKey::TOKEN => text(self.token.expose()),
            OwnedKey::OPUS => tier(&self.tiers.opus),
            OwnedKey::SONNET => tier(&self.tiers.sonnet),
            OwnedKey::HAIKU => tier(&self.tiers.haiku),
            OwnedKey::FABLE => tier(&self.tiers.fable),
            // Who knows better has written it there himself.
            OwnedKey::WINDOW => number(self.context_window),
            OwnedKey::MAX_OUTPUT => number(self.max_output_tokens),
            OwnedKey::DISCOVERY => text("1"),
            OwnedKey::ATTRIBUTION => text("0"),
            _ => text(&self.model),
        }
    }
}

fn text(value: &str) -> Wish {
    Wish::Source(serde_json::Value::from(value).to_string())
}

/// What holds for several models at once.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Limits {
    /// The smallest window, in tokens; nothing if that of one of them is not known.
    pub context_window: Option<u64>,
    /// The smallest bound of an answer that is known, in tokens.
    pub max_output_tokens: Option<u64>,
    /// The models whose window nobody told.
    pub assumed: Vec<String>,
}

/// Finds what holds for all of these models, each with its name and what is known of it. Claude Code has
/// one window for all; the smallest makes it compact before any of them refuses.
pub fn limits<'m>(models: impl IntoIterator<Item = (&'m str, Option<&'m Model>)>) -> Limits {
    let mut limits = Limits::default();
    let mut window: Option<u64> = None;
    for (name, model) in models {
        match model.filter(|it| !it.window_assumed) {
            Some(model) => window = smallest(window, Some(model.context_window)),
            None if limits.assumed.iter().any(|it| it == name) => {}
            None => limits.assumed.push(name.to_owned()),
        }
        let output = model.and_then(|it| it.max_output_tokens);
        limits.max_output_tokens = smallest(limits.max_output_tokens, output);
    }
    limits.context_window = window.filter(|_| limits.assumed.is_empty());
    limits
}

fn smallest(one: Option<u64>, other: Option<u64>) -> Option<u64> {
    one.into_iter().chain(other).min()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::snapshot;

    #[track_caller]
    fn check(slugs: &[&str], window: Option<u64>, output: Option<u64>, assumed: &[&str]) {
        let snapshot = snapshot();
        let model = |slug: &str| snapshot.pool().get(slug).map(|it| it.model.clone());
        let models: Vec<_> = slugs.iter().map(|slug| (*slug, model(slug))).collect();
        let found = limits(models.iter().map(|(slug, model)| (*slug, model.as_deref())));
        let assumed = assumed.iter().map(ToString::to_string).collect();
        let expected = Limits { context_window: window, max_output_tokens: output, assumed };
        assert_eq!(found, expected);
    }

    #[test]
    fn the_smallest_holds_for_all() {
        check(&["house/big"], Some(1_000_000), Some(64_000), &[]);
        check(&["house/big", "house/small"], Some(200_000), Some(16_000), &[]);
        check(&["house/small", "house/plain"], None, Some(16_000), &["house/plain"]);
        check(&["house/plain", "x/y", "x/y"], None, None, &["house/plain", "x/y"]);
    }

    #[test]
    fn the_address_is_told_without_its_version() {
        for (url, expected) in [
            ("http://h:1/v1", "http://h:1"),
            ("http://h:1/v1/", "http://h:1"),
            ("http://h:1", "http://h:1"),
            ("https://h/gateway/v1", "https://h/gateway"),
        ] {
            assert_eq!(root_url(url), expected);
        }
    }
}
