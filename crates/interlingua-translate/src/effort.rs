use interlingua_dialect::{Effort, EffortChoice, Fix, ThinkingDefault};
use interlingua_ir::{Class, Fault, Note, NoteKind, Turn};

use crate::target::Target;

/// How much to think, in the upstream's words.
pub(crate) struct Asked<'t> {
    /// The level that is asked for, if any is.
    pub(crate) level: Option<Effort>,
    /// The fields of Chat Completions that ask for it.
    pub(crate) fields: &'t [(String, String)],
    /// Whether the model will think, as far as anybody can know.
    pub(crate) thinks: bool,
}

/// What the turn's wish for a level becomes.
///
/// # Errors
///
/// [`Class::BadParam`] when the record wants a level refused that it does not know.
pub(crate) fn effort<'t>(
    turn: &Turn<'_>,
    target: &Target<'t>,
    notes: &mut Vec<Note>,
) -> Result<Asked<'t>, Fault> {
    let dialect = target.dialect;
    let by_default =
        !matches!(dialect.thinking.default, ThinkingDefault::Off | ThinkingDefault::Never);
    let asked = match &turn.thinking.effort {
        _ if target.repairs.has(Fix::DisableThinking) => "none",
        // Codex has levels above those that any other protocol knows.
        Some(level) if level == "ultra" || level == "persistent" => "max",
        Some(level) => level,
        None => return Ok(Asked { level: None, fields: &[], thinks: by_default }),
    };
    match dialect.effort_or_policy(asked) {
        EffortChoice::Set { level, fields, exact } => {
            if !exact {
                notes.push(Note::new(
                    NoteKind::Changed,
                    format!("effort {asked} to {}", level.name()),
                ));
            }
            let forced = dialect.thinking.default == ThinkingDefault::Forced;
            Ok(Asked { level: Some(level), fields, thinks: forced || level != Effort::None })
        }
        EffortChoice::LeaveOut => {
            notes.push(Note::new(NoteKind::Dropped, format!("effort {asked}")));
            Ok(Asked { level: None, fields: &[], thinks: by_default })
        }
        EffortChoice::Refuse => {
            let what = format!("{} knows no effort level `{asked}`", target.provider);
            let mut fault = Fault::new(Class::BadParam, what).by(target.provider);
            fault.param = Some("reasoning.effort".to_owned());
            Err(fault)
        }
    }
}
