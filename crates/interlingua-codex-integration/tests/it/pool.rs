//! What the catalog offers is what the router answers, whatever becomes of the configuration.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::sync::Arc;

use interlingua_codex_integration::Catalog;
use interlingua_dialect::Dialects;
use interlingua_registry::{Environment, RawConfig, Snapshot, check};
use proptest::prelude::*;
use serde_json::Value;

#[derive(Clone, Debug)]
struct Declared {
    number: u8,
    enabled: bool,
    models: BTreeSet<u8>,
    /// Which of its models it exposes; nothing said means all.
    expose: Option<u8>,
}

#[derive(Clone, Debug)]
enum Change {
    Add(Declared, prop::sample::Index),
    Remove(prop::sample::Index),
    Replace(prop::sample::Index, BTreeSet<u8>, Option<u8>),
    Switch(prop::sample::Index),
    Move(prop::sample::Index, prop::sample::Index),
    Alias(prop::sample::Index, u8),
}

fn models() -> impl Strategy<Value = BTreeSet<u8>> {
    proptest::collection::btree_set(0..4_u8, 1..4)
}

fn change() -> impl Strategy<Value = Change> {
    let index = any::<prop::sample::Index>;
    let expose = || proptest::option::of(0..5_u8);
    let declared = (0..6_u8, models(), expose()).prop_map(|(number, models, expose)| Declared {
        number,
        enabled: true,
        models,
        expose,
    });
    prop_oneof![
        (declared, index()).prop_map(|(new, at)| Change::Add(new, at)),
        index().prop_map(Change::Remove),
        (index(), models(), expose()).prop_map(|(at, models, it)| Change::Replace(at, models, it)),
        index().prop_map(Change::Switch),
        (index(), index()).prop_map(|(from, to)| Change::Move(from, to)),
        (index(), 0..4_u8).prop_map(|(at, model)| Change::Alias(at, model)),
    ]
}

#[derive(Default)]
struct Configuration {
    providers: Vec<Declared>,
    alias: Option<(u8, u8)>,
}

impl Configuration {
    fn make(&mut self, change: Change) {
        let count = self.providers.len();
        match change {
            Change::Add(new, at) => {
                if self.providers.iter().all(|it| it.number != new.number) {
                    self.providers.insert(at.index(count + 1), new);
                }
            }
            _ if count == 0 => {}
            Change::Remove(at) => drop(self.providers.remove(at.index(count))),
            Change::Replace(at, models, expose) => {
                let provider = &mut self.providers[at.index(count)];
                (provider.models, provider.expose) = (models, expose);
            }
            Change::Switch(at) => {
                let provider = &mut self.providers[at.index(count)];
                provider.enabled = !provider.enabled;
            }
            Change::Move(from, to) => {
                let moved = self.providers.remove(from.index(count));
                self.providers.insert(to.index(count), moved);
            }
            Change::Alias(at, model) => {
                self.alias = Some((self.providers[at.index(count)].number, model));
            }
        }
    }

    fn snapshot(&self, pool: bool) -> Snapshot {
        let mut text = format!("expose_all_models = {pool}\n");
        let there = |(number, model): &(u8, u8)| {
            self.providers.iter().any(|it| it.number == *number && it.models.contains(model))
        };
        if let Some((number, model)) = self.alias.filter(there) {
            writeln!(text, "aliases.work = 'p{number}/m{model}:x'").unwrap();
        }
        for Declared { number, enabled, models, expose } in &self.providers {
            let models =
                models.iter().map(|it| format!("{{ id = 'm{it}:x', context_window = 9 }}"));
            let models = models.collect::<Vec<_>>().join(", ");
            writeln!(
                text,
                "[providers.p{number}]\nenabled = {enabled}\nbase_url = 'http://localhost:1'\n\
                 models = [{models}]"
            )
            .unwrap();
            if let Some(model) = expose {
                writeln!(text, "expose = ['m{model}*']").unwrap();
            }
        }
        let environment = Environment::default();
        let raw = RawConfig::new().file("config.toml", &text);
        check(&raw, &Arc::new(Dialects::builtin()), &environment).unwrap()
    }
}

fn listed(catalog: &Catalog, visibility: &str) -> Vec<String> {
    let json: Value = serde_json::from_str(catalog.as_json()).unwrap();
    let models = json["models"].as_array().unwrap().iter();
    let shown = models.filter(|it| it["visibility"] == visibility);
    shown.map(|it| it["slug"].as_str().unwrap().to_owned()).collect()
}

proptest! {
    #[test]
    fn the_catalog_is_what_the_router_answers(
        changes in proptest::collection::vec(change(), 1..16),
    ) {
        let mut configuration = Configuration::default();
        let mut before: Option<Catalog> = None;
        for change in changes {
            configuration.make(change);
            let snapshot = configuration.snapshot(true);
            let catalog = Catalog::of_snapshot(&snapshot, None);
            let shown = listed(&catalog, "list");
            for name in &shown {
                let route = snapshot.route(Some(name)).unwrap();
                prop_assert_eq!(route.targets.len(), 1);
                prop_assert!(*name == "work" || *route.targets[0].slug == **name);
            }
            // Whatever is offered anywhere is in it, once; what its provider hides is not.
            let shown: BTreeSet<_> = shown.into_iter().collect();
            let default = snapshot.suggested_slug();
            for entry in snapshot.pool().all() {
                let is_default = default.as_deref() == Some(&*entry.slug);
                let offered = entry.is_usable() && entry.exposed;
                prop_assert!(shown.contains(&*entry.slug) == offered || is_default);
            }
            if let Some(before) = before {
                let same = before.as_json() == catalog.as_json();
                prop_assert_eq!(before.etag() == catalog.etag(), same);
            }
            // Without the pool the same names are there, most of them hidden.
            let alone = Catalog::of_snapshot(&configuration.snapshot(false), None);
            let hidden = listed(&alone, "hide");
            let all: BTreeSet<_> = listed(&alone, "list").into_iter().chain(hidden).collect();
            prop_assert_eq!(all, shown);
            before = Some(catalog);
        }
    }
}
