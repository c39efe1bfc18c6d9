//! Which part of a conversation may go when it does not fit.

use std::collections::HashMap;
use std::ops::Range;

use interlingua_ir::{Item, Part, Role, Text};

/// Drops the older half of the parts that may go; says how many parts that were.
///
/// The last item is the question for a summary; it belongs to no turn.
pub(super) fn drop_older_half(items: &mut Vec<Item<'_>>) -> usize {
    let (parts, are_turns) = parts(items);
    let sizes: Vec<usize> = parts.iter().map(|part| size(&items[part.clone()])).collect();
    let half = sizes.iter().sum::<usize>().div_ceil(2);
    let (mut gone, mut count) = (0, 0_usize);
    for size in sizes {
        gone += size;
        count += 1;
        if gone >= half {
            break;
        }
    }
    let Some(last) = count.checked_sub(1).and_then(|at| parts.get(at)) else { return 0 };
    let mut at = 0;
    let (first, end) = (parts[0].start, last.end);
    items.retain(|item| {
        let asks = !are_turns && is_user(item);
        let keep = !(first..end).contains(&at) || stays(item) || asks;
        at += 1;
        keep
    });
    count
}

/// Whether an item stays whatever goes around it: rules, and what stands for parts that are gone.
fn stays(item: &Item<'_>) -> bool {
    match item {
        Item::Message(message) => matches!(message.role, Role::System | Role::Developer),
        Item::Summary(_) => true,
        _ => false,
    }
}

