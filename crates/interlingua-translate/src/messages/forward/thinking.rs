//! How much to think: in the client's form where the upstream takes it, else in the record's.

use interlingua_dialect::{Dialect, EffortChoice, ThinkingDefault};
use interlingua_ir::{Note, NoteKind, Text, Turn};
use serde_json::Value;

use crate::effort::{by_budget, off, thinks_by_default};
use crate::fields::Fields;
use crate::messages::write::OUTPUT_CONFIG;
use crate::messages::write::thinking::{BUDGET, THINKING, has_levels, is_off_by_repair, kind};
use crate::render::quoted;
use crate::spans::{member, members};
use crate::target::{DEFAULT_MAX_TOKENS, Target};

/// What the request says about thinking, and what it will say.
#[derive(Debug)]
pub(super) struct Wish<'t> {
    thinking: Option<&'t str>,
    config: Option<&'t str>,
    max_tokens: Option<u64>,
    /// Whether the model will think.
    pub(super) thinks: bool,
    /// What takes the place of `thinking`.
    new_thinking: New,
    /// What takes the place of the effort.
    new_effort: New,
}

/// What becomes of a value.
#[derive(Debug, Eq, PartialEq)]
enum New {
    /// It stays.
    Same,
    /// It becomes another one.
    Is(String),
    /// It is left out.
    Gone,
}

impl<'t> Wish<'t> {
    pub(super) fn of(request: &Fields<'t>, target: &Target<'_>) -> Self {
        let thinking = request.get(THINKING);
        let thinks = match thinking.map(kind).as_deref() {
            Some("disabled") => target.dialect.thinking.default == ThinkingDefault::Forced,
            Some(_) => true,
            None => thinks_by_default(target.dialect),
        };
        Self {
            thinking,
            config: request.get(OUTPUT_CONFIG),
            max_tokens: request.get("max_tokens").and_then(|it| it.parse().ok()),
            thinks,
            new_thinking: New::Same,
            new_effort: New::Same,
        }
    }

    /// Whether the model itself decides whether to think.
    pub(super) fn is_adaptive(&self) -> bool {
        let now = match &self.new_thinking {
            New::Same => self.thinking,
            New::Is(json) => Some(json.as_str()),
            New::Gone => None,
        };
        now.is_some_and(|json| kind(json) == "adaptive")
    }

    /// Switches thinking off; `false` where the model cannot be stopped.
    pub(super) fn switch_off(&mut self, dialect: &Dialect) -> bool {
        let Some(fields) = off(dialect) else { return false };
        let form = fields.iter().find(|(name, _)| name == THINKING);
        self.new_thinking = form.map_or(New::Gone, |(_, json)| New::Is(json.clone()));
        self.thinks = false;
        true
    }

    /// Puts what the client wants into a form that the upstream's model takes.
    pub(super) fn adapt(&mut self, turn: &Turn<'_>, target: &Target<'_>, notes: &mut Vec<Note>) {
        let dialect = target.dialect;
        if is_off_by_repair(target) {
            self.switch_off(dialect);
            return;
        }
        let asked = self.thinking.map(kind);
        let effort = self.effort();
        self.spare_effort(dialect, effort.is_some(), notes);
        let Some(asked) = asked else { return };
        if asked == "disabled" {
            if off(dialect).is_none() {
                self.new_thinking = New::Gone;
                notes.push(Note::new(NoteKind::Changed, "thinking cannot be switched off"));
            }
            return;
        }
        let budget = self.thinking.and_then(budget);
        let level = match (&effort, budget) {
            (Some(effort), _) => effort.as_str(),
            (None, Some(budget)) => by_budget(budget),
            // What the protocol means where nothing is said.
            (None, None) => "high",
        };
        let EffortChoice::Set { fields, .. } = dialect.effort_or_policy(level) else { return };
        let of = |name: &str| fields.iter().find(|(known, _)| known == name).map(|(_, json)| json);
        let Some(form) = of(THINKING) else { return };
        if kind(form) != asked {
            self.new_thinking = New::Is(form.clone());
            notes.push(Note::new(NoteKind::Changed, format!("thinking {asked} to {}", kind(form))));
        }
        if let Some(known) = of(OUTPUT_CONFIG).and_then(|json| effort_in(json))
            && effort.as_deref() != Some(&known)
            && (effort.is_some() || self.new_thinking != New::Same)
        {
            if level != known {
                let what = format!("effort {level} to {known}");
                notes.push(Note::new(NoteKind::Changed, what));
            }
            self.new_effort = New::Is(known);
        }
        self.fit_budget(turn, target, notes);
    }

