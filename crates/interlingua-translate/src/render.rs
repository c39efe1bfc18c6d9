//! JSON written by hand: texts are spliced as they came.

use std::borrow::Cow;

use interlingua_ir::{Text, escape};

/// Writes `,"name":json`. Clients choose names, too, and none may end before its end.
pub(crate) fn field(out: &mut Vec<u8>, name: &str, json: &str) {
    out.extend_from_slice(b",\"");
    escape(name, out);
    out.extend_from_slice(b"\":");
    out.extend_from_slice(json.as_bytes());
}

/// Where a prompt may be cached up to, as a further field of a block.
pub(crate) const CACHE_MARK: &str = r#","cache_control":{"type":"ephemeral"}"#;

/// Marks the object that `out` ends with.
pub(crate) fn cache_mark(out: &mut Vec<u8>) {
    if out.pop_if(|it| *it == b'}').is_some() {
        out.extend_from_slice(CACHE_MARK.as_bytes());
        out.push(b'}');
    }
}

/// Writes a JSON string.
pub(crate) fn string(out: &mut Vec<u8>, text: &Text<'_>) {
    out.push(b'"');
    text.write_json(out);
    out.push(b'"');
}

/// A text as a JSON string.
pub(crate) fn quoted(text: &str) -> String {
    let mut json = Vec::with_capacity(text.len() + 2);
    string(&mut json, &Text::plain(text));
    String::from_utf8(json).unwrap_or_default()
}

/// Writes several texts as one JSON string.
pub(crate) fn joined<'t>(
    out: &mut Vec<u8>,
    texts: impl IntoIterator<Item = Cow<'t, Text<'t>>>,
    separator: &str,
) {
    out.push(b'"');
    let mut first = true;
    for text in texts {
        if !std::mem::take(&mut first) {
            Text::plain(separator).write_json(out);
        }
        text.write_json(out);
    }
    out.push(b'"');
}
