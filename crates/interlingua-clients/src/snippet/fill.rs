//! Fills templates.

use serde_json::Value;

/// Puts values into a template, where their names stand in double braces. A value has to be written in the
/// template's language already. A line that speaks of what is not known goes.
pub(super) fn fill(template: &str, values: &[(&str, Option<String>)]) -> String {
    let lines = template.split_inclusive('\n').filter_map(|line| {
        let mut filled = String::new();
        let mut rest = line;
        while let Some((before, after)) = rest.split_once("{{") {
            let Some((name, after)) = after.split_once("}}") else { break };
            let known = values.iter().find(|it| it.0 == name);
            let (_, value) = known.expect("a template names what it is filled with");
            filled.push_str(before);
            filled.push_str(value.as_ref()?);
            rest = after;
        }
        filled.push_str(rest);
        Some(filled)
    });
    lines.collect()
}

/// A text in the words that Python, JavaScript and JSON share.
pub(super) fn quoted(text: &str) -> String {
    Value::from(text).to_string()
}

/// A text as one word of a shell.
pub(super) fn word(text: &str) -> String {
    let is_plain = |letter: char| letter.is_ascii_alphanumeric() || "/:.-_=@%+,".contains(letter);
    match !text.is_empty() && text.chars().all(is_plain) {
        true => text.to_owned(),
        false => format!("'{}'", text.replace('\'', r"'\''")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_without_its_value_goes() {
        let value = |it: &str| Some(it.to_owned());
        let values = [("a", value("{{b}}")), ("b", None), ("c", value("3"))];
        assert_eq!(fill("x {{a}} y {{c}}\n{{c}} {{b}}\nz {", &values), "x {{b}} y 3\nz {");
    }

    #[test]
    fn words_are_one_word() {
        assert_eq!(word("http://h:1/v1"), "http://h:1/v1");
        assert_eq!(word("a'b $c"), r"'a'\''b $c'");
        assert_eq!(word(""), "''");
    }
}
