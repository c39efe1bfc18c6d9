//! Events that differ from the one before in nothing but their text and what counts them.

use serde_json::value::RawValue;

use crate::alike::inside_len;

/// Recognises an event that is, but for a text and a few values that mean nothing, the event before it
/// to the byte.
///
/// Nearly every event of a stream is. What stands around its text was parsed and judged when it came
/// first, and says the same again, so that no parser is needed: a parser is most of what an event costs.
#[derive(Debug)]
pub(super) struct Alike<K> {
    /// What does not change, end to end.
    fixed: String,
    /// Where in it something that changes stands, in order.
    gaps: Vec<(usize, Gap)>,
    /// What the text is; `None` as long as there is nothing to compare with.
    kind: Option<K>,
}

/// What may change.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Gap {
    /// The text itself.
    Text,
    /// A text that nobody reads.
    Filling,
    /// A whole number that nobody reads.
    Number,
}

impl<K: Copy> Alike<K> {
    pub(super) fn new() -> Self {
        Self { fixed: String::new(), gaps: Vec::new(), kind: None }
    }

    /// Remembers `event`, in which `leaves` may change.
    pub(super) fn learn(&mut self, event: &str, leaves: &[(Gap, Option<&RawValue>)], kind: K) {
        self.kind = None;
        self.fixed.clear();
        self.gaps.clear();
        let mut places = Vec::with_capacity(leaves.len());
        for (gap, leaf) in leaves {
            let Some(json) = leaf.map(RawValue::get) else { continue };
            let inside = match gap {
                Gap::Number => Some(json),
                Gap::Text | Gap::Filling => {
                    json.strip_prefix('"').and_then(|it| it.strip_suffix('"'))
                }
            };
            let Some(inside) = inside.filter(|it| length(it, *gap) == Some(it.len())) else {
                return;
            };
            let start = inside.as_ptr().addr().wrapping_sub(event.as_ptr().addr());
            places.push((start, inside.len(), *gap));
        }
        places.sort_unstable_by_key(|place| place.0);
        let mut at = 0;
        for (start, length, gap) in places {
            let Some(before) = event.get(at..start) else { return };
            self.fixed.push_str(before);
            self.gaps.push((self.fixed.len(), gap));
            at = start + length;
        }
        let Some(rest) = event.get(at..) else { return };
        self.fixed.push_str(rest);
        self.kind = Some(kind);
    }

    /// What came last is nothing to compare with.
    pub(super) fn forget(&mut self) {
        self.kind = None;
    }

    /// The text of `event`, JSON-escaped, if nothing else in it is new.
    pub(super) fn text<'e>(&self, event: &'e str) -> Option<(K, &'e str)> {
        let kind = self.kind?;
        let (mut rest, mut at, mut text) = (event, 0, "");
        for (end, gap) in &self.gaps {
            rest = rest.strip_prefix(self.fixed.get(at..*end)?)?;
            let (value, after) = rest.split_at_checked(length(rest, *gap)?)?;
            if *gap == Gap::Text {
                text = value;
            }
            (rest, at) = (after, *end);
        }
        (rest == self.fixed.get(at..)?).then_some((kind, text))
    }
}

/// How long the value is with which `rest` begins: all digits, or all up to the closing quote. `None`
/// where only a parser can tell.
fn length(rest: &str, gap: Gap) -> Option<usize> {
    if gap == Gap::Number {
        let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
        return (digits > 0).then_some(digits);
    }
    inside_len(rest)
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;

    use super::*;

    #[derive(Deserialize)]
    struct Sample<'a> {
        #[serde(borrow)]
        n: &'a RawValue,
        #[serde(borrow)]
        d: &'a RawValue,
        #[serde(borrow)]
        o: &'a RawValue,
    }

    fn learned(event: &str) -> Alike<u8> {
        let sample: Sample<'_> = serde_json::from_str(event).unwrap();
        let leaves = [
            (Gap::Text, Some(sample.d)),
            (Gap::Number, Some(sample.n)),
            (Gap::Filling, Some(sample.o)),
        ];
        let mut alike = Alike::new();
        alike.learn(event, &leaves, 7);
        alike
    }

    #[test]
    fn only_what_may_change_may_differ() {
        let alike = learned(r#"{"t":"x","n":9,"i":"m","d":"hi","l":[],"o":"ab"}"#);
        let text = |event: &'static str| alike.text(event).map(|(_, text)| text);
        assert_eq!(text(r#"{"t":"x","n":10,"i":"m","d":"there","l":[],"o":""}"#), Some("there"));
        assert_eq!(text(r#"{"t":"x","n":11,"i":"m","d":"","l":[],"o":"c"}"#), Some(""));
        assert_eq!(
            text(r#"{"t":"x","n":11,"i":"m","d":"a\"\n\\","l":[],"o":"c"}"#),
            Some(r#"a\"\n\\"#)
        );
        for other in [
            r#"{"t":"y","n":10,"i":"m","d":"there","l":[],"o":""}"#,
            r#"{"t":"x","n":10,"i":"n","d":"there","l":[],"o":""}"#,
            r#"{"t":"x","n":10,"i":"m","d":"there","l":[1],"o":""}"#,
            r#"{"t":"x","n":10,"i":"m","d":"there","l":[],"o":"","p":1}"#,
            r#"{"t":"x","n":10,"i":"m","d":"a","e":"b","l":[],"o":""}"#,
            r#"{"t":"x","n":10,"i":"m","d":"\u00e4","l":[],"o":""}"#,
            r#"{"t":"x","n":10,"i":"m","d":"\x","l":[],"o":""}"#,
            "{\"t\":\"x\",\"n\":10,\"i\":\"m\",\"d\":\"\t\",\"l\":[],\"o\":\"\"}",
            r#"{"t":"x","n":-1,"i":"m","d":"a","l":[],"o":""}"#,
            r#"{"t":"x","n":,"i":"m","d":"a","l":[],"o":""}"#,
            r#"{"t":"x","n":10,"i":"m","d":"there"#,
            "",
        ] {
            assert_eq!(alike.text(other), None, "{other}");
        }
    }

    #[test]
    fn the_order_of_fields_is_the_senders() {
        let alike = learned(r#"{"o":"","d":"a","n":1}"#);
        assert_eq!(alike.text(r#"{"o":"zz","d":"b","n":22}"#), Some((7, "b")));
    }

    #[test]
    fn what_only_a_parser_can_read_teaches_nothing() {
        assert!(learned(r#"{"o":"","d":"\u00e4","n":1}"#).kind.is_none());
        assert!(learned(r#"{"o":"","d":"a","n":1.5}"#).kind.is_none());
        let mut alike = learned(r#"{"o":"","d":"a","n":1}"#);
        alike.forget();
        assert_eq!(alike.text(r#"{"o":"","d":"a","n":1}"#), None);
    }
}
