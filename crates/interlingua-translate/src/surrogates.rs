use interlingua_ir::Text;

/// Joins characters that an upstream cut in two.
///
/// A character outside the basic plane may be written as two escapes, and a model's tokens may end
/// between them. Either half alone is no text, and a client's parser may refuse it.
#[derive(Debug, Default)]
pub(crate) struct Halves {
    held: Option<String>,
}

impl Halves {
    /// Takes the next piece of a text and gives what can be shown of it.
    pub(crate) fn join<'a>(&mut self, text: Text<'a>) -> Option<Text<'a>> {
        let inside = match &text {
            Text::Json(inside) if self.held.is_some() || ends_in_half(inside) => inside,
            _ if self.held.is_none() => return Some(text),
            _ => {
                // What follows is no second half, so the first is none either.
                let plain = format!("{}{}", char::REPLACEMENT_CHARACTER, text.to_plain());
                self.held = None;
                return Some(plain.into());
            }
        };
        let mut joined = self.held.take().unwrap_or_default() + inside;
        if ends_in_half(&joined) {
            self.held = Some(joined.split_off(joined.len() - HALF));
        }
        Some(Text::Json(joined.into())).filter(|it| !it.is_empty())
    }

    /// Whether nothing is held back.
    pub(crate) fn is_empty(&self) -> bool {
        self.held.is_none()
    }

    /// What is left when the text ends.
    pub(crate) fn rest(&mut self) -> Option<Text<'static>> {
        self.held.take().map(|_| Text::plain("\u{fffd}"))
    }
}

/// The length of `\uXXXX`.
const HALF: usize = 6;

fn ends_in_half(inside: &str) -> bool {
    let bytes = inside.as_bytes();
    let Some(start) = bytes.len().checked_sub(HALF) else { return false };
    let [b'\\', b'u', b'd' | b'D', b'8' | b'9' | b'a' | b'A' | b'b' | b'B', ..] = bytes[start..]
    else {
        return false;
    };
    // An escaped backslash before the `u` makes it a plain letter.
    let backslashes = bytes[..start].iter().rev().take_while(|byte| **byte == b'\\').count();
    backslashes % 2 == 0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(pieces: &[&str], expect: &[&str]) {
        let mut halves = Halves::default();
        let mut got: Vec<String> = pieces
            .iter()
            .filter_map(|piece| halves.join(Text::Json((*piece).into())))
            .map(|text| text.to_plain().into_owned())
            .collect();
        got.extend(halves.rest().map(|text| text.to_plain().into_owned()));
        assert_eq!(got, expect);
    }

    #[test]
    fn pairs_are_joined() {
        check(&[r"a\ud83d", r"\ude00b"], &["a", "😀b"]);
        check(&[r"\ud83d", r"\ude00\ud83d", r"\ude00"], &["😀", "😀"]);
    }

    #[test]
    fn lone_halves_are_replaced() {
        check(&[r"a\ud83d"], &["a", "\u{fffd}"]);
        check(&[r"a\ud83d", "b"], &["a", "\u{fffd}b"]);
    }

    #[test]
    fn escaped_backslashes_are_text() {
        check(&[r"a\\ud83d", "b"], &[r"a\ud83d", "b"]);
    }
}
