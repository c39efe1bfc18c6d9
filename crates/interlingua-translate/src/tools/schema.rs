use std::borrow::Cow;

use interlingua_dialect::ToolSchema;
use serde::Deserialize;
use serde_json::Value;
use serde_json::value::RawValue;

/// A schema that the upstream takes: as it came, unless a rule touches it.
pub(crate) fn shaped<'a>(schema: &'a RawValue, rules: &ToolSchema) -> Cow<'a, str> {
    let text = schema.get();
    let mentions = |key: &String| memchr::memmem::find(text.as_bytes(), key.as_bytes()).is_some();
    let rootless = rules.root_object && !has_object_root(text);
    if !rootless && !rules.drop_keys.iter().any(mentions) {
        return text.into();
    }
    let Ok(mut tree) = serde_json::from_str::<Value>(text) else { return text.into() };
    if let Value::Object(root) = &mut tree {
        for key in &rules.drop_keys {
            root.shift_remove(key);
        }
        if rootless {
            root.shift_insert(0, "type".to_owned(), "object".into());
            root.entry("properties").or_insert_with(|| Value::Object(serde_json::Map::new()));
        }
    }
    tree.to_string().into()
}

fn has_object_root(schema: &str) -> bool {
    // Nearly every schema says so first, and a parser would read all of the rest to find out.
    if schema.starts_with(r#"{"type":"object""#) {
        return true;
    }
    #[derive(Deserialize)]
    struct Root<'a> {
        #[serde(borrow, default, rename = "type")]
        kind: Option<&'a RawValue>,
    }
    serde_json::from_str::<Root<'_>>(schema)
        .is_ok_and(|it| it.kind.is_some_and(|it| it.get() == "\"object\""))
}
