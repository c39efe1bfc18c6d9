use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use toml_edit::{Document, Item, TableLike, Value as Toml};

use crate::discovered::Discovered;
use crate::problem::{Origin, Place, Problem, ProblemKind};

/// What files, environment and flags say, each value with the place it came from.
///
/// Layers are laid one over the other, the weakest first: system file, user file, the file that a
/// flag names, environment, flags. Tables melt into one another key by key; anything else, lists
/// included, is replaced as a whole. What cannot even be parsed is remembered and reported by
/// [`check`](crate::check) together with all the rest.
#[derive(Default)]
pub struct RawConfig {
    pub(crate) root: Table,
    pub(crate) problems: Vec<Problem>,
    /// Some dialects are not known, because their records are wrong.
    pub(crate) lacks_dialects: bool,
    pub(crate) environment: Environment,
    pub(crate) discovered: Discovered,
}

impl RawConfig {
    /// Begins without any layer.
    pub fn new() -> Self {
        Self::default()
    }

    /// Lays a TOML file over what is there. `name` is what messages call it.
    #[must_use]
    pub fn file(mut self, name: &str, text: &str) -> Self {
        // Editors on Windows leave a byte-order mark; the parser takes it for a key.
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        let lines = Lines::new(name, text);
        match Document::parse(text) {
            Ok(document) => self.root.lay_over(table(document.as_table(), &lines)),
            Err(error) => {
                let origin = lines.origin(error.span());
                let what = format!("this is not TOML: {}", error.message().replace('\n', ", "));
                self.problems.push(Problem::new(&origin, what));
            }
        }
        self
    }

    /// Remembers a file that could not be read.
    #[must_use]
    pub fn unreadable(mut self, name: &str, why: &str) -> Self {
        let place = Place { file: name.into(), line: 1, column: 1 };
        let mut problem = Problem::new(&Origin::File(place), format!("cannot be read: {why}"));
        problem.kind = ProblemKind::Unreadable;
        self.problems.push(problem);
        self
    }

    /// Remembers what is wrong with the user's own dialect records. A name that no dialect has may be that
    /// of one of them then, and is no problem of its own.
    #[must_use]
    pub fn wrong_dialects(mut self, problems: Vec<interlingua_dialect::Problem>) -> Self {
        self.lacks_dialects |= !problems.is_empty();
        self.problems.extend(problems.into_iter().map(|it| {
            let place = Place { file: it.file.into(), line: it.line, column: it.column };
            Problem::new(&Origin::File(place), it.message)
        }));
        self
    }

    /// Lays `INTERLINGUA_<SECTION>__<KEY>` over what is there and keeps the vendors' own variables
    /// for the presets.
    ///
    /// Two underscores part the levels; a key of the top level stands alone (`INTERLINGUA_LISTEN`).
    /// A list may be written as TOML (`["a", "b"]`) or with commas.
    #[must_use]
    pub fn environment(mut self, environment: &Environment) -> Self {
        for (name, value) in &environment.0 {
            let Some(path) = name.strip_prefix("INTERLINGUA_").map(str::to_ascii_lowercase) else {
                continue;
            };
            let path: Vec<&str> = path.split("__").collect();
            let ours = path.len() > 1 || TOP_LEVEL.contains(&path[0]);
            if ours && !value.is_empty() {
                self.root.set(&path, value, &Origin::Variable(name.as_str().into()));
            }
        }
        self.environment = environment.clone();
        self
    }

    /// Adds what providers say about their own models. It counts for open providers only, and only as
    /// long as they are those that were asked.
    #[must_use]
    pub fn discovered(mut self, discovered: Discovered) -> Self {
        self.discovered = discovered;
        self
    }

    /// Lays the value of a command line flag over what is there. `path` is dotted.
    #[must_use]
    pub fn flag(mut self, flag: &str, path: &str, value: &str) -> Self {
        let path: Vec<&str> = path.split('.').collect();
        self.root.set(&path, value, &Origin::Flag(flag.into()));
        self
    }
}

/// Never shows a value: somebody may have written a key where its name belongs.
impl fmt::Debug for RawConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RawConfig").finish_non_exhaustive()
    }
}

/// The environment variables of a process, or those that a test wants to be seen.
#[derive(Clone, Default)]
pub struct Environment(BTreeMap<String, String>);

impl Environment {
    /// The variable's value; an empty one counts as not set.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str).filter(|value| !value.trim().is_empty())
    }
}

impl<K: Into<String>, V: Into<String>> FromIterator<(K, V)> for Environment {
    fn from_iter<I: IntoIterator<Item = (K, V)>>(variables: I) -> Self {
        Self(variables.into_iter().map(|(name, value)| (name.into(), value.into())).collect())
    }
}

/// Shows names only.
impl fmt::Debug for Environment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.0.keys()).finish()
    }
}

/// The keys of the top level that an environment variable may set without a section. Other names
/// that begin with `INTERLINGUA_` belong to the program around us, not to the configuration.
const TOP_LEVEL: &[&str] = &[
    "allowed_hosts",
    "cors_origins",
    "default_model",
    "discover",
    "expose_all_models",
    "expose_headers",
    "listen",
    "workers",
];

