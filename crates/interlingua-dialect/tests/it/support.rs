use std::fs;
use std::path::{Path, PathBuf};

use interlingua_dialect::Dialects;
use serde_json::{Map, Value};
use toml_edit::{Array, DocumentMut, InlineTable};

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

/// All dialects of the table: those that do not ship yet come in as a user's own records would.
pub(crate) fn all_dialects() -> Dialects {
    let shipped = Dialects::builtin();
    let records = table();
    let others = records.iter().filter(|record| !shipped.contains(id(record)));
    let others: Vec<_> = others.map(|it| (format!("{}.toml", id(it)), to_toml(it))).collect();
    Dialects::builtin().with(others).unwrap_or_else(|problems| {
        let lines: Vec<_> = problems.iter().map(ToString::to_string).collect();
        panic!("{}", lines.join("\n"))
    })
}

/// Writes a JSON record as TOML: nulls become `remove`.
pub(crate) fn to_toml(record: &Map<String, Value>) -> String {
    let mut document = DocumentMut::new();
    for (name, value) in record {
        document[name] = toml_edit::Item::Value(to_toml_value(value));
    }
    document.to_string()
}

fn to_toml_value(value: &Value) -> toml_edit::Value {
    match value {
        Value::Null => unreachable!("nulls stand in tables"),
        Value::Bool(it) => (*it).into(),
        Value::Number(it) => it.as_i64().map_or_else(|| it.as_f64().unwrap().into(), Into::into),
        Value::String(it) => it.into(),
        Value::Array(list) => list.iter().map(to_toml_value).collect::<Array>().into(),
        Value::Object(object) => {
            let present = object.iter().filter(|(_, value)| !value.is_null());
            let mut table: InlineTable =
                present.map(|(name, value)| (name, to_toml_value(value))).collect();
            let removed = object.iter().filter(|(_, value)| value.is_null());
            let removed: Array = removed.map(|(name, _)| name).collect();
            if !removed.is_empty() {
                table.insert("remove", removed.into());
            }
            table.into()
        }
    }
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
