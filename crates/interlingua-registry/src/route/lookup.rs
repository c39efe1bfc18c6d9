use std::sync::Arc;

use super::missing::unusable;
use super::{Alias, AliasTarget, Policy, Route, RouteError, Rule, SkipReason, Skipped, Target};
use crate::model::{Facts, Model, Models};
use crate::pool::{DISCOVERY_PREFIX, MAX_SLUG, PoolEntry, PoolMap};
use crate::provider::Provider;
use crate::snapshot::Snapshot;

impl Snapshot {
    /// Finds who answers for a model name: exact slug, then alias, then a bare model name that only
    /// one usable provider has. Nothing is guessed and nothing rewritten.
    ///
    /// Some clients ask for a longer window by a suffix such as `[1m]`. It counts as a wish, not as a
    /// part of the name, unless somebody listed a model that is called so.
    ///
    /// # Errors
    ///
    /// [`RouteError`] says why nobody does, and which names are close.
    pub fn route(&self, model: Option<&str>) -> Result<Route, RouteError> {
        let asked = model.filter(|model| !model.is_empty()).or(self.default_model());
        let asked = asked.ok_or(RouteError::NoModel)?;
        if asked.len() > MAX_SLUG {
            let asked = asked.chars().take(60).chain(['…']).collect();
            let why = format!("names have at most {MAX_SLUG} bytes");
            return Err(RouteError::NotFound { asked, why, near: Vec::new() });
        }
        let route = |rule, policy, targets, skipped| {
            let asked = asked.to_owned();
            Ok(Route { asked, rule, policy, targets, skipped, wanted_window: None })
        };
        if let Some((name, window)) = window_suffix(asked).filter(|_| !self.is_listed(asked)) {
            let mut route = self.route(Some(name)).map_err(|error| error.asked_as(asked))?;
            asked.clone_into(&mut route.asked);
            route.wanted_window = Some(window);
            return Ok(route);
        }
        if let Some(found) = self.slug(asked) {
            let target = found?;
            return match target.provider.usable() {
                Ok(()) => route(Rule::Slug, Policy::default(), vec![target], Vec::new()),
                Err(why) => Err(unusable(asked, &target.provider, why)),
            };
        }
        if let Some(alias) = self.aliases.iter().find(|alias| alias.name == asked) {
            let (targets, skipped) = self.alias(alias)?;
            return route(Rule::Alias, alias.policy, targets, skipped);
        }
        if let Some(found) = self.bare(asked) {
            return route(Rule::BareName, Policy::default(), vec![found?], Vec::new());
        }
        match asked.strip_prefix(DISCOVERY_PREFIX) {
            Some(name) if !name.is_empty() && !self.is_of_provider(asked) => {
                let mut route = self.route(Some(name)).map_err(|error| error.asked_as(asked))?;
                asked.clone_into(&mut route.asked);
                Ok(route)
            }
            _ => Err(self.not_found(asked)),
        }
    }

    /// Whether a name begins like a slug of a provider.
    fn is_of_provider(&self, name: &str) -> bool {
        PoolMap::split(name).is_some_and(|(id, _)| self.provider(id).is_some())
    }

    /// Whether somebody listed a model or an alias of exactly this name.
    fn is_listed(&self, name: &str) -> bool {
        self.pool.get(name).is_some()
            || self.aliases.iter().any(|alias| alias.name == name)
            || self.pool.named(name).next().is_some()
    }

    /// The only usable model of a bare name; the reason, if only unusable providers have it.
    ///
    /// What begins like a slug of a provider is none: the provider has spoken already.
    fn bare(&self, name: &str) -> Option<Result<Target, RouteError>> {
        if self.is_of_provider(name) {
            return None;
        }
        let mut named = self.pool.named(name);
        match (named.next(), named.next()) {
            (Some(only), None) => Some(Ok(target(only))),
            (Some(_), Some(_)) => None,
            (None, _) => {
                let mut out = self.pool.all().filter(|entry| !entry.provider.is_demo());
                let provider = &out.find(|entry| *entry.model.id == *name)?.provider;
                let why = provider.usable().err()?;
                Some(Err(unusable(name, provider, why)))
            }
        }
    }

