//! A record as a file for the user's own folder.

use std::collections::BTreeSet;

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
    let mut lines = vec![
        format!("id = {}", text(id)),
        format!("title = {}", text(title)),
        format!("extends = {}", text(base)),
    ];
    let prefix = if overrules { "families.patch." } else { "" };
    if overrules && !of_server.is_empty() {
        lines.extend(["", "[[families]]", "match = [\"*\"]"].map(str::to_owned));
    }
    tables(&mut lines, prefix, &of_server);
    if !of_model.is_empty() {
        lines.extend(["", "[[families]]"].map(str::to_owned));
        lines.push(format!("match = [{}]", text(&bare(model))));
        tables(&mut lines, "families.patch.", &of_model);
    }
    let changed = of_server.iter().chain(&of_model);
    let blocks: BTreeSet<&str> = changed.filter_map(|it| it.0.split('.').next()).collect();
    for block in blocks {
        let source = format!("`interlingua probe`, model {model}");
        lines.extend(["", "[[evidence]]"].map(str::to_owned));
        lines.push(format!("path = {}", text(block)));
        lines.push("confidence = \"medium\"".to_owned());
        lines.push(format!("source = {}", text(&source)));
    }
    Some(Proposal { id: id.to_owned(), toml: lines.join("\n") + "\n" })
}

/// Writes changes as tables, one for each path that leads to fields.
fn tables(lines: &mut Vec<String>, prefix: &str, changes: &[Change]) {
    let mut tables: Vec<(&str, Vec<(&str, &Value)>)> = Vec::new();
    for (path, value) in changes {
        let (table, name) = path.rsplit_once('.').unwrap_or(("", path));
        match tables.iter_mut().find(|(known, _)| *known == table) {
            Some((_, fields)) => fields.push((name, value)),
            None => tables.push((table, vec![(name, value)])),
        }
    }
    for (table, fields) in tables {
        let (gone, set): (Vec<_>, Vec<_>) = fields.iter().partition(|(_, value)| value.is_null());
        lines.extend([String::new(), format!("[{prefix}{table}]")]);
        lines.extend(set.iter().map(|(name, value)| format!("{} = {}", key(name), inline(value))));
        if !gone.is_empty() {
            // TOML has no null.
            let names: Vec<String> = gone.iter().map(|(name, _)| text(name)).collect();
            lines.push(format!("remove = [{}]", names.join(", ")));
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
        // Whoever writes tables leaves null out.
        Value::Null | Value::Bool(_) | Value::Number(_) => value.to_string(),
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

#[cfg(test)]
mod tests {
    use interlingua_dialect::Dialects;
    use serde_json::json;

    use super::*;

    fn names(base: &'static str, overrules: bool) -> Names<'static> {
        Names { id: "house", title: "A \"house\"", base, model: "V/Some-Model", overrules }
    }

    #[test]
    fn a_proposal_is_a_record_that_says_what_the_draft_says() {
        let dialects = Dialects::builtin();
        let changes = [
            ("replay.placeholder", json!(" \n\"x\"")),
            ("replay.carrier", json!("reasoning")),
            (
                "thinking.effort.none",
                json!({ "chat_template_kwargs": { "on": false, "of x": [1] } }),
            ),
            ("thinking.effort.low", Value::Null),
            ("stream.finish_map.tools now", json!("tool_calls")),
            ("vision.images", json!("no")),
        ]
        .map(|(path, value)| (path.to_owned(), value));
        for (base, overrules) in [("generic", false), ("mimo", true)] {
            let draft = Draft::new(dialects.fields(base, "some-model").unwrap()).with(&changes);
            let proposal = propose(&draft, names(base, overrules)).unwrap();
            let own = dialects.clone().with([("house.toml", &proposal.toml)]);
            let own = own.unwrap_or_else(|problems| panic!("{problems:?}\n{}", proposal.toml));
            let mut resolved = own.fields("house", "V/Some-Model").unwrap();
            for name in ["id", "title"] {
                resolved.insert(name.to_owned(), draft.get(name).clone());
            }
            assert_eq!(Value::Object(resolved), draft.get_all(), "{}", proposal.toml);
            let other = own.resolve("house", "another").unwrap();
            assert_ne!(other.vision.images.name(), "no", "it is about one model");
        }
    }

    #[test]
    fn what_a_base_says_about_a_family_can_be_overruled() {
        let dialects = Dialects::builtin();
        let model = "mimo-v2-flash";
        let default = [("thinking.default".to_owned(), json!("on"))];
        let draft = Draft::new(dialects.fields("mimo", model).unwrap()).with(&default);
        for (overrules, says) in [(false, "off"), (true, "on")] {
            let proposal = propose(&draft, Names { model, ..names("mimo", overrules) }).unwrap();
            let own = dialects.clone().with([("house.toml", &proposal.toml)]).unwrap();
            assert_eq!(own.resolve("house", model).unwrap().thinking.default.name(), says);
        }
    }

    #[test]
    fn nothing_new_is_no_record() {
        let draft = Draft::new(Dialects::builtin().fields("generic", "").unwrap());
        assert_eq!(propose(&draft, names("generic", false)), None);
    }
}
