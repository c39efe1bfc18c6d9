//! Documents that are changed in a few places and stay as they are everywhere else.

use std::fmt;
use std::ops::Range;

use interlingua_protocol::Name;
use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;

/// Changes of a document, made all at once.
#[derive(Debug)]
pub(crate) struct Edits<'d> {
    document: &'d str,
    edits: Vec<(Range<usize>, Vec<u8>)>,
}

impl<'d> Edits<'d> {
    pub(crate) fn new(document: &'d str) -> Self {
        Self { document, edits: Vec::new() }
    }

    /// Puts `with` in the place of `span`, or between two characters where it is empty. Spans do not
    /// overlap; what is put into one place keeps its order.
    pub(crate) fn replace(&mut self, span: Range<usize>, with: impl Into<Vec<u8>>) {
        self.edits.push((span, with.into()));
    }

    /// Where `inner`, a slice of the document, lies in it.
    pub(crate) fn span(&self, inner: &str) -> Range<usize> {
        span(self.document, inner)
    }

    /// The changed document.
    pub(crate) fn apply(mut self) -> Vec<u8> {
        // What is put before something that goes comes first.
        self.edits.sort_by_key(|(span, _)| (span.start, span.end));
        let added: usize = self.edits.iter().map(|(_, with)| with.len()).sum();
        let mut out = Vec::with_capacity(self.document.len() + added);
        let mut at = 0;
        for (span, with) in self.edits {
            out.extend_from_slice(self.document.get(at..span.start).unwrap_or_default().as_bytes());
            out.extend_from_slice(&with);
            at = at.max(span.end);
        }
        out.extend_from_slice(self.document.get(at..).unwrap_or_default().as_bytes());
        out
    }
}

/// The entries of an object or a list, in order, with the places where each stands.
#[derive(Debug)]
pub(crate) struct Entries<'d> {
    /// Right behind the opening bracket.
    pub(crate) start: usize,
    pub(crate) list: Vec<Entry<'d>>,
}

/// A field of an object, or an element of a list, which has no name.
#[derive(Debug)]
pub(crate) struct Entry<'d> {
    pub(crate) name: Name<'d>,
    pub(crate) json: &'d RawValue,
    /// From its name, if it has one, to the end of its value.
    pub(crate) span: Range<usize>,
}

impl<'d> Entries<'d> {
    /// Reads the fields of an object that lies in `document`.
    pub(crate) fn of_object(document: &str, object: &'d str) -> serde_json::Result<Self> {
        let fields: Fields<'d> = serde_json::from_str(object)?;
        let start = span(document, object.trim_start()).start + 1;
        let mut end = start;
        let list = fields.0.into_iter().map(|(name, json)| {
            // Between two fields nothing but blanks and a comma can stand.
            let between = document.get(end..).unwrap_or_default();
            let from = end + between.find('"').unwrap_or_default();
            end = span(document, json.get()).end;
            Entry { name, json, span: from..end }
        });
        Ok(Self { list: list.collect(), start })
    }

    /// Reads the elements of a list that lies in `document`.
    pub(crate) fn of_list(document: &str, list: &'d str) -> serde_json::Result<Self> {
        let elements: Vec<&'d RawValue> = serde_json::from_str(list)?;
        let start = span(document, list.trim_start()).start + 1;
        let list = elements.into_iter().map(|json| {
            let name = Name::default();
            Entry { name, json, span: span(document, json.get()) }
        });
        Ok(Self { list: list.collect(), start })
    }

    /// The value of a field; the last counts, as for every reader.
    pub(crate) fn get(&self, name: &str) -> Option<&'d RawValue> {
        self.list.iter().rev().find(|it| it.name.as_str() == name).map(|it| it.json)
    }

    /// Sets a field to `json`, in its place if it has one, else in front of all others. One field at
    /// least stays behind it.
    pub(crate) fn set(&self, name: &str, json: &str, edits: &mut Edits<'_>) {
        let mut there = false;
        for entry in self.list.iter().filter(|it| it.name.as_str() == name) {
            there = true;
            if entry.json.get() != json {
                edits.replace(edits.span(entry.json.get()), json);
            }
        }
        if !there {
            edits.replace(self.start..self.start, format!("\"{name}\":{json},"));
        }
    }

    /// Takes the entries out for which `goes` is true, each with the comma that parts it from a
    /// neighbour.
    pub(crate) fn remove(&self, goes: impl Fn(usize) -> bool, edits: &mut Edits<'_>) {
        let mut kept = false;
        for (nth, entry) in self.list.iter().enumerate() {
            if !goes(nth) {
                kept = true;
                continue;
            }
            let before = nth.checked_sub(1).and_then(|nth| self.list.get(nth));
            let next = self.list.get(nth + 1);
            let span = match (kept, before, next) {
                (true, Some(before), _) => before.span.end..entry.span.end,
                (_, _, Some(next)) => entry.span.start..next.span.start,
                (_, _, None) => entry.span.clone(),
            };
            edits.replace(span, "");
        }
    }
}

