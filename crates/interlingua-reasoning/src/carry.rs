use interlingua_ir::{Item, Note, NoteKind, Reasoning, Summary, Text, Thought, Turn};

use crate::{SealError, SealKeys};

/// Opens every sealed thought and summary of a turn.
///
/// What cannot be opened follows one rule: a thought that is not authentic takes its readable copy
/// with it, a thought whose key is gone leaves the copy to be used, and what somebody else sealed
/// stays as it is. A summary has no copy; whoever writes the turn tells the model that it is missing.
/// Each of these is noted.
pub fn open(turn: &mut Turn<'_>, keys: &SealKeys, tenant: &str) -> Vec<Note> {
    let note = |item: &mut Item<'_>| match item {
        Item::Reasoning(reasoning) => open_thought(reasoning, keys, tenant),
        Item::Summary(summary) => open_summary(summary, keys, tenant),
        _ => None,
    };
    turn.items.iter_mut().filter_map(note).collect()
}

fn open_thought(reasoning: &mut Reasoning<'_>, keys: &SealKeys, tenant: &str) -> Option<Note> {
    let sealed = reasoning.sealed.as_ref()?;
    let what = match keys.open(&sealed.to_plain(), tenant) {
        Ok(thought) => {
            reasoning.thought = Some(thought);
            return None;
        }
        Err(SealError::NotOurs) => "sealed by another gateway",
        Err(SealError::KeyGone(origin)) => {
            let text = reasoning.readable.iter().map(Text::to_plain).collect();
            reasoning.thought = Some(Thought { origin: Some(origin), text, ..Thought::default() });
            "its key is gone, the readable copy is used"
        }
        Err(SealError::Refused) => {
            reasoning.readable.clear();
            "not authentic, dropped"
        }
    };
    Some(Note::new(NoteKind::ReasoningUnreadable, what))
}

fn open_summary(summary: &mut Summary<'_>, keys: &SealKeys, tenant: &str) -> Option<Note> {
    let what = match summary.sealed.as_ref().map(|it| keys.open_summary(&it.to_plain(), tenant)) {
        Some(Ok(text)) => {
            summary.text = Some(text);
            return None;
        }
        None => "it is empty",
        Some(Err(SealError::NotOurs)) => "sealed by another gateway",
        Some(Err(SealError::KeyGone(_))) => "its key is gone",
        Some(Err(SealError::Refused)) => "not authentic",
    };
    Some(Note::new(NoteKind::SummaryUnreadable, what))
}

#[cfg(test)]
mod tests {
    use interlingua_ir::Origin;

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

    #[test]
    fn a_summary_that_cannot_be_opened_is_missing_and_told() {
        let keys = SealKeys::new(SealKey::new(&[1; 32]));
        let sealed = keys.seal_summary("so far", "t", [0; 12]);
        let opened = |sealed: &str, tenant: &str| {
            let sealed = Some(Text::from(sealed.to_owned()));
            let items = vec![Item::Summary(Summary { sealed, text: None })];
            let mut turn = Turn { items, ..Turn::default() };
            let notes = open(&mut turn, &keys, tenant);
            let Item::Summary(summary) = turn.items.remove(0) else { unreachable!() };
            (summary.text, notes.iter().map(Note::to_string).collect::<Vec<_>>())
        };
        assert_eq!(opened(&sealed, "t"), (Some("so far".into()), Vec::new()));
        let note = |what: &str| vec![format!("summary-unreadable={what}")];
        assert_eq!(opened(&sealed, "u"), (None, note("not authentic")));
        assert_eq!(opened("gAAAA", "t"), (None, note("sealed by another gateway")));
    }
}
