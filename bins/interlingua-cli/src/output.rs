//! Results go to stdout, everything that is said about them to stderr.

use std::io::{self, Write as _};

use serde_json::Value;

use crate::failure::Failure;

/// Writes a result.
///
/// # Errors
///
/// When stdout does not take it.
pub(crate) fn print(text: &str) -> Result<(), Failure> {
    let mut out = io::stdout().lock();
    out.write_all(text.as_bytes()).and_then(|()| out.flush()).map_err(|it| Failure::output(&it))
}

/// Writes a result for programs, as one line.
///
/// # Errors
///
/// When stdout does not take it.
pub(crate) fn print_json(value: &Value) -> Result<(), Failure> {
    print(&format!("{value}\n"))
}

/// Tells a person something. Nothing can be done if stderr does not take it.
pub(crate) fn say(text: &str) {
    drop(writeln!(io::stderr(), "{text}"));
}

/// Tells a person what to do next.
pub(crate) fn hint(text: &str) {
    say(&format!("hint: {text}"));
}

/// A number of things, as people say it.
pub(crate) fn count(count: usize, thing: &str) -> String {
    format!("{count} {thing}{}", if count == 1 { "" } else { "s" })
}

/// Lays cells under each other; the last column is as wide as it likes.
pub(crate) fn columns<const N: usize>(rows: &[[String; N]]) -> String {
    let width = |column: usize| rows.iter().map(|row| row[column].chars().count()).max();
    let lines = rows.iter().map(|row| {
        let cells = row.iter().enumerate().map(|(column, cell)| {
            let width = if column + 1 < N { width(column).unwrap_or(0) + 2 } else { 0 };
            format!("{cell:<width$}")
        });
        cells.collect::<String>().trim_end().to_owned() + "\n"
    });
    lines.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_as_wide_as_their_widest_cell() {
        let rows = [["a", "1"], ["größer", ""]].map(|row| row.map(str::to_owned));
        assert_eq!(columns(&rows), "a       1\ngrößer\n");
    }
}
