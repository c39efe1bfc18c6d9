//! Where a turn goes, and how it looks there.

use interlingua_dialect::{Dialect, Fix, OfferedIn};
use interlingua_ir::{Note, NoteKind, Protocol, Turn};

use crate::body::Body;
use crate::render::quoted;
use crate::tools::ToolMap;

/// Where a turn goes.
#[derive(Clone, Copy, Debug)]
pub struct Target<'t> {
    /// What is peculiar about the upstream and its model.
    pub dialect: &'t Dialect,
    /// The provider's id; thoughts remember it.
    pub provider: &'t str,
    /// The model, as the upstream spells it.
    pub model: &'t str,
    /// The most tokens that the model can answer with, where that is known.
    pub max_output_tokens: Option<u64>,
    /// What names the conversation, the same in all its turns: for upstreams that keep each on a cache of its
    /// own, and for calls that a model writes into its text. Nobody should be able to guess it, and it should
    /// tell nothing.
    pub conversation: Option<&'t str>,
    /// Whether the upstream shall send its answer piece by piece.
    pub stream: bool,
    /// What the upstream refused before and is to be spared now.
    pub repairs: &'t Repairs,
}

impl Target<'_> {
    /// The field that keeps the conversation on one cache, with its value.
    pub(crate) fn cache_key(&self, turn: &Turn<'_>) -> Option<(&str, String)> {
        let name = cache_field(turn, self.dialect)?;
        Some((name, quoted(self.conversation?)))
    }

    /// How long an answer may be where the client does not say it and `usual` is right for a model of which
    /// nothing is known, in tokens.
    pub(crate) fn output_or(&self, usual: u64) -> u64 {
        let wished = self.max_output_tokens.unwrap_or(usual);
        self.repairs.answer_limit.map_or(wished, |limit| wished.min(limit))
    }

    /// The most tokens that an answer can have, as far as that is known.
    pub(crate) fn most_output(&self) -> Option<u64> {
        self.max_output_tokens.into_iter().chain(self.repairs.answer_limit).min()
    }

    /// What the record makes of a number; `None` if it stays.
    pub(crate) fn clamped(&self, name: &str, json: &str) -> Option<String> {
        let clamp = self.dialect.request.clamp.get(name)?;
        let asked: f64 = json.parse().ok()?;
        let allowed = clamp.fixed.unwrap_or(asked);
        let allowed = allowed.max(clamp.min.unwrap_or(f64::MIN)).min(clamp.max.unwrap_or(f64::MAX));
        (allowed.to_bits() != asked.to_bits()).then(|| allowed.to_string())
    }
}

/// Whether a turn goes nowhere without a name for its [conversation](Target::conversation).
pub fn wants_conversation(turn: &Turn<'_>, dialect: &Dialect) -> bool {
    dialect.tools.offered_in == OfferedIn::Prompt || cache_field(turn, dialect).is_some()
}

/// The field for the name of the conversation. Clients of Chat and Responses have a word for it, and say it
/// themselves.
fn cache_field<'d>(turn: &Turn<'_>, dialect: &'d Dialect) -> Option<&'d str> {
    dialect.cache.key_field.as_deref().filter(|_| turn.protocol == Protocol::Messages)
}

/// Changes to a request that an upstream has asked for by refusing it.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Repairs {
    fixes: Vec<Fix>,
    params: Vec<String>,
    answer_limit: Option<u64>,
}

impl Repairs {
    /// Adds a repair; `param` is the field that the upstream named. `false` when it was made before,
    /// so that nothing is tried twice.
    pub fn add(&mut self, fix: Fix, param: Option<&str>) -> bool {
        if matches!(fix, Fix::DropParam | Fix::DropValue) {
            // Upstreams name a place inside a parameter, too.
            let Some(param) = param.and_then(|it| it.split('[').next()) else { return false };
            let outer = param.split('.').next().unwrap_or(param);
            // What makes up the request is never dropped, whatever the upstream says.
            if KEPT_PARAMS.contains(&outer) || param.len() > LONGEST_PARAM {
                return false;
            }
            let param = if LOOSE_PARAMS.contains(&outer) { param } else { outer };
            let known = self.params.iter().any(|it| it == param);
            let new = !known && self.params.len() < MOST_PARAMS;
            if new {
                self.params.push(param.to_owned());
            }
            return new;
        }
        let new = !self.fixes.contains(&fix);
        if new {
            self.fixes.push(fix);
        }
        new
    }

