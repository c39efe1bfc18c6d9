//! Sets and removes single properties in the text of a JSON file.
//!
//! The parser says where a value stands, and only there the text is cut and mended. What is not touched
//! is not written anew, so its bytes cannot change: comments, order, indentation and line ends, whatever
//! they are. Texts are without a byte order mark here.

use std::ops::Range;

use jsonc_parser::ast::{Object, ObjectProp, Value};
use jsonc_parser::common::Ranged as _;
use jsonc_parser::{CollectOptions, ParseOptions, parse_to_ast};

/// Why a text cannot be edited. It is left as it is then.
#[non_exhaustive]
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum EditError {
    /// It is not JSON.
    #[error("line {line}, column {column}: this is not JSON: {what}; mend it first")]
    NotJson {
        /// The line, from 1.
        line: usize,
        /// The column, in characters, from 1.
        column: usize,
        /// What the parser says.
        what: String,
    },
    /// It is not even text.
    #[error("byte {at}: this is not UTF-8, which JSON has to be; mend it first")]
    NotUtf8 {
        /// Where the first byte stands that is none.
        at: usize,
    },
    /// Something else stands where an object has to be.
    #[error("line {line}, column {column}: {what} has to be an object; mend it first")]
    NotAnObject {
        /// The line, from 1.
        line: usize,
        /// The column, in characters, from 1.
        column: usize,
        /// What has to be one.
        what: String,
    },
    /// A name stands twice in one object, and nobody knows which is meant.
    #[error(
        "line {line}, column {column}: `{name}` stands here for the second time; mend it first"
    )]
    Twice {
        /// The line of the second, from 1.
        line: usize,
        /// The column of the second, in characters, from 1.
        column: usize,
        /// The name.
        name: String,
    },
    /// The result would not be what was asked for, so it is thrown away.
    #[error(
        "it is written in a way that cannot be edited without changing more than our keys; \
         put the lines of `claude print` into it by hand"
    )]
    Unsafe,
}

/// Comments and trailing commas are read, since people write them; nothing else beyond JSON is.
pub(crate) const TOLERANT: ParseOptions = ParseOptions {
    allow_comments: true,
    allow_trailing_commas: true,
    allow_loose_object_property_names: false,
    allow_missing_commas: false,
    allow_single_quoted_strings: false,
    allow_hexadecimal_numbers: false,
    allow_unary_plus_numbers: false,
    allow_bare_decimal_point_numbers: false,
    allow_non_finite_numbers: false,
    allow_extended_string_escapes: false,
};

/// The object that a text is; nothing if there is no value in it at all.
pub(crate) fn root(text: &str) -> Result<Option<Object<'_>>, EditError> {
    let parsed = parse_to_ast(text, &CollectOptions::default(), &TOLERANT).map_err(|error| {
        let (line, column) = place(text, error.range().start);
        EditError::NotJson { line, column, what: lower_first(&error.kind().to_string()) }
    })?;
    match parsed.value {
        None => Ok(None),
        Some(Value::Object(object)) => Ok(Some(object)),
        Some(other) => Err(not_an_object(text, other.range().start, "the whole")),
    }
}

/// A property by its name.
pub(crate) fn find<'o, 't>(
    text: &str,
    object: &'o Object<'t>,
    name: &str,
) -> Result<Option<&'o ObjectProp<'t>>, EditError> {
    let mut found = object.properties.iter().filter(|it| it.name.as_str() == name);
    let first = found.next();
    match found.next() {
        None => Ok(first),
        Some(second) => {
            let (line, column) = place(text, second.range.start);
            Err(EditError::Twice { line, column, name: name.to_owned() })
        }
    }
}

/// The same, if it is an object.
pub(crate) fn find_object<'o, 't>(
    text: &str,
    object: &'o Object<'t>,
    name: &str,
) -> Result<Option<&'o Object<'t>>, EditError> {
    match find(text, object, name)?.map(|it| &it.value) {
        None => Ok(None),
        Some(Value::Object(object)) => Ok(Some(object)),
        Some(other) => Err(not_an_object(text, other.range().start, &format!("`{name}`"))),
    }
}

