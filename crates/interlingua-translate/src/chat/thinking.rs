//! How much to think, in the fields of a Chat request.

use std::borrow::Cow;

use interlingua_dialect::{
    Budget, Carrier, Effort, Fix, ForcedWithThinking, ReplayScope, ThinkingDefault,
};
use interlingua_ir::{Fault, Item, Note, NoteKind, Place, Turn};
use interlingua_protocol::json::compact;
use serde_json::{Map, Value};

use super::extras::Extras;
use super::messages::forbids_thinking;
use crate::effort::{Asked, by_budget, choose, is_forced, known, off};
use crate::render::quoted;
use crate::target::Target;

/// The decision about thinking, and the fields that the record wants to be sent.
pub(super) struct Plan<'t> {
    /// Names and JSON, in the order in which they are written.
    pub(super) fields: Vec<(&'t str, Cow<'t, str>)>,
    /// Whether the model will think, as far as anybody can know.
    pub(super) thinks: bool,
}

impl<'t> Plan<'t> {
    /// Decides by what the client asks for, and by what the request allows.
    ///
    /// # Errors
    ///
    /// [`BadParam`](interlingua_ir::Class::BadParam) for a level that the record wants refused.
    pub(super) fn of(
        turn: &Turn<'_>,
        target: &Target<'t>,
        extras: &Extras<'_>,
        notes: &mut Vec<Note>,
    ) -> Result<Self, Fault> {
        let dialect = target.dialect;
        let repaired = target.repairs.has(Fix::DisableThinking);
        let wish = Wish::of(turn, target, extras);
        let mut asked = choose(wish.level, target, notes)?;
        let refused = turn.thinking.effort.is_some() && asked.level.is_none();
        if !refused && !repaired {
            asked.thinks = spelled_out(target, extras).unwrap_or(asked.thinks);
        }
        let unforced = dialect.tools.forced_with_thinking == ForcedWithThinking::DisableThinking;
        if asked.thinks
            && unforced
            && is_forced(turn, target)
            && let Some(fields) = off(dialect)
        {
            asked = Asked { level: Some(Effort::None), fields, thinks: false };
            notes.push(Note::new(NoteKind::Changed, "thinking off: a call is required"));
        }
        if asked.thinks
            && forbids_thinking(turn, target)
            && let Some(fields) = off(dialect)
        {
            asked = Asked { level: Some(Effort::None), fields, thinks: false };
            notes.push(Note::new(NoteKind::ReasoningMissing, "thinking off for this request"));
        }
        let mut plan = Self { fields: Vec::new(), thinks: asked.thinks };
        let set = dialect.request.set.iter();
        plan.fields.extend(set.map(|(name, json)| (&**name, json.into())));
        let budget = wish.budget.filter(|_| asked.thinks);
        let instead = budget.is_some_and(|(rules, _)| rules.exclusive_with_effort);
        for (name, json) in asked.fields.iter().filter(|_| !instead) {
            // The client may have said more in the upstream's own words.
            let said = extras.find(Place::Top, name).is_some();
            if !said || repaired {
                plan.fields.retain(|(known, _)| known != name);
                plan.fields.push((name, json.into()));
            }
        }
        match budget {
            Some((rules, tokens)) => {
                // Some count thoughts as a part of the answer.
                let room = target.repairs.answer_limit().map_or(u64::MAX, |it| it / 2);
                plan.limit(rules, tokens, room, notes);
            }
            None if asked.thinks && turn.thinking.budget.is_some() && wish.is_by_level => {
                notes.push(Note::new(NoteKind::Changed, "thinking budget to a level"));
            }
            None => {}
        }
        if asked.thinks {
            plan.preserve(turn, target, extras);
        }
        plan.extend_reasoning(extras);
        Ok(plan)
    }

    /// Limits the tokens spent on thinking.
    fn limit(&mut self, rules: &'t Budget, asked: u64, room: u64, notes: &mut Vec<Note>) {
        let [least, most] = [rules.min, rules.max].map(|it| it.map(u64::from));
        let tokens = asked.min(room).max(least.unwrap_or(0)).min(most.unwrap_or(u64::MAX));
        if tokens != asked {
            notes.push(Note::new(NoteKind::Changed, "thinking budget"));
        }
        let mut names = rules.path.split('.');
        let Some(top) = names.next() else { return };
        let inner = names.rev().fold(Value::from(tokens), |inner, name| {
            Map::from_iter([(name.to_owned(), inner)]).into()
        });
        self.merge(top, &inner.to_string());
    }

