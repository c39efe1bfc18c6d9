//! Where things stand in a JSON document, for those who change it in place.

use std::borrow::Cow;
use std::fmt;

use interlingua_protocol::Name;
use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;

use crate::splices::range_in;

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

/// The members of an object, in their order; none if `json` is no object.
pub(crate) fn members(json: &str) -> Vec<Member<'_>> {
    read_members(json).unwrap_or_default()
}

/// Like [`members`], for a document that nobody has read yet.
pub(crate) fn read_members(json: &str) -> serde_json::Result<Vec<Member<'_>>> {
    let pairs: Pairs<'_> = serde_json::from_str(json)?;
    let mut end = 0;
    let members = pairs.0.into_iter().map(|(Name(name), value)| {
        // Before a name nothing but blanks, a comma, and the opening bracket can stand.
        let before = json.get(end..).unwrap_or_default();
        let start = end + before.find('"').unwrap_or_default();
        end = range_in(json, value.get()).unwrap_or_default().end;
        let whole = json.get(start..end).unwrap_or_default();
        Member { name, value: value.get(), whole }
    });
    Ok(members.collect())
}

/// The elements of an array, in their order; none if `json` is no array.
pub(crate) fn elements(json: &str) -> Vec<&str> {
    let elements: Vec<&RawValue> = serde_json::from_str(json).unwrap_or_default();
    elements.into_iter().map(RawValue::get).collect()
}

/// The value of the member `name`; the last counts, as for every reader.
pub(crate) fn member<'t>(members: &[Member<'t>], name: &str) -> Option<&'t str> {
    members.iter().rev().find(|it| it.name == name).map(|it| it.value)
}

/// The names and values of an object, in order.
struct Pairs<'d>(Vec<(Name<'d>, &'d RawValue)>);

impl<'de: 'd, 'd> Deserialize<'de> for Pairs<'d> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct PairsVisitor;
        impl<'de> Visitor<'de> for PairsVisitor {
            type Value = Pairs<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<M: MapAccess<'de>>(self, mut map: M) -> Result<Self::Value, M::Error> {
                let mut pairs = Vec::new();
                while let Some(pair) = map.next_entry()? {
                    pairs.push(pair);
                }
                Ok(Pairs(pairs))
            }
        }
        deserializer.deserialize_map(PairsVisitor)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
    fn what_is_no_json_has_no_parts() {
        for broken in ["", "{", "[", "{\"a\":1", "{\"a\":[", "[1,,2]", "[\"", "{]"] {
            assert_eq!(members(broken), [], "{broken}");
            assert_eq!(elements(broken), Vec::<&str>::new(), "{broken}");
        }
    }
}
