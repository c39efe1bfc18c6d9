//! Providers: added, changed, removed, put into another order.

use toml_edit::{Array, ArrayOfTables, DocumentMut, InlineTable, Item, Table, TableLike, Value};

use super::draft::{ModelDraft, ProviderDraft};
use super::fields::Field;
use super::setting::Setting;
use super::text::edit;
use super::{Refused, blocks};

/// Whether the file says something about a provider.
///
/// # Errors
///
/// The text is not TOML.
pub fn has_provider(text: &str, id: &str) -> Result<bool, Refused> {
    let document: DocumentMut = text.strip_prefix('\u{feff}').unwrap_or(text).parse()?;
    let providers = document.get("providers").and_then(Item::as_table_like);
    Ok(providers.is_some_and(|providers| providers.contains_key(id)))
}

/// Adds a provider behind the others.
///
/// # Errors
///
/// The text is not TOML, `providers` is no table, or the id is taken.
pub fn add_provider(text: &str, draft: &ProviderDraft) -> Result<String, Refused> {
    edit(text, |document| {
        let root = document.as_table();
        let end = last_position(root);
        let before = document.get("providers").and_then(last_of).or(end);
        let is_last = before == end;
        let one_line = document.get("providers").is_some_and(Item::is_inline_table);
        let providers = providers(document)?;
        if providers.contains_key(&draft.id) {
            return Err(Refused::Taken(draft.id.clone()));
        }
        let mut table = Table::new();
        table.set_position(before);
        for (key, setting) in draft.fields() {
            table.insert(key, Item::Value(setting.to_value()));
        }
        if !draft.models.is_empty() {
            let mut models = ArrayOfTables::new();
            for model in &draft.models {
                let mut table = model_table(model);
                table.set_position(before);
                models.push(table);
            }
            table.insert("models", Item::ArrayOfTables(models));
        }
        if one_line {
            providers.insert(&draft.id, Item::Value(Value::InlineTable(table.into_inline_table())));
            return Ok(());
        }
        providers.insert(&draft.id, Item::Table(table));
        if is_last {
            keep_comments_above(document, &draft.id);
        }
        Ok(())
    })
}

/// Sets one field of a provider, or of one of its models.
///
/// # Errors
///
/// The text is not TOML, or has no such provider or model.
pub fn set(text: &str, id: &str, field: &Field, setting: &Setting) -> Result<String, Refused> {
    edit(text, |document| {
        let mut table = owner(document, id, field)?;
        if let Some(name) = &field.table {
            if table.get(name).is_none() {
                table.insert(name, Item::Value(Value::InlineTable(InlineTable::new())));
            }
            let inner = table.get_mut(name).and_then(Item::as_table_like_mut);
            table = inner.ok_or_else(|| Refused::Shape(format!("providers.{id}.{name}")))?;
        }
        insert(table, &field.name, setting);
        Ok(())
    })
}

/// Takes one field of a provider, or of one of its models, away.
///
/// # Errors
///
/// The text is not TOML, or has no such provider, model or field.
pub fn unset(text: &str, id: &str, field: &Field) -> Result<String, Refused> {
    let unknown = || Refused::unknown("field", &field.to_string());
    edit(text, |document| {
        let table = owner(document, id, field)?;
        let Some(name) = &field.table else {
            return table.remove(&field.name).map(drop).ok_or_else(unknown);
        };
        let inner = table.get_mut(name).and_then(Item::as_table_like_mut).ok_or_else(unknown)?;
        inner.remove(&field.name).ok_or_else(unknown)?;
        if inner.is_empty() {
            table.remove(name);
        }
        Ok(())
    })
}

/// Removes a provider with its comments and its models.
///
/// # Errors
///
/// The text is not TOML, or has no such provider.
pub fn remove_provider(text: &str, id: &str) -> Result<String, Refused> {
    if !has_provider(text, id)? {
        return Err(Refused::unknown("provider", id));
    }
    blocks::remove(text, id)
}

/// Puts the named providers first, in that order; the others follow as they did. Comments and models
/// go with their provider.
///
/// # Errors
///
/// The text is not TOML, does not have one of them, or has them in a form that cannot be moved.
pub fn reorder_providers(text: &str, ids: &[&str]) -> Result<String, Refused> {
    for id in ids {
        if !has_provider(text, id)? {
            return Err(Refused::unknown("provider", id));
        }
    }
    blocks::reorder(text, ids)
}

