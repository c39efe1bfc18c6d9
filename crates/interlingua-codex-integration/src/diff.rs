use std::ops::Range;

use interlingua_registry::foreign::{self, Secrecy};
use toml_edit::{Document, Item, TableLike, Value};

/// What becomes of a `config.toml`, as a unified diff. Nothing stands for a file that is not there.
///
/// Values that may be secrets are shown as `…`, on whichever side and however they are written, since
/// people paste such things into bug reports.
pub fn diff(path: &str, before: Option<&str>, after: Option<&str>) -> String {
    foreign::diff(path, before, after, |text| {
        let document = Document::parse(text).ok()?;
        let mut spans = Vec::new();
        in_table(document.as_table(), Secrecy::default(), &mut spans);
        Some(spans)
    })
}

fn in_table(table: &dyn TableLike, secrecy: Secrecy, spans: &mut Vec<Range<usize>>) {
    for (key, item) in table.iter() {
        let secrecy = secrecy.under(key);
        match item {
            Item::Value(value) => in_value(value, secrecy, spans),
            Item::Table(inner) => in_table(inner, secrecy, spans),
            Item::ArrayOfTables(tables) => {
                tables.iter().for_each(|inner| in_table(inner, secrecy, spans));
            }
            Item::None => {}
        }
    }
}

fn in_value(value: &Value, secrecy: Secrecy, spans: &mut Vec<Range<usize>>) {
    match value {
        Value::InlineTable(inner) => in_table(inner, secrecy, spans),
        Value::Array(values) if secrecy != Secrecy::All => {
            values.iter().for_each(|inner| in_value(inner, secrecy.within(), spans));
        }
        Value::String(text) if !secrecy.hides(text.value()) => {}
        Value::String(_) => spans.extend(value.span()),
        _ if secrecy == Secrecy::All => spans.extend(value.span()),
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
