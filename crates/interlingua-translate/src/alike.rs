//! Frames that differ from the one before in nothing but their text and what counts them.

use std::borrow::Cow;
use std::ops::Range;

use interlingua_protocol::sse::Frame;
use serde_json::value::RawValue;

/// Recognises a frame that is, but for a text and a few values that mean nothing, the frame before it to
/// the byte.
///
/// Nearly every frame of a stream is. What stands around its text was parsed and judged when it came
/// first, and says the same again; a text that ends where its quotes end cannot change what it stands in.
/// Such a frame needs no parser, and a parser is most of what a frame costs. In a stream it need not even
/// be cut out first: a [`run`](Self::run) knows it by its lines.
#[derive(Debug)]
pub(crate) struct Alike<K> {
    /// What does not change, end to end: the frame's first lines up to its JSON, the JSON, and the end of
    /// its lines.
    fixed: String,
    /// Where in it the JSON begins.
    json: usize,
    /// Where in it something that changes stands, in order.
    gaps: Vec<(usize, Gap)>,
    /// What the text is; `None` as long as there is nothing to compare with.
    kind: Option<K>,
}

/// What may change.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Gap {
    /// The text itself.
    Text,
    /// A text that nobody reads.
    Filling,
    /// A whole number that nobody reads.
    Number,
}

/// The frames with which a stream goes on, as far as they are like the one that was learned.
#[derive(Debug)]
pub(crate) struct Run<'a, 's, K> {
    alike: &'a Alike<K>,
    stream: &'s [u8],
    /// How many frames are behind, and how many bytes they take. The one that was given last is in front until
    /// the next one is asked for.
    pub(crate) count: u64,
    pub(crate) taken: usize,
    given: Option<usize>,
}

/// One of them.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Next<'s, K> {
    pub(crate) kind: K,
    /// Its text, JSON-escaped.
    pub(crate) text: &'s str,
    /// Where in the stream its JSON stands.
    pub(crate) json: Range<usize>,
}

/// The end of a frame.
const END: &str = "\n\n";

impl<K: Copy> Alike<K> {
    pub(crate) fn new() -> Self {
        Self { fixed: String::new(), json: 0, gaps: Vec::new(), kind: None }
    }

    /// Remembers a frame in which `leaves` may change; they lie in its data.
    pub(crate) fn learn(&mut self, frame: Frame<'_>, leaves: &[(Gap, Option<&RawValue>)], kind: K) {
        self.kind = None;
        self.fixed.clear();
        self.gaps.clear();
        let Frame { event, data } = frame;
        // Data of several lines does not stand in the stream as it was put together.
        if memchr::memchr2(b'\n', b'\r', data.as_bytes()).is_some() {
            return;
        }
        let mut places = Vec::with_capacity(leaves.len());
        for (gap, leaf) in leaves {
            let Some(json) = leaf.map(RawValue::get) else { continue };
            let inside = match gap {
                Gap::Number => Some(json),
                Gap::Text | Gap::Filling => {
                    json.strip_prefix('"').and_then(|it| it.strip_suffix('"'))
                }
            };
            let is_whole = |it: &&str| length(it.as_bytes(), Gap::Number) == Some(it.len());
            let Some(inside) = inside.filter(|it| *gap != Gap::Number || is_whole(it)) else {
                return;
            };
            let start = inside.as_ptr().addr().wrapping_sub(data.as_ptr().addr());
            places.push((start, inside.len(), *gap));
        }
        places.sort_unstable_by_key(|place| place.0);
        if !event.is_empty() {
            self.fixed.extend(["event: ", event, "\n"]);
        }
        self.fixed.push_str("data: ");
        self.json = self.fixed.len();
        let mut at = 0;
        for (start, length, gap) in places {
            let Some(before) = data.get(at..start) else { return };
            self.fixed.push_str(before);
            self.gaps.push((self.fixed.len(), gap));
            at = start + length;
        }
        let Some(rest) = data.get(at..) else { return };
        self.fixed.extend([rest, END]);
        self.kind = Some(kind);
    }

    /// What came last is nothing to compare with.
    pub(crate) fn forget(&mut self) {
        self.kind = None;
    }

    /// Where in the data of the frame that was learned something changes first.
    pub(crate) fn start(&self) -> usize {
        self.gaps.first().map_or(0, |gap| gap.0 - self.json)
    }