/// The parts that may go, oldest first, and whether they are turns: turns but the last; when there is
/// only one, its steps but the last.
fn parts(items: &[Item<'_>]) -> (Vec<Range<usize>>, bool) {
    let between = |starts: &[usize]| starts.windows(2).map(|pair| pair[0]..pair[1]).collect();
    let end = items.len().saturating_sub(1);
    let conversation = &items[..end];
    let starts: Vec<usize> = seams(conversation).filter(|at| begins_turn(items, *at)).collect();
    if starts.len() > 1 {
        return (between(&starts), true);
    }
    // The question itself stays.
    let question = starts.first().copied().unwrap_or_default();
    let begin = (question..end).find(|at| !is_user(&items[*at]) && !stays(&items[*at]));
    let Some(begin) = begin else { return (Vec::new(), false) };
    let starts: Vec<usize> = seams(conversation)
        .filter(|at| *at == begin || (*at > begin && begins_step(items, *at)))
        .collect();
    (between(&starts), false)
}

/// Where a conversation may be cut without parting a call from its result.
fn seams<'i>(items: &'i [Item<'_>]) -> impl Iterator<Item = usize> + 'i {
    // How far the results reach of the calls up to each item.
    let mut results: HashMap<usize, usize> = HashMap::new();
    let mut calls: HashMap<&str, usize> = HashMap::new();
    for (at, item) in items.iter().enumerate() {
        match item {
            Item::Call(call) => {
                calls.insert(&call.head.id, at);
            }
            Item::Output(output) => {
                if let Some(call) = calls.get(&*output.call_id) {
                    results.insert(*call, at);
                }
            }
            _ => {}
        }
    }
    let mut reach = 0;
    (0..items.len()).filter(move |at| {
        let seam = *at == 0 || reach < *at;
        reach = reach.max(results.get(at).copied().unwrap_or_default());
        seam
    })
}

/// Whether a turn begins here: somebody speaks, and nobody but the operator or a summary before.
fn begins_turn(items: &[Item<'_>], at: usize) -> bool {
    let before = items[..at].iter().rev().find(|item| !stays(item));
    is_user(&items[at]) && !before.is_some_and(is_user)
}

/// Whether a step of the model begins here.
fn begins_step(items: &[Item<'_>], at: usize) -> bool {
    let before = at.checked_sub(1).and_then(|at| items.get(at));
    matches!(before, Some(Item::Output(_))) && !matches!(items[at], Item::Output(_))
}

fn is_user(item: &Item<'_>) -> bool {
    matches!(item, Item::Message(message) if message.role == Role::User)
}

/// How many bytes of text the items hold.
pub(super) fn size(items: &[Item<'_>]) -> usize {
    let parts = |parts: &[Part<'_>]| -> usize {
        let len = |part: &Part<'_>| match part {
            Part::Text(text) | Part::Refusal(text) => text.stored_len(),
            Part::Image { .. } | Part::File { .. } | Part::Audio { .. } | Part::Other { .. } => 0,
        };
        parts.iter().map(len).sum()
    };
    let item = |item: &Item<'_>| match item {
        Item::Message(message) => parts(&message.parts),
        Item::Reasoning(reasoning) => match &reasoning.thought {
            Some(thought) => thought.text.len(),
            None => reasoning.readable.iter().map(Text::stored_len).sum(),
        },
        Item::Call(call) => call.input.stored_len() + call.head.name.len(),
        Item::Output(output) => parts(&output.parts),
        Item::Summary(summary) => summary.text.as_ref().map_or(0, String::len),
        Item::Other { .. } => 0,
    };
    items.iter().map(item).sum()
}

#[cfg(test)]
mod tests {
    use interlingua_ir::{Call, CallHead, Form, Message, Output, Summary};

    use super::*;

    /// One letter per item: `d`eveloper, `u`ser, `a`ssistant, `s`ummary, calls `0`–`9` and `.0` their
    /// results. The last `u` asks for the summary.
    fn items(spec: &str) -> Vec<Item<'static>> {
        let mut items = Vec::new();
        let mut letters = spec.chars();
        while let Some(letter) = letters.next() {
            let text = || vec![Part::Text(Text::plain("0123456789"))];
            let message = |role| Item::Message(Message { role, parts: text() });
            items.push(match letter {
                'd' => message(Role::Developer),
                'u' => message(Role::User),
                'a' => message(Role::Assistant),
                's' => Item::Summary(Summary::default()),
                '.' => {
                    let call_id = letters.next().unwrap().to_string().into();
                    Item::Output(Output { call_id, parts: text(), is_error: false })
                }
                id => Item::Call(Call {
                    head: CallHead {
                        id: id.to_string().into(),
                        name: "f".into(),
                        namespace: None,
                        form: Form::Function,
                    },
                    input: Text::plain("123456789"),
                }),
            });
        }
        items
    }

    fn spec(items: &[Item<'_>]) -> String {
        let letter = |item: &Item<'_>| match item {
            Item::Message(message) => match message.role {
                Role::System | Role::Developer => "d".to_owned(),
                Role::User => "u".to_owned(),
                Role::Assistant => "a".to_owned(),
            },
            Item::Summary(_) => "s".to_owned(),
            Item::Output(output) => format!(".{}", output.call_id),
            Item::Call(call) => call.head.id.to_string(),
            Item::Reasoning(_) | Item::Other { .. } => "?".to_owned(),
        };
        items.iter().map(letter).collect()
    }

    /// Shortens again and again; each step with how many parts went.
    #[track_caller]
    fn check(before: &str, expect: &[(usize, &str)]) {
        let mut items = items(before);
        let mut got = Vec::new();
        loop {
            let count = drop_older_half(&mut items);
            if count == 0 {
                break;
            }
            got.push((count, spec(&items)));
        }
        let got: Vec<_> = got.iter().map(|(count, spec)| (*count, &**spec)).collect();
        assert_eq!(got, expect);
    }

    #[test]
    fn old_turns_go_first() {
        check("dduuaua1.1auau", &[(2, "dduau")]);
    }

    #[test]
    fn of_the_last_turn_its_steps_go_and_its_question_stays() {
        check("dduu1.12.23.34.4u", &[(2, "dduu3.34.4u"), (1, "dduu4.4u")]);
    }

    #[test]
    fn a_call_and_its_result_go_together() {
        check("ua1u.1au", &[(1, "uuau")]);
        check("ua1u2.1.2u3.3u", &[(1, "u3.3u")]);
        check("d12.1.23.34.4u", &[(1, "d3.34.4u"), (1, "d4.4u")]);
    }

    #[test]
    fn rules_and_earlier_summaries_stay() {
        check("dusaduauauu", &[(2, "dsduauu"), (1, "dsduu")]);
    }

    #[test]
    fn nothing_is_left_of_little() {
        check("u", &[]);
        check("ddu", &[]);
        check("dduuu", &[]);
    }
}
