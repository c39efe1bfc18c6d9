//! Sets and removes single keys in the text of a `config.toml`.
//!
//! The parser says where a value stands, and only there the text is cut and mended. What is not
//! touched is not written anew either, so its bytes cannot change: comments, order, blank lines and
//! line ends, whatever they are. One key is changed at a time, and the text parsed again for the next.

use std::ops::Range;

use interlingua_registry::foreign::Gaps;
use toml_edit::{Document, InlineTable, Item, Table, TableLike, Value};

use crate::config::PROVIDER_ID;
use crate::owned::{OWNED, OwnedKey, PROVIDERS, Place, is_dotted, slice};

/// Some editors begin a file with it; the first line begins behind it.
const BYTE_ORDER_MARK: char = '\u{feff}';

/// Why a text cannot be edited. It is left as it is then.
#[non_exhaustive]
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum EditError {
    /// It is not TOML.
    #[error("line {line}, column {column}: this is not TOML: {what}; mend it first")]
    NotToml {
        /// The line, from 1.
        line: usize,
        /// The column, in characters, from 1.
        column: usize,
        /// What the parser says.
        what: String,
    },
    /// It is not even text.
    #[error("byte {at}: this is not UTF-8, which TOML has to be; mend it first")]
    NotUtf8 {
        /// Where the first byte stands that is none.
        at: usize,
    },
    /// A value stands where a table of providers has to be.
    #[error(
        "line {line}: `{what}` has to be a table, and Codex refuses it as it is; mend it first"
    )]
    NotATable {
        /// The line, from 1.
        line: usize,
        /// The key.
        what: String,
    },
    /// The result would not be what was asked for, so it is thrown away.
    #[error(
        "it is written in a way that cannot be edited without changing more than our keys; \
         put the lines of `codex print` into it by hand"
    )]
    Unsafe,
}

/// Parses a text, with the places of everything in it.
pub(crate) fn parse(text: &str) -> Result<Document<&str>, EditError> {
    Document::parse(text).map_err(|error| {
        let (line, column) = place(text, error.span().map_or(0, |span| span.start));
        let what = error.message().trim().replace('\n', ", ");
        EditError::NotToml { line, column, what }
    })
}

/// The line and the column of a byte, from 1.
pub(crate) fn place(text: &str, at: usize) -> (usize, usize) {
    let before = text.get(..at).unwrap_or(text);
    let line = before.matches('\n').count() + 1;
    let start = before.rfind('\n').map_or(0, |it| it + 1);
    let column = slice(before, start..before.len()).trim_start_matches(BYTE_ORDER_MARK);
    (line, column.chars().count() + 1)
}

/// Makes sure that there is a place for our provider's keys.
pub(crate) fn check(text: &str) -> Result<(), EditError> {
    home(text, &parse(text)?).map(drop)
}

/// Gives a key a value, which is TOML source, or takes it out.
pub(crate) fn set(
    text: &str,
    key: OwnedKey,
    value: Option<&str>,
    gaps: Gaps,
) -> Result<String, EditError> {
    let Some(value) = value else { return remove(text, key, gaps) };
    let document = parse(text)?;
    match key.find(&document) {
        Some(Item::Value(old)) if !is_dotted(old) => Ok(splice(text, span(old), value)),
        None => insert(text, &document, key, value),
        Some(_) => {
            let text = remove(text, key, Gaps::Keep)?;
            insert(&text, &parse(&text)?, key, value)
        }
    }
}

/// Takes out our provider's table if nothing stands in it.
pub(crate) fn remove_empty_table(text: &str) -> Result<String, EditError> {
    let document = parse(text)?;
    match home(text, &document)? {
        Home::Header(table) if table.is_empty() => {
            let lines = lines(text, table.span().unwrap_or_default());
            let start = blank_line_above(text, lines.start).unwrap_or(lines.start);
            Ok(splice(text, start..lines.end, ""))
        }
        Home::Braces { table, .. } if table.is_empty() && !table.is_dotted() => {
            let outer = document.get(PROVIDERS).and_then(Item::as_inline_table);
            Ok(cut_value(text, table.span().unwrap_or_default(), outer, Gaps::Close))
        }
        _ => Ok(text.to_owned()),
    }
}

