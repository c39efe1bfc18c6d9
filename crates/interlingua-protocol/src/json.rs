//! What has to be known about a JSON document before anybody parses it.

use memchr::memchr_iter;

use crate::structure::blocks;
pub use crate::structure::container_end;

/// How much structure a document may have.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Limits {
    /// How deeply arrays and objects may nest.
    pub depth: usize,
    /// How many values there may be, in arrays and objects together.
    pub nodes: usize,
}

impl Default for Limits {
    /// The deepest that `serde_json` reads, and more values than any conversation needs.
    fn default() -> Self {
        Self { depth: 127, nodes: 2_000_000 }
    }
}

/// Checks the structure of a document in one pass, without allocating.
///
/// Raw leaves are not bounded by a parser: it skips them, however deep they are. A tree of many small
/// values takes eighty times the memory of its text. Whoever parses a leaf later relies on this check.
/// It does not check the syntax.
///
/// # Errors
///
/// [`TooComplex`] as soon as a limit is crossed.
pub fn check(document: &[u8], limits: Limits) -> Result<(), TooComplex> {
    brackets(document, limits, |_, _| {})
}

/// As [`check`], and tells where each array and object of the document begins, and where it ends, in the order
/// in which they begin. What never ends has a 0 there. Of a document of 4 GiB or more nothing is told.
///
/// # Errors
///
/// As [`check`].
pub fn containers(document: &[u8], limits: Limits) -> Result<Vec<(u32, u32)>, TooComplex> {
    let (mut containers, mut open): (Vec<(u32, u32)>, Vec<usize>) = (Vec::new(), Vec::new());
    brackets(document, limits, |at, opens| {
        // Hostile documents have many, so that the smaller number counts.
        let Ok(at) = u32::try_from(at) else { return };
        if opens {
            open.push(containers.len());
            containers.push((at, 0));
        } else if let Some(container) = open.pop().and_then(|nth| containers.get_mut(nth)) {
            container.1 = at + 1;
        }
    })?;
    Ok(containers)
}

/// Shows each bracket of a document that is within limits.
fn brackets(
    document: &[u8],
    limits: Limits,
    mut each: impl FnMut(usize, bool),
) -> Result<(), TooComplex> {
    let (mut depth, mut nodes) = (0usize, 1usize);
    for block in blocks(document) {
        nodes += (block.commas | block.opening).count_ones() as usize;
        if nodes > limits.nodes {
            return Err(TooComplex::Nodes { limit: limits.nodes });
        }
        for (at, opens) in block.brackets() {
            depth = if opens { depth + 1 } else { depth.saturating_sub(1) };
            if depth > limits.depth {
                return Err(TooComplex::Depth { limit: limits.depth, at });
            }
            each(at, opens);
        }
    }
    Ok(())
}

/// Whether a number in a document is larger than any of 64 bits: most readers refuse the whole for it.
pub fn has_endless_number(document: &str) -> bool {
    let is_part = |byte: &u8| byte.is_ascii_digit() || b"+-.eE".contains(byte);
    outside(document.as_bytes()).any(|(_, outside)| {
        outside.split(|byte| !is_part(byte)).any(|number| {
            let may_be =
                number.len() > LONGEST_NUMBER || number.iter().any(|it| b"eE".contains(it));
            let value = || std::str::from_utf8(number).ok()?.parse::<f64>().ok();
            may_be && value().is_some_and(f64::is_infinite)
        })
    })
}

/// With as many digits a number always fits into 64 bits, if it has no exponent.
const LONGEST_NUMBER: usize = 308;

/// What stands outside of the strings of a document, with the place where each piece begins.
fn outside(document: &[u8]) -> impl Iterator<Item = (usize, &[u8])> {
    let mut quotes = memchr_iter(b'"', document);
    let mut next = Some(0);
    std::iter::from_fn(move || {
        let at = next?;
        let opening = quotes.next();
        let piece = document.get(at..opening.unwrap_or(document.len())).unwrap_or_default();
        let closing = quotes.find(|quote| opening.is_some() && !is_escaped(document, *quote));
        next = closing.map(|it| it + 1);
        Some((at, piece))
    })
}

/// Whether the quote at `at` belongs to the string around it. The run of backslashes before it begins
/// inside that string at the latest, so that all runs together are looked at once.
fn is_escaped(document: &[u8], at: usize) -> bool {
    let before = document.get(..at).unwrap_or_default();
    before.iter().rev().take_while(|byte| **byte == b'\\').count() % 2 == 1
}

/// A document with more structure than allowed.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub enum TooComplex {
    /// It nests too deeply.
    #[error("the JSON nests more than {limit} levels deep (at byte {at})")]
    Depth {
        /// The limit that was crossed.
        limit: usize,
        /// Where it was crossed, in bytes from the start.
        at: usize,
    },
    /// It holds too many values.
    #[error("the JSON holds more than {limit} values")]
    Nodes {
        /// The limit that was crossed.
        limit: usize,
    },
}

/// Tells whether the text of a growing JSON value is whole yet.
///
/// It is shown every byte once, so that a long value in many small pieces costs no more than a
/// single pass.
#[derive(Clone, Debug, Default)]
pub struct Completeness {
    depth: usize,
    in_string: bool,
    escaped: bool,
    begun: bool,
    whole: bool,
}

impl Completeness {
    /// Takes the next piece.
    pub fn push(&mut self, piece: &str) {
        for byte in piece.bytes() {
            self.byte(byte);
        }
    }

