//! Puts texts of the real length where a capture has none.

use serde_json::Value;

/// Writes a text of the told length where a capture says `(placeholder: …, 6776 characters)`.
pub(super) fn placeholders(value: &mut Value) {
    match value {
        Value::String(text) => {
            if let Some(filled) = filled(text) {
                *text = filled;
            }
        }
        Value::Array(values) => values.iter_mut().for_each(placeholders),
        Value::Object(fields) => fields.values_mut().for_each(placeholders),
        _ => {}
    }
}

fn filled(text: &str) -> Option<String> {
    let (before, rest) = text.split_once("(placeholder: ")?;
    let (_, rest) = rest.split_once(", ")?;
    let (count, after) = rest.split_once(" characters)")?;
    Some([before, &prose(count.parse().ok()?), after].concat())
}

fn prose(length: usize) -> String {
    const TEXT: &str = "- Run `cargo test` before you say \"done\", and name every file by its path.\n\
                        - Work in small steps, say what you do, and check the result of each.\n";
    TEXT.chars().cycle().take(length).collect()
}

/// Lengthens the texts of the given field, all by the same length, until the value weighs `size`.
pub(super) fn fields(value: &mut Value, field: &str, size: usize) {
    let mut texts = 0;
    each_text(value, field, &mut |_| texts += 1);
    let missing = size.saturating_sub(value.to_string().len()) / texts.max(1);
    each_text(value, field, &mut |text| {
        const FILLER: &str = "Work in small steps, say what you do, and check the result. ";
        text.extend(FILLER.chars().cycle().take(missing));
    });
}

fn each_text(value: &mut Value, field: &str, visit: &mut impl FnMut(&mut String)) {
    match value {
        Value::Array(values) => values.iter_mut().for_each(|it| each_text(it, field, visit)),
        Value::Object(fields) => {
            for (name, value) in fields {
                match value {
                    Value::String(text) if name == field => visit(text),
                    _ => each_text(value, field, visit),
                }
            }
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_placeholder_becomes_as_long_as_it_says() {
        assert_eq!(filled("<a>(placeholder: a text, 12 characters)</a>").unwrap().len(), 12 + 7);
        assert_eq!(filled("(description)"), None);
    }
}
