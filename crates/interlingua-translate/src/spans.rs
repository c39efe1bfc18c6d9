//! Where things stand in a JSON document that somebody else has parsed.
//!
//! A parser tells what a document says; whoever changes it in place has to know where. These functions
//! look for structure only, and give slices of the document itself. Long strings are most of a
//! conversation, and they are skipped many times faster than a parser could read them.

use std::borrow::Cow;

use interlingua_ir::Text;
use interlingua_protocol::json::container_end;
use memchr::memchr;

/// A member of an object.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Member<'t> {
    /// Its name.
    pub(crate) name: Cow<'t, str>,
    /// Its value, a slice of the document.
    pub(crate) value: &'t str,
    /// From the quote before its name to the end of its value.
    pub(crate) whole: &'t str,
}

/// A document whose structure is looked through once, however often its parts are taken apart.
#[derive(Debug)]
pub(crate) struct Spans<'t> {
    document: &'t str,
    /// Where each array and object begins and ends, by where it begins.
    containers: Vec<(u32, u32)>,
}

impl<'t> Spans<'t> {
    /// With what [`containers`](interlingua_protocol::json::containers) tells of the document.
    pub(crate) fn new(document: &'t str, containers: Vec<(u32, u32)>) -> Self {
        Self { document, containers }
    }

    pub(crate) fn document(&self) -> &'t str {
        self.document
    }

    /// The members of an object that is a part of the document.
    pub(crate) fn members(&self, json: &'t str) -> Vec<Member<'t>> {
        members_by(json, |at| self.end(json, at))
    }

    /// The elements of an array that is a part of the document.
    pub(crate) fn elements(&self, json: &'t str) -> Vec<&'t str> {
        elements_by(json, |at| self.end(json, at))
    }

    /// Where the container ends that begins at `at` in `json`.
    fn end(&self, json: &str, at: usize) -> Option<usize> {
        let offset = json.as_ptr().addr().checked_sub(self.document.as_ptr().addr())?;
        let begin = u32::try_from(offset + at).ok()?;
        let nth = self.containers.binary_search_by_key(&begin, |it| it.0).ok()?;
        let (start, end) = self.containers[nth];
        // What never ends has none.
        (end > start).then(|| end as usize - offset)
    }
}

/// The members of an object, in their order; none if `json` is no object.
pub(crate) fn members(json: &str) -> Vec<Member<'_>> {
    members_by(json, |at| end_of(json, at))
}

/// The elements of an array, in their order; none if `json` is no array.
pub(crate) fn elements(json: &str) -> Vec<&str> {
    elements_by(json, |at| end_of(json, at))
}

fn end_of(json: &str, at: usize) -> Option<usize> {
    container_end(json.as_bytes().get(at..)?).map(|end| at + end)
}

/// The inside of a JSON string, escaped as it is.
pub(crate) fn unquoted(json: &str) -> Option<&str> {
    json.strip_prefix('"')?.strip_suffix('"')
}

fn members_by(json: &str, end_of: impl Fn(usize) -> Option<usize>) -> Vec<Member<'_>> {
    let mut members = Vec::new();
    let Some(mut at) = inside(json, b'{') else { return members };
    while json.as_bytes().get(at) == Some(&b'"') {
        let Some(end) = string_end(json.as_bytes(), at) else { break };
        let name = name(json.get(at + 1..end - 1).unwrap_or_default());
        let colon = blanks(json.as_bytes(), end);
        let start = blanks(json.as_bytes(), colon + 1);
        let Some(end) = value_end(json.as_bytes(), start, &end_of) else { break };
        let [value, whole] = [start, at].map(|from| json.get(from..end).unwrap_or_default());
        members.push(Member { name, value, whole });
        at = next(json.as_bytes(), end);
    }
    members
}

fn elements_by(json: &str, end_of: impl Fn(usize) -> Option<usize>) -> Vec<&str> {
    let mut elements = Vec::new();
    let Some(mut at) = inside(json, b'[') else { return elements };
    while let Some(end) = value_end(json.as_bytes(), at, &end_of) {
        elements.push(json.get(at..end).unwrap_or_default());
        at = next(json.as_bytes(), end);
    }
    elements
}

/// The value of the member `name`; the last counts, as for every reader.
pub(crate) fn member<'t>(members: &[Member<'t>], name: &str) -> Option<&'t str> {
    members.iter().rev().find(|it| it.name == name).map(|it| it.value)
}

