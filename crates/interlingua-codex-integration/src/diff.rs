use std::ops::Range;

use interlingua_registry::LOCAL_TOKEN;
use interlingua_registry::edit::looks_like_key;
use similar::TextDiff;
use toml_edit::{Document, Item, TableLike, Value};

/// Lines that are shown around a change.
const CONTEXT: usize = 3;

/// Parts of names whose values are nobody's business.
const SECRET: [&str; 6] = ["token", "secret", "password", "apikey", "api_key", "authorization"];

/// Tables whose values may all be secrets.
const SECRET_TABLES: [&str; 2] = ["env", "http_headers"];

/// What becomes of a `config.toml`, as a unified diff. Nothing stands for a file that is not there.
///
/// Values that may be secrets are shown as `…`, on whichever side and however they are written, since
/// people paste such things into bug reports.
pub fn diff(path: &str, before: Option<&str>, after: Option<&str>) -> String {
    let [old, new] = [before, after].map(|text| masked(text.unwrap_or_default()));
    let name = |text: Option<&str>| if text.is_some() { path } else { "/dev/null" };
    let diff = TextDiff::from_lines(&old, &new);
    diff.unified_diff().context_radius(CONTEXT).header(name(before), name(after)).to_string()
}

fn masked(text: &str) -> String {
    // Nobody knows what is secret in what is no TOML.
    let Ok(document) = Document::parse(text) else { return "…\n".repeat(text.lines().count()) };
    let mut spans = Vec::new();
    secrets(document.as_table(), false, &mut spans);
    spans.sort_by_key(|span| span.start);
    let mut masked = text.to_owned();
    for span in spans.into_iter().rev() {
        masked.replace_range(span, "\"…\"");
    }
    masked
}

fn secrets(table: &dyn TableLike, all: bool, spans: &mut Vec<Range<usize>>) {
    for (key, item) in table.iter() {
        let name = key.to_lowercase().replace('-', "_");
        let hide = all || SECRET.iter().any(|part| name.contains(part));
        let hide_below = hide || SECRET_TABLES.contains(&&*name);
        match item {
            Item::Value(value) => in_value(value, hide, hide_below, spans),
            Item::Table(inner) => secrets(inner, hide_below, spans),
            Item::ArrayOfTables(tables) => {
                tables.iter().for_each(|inner| secrets(inner, hide_below, spans));
            }
            Item::None => {}
        }
    }
}

fn in_value(value: &Value, hide: bool, hide_below: bool, spans: &mut Vec<Range<usize>>) {
    match value {
        Value::InlineTable(inner) => secrets(inner, hide_below, spans),
        Value::Array(values) if !hide => {
            values.iter().for_each(|inner| in_value(inner, hide_below, hide_below, spans));
        }
        Value::String(text) if text.value() == LOCAL_TOKEN => {}
        Value::String(text) if hide || looks_like_key(text.value()) => spans.extend(value.span()),
        _ if hide => spans.extend(value.span()),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use expect_test::expect;

    use super::diff;

    #[test]
    fn secrets_are_hidden_on_both_sides() {
        let before = "a = 1\n[x.env]\nA = 'canary'\n[p]\nhttp_headers.x = 'canary'\n\
                      t = { \"access_token\" = 'canary', n = 1 }\nexperimental_bearer_token = '''\ncanary'''\n";
        let after = before.replace("a = 1", "experimental_bearer_token = 'interlingua-local'");
        let shown = diff("config.toml", Some(before), Some(&after));
        assert!(!shown.contains("canary"), "{shown}");
        expect![[r#"
            --- config.toml
            +++ config.toml
            @@ -1,4 +1,4 @@
            -a = 1
            +experimental_bearer_token = 'interlingua-local'
             [x.env]
             A = "…"
             [p]
        "#]]
        .assert_eq(&shown);
    }

    #[test]
    fn secrets_are_found_wherever_they_stand() {
        for secret in [
            "x = [{ token = 'canary-1', n = 1 }]",
            "x = [[{ http_headers = { a = 'canary-1' } }]]",
            "passwords = ['canary-1']",
            "args = ['--key', 'sk-canary-1']",
            "note = 'sk-canary-1'",
            "token = canary-1 is no TOML",
        ] {
            let shown = diff("config.toml", Some(secret), None);
            assert!(!shown.contains("canary") && shown.contains('…'), "{shown}");
        }
    }

    #[test]
    fn a_file_may_be_new_or_go() {
        expect![[r"
            --- /dev/null
            +++ config.toml
            @@ -0,0 +1 @@
            +a = 1
        "]]
        .assert_eq(&diff("config.toml", None, Some("a = 1\n")));
        assert_eq!(diff("config.toml", Some("a = 1"), Some("a = 1")), "");
    }
}
