//! How much to think, and how long the answer may become: each limits the other.

use interlingua_dialect::{Dialect, Effort, Fix, ForcedWithThinking, OnMissing};
use interlingua_ir::{Fault, Note, NoteKind, Turn};
use serde_json::Value;

use super::OUTPUT_CONFIG;
use super::replay;
use crate::effort::{self, Asked, by_budget, is_forced, off};
use crate::history::History;
use crate::target::{DEFAULT_MAX_TOKENS, Target};

/// The decision about thinking.
#[derive(Debug)]
pub(super) struct Plan {
    /// The request fields that ask for it: names and JSON.
    pub(super) fields: Vec<(String, String)>,
    /// Whether the model will think.
    pub(super) thinks: bool,
    /// The most tokens that the answer may take.
    pub(super) max_tokens: u64,
}

impl Plan {
    /// Decides by what the client asks for, and by what the conversation allows.
    ///
    /// # Errors
    ///
    /// [`BadParam`](interlingua_ir::Class::BadParam) for a level that the record wants refused.
    pub(super) fn of(
        turn: &Turn<'_>,
        target: &Target<'_>,
        history: &History,
        notes: &mut Vec<Note>,
    ) -> Result<Self, Fault> {
        let dialect = target.dialect;
        let mut plan = Self::asked(turn, target, notes)?;
        if plan.thinks && is_forced(turn, target) {
            let rule = dialect.tools.forced_with_thinking;
            if rule == ForcedWithThinking::DisableThinking && plan.switch_off(dialect) {
                notes.push(Note::new(NoteKind::Changed, "thinking off: a call is required"));
            }
        }
        let insists = dialect.replay.on_missing == OnMissing::DisableThinking
            && !(dialect.replay.adaptive_exempt && plan.is_adaptive());
        if plan.thinks
            && insists
            && replay::lacks_thought(turn, target, history)
            && plan.switch_off(dialect)
        {
            notes.push(Note::new(NoteKind::ReasoningMissing, "thinking off for this request"));
        }
        plan.limit(turn, target, notes);
        Ok(plan)
    }

    fn asked(turn: &Turn<'_>, target: &Target<'_>, notes: &mut Vec<Note>) -> Result<Self, Fault> {
        let asked = match (&turn.thinking.effort, turn.thinking.budget) {
            _ if is_off_by_repair(target) => Some("none"),
            (Some(level), _) => Some(effort::known(level)),
            (None, budget) => budget.map(by_budget),
        };
        let Asked { fields, thinks, .. } = effort::choose(asked, target, notes)?;
        Ok(Self { fields: fields.to_vec(), thinks, max_tokens: DEFAULT_MAX_TOKENS })
    }

    /// Switches thinking off; `false` where the model cannot be stopped.
    fn switch_off(&mut self, dialect: &Dialect) -> bool {
        let Some(fields) = off(dialect) else { return false };
        self.fields = fields.to_vec();
        self.thinks = false;
        true
    }

    fn is_adaptive(&self) -> bool {
        self.fields.iter().any(|(name, json)| name == THINKING && kind(json) == "adaptive")
    }

    /// Brings the budget and the length of the answer into accord: the first is a part of the second.
    fn limit(&mut self, turn: &Turn<'_>, target: &Target<'_>, notes: &mut Vec<Note>) {
        let most = target.most_output();
        let budget = self.budget(turn, target);
        let least = u64::from(target.dialect.request.min_max_tokens);
        self.max_tokens = match turn.max_output_tokens {
            Some(asked) => {
                if most.is_some_and(|most| asked > most) {
                    notes.push(Note::new(NoteKind::Changed, "max_tokens"));
                }
                most.map_or(asked, |most| asked.min(most)).max(least)
            }
            None => target.output_or(DEFAULT_MAX_TOKENS + budget.unwrap_or(0)),
        };
        let Some(budget) = budget else { return };
        let smallest = target.dialect.thinking.budget.as_ref().and_then(|it| it.min);
        let allowed = if budget < self.max_tokens { budget } else { self.max_tokens / 2 };
        if allowed < u64::from(smallest.unwrap_or(1)) && self.switch_off(target.dialect) {
            notes.push(Note::new(NoteKind::Changed, "thinking off: the answer may be too short"));
            return;
        }
        if allowed != budget {
            notes.push(Note::new(NoteKind::Changed, "thinking budget"));
        }
        self.set_budget(allowed);
    }

    /// The tokens that may be spent on thinking, where the request says so: the client's number within
    /// the record's limits, else the record's.
    fn budget(&self, turn: &Turn<'_>, target: &Target<'_>) -> Option<u64> {
        let (_, json) = self.fields.iter().find(|(name, _)| name == THINKING)?;
        let value: Value = serde_json::from_str(json).ok()?;
        let of_level = value.get(BUDGET)?.as_u64()?;
        let rules = target.dialect.thinking.budget.as_ref();
        let Some((rules, asked)) = rules.zip(turn.thinking.budget) else { return Some(of_level) };
        let least = rules.min.map_or(0, u64::from);
        Some(asked.max(least).min(rules.max.map_or(u64::MAX, u64::from)))
    }

    fn set_budget(&mut self, budget: u64) {
        let Some((_, json)) = self.fields.iter_mut().find(|(name, _)| name == THINKING) else {
            return;
        };
        if let Ok(mut value) = serde_json::from_str::<Value>(json) {
            value[BUDGET] = budget.into();
            *json = value.to_string();
        }
    }
}

/// Whether the upstream has refused to think before: outright, or because it misses a thought for
/// which nothing can stand in.
pub(in crate::messages) fn is_off_by_repair(target: &Target<'_>) -> bool {
    let missed = target.repairs.has(Fix::AddPlaceholder)
        && target.dialect.replay.on_missing == OnMissing::DisableThinking;
    missed || target.repairs.has(Fix::DisableThinking)
}

/// Whether the record's levels are words of the request, and not only budgets.
pub(in crate::messages) fn has_levels(dialect: &Dialect) -> bool {
    Effort::ALL.into_iter().any(|level| {
        let fields = dialect.effort(level).unwrap_or_default();
        fields.iter().any(|(name, _)| name == OUTPUT_CONFIG)
    })
}

/// What a value of `thinking` asks for.
pub(in crate::messages) fn kind(json: &str) -> String {
    let value: Value = serde_json::from_str(json).unwrap_or_default();
    value["type"].as_str().unwrap_or_default().to_owned()
}

/// The field that switches thinking.
pub(in crate::messages) const THINKING: &str = "thinking";

/// Its field that limits the tokens spent on it.
pub(in crate::messages) const BUDGET: &str = "budget_tokens";
