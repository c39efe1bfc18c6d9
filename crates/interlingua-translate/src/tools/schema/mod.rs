//! Parameter schemas that an upstream takes.

use std::borrow::Cow;
use std::cell::LazyCell;
use std::collections::BTreeSet;

use interlingua_dialect::{AnyofParentType, Refs, ToolSchema, TupleItems};
use interlingua_ir::{Note, NoteKind};
use memchr::memmem;
use serde_json::value::RawValue;
use serde_json::{Map, Value};

use crate::spans::{Member, member, members};

mod inline;

use inline::Inliner;

/// What the schemas of a request lost on their way, by keyword.
#[derive(Debug, Default)]
pub(crate) struct Lost(BTreeSet<String>);

impl Lost {
    /// Tells it, once for all tools.
    pub(crate) fn note(self, notes: &mut Vec<Note>) {
        if !self.0.is_empty() {
            let keys: Vec<String> = self.0.into_iter().collect();
            notes.push(Note::new(NoteKind::Changed, format!("tool schemas: {}", keys.join(", "))));
        }
    }

    fn add(&mut self, key: &str) {
        // These say nothing about what fits.
        if !matches!(key, "$schema" | "$id" | "$defs" | "definitions" | "examples") {
            self.0.insert(key.to_owned());
        }
    }
}

/// A schema that the upstream takes: as it came, unless a rule touches it.
pub(crate) fn shaped<'a>(
    schema: &'a RawValue,
    rules: &ToolSchema,
    lost: &mut Lost,
) -> Cow<'a, str> {
    let text = schema.get();
    let reshaping = [
        (rules.refs == Refs::Inline).then_some("$ref"),
        (rules.anyof_parent_type == AnyofParentType::PushDown).then_some("anyOf"),
        (rules.tuple_items == TupleItems::PrefixItems).then_some("items"),
    ];
    let mut reshaping = reshaping.into_iter().flatten();
    let is_mentioned = |key: &str| mentions(text, key).next().is_some();
    let members = LazyCell::new(|| members(text));
    // Nearly every schema says so first.
    let has_object_root = || {
        text.starts_with(r#"{"type":"object""#) || member(&members, "type") == Some(r#""object""#)
    };
    let rootless = rules.root_object && !has_object_root();
    let reshaped = rootless || reshaping.any(is_mentioned);
    let dropped: Vec<&str> =
        rules.drop_keys.iter().map(String::as_str).filter(|key| is_mentioned(key)).collect();
    if !reshaped {
        if dropped.is_empty() {
            return text.into();
        }
        if let Some(rest) = without(text, &members, &dropped) {
            for key in dropped {
                lost.add(key);
            }
            return rest.into();
        }
    }
    let Ok(mut tree) = serde_json::from_str::<Value>(text) else { return text.into() };
    if rules.refs == Refs::Inline && is_mentioned("$ref") {
        tree = Inliner::new(&tree, lost).inlined();
    }
    if let Value::Object(root) = &mut tree {
        if rules.root_object {
            make_object(root, rules, lost);
        }
        Shaper { rules, lost }.schema(root);
    }
    tree.to_string().into()
}

/// Where a keyword is a string of a schema, however it is meant there.
fn mentions(schema: &str, key: &str) -> impl Iterator<Item = usize> {
    let schema = schema.as_bytes();
    memmem::find_iter(schema, key).filter(move |at| {
        let quotes = [at.checked_sub(1), Some(at + key.len())];
        quotes.iter().all(|it| it.and_then(|at| schema.get(at)) == Some(&b'"'))
    })
}

