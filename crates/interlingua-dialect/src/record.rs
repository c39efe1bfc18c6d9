use std::ops::Range;

use serde::Deserialize;
use serde_json::{Map, Value};
use toml_edit::{Document, Item, TableLike};

use crate::dialect::{BLOCKS, Wire};
use crate::problem::{Problem, Problems};
use crate::read::{Expect, Reader, elements, span_of};
use crate::shape::{Field, Kind, Shape, block, closed_enum};

/// One record as it was written: a patch over the defaults or over another record.
#[derive(Clone, Debug)]
pub(crate) struct Record {
    pub(crate) id: String,
    pub(crate) title: Option<String>,
    pub(crate) wire: Option<Wire>,
    pub(crate) extends: Option<String>,
    pub(crate) patch: Map<String, Value>,
    pub(crate) families: Vec<Family>,
    pub(crate) evidence: Vec<Evidence>,
    /// Where it stands in the text, for problems that only show when records are put together.
    pub(crate) id_place: Option<Range<usize>>,
    pub(crate) extends_place: Option<Range<usize>>,
    pub(crate) effort_place: Option<Range<usize>>,
}

/// What the record says about some models.
#[derive(Clone, Debug)]
pub(crate) struct Family {
    /// Globs on the model's id, in lower case and without the vendor's prefix.
    pub(crate) globs: Vec<String>,
    pub(crate) patch: Map<String, Value>,
    pub(crate) place: Option<Range<usize>>,
}

block! {
    /// How we know that a part of a record is true.
    pub struct Evidence {
        /// The part, as a dotted path into the record.
        pub path: String,
        /// How sure we are.
        pub confidence: Confidence,
        /// Who says so, and when it was read.
        pub source: String,
        /// A recorded answer that shows it, under `fixtures/dialects`.
        pub fixture: Option<String>,
    }
}

closed_enum! {
    /// How sure we are of a part of a record.
    pub enum Confidence {
        /// Seen, or the vendor's own words.
        High = "high",
        /// Told by several who use it, or by one with proof.
        Medium = "medium",
        /// Told by one; check it before relying on it.
        Low = "low",
    }
}

impl Record {
    /// Reads a record and reports all of its problems at once.
    pub(crate) fn parse(
        file: &str,
        text: &str,
        compile_patterns: bool,
    ) -> Result<Self, Vec<Problem>> {
        let mut problems = Problems::new(file, text);
        let document = match Document::parse(text) {
            Ok(document) => document,
            Err(error) => {
                problems.add(error.span().as_ref(), error.message().trim_end());
                return Err(problems.into_sorted());
            }
        };
        let record = read(&mut Reader::new(&mut problems, compile_patterns), document.as_table());
        match (record, problems.into_sorted()) {
            (Some(record), problems) if problems.is_empty() => Ok(record),
            (_, problems) => Err(problems),
        }
    }
}

const HEAD: [Field; 6] = [
    Field { name: "id", about: "How configuration refers to it.", kind: Kind::Text },
    Field { name: "title", about: "Its name for humans.", kind: Kind::Text },
    Field { name: "wire", about: "The protocol that it is a dialect of.", kind: Wire::KIND },
    Field {
        name: "extends",
        about: "The record that this one is a patch over; without it, the defaults.",
        kind: Kind::Text,
    },
    Field {
        name: "evidence",
        about: "How we know that its parts are true.",
        kind: Vec::<Evidence>::KIND,
    },
    Field {
        name: "families",
        about: "What it says about some models; the later of several that fit wins.",
        kind: Kind::List(&Kind::Table(&FAMILY)),
    },
];

const FAMILY: [Field; 3] = [
    Field {
        name: "match",
        about: "Patterns for model ids in lower case, without the vendor's prefix; `*` is any text.",
        kind: Kind::List(&Kind::Text),
    },
    Field {
        name: "note",
        about: "What is peculiar about them, in words.",
        kind: <Option<String> as Shape>::KIND,
    },
    Field {
        name: "patch",
        about: "What is laid over the record: the same blocks.",
        kind: Kind::Patch(BLOCKS),
    },
];

/// All that a record may hold at its top.
pub(crate) fn record_fields() -> Vec<Field> {
    HEAD.iter().chain(BLOCKS).copied().collect()
}

fn read(reader: &mut Reader<'_, '_>, root: &dyn TableLike) -> Option<Record> {
    let fields = record_fields();
    let mut patch = reader.table("", root, &fields, Expect::Patch, None);
    let extends = text(patch.remove("extends"));
    if extends.is_none() && !root.contains_key("wire") {
        reader.problem(
            None,
            "`wire` is missing; write \"chat\" or \"messages\", or say what it `extends`",
        );
    }
    let id_place = span_of(root, "id");
    let id = text(patch.remove("id")).filter(|id| is_id(id));
    if id.is_none() {
        reader.problem(
            id_place.as_ref(),
            "`id` must be lower-case letters, digits and underscores, a letter first",
        );
    }
    Some(Record {
        title: text(patch.remove("title")),
        wire: patch.remove("wire").and_then(|wire| Wire::deserialize(wire).ok()),
        extends_place: root.get("extends").and_then(Item::span),
        extends,
        families: families(reader, patch.remove("families"), root.get("families")),
        evidence: patch
            .remove("evidence")
            .and_then(|evidence| Vec::deserialize(evidence).ok())
            .unwrap_or_default(),
        effort_place: effort_place(root),
        patch,
        id_place,
        id: id?,
    })
}

/// Takes the families that were read, with their places; both lists have the same length unless
/// there are problems anyway.
fn families(
    reader: &mut Reader<'_, '_>,
    read: Option<Value>,
    written: Option<&Item>,
) -> Vec<Family> {
    let Some(Value::Array(read)) = read else { return Vec::new() };
    let written = written.and_then(elements).unwrap_or_default();
    let mut families = Vec::with_capacity(read.len());
    for (mut family, written) in read.into_iter().zip(written) {
        let place = written.span();
        let globs = family["match"].as_array().into_iter().flatten();
        let globs: Vec<_> = globs.filter_map(Value::as_str).map(str::to_lowercase).collect();
        if globs.is_empty() {
            reader.problem(
                place.as_ref(),
                "a family needs `match`, a list of patterns for model ids, such as [\"o3*\"]",
            );
        }
        let patch = match family["patch"].take() {
            Value::Object(patch) => patch,
            _ => Map::new(),
        };
        families.push(Family { globs, patch, place });
    }
    families
}

fn effort_place(root: &dyn TableLike) -> Option<Range<usize>> {
    span_of(root.get("thinking")?.as_table_like()?, "effort")
}

fn text(value: Option<Value>) -> Option<String> {
    match value {
        Some(Value::String(text)) => Some(text),
        _ => None,
    }
}

fn is_id(id: &str) -> bool {
    let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
    id.starts_with(|c: char| c.is_ascii_lowercase()) && id.chars().all(plain)
}