/// Where our provider's keys stand or would stand; TOML has many ways to write a table.
enum Home<'d> {
    /// Nowhere: a table can be added at the end.
    Nowhere,
    /// `[model_providers.interlingua]`
    Header(&'d Table),
    /// `interlingua.name = …` below `[model_providers]`, or the same at the root. The table whose
    /// lines they join, and the beginning of their names.
    Lines(&'d Table, String),
    /// In braces: the innermost ones, and the beginning of their names.
    Braces { table: &'d InlineTable, prefix: String },
    /// In braces that hold other providers.
    OtherBraces(&'d InlineTable),
}

fn home<'d>(text: &str, document: &'d Document<&str>) -> Result<Home<'d>, EditError> {
    let not_a_table = |what: String, item: &Item| {
        let (line, _) = place(text, item.span().map_or(0, |span| span.start));
        EditError::NotATable { line, what }
    };
    let Some(providers) = document.get(PROVIDERS) else { return Ok(Home::Nowhere) };
    let ours = || format!("{PROVIDERS}.{PROVIDER_ID}");
    match providers {
        Item::Value(Value::InlineTable(outer)) => match outer.get(PROVIDER_ID) {
            None => Ok(Home::OtherBraces(outer)),
            Some(Value::InlineTable(inner)) if inner.is_dotted() => {
                Ok(Home::Braces { table: outer, prefix: format!("{PROVIDER_ID}.") })
            }
            Some(Value::InlineTable(table)) => Ok(Home::Braces { table, prefix: String::new() }),
            Some(_) => Err(not_a_table(ours(), providers)),
        },
        Item::Table(outer) => {
            let above = if outer.is_dotted() { format!("{PROVIDERS}.") } else { String::new() };
            match outer.get(PROVIDER_ID) {
                None if outer.is_dotted() => {
                    Ok(Home::Lines(outer, format!("{above}{PROVIDER_ID}.")))
                }
                None => Ok(Home::Nowhere),
                Some(Item::Value(Value::InlineTable(table))) => {
                    Ok(Home::Braces { table, prefix: String::new() })
                }
                Some(Item::Table(table)) if table.is_dotted() => {
                    Ok(Home::Lines(table, format!("{above}{PROVIDER_ID}.")))
                }
                // Only its children have a header.
                Some(Item::Table(table)) if table.is_implicit() => Ok(Home::Nowhere),
                Some(Item::Table(table)) => Ok(Home::Header(table)),
                Some(item) => Err(not_a_table(ours(), item)),
            }
        }
        item => Err(not_a_table(PROVIDERS.to_owned(), item)),
    }
}

fn insert(
    text: &str,
    document: &Document<&str>,
    key: OwnedKey,
    value: &str,
) -> Result<String, EditError> {
    let name = key.name();
    let line = format!("{name} = {value}");
    if key.place() == Place::Root {
        return Ok(insert_at_root(text, document, &line));
    }
    Ok(match home(text, document)? {
        Home::Nowhere => append_table(text, &line),
        Home::Header(table) => {
            let header = table.span().unwrap_or_default();
            insert_line(text, last_leaf(table).unwrap_or(header), &line)
        }
        Home::Lines(table, prefix) => {
            let last = last_leaf(table).unwrap_or_default();
            insert_line(text, last, &format!("{prefix}{line}"))
        }
        Home::Braces { table, prefix } => insert_in_braces(text, table, &format!("{prefix}{line}")),
        Home::OtherBraces(table) => {
            insert_in_braces(text, table, &format!("{PROVIDER_ID} = {{ {line} }}"))
        }
    })
}

/// Beside those of our keys that are there already, else behind the last one, else on top.
fn insert_at_root(text: &str, document: &Document<&str>, line: &str) -> String {
    let root = document.as_table();
    let ours = OWNED.iter().filter(|key| key.place() == Place::Root);
    let beside = ours.filter_map(|key| match key.find(document) {
        Some(Item::Value(value)) => Some(span(value)),
        _ => None,
    });
    let beside = beside.max_by_key(|span| span.end);
    if let Some(neighbour) = beside.or_else(|| last_leaf(root)) {
        return insert_line(text, neighbour, line);
    }
    let end = line_end(text);
    let at = top(text, document);
    let (before, after) = text.split_at(at);
    let first =
        if before.is_empty() || before.ends_with(['\n', BYTE_ORDER_MARK]) { "" } else { end };
    let gap = if after.is_empty() || after.starts_with(['\n', '\r']) { "" } else { end };
    format!("{before}{first}{line}{end}{gap}{after}")
}

/// Where the first key of a file goes: behind a comment that speaks about the whole file, which is one
/// with a blank line after it, and behind the line in which editors look for the schema.
fn top(text: &str, document: &Document<&str>) -> usize {
    let start = first_line(text);
    let Some(end) = first_header(document.as_table()) else { return text.len() };
    let lines = slice(text, start..end).split_inclusive('\n');
    let is_comment = |line: &&str| line.starts_with('#');
    let is_blank = |line: &&str| line.trim().is_empty();
    let comment: usize = lines.clone().take_while(is_comment).map(str::len).sum();
    let blank: usize =
        lines.clone().skip_while(is_comment).take_while(is_blank).map(str::len).sum();
    let schema = lines.take(1).find(|line| line.starts_with("#:")).map_or(0, str::len);
    start + if blank > 0 { comment + blank } else { schema }
}

/// Where the first header begins, in the order of the text.
fn first_header(table: &dyn TableLike) -> Option<usize> {
    let headers = table.iter().filter_map(|(_, item)| match item {
        Item::Table(table) => {
            let own = table.span().filter(|_| !table.is_implicit() && !table.is_dotted());
            own.map(|span| span.start).into_iter().chain(first_header(table)).min()
        }
        Item::ArrayOfTables(tables) => tables.iter().filter_map(|it| Some(it.span()?.start)).min(),
        _ => None,
    });
    headers.min()
}

fn append_table(text: &str, line: &str) -> String {
    let end = line_end(text);
    let is_blank = text.trim_start_matches(BYTE_ORDER_MARK).trim().is_empty();
    let has_end = text.is_empty() || text.ends_with('\n') || text.ends_with(BYTE_ORDER_MARK);
    let first = if has_end { "" } else { end };
    let gap = if is_blank { "" } else { end };
    format!("{text}{first}{gap}[{PROVIDERS}.{PROVIDER_ID}]{end}{line}{end}")
}

/// Inserts a line below the one in which something ends, as far from the margin as that begins.
fn insert_line(text: &str, neighbour: Range<usize>, line: &str) -> String {
    let neighbour = lines(text, neighbour);
    let above = slice(text, neighbour.clone());
    let letter = above.trim_start_matches([' ', '\t']);
    let indent = slice(above, 0..above.len() - letter.len());
    let (before, after) = text.split_at(neighbour.end);
    match above.ends_with('\n') {
        true => {
            let end = if above.ends_with("\r\n") { "\r\n" } else { "\n" };
            format!("{before}{indent}{line}{end}{after}")
        }
        // It was the last line, and ended with the file.
        false => {
            let end = line_end(text);
            format!("{before}{end}{indent}{line}{end}{after}")
        }
    }
}

fn insert_in_braces(text: &str, table: &InlineTable, entry: &str) -> String {
    if let Some(last) = last_leaf(table) {
        return splice(text, last.end..last.end, &format!(", {entry}"));
    }
    let inside = inside(table);
    let is_blank = slice(text, inside.clone()).trim().is_empty();
    let space = if is_blank { "" } else { " " };
    let inside = if is_blank { inside } else { inside.start..inside.start };
    splice(text, inside, &format!(" {entry} {space}"))
}

fn remove(text: &str, key: OwnedKey, gaps: Gaps) -> Result<String, EditError> {
    let mut text = text.to_owned();
    // A table is removed piece by piece: its parts may be far from each other.
    loop {
        let document = parse(&text)?;
        let Some(item) = key.find(&document) else { return Ok(text) };
        let Some(piece) = first_piece(item) else { return Err(EditError::Unsafe) };
        let shorter = match (piece, key.place()) {
            (Piece::Table(table), _) => {
                let header = table.span().unwrap_or_default();
                let end = last_leaf(table).map_or(header.end, |last| last.end);
                cut_lines(&text, lines(&text, header.start..end), gaps)
            }
            (Piece::Value(span), Place::Root) => cut_value(&text, span, None, gaps),
            (Piece::Value(span), Place::Provider) => {
                let braces = match home(&text, &document)? {
                    Home::Braces { table, .. } => Some(table),
                    _ => None,
                };
                cut_value(&text, span, braces, gaps)
            }
        };
        if shorter.len() >= text.len() {
            return Err(EditError::Unsafe);
        }
        text = shorter;
    }
}

/// What can be cut in one go.
enum Piece<'d> {
    /// A table with a header and its lines.
    Table(&'d Table),
    /// A key and its value, which stands here.
    Value(Range<usize>),
}

fn first_piece(item: &Item) -> Option<Piece<'_>> {
    match item {
        Item::None => None,
        Item::Value(Value::InlineTable(table)) if table.is_dotted() => {
            last_leaf(table).map(Piece::Value)
        }
        Item::Value(value) => Some(Piece::Value(span(value))),
        Item::Table(table) => {
            // Those below it go first: without them it may still be there, without it they would
            // bring it back.
            let child = table.iter().find_map(|(_, item)| match item {
                Item::Table(_) | Item::ArrayOfTables(_) => first_piece(item),
                _ => None,
            });
            child.or_else(|| match table.is_dotted() || table.is_implicit() {
                true => last_leaf(table).map(Piece::Value),
                false => Some(Piece::Table(table)),
            })
        }
        Item::ArrayOfTables(tables) => tables.iter().last().map(Piece::Table),
    }
}

