//! The shape of records as a JSON Schema, for editors.

use serde_json::{Map, Value, json};

use crate::read::{Expect, REMOVE};
use crate::record::record_fields;
use crate::shape::{Field, Kind};

/// The JSON Schema of a record, made of the types that read it.
///
/// It says what stands where and what it means. What only shows when records are put together, such as
/// an alias that runs in a circle, is for [`Dialects::with`](crate::Dialects::with) to say.
pub fn record_schema() -> Value {
    let mut schema = table(&record_fields(), Expect::Patch);
    schema["properties"]["id"]["pattern"] = "^[a-z][a-z0-9_]*$".into();
    let mut whole = json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "A dialect: what is peculiar about an upstream",
    });
    if let (Some(whole), Value::Object(schema)) = (whole.as_object_mut(), schema) {
        whole.extend(schema);
        whole.insert("required".to_owned(), json!(["id"]));
        let either = json!([{ "required": ["wire"] }, { "required": ["extends"] }]);
        whole.insert("anyOf".to_owned(), either);
    }
    whole
}

fn table(fields: &[Field], expect: Expect) -> Value {
    let mut properties = Map::new();
    for field in fields {
        let mut schema = of(&field.kind, expect);
        let about = field.about.trim();
        if let (Some(object), false) = (schema.as_object_mut(), about.is_empty()) {
            object.insert("description".to_owned(), about.into());
        }
        properties.insert(field.name.to_owned(), schema);
    }
    let removable = fields.iter().filter(|field| field.kind.is_nullable());
    let removable: Vec<_> = removable.map(|field| field.name).collect();
    if !removable.is_empty() {
        let names = json!({
            "description": "Takes these fields away; TOML has no null.",
            "type": "array",
            "items": { "enum": removable },
        });
        properties.insert(REMOVE.to_owned(), names);
    }
    let mut schema =
        json!({ "type": "object", "properties": properties, "additionalProperties": false });
    let needed = fields.iter().filter(|field| !field.kind.is_optional());
    let needed: Vec<_> = needed.map(|field| field.name).collect();
    if expect == Expect::Whole && !needed.is_empty() {
        schema["required"] = needed.into();
    }
    schema
}

fn of(kind: &Kind, expect: Expect) -> Value {
    match kind {
        Kind::Bool => json!({ "type": "boolean" }),
        Kind::Whole => json!({ "type": "integer", "minimum": 0, "maximum": u32::MAX }),
        Kind::Number => json!({ "type": "number" }),
        Kind::Text => json!({ "type": "string" }),
        Kind::Pattern => json!({ "anyOf": [
            { "type": "string", "format": "regex" },
            { "type": "array", "items": { "type": "string", "format": "regex" } },
        ] }),
        Kind::OneOf(names, abouts) => one_of(names, abouts),
        Kind::List(kind) => json!({ "type": "array", "items": of(kind, Expect::Whole) }),
        Kind::Map(kind) => {
            json!({ "type": "object", "additionalProperties": of(kind, Expect::Whole) })
        }
        Kind::Table(fields) => table(fields, expect),
        Kind::Patch(fields) => table(fields, Expect::Patch),
        Kind::Nullable(kind) => of(kind, Expect::Whole),
        Kind::Fields => json!({ "type": "object" }),
        Kind::Level(names) => json!({ "anyOf": [{ "type": "object" }, { "enum": names }] }),
    }
}

/// Some names; each with its meaning where one is told.
fn one_of(names: &[&str], abouts: &[&str]) -> Value {
    if abouts.is_empty() {
        return json!({ "enum": names });
    }
    let meant = names.iter().zip(abouts);
    let meant = meant.map(|(name, about)| json!({ "const": name, "description": about.trim() }));
    json!({ "oneOf": meant.collect::<Vec<_>>() })
}
