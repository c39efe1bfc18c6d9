//! What stands above all tables.

use toml_edit::{DocumentMut, Item, Table};

use super::Refused;
use super::provider::{insert, tables};
use super::setting::Setting;
use super::text::edit;

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
    fn the_default_model_comes_and_goes() {
        let set = set_default_model("# top\nlisten = 'a'\n", Some("a/x")).unwrap();
        assert_eq!(set, "# top\nlisten = 'a'\ndefault_model = \"a/x\"\n");
        assert_eq!(set_default_model(&set, None).unwrap(), "# top\nlisten = 'a'\n");
    }
}
