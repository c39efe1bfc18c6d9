use super::grammar::{BEGIN, Body};
use super::repair::{Edit, never_applies, repair};

/// A patch on its way to the client, while the model still writes it.
///
/// Lines go out as long as each of them is right where it stands; from the first that is not,
/// everything waits for the end, when it can be mended. So what the client has seen is always the
/// beginning of what it gets, and nothing shown is ever taken back.
#[derive(Debug, Default)]
pub(crate) struct Live {
    text: String,
    /// How much of the text is right; always whole lines.
    right: usize,
    /// How much of it has gone out.
    sent: usize,
    state: State,
}

#[derive(Debug, Default)]
enum State {
    /// The first line has not come.
    #[default]
    Start,
    /// All lines so far are right.
    Right(Body),
    /// One was not.
    Held,
}

impl Live {
    /// Takes the next piece and gives what may go out now.
    pub(crate) fn push(&mut self, piece: &str) -> Option<String> {
        self.text.push_str(piece);
        if !piece.contains('\n') {
            return None;
        }
        let start = self.sent;
        while let Some(rest) = self.text.get(self.right..)
            && let Some((line, _)) = rest.split_once('\n')
            && self.state.takes(line)
        {
            self.right += line.len() + 1;
            // Blanks at the very end go when something is mended.
            if !line.trim().is_empty() {
                self.sent = self.right;
            }
        }
        self.text.get(start..self.sent).filter(|it| !it.is_empty()).map(str::to_owned)
    }

    /// Ends the patch: gives what has not gone out, and what was mended in it.
    pub(crate) fn finish(self, complete: bool) -> (Option<String>, Vec<Edit>) {
        let (sent, unsent) = self.text.split_at(self.sent);
        let repaired = repair(&self.text, complete);
        let (rest, edits) = match repaired.text.strip_prefix(sent) {
            Some(rest) => (rest, repaired.edits),
            None => (unsent, Vec::new()),
        };
        (Some(rest.to_owned()).filter(|it| !it.is_empty()), edits)
    }
}

impl State {
    fn takes(&mut self, line: &str) -> bool {
        let next = match self {
            Self::Start if line == BEGIN => Self::Right(Body::default()),
            // What follows the end goes, if anything but blanks follows.
            Self::Right(Body::Over) | Self::Start | Self::Held => Self::Held,
            Self::Right(body) => {
                let mut body = *body;
                match body.line(line) {
                    // Mending writes line ends of one kind.
                    Ok(kind) if !never_applies(kind) && !line.ends_with('\r') => Self::Right(body),
                    _ => Self::Held,
                }
            }
        };
        *self = next;
        matches!(self, Self::Right(_))
    }
}

#[cfg(test)]
mod tests {
    use proptest::collection::vec;
    use proptest::prelude::*;

    use super::super::repair::tests::patches;
    use super::*;

    /// Sends a patch in pieces; gives what went out live, and all of it.
    fn send(patch: &str, cuts: &[usize]) -> (String, String) {
        let mut live = Live::default();
        let (mut out, mut rest) = (String::new(), patch);
        for cut in cuts {
            let mut at = cut % (rest.len() + 1);
            while !rest.is_char_boundary(at) {
                at += 1;
            }
            let (piece, after) = rest.split_at(at);
            out.extend(live.push(piece));
            rest = after;
        }
        out.extend(live.push(rest));
        let shown = out.clone();
        out.extend(live.finish(true).0);
        (shown, out)
    }

    #[test]
    fn right_lines_go_out_at_once_and_the_rest_at_the_end() {
        let right = "*** Begin Patch\n*** Update File: a\n@@\n-x\n";
        assert_eq!(send(&format!("{right}+y\n*** End Patch\n"), &[]).0.len(), right.len() + 17);
        let (shown, all) = send(&format!("{right}y\n+z\n*** End Patch\n"), &[5, 9]);
        assert_eq!((&*shown, all), (right, format!("{right} y\n+z\n*** End Patch\n")));
        assert_eq!(send("```\n*** Begin Patch\n", &[]).0, "");
    }

    #[test]
    fn blank_lines_wait_for_the_line_behind_them() {
        let patch = "*** Begin Patch\n*** Update File: a\n-x\n";
        assert_eq!(
            send(&format!("{patch}\n\n"), &[]),
            (patch.into(), format!("{patch}*** End Patch\n"))
        );
        let whole = format!("{patch}\n+y\n*** End Patch\n");
        assert_eq!(send(&whole, &[]), (whole.clone(), whole));
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 10_000, failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn the_pieces_add_up_to_what_is_mended(patch in patches(), cuts in vec(0..60usize, 0..6)) {
            prop_assert_eq!(send(&patch, &cuts).1, repair(&patch, true).text);
        }
    }
}