    /// Asks the upstream to keep earlier reasoning, where there is some that goes back.
    fn preserve(&mut self, turn: &Turn<'_>, target: &Target<'t>, extras: &Extras<'_>) {
        let dialect = target.dialect;
        let rules = &dialect.replay;
        let Some(preserve) = &dialect.thinking.preserve else { return };
        let has_any = turn.items.iter().any(|it| matches!(it, Item::Reasoning(_)));
        let keeps = rules.carrier != Carrier::None && rules.scope == ReplayScope::AllTurns;
        if !has_any || !keeps {
            return;
        }
        let on = dialect.effort(Effort::High).unwrap_or_default();
        for (name, json) in preserve.iter().filter(|it| extras.find(Place::Top, &it.0).is_none()) {
            let is_said = self.fields.iter().any(|(known, _)| known == name);
            // A field that also switches says both, where the model thinks unless it is told otherwise.
            let switch = on.iter().find(|(known, _)| known == name);
            let by_itself = dialect.thinking.default != ThinkingDefault::Model;
            if let Some((_, switch)) = switch.filter(|_| !is_said && by_itself) {
                self.merge(name, switch);
            }
            self.merge(name, json);
        }
    }

    /// Puts the members of an object into a field, which is made if it is not there.
    fn merge(&mut self, name: &'t str, json: &str) {
        let Some((_, known)) = self.fields.iter_mut().find(|(known, _)| *known == name) else {
            self.fields.push((name, json.to_owned().into()));
            return;
        };
        let read = [known.as_ref(), json].map(|it| serde_json::from_str::<Value>(it).ok());
        *known = match read {
            [Some(mut whole), Some(more)] => {
                merge(&mut whole, more);
                whole.to_string().into()
            }
            _ => json.to_owned().into(),
        };
    }

    /// The client's wish came in such an object, and the rest of it has its place there.
    fn extend_reasoning(&mut self, extras: &Extras<'_>) {
        let reasoning = self.fields.iter_mut().find(|(name, _)| *name == "reasoning");
        let Some((_, json)) = reasoning else { return };
        for (name, said) in extras.inner(Place::Top, "reasoning") {
            if let Some(inside) = json.strip_suffix('}') {
                let comma = if inside == "{" { "" } else { "," };
                *json = format!("{inside}{comma}{}:{said}}}", quoted(name)).into();
            }
        }
    }
}

/// What the client wants.
struct Wish<'w, 't> {
    level: Option<&'w str>,
    /// The limit in tokens, where the upstream knows such limits.
    budget: Option<(&'t Budget, u64)>,
    /// Only a level can say what the client said in tokens.
    is_by_level: bool,
}

impl<'w, 't> Wish<'w, 't> {
    fn of(turn: &'w Turn<'_>, target: &Target<'t>, extras: &Extras<'_>) -> Self {
        if target.repairs.has(Fix::DisableThinking) {
            return Self { level: Some("none"), budget: None, is_by_level: false };
        }
        let thinking = &turn.thinking;
        let rules = target.dialect.thinking.budget.as_ref();
        // The client may have said it in the upstream's own words.
        let own = |rules: &Budget| {
            let top = rules.path.split('.').next().unwrap_or_default();
            extras.find(Place::Top, top).is_some()
        };
        let asked = thinking.budget.filter(|it| *it > 0);
        let budget = rules.filter(|it| !own(it)).zip(asked);
        let level = thinking.effort.as_deref().map(known);
        let own_words = rules.is_some_and(own);
        Self {
            level: level.or(thinking.budget.filter(|_| !own_words).map(by_budget)),
            budget,
            is_by_level: rules.is_none(),
        }
    }
}

/// Whether the model thinks, as the client says it in the upstream's own fields.
fn spelled_out(target: &Target<'_>, extras: &Extras<'_>) -> Option<bool> {
    let dialect = target.dialect;
    let said = |level: Effort| {
        let fields = dialect.effort(level).filter(|it| !it.is_empty())?;
        let is_said = |(name, json): &(String, String)| {
            extras.find(Place::Top, name).is_some_and(|said| compact(said) == *json)
        };
        fields.iter().all(is_said).then_some(level != Effort::None)
    };
    let thinks = Effort::ALL.into_iter().find_map(said)?;
    Some(thinks || dialect.thinking.default == ThinkingDefault::Forced)
}

fn merge(whole: &mut Value, more: Value) {
    match (whole, more) {
        (Value::Object(whole), Value::Object(more)) => {
            for (name, value) in more {
                merge(whole.entry(name).or_insert(Value::Null), value);
            }
        }
        (whole, more) => *whole = more,
    }
}
