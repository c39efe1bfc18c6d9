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
    models: Vec<u8>,
}

fn declared() -> impl Strategy<Value = Declared> {
    let models = proptest::collection::btree_set(0..6_u8, 1..4);
    (0..8_u8, "[a-z ]{0,6}", models).prop_map(|(number, name, models)| Declared {
        number,
        name,
        models: models.into_iter().collect(),
    })
}

fn configuration(providers: &[Declared]) -> Snapshot {
    let mut text = String::new();
    for Declared { number, name, models } in providers {
        writeln!(text, "[providers.p{number}]\nname = '{name}'\nbase_url = 'http://localhost:1'")
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
        .map(|it| (it.slug.to_string(), (it.provider.id.to_string(), it.model.id.to_string())))
        .collect()
}

proptest! {
    #[test]
    fn a_slug_never_changes_because_of_other_providers(
        providers in proptest::collection::vec(declared(), 1..6),
        drop in any::<prop::sample::Index>(),
        renamed in "[a-z]{1,6}",
    ) {
        let mut providers = providers;
        providers.sort_by_key(|it| it.number);
        providers.dedup_by_key(|it| it.number);
        let before = meaning(&configuration(&providers));

        let mut changed = providers.clone();
        changed.reverse();
        let gone = changed.remove(drop.index(changed.len()));
        if let Some(first) = changed.first_mut() {
            first.name = renamed;
        }
        changed.insert(0, Declared { number: 99, name: "new".into(), models: vec![0, 1] });
        let after = meaning(&configuration(&changed));

        let of_gone = format!("p{}/", gone.number);
        for (slug, stands_for) in &before {
            if !slug.starts_with(&of_gone) {
                prop_assert_eq!(after.get(slug), Some(stands_for));
            }
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
