use interlingua_dialect::Dialects;
use serde_json::{json, value::to_raw_value};

use super::*;

/// The schemas rules of a generic upstream, changed.
fn rules(change: impl FnOnce(&mut ToolSchema)) -> ToolSchema {
    let mut rules = Dialects::builtin().resolve("generic", "").unwrap().tools.schema;
    change(&mut rules);
    rules
}

#[track_caller]
fn check(rules: &ToolSchema, schema: &Value, expect: &Value, lost: &[&str]) {
    let raw = to_raw_value(schema).unwrap();
    let mut told = Lost::default();
    let shaped = shaped(&raw, rules, &mut told);
    assert_eq!(serde_json::from_str::<Value>(&shaped).unwrap(), *expect);
    assert_eq!(told.0.iter().collect::<Vec<_>>(), lost);
}

#[test]
fn keys_are_dropped_at_every_level_and_names_that_look_like_them_stay() {
    let rules = rules(|it| it.drop_keys = vec!["default".into(), "$schema".into()]);
    check(
        &rules,
        &json!({ "$schema": "x", "type": "object", "properties": {
            "default": { "type": "string", "default": "a" },
            "list": { "type": "array", "items": { "type": "string", "default": 1 } },
            "any": { "anyOf": [{ "type": "string", "default": "b" }], "enum": [{ "default": 1 }] } } }),
        &json!({ "type": "object", "properties": {
            "default": { "type": "string" },
            "list": { "type": "array", "items": { "type": "string" } },
            "any": { "anyOf": [{ "type": "string" }], "enum": [{ "default": 1 }] } } }),
        &["default"],
    );
}

