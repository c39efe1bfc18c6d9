//! The order that strict upstreams insist on.
//!
//! A conversation arrives as a flat list in which calls, results and messages may stand apart. Strict
//! upstreams want every call answered right behind the message that made it, once, and nothing
//! answered that was not called. Here the list is cut into assistant *steps* and each result is given
//! to its call; writers then only have to walk.

use std::collections::HashMap;
use std::ops::Range;

use interlingua_ir::{Item, Protocol, Role, Turn};

/// A conversation in an order that every upstream accepts.
#[derive(Debug)]
pub(crate) struct History {
    /// What to write, in order.
    pub(crate) entries: Vec<Entry>,
    /// How many items at the beginning are rules.
    pub(crate) leading_rules: usize,
    /// The last message of the user.
    last_asked: Option<usize>,
    /// For each item: the result of a call.
    result_of: Vec<Option<u32>>,
    /// Results that a later one of the same call has replaced.
    pub(crate) replaced: Vec<usize>,
    /// For each call whose id earlier calls have, too: how many.
    repeats: HashMap<usize, u32>,
}

/// One thing to write.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) enum Entry {
    /// A message of anybody but the model, or a summary.
    Message(usize),
    /// What the model thought, said and called in one answer; the results of its calls follow it.
    Step(Range<usize>),
    /// A result without a call.
    Stray(usize),
}

impl History {
    /// Puts the items of `turn` in order.
    ///
    /// Chat has borders between messages: two of the assistant's in a row stay two steps.
    pub(crate) fn of(turn: &Turn<'_>) -> Self {
        Self::new(turn, turn.protocol == Protocol::Chat)
    }

    /// Like [`of`](Self::of), for an upstream that wants one message of the assistant at a time.
    pub(crate) fn merged(turn: &Turn<'_>) -> Self {
        Self::new(turn, false)
    }

    fn new(turn: &Turn<'_>, bordered: bool) -> Self {
        let items = &turn.items;
        let mut history = Self {
            entries: Vec::with_capacity(items.len()),
            leading_rules: items.iter().take_while(|item| is_rule(item)).count(),
            last_asked: items.iter().rposition(is_asked),
            result_of: vec![None; items.len()],
            replaced: Vec::new(),
            repeats: HashMap::new(),
        };
        let paired = history.pair(items);
        let mut at = 0;
        while let Some(item) = items.get(at) {
            match item {
                Item::Message(message) if message.role != Role::Assistant => {
                    history.entries.push(Entry::Message(at));
                    at += 1;
                }
                Item::Summary(_) => {
                    history.entries.push(Entry::Message(at));
                    at += 1;
                }
                Item::Output(_) => {
                    if !paired[at] {
                        history.entries.push(Entry::Stray(at));
                    }
                    at += 1;
                }
                _ => {
                    let end = step_end(items, at, bordered);
                    history.entries.push(Entry::Step(at..end));
                    at = end;
                }
            }
        }
        history
    }

    /// The answer that the item at `at` is a part of; of anything else, the item alone.
    pub(crate) fn step_of(&self, at: usize) -> Range<usize> {
        let starts = |entry: &Entry| match entry {
            Entry::Message(start) | Entry::Stray(start) => *start,
            Entry::Step(range) => range.start,
        };
        let after = self.entries.partition_point(|entry| starts(entry) <= at);
        match self.entries[..after].last() {
            Some(Entry::Step(range)) if range.contains(&at) => range.clone(),
            _ => at..at + 1,
        }
    }

    /// Whether nobody has asked anything since an answer.
    pub(crate) fn is_current(&self, step: &Range<usize>) -> bool {
        self.last_asked.is_none_or(|asked| asked < step.end)
    }

    /// The item that answers the call at `call`.
    pub(crate) fn result_of(&self, call: usize) -> Option<usize> {
        self.result_of.get(call).copied().flatten().map(|at| at as usize)
    }

    /// How many calls before the one at `call` have its id.
    pub(crate) fn repeats(&self, call: usize) -> u32 {
        self.repeats.get(&call).copied().unwrap_or_default()
    }

    /// Whether an id names more than one call.
    pub(crate) fn has_repeats(&self) -> bool {
        !self.repeats.is_empty()
    }

