//! What stands above all tables, and the aliases.

use toml_edit::{DocumentMut, Item, Table};

use super::Refused;
use super::provider::{insert, last_position, tables};
use super::setting::Setting;
use super::text::edit;
use crate::route::Policy;

/// Sets or takes back the pool switch.
///
/// # Errors
///
/// The text is not TOML.
pub fn set_expose_all_models(text: &str, on: bool) -> Result<String, Refused> {
    edit(text, |document| {
        set_root(document, "expose_all_models", &on.into());
        Ok(())
    })
}

/// Says which model answers where none is named; with none, nobody does.
///
/// # Errors
///
/// The text is not TOML.
pub fn set_default_model(text: &str, model: Option<&str>) -> Result<String, Refused> {
    edit(text, |document| {
        match model {
            Some(model) => set_root(document, "default_model", &model.into()),
            None => drop(document.remove("default_model")),
        }
        Ok(())
    })
}

/// Sets an alias: one target, or several and how to choose among them.
///
/// # Errors
///
/// The text is not TOML, or `aliases` is no table.
pub fn set_alias(
    text: &str,
    name: &str,
    targets: &[String],
    policy: Policy,
) -> Result<String, Refused> {
    let setting = match targets {
        [only] => Setting::Text(only.clone()),
        several => Setting::Table(vec![
            ("targets".to_owned(), Setting::texts(several)),
            ("policy".to_owned(), policy.name().into()),
        ]),
    };
    edit(text, |document| {
        let end = last_position(document.as_table());
        let aliases = document.entry("aliases").or_insert_with(|| {
            let mut table = Table::new();
            table.set_position(end);
            Item::Table(table)
        });
        let aliases =
            aliases.as_table_like_mut().ok_or_else(|| Refused::Shape("aliases".to_owned()))?;
        insert(aliases, name, &setting);
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

fn set_root(document: &mut DocumentMut, key: &str, setting: &Setting) {
    let is_new = document.get(key).is_none();
    let bare = document.as_table().get_values().is_empty();
    insert(document.as_table_mut(), key, setting);
    if is_new && bare {
        let above = take_heading(document);
        if let Some(mut key) = document.key_mut(key) {
            key.leaf_decor_mut().set_prefix(above);
        }
    }
}

/// What a file says about itself before anything else stays at its top: takes the comments that a
/// blank line parts from the first table, or all of them if there is no table.
fn take_heading(document: &mut DocumentMut) -> String {
    let first = tables(document.as_table()).iter().filter_map(|table| table.position()).min();
    let Some(first) = first else {
        let heading = document.trailing().as_str().unwrap_or_default().to_owned();
        document.set_trailing("");
        return heading;
    };
    let mut heading = String::new();
    with_table_at(document.as_item_mut(), first, &mut |table| {
        let prefix = table.decor().prefix().and_then(|it| it.as_str()).unwrap_or_default();
        let blank =
            prefix.rfind("\n\n").map(|at| at + 2).max(prefix.rfind("\n\r\n").map(|at| at + 3));
        let (above, own) = prefix.split_at(blank.unwrap_or(0));
        let own = format!("\n{own}");
        above.clone_into(&mut heading);
        table.decor_mut().set_prefix(own);
    });
    heading
}

fn with_table_at(item: &mut Item, position: isize, change: &mut dyn FnMut(&mut Table)) {
    match item {
        Item::Table(table) => {
            if table.position() == Some(position) && !table.is_implicit() && !table.is_dotted() {
                change(table);
                return;
            }
            for (_, inner) in table.iter_mut() {
                with_table_at(inner, position, change);
            }
        }
        Item::ArrayOfTables(tables) => {
            for table in tables.iter_mut() {
                if table.position() == Some(position) {
                    change(table);
                    return;
                }
            }
        }
        Item::None | Item::Value(_) => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check_pool(text: &str, expected: &str) {
        assert_eq!(set_expose_all_models(text, true).unwrap(), expected);
    }

    #[test]
    fn the_switch_stands_above_all_tables_and_below_the_heading() {
        check_pool("", "expose_all_models = true\n");
        check_pool("# mine\n", "# mine\nexpose_all_models = true\n");
        check_pool("listen = 'a' # b\n[x]\n", "listen = 'a' # b\nexpose_all_models = true\n[x]\n");
        check_pool("expose_all_models  = false # why\n", "expose_all_models  = true # why\n");
        check_pool(
            "# mine\n\n# a box\n[providers.a]\n",
            "# mine\n\nexpose_all_models = true\n\n# a box\n[providers.a]\n",
        );
        check_pool("[providers.a]\n", "expose_all_models = true\n\n[providers.a]\n");
        check_pool("\u{feff}a = 1\r\n", "\u{feff}a = 1\r\nexpose_all_models = true\r\n");
    }

    #[test]
    fn aliases_come_and_go() {
        let one = set_alias("[providers.a]\n", "work", &["a/x".into()], Policy::Failover).unwrap();
        assert_eq!(one, "[providers.a]\n\n[aliases]\nwork = \"a/x\"\n");
        let two = set_alias(&one, "work", &["a/x".into(), "b/y".into()], Policy::Weighted).unwrap();
        assert!(two.ends_with("work = { targets = [\"a/x\", \"b/y\"], policy = \"weighted\" }\n"));
        assert_eq!(remove_alias(&two, "work").unwrap(), "[providers.a]\n\n[aliases]\n");
        assert!(matches!(remove_alias("", "x"), Err(Refused::Unknown { .. })));
    }

    #[test]
    fn the_default_model_comes_and_goes() {
        let set = set_default_model("# top\nlisten = 'a'\n", Some("a/x")).unwrap();
        assert_eq!(set, "# top\nlisten = 'a'\ndefault_model = \"a/x\"\n");
        assert_eq!(set_default_model(&set, None).unwrap(), "# top\nlisten = 'a'\n");
    }
}