/// What is written where a value stands.
pub(crate) fn source<'t>(text: &'t str, property: &ObjectProp<'_>) -> &'t str {
    slice(text, property.value.start()..property.value.end())
}

/// Puts another source in a value's place.
pub(crate) fn replace(text: &str, property: &ObjectProp<'_>, source: &str) -> String {
    splice(text, property.value.start()..property.value.end(), source)
}

/// Adds a property behind the others. `value` is given the indentation of the line that it begins in.
pub(crate) fn insert(
    text: &str,
    object: &Object<'_>,
    name: &str,
    value: impl Fn(&Style<'_>) -> String,
) -> String {
    let inside = inside(object);
    let inner = slice(text, inside.clone());
    let end = line_end(text);
    let unit = unit(text);
    let outer = indent_of(text, object.range.start);
    let entry = |indent: &str, wide: bool| {
        let style = Style { indent, unit, end, wide };
        format!("\"{name}\": {}", value(&style))
    };
    let first = object.properties.first();
    let indent =
        first.map_or(format!("{outer}{unit}"), |it| indent_of(text, it.range.start).to_owned());
    if inner.trim().is_empty() {
        let entry = entry(&indent, true);
        return splice(text, inside, &format!("{end}{indent}{entry}{end}{outer}"));
    }
    let wide = inner.contains('\n');
    let entry = entry(&indent, wide);
    let space = if wide { format!("{end}{indent}") } else { " ".to_owned() };
    // Comments belong to what stands before them.
    let content_end = inside.start + inner.trim_end().len();
    let (before, after) = text.split_at(content_end);
    let Some(last) = object.properties.last() else {
        return format!("{before}{space}{entry}{after}");
    };
    if comma_after(text, last.range.end).is_some() {
        return format!("{before}{space}{entry},{after}");
    }
    let (before, comments) = before.split_at(last.range.end);
    format!("{before},{comments}{space}{entry}{after}")
}

/// Takes a property out, with its comma, and with its line if nothing else stands there.
pub(crate) fn remove(text: &str, object: &Object<'_>, name: &str) -> String {
    let Some(at) = object.properties.iter().position(|it| it.name.as_str() == name) else {
        return text.to_owned();
    };
    let inside = inside(object);
    let gone = object.properties[at].range;
    let comma = comma_after(text, gone.end);
    let piece = gone.start..comma.map_or(gone.end, |comma| comma + 1);
    // The comma that led to it, if it was the last.
    let leading = at
        .checked_sub(1)
        .filter(|_| comma.is_none())
        .and_then(|before| comma_after(text, object.properties[before].range.end));
    let left = [slice(text, inside.start..piece.start), slice(text, piece.end..inside.end)];
    if left.iter().all(|it| it.trim().is_empty()) {
        return splice(text, inside, "");
    }
    let text = splice(text, cut(text, piece, inside), "");
    match leading {
        Some(comma) => splice(&text, comma..comma + 1, ""),
        None => text,
    }
}

/// How what is inserted is to be written.
pub(crate) struct Style<'a> {
    /// Before the line in which it begins.
    pub(crate) indent: &'a str,
    /// One step deeper.
    pub(crate) unit: &'a str,
    /// How lines end.
    pub(crate) end: &'a str,
    /// Whether each property has a line of its own.
    pub(crate) wide: bool,
}

impl Style<'_> {
    /// An object with one property.
    pub(crate) fn object(&self, name: &str, source: &str) -> String {
        let Self { indent, unit, end, wide } = self;
        match wide {
            true => format!("{{{end}{indent}{unit}\"{name}\": {source}{end}{indent}}}"),
            false => format!("{{\"{name}\": {source}}}"),
        }
    }
}

