//! The schemas inside a schema.

use serde_json::{Map, Value};

/// Keywords whose value is a table of schemas, by names that are nobody's keyword.
const TABLES: [&str; 5] =
    ["properties", "patternProperties", "$defs", "definitions", "dependentSchemas"];

/// Keywords whose value is data.
const DATA: [&str; 5] = ["const", "default", "enum", "examples", "required"];

/// Shows each schema and where it stands: the outermost, and all that stand in it.
pub(super) fn each_schema(
    schema: &Value,
    place: &str,
    see: &mut dyn FnMut(&Map<String, Value>, &str),
) {
    let Value::Object(fields) = schema else {
        for (at, schema) in schema.as_array().into_iter().flatten().enumerate() {
            each_schema(schema, &format!("{place}/{at}"), see);
        }
        return;
    };
    see(fields, place);
    for (key, value) in fields {
        let place = format!("{place}/{key}");
        if TABLES.contains(&key.as_str()) {
            for (name, schema) in value.as_object().into_iter().flatten() {
                each_schema(schema, &format!("{place}/{name}"), see);
            }
        } else if !DATA.contains(&key.as_str()) {
            each_schema(value, &place, see);
        }
    }
}
