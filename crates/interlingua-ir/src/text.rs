use std::borrow::Cow;
use std::fmt;

/// A piece of text in the form in which it arrived.
///
/// Texts travel between JSON documents far more often than anybody reads them. A text that came out
/// of a JSON document keeps its escapes and is spliced into the next document as it is; it is
/// unescaped only where its words matter.
///
/// # Examples
///
/// ```
/// use interlingua_ir::Text;
///
/// let text = Text::from_json(r#""a\nb""#).unwrap();
/// assert_eq!(text.to_plain(), "a\nb");
///
/// let mut json = Vec::new();
/// text.write_json(&mut json);
/// assert_eq!(json, br"a\nb");
/// ```
#[derive(Clone)]
pub enum Text<'a> {
    /// The inside of a JSON string: the escapes are still there, the quotes are not.
    Json(Cow<'a, str>),
    /// The text itself.
    Plain(Cow<'a, str>),
}

impl<'a> Text<'a> {
    /// The empty text.
    pub const EMPTY: Text<'static> = Text::Plain(Cow::Borrowed(""));

    /// Takes text that is meant as it stands.
    pub fn plain(text: impl Into<Cow<'a, str>>) -> Self {
        Self::Plain(text.into())
    }

    /// Takes the JSON string `json`, quotes included; `None` when it is no string.
    ///
    /// `json` must be one whole JSON value, as a parser delivers it.
    pub fn from_json(json: &'a str) -> Option<Self> {
        json.strip_prefix('"')?.strip_suffix('"').map(|inside| Self::Json(inside.into()))
    }

    /// Whether there is no text.
    pub fn is_empty(&self) -> bool {
        self.stored().is_empty()
    }

    /// How many bytes the text takes in the form in which it is stored.
    pub fn stored_len(&self) -> usize {
        self.stored().len()
    }

    /// The text itself, unescaped if it has to be.
    ///
    /// Halves of surrogate pairs that miss the other half become U+FFFD.
    pub fn to_plain(&self) -> Cow<'_, str> {
        match self {
            Self::Plain(text) => Cow::Borrowed(text),
            Self::Json(inside) => unescape(inside),
        }
    }

    /// Like [`to_plain`](Self::to_plain), for a text that is not needed any longer.
    pub fn into_plain(self) -> Cow<'a, str> {
        match self {
            Self::Plain(text) => text,
            Self::Json(Cow::Borrowed(inside)) => unescape(inside),
            Self::Json(Cow::Owned(inside)) => unescape(&inside).into_owned().into(),
        }
    }

    /// Writes the text as the inside of a JSON string, without quotes.
    pub fn write_json(&self, out: &mut Vec<u8>) {
        match self {
            Self::Json(inside) => out.extend_from_slice(inside.as_bytes()),
            Self::Plain(text) => escape(text, out),
        }
    }

    /// A text of the same content that borrows from this one.
    pub fn borrowed(&self) -> Text<'_> {
        match self {
            Self::Json(inside) => Text::Json(Cow::Borrowed(inside)),
            Self::Plain(text) => Text::Plain(Cow::Borrowed(text)),
        }
    }

    /// Detaches the text from what it was read from.
    pub fn into_owned(self) -> Text<'static> {
        match self {
            Self::Json(inside) => Text::Json(inside.into_owned().into()),
            Self::Plain(text) => Text::Plain(text.into_owned().into()),
        }
    }

    fn stored(&self) -> &str {
        match self {
            Self::Json(text) | Self::Plain(text) => text,
        }
    }
}

impl<'a> From<&'a str> for Text<'a> {
    fn from(text: &'a str) -> Self {
        Self::plain(text)
    }
}

impl From<String> for Text<'_> {
    fn from(text: String) -> Self {
        Self::plain(text)
    }
}

/// Texts are equal when they say the same, however they are stored.
impl PartialEq for Text<'_> {
    fn eq(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Plain(a), Self::Plain(b)) => a == b,
            _ => self.to_plain() == other.to_plain(),
        }
    }
}

impl fmt::Debug for Text<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.to_plain(), f)
    }
}

impl fmt::Display for Text<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.to_plain())
    }
}

