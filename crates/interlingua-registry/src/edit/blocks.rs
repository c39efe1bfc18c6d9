//! Moving and removing tables as they stand in the text, with the comments that belong to them.
//!
//! A block begins at a table's header or at the comment right above it, and ends where the next one
//! begins. Its content ends with the last line that says something, or with the comment right below
//! it; blank lines and comments that stand alone behind it belong to the place and stay there.

use toml_edit::{Document, DocumentMut, Item, Table, TableLike, Value};

use super::Refused;
use super::text::edit;

/// Removes a provider.
pub(super) fn remove(text: &str, id: &str) -> Result<String, Refused> {
    let layout = Layout::of(text)?;
    if !layout.blocks.iter().any(|block| block.provider.as_deref() == Some(id)) {
        return remove_entry(text, id);
    }
    let mut out = layout.head.to_owned();
    for (n, block) in layout.blocks.iter().enumerate() {
        if block.provider.as_deref() != Some(id) {
            out.push_str(block.content);
            out.push_str(block.gap);
            continue;
        }
        // Of the blank lines before and behind it, the larger part stays.
        let said = out.trim_end_matches(BLANK).len();
        let gap = block.gap.trim_start_matches(BLANK);
        let before = lines(out.get(said..));
        let behind = lines(block.gap.get(..block.gap.len() - gap.len()));
        let is_last = n + 1 == layout.blocks.len();
        if out.is_empty() || (before > behind && !is_last) {
            out.push_str(gap);
        } else {
            out.truncate(said);
            out.push_str(block.gap);
        }
    }
    Ok(out)
}

/// Puts some providers first.
pub(super) fn reorder(text: &str, ids: &[&str]) -> Result<String, Refused> {
    let layout = Layout::of(text)?;
    let document: DocumentMut = text.trim_start_matches(MARK).parse()?;
    let all: Vec<String> = names(&document)?;
    let headed = |id: &String| layout.blocks.iter().any(|it| it.provider.as_ref() == Some(id));
    let rest = all.iter().map(String::as_str).filter(|id| !ids.contains(id));
    let mut order: Vec<&str> = Vec::new();
    for id in ids.iter().copied().chain(rest) {
        if !order.contains(&id) {
            order.push(id);
        }
    }
    if !all.iter().any(headed) {
        return reorder_entries(text, &order);
    }
    if let Some(id) = all.iter().find(|id| !headed(id)) {
        return Err(Refused::Shape(format!("providers.{id}")));
    }
    let of = |id: &str| {
        let id = id.to_owned();
        layout.blocks.iter().filter(move |it| it.provider.as_deref() == Some(id.as_str()))
    };
    let mut contents = order.iter().flat_map(|id| of(id)).map(|block| block.content);
    let mut out = layout.head.to_owned();
    for block in &layout.blocks {
        let moved = block.provider.as_ref().and_then(|_| contents.next());
        out.push_str(moved.unwrap_or(block.content));
        out.push_str(block.gap);
    }
    Ok(out)
}

const MARK: char = '\u{feff}';

const BLANK: [char; 4] = [' ', '\t', '\r', '\n'];

/// A text as blocks.
struct Layout<'t> {
    /// What stands before the first of them.
    head: &'t str,
    blocks: Vec<Block<'t>>,
}

struct Block<'t> {
    /// The provider that it is about.
    provider: Option<String>,
    /// Without the end of its last line.
    content: &'t str,
    /// What stands between it and the next one.
    gap: &'t str,
}

impl<'t> Layout<'t> {
    fn of(text: &'t str) -> Result<Self, Refused> {
        // The parser takes a byte-order mark for a key.
        let mark = text.len() - text.trim_start_matches(MARK).len();
        let document = Document::parse(text.trim_start_matches(MARK))?;
        let mut headers = Vec::new();
        collect(document.as_table(), None, true, &mut headers);
        for (at, _) in &mut headers {
            *at += mark;
        }
        headers.sort_by_key(|(at, _)| *at);
        let starts: Vec<usize> = headers.iter().map(|(at, _)| with_comment(text, *at)).collect();
        let ends = starts.iter().skip(1).copied().chain([text.len()]);
        let mut blocks = Vec::new();
        for ((start, end), (_, provider)) in starts.iter().zip(ends).zip(headers) {
            // Offsets are between characters, so the text is there.
            let whole = text.get(*start..end).unwrap_or_default();
            let (content, gap) = whole.split_at(content_length(whole));
            blocks.push(Block { provider, content, gap });
        }
        let head = text.get(..starts.first().copied().unwrap_or(text.len())).unwrap_or_default();
        Ok(Self { head, blocks })
    }
}

/// Where headers stand, and which provider each is about.
fn collect(
    table: &dyn TableLike,
    provider: Option<&str>,
    is_root: bool,
    headers: &mut Vec<(usize, Option<String>)>,
) {
    for (key, item) in table.iter() {
        let is_list = is_root && key == "providers";
        let mut one = |table: &Table| {
            if let Some(span) = table.span().filter(|_| !table.is_implicit() && !table.is_dotted())
            {
                headers.push((span.start, provider.map(str::to_owned)));
            }
            if is_list {
                collect_providers(table, headers);
            } else {
                collect(table, provider, false, headers);
            }
        };
        match item {
            Item::Table(table) => one(table),
            Item::ArrayOfTables(tables) => tables.iter().for_each(one),
            Item::None | Item::Value(_) => {}
        }
    }
}

