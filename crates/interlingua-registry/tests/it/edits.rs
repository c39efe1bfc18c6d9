//! Changes to a file, seen from what the configuration means afterwards.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use interlingua_registry::edit::{self, ModelDraft, ProviderDraft};
use proptest::prelude::*;

use crate::snapshot;

/// One step of somebody who tidies up providers.
#[derive(Clone, Debug)]
enum Step {
    Add(u8),
    Remove(u8),
    Rename(u8, String),
    Reorder(Vec<u8>),
    AddModel(u8, u8),
    RemoveModel(u8, u8),
    Pool(bool),
}

fn step() -> impl Strategy<Value = Step> {
    let id = 0..8_u8;
    prop_oneof![
        id.clone().prop_map(Step::Add),
        id.clone().prop_map(Step::Remove),
        (id.clone(), "[a-z '\"\\\\é]{0,8}").prop_map(|(id, name)| Step::Rename(id, name)),
        proptest::collection::vec(id.clone(), 0..5).prop_map(Step::Reorder),
        (id.clone(), 0..4_u8).prop_map(|(id, model)| Step::AddModel(id, model)),
        (id, 0..4_u8).prop_map(|(id, model)| Step::RemoveModel(id, model)),
        any::<bool>().prop_map(Step::Pool),
    ]
}

impl Step {
    /// The text afterwards, and whose slugs may have changed. None if the step was refused.
    fn take(&self, text: &str) -> Option<(String, Option<u8>)> {
        let id = |number: &u8| format!("p{number}");
        let edited = match self {
            Self::Add(number) => {
                let mut draft = ProviderDraft::new(&id(number));
                draft.base_url = Some("http://localhost:1".into());
                draft.models = vec![ModelDraft::new("new")];
                (edit::add_provider(text, &draft), Some(*number))
            }
            Self::Remove(number) => (edit::remove_provider(text, &id(number)), Some(*number)),
            Self::Rename(number, name) => {
                let field = "name".parse().unwrap();
                (edit::set(text, &id(number), &field, &name.as_str().into()), None)
            }
            Self::Reorder(numbers) => {
                let ids: Vec<_> = numbers.iter().map(id).collect();
                let ids: Vec<_> = ids.iter().map(String::as_str).collect();
                (edit::reorder_providers(text, &ids), None)
            }
            Self::AddModel(number, model) => {
                // A model that is there twice is a problem of the configuration.
                let name = format!("m{model}");
                let there = meaning(text).contains_key(&format!("p{number}/{name}"));
                if there {
                    return None;
                }
                (edit::add_model(text, &id(number), &ModelDraft::new(&name)), Some(*number))
            }
            Self::RemoveModel(number, model) => {
                (edit::remove_model(text, &id(number), &format!("m{model}")), Some(*number))
            }
            Self::Pool(on) => (edit::set_expose_all_models(text, *on), None),
        };
        Some((edited.0.ok()?, edited.1))
    }
}

/// What each slug of a configuration stands for.
fn meaning(text: &str) -> BTreeMap<String, (String, String)> {
    let snapshot = snapshot(text, &[]).unwrap();
    let entries = snapshot.pool().iter().filter(|entry| !entry.provider.is_demo());
    entries
        .map(|it| (it.slug.to_string(), (it.provider.id.to_string(), it.model.id.to_string())))
        .collect()
}

/// Providers as people write them: each in another way.
fn written(numbers: &[u8], crlf: bool) -> String {
    let mut text = String::from("# mine\n\nworkers = 1 # few\n\n");
    for number in numbers {
        let block = match number % 3 {
            0 => format!(
                "# number {number}\n[ providers . p{number} ]\nbase_url='http://localhost:1'\n# below\n\n[[providers.p{number}.models]]\nid = 'm0'\n\n"
            ),
            1 => format!(
                "[providers.\"p{number}\"] # odd\nbase_url = \"http://localhost:1\"\nmodels = [ {{ id='m0' }}, # one\n ]\n"
            ),
            _ => format!(
                "\n# ---- {number} ----\n\n[providers.p{number}]\n\tbase_url = 'http://localhost:1'\n\tmodels = [{{id = 'm0'}}]\n\n[x-note-{number}]\na = '''\n# no comment\n'''\n"
            ),
        };
        text.push_str(&block);
    }
    text.push_str("# the end\n");
    if crlf { text.replace('\n', "\r\n") } else { text }
}

fn sorted(text: &str) -> Vec<&str> {
    let mut lines: Vec<_> = text.lines().filter(|line| !line.trim().is_empty()).collect();
    lines.sort_unstable();
    lines
}

proptest! {
    #[test]
    fn no_step_changes_the_slugs_of_others(
        numbers in proptest::sample::subsequence((0..8_u8).collect::<Vec<_>>(), 0..6).prop_shuffle(),
        crlf in any::<bool>(),
        steps in proptest::collection::vec(step(), 1..8),
    ) {
        let mut text = written(&numbers, crlf);
        for step in steps {
            let before = meaning(&text);
            let Some((edited, touched)) = step.take(&text) else { continue };
            let after = meaning(&edited);
            let of_touched = touched.map_or("none".to_owned(), |number| format!("p{number}/"));
            let others = |map: &BTreeMap<String, (String, String)>| {
                let mut map = map.clone();
                map.retain(|slug, _| !slug.starts_with(&of_touched));
                map
            };
            prop_assert_eq!(others(&before), others(&after), "{:?}\n{}\n{}", step, text, edited);
            if crlf {
                prop_assert_eq!(edited.matches('\n').count(), edited.matches("\r\n").count());
            }
            if matches!(step, Step::Reorder(_)) {
                prop_assert_eq!(sorted(&text), sorted(&edited));
            }
            text = edited;
        }
    }

    #[test]
    fn what_is_added_last_is_removed_without_a_trace(
        numbers in proptest::sample::subsequence((0..8_u8).collect::<Vec<_>>(), 0..6).prop_shuffle(),
        crlf in any::<bool>(),
    ) {
        let text = written(&numbers, crlf);
        let mut draft = ProviderDraft::new("new");
        draft.models = vec![ModelDraft::new("a"), ModelDraft::new("b")];
        let added = edit::add_provider(&text, &draft).unwrap();
        prop_assert_eq!(edit::remove_provider(&added, "new").unwrap(), text);
    }
}

#[test]
fn the_first_one_named_is_the_first_one() {
    let text = written(&[0, 2, 1], false);
    let order = |text: &str| {
        let snapshot = snapshot(text, &[]).unwrap();
        let ids = snapshot.providers().iter().map(|provider| provider.id.to_string());
        ids.fold(String::new(), |mut all, id| {
            write!(all, "{id} ").unwrap();
            all
        })
    };
    assert_eq!(order(&text), "p0 p2 p1 ");
    assert_eq!(order(&edit::reorder_providers(&text, &["p1", "p2"]).unwrap()), "p1 p2 p0 ");
}
