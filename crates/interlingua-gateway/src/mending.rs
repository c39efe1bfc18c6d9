//! What is changed about a request that its target has refused as it was.

use interlingua_dialect::{AnswerLimit, Fix};
use interlingua_ir::{Class, Turn};
use interlingua_registry::{KeyState, Target};
use interlingua_translate::Repairs;
use interlingua_upstream::Refusal;

use crate::learned::Learned;

/// How many repairs of a request are made at most: servers name what they refuse one after the other.
const MOST_REPAIRS: usize = 4;

/// The repairs of a request on its way to one target. Each is made once.
#[derive(Debug)]
pub(crate) struct Mending {
    pub(crate) repairs: Repairs,
    made: usize,
    /// What the target seems to take from nobody: parameters, and longer answers.
    barred: Vec<String>,
    limit: Option<u64>,
}

impl Mending {
    /// Begins with what is known about the target.
    pub(crate) fn begin(learned: &Learned, target: &Target) -> Self {
        Self { repairs: learned.of(target), made: 0, barred: Vec::new(), limit: None }
    }

    /// Makes the repair that a refusal asks for, if it was not made yet; tells which.
    pub(crate) fn mend(&mut self, refusal: &Refusal, turn: &Turn<'_>) -> Option<&'static str> {
        if self.made == MOST_REPAIRS {
            return None;
        }
        let Refusal { fault, fix, answer_limit } = refusal;
        let fix = fix.or((fault.class == Class::ReplayMissing).then_some(Fix::AddPlaceholder));
        let limit = answer_limit.filter(|it| is_longer(turn, *it));
        let made = limit
            .and_then(|limit| self.shorten(limit))
            .or_else(|| self.fix(fix?, fault.param.as_deref()));
        self.made += usize::from(made.is_some());
        made
    }

    /// Remembers what turned out to be right, now that the target has answered.
    pub(crate) fn learn(&self, learned: &Learned, target: &Target) {
        for param in &self.barred {
            learned.bar(target, param);
        }
        // What the account of one client is given need not hold for that of another.
        if let Some(limit) = self.limit.filter(|_| target.provider.key_state != KeyState::OfClient)
        {
            learned.limit(target, limit);
        }
    }

    fn fix(&mut self, fix: Fix, param: Option<&str>) -> Option<&'static str> {
        if !self.repairs.add(fix, param) {
            return None;
        }
        self.barred.extend(param.filter(|_| fix == Fix::DropParam).map(str::to_owned));
        Some(fix.name())
    }

    fn shorten(&mut self, limit: AnswerLimit) -> Option<&'static str> {
        if !self.repairs.limit_answer(limit.tokens) {
            // It was no help.
            self.limit = None;
            return None;
        }
        self.limit = Some(limit.tokens).filter(|_| limit.always).or(self.limit);
        Some("shorter_answer")
    }
}

/// Whether a turn asks for more than an answer can have; who says nothing leaves it to us.
fn is_longer(turn: &Turn<'_>, limit: AnswerLimit) -> bool {
    turn.max_output_tokens.is_none_or(|asked| asked > limit.tokens)
}