/// Adds a model to the list of a provider; a list makes the provider strict.
///
/// # Errors
///
/// The text is not TOML, has no such provider, or `models` is no list of tables.
pub fn add_model(text: &str, id: &str, model: &ModelDraft) -> Result<String, Refused> {
    edit(text, |document| {
        let provider = provider(document, id)?;
        let position = header_position(provider);
        let provider = table_of(provider, id)?;
        if provider.get("models").is_none() {
            let empty = match position {
                Some(_) => Item::ArrayOfTables(ArrayOfTables::new()),
                None => Item::Value(Value::Array(Array::new())),
            };
            provider.insert("models", empty);
        }
        match provider.get_mut("models") {
            Some(Item::ArrayOfTables(models)) => {
                let last = models.iter().filter_map(Table::position).max();
                let mut table = model_table(model);
                table.set_position(last.or(position));
                models.push(table);
            }
            Some(Item::Value(Value::Array(models))) => {
                models.push(model_table(model).into_inline_table());
            }
            _ => return Err(Refused::Shape(format!("providers.{id}.models"))),
        }
        Ok(())
    })
}

/// Takes a model from the list of a provider. Without any, the provider is open again.
///
/// # Errors
///
/// The text is not TOML, or has no such provider or model.
pub fn remove_model(text: &str, id: &str, model: &str) -> Result<String, Refused> {
    let unknown = || Refused::unknown("model", &format!("{id}/{model}"));
    edit(text, |document| {
        let provider = table_of(provider(document, id)?, id)?;
        let is_empty = match provider.get_mut("models") {
            Some(Item::ArrayOfTables(models)) => {
                let at = models.iter().position(|it| is_model(it, model)).ok_or_else(unknown)?;
                models.remove(at);
                models.is_empty()
            }
            Some(Item::Value(Value::Array(models))) => {
                let is_it = |it: &Value| it.as_inline_table().is_some_and(|it| is_model(it, model));
                let at = models.iter().position(is_it).ok_or_else(unknown)?;
                models.remove(at);
                models.is_empty()
            }
            _ => return Err(unknown()),
        };
        if is_empty {
            provider.remove("models");
        }
        Ok(())
    })
}

/// Sets a key of a table; what stands around an old value stays.
pub(super) fn insert(table: &mut dyn TableLike, key: &str, setting: &Setting) {
    let mut value = setting.to_value();
    match table.get_mut(key) {
        Some(Item::Value(old)) => {
            *value.decor_mut() = old.decor().clone();
            *old = value;
        }
        _ => {
            table.insert(key, Item::Value(value));
        }
    }
}

/// All tables that have a header.
pub(super) fn tables(table: &Table) -> Vec<&Table> {
    let own =
        (!table.is_implicit() && !table.is_dotted() && table.position().is_some()).then_some(table);
    let inner = table.iter().flat_map(|(_, item)| match item {
        Item::Table(table) => tables(table),
        Item::ArrayOfTables(list) => list.iter().flat_map(tables).collect(),
        Item::None | Item::Value(_) => Vec::new(),
    });
    own.into_iter().chain(inner).collect()
}

/// Where the last table with a header below a table stands.
pub(super) fn last_position(table: &Table) -> Option<isize> {
    tables(table).iter().filter_map(|table| table.position()).max()
}

fn last_of(item: &Item) -> Option<isize> {
    item.as_table().and_then(last_position)
}

/// The table of all providers, made if it is missing.
fn providers(document: &mut DocumentMut) -> Result<&mut dyn TableLike, Refused> {
    let item = document.entry("providers").or_insert_with(|| {
        let mut table = Table::new();
        table.set_implicit(true);
        Item::Table(table)
    });
    item.as_table_like_mut().ok_or_else(|| Refused::Shape("providers".to_owned()))
}

fn provider<'d>(document: &'d mut DocumentMut, id: &str) -> Result<&'d mut Item, Refused> {
    let providers = document.get_mut("providers").and_then(Item::as_table_like_mut);
    let found = providers.and_then(|providers| providers.get_mut(id));
    found.ok_or_else(|| Refused::unknown("provider", id))
}