/// A name by the inside of its string.
fn name(inside: &str) -> Cow<'_, str> {
    match inside.contains('\\') {
        true => Text::Json(inside.into()).into_plain(),
        false => inside.into(),
    }
}

/// Where the first thing in a container begins.
fn inside(json: &str, opening: u8) -> Option<usize> {
    let start = blanks(json.as_bytes(), 0);
    (json.as_bytes().get(start) == Some(&opening)).then(|| blanks(json.as_bytes(), start + 1))
}

/// Where the next thing begins, behind the comma.
fn next(bytes: &[u8], end: usize) -> usize {
    let at = blanks(bytes, end);
    if bytes.get(at) == Some(&b',') { blanks(bytes, at + 1) } else { at }
}

fn blanks(bytes: &[u8], at: usize) -> usize {
    let rest = bytes.get(at..).unwrap_or_default();
    at + rest.iter().take_while(|it| it.is_ascii_whitespace()).count()
}

/// Where the value ends that begins at `at`; `None` if none does. `end_of` knows it of containers.
fn value_end(bytes: &[u8], at: usize, end_of: impl Fn(usize) -> Option<usize>) -> Option<usize> {
    match bytes.get(at)? {
        b'"' => string_end(bytes, at),
        b'{' | b'[' => end_of(at),
        b'}' | b']' | b',' | b':' => None,
        _ => {
            let ends = |it: &u8| matches!(it, b',' | b'}' | b']') || it.is_ascii_whitespace();
            let length = bytes[at..].iter().position(ends);
            Some(length.map_or(bytes.len(), |length| at + length))
        }
    }
}

fn string_end(bytes: &[u8], at: usize) -> Option<usize> {
    let mut from = at + 1;
    loop {
        let quote = from + memchr(b'"', bytes.get(from..)?)?;
        let slashes = bytes[at + 1..quote].iter().rev().take_while(|it| **it == b'\\').count();
        if slashes % 2 == 0 {
            return Some(quote + 1);
        }
        from = quote + 1;
    }
}

#[cfg(test)]
mod tests {
    use interlingua_protocol::json::{Limits, containers};

    use super::*;

    fn spans(json: &str) -> Spans<'_> {
        Spans::new(json, containers(json.as_bytes(), Limits::default()).unwrap())
    }

    #[test]
    fn objects_are_taken_apart() {
        let json = r#" { "a" : 1 , "b\u0063":"x\"}", "d":{"e":[1,{"f":"]"}]},"g":null } "#;
        let members = members(json);
        let got: Vec<_> = members.iter().map(|it| (it.name.as_ref(), it.value)).collect();
        let expect =
            [("a", "1"), ("bc", r#""x\"}""#), ("d", r#"{"e":[1,{"f":"]"}]}"#), ("g", "null")];
        assert_eq!(got, expect);
        assert_eq!(members[1].whole, r#""b\u0063":"x\"}""#);
        assert_eq!(member(&members, "bc"), Some(r#""x\"}""#));
        assert_eq!(member(&members, "x"), None);
    }

    #[test]
    fn arrays_are_taken_apart() {
        assert_eq!(
            elements(r#"[ "a\\" , {"b":","},[],-1e3 ]"#),
            [r#""a\\""#, r#"{"b":","}"#, "[]", "-1e3"]
        );
        assert_eq!(elements("[]"), Vec::<&str>::new());
        assert_eq!(elements("{}"), Vec::<&str>::new());
        assert_eq!(members("[]"), []);
    }

    #[test]
    fn a_document_is_looked_through_once() {
        let json = r#" {"a":[{"b":"]}"},[1]],"c":{"d":{}}} "#;
        let spans = spans(json);
        let top = spans.members(json);
        assert_eq!(top, members(json));
        let list = member(&top, "a").unwrap();
        assert_eq!(spans.elements(list), elements(list));
        assert_eq!(spans.members(spans.elements(list)[0])[0].value, r#""]}""#);
        // What is no part of it has no containers in it.
        assert_eq!(spans.elements("[[]]"), Vec::<&str>::new());
    }

    #[test]
    fn what_is_no_json_ends_somewhere() {
        for broken in
            ["", "{", "[", "{\"a", "{\"a\"", "{\"a\":", "{\"a\":[", "[1,,2]", "[\"", "{]", "[["]
        {
            members(broken);
            elements(broken);
            let spans = spans(broken);
            assert_eq!(spans.members(broken), members(broken));
            assert_eq!(spans.elements(broken), elements(broken));
        }
    }
}
