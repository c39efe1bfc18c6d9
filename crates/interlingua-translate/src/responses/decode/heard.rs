//! How much of a text has come already.
//!
//! A text is sent in pieces, and then once more as a whole: when it is done, when its part is done,
//! when its item is done, and at the end of the answer. Servers leave out any of them.

use interlingua_ir::Text;

/// What of an item has been heard, part by part.
#[derive(Debug, Default)]
pub(super) struct Heard(Vec<(Place, u64)>);

/// A part of an item.
pub(super) type Place = (Channel, u64);

/// Where in an item a text stands.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Channel {
    /// Words to the user.
    Text,
    /// Words in which the model declines.
    Refusal,
    /// What people may read of a thought.
    Summary,
    /// The thought itself.
    Raw,
    /// The input of a call.
    Input,
}

impl Heard {
    /// Takes note of a piece.
    pub(super) fn piece(&mut self, place: Place, piece: &Text<'_>) {
        *self.units(place) += units(piece);
    }

    /// What is new in a text that is told as a whole, and whether it only completes what was heard.
    pub(super) fn rest<'t>(
        &mut self,
        place: Place,
        whole: &'t Text<'_>,
    ) -> Option<(Text<'t>, bool)> {
        let known = self.units(place);
        let total = units(whole);
        if total <= *known {
            return None;
        }
        let heard = std::mem::replace(known, total);
        if heard == 0 {
            return Some((whole.borrowed(), false));
        }
        let plain = whole.to_plain();
        let mut left = heard;
        let rest = plain.chars().skip_while(|char| {
            let more = left > 0;
            left = left.saturating_sub(char.len_utf16() as u64);
            more
        });
        Some((Text::from(rest.collect::<String>()), true))
    }

    fn units(&mut self, place: Place) -> &mut u64 {
        let at = self.0.iter().rposition(|(known, _)| *known == place).unwrap_or_else(|| {
            self.0.push((place, 0));
            self.0.len() - 1
        });
        &mut self.0[at].1
    }
}

/// The length of a text in UTF-16 units: the one measure that does not change with the escapes that
/// each event chooses for itself, nor where a pair of surrogates is cut.
fn units(text: &Text<'_>) -> u64 {
    let plain = |text: &str| -> u64 {
        let unit = |byte: u8| u64::from(byte & 0xC0 != 0x80) + u64::from(byte >= 0xF0);
        text.bytes().map(unit).sum()
    };
    match text {
        Text::Plain(text) => plain(text),
        Text::Json(inside) => {
            let mut all = plain(inside);
            let mut rest = inside.as_bytes();
            while let Some(at) = memchr::memchr(b'\\', rest) {
                // An escape is two characters, or six, and means one unit.
                let (length, more) = if rest.get(at + 1) == Some(&b'u') { (6, 5) } else { (2, 1) };
                all = all.saturating_sub(more);
                rest = rest.get(at + length..).unwrap_or_default();
            }
            all
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PLACE: Place = (Channel::Text, 0);

    #[track_caller]
    fn check(pieces: &[&str], whole: &str, expect: Option<&str>) {
        let mut heard = Heard::default();
        for piece in pieces {
            heard.piece(PLACE, &Text::Json((*piece).into()));
        }
        let whole = Text::Json(whole.into());
        let rest = heard.rest(PLACE, &whole).map(|(text, _)| text.to_plain().into_owned());
        assert_eq!(rest.as_deref(), expect);
        assert_eq!(heard.rest(PLACE, &whole), None);
    }

    #[test]
    fn what_was_heard_is_not_repeated() {
        check(&["a", "b"], "ab", None);
        check(&[r"\u00e4\n", r"\ud83d", r"\ude00\\"], r"ä\n😀\\", None);
        check(&["more than", " it says"], "more", None);
    }

    #[test]
    fn what_was_not_heard_is_new() {
        check(&[], r"a\nb", Some("a\nb"));
        check(&["ä😀"], r"\u00e4\ud83d\ude00c\n", Some("c\n"));
        check(&[], "", None);
    }

    #[test]
    fn parts_are_counted_apart() {
        let mut heard = Heard::default();
        heard.piece(PLACE, &Text::plain("abc"));
        let whole = Text::plain("xy");
        assert!(heard.rest((Channel::Text, 1), &whole).is_some());
        assert!(heard.rest((Channel::Refusal, 0), &whole).is_some());
    }
}
