//! Rules about the schemas of parameters.

use serde_json::Value;

use super::super::walk::each_schema;
use super::super::{Found, Rule};
use crate::upstream::record::Record;

pub(super) fn check(record: &Record, schema: &Value, place: &str, found: &mut Found) {
    let rule = |path: &str, value: &str| record.word(&format!("tools.schema.{path}")) == value;
    each_schema(schema, place, &mut |fields, place| {
        let mut wrong =
            |what: &str| found.add(Rule::BadTool, place, format!("a schema with {what}"));
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
    });
}
