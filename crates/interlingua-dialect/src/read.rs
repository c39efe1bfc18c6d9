//! Reads a TOML table along its [`Kind`] and reports every mistake with its place.
//!
//! The result is JSON, because records are merged as JSON: there null is a value, which TOML lacks
//! and expresses by `remove = ["field"]`.

use std::ops::Range;

use regex_lite::Regex;
use serde_json::{Map, Value};
use toml_edit::{Item, TableLike};

use crate::problem::{Problems, did_you_mean};
use crate::shape::{Field, Kind, quoted};

/// The key that takes fields of its table away.
pub(crate) const REMOVE: &str = "remove";

/// How strictly a table is read.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Expect {
    /// A patch: every field may be missing.
    Patch,
    /// An element of a list: what is not optional must be there.
    Whole,
}

pub(crate) struct Reader<'a, 'p> {
    problems: &'p mut Problems<'a>,
    /// Compiling a pattern is slow; the embedded records' patterns are compiled by a test.
    compile_patterns: bool,
}

impl<'a, 'p> Reader<'a, 'p> {
    pub(crate) fn new(problems: &'p mut Problems<'a>, compile_patterns: bool) -> Self {
        Self { problems, compile_patterns }
    }

    pub(crate) fn problem(&mut self, place: Option<&Range<usize>>, message: impl Into<String>) {
        self.problems.add(place, message);
    }

    /// Reads a table of known fields.
    pub(crate) fn table(
        &mut self,
        path: &str,
        table: &dyn TableLike,
        fields: &[Field],
        expect: Expect,
        place: Option<&Range<usize>>,
    ) -> Map<String, Value> {
        let mut read = Map::new();
        for (name, item) in table.iter() {
            if name == REMOVE {
                continue;
            }
            let Some(field) = fields.iter().find(|field| field.name == name) else {
                self.unknown_field(path, table, name, fields);
                continue;
            };
            let item_path = join(path, name);
            let place = span_of(table, name);
            if let Some(value) = self.item(&item_path, item, &field.kind, expect, place.as_ref()) {
                read.insert(name.to_owned(), value);
            }
        }
        if let Some(removed) = table.get(REMOVE) {
            self.remove(path, table, removed, fields, &mut read);
        }
        if expect == Expect::Whole {
            let missing = fields
                .iter()
                .filter(|field| !field.kind.is_optional() && !table.contains_key(field.name));
            for field in missing {
                self.problem(place, format!("`{}` is missing", join(path, field.name)));
            }
        }
        read
    }

    /// Reads one value; none if it is wrong, which has then been reported.
    pub(crate) fn item(
        &mut self,
        path: &str,
        item: &Item,
        kind: &Kind,
        expect: Expect,
        key: Option<&Range<usize>>,
    ) -> Option<Value> {
        let span = item.span();
        let place = span.as_ref().or(key);
        match kind {
            // What may be missing below has nothing to be completed from.
            Kind::Nullable(of) => return self.item(path, item, of, Expect::Whole, key),
            Kind::Bool => item.as_bool().map(Value::from),
            Kind::Whole => item.as_integer().and_then(|it| u32::try_from(it).ok()).map(Value::from),
            Kind::Number => match item.as_integer() {
                Some(whole) => Some(whole.into()),
                None => item.as_float().filter(|number| number.is_finite()).map(Value::from),
            },
            Kind::Text => item.as_str().map(Value::from),
            Kind::OneOf(names, _) => return self.one_of(path, item, names, place),
            Kind::Pattern => return self.pattern(path, item, place),
            Kind::List(of) => elements(item).map(|elements| {
                let read = elements.iter().enumerate().filter_map(|(at, element)| {
                    self.item(&format!("{path}[{at}]"), element, of, Expect::Whole, place)
                });
                read.collect()
            }),
            Kind::Map(of) => {
                let table = self.as_table(path, item, kind, place)?;
                let mut map = Map::new();
                for (name, item) in table.iter() {
                    let place = span_of(table, name);
                    let path = join(path, name);
                    if let Some(value) = self.item(&path, item, of, Expect::Whole, place.as_ref()) {
                        map.insert(name.to_owned(), value);
                    }
                }
                return Some(Value::Object(map));
            }
            Kind::Table(fields) => {
                let table = self.as_table(path, item, kind, place)?;
                return Some(Value::Object(self.table(path, table, fields, expect, place)));
            }
            Kind::Patch(fields) => {
                let table = self.as_table(path, item, kind, place)?;
                return Some(Value::Object(self.table(path, table, fields, Expect::Patch, place)));
            }
            Kind::Fields => {
                self.as_table(path, item, kind, place)?;
                return self.json(path, item);
            }
            Kind::Level(names) if item.is_str() => return self.one_of(path, item, names, place),
            Kind::Level(_) => {
                self.as_table(path, item, kind, place)?;
                return self.json(path, item);
            }
        }
        .or_else(|| self.wrong_kind(path, kind, place))
    }

