//! What is new in a piece that may repeat what came before.

use interlingua_ir::Text;

/// Takes out of the pieces of one field what has been said already, where the record says that the
/// upstream repeats itself. Nothing is guessed: an answer may well hold "ha" and then "haha".
#[derive(Debug, Default)]
pub(super) struct Pieces {
    /// Each piece repeats all that came before, until one does not.
    snapshots: bool,
    /// A piece may come twice in a row.
    repeats: bool,
    /// What came before, JSON-escaped: all of it, or the last piece.
    before: String,
}

impl Pieces {
    pub(super) fn new(snapshots: bool, repeats: bool) -> Self {
        Self { snapshots, repeats, before: String::new() }
    }

    /// What `piece` adds; `None` if that is nothing.
    pub(super) fn fresh<'a>(&mut self, piece: Text<'a>) -> Option<Text<'a>> {
        if !(self.snapshots || self.repeats) || piece.is_empty() {
            return Some(piece);
        }
        // Escaped texts compare as they came, halves of characters included.
        let mut escaped = Vec::with_capacity(piece.stored_len());
        piece.write_json(&mut escaped);
        let escaped = String::from_utf8(escaped).unwrap_or_default();
        if self.snapshots {
            if let Some(new) = escaped.strip_prefix(&*self.before) {
                let new = new.to_owned();
                self.before = escaped;
                return (!new.is_empty()).then(|| Text::Json(new.into()));
            }
            self.snapshots = false;
            self.before.clear();
        }
        if self.repeats {
            if self.before == escaped {
                // Twice is a repetition; what comes a third time is meant.
                self.before.clear();
                return None;
            }
            self.before = escaped;
        }
        Some(piece)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(mut pieces: Pieces, input: &[&str], expect: &[&str]) {
        let input = input.iter().map(|inside| Text::Json((*inside).into()));
        let fresh: Vec<_> = input.filter_map(|it| pieces.fresh(it)).collect();
        let fresh: Vec<_> = fresh.iter().map(Text::to_plain).collect();
        assert_eq!(fresh, expect);
    }

    #[test]
    fn snapshots_show_what_is_new() {
        let on = || Pieces::new(true, false);
        check(on(), &["On", "On it", "On it."], &["On", " it", "."]);
        check(on(), &["On it.", "On it."], &["On it."]);
        check(on(), &[r"a\\", r"a\\n\n"], &["a\\", "n\n"]);
    }

    #[test]
    fn what_does_not_begin_like_the_last_ends_the_snapshots() {
        check(Pieces::new(true, false), &["ha", "no", "nono"], &["ha", "no", "nono"]);
        check(Pieces::new(true, true), &["ha", "no", "no"], &["ha", "no"]);
    }

    #[test]
    fn a_piece_that_comes_twice_counts_once() {
        let on = || Pieces::new(false, true);
        check(on(), &["a", "a", "b"], &["a", "b"]);
        check(on(), &["a", "a", "a", "a"], &["a", "a"]);
        check(on(), &["a", "b", "a"], &["a", "b", "a"]);
    }

    #[test]
    fn without_a_switch_nothing_is_left_out() {
        check(Pieces::default(), &["ha", "haha", "haha"], &["ha", "haha", "haha"]);
    }
}
