//! The record as far as it is known.

use std::sync::Arc;

use interlingua_dialect::Dialect;
use serde::Deserialize as _;
use serde_json::{Map, Value};

/// A resolved record, and what was found to be different.
#[derive(Clone, Debug)]
pub(crate) struct Draft {
    /// As the record says that the draft builds on.
    base: Map<String, Value>,
    now: Map<String, Value>,
}

/// A field of a record by its dotted path, and a value for it.
pub(crate) type Change = (String, Value);

impl Draft {
    pub(crate) fn new(base: Map<String, Value>) -> Self {
        Self { now: base.clone(), base }
    }

    /// Gives the record a name of its own, which is no difference.
    pub(crate) fn name(&mut self, id: &str) {
        for fields in [&mut self.base, &mut self.now] {
            fields.insert("id".to_owned(), id.into());
        }
    }

    /// The value at a dotted path; null if there is none.
    pub(crate) fn get(&self, path: &str) -> &Value {
        at(&self.now, path)
    }

    #[cfg(test)]
    pub(crate) fn get_all(&self) -> Value {
        Value::Object(self.now.clone())
    }

    /// What the base says at a dotted path.
    pub(crate) fn before(&self, path: &str) -> &Value {
        at(&self.base, path)
    }

    /// The word at a dotted path.
    pub(crate) fn word(&self, path: &str) -> &str {
        self.get(path).as_str().unwrap_or_default()
    }

    /// The same with some fields changed.
    pub(crate) fn with(&self, changes: &[Change]) -> Self {
        let mut draft = self.clone();
        for (path, value) in changes {
            draft.set(path, value.clone());
        }
        draft
    }

    fn set(&mut self, path: &str, value: Value) {
        let mut names: Vec<&str> = path.split('.').collect();
        let Some(last) = names.pop() else { return };
        let mut table = &mut self.now;
        for name in names {
            let inner = table.entry(name).or_insert_with(|| Value::Object(Map::new()));
            if !inner.is_object() {
                *inner = Value::Object(Map::new());
            }
            let Value::Object(inner) = inner else { return };
            table = inner;
        }
        table.insert(last.to_owned(), value);
    }

    /// The dialect that it describes; `None` if a value is none that a record may have.
    pub(crate) fn dialect(&self) -> Option<Arc<Dialect>> {
        Dialect::deserialize(Value::Object(self.now.clone())).ok().map(Arc::new)
    }

    /// All fields that differ from the base.
    pub(crate) fn all_changes(&self) -> Vec<Change> {
        let mut found = Vec::new();
        differences(&self.base, &self.now, "", &mut found);
        found
    }

    /// The fields that differ from the base, in the order of the record; with `of_model`, those that are
    /// about the model and not about its server, else the others.
    pub(crate) fn changes(&self, of_model: bool) -> Vec<Change> {
        let mut found = self.all_changes();
        found.retain(|(path, _)| OF_MODEL.contains(&&**path) == of_model);
        found
    }
}

/// What depends on the model: another one at the same server may differ.
const OF_MODEL: [&str; 1] = ["vision.images"];

/// Tables that have no fields of their own below them: an entry means something only whole.
const WHOLE: [&str; 3] = ["thinking.effort.", "thinking.preserve.", "request.set."];

/// The value at a dotted path; null if there is none.
pub(crate) fn at<'v>(fields: &'v Map<String, Value>, path: &str) -> &'v Value {
    let (first, rest) = path.split_once('.').map_or((path, None), |(it, rest)| (it, Some(rest)));
    match (fields.get(first), rest) {
        (Some(Value::Object(inner)), Some(rest)) => at(inner, rest),
        (Some(value), None) => value,
        _ => &Value::Null,
    }
}

fn differences(
    base: &Map<String, Value>,
    now: &Map<String, Value>,
    place: &str,
    found: &mut Vec<Change>,
) {
    for (name, value) in now {
        let path = if place.is_empty() { name.clone() } else { format!("{place}.{name}") };
        let is_whole = WHOLE.iter().any(|table| path.starts_with(table));
        match (base.get(name).unwrap_or(&Value::Null), value) {
            (Value::Object(base), Value::Object(now)) if !is_whole => {
                differences(base, now, &path, found);
            }
            (base, value) if base != value => found.push((path, value.clone())),
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use interlingua_dialect::Dialects;
    use serde_json::json;

    use super::*;

    #[test]
    fn only_what_differs_is_a_change() {
        let base = Dialects::builtin().fields("generic", "").unwrap();
        let draft = Draft::new(base);
        let unchanged = ("replay.carrier".to_owned(), json!("reasoning_content"));
        let off =
            ("thinking.effort.none".to_owned(), json!({ "thinking": { "type": "disabled" } }));
        let blind = ("vision.images".to_owned(), json!("no"));
        let changed = draft.with(&[unchanged, off.clone(), blind.clone()]);
        assert_eq!(changed.changes(false), [off]);
        assert_eq!(changed.changes(true), [blind]);
        assert!(changed.dialect().is_some());
        let wrong = draft.with(&[("replay.carrier".to_owned(), json!("pigeon"))]);
        assert!(wrong.dialect().is_none());
    }
}