    /// The name to set up a client with when a person says a slug, an alias, a bare model name, or a
    /// provider by its id or shortcut. The provider need not be usable yet.
    ///
    /// # Errors
    ///
    /// [`RouteError::NotFound`] with the names that are close.
    pub fn pick(&self, word: &str) -> Result<String, RouteError> {
        let is_it = |it: &&Arc<Provider>| *it.id == *word || it.shortcut.as_deref() == Some(word);
        if let Some(provider) = self.providers.iter().find(is_it) {
            return provider.default_slug().ok_or_else(|| RouteError::NotFound {
                asked: word.to_owned(),
                why: format!(
                    "no model of provider `{0}` is known; write `{0}/<model>`",
                    provider.id
                ),
                near: Vec::new(),
            });
        }
        let is_alias = self.aliases.iter().any(|alias| alias.name == word);
        if is_alias || self.slug(word).is_some_and(|found| found.is_ok()) {
            return Ok(word.to_owned());
        }
        self.route(Some(word)).map(|route| route.targets[0].slug.to_string())
    }

    /// The model of a slug, also where its provider cannot be used. None if it is no slug.
    fn slug(&self, slug: &str) -> Option<Result<Target, RouteError>> {
        if let Some(entry) = self.pool.get(slug) {
            return Some(Ok(target(entry)));
        }
        let (id, name) = PoolMap::split(slug)?;
        let provider = self.provider(id)?;
        let Models::Open { asked, .. } = &provider.models else { return None };
        let make = || Model::new(name, Facts::default(), &self.dialects, &provider.dialect);
        let model = asked.get_or_make(name, make).map_err(|why| RouteError::NotFound {
            asked: slug.to_owned(),
            why,
            near: Vec::new(),
        });
        let target =
            |model| Target { provider: provider.clone(), model, slug: slug.into(), weight: 1 };
        Some(model.map(target))
    }

    /// The usable targets of an alias, and the others.
    fn alias(&self, alias: &Alias) -> Result<(Vec<Target>, Vec<Skipped>), RouteError> {
        let (mut targets, mut skipped) = (Vec::new(), Vec::new());
        // The first reason why a target is out; a name that nobody has is only its name, because to say
        // what is close to it costs a look at every model.
        let mut refused = None;
        for AliasTarget { slug, weight } in &alias.targets {
            let Some(target) = self.slug(slug) else {
                // It may belong to a preset that is not switched on.
                refused.get_or_insert(Err(slug));
                continue;
            };
            match target.map(|target| (target.provider.usable(), target)) {
                Ok((Ok(()), target)) => targets.push(Target { weight: *weight, ..target }),
                Ok((Err(why), target)) => {
                    let reason = SkipReason::Unusable(why.clone());
                    skipped.push(Skipped { slug: slug.clone(), why: reason });
                    refused.get_or_insert(Ok(unusable(&alias.name, &target.provider, why)));
                }
                Err(error) => {
                    refused.get_or_insert(Ok(error));
                }
            }
        }
        match (targets.is_empty(), refused) {
            (true, Some(refused)) => Err(refused.unwrap_or_else(|slug| self.not_found(slug))),
            _ => Ok((targets, skipped)),
        }
    }
}

fn target(entry: &PoolEntry) -> Target {
    Target {
        provider: entry.provider.clone(),
        model: entry.model.clone(),
        slug: entry.slug.clone(),
        weight: 1,
    }
}

/// Takes a suffix such as `[1m]` or `[400k]` off a name: what is left, and the window in tokens.
fn window_suffix(name: &str) -> Option<(&str, u64)> {
    let (name, suffix) = name.strip_suffix(']')?.rsplit_once('[')?;
    let unit = match suffix.chars().last()? {
        'm' | 'M' => 1_000_000,
        'k' | 'K' => 1_000,
        _ => return None,
    };
    let digits = suffix.trim_end_matches(['m', 'M', 'k', 'K']);
    let number: u64 = digits.parse().ok().filter(|_| digits.bytes().all(|c| c.is_ascii_digit()))?;
    Some((name, number.checked_mul(unit)?)).filter(|_| !name.is_empty())
}

#[cfg(test)]
mod tests {
    use super::window_suffix;

    #[test]
    fn a_window_is_a_number_in_brackets_at_the_end() {
        assert_eq!(window_suffix("a/b[1m]"), Some(("a/b", 1_000_000)));
        assert_eq!(window_suffix("b[400K]"), Some(("b", 400_000)));
        for none in ["a/b", "[1m]", "a[m]", "a[1]", "a[1m", "a[+1m]", "a[1.5m]", "a[1mk]x]"] {
            assert_eq!(window_suffix(none), None, "{none}");
        }
    }
}
