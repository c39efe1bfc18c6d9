use std::fs;
use std::path::{Path, PathBuf};

use serde_json::{Map, Value};

pub(crate) fn fixtures() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fixtures/dialects")
}

pub(crate) fn json(file: impl AsRef<Path>) -> Value {
    let path = fixtures().join(file);
    let text =
        fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    serde_json::from_str(&text).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// The records of the table, as JSON.
pub(crate) fn table() -> Vec<Map<String, Value>> {
    let table = json("dialects.json");
    let records = table["dialects"].as_array().unwrap();
    records.iter().map(|record| record.as_object().unwrap().clone()).collect()
}

pub(crate) fn id(record: &Map<String, Value>) -> &str {
    record["id"].as_str().unwrap()
}

/// Reads a TOML record without the crate's help: `remove` becomes nulls, lists of patterns one.
pub(crate) fn from_toml(text: &str) -> Value {
    let mut value = toml_edit::de::from_str(text).unwrap();
    normalise(&mut value);
    value
}

fn normalise(value: &mut Value) {
    match value {
        Value::Object(object) => {
            object.values_mut().for_each(normalise);
            if let Some(removed) = object.remove("remove") {
                for name in removed.as_array().unwrap() {
                    object.insert(name.as_str().unwrap().to_owned(), Value::Null);
                }
            }
            if let Some(Value::Array(patterns)) = object.get("text") {
                let patterns: Vec<_> = patterns.iter().map(|it| it.as_str().unwrap()).collect();
                object["text"] = patterns.join("|").into();
            }
        }
        Value::Array(list) => list.iter_mut().for_each(normalise),
        _ => {}
    }
}
