//! A record as a file for the user's own folder.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use serde_json::Value;

use crate::draft::{Change, Draft};

/// A record that says what was found.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Proposal {
    /// The record's id.
    pub id: String,
    /// The record, as a file of its own.
    pub toml: String,
}

/// How a record is named.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Names<'n> {
    pub(crate) id: &'n str,
    pub(crate) title: &'n str,
    /// What it builds on.
    pub(crate) base: &'n str,
    pub(crate) model: &'n str,
    /// What the base says about a family of models is overruled, too: it counts more than what a record
    /// says about all models.
    pub(crate) overrules: bool,
}

/// The record that says what the draft has found; `None` if its base says all of it.
pub(crate) fn propose(draft: &Draft, names: Names<'_>) -> Option<Proposal> {
    let (of_server, of_model) = (draft.changes(false), draft.changes(true));
    if of_server.is_empty() && of_model.is_empty() {
        return None;
    }
    let Names { id, title, base, model, overrules } = names;
    let mut toml = format!("id = {}\ntitle = {}\n", text(id), text(title));
    let _ = writeln!(toml, "extends = {}", text(base));
    if overrules && !of_server.is_empty() {
        toml.push_str("\n[[families]]\nmatch = [\"*\"]\n");
    }
    tables(&mut toml, if overrules { "families.patch." } else { "" }, &of_server);
    if !of_model.is_empty() {
        let _ = write!(toml, "\n[[families]]\nmatch = [{}]\n", text(&bare(model)));
        tables(&mut toml, "families.patch.", &of_model);
    }
    let changed = of_server.iter().chain(&of_model);
    let blocks: BTreeSet<&str> = changed.filter_map(|it| it.0.split('.').next()).collect();
    for block in blocks {
        let source = format!("`interlingua probe`, model {model}");
        let _ = write!(
            toml,
            "\n[[evidence]]\npath = {}\nconfidence = \"medium\"\nsource = {}\n",
            text(block),
            text(&source)
        );
    }
    Some(Proposal { id: id.to_owned(), toml })
}

/// Writes changes as tables, one for each path that leads to fields.
fn tables(toml: &mut String, prefix: &str, changes: &[Change]) {
    let mut tables: Vec<(&str, BTreeMap<&str, &Value>)> = Vec::new();
    for (path, value) in changes {
        let (table, name) = path.rsplit_once('.').unwrap_or(("", path));
        match tables.iter_mut().find(|(known, _)| *known == table) {
            Some((_, fields)) => drop(fields.insert(name, value)),
            None => tables.push((table, BTreeMap::from([(name, value)]))),
        }
    }
    for (table, fields) in tables {
        let _ = writeln!(toml, "\n[{prefix}{table}]");
        for (name, value) in fields.iter().filter(|(_, value)| !value.is_null()) {
            let _ = writeln!(toml, "{} = {}", key(name), inline(value));
        }
        let gone: Vec<String> =
            fields.iter().filter(|it| it.1.is_null()).map(|(name, _)| text(name)).collect();
        if !gone.is_empty() {
            let _ = writeln!(toml, "remove = [{}]", gone.join(", "));
        }
    }
}

/// A value on one line.
pub(crate) fn inline(value: &Value) -> String {
    match value {
        Value::String(word) => text(word),
        Value::Array(list) => {
            format!("[{}]", list.iter().map(inline).collect::<Vec<_>>().join(", "))
        }
        Value::Object(fields) if fields.is_empty() => "{}".to_owned(),
        Value::Object(fields) => {
            let fields = fields.iter().filter(|(_, value)| !value.is_null());
            let fields = fields.map(|(name, value)| format!("{} = {}", key(name), inline(value)));
            format!("{{ {} }}", fields.collect::<Vec<_>>().join(", "))
        }
        // TOML has no null; whoever writes tables leaves such fields out.
        Value::Null => "\"\"".to_owned(),
        Value::Bool(_) | Value::Number(_) => value.to_string(),
    }
}

/// A text in quotes. What JSON escapes, TOML escapes alike.
fn text(text: &str) -> String {
    Value::from(text).to_string().replace('\u{7f}', "\\u007F")
}

fn key(name: &str) -> String {
    let bare = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
    if !name.is_empty() && name.chars().all(bare) { name.to_owned() } else { text(name) }
}

/// A model as families know it.
fn bare(model: &str) -> String {
    model.rsplit('/').next().unwrap_or(model).to_lowercase()
}