/// Cuts a key with its value: out of its braces, else with its lines.
fn cut_value(text: &str, value: Range<usize>, braces: Option<&InlineTable>, gaps: Gaps) -> String {
    let Some(braces) = braces else { return cut_lines(text, lines(text, value), gaps) };
    let mut leaves = leaves(braces);
    leaves.sort_by_key(|span| span.start);
    let before = leaves.iter().rev().find(|leaf| leaf.end <= value.start);
    match before {
        Some(before) => splice(text, before.end..value.end, ""),
        None => {
            let start = inside(braces).start;
            let rest = slice(text, value.end..inside(braces).end);
            let comma = rest.find(',').filter(|_| leaves.len() > 1).map_or(0, |at| at + 1);
            splice(text, start..value.end + comma, "")
        }
    }
}

fn cut_lines(text: &str, lines: Range<usize>, gaps: Gaps) -> String {
    let (before, after) = (slice(text, 0..lines.start), slice(text, lines.end..text.len()));
    let is_apart = lines.start == first_line(text) || blank_line_above(text, lines.start).is_some();
    let blank = ["\r\n", "\n"].into_iter().find_map(|blank| after.strip_prefix(blank));
    let after = blank.filter(|_| gaps == Gaps::Close && is_apart).unwrap_or(after);
    format!("{before}{after}")
}

