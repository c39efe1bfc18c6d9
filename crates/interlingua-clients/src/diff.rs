use std::ops::Range;

use interlingua_registry::foreign::{self, Secrecy};
use jsonc_parser::ast::{Object, Value};
use jsonc_parser::common::Ranged as _;

use crate::claude::{OWNED, OwnedKey};
use crate::json;

/// What becomes of a `settings.json`, as a unified diff. Nothing stands for a file that is not there.
///
/// Values that may be secrets are shown as `…`, on whichever side they stand, since people paste such
/// things into bug reports.
pub fn diff(path: &str, before: Option<&str>, after: Option<&str>) -> String {
    foreign::diff(path, before, after, |text| {
        let mut spans = Vec::new();
        if let Some(root) = json::root(text).ok()? {
            in_object(&root, Secrecy::default(), &mut spans);
        }
        Some(spans)
    })
}

fn in_object(object: &Object<'_>, secrecy: Secrecy, spans: &mut Vec<Range<usize>>) {
    for property in &object.properties {
        let name = property.name.as_str();
        // Ours are no secrets, but for the token; the numbers have that word in their names.
        let is_open = OWNED.iter().any(|key| key.name() == name && *key != OwnedKey::TOKEN);
        let secrecy = if is_open { Secrecy::default() } else { secrecy.under(name) };
        in_value(&property.value, secrecy, spans);
    }
}

fn in_value(value: &Value<'_>, secrecy: Secrecy, spans: &mut Vec<Range<usize>>) {
    match value {
        Value::Object(inner) => in_object(inner, secrecy, spans),
        Value::Array(values) if secrecy != Secrecy::All => {
            values.elements.iter().for_each(|inner| in_value(inner, secrecy.within(), spans));
        }
        Value::StringLit(text) if !secrecy.hides(&text.value) => {}
        Value::StringLit(_) => spans.push(value.start()..value.end()),
        _ if secrecy == Secrecy::All => spans.push(value.start()..value.end()),
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
