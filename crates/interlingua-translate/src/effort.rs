//! How much to think, in the words of an upstream.

use interlingua_dialect::{
    ChoiceNamedAs, ChoiceRequiredAs, Dialect, Effort, EffortChoice, Fix, ThinkingDefault,
};
use interlingua_ir::{Class, Fault, Note, NoteKind, ToolChoice, Turn};

use crate::target::Target;

/// The decision.
#[derive(Debug)]
pub(crate) struct Asked<'t> {
    /// The level that is asked for, if any is.
    pub(crate) level: Option<Effort>,
    /// The fields of the request that ask for it: names and JSON.
    pub(crate) fields: &'t [(String, String)],
    /// Whether the model will think, as far as anybody can know.
    pub(crate) thinks: bool,
}

/// The level that a budget stands for, where a record knows levels only.
pub(crate) fn by_budget(budget: u64) -> &'static str {
    match budget {
        0 => "none",
        1..=4_096 => "low",
        4_097..=12_288 => "medium",
        _ => "high",
    }
}

/// The request fields that switch thinking off; `None` where the model cannot be stopped.
pub(crate) fn off(dialect: &Dialect) -> Option<&[(String, String)]> {
    let level = dialect.thinking.effort.get(Effort::None)?;
    (level.level == Effort::None).then_some(&level.fields[..])
}

/// Whether the model will be forced to call a tool.
pub(crate) fn is_forced(turn: &Turn<'_>, target: &Target<'_>) -> bool {
    let rules = &target.dialect.tools;
    match &turn.tool_choice {
        ToolChoice::Required => rules.choice_required_as != ChoiceRequiredAs::Auto,
        ToolChoice::Named { .. } => rules.choice_named_as != ChoiceNamedAs::Auto,
        ToolChoice::Unset | ToolChoice::Auto | ToolChoice::None | ToolChoice::Other(_) => false,
    }
}

/// What the turn's wish for a level becomes.
///
/// # Errors
///
/// As [`choose`].
pub(crate) fn effort<'t>(
    turn: &Turn<'_>,
    target: &Target<'t>,
    notes: &mut Vec<Note>,
) -> Result<Asked<'t>, Fault> {
    let asked = match &turn.thinking.effort {
        _ if target.repairs.has(Fix::DisableThinking) => Some("none"),
        level => level.as_deref().map(known),
    };
    choose(asked, target, notes)
}

/// A level by a name that records know: Codex has some above those that any other protocol has.
pub(crate) fn known(level: &str) -> &str {
    if matches!(level, "ultra" | "persistent") { "max" } else { level }
}

/// What a level becomes, or none.
///
/// # Errors
///
/// [`Class::BadParam`] when the record wants a level refused that it does not know.
pub(crate) fn choose<'t>(
    asked: Option<&str>,
    target: &Target<'t>,
    notes: &mut Vec<Note>,
) -> Result<Asked<'t>, Fault> {
    let dialect = target.dialect;
    let silent = Asked { level: None, fields: &[], thinks: thinks_by_default(dialect) };
    let Some(asked) = asked else { return Ok(silent) };
    match dialect.effort_or_policy(asked) {
        EffortChoice::Set { level, fields, exact } => {
            if !exact {
                let what = format!("effort {asked} to {}", level.name());
                notes.push(Note::new(NoteKind::Changed, what));
            }
            let forced = dialect.thinking.default == ThinkingDefault::Forced;
            Ok(Asked { level: Some(level), fields, thinks: forced || level != Effort::None })
        }
        // It does not think anyway.
        EffortChoice::LeaveOut if asked == "none" && !silent.thinks => Ok(silent),
        EffortChoice::LeaveOut => {
            notes.push(Note::new(NoteKind::Dropped, format!("effort {asked}")));
            Ok(silent)
        }
        EffortChoice::Refuse => {
            let what = format!("{} knows no effort level `{asked}`", target.provider);
            let mut fault = Fault::new(Class::BadParam, what).by(target.provider);
            fault.param = Some("reasoning.effort".to_owned());
            Err(fault)
        }
    }
}

/// Whether a model thinks that nobody has told anything about it, as far as anybody can know.
pub(crate) fn thinks_by_default(dialect: &Dialect) -> bool {
    !matches!(dialect.thinking.default, ThinkingDefault::Off | ThinkingDefault::Never)
}
