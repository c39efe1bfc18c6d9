//! Puts records together: defaults, then the chain of records from its root, then families.

use serde_json::{Map, Value};

use crate::record::Record;

/// Tables whose keys are replaced whole: half of a request field is never what a record means.
const WHOLE: [&[&str]; 3] =
    [&["thinking", "effort"], &["thinking", "preserve"], &["request", "set"]];

/// Resolves a chain of records, root first, for a model.
pub(crate) fn merged(
    defaults: &Map<String, Value>,
    chain: &[&Record],
    model: &str,
) -> Map<String, Value> {
    let mut result = defaults.clone();
    for record in chain {
        merge(&mut result, &record.patch);
    }
    let model = bare_model(model);
    for family in chain.iter().flat_map(|record| &record.families) {
        if family.globs.iter().any(|glob| glob_matches(glob, &model)) {
            merge(&mut result, &family.patch);
        }
    }
    result
}

/// Lays a patch over a record: tables merge, everything else replaces, null is a value.
pub(crate) fn merge(target: &mut Map<String, Value>, patch: &Map<String, Value>) {
    merge_at(target, patch, &mut Vec::new());
}

fn merge_at<'a>(
    target: &mut Map<String, Value>,
    patch: &'a Map<String, Value>,
    at: &mut Vec<&'a str>,
) {
    let whole = WHOLE.contains(&at.as_slice());
    for (name, value) in patch {
        match (target.get_mut(name), value) {
            (Some(Value::Object(below)), Value::Object(above)) if !whole => {
                at.push(name);
                merge_at(below, above, at);
                at.pop();
            }
            _ => {
                target.insert(name.clone(), value.clone());
            }
        }
    }
}

/// The model's id as families know it: lower case, without the vendor's prefix.
fn bare_model(model: &str) -> String {
    model.rsplit('/').next().unwrap_or(model).to_lowercase()
}

/// Whether a pattern fits the whole text; `*` stands for any text, also for none.
pub fn glob_matches(glob: &str, text: &str) -> bool {
    let Some((first, rest)) = glob.split_once('*') else { return glob == text };
    let Some(mut text) = text.strip_prefix(first) else { return false };
    let mut pieces = rest.split('*').peekable();
    while let Some(piece) = pieces.next() {
        if pieces.peek().is_none() {
            return text.ends_with(piece);
        }
        let Some((_, after)) = text.split_once(piece) else { return false };
        text = after;
    }
    true
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[track_caller]
    fn check_merge(target: &Value, patch: &Value, merged: &Value) {
        let mut result = target.as_object().unwrap().clone();
        merge(&mut result, patch.as_object().unwrap());
        assert_eq!(&Value::Object(result), merged);
    }

    #[test]
    fn tables_merge_and_the_rest_replaces() {
        check_merge(
            &json!({"a": {"b": 1, "c": [1, 2]}, "d": 1}),
            &json!({"a": {"c": [3]}, "d": null}),
            &json!({"a": {"b": 1, "c": [3]}, "d": null}),
        );
    }

    #[test]
    fn request_fields_are_replaced_whole() {
        check_merge(
            &json!({"thinking": {"effort": {"low": {"a": 1, "b": 1}, "high": {"a": 1}}}}),
            &json!({"thinking": {"effort": {"low": {"a": 2}}}}),
            &json!({"thinking": {"effort": {"low": {"a": 2}, "high": {"a": 1}}}}),
        );
    }

    #[test]
    fn globs() {
        for (glob, text, fits) in [
            ("gpt-5", "gpt-5", true),
            ("gpt-5", "gpt-5.6", false),
            ("gpt-5-*", "gpt-5-mini", true),
            ("*-vision*", "deepseek-vision", true),
            ("glm-*v", "glm-4.6v", true),
            ("glm-*v", "glm-4.6v-flash", false),
            ("*", "", true),
            ("a*a", "a", false),
            ("*.maas.example", "w.r.maas.example", true),
        ] {
            assert_eq!(glob_matches(glob, text), fits, "{glob} {text}");
        }
    }

    #[test]
    fn models_lose_their_vendor() {
        assert_eq!(bare_model("Qwen/Qwen3-32B"), "qwen3-32b");
    }
}