/// A value and where it came from.
#[derive(Clone)]
pub(crate) struct Node {
    pub(crate) value: Value,
    pub(crate) origin: Origin,
}

#[derive(Clone)]
pub(crate) enum Value {
    Text(String),
    Integer(i64),
    Fraction(f64),
    Boolean(bool),
    /// Text from outside a file, whose type the reader decides.
    Loose(String),
    List(Vec<Node>),
    Table(Table),
    /// A type that no key has, by its name.
    Other(&'static str),
}

/// Keys in the order in which they were written.
#[derive(Clone, Default)]
pub(crate) struct Table(pub(crate) Vec<Entry>);

#[derive(Clone)]
pub(crate) struct Entry {
    pub(crate) key: String,
    /// Where the key stands, which is not where its value stands.
    pub(crate) origin: Origin,
    pub(crate) node: Node,
}

impl Table {
    pub(crate) fn get(&self, key: &str) -> Option<&Entry> {
        self.0.iter().find(|entry| entry.key == key)
    }

    fn lay_over(&mut self, above: Self) {
        for new in above.0 {
            match self.0.iter_mut().find(|entry| entry.key == new.key) {
                None => self.0.push(new),
                Some(old) => match (&mut old.node.value, new.node.value) {
                    (Value::Table(old), Value::Table(new)) => old.lay_over(new),
                    (_, value) => {
                        old.node = Node { value, origin: new.node.origin };
                        old.origin = new.origin;
                    }
                },
            }
        }
    }

    fn set(&mut self, path: &[&str], value: &str, origin: &Origin) {
        let Some((key, rest)) = path.split_last() else { return };
        let leaf = Node { value: Value::Loose(value.to_owned()), origin: origin.clone() };
        let entry =
            |key: &str, node| Self(vec![Entry { key: key.into(), origin: origin.clone(), node }]);
        let table = rest.iter().rev().fold(entry(key, leaf), |inner, key| {
            entry(key, Node { value: Value::Table(inner), origin: origin.clone() })
        });
        self.lay_over(table);
    }
}

/// Turns byte offsets into lines and columns.
struct Lines<'a> {
    file: Arc<str>,
    text: &'a str,
    starts: Vec<usize>,
}

impl<'a> Lines<'a> {
    fn new(file: &str, text: &'a str) -> Self {
        let breaks = text.bytes().enumerate().filter(|(_, byte)| *byte == b'\n');
        let starts = std::iter::once(0).chain(breaks.map(|(at, _)| at + 1)).collect();
        Self { file: file.into(), text, starts }
    }

    fn origin(&self, span: Option<std::ops::Range<usize>>) -> Origin {
        let at = span.map_or(0, |span| span.start);
        let line = self.starts.partition_point(|start| *start <= at);
        let before = self.text.get(self.starts[line - 1]..at).unwrap_or_default();
        let column = before.chars().count() + 1;
        Origin::File(Place { file: self.file.clone(), line, column })
    }
}

fn table(from: &dyn TableLike, lines: &Lines<'_>) -> Table {
    let entries = from.iter().filter_map(|(key, item)| {
        let key_span = from.key(key).and_then(toml_edit::Key::span);
        let span = item.span().or_else(|| key_span.clone());
        let node = Node { value: value(item, lines)?, origin: lines.origin(span) };
        let origin = lines.origin(key_span.or_else(|| item.span()));
        Some(Entry { key: key.to_owned(), origin, node })
    });
    Table(entries.collect())
}

fn value(item: &Item, lines: &Lines<'_>) -> Option<Value> {
    Some(match item {
        Item::None => return None,
        Item::Value(value) => scalar(value, lines),
        Item::Table(inner) => Value::Table(table(inner, lines)),
        Item::ArrayOfTables(tables) => {
            let nodes = tables.iter().map(|inner| Node {
                value: Value::Table(table(inner, lines)),
                origin: lines.origin(inner.span()),
            });
            Value::List(nodes.collect())
        }
    })
}

fn scalar(from: &Toml, lines: &Lines<'_>) -> Value {
    match from {
        Toml::String(text) => Value::Text(text.value().clone()),
        Toml::Integer(number) => Value::Integer(*number.value()),
        Toml::Boolean(flag) => Value::Boolean(*flag.value()),
        Toml::Float(number) => Value::Fraction(*number.value()),
        Toml::Datetime(_) => Value::Other("a date"),
        Toml::InlineTable(inner) => Value::Table(table(inner, lines)),
        Toml::Array(list) => {
            let nodes = list.iter().map(|value| Node {
                value: scalar(value, lines),
                origin: lines.origin(value.span()),
            });
            Value::List(nodes.collect())
        }
    }
}

/// A list that was given as text: TOML if it looks like it, else words between commas.
pub(crate) fn loose_list(text: &str, origin: &Origin) -> Vec<Node> {
    let node = |text: &str| Node { value: Value::Loose(text.to_owned()), origin: origin.clone() };
    if text.trim_start().starts_with('[')
        && let Ok(Toml::Array(list)) = text.parse::<Toml>()
        && let Some(words) = list.iter().map(Toml::as_str).collect::<Option<Vec<_>>>()
    {
        return words.into_iter().map(node).collect();
    }
    text.split(',').map(str::trim).filter(|word| !word.is_empty()).map(node).collect()
}