/// Writes `text` as the inside of a JSON string, without quotes.
pub fn escape(text: &str, out: &mut Vec<u8>) {
    let bytes = text.as_bytes();
    let mut copied = 0;
    for (at, &byte) in bytes.iter().enumerate() {
        if byte >= 0x20 && byte != b'"' && byte != b'\\' {
            continue;
        }
        out.extend_from_slice(&bytes[copied..at]);
        copied = at + 1;
        match byte {
            b'"' => out.extend_from_slice(b"\\\""),
            b'\\' => out.extend_from_slice(b"\\\\"),
            b'\n' => out.extend_from_slice(b"\\n"),
            b'\r' => out.extend_from_slice(b"\\r"),
            b'\t' => out.extend_from_slice(b"\\t"),
            _ => {
                const HEX: &[u8; 16] = b"0123456789abcdef";
                out.extend_from_slice(b"\\u00");
                out.push(HEX[usize::from(byte >> 4)]);
                out.push(HEX[usize::from(byte & 15)]);
            }
        }
    }
    out.extend_from_slice(&bytes[copied..]);
}

/// Reads the inside of a JSON string.
fn unescape(inside: &str) -> Cow<'_, str> {
    let Some(first) = backslash(inside) else { return Cow::Borrowed(inside) };
    let mut plain = String::with_capacity(inside.len());
    let mut rest = inside;
    let mut next = Some(first);
    while let Some(at) = next {
        let (before, escaped) = rest.split_at(at);
        plain.push_str(before);
        rest = read_escape(escaped, &mut plain);
        next = backslash(rest);
    }
    plain.push_str(rest);
    Cow::Owned(plain)
}

fn backslash(text: &str) -> Option<usize> {
    memchr::memchr(b'\\', text.as_bytes())
}

/// Reads the escape at the start of `text` and gives what follows it.
fn read_escape<'a>(text: &'a str, plain: &mut String) -> &'a str {
    let mut chars = text.chars();
    chars.next();
    match chars.next() {
        Some('n') => plain.push('\n'),
        Some('r') => plain.push('\r'),
        Some('t') => plain.push('\t'),
        Some('b') => plain.push('\u{8}'),
        Some('f') => plain.push('\u{c}'),
        Some('u') => return read_unicode(chars.as_str(), plain),
        Some(other) => plain.push(other),
        None => {}
    }
    chars.as_str()
}

fn read_unicode<'a>(text: &'a str, plain: &mut String) -> &'a str {
    let Some((unit, rest)) = hex4(text) else {
        plain.push(char::REPLACEMENT_CHARACTER);
        return text;
    };
    if !(0xD800..0xDC00).contains(&unit) {
        plain.push(char::from_u32(unit).unwrap_or(char::REPLACEMENT_CHARACTER));
        return rest;
    }
    match rest.strip_prefix("\\u").and_then(hex4) {
        Some((low, after)) if (0xDC00..0xE000).contains(&low) => {
            let code = 0x10000 + ((unit - 0xD800) << 10) + (low - 0xDC00);
            plain.push(char::from_u32(code).unwrap_or(char::REPLACEMENT_CHARACTER));
            after
        }
        _ => {
            plain.push(char::REPLACEMENT_CHARACTER);
            rest
        }
    }
}

fn hex4(text: &str) -> Option<(u32, &str)> {
    let (digits, rest) = text.split_at_checked(4)?;
    Some((u32::from_str_radix(digits, 16).ok()?, rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_every_escape() {
        let text = Text::from_json(r#""a\"\\\/\b\f\n\r\t\u0041\ud83d\ude00\ud83dz""#).unwrap();
        assert_eq!(text.to_plain(), "a\"\\/\u{8}\u{c}\n\r\tA😀\u{fffd}z");
    }

    #[test]
    fn writes_what_serde_json_reads() {
        let odd: String = (0..0x80u8).map(char::from).chain("é😀".chars()).collect();
        let mut json = vec![b'"'];
        Text::plain(odd.as_str()).write_json(&mut json);
        json.push(b'"');
        assert_eq!(serde_json::from_slice::<String>(&json).unwrap(), odd);
    }

    #[test]
    fn equality_is_about_the_words() {
        assert_eq!(Text::from_json(r#""\u0061""#).unwrap(), Text::plain("a"));
        assert_ne!(Text::plain("a"), Text::plain("b"));
    }

    #[test]
    fn only_strings_are_text() {
        assert!(Text::from_json("12").is_none());
        assert!(Text::from_json("\"").is_none());
    }
}