    /// Writes what is new.
    pub(super) fn write(self, request: &mut Fields<'t>) {
        match self.new_thinking {
            New::Is(json) => request.set(THINKING, json),
            New::Gone => request.drop(THINKING),
            New::Same => {}
        }
        if self.new_effort == New::Same {
            return;
        }
        let config = self.config.unwrap_or("{}");
        let mut fields: Vec<(String, String)> = members(config)
            .iter()
            .map(|it| (it.name.to_string(), it.value.to_owned()))
            .filter(|(name, _)| name != EFFORT)
            .collect();
        if let New::Is(level) = self.new_effort {
            fields.insert(0, (EFFORT.to_owned(), quoted(&level)));
        }
        if fields.is_empty() {
            return request.drop(OUTPUT_CONFIG);
        }
        let fields: Vec<_> =
            fields.iter().map(|(name, json)| format!("{}:{json}", quoted(name))).collect();
        request.set(OUTPUT_CONFIG, format!("{{{}}}", fields.join(",")));
    }

    /// A model that takes a budget and no level refuses levels.
    fn spare_effort(&mut self, dialect: &Dialect, given: bool, notes: &mut Vec<Note>) {
        let budget_only =
            dialect.thinking.budget.as_ref().is_some_and(|it| it.exclusive_with_effort);
        if given && budget_only && !has_levels(dialect) {
            self.new_effort = New::Gone;
            notes.push(Note::new(NoteKind::Dropped, "output_config.effort"));
        }
    }

    /// A budget has to lie within the record's limits and leave room for the answer.
    fn fit_budget(&mut self, turn: &Turn<'_>, target: &Target<'_>, notes: &mut Vec<Note>) {
        let (now, is_new) = match &self.new_thinking {
            New::Is(json) => (json.clone(), true),
            New::Gone => return,
            New::Same => (self.thinking.unwrap_or_default().to_owned(), false),
        };
        let Some(asked) = budget(&now) else { return };
        let rules = target.dialect.thinking.budget.as_ref();
        let least = rules.and_then(|it| it.min).map_or(0, u64::from);
        let most = rules.and_then(|it| it.max).map_or(u64::MAX, u64::from);
        let length = self.max_tokens.or(turn.max_output_tokens);
        let length = length.unwrap_or_else(|| target.output_or(DEFAULT_MAX_TOKENS));
        let length = target.most_output().map_or(length, |it| it.min(length));
        let mut allowed = asked.max(least).min(most);
        if allowed >= length {
            allowed = if is_new { length / 2 } else { length.saturating_sub(1) };
        }
        if allowed < least || allowed == 0 {
            if self.switch_off(target.dialect) {
                let what = "thinking off: the answer may be too short";
                notes.push(Note::new(NoteKind::Changed, what));
            }
        } else if allowed != asked
            && let Ok(mut value) = serde_json::from_str::<Value>(&now)
        {
            value[BUDGET] = allowed.into();
            self.new_thinking = New::Is(value.to_string());
            notes.push(Note::new(NoteKind::Changed, "thinking budget"));
        }
    }

    fn effort(&self) -> Option<String> {
        self.config.and_then(effort_in)
    }
}

fn effort_in(config: &str) -> Option<String> {
    let level = Text::from_json(member(&members(config), EFFORT)?)?;
    Some(level.to_plain().into_owned())
}

fn budget(thinking: &str) -> Option<u64> {
    member(&members(thinking), BUDGET)?.parse().ok()
}

const EFFORT: &str = "effort";