    /// Gives each result to the latest call before it that has its id, and says which results found
    /// one. Some upstreams count their ids anew in each answer, so an id alone names no call.
    fn pair(&mut self, items: &[Item<'_>]) -> Vec<bool> {
        let mut paired = vec![false; items.len()];
        let mut calls: HashMap<&str, u32> = HashMap::new();
        for (at, item) in items.iter().enumerate() {
            let at32 = u32::try_from(at).unwrap_or(u32::MAX);
            match item {
                Item::Call(call) => {
                    if let Some(earlier) = calls.insert(&call.head.id, at32) {
                        let count = self.repeats(earlier as usize) + 1;
                        self.repeats.insert(at, count);
                    }
                }
                Item::Output(output) => {
                    let Some(&call) = calls.get(&*output.call_id) else { continue };
                    paired[at] = true;
                    if let Some(earlier) = self.result_of[call as usize].replace(at32) {
                        self.replaced.push(earlier as usize);
                    }
                }
                Item::Message(_) | Item::Reasoning(_) | Item::Summary(_) | Item::Other { .. } => {}
            }
        }
        paired
    }
}

/// Whether these are the words of whoever makes the rules.
pub(crate) fn is_rules(role: Role) -> bool {
    matches!(role, Role::System | Role::Developer)
}

fn is_rule(item: &Item<'_>) -> bool {
    matches!(item, Item::Message(message) if is_rules(message.role))
}

fn is_asked(item: &Item<'_>) -> bool {
    matches!(item, Item::Message(message) if message.role == Role::User)
}

/// Where the step ends that begins at `start`: at the first result, at anybody else's message, or at
/// a thought that is known to belong to another answer. Where messages have borders, it also ends
/// before the second one, and before what was thought for it.
fn step_end(items: &[Item<'_>], start: usize, bordered: bool) -> usize {
    let mut answer = None;
    let mut spoken = false;
    for (at, item) in items.iter().enumerate().skip(start) {
        match item {
            Item::Output(_) | Item::Summary(_) => return at,
            Item::Message(message) if message.role != Role::Assistant => return at,
            Item::Message(_) if bordered && spoken => {
                let thoughts = items[start..at].iter().rev();
                return at - thoughts.take_while(|it| matches!(it, Item::Reasoning(_))).count();
            }
            Item::Reasoning(reasoning) => {
                let this = reasoning.thought.as_ref().map(|it| it.answer.as_str());
                match (answer, this.filter(|it| !it.is_empty())) {
                    (Some(first), Some(this)) if first != this => return at,
                    (None, this) => answer = this,
                    _ => {}
                }
            }
            Item::Message(_) => spoken = true,
            Item::Call(_) | Item::Other { .. } => {}
        }
    }
    items.len()
}

#[cfg(test)]
mod tests {
    use interlingua_ir::{Call, CallHead, Form, Message, Output, Part, Reasoning, Text, Thought};

    use super::*;

    /// One letter per item: `u`ser, `a`ssistant, `r`easoning of answer 1 or `R` of answer 2, calls
    /// `0`–`9`, and their results as the letters at the same place of `klmnopqrst` behind a dot.
    fn turn(spec: &str) -> Turn<'static> {
        let mut items = Vec::new();
        let mut chars = spec.chars();
        while let Some(letter) = chars.next() {
            let message =
                |role| Item::Message(Message { role, parts: vec![Part::Text(Text::plain("x"))] });
            items.push(match letter {
                'u' => message(Role::User),
                'a' => message(Role::Assistant),
                'r' | 'R' => {
                    let thought = Thought { answer: letter.to_string(), ..Thought::default() };
                    Item::Reasoning(Reasoning { thought: Some(thought), ..Reasoning::default() })
                }
                '.' => Item::Output(Output {
                    call_id: chars.next().unwrap().to_string().into(),
                    parts: Vec::new(),
                    is_error: false,
                }),
                id => Item::Call(Call {
                    head: CallHead {
                        id: id.to_string().into(),
                        name: "f".into(),
                        namespace: None,
                        form: Form::Function,
                    },
                    input: Text::EMPTY,
                }),
            });
        }
        Turn { items, ..Turn::default() }
    }

    #[track_caller]
    fn check(spec: &str, expect: &str) {
        check_in(Protocol::Responses, spec, expect);
    }

    #[track_caller]
    fn check_in(protocol: Protocol, spec: &str, expect: &str) {
        let turn = Turn { protocol, ..turn(spec) };
        let history = History::of(&turn);
        let mut got = Vec::new();
        for entry in &history.entries {
            got.push(match entry {
                Entry::Message(at) => format!("message {at}"),
                Entry::Stray(at) => format!("stray {at}"),
                Entry::Step(range) => {
                    let results: Vec<_> = range
                        .clone()
                        .filter(|at| matches!(turn.items[*at], Item::Call(_)))
                        .map(|at| history.result_of(at).map_or("none".into(), |it| it.to_string()))
                        .collect();
                    format!("step {}..{} [{}]", range.start, range.end, results.join(" "))
                }
            });
        }
        assert_eq!(got.join(", "), expect);
    }

    #[test]
    fn calls_of_one_answer_are_one_step() {
        check("ura12.1.2u", "message 0, step 1..5 [5 6], message 7");
    }

    #[test]
    fn late_results_move_back_to_their_call() {
        check("12.1u.2a", "step 0..2 [2 4], message 3, step 5..6 []");
    }

    #[test]
    fn a_call_may_have_no_result_and_a_result_no_call() {
        check("1u.2", "step 0..1 [none], message 1, stray 2");
    }

    #[test]
    fn the_last_result_wins() {
        check("1.1.1", "step 0..1 [2]");
        assert_eq!(History::of(&turn("1.1.1")).replaced, [1]);
    }

    #[test]
    fn an_id_may_be_used_again_in_a_later_answer() {
        check("1.1u1.1", "step 0..1 [1], message 2, step 3..4 [4]");
        let history = History::of(&turn("1.1u12.1u1.1"));
        assert_eq!([0, 3, 4, 7].map(|at| history.repeats(at)), [0, 1, 0, 2]);
    }

    #[test]
    fn messages_with_borders_keep_them() {
        let check = |spec, expect| check_in(Protocol::Chat, spec, expect);
        check("uaau", "message 0, step 1..2 [], step 2..3 [], message 3");
        check("ra1ra2.1.2", "step 0..3 [6], step 3..6 [7]");
        check("a1r2.1.2", "step 0..4 [4 5]");
        check("ar", "step 0..2 []");
    }

    #[test]
    fn thoughts_of_two_answers_are_two_steps() {
        check("rRa1.1", "step 0..1 [], step 1..4 [4]");
        check("rra1.1", "step 0..4 [4]");
    }
}
