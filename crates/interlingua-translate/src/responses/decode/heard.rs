//! How much of a text has come already.
//!
//! A text is sent in pieces, and then once more as a whole: when it is done, when its part is done,
//! when its item is done, and at the end of the answer. Servers leave out any of them.

use std::num::Wrapping;

use interlingua_ir::Text;

/// What of an item has been heard, part by part.
#[derive(Debug, Default)]
pub(super) struct Heard(Vec<(Place, Mark)>);

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

/// What a text that is told as a whole adds to its pieces.
#[derive(Debug, PartialEq)]
pub(super) enum Rest<'t> {
    /// Nothing.
    Nothing,
    /// All of it: no piece has come.
    All(Text<'t>),
    /// Its end, whose pieces were lost.
    End(Text<'t>),
    /// The pieces are not its beginning: one was lost, or it is another text.
    Other,
}

impl Heard {
    /// Takes note of a piece.
    pub(super) fn piece(&mut self, place: Place, piece: &Text<'_>) {
        let mark = self.mark(place);
        runs(piece, |run| mark.add(run));
    }

    /// Compares the pieces with a text that is told as a whole, which counts as heard from now on.
    pub(super) fn rest<'t>(&mut self, place: Place, whole: &'t Text<'_>) -> Rest<'t> {
        let known = self.mark(place);
        let (mut all, mut then) = (Mark::default(), Mark::default());
        runs(whole, |run| {
            let (before, behind) = run.split(known.units.saturating_sub(all.units));
            all.add(before);
            if all.units == known.units {
                then = all;
            }
            all.add(behind);
        });
        let heard = std::mem::replace(known, all);
        if all == heard {
            return Rest::Nothing;
        }
        if heard.units == 0 {
            return Rest::All(whole.borrowed());
        }
        if then != heard {
            return Rest::Other;
        }
        let plain = whole.to_plain();
        let mut left = heard.units;
        let end = plain.chars().skip_while(|char| {
            let more = left > 0;
            left = left.saturating_sub(char.len_utf16() as u64);
            more
        });
        Rest::End(Text::from(end.collect::<String>()))
    }

    fn mark(&mut self, place: Place) -> &mut Mark {
        let at = self.0.iter().rposition(|(known, _)| *known == place).unwrap_or_else(|| {
            self.0.push((place, Mark::default()));
            self.0.len() - 1
        });
        &mut self.0[at].1
    }
}

/// The length of a text and a hash of it, over its UTF-16 units: the one measure that does not change with
/// the escapes that each event chooses for itself, nor where a pair of surrogates is cut.
///
/// The hash is a polynomial of the units, so that eight of them can be added at once: every answer is
/// told whole several times.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
struct Mark {
    units: u64,
    hash: Wrapping<u64>,
}

/// What the polynomial is of, and its powers, the eighth first.
const BASE: Wrapping<u64> = Wrapping(0x9e37_79b9_7f4a_7c15);
const POWERS: [Wrapping<u64>; 8] = {
    let mut powers = [BASE; 8];
    let mut at = 7;
    while at > 0 {
        powers[at - 1] = Wrapping(powers[at].0.wrapping_mul(BASE.0));
        at -= 1;
    }
    powers
};

/// What a unit adds, never nothing.
fn value(unit: impl Into<u64>) -> Wrapping<u64> {
    Wrapping(unit.into() + 1)
}

impl Mark {
    fn add(&mut self, run: Run<'_>) {
        let ascii = match run {
            Run::Ascii(ascii) => ascii,
            Run::Unit(unit) => return self.unit(unit),
        };
        let (eights, rest) = ascii.as_chunks::<8>();
        for eight in eights {
            let added = eight.iter().zip(POWERS).map(|(byte, power)| value(*byte) * power);
            self.hash = added.fold(self.hash * POWERS[0], |sum, it| sum + it);
            self.units += 8;
        }
        for byte in rest {
            self.unit((*byte).into());
        }
    }

    fn unit(&mut self, unit: u16) {
        self.units += 1;
        self.hash = (self.hash + value(unit)) * BASE;
    }
}

/// A piece of a text.
#[derive(Clone, Copy)]
enum Run<'t> {
    Ascii(&'t [u8]),
    Unit(u16),
}

impl Run<'_> {
    /// The first units, and the others.
    fn split(self, units: u64) -> (Self, Self) {
        match self {
            Self::Ascii(ascii) => {
                let at = usize::try_from(units).map_or(ascii.len(), |it| it.min(ascii.len()));
                let (before, behind) = ascii.split_at(at);
                (Self::Ascii(before), Self::Ascii(behind))
            }
            Self::Unit(_) if units == 0 => (Self::Ascii(&[]), self),
            Self::Unit(_) => (self, Self::Ascii(&[])),
        }
    }
}