/// A schema without keys that stand nowhere but at its root, as `$schema` does in nearly every tool of some
/// agents; nothing has to be parsed for that.
fn without(schema: &str, members: &[Member<'_>], keys: &[&str]) -> Option<String> {
    let is_at_root_only = |key: &&str| {
        let at_root = members.iter().filter(|it| it.name == *key).count();
        // One value that fits can be said in another way.
        *key != "const" && mentions(schema, key).count() == at_root
    };
    if !keys.iter().all(is_at_root_only) {
        return None;
    }
    let rest = members.iter().filter(|it| !keys.contains(&&*it.name)).map(|it| it.whole);
    Some(format!("{{{}}}", rest.collect::<Vec<_>>().join(",")))
}

/// Makes the root say that it is an object. Where a `type` may not stand beside `anyOf`, the branches
/// become one object that takes what each of them takes.
fn make_object(root: &mut Map<String, Value>, rules: &ToolSchema, lost: &mut Lost) {
    if rules.anyof_parent_type == AnyofParentType::PushDown
        && let Some(Value::Array(branches)) = root.shift_remove("anyOf")
    {
        lost.add("anyOf");
        let mut required: Option<Vec<Value>> = None;
        for mut branch in branches {
            if let Some(Value::Object(more)) = branch.get_mut("properties").map(Value::take) {
                let known = root.entry("properties").or_insert_with(|| Map::new().into());
                let Value::Object(known) = known else { continue };
                for (name, schema) in more {
                    known.entry(name).or_insert(schema);
                }
            }
            let own = branch.get("required").and_then(Value::as_array).cloned().unwrap_or_default();
            required = Some(match required {
                None => own,
                Some(so_far) => so_far.into_iter().filter(|it| own.contains(it)).collect(),
            });
        }
        let common = required.unwrap_or_default();
        if let (false, Value::Array(known)) = (
            common.is_empty(),
            root.entry("required").or_insert_with(|| Vec::<Value>::new().into()),
        ) {
            let more = common.into_iter().filter(|it| !known.contains(it)).collect::<Vec<_>>();
            known.extend(more);
        }
    }
    if root.get("type").and_then(Value::as_str) != Some("object") {
        root.shift_remove("type");
        root.shift_insert(0, "type".to_owned(), "object".into());
        root.entry("properties").or_insert_with(|| Map::new().into());
    }
}

/// Changes a schema at every level; what only looks like a keyword, such as a property's name, stays.
struct Shaper<'s> {
    rules: &'s ToolSchema,
    lost: &'s mut Lost,
}

impl Shaper<'_> {
    fn schema(&mut self, schema: &mut Map<String, Value>) {
        if self.rules.tuple_items == TupleItems::PrefixItems {
            tuple(schema);
        }
        if self.rules.anyof_parent_type == AnyofParentType::PushDown {
            push_down(schema);
        }
        for key in &self.rules.drop_keys {
            let Some(dropped) = schema.shift_remove(key) else { continue };
            // The one value that fits can be said in another way.
            if key == "const" && dropped.is_string() && !schema.contains_key("enum") {
                schema.insert("enum".to_owned(), vec![dropped].into());
            } else {
                self.lost.add(key);
            }
        }
        for (key, value) in schema {
            each_inner(key, value, &mut |inner| {
                if let Value::Object(inner) = inner {
                    self.schema(inner);
                }
            });
        }
    }
}

/// Visits the schemas inside the value of a keyword.
fn each_inner(key: &str, value: &mut Value, visit: &mut dyn FnMut(&mut Value)) {
    match (key, value) {
        (
            "properties" | "patternProperties" | "dependentSchemas" | "$defs" | "definitions",
            Value::Object(schemas),
        ) => schemas.values_mut().for_each(visit),
        ("anyOf" | "oneOf" | "allOf" | "prefixItems" | "items", Value::Array(schemas)) => {
            schemas.iter_mut().for_each(visit);
        }
        (
            "items"
            | "additionalItems"
            | "additionalProperties"
            | "contains"
            | "else"
            | "if"
            | "not"
            | "propertyNames"
            | "then"
            | "unevaluatedItems"
            | "unevaluatedProperties",
            schema @ Value::Object(_),
        ) => visit(schema),
        _ => {}
    }
}

/// Gives a list of `items` its newer name.
fn tuple(schema: &mut Map<String, Value>) {
    if !schema.get("items").is_some_and(Value::is_array) {
        return;
    }
    let items = schema.shift_remove("items").unwrap_or_default();
    schema.insert("prefixItems".to_owned(), items);
    if let Some(more) = schema.shift_remove("additionalItems") {
        schema.insert("items".to_owned(), more);
    }
}

/// Moves a `type` beside `anyOf` into the branches that say none.
fn push_down(schema: &mut Map<String, Value>) {
    if !schema.get("anyOf").is_some_and(Value::is_array) {
        return;
    }
    let Some(kind) = schema.shift_remove("type") else { return };
    let branches = schema.get_mut("anyOf").and_then(Value::as_array_mut);
    for branch in branches.into_iter().flatten().filter_map(Value::as_object_mut) {
        if !branch.contains_key("type") {
            branch.shift_insert(0, "type".to_owned(), kind.clone());
        }
    }
}

#[cfg(test)]
mod tests;