/// Where a slice of a document lies in it.
fn span(document: &str, inner: &str) -> Range<usize> {
    let start = inner.as_ptr().addr().wrapping_sub(document.as_ptr().addr());
    start..start.wrapping_add(inner.len())
}

/// The fields of an object, in order.
struct Fields<'d>(Vec<(Name<'d>, &'d RawValue)>);

impl<'de: 'd, 'd> Deserialize<'de> for Fields<'d> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct FieldsVisitor;
        impl<'de> Visitor<'de> for FieldsVisitor {
            type Value = Fields<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<M: MapAccess<'de>>(self, mut map: M) -> Result<Self::Value, M::Error> {
                let mut fields = Vec::new();
                while let Some(field) = map.next_entry()? {
                    fields.push(field);
                }
                Ok(Fields(fields))
            }
        }
        deserializer.deserialize_map(FieldsVisitor)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Removes what the bits of `which` say from an object of three fields.
    fn removed(which: usize) -> String {
        let document = r#"{ "a" : 1 , "b":[2], "a\u0062":3 }"#;
        let fields = Entries::of_object(document, document).unwrap();
        let mut edits = Edits::new(document);
        fields.remove(|nth| which & (1 << nth) != 0, &mut edits);
        String::from_utf8(edits.apply()).unwrap()
    }

    #[test]
    fn what_is_removed_leaves_a_document() {
        assert_eq!(removed(0b000), r#"{ "a" : 1 , "b":[2], "a\u0062":3 }"#);
        assert_eq!(removed(0b001), r#"{ "b":[2], "a\u0062":3 }"#);
        assert_eq!(removed(0b010), r#"{ "a" : 1, "a\u0062":3 }"#);
        assert_eq!(removed(0b100), r#"{ "a" : 1 , "b":[2] }"#);
        assert_eq!(removed(0b011), r#"{ "a\u0062":3 }"#);
        assert_eq!(removed(0b110), r#"{ "a" : 1 }"#);
        assert_eq!(removed(0b101), r#"{ "b":[2] }"#);
        assert_eq!(removed(0b111), "{  }");
    }

    #[test]
    fn fields_are_set_where_they_are_or_in_front() {
        let document = r#"{"a": 1, "b": {"c": 2}, "a": 3}"#;
        let fields = Entries::of_object(document, document).unwrap();
        assert_eq!(fields.get("a").unwrap().get(), "3");
        let inner = Entries::of_object(document, fields.get("b").unwrap().get()).unwrap();
        let mut edits = Edits::new(document);
        fields.set("a", "9", &mut edits);
        fields.set("new", "\"x\"", &mut edits);
        fields.set("newer", "0", &mut edits);
        inner.set("c", "4", &mut edits);
        let changed = String::from_utf8(edits.apply()).unwrap();
        assert_eq!(changed, r#"{"new":"x","newer":0,"a": 9, "b": {"c": 4}, "a": 9}"#);
    }

    #[test]
    fn elements_of_a_list_have_places() {
        let document = r#"{"l": [ 1, {"x":[2]} ,3]}"#;
        let fields = Entries::of_object(document, document).unwrap();
        let list = Entries::of_list(document, fields.get("l").unwrap().get()).unwrap();
        let mut edits = Edits::new(document);
        list.remove(|nth| nth == 2, &mut edits);
        edits.replace(list.list[1].span.start..list.list[1].span.start, "0,");
        edits.replace(list.list[0].span.clone(), "7");
        assert_eq!(edits.apply(), br#"{"l": [ 7, 0,{"x":[2]}]}"#);
    }
}