#[test]
fn what_stands_at_the_root_is_dropped_and_the_rest_stays_to_the_byte() {
    let rules = rules(|_| {});
    let raw = |text: &str| RawValue::from_string(text.to_owned()).unwrap();
    let shape = |text: &str| shaped(&raw(text), &rules, &mut Lost::default()).into_owned();
    let rest = r#""type": "object", "properties": {"n": {"maximum": 1.50}}"#;
    let with = format!(r#"{{"$schema": "x", {rest}}}"#);
    assert_eq!(shape(&with), format!("{{{}}}", rest.replace(", \"p", ",\"p")));
    // What only mentions the key keeps it.
    for mentions in ["no $schema", "$schemas", "a \\\"$schema\\\""] {
        let schema = format!(r#"{{"type": "object", "description": "{mentions}"}}"#);
        assert_eq!(shape(&schema), schema);
    }
}

#[test]
fn the_one_value_that_fits_becomes_a_list_of_one() {
    let rules = rules(|it| it.drop_keys = vec!["const".into()]);
    check(
        &rules,
        &json!({ "type": "object", "properties": { "a": { "const": "x" }, "b": { "const": 1 } } }),
        &json!({ "type": "object", "properties": { "a": { "enum": ["x"] }, "b": {} } }),
        &["const"],
    );
}

#[test]
fn references_are_replaced_by_what_they_refer_to() {
    let rules = rules(|it| it.refs = Refs::Inline);
    check(
        &rules,
        &json!({ "type": "object", "properties": {
                "a": { "$ref": "#/$defs/a", "description": "mine" },
                "b": { "type": "array", "items": { "$ref": "#/$defs/b" } } },
            "$defs": { "a": { "type": "string", "description": "theirs" },
                "b": { "type": "object", "properties": { "a": { "$ref": "#/$defs/a" } } } } }),
        &json!({ "type": "object", "properties": {
            "a": { "type": "string", "description": "mine" },
            "b": { "type": "array", "items": { "type": "object", "properties": {
                "a": { "type": "string", "description": "theirs" } } } } } }),
        &[],
    );
}

#[test]
fn a_schema_that_holds_itself_ends_and_tells() {
    let rules = rules(|it| it.refs = Refs::Inline);
    check(
        &rules,
        &json!({ "type": "object", "properties": { "tree": { "$ref": "#/definitions/node" } },
            "definitions": { "node": { "type": "object", "description": "d", "properties": {
                "left": { "$ref": "#/definitions/node" } } } } }),
        &json!({ "type": "object", "properties": { "tree": { "type": "object", "description": "d",
            "properties": { "left": { "type": "object", "description": "d" } } } } }),
        &["$ref"],
    );
}

#[test]
fn a_small_schema_cannot_become_a_huge_one() {
    let rules = rules(|it| it.refs = Refs::Inline);
    let mut defs = Map::new();
    for at in 0..40 {
        let next = json!({ "$ref": format!("#/$defs/d{}", at + 1) });
        defs.insert(format!("d{at}"), json!({ "properties": { "a": next, "b": next, "c": next } }));
    }
    let schema = json!({ "type": "object", "allOf": [{ "$ref": "#/$defs/d0" }], "$defs": defs });
    let raw = to_raw_value(&schema).unwrap();
    let mut lost = Lost::default();
    assert!(shaped(&raw, &rules, &mut lost).len() < 1 << 20);
    assert!(lost.0.contains("$ref"));
}

/// How deep arrays and objects stand inside each other.
/// Each reference would bring a megabyte.
#[test]
fn a_large_definition_cannot_become_a_huge_schema() {
    let rules = rules(|it| it.refs = Refs::Inline);
    for definition in [
        json!({ "type": "string", "enum": ["x".repeat(1 << 20)] }),
        json!({ "type": "string", "description": "x".repeat(1 << 20) }),
        json!({ "type": "object", "properties": { "a": { "$ref": "#/$defs/a" } },
            "description": "x".repeat(1 << 20) }),
    ] {
        let properties: Map<_, _> =
            (0..100).map(|nth| (format!("p{nth}"), json!({ "$ref": "#/$defs/a" }))).collect();
        let schema =
            json!({ "type": "object", "$defs": { "a": definition }, "properties": properties });
        let schema = to_raw_value(&schema).unwrap();
        let mut lost = Lost::default();
        let written = shaped(&schema, &rules, &mut lost);
        assert!(written.len() < 8 << 20, "{}", written.len());
        let written: Value = serde_json::from_str(&written).unwrap();
        assert_eq!(written["properties"]["p99"]["type"], definition["type"]);
        assert!(lost.0.contains("$ref"));
    }
}

fn depth(value: &Value) -> usize {
    let inner = match value {
        Value::Array(all) => all.iter().map(depth).max(),
        Value::Object(all) => all.values().map(depth).max(),
        _ => return 0,
    };
    1 + inner.unwrap_or_default()
}

#[test]
fn references_cannot_make_a_schema_that_is_too_deep_to_walk_through() {
    let rules = rules(|it| it.refs = Refs::Inline);
    let mut defs = Map::new();
    for at in 0..60 {
        let mut schema = json!({ "$ref": format!("#/$defs/d{}", at + 1) });
        for _ in 0..40 {
            schema = json!({ "items": schema });
        }
        defs.insert(format!("d{at}"), schema);
    }
    let schema =
        json!({ "type": "object", "properties": { "a": { "$ref": "#/$defs/d0" } }, "$defs": defs });
    let raw = to_raw_value(&schema).unwrap();
    let shaped = shaped(&raw, &rules, &mut Lost::default());
    assert!(depth(&serde_json::from_str(&shaped).unwrap()) < 127);
}

#[test]
fn what_refers_to_somewhere_else_fits_anything() {
    let rules = rules(|it| it.refs = Refs::Inline);
    check(
        &rules,
        &json!({ "type": "object", "properties": { "a": { "$ref": "https://e.com/a", "title": "t" } } }),
        &json!({ "type": "object", "properties": { "a": { "title": "t" } } }),
        &["$ref"],
    );
}

#[test]
fn a_type_beside_branches_moves_into_them() {
    let rules = rules(|it| it.anyof_parent_type = AnyofParentType::PushDown);
    check(
        &rules,
        &json!({ "type": "object", "properties": {
            "a": { "type": "string", "anyOf": [{ "minLength": 1 }, { "type": "null" }] } } }),
        &json!({ "type": "object", "properties": {
            "a": { "anyOf": [{ "type": "string", "minLength": 1 }, { "type": "null" }] } } }),
        &[],
    );
}

#[test]
fn branches_at_the_root_become_one_object() {
    let rules = rules(|it| it.anyof_parent_type = AnyofParentType::PushDown);
    check(
        &rules,
        &json!({ "type": "object", "anyOf": [
            { "properties": { "a": { "type": "string" }, "c": {} }, "required": ["c", "a"] },
            { "properties": { "b": { "type": "number" }, "c": { "x": 1 } }, "required": ["c"] }] }),
        &json!({ "type": "object", "required": ["c"], "properties": {
            "a": { "type": "string" }, "b": { "type": "number" }, "c": {} } }),
        &["anyOf"],
    );
}

#[test]
fn a_tuple_gets_its_newer_name() {
    let rules = rules(|it| it.tuple_items = TupleItems::PrefixItems);
    check(
        &rules,
        &json!({ "type": "object", "properties": { "a": { "type": "array",
            "items": [{ "type": "string" }], "additionalItems": false } } }),
        &json!({ "type": "object", "properties": { "a": { "type": "array",
            "prefixItems": [{ "type": "string" }], "items": false } } }),
        &[],
    );
}

#[test]
fn the_root_says_that_it_is_an_object() {
    let rules = rules(|_| {});
    check(&rules, &json!({}), &json!({ "type": "object", "properties": {} }), &[]);
    check(
        &rules,
        &json!({ "type": ["object", "null"], "properties": { "a": {} } }),
        &json!({ "type": "object", "properties": { "a": {} } }),
        &[],
    );
}

#[test]
fn what_no_rule_touches_stays_to_the_byte() {
    let text = r##"{"type":"object",  "properties":{"a":{"$ref":"#/x"}}}"##;
    let raw = RawValue::from_string(text.to_owned()).unwrap();
    assert_eq!(shaped(&raw, &rules(|_| {}), &mut Lost::default()), text);
}
