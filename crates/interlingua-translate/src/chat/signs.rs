//! What an upstream knows its own thoughts by, on its way back.

use crate::render::quoted;
use crate::spans::{elements, member, members, unquoted};

/// Details that the upstream takes back: all of them in their order, but for text that it wants signed
/// and that is not.
pub(super) fn details<'p>(
    lists: impl Iterator<Item = &'p str>,
    is_signed_format: impl Fn(&str) -> bool,
) -> String {
    let mut kept: Vec<&str> = Vec::new();
    for entry in lists.flat_map(elements) {
        let members = members(entry);
        let word = |name| member(&members, name).and_then(unquoted);
        let signed = word("signature").is_some_and(|it| !it.is_empty());
        let wants = word("format").is_some_and(&is_signed_format);
        if signed || !wants || word("type") != Some("reasoning.text") {
            kept.push(entry);
        }
    }
    format!("[{}]", kept.join(","))
}

/// An object that holds `value` at the end of a dotted path.
pub(super) fn at_path(path: &str, value: &str) -> String {
    path.rsplit('.').fold(quoted(value), |inner, name| format!("{{{}:{inner}}}", quoted(name)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unsigned_text_is_left_out_where_the_format_wants_it_signed() {
        let kept = |json: &'static str| details([json].into_iter(), |it| it.starts_with("x-"));
        let unsigned = r#"[{"type":"reasoning.text","text":"a","signature":null,"format":"x-1"}]"#;
        assert_eq!(kept(unsigned), "[]");
        for json in [
            r#"[{"type":"reasoning.text","text":"a","signature":"s","format":"x-1"}]"#,
            r#"[{"type":"reasoning.text","text":"a","format":"y"}]"#,
            r#"[{"type":"reasoning.encrypted","data":"a","format":"x-1"}]"#,
        ] {
            assert_eq!(kept(json), json);
        }
    }

    #[test]
    fn lists_keep_their_order() {
        let lists = [r#"[{"type":"a"},{"type":"b"}]"#, "[]", r#"[{"type":"c"}]"#];
        let kept = details(lists.into_iter(), |_| true);
        assert_eq!(kept, r#"[{"type":"a"},{"type":"b"},{"type":"c"}]"#);
    }

    #[test]
    fn a_path_becomes_objects() {
        assert_eq!(at_path("a.b", "\""), r#"{"a":{"b":"\""}}"#);
    }
}