    /// What stands before the data in the lines of the frame that was learned.
    pub(crate) fn head(&self) -> &str {
        self.fixed.get(..self.json).unwrap_or_default()
    }

    /// The text of `data`, JSON-escaped, if nothing else in it is new.
    pub(crate) fn text<'d>(&self, data: &'d str) -> Option<(K, &'d str)> {
        let kind = self.kind?;
        let (text, after) = self.gaps(data.as_bytes(), self.json)?;
        let rest = self.fixed.strip_suffix(END)?.get(self.gaps.last()?.0..)?;
        (data.get(after..)? == rest).then_some(())?;
        Some((kind, data.get(text)?))
    }

    /// The frames with which `stream` goes on; it stands at the beginning of one.
    pub(crate) fn run<'s>(&self, stream: &'s [u8]) -> Run<'_, 's, K> {
        Run { alike: self, stream, count: 0, taken: 0, given: None }
    }

    /// Where the text stands in `bytes` and where the last gap ends, if all before it is the same; `at`
    /// is where in what does not change the bytes begin.
    fn gaps(&self, bytes: &[u8], mut at: usize) -> Option<(Range<usize>, usize)> {
        let (mut text, mut end) = (0..0, 0);
        for (gap_at, gap) in &self.gaps {
            let before = self.fixed.as_bytes().get(at..*gap_at)?;
            let start = end + before.len();
            (bytes.get(end..start)? == before).then_some(())?;
            end = start + length(bytes.get(start..)?, *gap)?;
            match gap {
                Gap::Text => text = start..end,
                // What nobody reads goes on all the same.
                Gap::Filling => drop(std::str::from_utf8(bytes.get(start..end)?).ok()?),
                Gap::Number => {}
            }
            at = *gap_at;
        }
        Some((text, end))
    }
}

impl<'s, K: Copy> Run<'_, 's, K> {
    /// The lines of all frames that are behind, as they came.
    pub(crate) fn lines(&self) -> Cow<'s, str> {
        interlingua_protocol::lossy(&self.stream[..self.taken])
    }
}

impl<'s, K: Copy> Iterator for Run<'_, 's, K> {
    type Item = Next<'s, K>;

    fn next(&mut self) -> Option<Self::Item> {
        if let Some(len) = self.given.take() {
            self.taken += len;
            self.count += 1;
        }
        let Alike { fixed, json, gaps, kind } = self.alike;
        let kind = (*kind)?;
        let stream = self.stream.get(self.taken..)?;
        let (text, after) = self.alike.gaps(stream, 0)?;
        let rest = fixed.get(gaps.last()?.0..)?;
        let len = after + rest.len();
        (stream.get(after..len)? == rest.as_bytes()).then_some(())?;
        let text = std::str::from_utf8(stream.get(text)?).ok()?;
        self.given = Some(len);
        let json = self.taken + json..self.taken + len - END.len();
        Some(Next { kind, text, json })
    }
}

