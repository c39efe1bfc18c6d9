use std::ops::Range;

use interlingua_registry::LOCAL_TOKEN;
use interlingua_registry::edit::looks_like_key;
use jsonc_parser::ast::{Object, Value};
use jsonc_parser::common::Ranged as _;
use similar::TextDiff;

use crate::claude::{ENV, OWNED, OwnedKey};
use crate::json;

/// Lines that are shown around a change.
const CONTEXT: usize = 3;

/// Parts of names whose values are nobody's business.
const SECRET: [&str; 6] = ["token", "secret", "password", "apikey", "api_key", "authorization"];

/// Objects whose values may all be secrets.
const SECRET_OBJECTS: [&str; 2] = [ENV, "headers"];

/// What becomes of a `settings.json`, as a unified diff. Nothing stands for a file that is not there.
///
/// Values that may be secrets are shown as `…`, on whichever side they stand, since people paste such
/// things into bug reports.
pub fn diff(path: &str, before: Option<&str>, after: Option<&str>) -> String {
    let [old, new] = [before, after].map(|text| masked(text.unwrap_or_default()));
    let name = |text: Option<&str>| if text.is_some() { path } else { "/dev/null" };
    let diff = TextDiff::from_lines(&old, &new);
    diff.unified_diff().context_radius(CONTEXT).header(name(before), name(after)).to_string()
}

/// The text with a word in place of what nobody needs to see.
fn masked(text: &str) -> String {
    let bare = text.strip_prefix('\u{feff}').unwrap_or(text);
    let root = match json::root(bare) {
        Ok(Some(root)) => root,
        Ok(None) => return bare.to_owned(),
        // Nobody knows what is secret in what is no JSON.
        Err(_) => return "…\n".repeat(text.lines().count()),
    };
    let mut spans = Vec::new();
    secrets(&root, false, &mut spans);
    let mut masked = bare.to_owned();
    for span in spans.into_iter().rev() {
        masked.replace_range(span, "\"…\"");
    }
    masked
}

/// Goes through an object in the order of the text.
fn secrets(object: &Object<'_>, all: bool, spans: &mut Vec<Range<usize>>) {
    for property in &object.properties {
        let name = property.name.as_str();
        // Ours are no secrets, but for the token; the numbers have that word in their names.
        let is_open = OWNED.iter().any(|key| key.name() == name && *key != OwnedKey::TOKEN);
        let name = name.to_lowercase().replace('-', "_");
        let hide = !is_open && (all || SECRET.iter().any(|part| name.contains(part)));
        let hide_below = hide || SECRET_OBJECTS.contains(&&*name);
        in_value(&property.value, hide, hide_below, spans);
    }
}

fn in_value(value: &Value<'_>, hide: bool, hide_below: bool, spans: &mut Vec<Range<usize>>) {
    match value {
        Value::Object(inner) => secrets(inner, hide_below, spans),
        Value::Array(values) if !hide => {
            let inner = values.elements.iter();
            inner.for_each(|inner| in_value(inner, hide_below, hide_below, spans));
        }
        Value::StringLit(text) if text.value == LOCAL_TOKEN => {}
        Value::StringLit(text) if !hide && !looks_like_key(&text.value) => {}
        Value::StringLit(_) => spans.push(value.start()..value.end()),
        _ if hide => spans.push(value.start()..value.end()),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use expect_test::expect;

    use super::diff;

    #[test]
    fn secrets_are_hidden_on_both_sides() {
        let before = "{\n  \"apiKeyHelper\": \"canary\",\n  \"env\": {\n    \"X\": \"canary\",\n    \
                      \"ANTHROPIC_AUTH_TOKEN\": \"canary\"\n  },\n  \"mcpServers\": {\"a\": {\"headers\": \
                      {\"x\": \"canary\"}, \"env\": {\"k\": 1}, \"args\": [\"sk-canary-1\"]}}\n}\n";
        let after = before.replace(
            "\"ANTHROPIC_AUTH_TOKEN\": \"canary\"",
            "\"ANTHROPIC_AUTH_TOKEN\": \"interlingua-local\",\n    \"ANTHROPIC_MODEL\": \"a/b\",\n    \
             \"CLAUDE_CODE_MAX_OUTPUT_TOKENS\": \"1\"",
        );
        let shown = diff("settings.json", Some(before), Some(&after));
        assert!(!shown.contains("canary"), "{shown}");
        expect![[r#"
            --- settings.json
            +++ settings.json
            @@ -2,7 +2,9 @@
               "apiKeyHelper": "…",
               "env": {
                 "X": "…",
            -    "ANTHROPIC_AUTH_TOKEN": "…"
            +    "ANTHROPIC_AUTH_TOKEN": "interlingua-local",
            +    "ANTHROPIC_MODEL": "a/b",
            +    "CLAUDE_CODE_MAX_OUTPUT_TOKENS": "1"
               },
               "mcpServers": {"a": {"headers": {"x": "…"}, "env": {"k": "…"}, "args": ["…"]}}
             }
        "#]]
        .assert_eq(&shown);
    }

    #[test]
    fn what_is_no_json_is_not_shown_and_a_file_may_be_new_or_go() {
        let shown = diff("settings.json", Some("canary\n"), None);
        assert!(!shown.contains("canary") && shown.contains("+++ /dev/null"), "{shown}");
        assert_eq!(diff("a", Some("{}"), Some("{}")), "");
    }
}
