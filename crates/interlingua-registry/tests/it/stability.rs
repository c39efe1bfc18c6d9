use std::collections::BTreeMap;
use std::fmt::Write as _;

use interlingua_registry::Snapshot;
use proptest::prelude::*;

use crate::{EXAMPLE, snapshot};

/// A provider by its number: id, name and models follow from it.
#[derive(Clone, Debug)]
struct Declared {
    number: u8,
    name: String,
    enabled: bool,
    models: Vec<u8>,
}

fn declared() -> impl Strategy<Value = Declared> {
    let models = proptest::collection::btree_set(0..6_u8, 1..4);
    (0..8_u8, "[a-z ]{0,6}", models).prop_map(|(number, name, models)| Declared {
        number,
        name,
        enabled: true,
        models: models.into_iter().collect(),
    })
}

fn configuration(providers: &[Declared]) -> Snapshot {
    let mut text = String::new();
    for Declared { number, name, enabled, models } in providers {
        writeln!(
            text,
            "[providers.p{number}]\nname = '{name}'\nenabled = {enabled}\nbase_url = 'http://localhost:1'"
        )
        .unwrap();
        for model in models {
            writeln!(
                text,
                "[[providers.p{number}.models]]\nid = 'm/{model}:x'\ncontext_window = 1"
            )
            .unwrap();
        }
    }
    snapshot(&text, &[]).unwrap()
}

/// What each slug stands for.
fn meaning(snapshot: &Snapshot) -> BTreeMap<String, (String, String)> {
    let entries = snapshot.pool().iter();
    entries
        .filter(|it| !it.provider.is_demo())
        .map(|it| (it.slug.to_string(), (it.provider.id.to_string(), it.model.id.to_string())))
        .collect()
}

/// One change to a configuration.
#[derive(Clone, Debug)]
enum Change {
    Add(Declared, prop::sample::Index),
    Remove(prop::sample::Index),
    Rename(prop::sample::Index, String),
    Move(prop::sample::Index, prop::sample::Index),
    Switch(prop::sample::Index),
    Relist(prop::sample::Index, Vec<u8>),
}

fn change() -> impl Strategy<Value = Change> {
    let index = any::<prop::sample::Index>;
    let models = proptest::collection::btree_set(0..6_u8, 1..4);
    prop_oneof![
        (declared(), index()).prop_map(|(new, at)| Change::Add(new, at)),
        index().prop_map(Change::Remove),
        (index(), "[a-z ]{0,6}").prop_map(|(at, name)| Change::Rename(at, name)),
        (index(), index()).prop_map(|(from, to)| Change::Move(from, to)),
        index().prop_map(Change::Switch),
        (index(), models).prop_map(|(at, new)| Change::Relist(at, new.into_iter().collect())),
    ]
}

/// Makes a change; tells whose slugs may be other ones now.
fn make(change: Change, providers: &mut Vec<Declared>) -> Option<u8> {
    if let Change::Add(new, at) = change {
        if providers.iter().any(|it| it.number == new.number) {
            return None;
        }
        let number = new.number;
        providers.insert(at.index(providers.len() + 1), new);
        return Some(number);
    }
    if providers.is_empty() {
        return None;
    }
    let count = providers.len();
    match change {
        Change::Add(..) => None,
        Change::Remove(at) => Some(providers.remove(at.index(count)).number),
        Change::Rename(at, name) => {
            providers[at.index(count)].name = name;
            None
        }
        Change::Move(from, to) => {
            let moved = providers.remove(from.index(count));
            providers.insert(to.index(count), moved);
            None
        }
        Change::Switch(at) => {
            let provider = &mut providers[at.index(count)];
            provider.enabled = !provider.enabled;
            Some(provider.number)
        }
        Change::Relist(at, models) => {
            let provider = &mut providers[at.index(count)];
            provider.models = models;
            Some(provider.number)
        }
    }
}

proptest! {
    #[test]
    fn a_slug_never_changes_because_of_other_providers(
        changes in proptest::collection::vec(change(), 1..24),
    ) {
        let mut providers = Vec::new();
        let mut before: BTreeMap<String, (String, String)> = BTreeMap::new();
        for change in changes {
            let touched = make(change.clone(), &mut providers).map(|number| format!("p{number}/"));
            let snapshot = configuration(&providers);
            let after = meaning(&snapshot);
            let untouched = |slug: &str| touched.as_ref().is_none_or(|it| !slug.starts_with(it));
            for (slug, stands_for) in &before {
                if untouched(slug) {
                    prop_assert_eq!(after.get(slug), Some(stands_for), "{:?}", change);
                }
            }
            for slug in after.keys().filter(|slug| untouched(slug)) {
                prop_assert!(before.contains_key(slug), "{:?} made {}", change, slug);
            }
            // What the pool offers is what the router answers, and nothing else.
            for (slug, (provider, model)) in &after {
                let route = snapshot.route(Some(slug)).unwrap();
                let target = &route.targets[0];
                prop_assert_eq!((&*target.provider.id, &*target.model.id), (&**provider, &**model));
            }
            for slug in before.keys().filter(|slug| !after.contains_key(*slug)) {
                prop_assert!(snapshot.route(Some(slug)).is_err(), "{} is gone", slug);
            }
            before = after;
        }
    }

    /// Whatever stands in a file, the answer is a snapshot or problems that have a place in it.
    #[test]
    fn no_text_is_a_surprise(
        cut in any::<prop::sample::Index>(),
        length in 0..40_usize,
        put in r#"[\[\]{}=."'a-z0-9 \n,/:é*-]{0,12}"#,
    ) {
        let mut text: Vec<char> = EXAMPLE.chars().collect();
        let from = cut.index(text.len());
        let to = (from + length).min(text.len());
        text.splice(from..to, put.chars());
        let text: String = text.into_iter().collect();
        if let Err(problems) = snapshot(&text, &[("MIMO_API_KEY", "sk-1")]) {
            let lines = text.lines().count() + 1;
            for problem in problems.iter() {
                let place = problem.origin.file().unwrap();
                prop_assert!(place.line >= 1 && place.line <= lines && place.column >= 1);
                prop_assert!(!problem.what.is_empty());
            }
        }
    }

    #[test]
    fn the_router_answers_exactly_what_the_pool_offers(
        providers in proptest::collection::vec(declared(), 1..6),
        asked in "p[0-9]/m/[0-9]:x",
    ) {
        let mut providers = providers;
        providers.sort_by_key(|it| it.number);
        providers.dedup_by_key(|it| it.number);
        let snapshot = configuration(&providers);
        for entry in snapshot.pool().iter() {
            let route = snapshot.route(Some(&entry.slug)).unwrap();
            prop_assert_eq!(route.targets.len(), 1);
            prop_assert_eq!(&route.targets[0].slug, &entry.slug);
            prop_assert_eq!(&route.targets[0].provider.id, &entry.provider.id);
        }
        let offered = snapshot.pool().iter().any(|entry| *entry.slug == *asked);
        prop_assert_eq!(snapshot.route(Some(&asked)).is_ok(), offered);
    }
}