/// How long the value is with which `rest` begins: all digits, or all up to the closing quote. `None`
/// where only a parser can tell.
fn length(rest: &[u8], gap: Gap) -> Option<usize> {
    if gap == Gap::Number {
        let digits = rest.iter().take_while(|it| it.is_ascii_digit()).count();
        let is_number = digits == 1 || (digits > 1 && rest.first() != Some(&b'0'));
        return is_number.then_some(digits);
    }
    let mut at = 0;
    while let Some(byte) = rest.get(at) {
        match byte {
            b'"' => break,
            b'\\' => match rest.get(at + 1)? {
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

    fn learned(event: &str, data: &str) -> Alike<u8> {
        let sample: Sample<'_> = serde_json::from_str(data).unwrap();
        let leaves = [
            (Gap::Text, Some(sample.d)),
            (Gap::Number, Some(sample.n)),
            (Gap::Filling, Some(sample.o)),
        ];
        let mut alike = Alike::new();
        alike.learn(Frame { event, data }, &leaves, 7);
        alike
    }

    #[test]
    fn only_what_may_change_may_differ() {
        let alike = learned("", r#"{"t":"x","n":9,"i":"m","d":"hi","l":[],"o":"ab"}"#);
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
            r#"{"t":"x","n":10,"i":"m","d":"a\"},"l":[],"o":""}"#,
            r#"{"t":"x","n":10,"i":"m","d":"\u00e4","l":[],"o":""}"#,
            r#"{"t":"x","n":10,"i":"m","d":"\x","l":[],"o":""}"#,
            "{\"t\":\"x\",\"n\":10,\"i\":\"m\",\"d\":\"\t\",\"l\":[],\"o\":\"\"}",
            r#"{"t":"x","n":10,"i":"m","d":null,"l":[],"o":""}"#,
            r#"{"t":"x","n":-1,"i":"m","d":"a","l":[],"o":""}"#,
            r#"{"t":"x","n":,"i":"m","d":"a","l":[],"o":""}"#,
            r#"{"t":"x","n":01,"i":"m","d":"a","l":[],"o":""}"#,
            r#"{"t":"x","n":10,"i":"m","d":"there"#,
            "",
        ] {
            assert_eq!(alike.text(other), None, "{other}");
        }
    }

    #[test]
    fn the_order_of_fields_is_the_senders() {
        let alike = learned("", r#"{"o":"","d":"a","n":1}"#);
        assert_eq!(alike.text(r#"{"o":"zz","d":"b","n":22}"#), Some((7, "b")));
        assert_eq!(alike.start(), 6);
    }

    #[test]
    fn a_stream_goes_on_with_whole_frames_of_the_same_lines() {
        let alike = learned("x", r#"{"o":"","d":"a","n":1}"#);
        let lines = "event: x\ndata: {\"o\":\"zz\",\"d\":\"ä\",\"n\":22}\n\n";
        for more in ["", "data: {}\n\n"] {
            let stream = [lines, more].concat();
            let mut run = alike.run(stream.as_bytes());
            let next = Next { kind: 7, text: "ä", json: 15..lines.len() - 2 };
            assert_eq!(run.next(), Some(next));
            assert_eq!((run.count, &*run.lines()), (0, ""), "nobody has done with it");
            assert_eq!(run.next(), None);
            assert_eq!((run.count, run.taken, &*run.lines()), (1, lines.len(), lines));
        }
        for other in [
            "event: y\ndata: {\"o\":\"\",\"d\":\"b\",\"n\":2}\n\n",
            "data: {\"o\":\"\",\"d\":\"b\",\"n\":2}\n\n",
            "event: x\ndata:{\"o\":\"\",\"d\":\"b\",\"n\":2}\n\n",
            "event: x\ndata: {\"o\":\"\",\"d\":\"b\",\"n\":2}\r\n\r\n",
            "event: x\ndata: {\"o\":\"\",\"d\":\"b\",\"n\":2}\ndata: \n\n",
            "event: x\ndata: {\"o\":\"\",\"d\":\"b\",\"n\":2}\n",
            "event: x\ndata: {\"o\":\"\",\"d\":\"b",
            "",
        ] {
            assert_eq!(alike.run(other.as_bytes()).next(), None, "{other}");
        }
        let broken = b"event: x\ndata: {\"o\":\"\",\"d\":\"\xff\",\"n\":2}\n\n";
        assert_eq!(alike.run(broken).next(), None);
    }

    #[test]
    fn what_cannot_be_compared_teaches_nothing() {
        let escaped = learned("", r#"{"o":"","d":"\u00e4","n":1}"#);
        assert_eq!(
            escaped.text(r#"{"o":"","d":"a","n":0}"#),
            Some((7, "a")),
            "its text does not count"
        );
        assert!(learned("", r#"{"o":"","d":"a","n":1.5}"#).kind.is_none());
        assert!(learned("", "{\"o\":\"\",\n\n\"d\":\"a\",\"n\":1}").kind.is_none());
        let mut alike = learned("", r#"{"o":"","d":"a","n":1}"#);
        alike.forget();
        assert_eq!(alike.text(r#"{"o":"","d":"a","n":1}"#), None);
    }

    #[test]
    fn a_text_from_elsewhere_teaches_nothing() {
        let elsewhere: &RawValue = serde_json::from_str("\"elsewhere\"").unwrap();
        let mut alike = Alike::new();
        alike.learn(Frame { event: "", data: "{}" }, &[(Gap::Text, Some(elsewhere))], 1);
        assert_eq!(alike.text("{}"), None);
    }
}
