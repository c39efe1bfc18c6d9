//! One form for all ways of writing the same JSON.

use std::fmt;
use std::ops::Range;

use serde::de::{DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Visitor};

/// Writes the canonical form of a call's JSON arguments.
///
/// Clients parse arguments and write them anew: keys change their order, blanks come and go, `1.0`
/// becomes `1` and `\u00e9` becomes `é`. None of this changes the form. What is no JSON is taken as it
/// stands, without the blanks around it; no arguments are the same as empty ones.
pub(crate) fn canonical(json: &str, out: &mut Vec<u8>) {
    let start = out.len();
    let json = match json.trim() {
        "" => "{}",
        json => json,
    };
    let mut parser = serde_json::Deserializer::from_str(json);
    let read = Canonical(out).deserialize(&mut parser).and_then(|()| parser.end());
    if read.is_err() {
        out.truncate(start);
        out.push(RAW);
        out.extend_from_slice(json.as_bytes());
    }
}

const NULL: u8 = b'n';
const FALSE: u8 = b'f';
const TRUE: u8 = b't';
const NUMBER: u8 = b'd';
const STRING: u8 = b's';
const LIST: u8 = b'[';
const OBJECT: u8 = b'{';
const END: u8 = b'.';
const RAW: u8 = b'r';

/// Writes the value that it is shown.
struct Canonical<'o>(&'o mut Vec<u8>);

impl<'de> DeserializeSeed<'de> for Canonical<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, from: D) -> Result<(), D::Error> {
        from.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Canonical<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_unit<E: Error>(self) -> Result<(), E> {
        self.0.push(NULL);
        Ok(())
    }

    fn visit_bool<E: Error>(self, value: bool) -> Result<(), E> {
        self.0.push(if value { TRUE } else { FALSE });
        Ok(())
    }

    #[expect(clippy::cast_precision_loss, reason = "most clients know no other number")]
    fn visit_u64<E: Error>(self, value: u64) -> Result<(), E> {
        self.visit_f64(value as f64)
    }

    #[expect(clippy::cast_precision_loss, reason = "most clients know no other number")]
    fn visit_i64<E: Error>(self, value: i64) -> Result<(), E> {
        self.visit_f64(value as f64)
    }

    fn visit_f64<E: Error>(self, value: f64) -> Result<(), E> {
        self.0.push(NUMBER);
        // Zero has a sign that does not survive being written.
        self.0.extend_from_slice(&(value + 0.0).to_bits().to_le_bytes());
        Ok(())
    }

    fn visit_str<E: Error>(self, value: &str) -> Result<(), E> {
        self.0.push(STRING);
        self.0.extend_from_slice(&value.len().to_le_bytes());
        self.0.extend_from_slice(value.as_bytes());
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<(), A::Error> {
        self.0.push(LIST);
        while let Some(()) = list.next_element_seed(Canonical(self.0))? {}
        self.0.push(END);
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        let out = self.0;
        out.push(OBJECT);
        let start = out.len();
        let mut members: Vec<Member> = Vec::new();
        loop {
            let from = out.len();
            if map.next_key_seed(Canonical(out))?.is_none() {
                break;
            }
            let key = from..out.len();
            map.next_value_seed(Canonical(out))?;
            members.push(Member { key, end: out.len() });
        }
        if !members.is_sorted_by(|a, b| out[a.key.clone()] < out[b.key.clone()]) {
            sort(out, start, members);
        }
        out.push(END);
        Ok(())
    }
}

/// Where a member of an object stands.
struct Member {
    key: Range<usize>,
    end: usize,
}

/// Puts the members that stand from `start` on into the order of their keys. Of a key that is there
/// twice the last one counts, as for every parser that clients use.
fn sort(out: &mut Vec<u8>, start: usize, mut members: Vec<Member>) {
    members.sort_by(|a, b| out[a.key.clone()].cmp(&out[b.key.clone()]));
    let mut sorted = Vec::with_capacity(out.len() - start);
    for (nth, member) in members.iter().enumerate() {
        let next = members.get(nth + 1).map(|it| &out[it.key.clone()]);
        if next != Some(&out[member.key.clone()]) {
            sorted.extend_from_slice(&out[member.key.start..member.end]);
        }
    }
    out.truncate(start);
    out.extend_from_slice(&sorted);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(a: &str, b: &str, same: bool) {
        let form = |json: &str| {
            let mut out = Vec::new();
            canonical(json, &mut out);
            out
        };
        assert_eq!(form(a) == form(b), same, "{a} {b}");
    }

    #[test]
    fn ways_of_writing_are_one() {
        check(r#"{"a":1,"b":[true,null]}"#, " { \"b\" : [ true, null ],\n\"a\" : 1 } ", true);
        check(r#"{"a":1.0,"b":1e3,"c":-0.0}"#, r#"{"a":1,"b":1000,"c":0}"#, true);
        check(r#"{"é":"\u00e9\/"}"#, r#"{"\u00e9":"é/"}"#, true);
        check(r#"{"n":{"b":2,"a":1},"m":0}"#, r#"{"m":0,"n":{"a":1,"b":2}}"#, true);
        check(r#"{"a":1,"a":2}"#, r#"{"a":2}"#, true);
        check(r#"{"b":0,"a":1,"a":2}"#, r#"{"a":2,"b":0}"#, true);
        check("12345678901234567890", "12345678901234567000", true);
        check("", "{}", true);
        check("{\"cut", " {\"cut\n", true);
    }

    #[test]
    fn what_differs_differs() {
        check(r#"{"a":1}"#, r#"{"a":2}"#, false);
        check(r#"{"a":1}"#, r#"{"a":"1"}"#, false);
        check(r#"{"a":[1,2]}"#, r#"{"a":[2,1]}"#, false);
        check(r#"{"a":[[1],2]}"#, r#"{"a":[[1,2]]}"#, false);
        check(r#"{"a":"bc"}"#, r#"{"ab":"c"}"#, false);
        check(r#"{"a":{}}"#, r#"{"a":[]}"#, false);
        check("null", "false", false);
        check("{} {}", "{}", false);
    }

    #[test]
    fn depth_is_no_danger() {
        check(&"[".repeat(100_000), "[", false);
    }
}
