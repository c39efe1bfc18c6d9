use std::fmt::Write as _;

use serde_json::json;

use super::*;

/// Our verdict; `None` if there is none.
fn follows(schema: &Value, value: &Value) -> Option<bool> {
    match Walk::new(schema).whole(value) {
        Ok(()) => Some(true),
        Err(Wrong::Breaks { .. }) => Some(false),
        Err(Wrong::Unknown | Wrong::Costly) => None,
    }
}

#[test]
fn verdicts_are_those_of_a_full_validator() {
    let values = [
        json!(null),
        json!(true),
        json!(0),
        json!(3),
        json!(2.0),
        json!(2.5),
        json!(""),
        json!("ab"),
        json!("äöü"),
        json!([]),
        json!([1]),
        json!([1, "a"]),
        json!([1, 1.0]),
        json!([1, "a", null]),
        json!({}),
        json!({"a": 1}),
        json!({"a": "x", "b": [1]}),
        json!({"a": {"a": {"a": 7}}}),
        json!({"x-1": 1, "c": 2}),
    ];
    for schema in [
        json!(true),
        json!(false),
        json!({}),
        json!({"type": "integer"}),
        json!({"type": ["null", "string", "object"]}),
        json!({"const": 2}),
        json!({"enum": [[1, "a"], 2, "ab", {"a": 1.0}]}),
        json!({"minimum": 2, "maximum": 2.2}),
        json!({"exclusiveMinimum": 0, "exclusiveMaximum": 3}),
        json!({"multipleOf": 0.5}),
        json!({"minLength": 1, "maxLength": 2}),
        json!({"pattern": "^a"}),
        json!({"minItems": 1, "maxItems": 2, "uniqueItems": true}),
        json!({"items": {"type": "integer"}}),
        json!({"prefixItems": [{"type": "integer"}], "items": {"type": "string"}}),
        json!({"prefixItems": [true, {"type": "string"}], "items": false}),
        json!({"required": ["a"], "minProperties": 1, "maxProperties": 1}),
        json!({"properties": {"a": {"type": "integer"}}, "additionalProperties": false}),
        json!({"additionalProperties": {"type": "integer"}}),
        json!({"patternProperties": {"^x-": {"type": "string"}}}),
        json!({"patternProperties": {"^x-": true}, "additionalProperties": {"const": 2}}),
        json!({"allOf": [{"type": "object"}, {"required": ["b"]}]}),
        json!({"anyOf": [{"type": "string"}, {"type": "array"}]}),
        json!({"oneOf": [{"type": "number"}, {"type": "integer"}, {"type": "null"}]}),
        json!({"not": {"type": "object"}}),
        json!({"if": {"type": "integer"}, "then": {"minimum": 1}, "else": {"type": "string"}}),
        json!({"$defs": {"n": {"type": "integer"}}, "properties": {"a": {"$ref": "#/$defs/n"}}}),
        json!({"type": "object", "properties": {"a": {"anyOf": [{"$ref": "#"}, {"const": 7}]}}}),
    ] {
        let full = jsonschema::validator_for(&schema).unwrap();
        for value in &values {
            let verdict = follows(&schema, value);
            assert_eq!(verdict, Some(full.is_valid(value)), "{schema} of {value}");
        }
    }
}

#[test]
fn tuples_of_older_schemas_are_known() {
    let schema = json!({"items": [{"type": "integer"}], "additionalItems": {"type": "string"}});
    assert_eq!(follows(&schema, &json!([1, "a"])), Some(true));
    assert_eq!(follows(&schema, &json!(["a"])), Some(false));
    assert_eq!(follows(&schema, &json!([1, 2])), Some(false));
}

#[test]
fn what_cannot_be_read_is_held_against_nobody() {
    // Backreferences and the like; and a keyword that no standard has.
    let schema = json!({"pattern": r"^(?!a)(.)\1$", "minimum": "5", "sort": "asc"});
    assert_eq!(follows(&schema, &json!("a")), Some(true));
    let schema = json!({"patternProperties": {"(?=a)": true}, "additionalProperties": false});
    assert_eq!(follows(&schema, &json!({"b": 1})), Some(true));
}

/// Whoever writes such schemas gets no verdict, and soon.
#[test]
fn no_schema_can_take_the_stack_or_the_time() {
    let mut chain = r#""a0":{"type":"integer"}"#.to_owned();
    let mut fan = chain.clone();
    for n in 1..20_000 {
        let m = n - 1;
        write!(chain, r##","a{n}":{{"$ref":"#/$defs/a{m}"}}"##).unwrap();
    }
    for n in 1..64 {
        let inner = format!(r##"{{"$ref":"#/$defs/a{}"}}"##, n - 1);
        write!(fan, r#","a{n}":{{"anyOf":[{inner},{inner}]}}"#).unwrap();
    }
    let long = "a".repeat(1 << 20);
    for (schema, value) in [
        (r##"{"$ref":"#"}"##.to_owned(), json!({})),
        (r##"{"allOf":[{"$ref":"#"}]}"##.to_owned(), json!({})),
        (format!(r##"{{"$defs":{{{chain}}},"$ref":"#/$defs/a19999"}}"##), json!({})),
        (format!(r##"{{"$defs":{{{fan}}},"$ref":"#/$defs/a63"}}"##), json!({})),
        (r#"{"pattern":"((a*)*)*b"}"#.to_owned(), json!(long)),
        (r#"{"uniqueItems":true}"#.to_owned(), json!((0..10_000).collect::<Vec<_>>())),
    ] {
        let schema: Value = serde_json::from_str(&schema).unwrap();
        assert_eq!(follows(&schema, &value), None);
    }
    // It costs too much to build, and is none then.
    let schema = json!({"pattern": "(((a{1,100}){1,100}){1,100}){1,100}"});
    assert_eq!(follows(&schema, &json!("a")), Some(true));
}
