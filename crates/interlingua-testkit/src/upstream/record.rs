//! What a record of `fixtures/dialects/dialects.json` says about a model, read without the product's code:
//! a mistake in there must not be its own judge.

use std::sync::Arc;

use serde_json::{Map, Value};

use crate::fixtures;

/// A resolved record.
#[derive(Clone, Debug)]
pub(super) struct Record {
    pub(super) id: String,
    whole: Arc<Value>,
}

impl Record {
    /// Resolves a record for a model: the defaults, what the record extends, its own, its families.
    ///
    /// # Panics
    ///
    /// If there is no such record.
    pub(super) fn of(id: &str, model: &str) -> Self {
        let all = fixtures::json("dialects/dialects.json");
        let mut chain = Vec::new();
        let mut next = Some(id.to_owned());
        while let Some(id) = next {
            let records = all["dialects"].as_array().into_iter().flatten();
            let record = records.into_iter().find(|it| it["id"] == id.as_str());
            let record = record.unwrap_or_else(|| panic!("there is no record `{id}`"));
            next = record["extends"].as_str().map(str::to_owned);
            chain.push(record);
        }
        let mut whole = all["defaults"].clone();
        for record in chain.iter().rev() {
            merge(&mut whole, record, "");
        }
        // Families know a model in lower case and without its vendor.
        let bare = model.rsplit('/').next().unwrap_or_default().to_lowercase();
        for family in chain.iter().rev().filter_map(|it| it["families"].as_array()).flatten() {
            let globs = family["match"].as_array().into_iter().flatten();
            if !bare.is_empty() && globs.filter_map(Value::as_str).any(|it| fits(it, &bare)) {
                merge(&mut whole, &family["patch"], "");
            }
        }
        Self { id: id.to_owned(), whole: Arc::new(whole) }
    }

    /// The value at a dotted path.
    pub(super) fn at(&self, path: &str) -> &Value {
        path.split('.').fold(&*self.whole, |value, name| &value[name])
    }

    /// The word at a dotted path.
    pub(super) fn word(&self, path: &str) -> &str {
        self.at(path).as_str().unwrap_or_default()
    }

    /// Whether the list at a dotted path holds this word.
    pub(super) fn lists(&self, path: &str, word: &str) -> bool {
        self.words(path).any(|it| it == word)
    }

    /// The words of the list at a dotted path.
    pub(super) fn words(&self, path: &str) -> impl Iterator<Item = &str> {
        self.at(path).as_array().into_iter().flatten().filter_map(Value::as_str)
    }

    /// The fields of each level that the upstream has, with aliases followed.
    pub(super) fn levels(&self) -> Vec<(&str, &Map<String, Value>)> {
        let table = self.at("thinking.effort").as_object();
        let own = table.into_iter().flatten();
        own.filter_map(|(name, fields)| Some((name.as_str(), fields.as_object()?))).collect()
    }

    /// Whether a body lets the model think.
    pub(super) fn thinks(&self, body: &Value) -> bool {
        let says = |fields: &Map<String, Value>| {
            !fields.is_empty() && fields.iter().all(|(name, value)| holds(&body[name], value))
        };
        let levels = self.levels();
        if levels.iter().any(|(name, fields)| *name == "none" && says(fields)) {
            return false;
        }
        match self.word("thinking.default") {
            "never" => false,
            "off" => levels.iter().any(|(name, fields)| *name != "none" && says(fields)),
            _ => true,
        }
    }
}

/// Whether `whole` says all that `part` says.
pub(super) fn holds(whole: &Value, part: &Value) -> bool {
    match (whole, part) {
        (Value::Object(whole), Value::Object(part)) => part
            .iter()
            .all(|(name, value)| whole.get(name).is_some_and(|whole| holds(whole, value))),
        (whole, part) => whole == part,
    }
}

/// Merges deeply, but for tables whose entries mean something only whole.
fn merge(whole: &mut Value, changes: &Value, at: &str) {
    let (Value::Object(whole), Value::Object(changes)) = (whole, changes) else { return };
    for (name, value) in changes {
        let place = if at.is_empty() { name.clone() } else { format!("{at}.{name}") };
        let entries = ["thinking.effort.", "thinking.preserve.", "request.set."];
        let is_entry = entries.iter().any(|table| place.starts_with(table));
        match whole.get_mut(name) {
            Some(known @ Value::Object(_)) if value.is_object() && !is_entry => {
                merge(known, value, &place);
            }
            _ => {
                whole.insert(name.clone(), value.clone());
            }
        }
    }
}

/// Whether a model's id fits a pattern in which `*` is any text.
fn fits(glob: &str, model: &str) -> bool {
    match glob.split_once('*') {
        None => glob == model,
        Some((start, rest)) => model.strip_prefix(start).is_some_and(|tail| {
            (0..=tail.len()).filter_map(|at| tail.get(at..)).any(|tail| fits(rest, tail))
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn records_resolve_as_the_recorded_results_say() {
        for expected in fixtures::json("dialects/resolve.expected.json").as_array().unwrap() {
            let [id, model] = ["dialect", "model"].map(|it| expected[it].as_str().unwrap());
            let record = Record::of(id, model);
            for path in ["replay.rule", "replay.scope", "replay.carrier", "replay.placeholder"] {
                let (_, name) = path.split_once('.').unwrap();
                assert_eq!(record.at(path), &expected["replay"][name], "{id} {model} {path}");
            }
            assert_eq!(
                record.at("thinking.default"),
                &expected["thinking_default"],
                "{id} {model}"
            );
        }
    }
}
