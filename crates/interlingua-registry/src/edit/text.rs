use toml_edit::{DocumentMut, TomlError};

/// Edits TOML so that every line that is not meant stays as it is, and with it the byte-order mark and
/// the kind of line ends. What comes out is TOML.
pub(crate) fn edit<E: From<TomlError>>(
    text: &str,
    change: impl FnOnce(&mut DocumentMut) -> Result<(), E>,
) -> Result<String, E> {
    let bare = text.strip_prefix('\u{feff}').unwrap_or(text);
    let mut document: DocumentMut = bare.parse()?;
    let unchanged = document.to_string();
    change(&mut document)?;
    let changed = document.to_string();
    changed.parse::<DocumentMut>()?;
    let edited = match unchanged == bare && !bare.contains('\r') {
        true => changed,
        false => graft(bare, &unchanged, &changed),
    };
    let mark = if bare.len() < text.len() { "\u{feff}" } else { "" };
    Ok(format!("{mark}{edited}"))
}

/// Carries a change over to a text that the TOML library would write a little differently: it forgets
/// blanks in headers and the kind of line ends. Lines that the change left alone are taken as they
/// were.
fn graft(text: &str, unchanged: &str, changed: &str) -> String {
    let lines: Vec<&str> = text.split_inclusive('\n').collect();
    let before: Vec<&str> = unchanged.lines().collect();
    let after: Vec<&str> = changed.lines().collect();
    let windows = lines.iter().all(|line| line.ends_with("\r\n") || !line.ends_with('\n'));
    let end = if windows && text.contains('\n') { "\r\n" } else { "\n" };
    if lines.len() != before.len() {
        return changed.replace("\r\n", "\n").replace('\n', end);
    }
    let kept = common(&before, &after);
    let mut grafted = String::with_capacity(text.len() + changed.len());
    for (n, (line, kept)) in after.iter().zip(kept).enumerate() {
        let line = kept.map_or(*line, |at| lines[at]);
        grafted.push_str(line);
        let still_last = n + 1 == after.len() && kept.is_some();
        if !line.ends_with('\n') && !still_last {
            grafted.push_str(end);
        }
    }
    grafted
}

/// For each line after a change, which one it was before.
fn common(before: &[&str], after: &[&str]) -> Vec<Option<usize>> {
    let mut kept = vec![None; after.len()];
    for op in similar::capture_diff_slices(similar::Algorithm::Myers, before, after) {
        if let similar::DiffOp::Equal { old_index, new_index, len } = op {
            for at in 0..len {
                kept[new_index + at] = Some(old_index + at);
            }
        }
    }
    kept
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, expected: &str) {
        let edited = edit::<TomlError>(text, |document| {
            document["b"] = toml_edit::value(2);
            Ok(())
        });
        assert_eq!(edited.unwrap(), expected);
    }

    #[test]
    fn lines_that_are_not_meant_stay() {
        check("a = 1\n", "a = 1\nb = 2\n");
        check("a = 1", "a = 1\nb = 2\n");
        check("a = 1\r\n[ x . y ]\r\n[x.z] \r\n", "a = 1\r\nb = 2\r\n[ x . y ]\r\n[x.z] \r\n");
        check("a = 1\r\nc = 1\n\tb= 1 #\r\n", "a = 1\r\nc = 1\n\tb= 2\n");
        check("\u{feff}[ x . y ]\n[ x . z ]", "\u{feff}b = 2\n[ x . y ]\n[ x . z ]");
        check("b = 1\n[ x . y ]\n# same\n# same\n", "b = 2\n[ x . y ]\n# same\n# same\n");
    }
}
