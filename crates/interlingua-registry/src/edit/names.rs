//! Names that the user gives to models: aliases, and the slots of Codex's picker.

use toml_edit::{DocumentMut, Item, Table, TableLike};

use super::Refused;
use super::provider::{insert, last_position};
use super::setting::Setting;
use super::text::edit;
use crate::route::{AliasTarget, Policy};
use crate::settings::CatalogMode;

/// Sets an alias: one target, or several and how to choose among them.
///
/// # Errors
///
/// The text is not TOML, or `aliases` is no table.
pub fn set_alias(
    text: &str,
    name: &str,
    targets: &[AliasTarget],
    policy: Policy,
) -> Result<String, Refused> {
    let target = |target: &AliasTarget| match target.weight {
        1 => Setting::Text(target.slug.clone()),
        weight => Setting::Table(vec![
            ("model".to_owned(), target.slug.as_str().into()),
            ("weight".to_owned(), Setting::Integer(weight.into())),
        ]),
    };
    let setting = match targets {
        [only] => Setting::Text(only.slug.clone()),
        several => Setting::Table(vec![
            ("targets".to_owned(), Setting::List(several.iter().map(target).collect())),
            ("policy".to_owned(), policy.name().into()),
        ]),
    };
    edit(text, |document| {
        insert(table(document, &["aliases"])?, name, &setting);
        Ok(())
    })
}

/// Takes an alias away.
///
/// # Errors
///
/// The text is not TOML, or has no such alias.
pub fn remove_alias(text: &str, name: &str) -> Result<String, Refused> {
    edit(text, |document| {
        let aliases = document.get_mut("aliases").and_then(Item::as_table_like_mut);
        let removed = aliases.and_then(|aliases| aliases.remove(name));
        removed.map(drop).ok_or_else(|| Refused::unknown("alias", name))
    })
}

/// Says by which names Codex's catalog calls models, and which names stand for which slugs.
///
/// # Errors
///
/// The text is not TOML, or `codex` or its `slots` are no tables.
pub fn set_slots(
    text: &str,
    mode: CatalogMode,
    slots: &[(String, String)],
) -> Result<String, Refused> {
    edit(text, |document| {
        insert(table(document, &["codex"])?, "catalog", &mode.name().into());
        let there = table(document, &["codex", "slots"])?;
        let gone: Vec<String> = there
            .iter()
            .map(|(name, _)| name.to_owned())
            .filter(|name| slots.iter().all(|(slot, _)| slot != name))
            .collect();
        for name in gone {
            there.remove(&name);
        }
        for (name, slug) in slots {
            insert(there, name, &slug.as_str().into());
        }
        Ok(())
    })
}

/// The table at a path; it is made at the end of the file if it is not there.
fn table<'d>(
    document: &'d mut DocumentMut,
    path: &[&str],
) -> Result<&'d mut dyn TableLike, Refused> {
    let end = last_position(document.as_table());
    // What a file of comments says stays at its top.
    let heading = document.as_table().is_empty().then(|| {
        let heading = document.trailing().as_str().unwrap_or_default().to_owned();
        document.set_trailing("");
        heading
    });
    let mut at: &mut dyn TableLike = document.as_table_mut();
    for (depth, key) in path.iter().enumerate() {
        let item = at.entry(key).or_insert_with(|| {
            let mut table = Table::new();
            table.set_position(end);
            if let Some(heading) = heading.as_ref().filter(|_| depth == 0) {
                table.decor_mut().set_prefix(heading.as_str());
            }
            Item::Table(table)
        });
        let shape = || Refused::Shape(path[..=depth].join("."));
        at = item.as_table_like_mut().ok_or_else(shape)?;
    }
    Ok(at)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn targets(slugs: &[(&str, u32)]) -> Vec<AliasTarget> {
        let target = |(slug, weight): &(&str, u32)| AliasTarget {
            slug: (*slug).to_owned(),
            weight: *weight,
        };
        slugs.iter().map(target).collect()
    }

    #[test]
    fn aliases_come_and_go() {
        let set = |text: &str, slugs: &[(&str, u32)], policy| {
            set_alias(text, "work", &targets(slugs), policy).unwrap()
        };
        let one = set("[providers.a]\n", &[("a/x", 1)], Policy::Failover);
        assert_eq!(one, "[providers.a]\n\n[aliases]\nwork = \"a/x\"\n");
        let two = set(&one, &[("a/x", 1), ("b/y", 3)], Policy::Weighted);
        let line = "work = { targets = [\"a/x\", { model = \"b/y\", weight = 3 }], policy = \"weighted\" }";
        assert!(two.ends_with(&format!("{line}\n")), "{two}");
        assert_eq!(remove_alias(&two, "work").unwrap(), "[providers.a]\n\n[aliases]\n");
        assert!(matches!(remove_alias("", "x"), Err(Refused::Unknown { .. })));
    }

    #[test]
    fn slots_are_set_as_a_whole() {
        let slots = |pairs: &[(&str, &str)]| -> Vec<(String, String)> {
            pairs.iter().map(|(name, slug)| ((*name).to_owned(), (*slug).to_owned())).collect()
        };
        let one =
            set_slots("# mine\n\n", CatalogMode::Slots, &slots(&[("gpt-5.5", "a/x")])).unwrap();
        assert!(one.starts_with("# mine\n\n[codex]\ncatalog = \"slots\"\n"), "{one}");
        assert!(one.ends_with("[codex.slots]\n\"gpt-5.5\" = \"a/x\"\n"), "{one}");
        let two = set_slots(&one, CatalogMode::Slug, &slots(&[("gpt-6-sol", "b/y")])).unwrap();
        assert!(two.contains("catalog = \"slug\"") && !two.contains("gpt-5.5"), "{two}");
        let shape = set_slots("codex = 1", CatalogMode::Slug, &[]).unwrap_err();
        assert!(matches!(shape, Refused::Shape(path) if path == "codex"));
    }
}