fn collect_providers(providers: &Table, headers: &mut Vec<(usize, Option<String>)>) {
    for (id, item) in providers {
        if let Item::Table(table) = item {
            if let Some(span) = table.span().filter(|_| !table.is_implicit() && !table.is_dotted())
            {
                headers.push((span.start, Some(id.to_owned())));
            }
            collect(table, Some(id), false, headers);
        }
    }
}

/// The beginning of the comment right above a header, or of the header's line.
fn with_comment(text: &str, header: usize) -> usize {
    let above = text.get(..header).unwrap_or_default();
    let line_start = above.rfind('\n').map_or(0, |at| at + 1);
    let lines = above.get(..line_start).unwrap_or_default().split_inclusive('\n').rev();
    line_start - lines.take_while(|line| is_comment(line)).map(str::len).sum::<usize>()
}

/// How much of a block says something about it.
fn content_length(block: &str) -> usize {
    let mut length = 0;
    let mut offset = 0;
    let mut open = true;
    for line in block.split_inclusive('\n') {
        let is_blank = line.trim().is_empty();
        // A comment below a blank line stands alone, unless something follows that does not.
        open = !is_blank && (open || !is_comment(line));
        offset += line.len();
        if open {
            length = offset;
        }
    }
    block.get(..length).map_or(0, |content| content.trim_end_matches(BLANK).len())
}

fn lines(blank: Option<&str>) -> usize {
    blank.map_or(0, |blank| blank.matches('\n').count())
}

fn is_comment(line: &str) -> bool {
    line.trim_start().starts_with('#')
}

fn names(document: &DocumentMut) -> Result<Vec<String>, Refused> {
    let providers = document.get("providers").and_then(Item::as_table_like);
    let providers = providers.ok_or_else(|| Refused::Shape("providers".to_owned()))?;
    Ok(providers.iter().map(|(id, _)| id.to_owned()).collect())
}

/// Removes a provider that is written on one line, or as dotted keys.
fn remove_entry(text: &str, id: &str) -> Result<String, Refused> {
    edit(text, |document| {
        let providers = document.get_mut("providers").and_then(Item::as_table_like_mut);
        let removed = providers.and_then(|providers| providers.remove(id));
        removed.map(drop).ok_or_else(|| Refused::unknown("provider", id))
    })
}

fn reorder_entries(text: &str, order: &[&str]) -> Result<String, Refused> {
    edit(text, |document| {
        match document.get_mut("providers") {
            Some(Item::Table(table)) => {
                let moved = order.iter().filter_map(|id| table.remove_entry(id));
                for (key, item) in moved.collect::<Vec<_>>() {
                    table.insert_formatted(&key, item);
                }
            }
            Some(Item::Value(Value::InlineTable(table))) => {
                let moved = order.iter().filter_map(|id| table.remove_entry(id));
                for (key, value) in moved.collect::<Vec<_>>() {
                    table.insert_formatted(&key, value);
                }
            }
            _ => return Err(Refused::Shape("providers".to_owned())),
        }
        Ok(())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "\
# mine
listen = 'x'

# first
[providers.a]
base_url = 'http://a' # box
# below

# ---- more ----

[[providers.a.models]]
id = 'm'
[providers.b]
base_url = '''
# not a comment
'''

# ---- names ----

[aliases]
w = 'a/m'

# third
[providers.c]
base_url = 'c'";

    #[test]
    fn tables_move_with_their_comments() {
        let expected = "\
# mine
listen = 'x'

# third
[providers.c]
base_url = 'c'

# ---- more ----

# first
[providers.a]
base_url = 'http://a' # box
# below
[[providers.a.models]]
id = 'm'

# ---- names ----

[aliases]
w = 'a/m'

[providers.b]
base_url = '''
# not a comment
'''";
        assert_eq!(reorder(TEXT, &["c", "a"]).unwrap(), expected);
        assert_eq!(reorder(TEXT, &["a", "b", "c"]).unwrap(), TEXT);
        assert_eq!(reorder(TEXT, &[]).unwrap(), TEXT);
        assert_eq!(reorder(TEXT, &["a", "a"]).unwrap(), TEXT);
    }

    #[test]
    fn other_forms_move_too() {
        let inline = "providers = { a = { x = 1 }, b = { x = 2 } }\n";
        let moved = reorder(inline, &["b"]).unwrap();
        assert!(moved.find("b =") < moved.find("a ="), "{moved}");
        let lines = "[providers]\n# first\na = { x = 1 }\n# second\nb.x = 2\n[aliases]\n";
        let moved = reorder(lines, &["b"]).unwrap();
        assert_eq!(moved, "[providers]\n# second\nb.x = 2\n# first\na = { x = 1 }\n[aliases]\n");
        let mixed = "[providers]\na.x = 1\n[providers.b]\n";
        assert!(matches!(reorder(mixed, &["b"]), Err(Refused::Shape(_))));
    }

    #[test]
    fn nothing_else_goes_with_a_provider() {
        let without_b = TEXT.replace("[providers.b]\nbase_url = '''\n# not a comment\n'''\n", "");
        assert_eq!(remove(TEXT, "b").unwrap(), without_b);
        let without_c = TEXT.replace("\n\n# third\n[providers.c]\nbase_url = 'c'", "");
        assert_eq!(remove(TEXT, "c").unwrap(), without_c);
        let first = "# a\n[providers.a]\nx = 1\n\n[providers.b]\nx = 2\n";
        assert_eq!(remove(first, "a").unwrap(), "[providers.b]\nx = 2\n");
        let alone = "listen = 'x'\n\n# ---- all ----\n\n[providers.a]\nx = 1\n\n[store]\n";
        assert_eq!(remove(alone, "a").unwrap(), "listen = 'x'\n\n# ---- all ----\n\n[store]\n");
    }
}
