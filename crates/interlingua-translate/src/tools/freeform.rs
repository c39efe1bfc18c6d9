//! Free text inside JSON arguments.
//!
//! A model that knows only functions is shown a custom tool as a function of one string. Its answer is
//! `{"input":"…"}`, in pieces cut anywhere; the client is to see the text inside, live.

use interlingua_ir::Text;
use serde::Deserialize;

/// The name of the one argument.
pub(crate) const ARGUMENT: &str = "input";

/// Takes the text out of growing arguments.
///
/// ```text
///            {"input":"         every piece        closing quote
/// Opening ─────────────▶ Inside ───────────▶ text ───────────────▶ Closing
///    │ anything else
///    ▼
/// Odd: kept until the end, then read by the list of shapes that models were seen to send
/// ```
#[derive(Debug)]
pub(crate) struct Freeform {
    state: State,
}

#[derive(Debug)]
enum State {
    /// What came so far may be the beginning of the arguments.
    Opening(String),
    /// Inside the string; what is held is the beginning of an escape.
    Inside(String),
    /// The string is over; what is held is what followed it.
    Closing(String),
    /// Not the arguments that were asked for.
    Odd(String),
}

impl Freeform {
    pub(crate) fn new() -> Self {
        Self { state: State::Opening(String::new()) }
    }

    /// Takes the next piece of the arguments and gives the text that it brings.
    pub(crate) fn push(&mut self, piece: &str) -> Option<String> {
        match &mut self.state {
            State::Opening(held) => {
                held.push_str(piece);
                match opening(held) {
                    Opening::Inside(at) => {
                        let rest = held.split_off(at);
                        self.state = State::Inside(String::new());
                        self.push(&rest)
                    }
                    Opening::Unknown => None,
                    Opening::Odd => {
                        self.state = State::Odd(std::mem::take(held));
                        None
                    }
                }
            }
            State::Inside(held) => {
                held.push_str(piece);
                let (end, closed) = scan(held);
                let after = held.split_off(end);
                let inside = std::mem::take(held);
                let text = Text::Json(inside.into()).into_plain().into_owned();
                self.state = match closed {
                    true => State::Closing(after.get(1..).unwrap_or_default().to_owned()),
                    false => State::Inside(after),
                };
                Some(text).filter(|it| !it.is_empty())
            }
            State::Closing(held) | State::Odd(held) => {
                held.push_str(piece);
                None
            }
        }
    }

    /// Whether the text has begun and not ended.
    pub(crate) fn is_cut(&self) -> bool {
        matches!(self.state, State::Inside(_))
    }

    /// Ends the arguments and gives the text that was held back.
    pub(crate) fn finish(self) -> Option<String> {
        match self.state {
            State::Inside(_) | State::Closing(_) => None,
            State::Opening(held) | State::Odd(held) => {
                Some(shape(&held)).filter(|it| !it.is_empty())
            }
        }
    }
}

enum Opening {
    /// The string begins at this byte.
    Inside(usize),
    /// More has to come.
    Unknown,
    Odd,
}

/// Looks for `{"input":"` with blanks anywhere between the tokens.
fn opening(text: &str) -> Opening {
    let mut rest = text;
    for token in ["{", "\"input\"", ":", "\""] {
        rest = rest.trim_start();
        match rest.strip_prefix(token) {
            Some(after) => rest = after,
            None if token.starts_with(rest) => return Opening::Unknown,
            None => return Opening::Odd,
        }
    }
    Opening::Inside(text.len() - rest.len())
}

/// How much of a string's inside is whole, and whether its closing quote follows.
fn scan(inside: &str) -> (usize, bool) {
    let bytes = inside.as_bytes();
    let mut at = 0;
    while let Some(found) = bytes.get(at..).and_then(|rest| memchr::memchr2(b'"', b'\\', rest)) {
        at += found;
        if bytes[at] == b'"' {
            return (at, true);
        }
        let len = match bytes.get(at + 1) {
            None => return (at, false),
            // A high surrogate means something only together with the low one behind it.
            Some(b'u') if is_high_surrogate(inside.get(at + 2..at + 6)) => 12,
            Some(b'u') => 6,
            Some(_) => 2,
        };
        // What looks like half a pair may be followed by something else, or by the closing quote.
        let lone = len == 12
            && (bytes.get(at + 6).is_some_and(|it| *it != b'\\')
                || bytes.get(at + 7).is_some_and(|it| *it != b'u'));
        let len = if lone { 6 } else { len };
        if bytes.len() < at + len {
            return (at, false);
        }
        at += len;
    }
    (bytes.len(), false)
}

fn is_high_surrogate(digits: Option<&str>) -> bool {
    let unit = digits.and_then(|it| u32::from_str_radix(it, 16).ok());
    unit.is_some_and(|it| (0xD800..0xDC00).contains(&it))
}

/// Reads the shapes in which models were seen to answer instead; anything else is the text itself,
/// and the tool says what is wrong with it.
fn shape(arguments: &str) -> String {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Shape {
        Text(String),
        Nested { arguments: Box<Shape> },
        Input { input: String },
        Patch { patch: String },
        Content { content: String },
    }
    impl Shape {
        fn text(self) -> String {
            match self {
                Self::Nested { arguments } => arguments.text(),
                Self::Text(text)
                | Self::Input { input: text }
                | Self::Patch { patch: text }
                | Self::Content { content: text } => text,
            }
        }
    }
    serde_json::from_str::<Shape>(arguments).map_or_else(|_| arguments.to_owned(), Shape::text)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The text must be the same however the arguments are cut.
    #[track_caller]
    fn check(arguments: &str, expect: &str) {
        for step in 1..=arguments.len().max(1) {
            let mut freeform = Freeform::new();
            let mut text = String::new();
            let mut rest = arguments;
            while !rest.is_empty() {
                let mut end = step.min(rest.len());
                while !rest.is_char_boundary(end) {
                    end += 1;
                }
                let (piece, after) = rest.split_at(end);
                text.extend(freeform.push(piece));
                rest = after;
            }
            text.extend(freeform.finish());
            assert_eq!(text, expect, "in pieces of {step}");
        }
    }

    #[test]
    fn the_text_inside() {
        check(
            r#"{"input":"*** Begin Patch\n+\"a\"\\\u00e9\ud83d\ude00\n"}"#,
            "*** Begin Patch\n+\"a\"\\é😀\n",
        );
        check(r#" { "input" : "a" , "more": 1 } "#, "a");
    }

    #[test]
    fn lone_surrogates_do_not_swallow_the_end() {
        check(r#"{"input":"\ud83d"}"#, "\u{fffd}");
        check(r#"{"input":"\ud83dx"}"#, "\u{fffd}x");
        check(r#"{"input":"\ud83d\n"}"#, "\u{fffd}\n");
    }

    #[test]
    fn shapes_that_models_send_instead() {
        check(r#""a\nb""#, "a\nb");
        check(r#"{"patch":"a"}"#, "a");
        check(r#"{"content":"a"}"#, "a");
        check(r#"{"arguments":{"input":"a"}}"#, "a");
        check("*** Begin Patch\n", "*** Begin Patch\n");
        check(r#"{"path":"x"}"#, r#"{"path":"x"}"#);
    }
}