    /// Takes the next piece from the inside of a JSON string, escapes and all.
    pub fn push_escaped(&mut self, inside: &str) {
        let mut bytes = inside.bytes();
        while let Some(byte) = bytes.next() {
            let meant = match byte {
                b'\\' => match bytes.next() {
                    Some(b'n' | b'r' | b't') => b' ',
                    Some(b'u') => {
                        let digits = [bytes.next(), bytes.next(), bytes.next(), bytes.next()];
                        unit(digits)
                    }
                    Some(other) => other,
                    None => return,
                },
                byte => byte,
            };
            self.byte(meant);
        }
    }

    /// Whether an array or object has begun and ended, and nothing but blanks came after it.
    pub fn is_whole(&self) -> bool {
        self.whole
    }

    /// Whether anything but blanks has come.
    pub fn is_begun(&self) -> bool {
        self.begun
    }

    fn byte(&mut self, byte: u8) {
        if self.in_string {
            match byte {
                _ if self.escaped => self.escaped = false,
                b'\\' => self.escaped = true,
                b'"' => self.in_string = false,
                _ => {}
            }
            return;
        }
        if byte.is_ascii_whitespace() {
            return;
        }
        self.begun = true;
        // Whatever follows a whole value makes it something else.
        self.whole = false;
        match byte {
            b'"' => self.in_string = true,
            b'[' | b'{' => self.depth += 1,
            b']' | b'}' => {
                self.whole = self.depth == 1;
                self.depth = self.depth.saturating_sub(1);
            }
            _ => {}
        }
    }
}

/// The character of a `\\uXXXX` escape, as far as it can be structure; anything else is just text.
fn unit(digits: [Option<u8>; 4]) -> u8 {
    let digit = |it: Option<u8>| it.and_then(|it| char::from(it).to_digit(16)).unwrap_or(16);
    let code = digits.into_iter().fold(0, |code, it| code * 16 + digit(it));
    u8::try_from(code).unwrap_or(b'x')
}

/// Writes a document without the blanks between its tokens.
pub fn compact(document: &str) -> String {
    let mut out = String::with_capacity(document.len());
    let mut rest = document;
    while let Some(quote) = rest.find('"') {
        let (outside, string) = rest.split_at(quote);
        out.extend(outside.split_ascii_whitespace());
        let mut quotes = string.match_indices('"').map(|(at, _)| at).skip(1);
        let end = quotes.find(|at| !is_escaped(string.as_bytes(), *at));
        let (string, after) = string.split_at(end.map_or(string.len(), |end| end + 1));
        out.push_str(string);
        rest = after;
    }
    out.extend(rest.split_ascii_whitespace());
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn nested(depth: usize) -> String {
        "[".repeat(depth) + &"]".repeat(depth)
    }

    #[test]
    fn depth_has_a_limit() {
        let limits = Limits { depth: 4, nodes: 100 };
        assert_eq!(check(nested(4).as_bytes(), limits), Ok(()));
        let error = TooComplex::Depth { limit: 4, at: 4 };
        assert_eq!(check(nested(5).as_bytes(), limits), Err(error));
    }

    #[test]
    fn containers_know_their_ends() {
        let containers = |document: &str| containers(document.as_bytes(), Limits::default());
        let document = r#"{"a":["]",{"b\"}":1}],"c":{"#;
        assert_eq!(containers(document), Ok(vec![(0, 0), (5, 21), (10, 20), (26, 0)]));
        assert_eq!(containers("]}[1]"), Ok(vec![(2, 5)]));
        assert_eq!(containers(""), Ok(Vec::new()));
    }

    #[test]
    fn values_have_a_limit() {
        let limits = Limits { depth: 4, nodes: 5 };
        assert_eq!(check(b"[1,2,3,4]", limits), Ok(()));
        assert_eq!(check(b"[1,2,3,4,5]", limits), Err(TooComplex::Nodes { limit: 5 }));
    }

    #[test]
    fn strings_have_no_structure() {
        let limits = Limits { depth: 1, nodes: 2 };
        assert_eq!(check(br#"["[[[[,,,,\"[[[\\"]"#, limits), Ok(()));
        assert_eq!(check(br#"["open"#, limits), Ok(()));
    }

    #[test]
    fn a_number_ends_somewhere() {
        let long = format!("[{}]", "1".repeat(400));
        for endless in ["{\"a\":1e999}", "[0,-4.3E+8229\n]", &long, "1E400"] {
            assert!(has_endless_number(endless), "{endless}");
        }
        let short = format!("[{}]", "1".repeat(300));
        for finite in
            ["[1.5e300,true,null,-0.1e-999]", "\"1e999\"", "[\"\\\"1e999\"]", &short, "e", ""]
        {
            assert!(!has_endless_number(finite), "{finite}");
        }
    }

    #[test]
    fn a_value_is_whole_when_its_brackets_are() {
        let whole = |text: &str| {
            let mut complete = Completeness::default();
            for piece in text.split_inclusive(|_| true) {
                complete.push(piece);
            }
            complete.is_whole()
        };
        assert!(whole(r#"{"a":"}\"","b":[1]} "#));
        let mut escaped = Completeness::default();
        escaped.push_escaped(r#"{\"a\":\"}\\\"\",\n\u0022b\u0022:1"#);
        assert!(escaped.is_begun() && !escaped.is_whole());
        escaped.push_escaped("}");
        assert!(escaped.is_whole());
        assert!(!whole(r#"{"a":"}"#));
        assert!(!whole(r#"{"a":1}{"#));
        assert!(!whole(r#"{"a":1},"#));
        assert!(!whole(""));
    }

    #[test]
    fn compact_keeps_strings() {
        assert_eq!(compact("{ \"a b\" : [ 1 , \" \\\" \" ] }\n"), "{\"a b\":[1,\" \\\" \"]}");
    }
}