/// A text with an object where there was no value.
pub(crate) fn begin(text: &str, name: &str, value: impl Fn(&Style<'_>) -> String) -> String {
    let end = line_end(text);
    let style = Style { indent: "  ", unit: "  ", end, wide: true };
    let gap = if text.is_empty() || text.ends_with('\n') { "" } else { end };
    format!("{text}{gap}{{{end}  \"{name}\": {}{end}}}{end}", value(&style))
}

/// What is cut with a piece: its lines if it has them alone, else the space up to its neighbour.
fn cut(text: &str, piece: Range<usize>, inside: Range<usize>) -> Range<usize> {
    let before = slice(text, inside.start..piece.start);
    let after = slice(text, piece.end..inside.end);
    let head = before.len() - before.trim_end_matches([' ', '\t']).len();
    let tail = after.len() - after.trim_start_matches([' ', '\t', '\r']).len();
    let is_alone = slice(before, 0..before.len() - head).ends_with('\n')
        && slice(after, tail..after.len()).starts_with('\n');
    match is_alone {
        true => piece.start - head..piece.end + tail + 1,
        // What follows it, such as a comment or another property, takes its place.
        false if !after.trim().is_empty() && !after.starts_with(['\r', '\n']) => {
            let space = after.len() - after.trim_start_matches([' ', '\t']).len();
            piece.start..piece.end + space
        }
        false => piece.start - head..piece.end,
    }
}

/// Where the comma behind a property stands, if one does.
fn comma_after(text: &str, at: usize) -> Option<usize> {
    let mut rest = slice(text, at..text.len());
    loop {
        rest = rest.trim_start();
        rest = match rest.get(..2) {
            Some("//") => rest.split_once('\n')?.1,
            Some("/*") => rest.split_once("*/")?.1,
            _ => return rest.starts_with(',').then_some(text.len() - rest.len()),
        };
    }
}

/// The line and the column of a byte, from 1.
pub(crate) fn place(text: &str, at: usize) -> (usize, usize) {
    let before = text.get(..at).unwrap_or(text);
    let line = before.matches('\n').count() + 1;
    let start = before.rfind('\n').map_or(0, |it| it + 1);
    (line, slice(before, start..before.len()).chars().count() + 1)
}

fn not_an_object(text: &str, at: usize, what: &str) -> EditError {
    let (line, column) = place(text, at);
    EditError::NotAnObject { line, column, what: what.to_owned() }
}

fn inside(object: &Object<'_>) -> Range<usize> {
    object.range.start + 1..object.range.end - 1
}

/// The space at the beginning of the line of a byte.
fn indent_of(text: &str, at: usize) -> &str {
    let before = slice(text, 0..at);
    let line = slice(text, before.rfind('\n').map_or(0, |it| it + 1)..at);
    slice(line, 0..line.len() - line.trim_start_matches([' ', '\t']).len())
}

/// How far the first indented line stands from the margin; that is one step.
fn unit(text: &str) -> &str {
    let indents = text.lines().skip(1).filter(|line| !line.trim().is_empty());
    let indents =
        indents.map(|line| slice(line, 0..line.len() - line.trim_start_matches([' ', '\t']).len()));
    indents.into_iter().find(|it| !it.is_empty()).unwrap_or("  ")
}

/// How the lines of a text end; the first one stands for all.
fn line_end(text: &str) -> &'static str {
    match text.split_once('\n') {
        Some((first, _)) if first.ends_with('\r') => "\r\n",
        _ => "\n",
    }
}

fn lower_first(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map_or(String::new(), |first| first.to_lowercase().chain(letters).collect())
}

fn slice(text: &str, span: Range<usize>) -> &str {
    text.get(span).expect("what the parser gives begins and ends between characters")
}

fn splice(text: &str, span: Range<usize>, with: &str) -> String {
    let (before, after) = (slice(text, 0..span.start), slice(text, span.end..text.len()));
    format!("{before}{with}{after}")
}
