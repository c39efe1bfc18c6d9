//! Rules about the schemas of parameters.

use serde_json::Value;

use super::super::{Found, Rule};
use crate::upstream::record::Record;

/// Keywords whose value is a table of schemas, by names that are nobody's keyword.
const TABLES: [&str; 5] =
    ["properties", "patternProperties", "$defs", "definitions", "dependentSchemas"];

/// Keywords whose value is data.
const DATA: [&str; 5] = ["const", "default", "enum", "examples", "required"];

pub(super) fn check(record: &Record, schema: &Value, place: &str, found: &mut Found) {
    let Value::Object(fields) = schema else {
        for (at, schema) in schema.as_array().into_iter().flatten().enumerate() {
            check(record, schema, &format!("{place}/{at}"), found);
        }
        return;
    };
    let rule = |path: &str, value: &str| record.word(&format!("tools.schema.{path}")) == value;
    let mut wrong = |what: &str| found.add(Rule::BadTool, place, format!("a schema with {what}"));
    if rule("refs", "inline") && fields.contains_key("$ref") {
        wrong("$ref");
    }
    let beside = fields.contains_key("type") && fields.contains_key("anyOf");
    if rule("anyof_parent_type", "push_down") && beside {
        wrong("type beside anyOf");
    }
    if rule("tuple_items", "prefix_items") && fields.get("items").is_some_and(Value::is_array) {
        wrong("a list of items");
    }
    for key in record.words("tools.schema.drop_keys").filter(|it| fields.contains_key(*it)) {
        wrong(key);
    }
    for (key, value) in fields {
        let place = format!("{place}/{key}");
        if TABLES.contains(&key.as_str()) {
            for (name, schema) in value.as_object().into_iter().flatten() {
                check(record, schema, &format!("{place}/{name}"), found);
            }
        } else if !DATA.contains(&key.as_str()) {
            check(record, value, &place, found);
        }
    }
}