fn table_of<'d>(item: &'d mut Item, id: &str) -> Result<&'d mut dyn TableLike, Refused> {
    item.as_table_like_mut().ok_or_else(|| Refused::Shape(format!("providers.{id}")))
}

/// The table that a field belongs to.
fn owner<'d>(
    document: &'d mut DocumentMut,
    id: &str,
    field: &Field,
) -> Result<&'d mut dyn TableLike, Refused> {
    let provider = table_of(provider(document, id)?, id)?;
    let Some(model) = &field.model else { return Ok(provider) };
    let found: Option<&mut dyn TableLike> = match provider.get_mut("models") {
        Some(Item::ArrayOfTables(models)) => {
            models.iter_mut().find(|it| is_model(*it, model)).map(|it| it as _)
        }
        Some(Item::Value(Value::Array(models))) => {
            let mut tables = models.iter_mut().filter_map(Value::as_inline_table_mut);
            tables.find(|it| is_model(*it, model)).map(|it| it as _)
        }
        _ => None,
    };
    found.ok_or_else(|| Refused::unknown("model", &format!("{id}/{model}")))
}

fn is_model(table: &dyn TableLike, id: &str) -> bool {
    table.get("id").and_then(Item::as_str) == Some(id)
}

fn model_table(model: &ModelDraft) -> Table {
    let mut table = Table::new();
    for (key, setting) in model.fields() {
        table.insert(key, Item::Value(setting.to_value()));
    }
    table
}

/// Comments at the end of a file stay above a table that is added behind them.
fn keep_comments_above(document: &mut DocumentMut, id: &str) {
    let above = document.trailing().as_str().unwrap_or_default().to_owned();
    if above.trim().is_empty() {
        return;
    }
    if let Ok(Item::Table(table)) = provider(document, id) {
        table.decor_mut().set_prefix(format!("{}\n\n", above.trim_end()));
        document.set_trailing("");
    }
}

