use interlingua_ir::{Item, Note, NoteKind, Text, Thought, Turn};

use crate::{SealError, SealKeys};

/// Opens every sealed thought of a turn.
///
/// What cannot be opened follows one rule: a thought that is not authentic takes its readable copy
/// with it, a thought whose key is gone leaves the copy to be used, and what somebody else sealed
/// stays as it is. Each of these is noted.
pub fn open(turn: &mut Turn<'_>, keys: &SealKeys, tenant: &str) -> Vec<Note> {
    let mut notes = Vec::new();
    for item in &mut turn.items {
        let Item::Reasoning(reasoning) = item else { continue };
        let Some(sealed) = &reasoning.sealed else { continue };
        let opened = keys.open(&sealed.to_plain(), tenant);
        let mut unreadable =
            |what: &str| notes.push(Note::new(NoteKind::ReasoningUnreadable, what));
        match opened {
            Ok(thought) => reasoning.thought = Some(thought),
            Err(SealError::NotOurs) => unreadable("sealed by another gateway"),
            Err(SealError::KeyGone(origin)) => {
                unreadable("its key is gone, the readable copy is used");
                let text = reasoning.readable.iter().map(Text::to_plain).collect();
                reasoning.thought =
                    Some(Thought { origin: Some(origin), text, ..Thought::default() });
            }
            Err(SealError::Refused) => {
                unreadable("not authentic, dropped");
                reasoning.readable.clear();
            }
        }
    }
    notes
}

#[cfg(test)]
mod tests {
    use interlingua_ir::{Origin, Reasoning};

    use super::*;
    use crate::SealKey;

    fn turn(sealed: &str) -> Turn<'static> {
        let reasoning = Reasoning {
            readable: vec![Text::plain("readable")],
            sealed: Some(Text::from(sealed.to_owned())),
            thought: None,
        };
        Turn { items: vec![Item::Reasoning(reasoning)], ..Turn::default() }
    }

    /// What is left of a thought: its text, how many readable copies, and the notes.
    fn check(sealed: &str, tenant: &str, secret: u8) -> (Option<String>, usize, usize) {
        let keys = SealKeys::new(SealKey::new(&[secret; 32]));
        let mut turn = turn(sealed);
        let notes = open(&mut turn, &keys, tenant);
        let Item::Reasoning(reasoning) = &turn.items[0] else { unreachable!() };
        let text = reasoning.thought.as_ref().map(|it| it.text.clone());
        (text, reasoning.readable.len(), notes.len())
    }

    #[test]
    fn the_readable_copy_is_believed_only_where_nothing_speaks_against_it() {
        let keys = SealKeys::new(SealKey::new(&[1; 32]));
        let origin = Some(Origin { provider: "p".into(), family: "f".into() });
        let thought = Thought { origin, text: "true".into(), ..Thought::default() };
        let blob = keys.seal(&thought, "t", [0; 12]);
        assert_eq!(check(&blob, "t", 1), (Some("true".into()), 1, 0));
        assert_eq!(check(&blob, "u", 1), (None, 0, 1));
        assert_eq!(check(&blob, "t", 2), (Some("readable".into()), 1, 1));
        assert_eq!(check("gAAAA", "t", 1), (None, 1, 1));
    }
}
