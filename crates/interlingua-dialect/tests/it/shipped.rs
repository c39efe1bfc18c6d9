use std::fs;
use std::path::Path;

use interlingua_dialect::Dialects;
use serde_json::{Map, Value};

use crate::support::{fixtures, from_toml, id, json, table};

fn shipped(name: &str) -> Value {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("dialects/{name}.toml"));
    from_toml(&fs::read_to_string(path).unwrap())
}

/// The shipped records.
fn all() -> Vec<Map<String, Value>> {
    let dialects = Dialects::builtin();
    let records = dialects.ids().map(|id| shipped(id).as_object().unwrap().clone());
    records.collect()
}

#[test]
fn shipped_records_say_what_the_table_says() {
    let shipped = all();
    for mut table in table() {
        let ours = shipped.iter().find(|it| id(it) == id(&table));
        let mut ours = ours.unwrap_or_else(|| panic!("{} is missing", id(&table))).clone();
        let told = ours.remove("evidence").unwrap();
        let told: Vec<_> = told.as_array().unwrap().iter().map(essence).collect();
        for evidence in table.remove("evidence").unwrap().as_array().unwrap() {
            assert!(told.contains(&essence(evidence)), "{evidence} of {}", id(&table));
        }
        assert_eq!(Value::Object(ours), Value::Object(table));
    }
}

fn essence(evidence: &Value) -> [Value; 3] {
    ["path", "confidence", "source"].map(|name| evidence[name].clone())
}

#[test]
fn shipped_defaults_say_what_the_table_says() {
    let (ours, table) = (shipped("defaults"), json("dialects.json"));
    for name in ["defaults", "error_rules", "retryable"] {
        assert_eq!(ours[name], table[name], "{name}");
    }
}

#[test]
fn every_departure_from_the_defaults_has_evidence() {
    let defaults = &shipped("defaults")["defaults"];
    for record in all() {
        let evidence = Dialects::builtin().evidence(id(&record)).to_vec();
        let is_shown = |path: &str| {
            evidence.iter().any(|it| {
                path.strip_prefix(&it.path)
                    .is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
            })
        };
        for (block, patch) in &record {
            if block == "families" {
                assert!(is_shown(block), "{block} of {}", id(&record));
            }
            for (field, value) in patch.as_object().into_iter().flatten() {
                let path = format!("{block}.{field}");
                assert!(
                    defaults[block][field] == *value || is_shown(&path),
                    "{path} of {} departs without evidence",
                    id(&record)
                );
            }
        }
    }
}

#[test]
fn every_fixture_that_is_named_exists() {
    let dialects = Dialects::builtin();
    let evidence = dialects.ids().flat_map(|id| dialects.evidence(id));
    let named: Vec<_> = evidence.filter_map(|it| it.fixture.as_ref()).collect();
    assert!(!named.is_empty());
    for fixture in named {
        assert!(fixtures().join(fixture).is_file(), "{fixture}");
    }
}
