//! References inside a schema, replaced by what they refer to.

use serde_json::{Map, Value};

use super::{Lost, each_inner};

/// The most references that are replaced in one schema: each may hold others, so that a small schema
/// could become a huge one.
const MAX_INLINED: usize = 2_000;

/// How much may be put in the place of references in one schema, in bytes: a large definition needs few of
/// them to become a huge schema.
const MAX_SIZE: usize = 4 << 20;

/// A kind is said in fewer bytes than this.
const MAX_KIND: usize = 128;

/// How deep a reference may stand that is replaced: what is nested deeper than this is nobody's tool, and
/// could not be walked through safely.
const MAX_DEPTH: usize = 64;

/// Replaces the references of one schema.
pub(super) struct Inliner<'i> {
    root: &'i Value,
    lost: &'i mut Lost,
    /// The references that are being replaced, outermost first.
    within: Vec<String>,
    inlined: usize,
    size: usize,
    /// How many schemas are around the one that is looked at.
    depth: usize,
}

impl<'i> Inliner<'i> {
    pub(super) fn new(root: &'i Value, lost: &'i mut Lost) -> Self {
        Self { root, lost, within: Vec::new(), inlined: 0, size: 0, depth: 0 }
    }

    /// The schema without references, and without the definitions that nothing refers to any more.
    pub(super) fn inlined(mut self) -> Value {
        let mut tree = self.root.clone();
        if let Value::Object(root) = &mut tree {
            root.shift_remove("$defs");
            root.shift_remove("definitions");
        }
        self.schema(&mut tree);
        tree
    }

    fn schema(&mut self, value: &mut Value) {
        let Value::Object(schema) = value else { return };
        self.depth += 1;
        if let Some(Value::String(reference)) = schema.shift_remove("$ref") {
            self.replace(&reference, value);
        } else {
            for (key, inner) in schema {
                each_inner(key, inner, &mut |it| self.schema(it));
            }
        }
        self.depth -= 1;
    }

    /// Puts what `reference` means in the place of `value`; what stands beside a reference is kept.
    fn replace(&mut self, reference: &str, value: &mut Value) {
        let target = reference.strip_prefix('#').and_then(|pointer| self.root.pointer(pointer));
        let circular = self.within.iter().any(|it| it == reference);
        let full = self.inlined >= MAX_INLINED || self.depth >= MAX_DEPTH;
        let mut meant = match target {
            Some(Value::Object(target)) if circular || full || !self.affords(target.values()) => {
                // A schema cannot hold itself: from here on only the kind is said.
                self.lost.add("$ref");
                let mut kept = Map::new();
                for (key, it) in target {
                    let says = match &**key {
                        "type" => size(it) < MAX_KIND,
                        "description" => self.affords([it]),
                        _ => false,
                    };
                    if says {
                        kept.insert(key.clone(), it.clone());
                    }
                }
                kept.into()
            }
            Some(target) => {
                self.inlined += 1;
                let mut target = target.clone();
                self.within.push(reference.to_owned());
                self.schema(&mut target);
                self.within.pop();
                target
            }
            None => {
                self.lost.add("$ref");
                Value::Object(Map::new())
            }
        };
        let beside = std::mem::take(value);
        if let (Value::Object(meant), Value::Object(beside)) = (&mut meant, beside) {
            for (key, mut inner) in beside {
                each_inner(&key, &mut inner, &mut |it| self.schema(it));
                meant.insert(key, inner);
            }
        }
        *value = meant;
    }

    /// Whether so much may still be put in somewhere; once something may not, nothing may.
    fn affords<'v>(&mut self, values: impl IntoIterator<Item = &'v Value>) -> bool {
        for value in values {
            if self.size <= MAX_SIZE {
                self.size += size(value);
            }
        }
        self.size <= MAX_SIZE
    }
}

/// About how many bytes a value is written in.
fn size(value: &Value) -> usize {
    match value {
        Value::String(text) => text.len() + 2,
        Value::Array(list) => list.iter().map(size).sum::<usize>() + 2,
        Value::Object(object) => {
            object.iter().map(|(key, it)| key.len() + 4 + size(it)).sum::<usize>() + 2
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => 8,
    }
}
