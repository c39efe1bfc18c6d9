//! A client that forgets thoughts, an upstream that thinks, and a store in a map.

use std::collections::HashMap;
use std::sync::Arc;

use interlingua_ir::{
    Call, CallHead, Event, Form, Index, Item, Kind, Message, Origin, Output, Part, Role, Sink,
    Stop, Text, Thought, Turn,
};
use interlingua_reasoning::{
    Capture, Capturing, Entry, Fingerprints, Injected, Key, Prefix, Scope, SealKey, SealKeys,
    inject,
};

pub(crate) fn keys() -> Arc<SealKeys> {
    Arc::new(SealKeys::new(SealKey::new(&[1; 32])))
}

pub(crate) fn nonce() -> [u8; 12] {
    [3; 12]
}

/// What a client keeps of a conversation.
#[derive(Clone, Debug)]
pub(crate) enum Said {
    System(String),
    User(String),
    Step { text: String, calls: Vec<(String, String, String)> },
    Output(String, String),
}

pub(crate) fn user(text: &str) -> Said {
    Said::User(text.into())
}

pub(crate) fn system(text: &str) -> Said {
    Said::System(text.into())
}

pub(crate) fn output(id: &str, text: &str) -> Said {
    Said::Output(id.into(), text.into())
}

/// A step that calls `name` with `arguments` as often as there are ids.
pub(crate) fn step(text: &str, ids: &[&str], arguments: &str) -> Said {
    let calls = ids.iter().map(|id| ((*id).into(), "ls".into(), arguments.into()));
    Said::Step { text: text.into(), calls: calls.collect() }
}

/// How a client writes a text when it sends it again.
pub(crate) type Writes = fn(&str) -> Text<'static>;

pub(crate) fn plainly(text: &str) -> Text<'static> {
    Text::from(text.to_owned())
}

pub(crate) fn turn(history: &[Said]) -> Turn<'static> {
    turn_as(history, plainly)
}

pub(crate) fn turn_as(history: &[Said], writes: Writes) -> Turn<'static> {
    let mut items = Vec::new();
    let message =
        |role, text: &str| Item::Message(Message { role, parts: vec![Part::Text(writes(text))] });
    for said in history {
        match said {
            Said::System(text) => items.push(message(Role::System, text)),
            Said::User(text) => items.push(message(Role::User, text)),
            Said::Output(id, text) => items.push(Item::Output(Output {
                call_id: id.clone().into(),
                parts: vec![Part::Text(writes(text))],
                is_error: false,
            })),
            Said::Step { text, calls } => {
                if !text.is_empty() {
                    items.push(message(Role::Assistant, text));
                }
                for (id, name, arguments) in calls {
                    let head = CallHead {
                        id: id.clone().into(),
                        name: name.clone().into(),
                        namespace: None,
                        form: Form::Function,
                    };
                    items.push(Item::Call(Call { head, input: writes(arguments) }));
                }
            }
        }
    }
    Turn { items, ..Turn::default() }
}

pub(crate) fn scope(tenant: &str) -> Scope<'_> {
    Scope { tenant, session: None }
}

pub(crate) fn wanted(turn: &Turn<'_>, tenant: &str) -> Vec<Key> {
    Fingerprints::of(turn, scope(tenant)).wanted().keys().to_vec()
}

/// The events of an answer that thinks, says and calls.
pub(crate) fn answer(thought: &str, step: &Said) -> Vec<Event<'static>> {
    let Said::Step { text, calls } = step else { panic!("an answer is a step") };
    let mut events = vec![Event::Begin { id: "c".into(), model: "m".into() }];
    let mut item = |kind: Kind<'static>, text: &str| {
        let index = Index(u32::try_from(events.len()).unwrap());
        events.push(Event::Open { index, kind });
        // A text arrives in pieces.
        for letter in text.chars() {
            events.push(Event::Delta { index, text: Text::from(letter.to_string()) });
        }
        events.push(Event::Close { index });
    };
    if !thought.is_empty() {
        item(Kind::Reasoning, thought);
    }
    if !text.is_empty() {
        item(Kind::Text, text);
    }
    for (id, name, arguments) in calls {
        let head = CallHead {
            id: id.clone().into(),
            name: name.clone().into(),
            namespace: None,
            form: Form::Function,
        };
        item(Kind::Call(head), arguments);
    }
    events.push(Event::End { stop: Stop::Complete, usage: None });
    events
}

/// What is to be kept of an answer by `provider` to the conversation `before`.
pub(crate) fn capture(
    tenant: &str,
    provider: &str,
    before: Prefix,
    events: &[Event<'static>],
) -> Option<(Key, Entry)> {
    let origin = Origin { provider: provider.into(), family: provider.into() };
    let mut state = Capturing::new(keys(), tenant, origin, "a", before, nonce);
    let mut seen: Vec<Event<'static>> = Vec::new();
    for event in events.iter().cloned() {
        Capture::new(&mut state, &mut seen).event(event);
    }
    assert_eq!(seen, events, "nothing is changed on its way");
    state.entry()
}

/// A store as its trait describes it, without bounds.
#[derive(Debug, Default)]
pub(crate) struct Shelf(HashMap<Key, Option<Entry>>);

impl Shelf {
    pub(crate) fn put(&mut self, (key, entry): (Key, Entry)) {
        let kept = self.0.entry(key).or_insert_with(|| Some(entry.clone()));
        if kept.as_ref().is_some_and(|it| it.mark != entry.mark) {
            *kept = None;
        }
    }

    /// Puts back what is there, and gives the text of the thoughts that were put back.
    pub(crate) fn inject(&self, turn: &mut Turn<'_>, tenant: &str) -> (Injected, Vec<String>) {
        let wanted = Fingerprints::of(turn, scope(tenant)).wanted();
        let look = |key| Some(self.0.get(key)?.as_ref()?.bytes.clone());
        let found: Vec<_> = wanted.keys().iter().map(look).collect();
        let injected = inject(turn, &wanted, &found, &keys(), tenant);
        let thoughts = thoughts(turn).into_iter().map(|(_, it)| it.text).collect();
        (injected, thoughts)
    }
}

/// The thoughts of a turn, each with its place.
pub(crate) fn thoughts(turn: &Turn<'_>) -> Vec<(usize, Thought)> {
    let items = turn.items.iter().enumerate();
    let thought = |(at, item): (usize, &Item<'_>)| match item {
        Item::Reasoning(reasoning) => Some((at, reasoning.thought.clone()?)),
        _ => None,
    };
    items.filter_map(thought).collect()
}
