use toml_edit::{Document, Item, TableLike, Value};

use super::Refused;

/// A file's text with a word in place of what nobody needs to see: passwords of proxies and stores,
/// values of headers, and keys that somebody wrote where only their place belongs.
///
/// # Errors
///
/// The text is not TOML.
pub fn masked(text: &str) -> Result<String, Refused> {
    let bare = text.strip_prefix('\u{feff}').unwrap_or(text);
    let document = Document::parse(bare)?;
    let mut spans = Vec::new();
    hide(document.as_table(), &mut Vec::new(), &mut spans);
    // From the end, so that what comes first keeps its place.
    spans.sort_by_key(|span| std::cmp::Reverse(span.start));
    let mut masked = bare.to_owned();
    for span in spans {
        masked.replace_range(span, "\"(hidden)\"");
    }
    Ok(masked)
}

fn hide<'t>(
    table: &'t dyn TableLike,
    path: &mut Vec<&'t str>,
    spans: &mut Vec<std::ops::Range<usize>>,
) {
    for (key, item) in table.iter() {
        path.push(key);
        match item {
            Item::Value(Value::String(_)) if matches!(path.as_slice(), ["providers", _, "key"]) => {
                spans.extend(item.span());
            }
            Item::Value(value) if matches!(path.as_slice(), ["providers", _, "key", ..]) => {
                hide_key(value, spans);
            }
            Item::Value(Value::String(text)) if is_secret(path, text.value()) => {
                spans.extend(item.span());
            }
            Item::ArrayOfTables(tables) => {
                for table in tables {
                    hide(table, path, spans);
                }
            }
            _ => {
                if let Some(table) = item.as_table_like() {
                    hide(table, path, spans);
                }
            }
        }
        path.pop();
    }
}

/// Hides what somebody took for a key's place, and what a program is told: its name is enough.
fn hide_key(value: &Value, spans: &mut Vec<std::ops::Range<usize>>) {
    match value {
        Value::Array(list) if list.iter().all(Value::is_str) => {
            spans.extend(list.iter().skip(1).filter_map(Value::span));
        }
        Value::Array(list) => list.iter().for_each(|inner| hide_key(inner, spans)),
        Value::InlineTable(table) => table.iter().for_each(|(_, inner)| hide_key(inner, spans)),
        Value::String(text) if super::looks_like_key(text.value()) => spans.extend(value.span()),
        _ => {}
    }
}

fn is_secret(path: &[&str], text: &str) -> bool {
    match path {
        ["providers", _, "headers", _] => true,
        ["providers", _, "proxy"] | ["store", "url"] => text.contains('@'),
        _ => super::looks_like_key(text),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_secrets_are_hidden() {
        let text = "[providers.a]\nproxy = 'http://u:canary@h:1' # c\nheaders = { x-a = \"canary\" }\n\
                    key = \"canary\"\nname = 'A'\n[providers.b]\n\
                    key = [{ env = 'K' }, { env = 'sk-canary-1234' }, { command = ['pass', 'canary'] }]\n\
                    [providers.c.key]\ncommand = ['pass', 'canary']\n[store]\nurl = 'redis://:canary@h'\n";
        let masked = masked(text).unwrap();
        assert!(!masked.contains("canary"), "{masked}");
        assert!(
            masked.contains(
                "{ env = 'K' }, { env = \"(hidden)\" }, { command = ['pass', \"(hidden)\"] }"
            ),
            "{masked}"
        );
        assert!(masked.contains("proxy = \"(hidden)\" # c\n") && masked.contains("name = 'A'\n"));
    }
}
