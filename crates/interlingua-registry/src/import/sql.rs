//! The rows of a table in a text of SQL, as a database dump writes them.

use serde_json::{Map, Value};

/// Whether a text is such a dump.
pub(super) fn is_dump(text: &str) -> bool {
    text.starts_with("-- ") || text.starts_with("PRAGMA ") || text.starts_with("INSERT INTO ")
}

/// All rows that are inserted into a table, each as a JSON object of its columns.
pub(super) fn rows(text: &str, table: &str) -> Vec<Map<String, Value>> {
    let mut rows = Vec::new();
    let mut rest = text;
    while let Some((statement, after)) = statement(rest) {
        rest = after;
        rows.extend(row(statement.trim(), table));
    }
    rows
}

/// A text up to the next semicolon that stands in no quotes, and what follows.
fn statement(text: &str) -> Option<(&str, &str)> {
    let mut quote = None;
    let mut in_comment = false;
    let mut before = '\n';
    for (at, letter) in text.char_indices() {
        match (quote, letter) {
            _ if in_comment => in_comment = letter != '\n',
            (None, '-') if before == '-' => in_comment = true,
            (None, '\'' | '"') => quote = Some(letter),
            (None, ';') => return Some((text.get(..at)?, text.get(at + 1..)?)),
            (Some(open), letter) if open == letter => quote = None,
            _ => {}
        }
        before = letter;
    }
    None
}

/// `INSERT INTO "table" ("a", "b") VALUES ('x', 1)`
fn row(statement: &str, table: &str) -> Option<Map<String, Value>> {
    let insert = statement.find("INSERT INTO ").and_then(|at| statement.get(at..))?;
    let rest = insert.strip_prefix("INSERT INTO ")?.trim_start();
    let quoted = format!("\"{table}\"");
    let rest = rest.strip_prefix(quoted.as_str()).or_else(|| rest.strip_prefix(table))?;
    let (columns, rest) = rest.trim_start().strip_prefix('(')?.split_once(')')?;
    let values = rest.trim_start().strip_prefix("VALUES")?.trim_start().strip_prefix('(')?;
    let columns = columns.split(',').map(|it| it.trim().trim_matches('"').to_owned());
    Some(columns.zip(values_of(values)).collect())
}

fn values_of(text: &str) -> Vec<Value> {
    let mut values = Vec::new();
    let mut letters = text.chars().peekable();
    while let Some(letter) = letters.peek().copied() {
        match letter {
            '\'' => {
                letters.next();
                let mut value = String::new();
                while let Some(letter) = letters.next() {
                    // A quote inside is written twice.
                    if letter == '\'' && letters.next_if_eq(&'\'').is_none() {
                        break;
                    }
                    value.push(letter);
                }
                values.push(Value::String(value));
            }
            ')' => break,
            ',' | ' ' | '\n' | '\r' | '\t' => drop(letters.next()),
            _ => {
                let mut word = String::new();
                while let Some(letter) = letters.next_if(|it| !",)".contains(*it)) {
                    word.push(letter);
                }
                let word = word.trim();
                values.push(word.parse::<i64>().map_or(Value::Null, Value::from));
            }
        }
    }
    values
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn rows_are_read_whatever_they_hold() {
        let text = "-- it's a comment; really\nCREATE TABLE providers (a TEXT DEFAULT ';');\n\
            INSERT INTO \"other\" (\"a\") VALUES ('x');\n\
            INSERT INTO \"providers\" (\"a\", \"b\", \"c\", \"d\") VALUES ('it''s; (\n)', -2, NULL, X'00');\n\
            INSERT INTO providers (a) VALUES ('ü');\nINSERT INTO \"providers\" (\"a\") VALUES ('cut";
        let rows: Vec<Value> = rows(text, "providers").into_iter().map(Value::Object).collect();
        assert_eq!(
            rows,
            [json!({ "a": "it's; (\n)", "b": -2, "c": null, "d": null }), json!({ "a": "ü" })]
        );
    }
}
