//! Changes to a document that leave the rest of it as it came.

use std::borrow::Cow;
use std::cmp::Reverse;
use std::ops::Range;

use bytes::Bytes;

use crate::body::{Body, Builder};

/// Changes to a text, made together in one pass.
///
/// Places are named by slices of the text itself, as a parser that borrows gives them.
#[derive(Debug)]
pub(crate) struct Splices<'t> {
    text: &'t str,
    changes: Vec<(Range<usize>, Cow<'t, str>)>,
}

/// A part of a text with changes.
enum Part<'p> {
    /// Of the text itself.
    Kept(&'p [u8]),
    Put(&'p [u8]),
}

impl<'t> Splices<'t> {
    pub(crate) fn new(text: &'t str) -> Self {
        Self { text, changes: Vec::new() }
    }

    /// Where `part` stands; `None` if it is no slice of the text.
    pub(crate) fn range(&self, part: &str) -> Option<Range<usize>> {
        range_in(self.text, part)
    }

    /// Puts `with` in the place of `part`.
    pub(crate) fn replace(&mut self, part: &str, with: impl Into<Cow<'t, str>>) {
        if let Some(range) = self.range(part) {
            self.put(range, with);
        }
    }

    /// Puts `with` in the place of what stands at `range`.
    pub(crate) fn put(&mut self, range: Range<usize>, with: impl Into<Cow<'t, str>>) {
        self.changes.push((range, with.into()));
    }

    /// Takes away those of the things in a container that are `gone`, with their commas.
    ///
    /// `container` is the object or array, brackets included; `things` are all that it holds, each from
    /// its first byte to its last.
    pub(crate) fn remove(&mut self, container: &str, things: &[Range<usize>], gone: &[bool]) {
        let Some(container) = self.range(container) else { return };
        let mut at = 0;
        while let Some(first) = (at..things.len()).find(|at| gone.get(*at) == Some(&true)) {
            let kept = |at: &usize| gone.get(*at) != Some(&true);
            let after = (first..things.len()).find(kept).unwrap_or(things.len());
            let range = match (first.checked_sub(1), things.get(after)) {
                // What stands before keeps its comma only if something follows.
                (Some(before), _) => things[before].end..things[after - 1].end,
                (None, Some(after)) => things[0].start..after.start,
                (None, None) => container.start + 1..container.end - 1,
            };
            self.put(range, "");
            at = after;
        }
    }

    /// The text with its changes; a change inside another one is a part of what that one replaces.
    pub(crate) fn apply(self) -> Vec<u8> {
        let added: usize = self.changes.iter().map(|(_, with)| with.len()).sum();
        let mut out = Vec::with_capacity(self.text.len() + added);
        self.parts(|(Part::Kept(part) | Part::Put(part))| out.extend_from_slice(part));
        out
    }

    /// As [`apply`](Self::apply), in pieces; what stays of the text is not copied where `shared` are its bytes.
    pub(crate) fn body(self, shared: Option<&Bytes>) -> Body {
        let mut body = Builder::new(shared);
        self.parts(|part| match part {
            Part::Kept(kept) => body.keep(kept),
            Part::Put(put) => body.copy(put),
        });
        body.finish()
    }

    fn parts(mut self, mut each: impl FnMut(Part<'_>)) {
        // What is put in comes before what is replaced at the same place, and in the order in which it
        // was asked for.
        self.changes.sort_by_key(|(range, _)| (range.start, !range.is_empty(), Reverse(range.end)));
        let (text, mut done) = (self.text.as_bytes(), 0);
        for (range, with) in self.changes {
            if range.start < done {
                continue;
            }
            each(Part::Kept(&text[done..range.start]));
            each(Part::Put(with.as_bytes()));
            done = range.end;
        }
        each(Part::Kept(&text[done..]));
    }
}

/// Where `part`, a slice of `text`, stands in it.
pub(crate) fn range_in(text: &str, part: &str) -> Option<Range<usize>> {
    let start = part.as_ptr().addr().checked_sub(text.as_ptr().addr())?;
    let range = start..start.checked_add(part.len())?;
    text.get(range.clone()).filter(|it| it.as_ptr() == part.as_ptr())?;
    Some(range)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn changes_are_made_in_the_order_of_the_text() {
        let text = "one two three";
        let mut splices = Splices::new(text);
        splices.replace(text.get(8..).unwrap(), "3");
        splices.put(4..4, "(");
        splices.put(4..4, "[");
        splices.replace(text.get(..3).unwrap(), "1");
        splices.put(0..0, "<");
        splices.replace(text.get(9..10).unwrap(), "lost in the larger one");
        assert_eq!(String::from_utf8(splices.apply()).unwrap(), "<1 ([two 3");
    }

    #[test]
    fn what_is_gone_takes_its_comma_with_it() {
        let text = "[ 1, 2 ,3,4 ]";
        let things = [2..3, 5..6, 8..9, 10..11];
        for (gone, expect) in [
            ([false, false, false, false], "[ 1, 2 ,3,4 ]"),
            ([true, false, false, false], "[ 2 ,3,4 ]"),
            ([false, true, true, false], "[ 1,4 ]"),
            ([true, false, false, true], "[ 2 ,3 ]"),
            ([true, true, false, true], "[ 3 ]"),
            ([true, true, true, true], "[]"),
        ] {
            let mut splices = Splices::new(text);
            splices.remove(text, &things, &gone);
            assert_eq!(String::from_utf8(splices.apply()).unwrap(), expect);
        }
    }

    #[test]
    fn a_text_from_elsewhere_has_no_place() {
        let text = String::from("abc");
        assert_eq!(range_in(&text, &String::from("abc")), None);
        assert_eq!(range_in(&text, text.get(1..2).unwrap()), Some(1..2));
    }
}
