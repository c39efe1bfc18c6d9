use std::ops::Range;

use similar::TextDiff;
use toml_edit::{Document, Item, TableLike, Value};

use crate::config::LOCAL_TOKEN;

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
    let Ok(document) = Document::parse(text) else { return text.to_owned() };
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
            Item::Value(Value::InlineTable(inner)) => secrets(inner, hide_below, spans),
            Item::Value(value) if hide && value.as_str() != Some(LOCAL_TOKEN) => {
                spans.extend(value.span());
            }
            Item::Table(inner) => secrets(inner, hide_below, spans),
            Item::ArrayOfTables(tables) => {
                tables.iter().for_each(|inner| secrets(inner, hide_below, spans));
            }
            _ => {}
        }
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