    fn one_of(
        &mut self,
        path: &str,
        item: &Item,
        names: &'static [&'static str],
        place: Option<&Range<usize>>,
    ) -> Option<Value> {
        match item.as_str() {
            Some(name) if names.contains(&name) => Some(name.into()),
            Some(name) => {
                let hint = match did_you_mean(name, names.iter().copied()) {
                    Some(close) => format!("did you mean `{close}`?"),
                    None => format!("write one of {}", quoted(names)),
                };
                self.problem(place, format!("`{path}` cannot be `{name}`; {hint}"));
                None
            }
            None => self.wrong_kind(path, &Kind::OneOf(names, &[]), place),
        }
    }

    fn pattern(&mut self, path: &str, item: &Item, place: Option<&Range<usize>>) -> Option<Value> {
        let pattern = match (item.as_str(), elements(item)) {
            (Some(pattern), _) => Some(pattern.to_owned()),
            (None, Some(several)) => {
                let several: Option<Vec<_>> = several.iter().map(Item::as_str).collect();
                several.map(|several| several.join("|"))
            }
            (None, None) => None,
        };
        let Some(pattern) = pattern else {
            return self.wrong_kind(path, &Kind::Pattern, place);
        };
        if self.compile_patterns
            && let Err(error) = Regex::new(&pattern)
        {
            self.problem(place, format!("`{path}` is no regular expression: {error}"));
            return None;
        }
        Some(pattern.into())
    }

    /// Takes any TOML value as JSON.
    fn json(&mut self, path: &str, item: &Item) -> Option<Value> {
        if let Some(table) = item.as_table_like() {
            let mut map = Map::new();
            for (name, item) in table.iter() {
                map.insert(name.to_owned(), self.json(&join(path, name), item)?);
            }
            return Some(Value::Object(map));
        }
        if let Some(elements) = elements(item) {
            return elements.iter().map(|element| self.json(path, element)).collect();
        }
        let scalar = item
            .as_str()
            .map(Value::from)
            .or_else(|| item.as_bool().map(Value::from))
            .or_else(|| item.as_integer().map(Value::from))
            .or_else(|| item.as_float().filter(|it| it.is_finite()).map(Value::from));
        if scalar.is_none() {
            let place = item.span();
            self.problem(place.as_ref(), format!("`{path}` is a value that JSON does not have"));
        }
        scalar
    }

    fn remove(
        &mut self,
        path: &str,
        table: &dyn TableLike,
        removed: &Item,
        fields: &[Field],
        read: &mut Map<String, Value>,
    ) {
        let path = join(path, REMOVE);
        let place = span_of(table, REMOVE);
        let Some(names) = elements(removed) else {
            self.problem(place.as_ref(), format!("`{path}` must be a list of field names"));
            return;
        };
        for name in names {
            let span = name.span();
            let place = span.as_ref().or(place.as_ref());
            let removable: Vec<_> =
                fields.iter().filter(|field| field.kind.is_nullable()).collect();
            match name.as_str() {
                Some(name) if read.contains_key(name) => {
                    self.problem(place, format!("`{name}` is both written and removed"));
                }
                Some(name) if removable.iter().any(|field| field.name == name) => {
                    read.insert(name.to_owned(), Value::Null);
                }
                _ => {
                    let names: Vec<_> = removable.iter().map(|field| field.name).collect();
                    let may = if names.is_empty() {
                        "no field; every field here must have a value".to_owned()
                    } else {
                        format!("only {}", quoted(&names))
                    };
                    self.problem(place, format!("`{path}` may name {may}"));
                }
            }
        }
    }

    fn unknown_field(&mut self, path: &str, table: &dyn TableLike, name: &str, fields: &[Field]) {
        let known: Vec<_> = fields.iter().map(|field| field.name).collect();
        let hint = match did_you_mean(name, known.iter().copied()) {
            Some(close) => format!("did you mean `{close}`?"),
            None => format!("known here: {}", quoted(&known)),
        };
        let place = span_of(table, name);
        self.problem(place.as_ref(), format!("unknown field `{}`; {hint}", join(path, name)));
    }

    fn as_table<'i>(
        &mut self,
        path: &str,
        item: &'i Item,
        kind: &Kind,
        place: Option<&Range<usize>>,
    ) -> Option<&'i dyn TableLike> {
        let table = item.as_table_like();
        if table.is_none() {
            self.wrong_kind(path, kind, place);
        }
        table
    }

    fn wrong_kind(
        &mut self,
        path: &str,
        kind: &Kind,
        place: Option<&Range<usize>>,
    ) -> Option<Value> {
        self.problem(place, format!("`{path}` must be {}", kind.wanted()));
        None
    }
}

/// The place of a key.
pub(crate) fn span_of(table: &dyn TableLike, name: &str) -> Option<Range<usize>> {
    let (key, item) = table.get_key_value(name)?;
    key.span().or_else(|| item.span())
}

/// The elements of a list, in either of TOML's notations.
pub(crate) fn elements(item: &Item) -> Option<Vec<Item>> {
    match item {
        Item::Value(toml_edit::Value::Array(array)) => {
            Some(array.iter().map(|value| Item::Value(value.clone())).collect())
        }
        Item::ArrayOfTables(tables) => {
            Some(tables.iter().map(|table| Item::Table(table.clone())).collect())
        }
        _ => None,
    }
}

fn join(path: &str, name: &str) -> String {
    if path.is_empty() { name.to_owned() } else { format!("{path}.{name}") }
}