/// Where the line above begins, if it is blank.
fn blank_line_above(text: &str, line: usize) -> Option<usize> {
    let above = slice(text, first_line(text)..line).strip_suffix('\n')?;
    let above = above.strip_suffix('\r').unwrap_or(above);
    (above.is_empty() || above.ends_with('\n')).then_some(first_line(text) + above.len())
}

/// The whole lines in which something stands, with the end of the last.
fn lines(text: &str, span: Range<usize>) -> Range<usize> {
    let (before, after) = (slice(text, 0..span.start), slice(text, span.end..text.len()));
    let start = before.rfind('\n').map_or(first_line(text), |at| at + 1);
    start..after.find('\n').map_or(text.len(), |at| span.end + at + 1)
}

fn first_line(text: &str) -> usize {
    if text.starts_with(BYTE_ORDER_MARK) { BYTE_ORDER_MARK.len_utf8() } else { 0 }
}

/// How the lines of a text end; the first one stands for all.
fn line_end(text: &str) -> &'static str {
    match text.split_once('\n') {
        Some((first, _)) if first.ends_with('\r') => "\r\n",
        _ => "\n",
    }
}

/// What stands between the braces of a table.
fn inside(table: &InlineTable) -> Range<usize> {
    let span = table.span().unwrap_or_default();
    span.start + 1..span.end.saturating_sub(1)
}

/// Where the values stand that a table holds in its own lines or braces, those of dotted keys
/// included.
fn leaves(table: &dyn TableLike) -> Vec<Range<usize>> {
    let leaves = table.iter().flat_map(|(_, item)| match item {
        Item::Value(Value::InlineTable(table)) if table.is_dotted() => leaves(table),
        Item::Value(value) => vec![span(value)],
        Item::Table(table) if table.is_dotted() => leaves(table),
        _ => Vec::new(),
    });
    leaves.collect()
}

fn last_leaf(table: &dyn TableLike) -> Option<Range<usize>> {
    leaves(table).into_iter().max_by_key(|span| span.end)
}

fn span(value: &Value) -> Range<usize> {
    value.span().expect("what was parsed has a place")
}

fn splice(text: &str, span: Range<usize>, with: &str) -> String {
    let (before, after) = (slice(text, 0..span.start), slice(text, span.end..text.len()));
    format!("{before}{with}{after}")
}
