//! Chunks that differ from the one before in nothing but their text.

/// Recognises a chunk that is, but for one text, the chunk before it to the byte.
///
/// Nearly every chunk of a stream is. What stands around its text was parsed and judged when it came
/// first, and says the same again; a text that ends where its quotes end cannot change what it stands in.
/// Such a chunk needs no parser, and a parser is most of what a chunk costs.
#[derive(Debug)]
pub(crate) struct Alike<K> {
    before: String,
    after: String,
    /// What the text is; `None` as long as there is nothing to compare with.
    kind: Option<K>,
}

impl<K: Copy> Alike<K> {
    pub(crate) fn new() -> Self {
        Self { before: String::new(), after: String::new(), kind: None }
    }

    /// Remembers `chunk` whose one text is `leaf`: a JSON string, quotes included, that lies in it.
    pub(crate) fn learn(&mut self, chunk: &str, leaf: &str, kind: K) {
        let start = leaf.as_ptr().addr().wrapping_sub(chunk.as_ptr().addr()).wrapping_add(1);
        let end = start.wrapping_add(leaf.len().saturating_sub(2));
        let (Some(before), Some(after)) = (chunk.get(..start), chunk.get(end..)) else {
            return self.forget();
        };
        self.kind = Some(kind);
        if self.before != before {
            before.clone_into(&mut self.before);
        }
        if self.after != after {
            after.clone_into(&mut self.after);
        }
    }

    /// What came last is nothing to compare with.
    pub(crate) fn forget(&mut self) {
        self.kind = None;
    }

    /// Where the text begins in the chunk that came last.
    pub(super) fn start(&self) -> usize {
        self.before.len()
    }

    /// The text of `chunk`, JSON-escaped, if nothing else in it is new.
    pub(crate) fn text<'c>(&self, chunk: &'c str) -> Option<(K, &'c str)> {
        let kind = self.kind?;
        let rest = chunk.strip_prefix(&*self.before)?;
        let (text, after) = rest.split_at_checked(inside_len(rest)?)?;
        (after == self.after).then_some((kind, text))
    }
}

/// How long the inside of the JSON string is with whose inside `rest` begins. `None` where only a parser
/// can tell.
pub(crate) fn inside_len(rest: &str) -> Option<usize> {
    let bytes = rest.as_bytes();
    let mut at = 0;
    while let Some(byte) = bytes.get(at) {
        match byte {
            b'"' => break,
            b'\\' => match bytes.get(at + 1)? {
                b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't' => at += 2,
                _ => return None,
            },
            ..0x20 => return None,
            _ => at += 1,
        }
    }
    Some(at)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn learned() -> Alike<u8> {
        let chunk = r#"{"n":1,"d":{"t":"hi"},"f":null}"#;
        let leaf = chunk.get(16..20).unwrap();
        assert_eq!(leaf, "\"hi\"");
        let mut alike = Alike::new();
        alike.learn(chunk, leaf, 7);
        alike
    }

    #[test]
    fn only_the_text_may_differ() {
        let alike = learned();
        let text = |chunk: &'static str| alike.text(chunk).map(|(_, text)| text);
        assert_eq!(text(r#"{"n":1,"d":{"t":"there"},"f":null}"#), Some("there"));
        assert_eq!(text(r#"{"n":1,"d":{"t":""},"f":null}"#), Some(""));
        assert_eq!(text(r#"{"n":2,"d":{"t":"there"},"f":null}"#), None);
        assert_eq!(text(r#"{"n":1,"d":{"t":"there"},"f":"stop"}"#), None);
        assert_eq!(text(r#"{"n":1,"d":{"t":"a","u":"b"},"f":null}"#), None);
        assert_eq!(text(r#"{"n":1,"d":{"t":"a\n\"b\""},"f":null}"#), Some(r#"a\n\"b\""#));
        assert_eq!(text(r#"{"n":1,"d":{"t":"a\"},"f":null}"#), None);
        assert_eq!(text(r#"{"n":1,"d":{"t":"\u0061"},"f":null}"#), None);
        assert_eq!(text("{\"n\":1,\"d\":{\"t\":\"\u{1}\"},\"f\":null}"), None);
        assert_eq!(text(r#"{"n":1,"d":{"t":null},"f":null}"#), None);
    }

    #[test]
    fn what_is_forgotten_is_not_recognised() {
        let mut alike = learned();
        alike.forget();
        assert_eq!(alike.text(r#"{"n":1,"d":{"t":"x"},"f":null}"#), None);
    }

    #[test]
    fn a_text_from_elsewhere_teaches_nothing() {
        let mut alike = learned();
        alike.learn("{}", "\"elsewhere\"", 1);
        assert_eq!(alike.text("{}"), None);
    }
}
