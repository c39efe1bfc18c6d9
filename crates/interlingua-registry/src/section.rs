use std::cell::RefCell;
use std::time::Duration;

use crate::problem::{Origin, Problem, suggest};
use crate::raw::{Node, Table, Value, loose_list};
use crate::units;

/// One effective value of the configuration.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Row {
    /// The dotted path of the key.
    pub path: String,
    /// The value as a person would write it. Secrets appear by their name only.
    pub value: String,
    /// Where it came from.
    pub origin: Origin,
}

/// What a check finds out on its way.
#[derive(Default)]
pub(crate) struct Findings {
    problems: RefCell<Vec<Problem>>,
    warnings: RefCell<Vec<Problem>>,
    rows: RefCell<Vec<Row>>,
}

impl Findings {
    pub(crate) fn new(problems: Vec<Problem>) -> Self {
        Self { problems: RefCell::new(problems), ..Self::default() }
    }

    pub(crate) fn problem(&self, problem: Problem) {
        self.problems.borrow_mut().push(problem);
    }

    pub(crate) fn warning(&self, warning: Problem) {
        self.warnings.borrow_mut().push(warning);
    }

    pub(crate) fn row(&self, path: String, value: &(impl ToString + ?Sized), origin: &Origin) {
        let row = Row { path, value: value.to_string(), origin: origin.clone() };
        self.rows.borrow_mut().push(row);
    }

    pub(crate) fn into_parts(self) -> (Vec<Problem>, Vec<Problem>, Vec<Row>) {
        (self.problems.into_inner(), self.warnings.into_inner(), self.rows.into_inner())
    }
}

/// A value of the right type, and where it came from.
pub(crate) struct Found<T> {
    pub(crate) value: T,
    pub(crate) origin: Origin,
}

/// Reads one table, key by key, and knows at the end which keys nobody asked for.
pub(crate) struct Section<'a> {
    path: String,
    table: &'a Table,
    pub(crate) origin: Origin,
    pub(crate) findings: &'a Findings,
    known: RefCell<Vec<&'static str>>,
}

impl<'a> Section<'a> {
    pub(crate) fn root(table: &'a Table, findings: &'a Findings) -> Self {
        Self::new(String::new(), table, Origin::Default, findings)
    }

    pub(crate) fn new(
        path: String,
        table: &'a Table,
        origin: Origin,
        findings: &'a Findings,
    ) -> Self {
        Self { path, table, origin, findings, known: RefCell::default() }
    }

    /// The dotted path of a key in this table.
    pub(crate) fn path(&self, key: &str) -> String {
        match (self.path.as_str(), is_bare(key)) {
            ("", true) => key.to_owned(),
            ("", false) => format!("{key:?}"),
            (path, true) => format!("{path}.{key}"),
            (path, false) => format!("{path}.{key:?}"),
        }
    }

