use interlingua_dialect::{Effort, EffortTable, ThinkingDefault};
use interlingua_registry::Model;
use serde::Serialize;

/// How hard a model can be asked to think, as Codex's picker shows it.
#[derive(Debug, Default)]
pub(crate) struct Efforts {
    pub(crate) levels: Vec<Level>,
    /// What Codex asks for unless the user chooses.
    pub(crate) default: Option<&'static str>,
}

#[derive(Debug, Serialize)]
pub(crate) struct Level {
    effort: &'static str,
    description: &'static str,
}

impl Efforts {
    /// The levels that the model's record can set, the middle one as default, or what is nearest.
    ///
    /// There is a default only where the model is known to think: a server that has never heard of
    /// levels must not be asked for one in every request.
    pub(crate) fn of(model: &Model) -> Self {
        if !can_think(model) {
            return Self::default();
        }
        let found = distinct(&model.dialect.thinking.effort);
        let default = if is_known_to_think(model) { middle(model) } else { None };
        let default = found.iter().find(|(_, fields)| Some(*fields) == default);
        let thinking = found.iter().filter(|(level, _)| *level != Effort::None).count();
        Self {
            default: default.map(|(level, _)| level.name()),
            levels: found.iter().map(|(level, _)| describe(*level, thinking == 1)).collect(),
        }
    }
}

/// A level and the request fields that ask for it.
type Step<'a> = (Effort, &'a [(String, String)]);

/// The levels that make a difference, weakest first. Of several that ask the upstream for the very
/// same, the one closest to the middle stands for all.
fn distinct(table: &EffortTable) -> Vec<Step<'_>> {
    let from_middle = |level: Effort| (level as usize).abs_diff(Effort::Medium as usize);
    let mut found: Vec<Step<'_>> = Vec::new();
    for level in Effort::ALL {
        let Some(own) = table.get(level).filter(|own| own.level == level) else { continue };
        match found.iter_mut().find(|(_, fields)| *fields == &own.fields[..]) {
            None => found.push((level, &own.fields)),
            Some(twin) if from_middle(level) < from_middle(twin.0) => twin.0 = level,
            Some(_) => {}
        }
    }
    found
}

/// Whether it makes sense to ask the model for thought.
pub(crate) fn can_think(model: &Model) -> bool {
    let never = model.dialect.thinking.default == ThinkingDefault::Never;
    model.reasoning.unwrap_or(!never)
}

fn is_known_to_think(model: &Model) -> bool {
    let unknown = model.dialect.thinking.default == ThinkingDefault::Model;
    model.reasoning.unwrap_or(!unknown)
}

/// The request fields of the middle level, or of the nearest one.
fn middle(model: &Model) -> Option<&[(String, String)]> {
    let table = &model.dialect.thinking.effort;
    let found = table.get(Effort::Medium).or_else(|| table.nearest(Effort::Medium))?;
    Some(&found.fields)
}

fn describe(level: Effort, is_only: bool) -> Level {
    let description = match level {
        Effort::None => "No thinking",
        _ if is_only => "Thinking",
        Effort::Minimal => "As little thinking as possible",
        Effort::Low => "Short thinking",
        Effort::Medium => "Balanced thinking",
        Effort::High => "Long thinking",
        Effort::Xhigh => "Very long thinking",
        Effort::Max => "As much thinking as possible",
    };
    Level { effort: level.name(), description }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::snapshot;

    /// The levels of a model that a provider lists, the default one in brackets.
    #[track_caller]
    fn check(dialect: &str, model: &str, facts: &str, expected: &str) {
        let config = format!(
            "[providers.x]\nbase_url = 'http://127.0.0.1:1/v1'\ndialect = '{dialect}'\n\
             models = [{{ id = '{model}', {facts} }}]"
        );
        let snapshot = snapshot(&config, &[]);
        let entry = snapshot.pool().get(&format!("x/{model}")).unwrap();
        let efforts = Efforts::of(&entry.model);
        let show = |level: &Level| match level.effort {
            it if Some(it) == efforts.default => format!("[{it}]"),
            it => it.to_owned(),
        };
        let shown: Vec<_> = efforts.levels.iter().map(show).collect();
        assert_eq!(shown.join(" "), expected);
    }

    #[test]
    fn a_switch_has_two_levels() {
        check("mimo", "mimo-v2.5-pro", "reasoning = true", "none [medium]");
    }

    #[test]
    fn aliases_are_not_offered_but_followed() {
        check("deepseek", "deepseek-v4-flash", "", "none low [high] max");
        check("deepseek", "deepseek-v4-pro", "", "none [high] max");
    }

    #[test]
    fn a_stranger_is_asked_for_nothing_by_itself() {
        check("generic", "x", "", "low medium high");
        check("generic", "x", "reasoning = true", "low [medium] high");
        check("generic", "x", "reasoning = false", "");
    }

    #[test]
    fn who_cannot_be_steered_has_no_levels() {
        check("deepseek", "deepseek-reasoner", "", "");
    }
}