    /// Asks for an answer of so many tokens at most. `false` when that is known already.
    pub fn limit_answer(&mut self, tokens: u64) -> bool {
        let new = self.answer_limit.is_none_or(|known| tokens < known);
        if new {
            self.answer_limit = Some(tokens);
        }
        new
    }

    /// Whether nothing is to be changed.
    pub fn is_empty(&self) -> bool {
        self.fixes.is_empty() && self.params.is_empty() && self.answer_limit.is_none()
    }

    /// The most tokens that an answer may have, where something is known of that from refusals.
    pub(crate) fn answer_limit(&self) -> Option<u64> {
        self.answer_limit
    }

    /// The longest answer that may be asked for where `asked` is wished in the field `name`, in tokens; tells
    /// if it is less.
    pub(crate) fn shortened(&self, name: &str, asked: u64, notes: &mut Vec<Note>) -> u64 {
        let Some(limit) = self.answer_limit.filter(|limit| *limit < asked) else { return asked };
        notes.push(Note::new(NoteKind::Changed, format!("{name} to {limit}")));
        limit
    }

    pub(crate) fn has(&self, fix: Fix) -> bool {
        self.fixes.contains(&fix)
    }

    /// Whether the parameter is to be left out.
    pub(crate) fn bars(&self, param: &str) -> bool {
        let inside = |it: &str| it.strip_prefix(param).is_some_and(|rest| rest.starts_with('.'));
        self.params.iter().any(|it| it == param || inside(it))
    }

    /// Whether the parameter is to be left out, because the upstream refuses it or something in it;
    /// tells about it.
    pub(crate) fn drops(&self, param: &str, notes: &mut Vec<Note>) -> bool {
        let drops = self.bars(param);
        if drops {
            notes.push(Note::new(NoteKind::Dropped, param));
        }
        drops
    }
}

/// A request in the upstream's words.
#[derive(Debug)]
pub struct Written {
    /// The body.
    pub body: Body,
    /// The way back from the tools that the model sees to those that the client declared.
    pub tools: ToolMap,
    /// The schema of the answer, where the upstream was only asked to follow it; see [`Check`](crate::Check).
    pub unheld: Option<Box<str>>,
    /// What could not be said as it was.
    pub notes: Vec<Note>,
}

/// What may be answered with where a limit is needed and neither the client nor the model's description says
/// one, in tokens. Every model that thinks takes it.
pub(crate) const DEFAULT_MAX_TOKENS: u64 = 32_000;

/// Parameters whose parts can be left out one by one.
const LOOSE_PARAMS: [&str; 2] = ["reasoning", "text"];

/// What a request cannot do without, whatever an upstream complains about.
const KEPT_PARAMS: [&str; 7] =
    ["input", "instructions", "messages", "model", "stream", "system", "tools"];

/// The longest name of a parameter in bytes, and the most of them: upstreams that are hostile invent more.
const LONGEST_PARAM: usize = 64;
const MOST_PARAMS: usize = 32;

/// Parameters that change nothing about the answer; leaving them out is not worth a word.
pub(crate) const HOUSEKEEPING: [&str; 7] = [
    "include",
    "metadata",
    "prompt_cache_key",
    "prompt_cache_retention",
    "safety_identifier",
    "store",
    "user",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_makes_up_a_request_is_never_left_out() {
        let mut repairs = Repairs::default();
        for param in KEPT_PARAMS {
            assert!(!repairs.add(Fix::DropParam, Some(param)), "{param}");
            assert!(!repairs.add(Fix::DropValue, Some(&format!("{param}[0].x"))), "{param}");
        }
        assert!(repairs.is_empty());
    }

    #[test]
    fn invented_parameters_are_not_gathered() {
        let mut repairs = Repairs::default();
        assert!(!repairs.add(Fix::DropParam, Some(&"x".repeat(LONGEST_PARAM + 1))));
        let added = (0..1_000).filter(|nth| repairs.add(Fix::DropParam, Some(&format!("x{nth}"))));
        assert_eq!(added.count(), MOST_PARAMS);
        assert!(!repairs.add(Fix::DropParam, Some("x0")), "it is known");
    }
}