/// Hands a text to `each`, piece by piece.
fn runs(text: &Text<'_>, mut each: impl FnMut(Run<'_>)) {
    let inside = match text {
        Text::Plain(text) => return plain_runs(text, &mut each),
        Text::Json(inside) => inside,
    };
    let mut rest: &str = inside;
    while let Some((before, escape)) = rest.split_once('\\') {
        plain_runs(before, &mut each);
        let (unit, length) = escaped_unit(escape);
        each(Run::Unit(unit));
        rest = escape.get(length..).unwrap_or_default();
    }
    plain_runs(rest, &mut each);
}

fn plain_runs(text: &str, each: &mut impl FnMut(Run<'_>)) {
    let mut rest = text;
    // Most texts hold nothing else, and to see that is faster than to look for what is not there.
    while !rest.is_ascii() {
        let other = rest.bytes().position(|byte| !byte.is_ascii()).unwrap_or(rest.len());
        let (ascii, behind) = rest.split_at(other);
        each(Run::Ascii(ascii.as_bytes()));
        let mut chars = behind.chars();
        let Some(char) = chars.next() else { return };
        for unit in char.encode_utf16(&mut [0; 2]) {
            each(Run::Unit(*unit));
        }
        rest = chars.as_str();
    }
    each(Run::Ascii(rest.as_bytes()));
}

/// The unit that an escape means, and the escape's length behind its backslash.
fn escaped_unit(escape: &str) -> (u16, usize) {
    match escape.bytes().next() {
        Some(b'n') => (0x0a, 1),
        Some(b'r') => (0x0d, 1),
        Some(b't') => (0x09, 1),
        Some(b'b') => (0x08, 1),
        Some(b'f') => (0x0c, 1),
        Some(b'u') => {
            let digits = escape.get(1..5).unwrap_or_default();
            (u16::from_str_radix(digits, 16).unwrap_or(0xfffd), 5)
        }
        Some(byte) => (byte.into(), 1),
        None => (0xfffd, 0),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PLACE: Place = (Channel::Text, 0);

    #[track_caller]
    fn check(pieces: &[&str], whole: &str, expect: &Rest<'_>) {
        let mut heard = Heard::default();
        for piece in pieces {
            heard.piece(PLACE, &Text::Json((*piece).into()));
        }
        let whole = Text::Json(whole.into());
        assert_eq!(heard.rest(PLACE, &whole), *expect);
        assert_eq!(heard.rest(PLACE, &whole), Rest::Nothing);
    }

    #[test]
    fn what_was_heard_is_not_repeated() {
        check(&["a", "b"], "ab", &Rest::Nothing);
        check(
            &[r"\u00e4\n\t\/", r"\ud83d", r#"\ude00\\\""#],
            r#"ä\n\u0009/😀\\\""#,
            &Rest::Nothing,
        );
        check(&["", ""], "", &Rest::Nothing);
    }

    #[test]
    fn what_was_not_heard_is_new() {
        check(&[], r"a\nb", &Rest::All("a\nb".into()));
        check(&["ä😀"], r"\u00e4\ud83d\ude00c\n", &Rest::End("c\n".into()));
    }

    #[test]
    fn what_does_not_begin_the_text_is_no_part_of_it() {
        check(&["second"], "first second", &Rest::Other);
        check(&["more than", " it says"], "more", &Rest::Other);
        check(&["ab"], "ba", &Rest::Other);
    }

    #[test]
    fn a_hash_does_not_depend_on_where_a_text_is_cut() {
        let text: String = ('a'..='z').chain(' '..='/').collect();
        for cut in 0..text.len() {
            let (before, behind) = text.split_at(cut);
            check(&[before, behind], &text, &Rest::Nothing);
            let expect =
                if cut == 0 { Rest::All(text.clone().into()) } else { Rest::End(behind.into()) };
            check(&[before], &text, &expect);
        }
        let mut other = text.clone().into_bytes();
        other.swap(3, 9);
        check(&[std::str::from_utf8(&other).unwrap()], &text, &Rest::Other);
    }

    #[test]
    fn what_goes_on_after_its_end_is_no_longer_the_whole() {
        let mut heard = Heard::default();
        let whole = Text::Json("ab".into());
        assert_eq!(heard.rest(PLACE, &whole), Rest::All("ab".into()));
        heard.piece(PLACE, &Text::Json("c".into()));
        assert_eq!(heard.rest(PLACE, &whole), Rest::Other);
        assert_eq!(heard.rest(PLACE, &Text::Json(r"\u0061b".into())), Rest::Nothing);
    }

    #[test]
    fn parts_are_counted_apart() {
        let mut heard = Heard::default();
        heard.piece(PLACE, &Text::plain("abc"));
        let whole = Text::plain("xy");
        assert_eq!(heard.rest((Channel::Text, 1), &whole), Rest::All("xy".into()));
        assert_eq!(heard.rest((Channel::Refusal, 0), &whole), Rest::All("xy".into()));
    }
}
