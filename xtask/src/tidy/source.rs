//! Just enough reading of Rust to tell code from comments and products from tests.

/// The code of a file without comments, and without the test module at its end.
pub(super) fn product(text: &str) -> String {
    let mut code = String::new();
    let mut lines = text.lines().peekable();
    while let Some(line) = lines.next() {
        let opens_tests = line.trim() == "#[cfg(test)]"
            && lines.peek().is_some_and(|next| next.trim_start().starts_with("mod "));
        if opens_tests && lines.peek().is_some_and(|next| next.ends_with('{')) {
            break;
        }
        code.push_str(without_comment(line));
        code.push('\n');
    }
    code
}

/// The modules that a file declares for tests only, in files of their own.
pub(super) fn test_modules(text: &str) -> impl Iterator<Item = &str> {
    text.split("#[cfg(test)]").skip(1).filter_map(|after| {
        let after = after.trim_start();
        let after = after.strip_prefix("pub(crate) ").unwrap_or(after);
        after.strip_prefix("mod ")?.lines().next()?.trim_end().strip_suffix(';')
    })
}

/// A line up to its `//`, unless that stands in a string.
fn without_comment(line: &str) -> &str {
    let mut in_string = false;
    let mut previous = ' ';
    for (at, letter) in line.char_indices() {
        match letter {
            '"' if previous != '\\' && previous != '\'' => in_string = !in_string,
            '/' if previous == '/' && !in_string => return line.split_at(at - 1).0,
            _ => {}
        }
        previous = letter;
    }
    line
}

/// Whether code names a module right under a root such as `std::`, also inside a group:
/// `use std::{fs, io}`.
pub(super) fn names(code: &str, root: &str, module: &str) -> bool {
    code.split(root).skip(1).any(|after| match after.strip_prefix('{') {
        Some(group) => {
            let group = group.split('}').next().unwrap_or_default();
            group.split(',').any(|it| first_word(it.trim_start()) == module)
        }
        None => first_word(after) == module,
    })
}

fn first_word(text: &str) -> &str {
    let end = text.find(|letter: char| !is_word(letter)).unwrap_or(text.len());
    text.split_at(end).0
}

/// Whether code holds a word, in any case, alone or as a part that `_` or `-` sets off.
pub(super) fn has_word(code: &str, word: &str) -> bool {
    let code = code.to_lowercase();
    let mut rest = code.as_str();
    while let Some(at) = rest.find(word) {
        let (before, found) = rest.split_at(at);
        let after = found.split_at(word.len()).1;
        let alone = |letter: Option<char>| !letter.is_some_and(char::is_alphanumeric);
        if alone(before.chars().next_back()) && alone(after.chars().next()) {
            return true;
        }
        rest = after;
    }
    false
}

fn is_word(letter: char) -> bool {
    letter.is_alphanumeric() || letter == '_'
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn comments_and_tests_are_no_product() {
        let text = "let a = \"http://x\"; // std::fs\n/// std::net\nb();\n#[cfg(test)]\nmod tests {\n\
                    use std::fs;\n}\n";
        assert_eq!(product(text), "let a = \"http://x\"; \n\nb();\n");
    }

    #[test]
    fn test_modules_are_known_by_their_declaration() {
        let text = "mod a;\n#[cfg(test)]\nmod b;\n#[cfg(test)]\nmod c {}\n\
                    #[cfg(test)]\npub(crate) mod d;\n";
        assert!(test_modules(text).eq(["b", "d"]));
    }

    #[test]
    fn a_module_is_seen_alone_and_in_a_group() {
        assert!(names("use std::fs;", "std::", "fs"));
        assert!(names("std::fs::read(p)", "std::", "fs"));
        assert!(names("use std::{collections::BTreeMap, fs::File};", "std::", "fs"));
        assert!(!names("use std::fmt; fn fs() {}", "std::", "fs"));
        assert!(!names("use std::{fmt, io}; use own::{fs};", "std::", "fs"));
    }

    #[test]
    fn a_vendor_is_seen_as_a_word_of_its_own() {
        assert!(has_word("if name == \"mimo\"", "mimo"));
        assert!(has_word("fn is_mimo_v2()", "mimo"));
        assert!(has_word("const MIMO: u8", "mimo"));
        assert!(!has_word("mimosa", "mimo"));
    }
}