/// Where the last header of a table stands; none if it is written without one.
fn header_position(item: &Item) -> Option<isize> {
    item.as_table().filter(|table| !table.is_dotted()).and_then(last_position)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Nothing in it is written as a program would write it.
    const ODD: &str = "\
# mine

listen  =  '127.0.0.1:1' # here

# the big one
[ providers . a ]
base_url='http://a:1' # old box
\theaders = {x-a='1',  x-b = \"2\"}   # team
# proxy = 'socks5h://h:1'

[[providers.a.models]]
id = 'm1'
context_window = 8_192 # small

# ---- others ----

# a small one
[providers.\"b\"]
base_url = \"http://b:1\"
enabled = false

[aliases]
work = 'a/m1'

[providers.c]
base_url = 'http://c:1'
# the end
";

    fn field(path: &str) -> Field {
        path.parse().unwrap()
    }

    fn draft(id: &str) -> ProviderDraft {
        let mut draft = ProviderDraft::new(id);
        draft.base_url = Some("http://n:1".into());
        draft.models = vec![ModelDraft::new("n1"), ModelDraft::new("n2")];
        draft
    }

    /// The lines that only one of two texts has.
    fn difference(before: &str, after: &str) -> (Vec<String>, Vec<String>) {
        let only = |a: &str, b: &str| {
            let theirs: Vec<&str> = b.lines().collect();
            let own = a.lines().filter(|line| !theirs.contains(line));
            own.map(str::to_owned).collect::<Vec<_>>()
        };
        (only(before, after), only(after, before))
    }

    #[test]
    fn what_is_added_can_be_removed_without_a_trace() {
        for text in [
            ODD,
            &ODD.replace('\n', "\r\n"),
            &format!("\u{feff}{ODD}"),
            "listen = 'x'\n",
            "[store]\nurl = 'memory'\n",
            "[providers.a]\nbase_url = 'x'\n\n[store]\nurl = 'memory'\n",
            "providers = { a = { base_url = 'x' } }\n",
            "[providers]\na = { base_url = 'x' }\n",
            "providers.a.base_url = 'x'\n",
        ] {
            let added = add_provider(text, &draft("new")).unwrap();
            assert!(has_provider(&added, "new").unwrap(), "{added}");
            assert_eq!(added.contains("\r\n"), text.contains("\r\n"));
            assert!(matches!(add_provider(&added, &draft("new")), Err(Refused::Taken(_))));
            assert_eq!(remove_provider(&added, "new").unwrap(), text, "{added}");
        }
    }

    #[test]
    fn a_new_provider_stands_behind_the_others() {
        let text = "[providers.a]\nbase_url = 'x'\n\n[store]\nurl = 'memory'\n";
        let added = add_provider(text, &draft("new")).unwrap();
        assert_eq!(
            added,
            "[providers.a]\nbase_url = 'x'\n\n[providers.new]\nbase_url = \"http://n:1\"\n\n\
             [[providers.new.models]]\nid = \"n1\"\n\n[[providers.new.models]]\nid = \"n2\"\n\n\
             [store]\nurl = 'memory'\n"
        );
        let commented = add_provider("# only a comment\n", &ProviderDraft::new("new")).unwrap();
        assert_eq!(commented, "# only a comment\n\n[providers.new]\n");
    }

    #[test]
    fn a_field_is_set_where_it_stands() {
        let set = |path: &str, setting: Setting| {
            let id = if path == "enabled" { "b" } else { "a" };
            difference(ODD, &set(ODD, id, &field(path), &setting).unwrap())
        };
        let one = |before: &str, after: &str| (vec![before.to_owned()], vec![after.to_owned()]);
        assert_eq!(
            set("base_url", "http://z".into()),
            one("base_url='http://a:1' # old box", "base_url=\"http://z\" # old box")
        );
        assert_eq!(
            set("headers.x-b", "3".into()),
            one(
                "\theaders = {x-a='1',  x-b = \"2\"}   # team",
                "\theaders = {x-a='1',  x-b = \"3\"}   # team"
            )
        );
        assert_eq!(
            set("models.m1.context_window", 9.into()),
            one("context_window = 8_192 # small", "context_window = 9 # small")
        );
        assert_eq!(set("enabled", true.into()), one("enabled = false", "enabled = true"));
        let added = (vec![], vec!["timeouts = { idle = \"9s\" }".to_owned()]);
        assert_eq!(set("timeouts.idle", "9s".into()), added);
    }

    #[test]
    fn a_field_is_taken_away() {
        let unset = |path: &str| difference(ODD, &unset(ODD, "a", &field(path)).unwrap()).0;
        assert_eq!(unset("base_url"), ["base_url='http://a:1' # old box"]);
        assert_eq!(unset("models.m1.context_window"), ["context_window = 8_192 # small"]);
        let set = set(ODD, "c", &field("timeouts.idle"), &"9s".into()).unwrap();
        assert_eq!(super::unset(&set, "c", &field("timeouts.idle")).unwrap(), ODD);
        for missing in ["docs", "headers.x-c", "models.m2.images"] {
            let refused = super::unset(ODD, "a", &field(missing));
            assert!(matches!(refused, Err(Refused::Unknown { .. })), "{missing}");
        }
    }

    #[test]
    fn models_come_and_go() {
        for (text, id) in [
            (ODD, "a"),
            (ODD, "b"),
            (ODD, "c"),
            ("providers.a = { models = [{ id = 'm' }] }\n", "a"),
            ("providers.a.base_url = 'x'\n", "a"),
        ] {
            let added = add_model(text, id, &ModelDraft::new("new")).unwrap();
            let (gone, new) = difference(text, &added);
            assert!(new.iter().any(|line| line.contains("\"new\"")), "{added}");
            assert!(gone.len() <= 1, "{gone:?}");
            assert_eq!(remove_model(&added, id, "new").unwrap(), text, "{added}");
        }
        assert!(!remove_model(ODD, "a", "m1").unwrap().contains("[[providers.a.models]]"));
        assert!(matches!(remove_model(ODD, "a", "m2"), Err(Refused::Unknown { .. })));
    }

    #[test]
    fn what_cannot_be_changed_says_why() {
        assert!(matches!(add_provider("a = ", &draft("x")), Err(Refused::Toml(_))));
        assert!(matches!(add_provider("providers = 1", &draft("x")), Err(Refused::Shape(_))));
        assert!(matches!(remove_provider(ODD, "x"), Err(Refused::Unknown { .. })));
        assert!(matches!(reorder_providers(ODD, &["x"]), Err(Refused::Unknown { .. })));
    }
}