    pub(crate) fn node(&self, key: &'static str) -> Option<&'a Node> {
        self.known.borrow_mut().push(key);
        self.table.get(key).map(|entry| &entry.node)
    }

    pub(crate) fn text(&self, key: &'static str) -> Option<Found<String>> {
        let node = self.node(key)?;
        match &node.value {
            Value::Text(text) | Value::Loose(text) => self.found(node, text.clone()),
            other => self.wrong(key, node, "text", other),
        }
    }

    pub(crate) fn boolean(&self, key: &'static str) -> Option<Found<bool>> {
        let node = self.node(key)?;
        match &node.value {
            Value::Boolean(flag) => self.found(node, *flag),
            Value::Loose(text) if text == "true" || text == "1" => self.found(node, true),
            Value::Loose(text) if text == "false" || text == "0" => self.found(node, false),
            other => self.wrong(key, node, "`true` or `false`", other),
        }
    }

    /// A whole number above zero.
    pub(crate) fn count(&self, key: &'static str) -> Option<Found<u64>> {
        let node = self.node(key)?;
        let number = match &node.value {
            Value::Integer(number) => u64::try_from(*number).ok(),
            Value::Loose(text) => text.replace('_', "").parse().ok(),
            _ => None,
        };
        match number.filter(|number| *number > 0) {
            Some(number) => self.found(node, number),
            None => self.wrong(key, node, "a whole number above zero", &node.value),
        }
    }

    /// A number that is not below zero.
    pub(crate) fn amount(&self, key: &'static str) -> Option<Found<f64>> {
        let node = self.node(key)?;
        let number = match &node.value {
            Value::Integer(number) => u32::try_from(*number).ok().map(f64::from),
            Value::Fraction(number) => Some(*number),
            Value::Loose(text) => text.parse().ok(),
            _ => None,
        };
        match number.filter(|number| number.is_finite() && *number >= 0.0) {
            Some(number) => self.found(node, number),
            None => self.wrong(key, node, "a number, zero or above", &node.value),
        }
    }

    pub(crate) fn duration(&self, key: &'static str) -> Option<Found<Duration>> {
        let node = self.node(key)?;
        match &node.value {
            Value::Text(text) | Value::Loose(text) => match units::duration(text) {
                Some(duration) => self.found(node, duration),
                None => {
                    self.wrong(key, node, "a time like \"300s\", \"500ms\" or \"2m\"", &node.value)
                }
            },
            other => self.wrong(key, node, "a time like \"300s\", \"500ms\" or \"2m\"", other),
        }
    }

    pub(crate) fn size(&self, key: &'static str) -> Option<Found<usize>> {
        let node = self.node(key)?;
        let size = match &node.value {
            Value::Text(text) | Value::Loose(text) => units::size(text),
            Value::Integer(number) => usize::try_from(*number).ok().filter(|size| *size > 0),
            _ => None,
        };
        match size {
            Some(size) => self.found(node, size),
            None => self.wrong(key, node, "a size like \"64KiB\" or \"16MiB\"", &node.value),
        }
    }

    /// One text or a list of them.
    pub(crate) fn texts(&self, key: &'static str) -> Option<Found<Vec<Found<String>>>> {
        let node = self.node(key)?;
        let texts = Self::nodes(node).into_iter().filter_map(|node| match node.value {
            Value::Text(text) | Value::Loose(text) => {
                Some(Found { value: text, origin: node.origin })
            }
            other => self.wrong(key, &Node { value: other.clone(), ..node }, "text", &other),
        });
        self.found(node, texts.collect())
    }

    pub(crate) fn table(&self, key: &'static str) -> Option<Section<'a>> {
        let node = self.node(key)?;
        self.as_table(self.path(key), key, node)
    }

    /// A list of tables.
    pub(crate) fn tables(&self, key: &'static str) -> Option<Vec<Section<'a>>> {
        let node = self.node(key)?;
        let Value::List(nodes) = &node.value else {
            self.wrong::<()>(key, node, "a list of tables", &node.value);
            return None;
        };
        let tables = nodes
            .iter()
            .enumerate()
            .filter_map(|(n, node)| self.as_table(format!("{}[{n}]", self.path(key)), key, node));
        Some(tables.collect())
    }

    /// All entries, for tables whose keys the user invents. No key counts as unknown any more.
    pub(crate) fn entries(&self) -> impl Iterator<Item = (&'a str, &'a Origin, &'a Node)> {
        self.table.0.iter().map(|entry| (entry.key.as_str(), &entry.origin, &entry.node))
    }

    pub(crate) fn as_table(&self, path: String, key: &str, node: &'a Node) -> Option<Section<'a>> {
        match &node.value {
            Value::Table(table) => Some(Self::new(path, table, node.origin.clone(), self.findings)),
            other => self.wrong(key, node, "a table", other),
        }
    }

    pub(crate) fn problem(&self, problem: Problem) {
        self.findings.problem(problem);
    }

    pub(crate) fn row(&self, key: &str, value: &(impl ToString + ?Sized), origin: &Origin) {
        self.findings.row(self.path(key), value, origin);
    }

    /// Reports the keys that nobody asked for.
    pub(crate) fn close(self) {
        let known = self.known.borrow();
        for entry in &self.table.0 {
            let key = entry.key.as_str();
            if known.contains(&key) || key.starts_with("x-") {
                continue;
            }
            let mut problem = Problem::new(&entry.origin, format!("unknown key `{key}`"));
            problem.remedy = Some(match suggest(key, known.iter().copied()) {
                Some(meant) => format!("did you mean `{meant}`?"),
                None => "remove it, or begin it with `x-` to keep it as a note".to_owned(),
            });
            self.findings.problem(problem);
        }
    }

    /// The nodes of a list, or the one node that stands for a list of one.
    fn nodes(node: &Node) -> Vec<Node> {
        match &node.value {
            Value::List(nodes) => nodes.clone(),
            Value::Loose(text) => loose_list(text, &node.origin),
            _ => vec![node.clone()],
        }
    }

    #[expect(clippy::unnecessary_wraps, reason = "it is the last word of readers that return one")]
    #[expect(clippy::unused_self, reason = "reads like `wrong` beside it")]
    fn found<T>(&self, node: &Node, value: T) -> Option<Found<T>> {
        Some(Found { value, origin: node.origin.clone() })
    }

    fn wrong<T>(&self, key: &str, node: &Node, wanted: &str, got: &Value) -> Option<T> {
        let got = match got {
            Value::Text(_) | Value::Loose(_) => "this text",
            Value::Integer(_) | Value::Fraction(_) => "this number",
            Value::Boolean(_) => "`true` or `false`",
            Value::List(_) => "a list",
            Value::Table(_) => "a table",
            Value::Other(name) => name,
        };
        self.problem(Problem::new(&node.origin, format!("`{key}` must be {wanted}, not {got}")));
        None
    }
}

fn is_bare(key: &str) -> bool {
    !key.is_empty() && key.bytes().all(|c| c.is_ascii_alphanumeric() || c == b'_' || c == b'-')
}
