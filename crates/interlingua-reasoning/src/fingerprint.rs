//! Which message of which conversation this is, for clients that do not say it.

use std::ops::Range;

use blake3::Hasher;
use interlingua_ir::{Call, Form, Item, Part, Reasoning, Role, Turn};

use crate::Key;
use crate::canonical::canonical;
use crate::inject::{There, Wanted};
use crate::words::{Words, without_billing, without_reminders};

/// Whose conversation a turn is a part of.
#[derive(Clone, Copy, Debug)]
pub struct Scope<'s> {
    /// Whose thoughts these are: the id of the client's key.
    pub tenant: &'s str,
    /// What a header of the request calls the client's session, if one does.
    pub session: Option<&'s str>,
}

/// The keys of the assistant's steps in a turn.
///
/// A key is a hash over the tenant, the session's name if there is one, the conversation before the
/// step, and the ids of the step's calls, or its words if it calls nothing. So equal ids, equal texts
/// and both together are told apart by what came before them, and what follows a message that was
/// edited has other keys than before.
///
/// The conversation is hashed by roles, words, images, names of tools and arguments in one canonical
/// form. Left out is what clients change between two turns by themselves: ids, cache marks, reminders,
/// the line about billing, blanks around a text, the order of keys, and how a text is escaped.
///
/// The provider is not in the key. If it were, a conversation that moves to another provider would find
/// there what a twin of it had thought. Without it both are put under one key, the second spoils it, and
/// neither is used. Who thought a thought is sealed in with it.
#[derive(Debug)]
pub struct Fingerprints {
    steps: Vec<Step>,
    end: Prefix,
}

/// What the model thought, said and called in one answer.
#[derive(Debug)]
struct Step {
    range: Range<usize>,
    key: Key,
    there: There,
}

impl Fingerprints {
    /// Goes once through a turn whose seals are [open](crate::open), and whose ids are still those that
    /// the client knows.
    pub fn of(turn: &Turn<'_>, scope: Scope<'_>) -> Self {
        let mut conversation = Conversation::begin(scope);
        let mut steps = Vec::new();
        let mut at = 0;
        while let Some(item) = turn.items.get(at) {
            if !is_of_model(item) {
                conversation.item(item);
                at += 1;
                continue;
            }
            let range = at..step_end(&turn.items, at);
            let items = turn.items.get(range.clone()).unwrap_or_default();
            at = range.end;
            if let Some(key) = conversation.step(items) {
                steps.push(Step { range, key, there: There::of(items) });
            }
        }
        Self { steps, end: conversation.prefix() }
    }

    /// The steps whose thoughts the client did not send, or sent without their origin.
    pub fn wanted(&self) -> Wanted {
        let steps = self.steps.iter().filter(|it| it.there != There::Whole);
        steps.map(|it| (it.key, it.range.clone())).collect()
    }

    /// The conversation up to the answer that is wanted now.
    pub fn end(&self) -> Prefix {
        self.end
    }
}

/// A conversation up to some point, as a hash.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Prefix([u8; 32]);

impl Prefix {
    /// The key of a step that calls tools.
    pub(crate) fn key_of_calls<'i>(self, ids: impl IntoIterator<Item = &'i str>) -> Key {
        let mut hasher = Hasher::new_keyed(&self.0);
        hasher.update(CALL);
        for id in ids {
            hasher.update(id.as_bytes()).update(END);
        }
        Key::new(hasher.finalize().into())
    }
}

/// The key of a step that calls nothing, while its words become known.
#[derive(Debug)]
pub(crate) struct KeyOfWords {
    hasher: Hasher,
    words: Words,
    /// Words that are not in the hash yet: they come in small pieces, and those are hashed slowly.
    waiting: Vec<u8>,
}

/// From so many words on they go into the hash, in bytes.
const MAX_WORDS_WAITING: usize = 4 << 10;

impl KeyOfWords {
    pub(crate) fn new(before: Prefix) -> Self {
        let hasher = Hasher::new_keyed(&before.0);
        Self { hasher, words: Words::default(), waiting: Vec::new() }
    }

    /// Adds the next words.
    pub(crate) fn add(&mut self, piece: &str) {
        self.words.push(&mut self.waiting, piece);
        if self.waiting.len() >= MAX_WORDS_WAITING {
            self.hasher.update(&self.waiting);
            self.waiting.clear();
        }
    }

    /// The key; `None` as long as there is no word.
    pub(crate) fn key(&self) -> Option<Key> {
        let key = || self.hasher.clone().update(&self.waiting).update(END).finalize();
        self.words.begun.then(|| Key::new(key().into()))
    }
}

// These bytes occur in no text, so no text can look like the end of another.
const END: &[u8] = &[0xff];
const RULES: &[u8] = &[0xfe];
const USER: &[u8] = &[0xfd];
const STEP: &[u8] = &[0xfc];
const CALL: &[u8] = &[0xfb];
const OUTPUT: &[u8] = &[0xfa];
const SUMMARY: &[u8] = &[0xf9];
const PART: &[u8] = &[0xf8];

/// What fills a piece up. Where something could follow, nothing begins with it.
const PADDING: u8 = END[0];

/// To how many bytes a piece is filled up. BLAKE3 hashes blocks of 1 KiB side by side, but only as many as are
/// a power of two: eight take hardly longer than one, and seven as long as four, two and one after another.
fn padded(len: usize) -> usize {
    match len {
        0..=1024 => len,
        1025..=8192 => len.next_power_of_two(),
        _ => len.next_multiple_of(8192),
    }
}

/// A conversation on its way into a hash.
struct Conversation {
    /// What is in the hash; it is the key of the hash of what follows.
    before: [u8; 32],
    /// What is not in the hash yet: a piece that is hashed at once takes a fraction of the time that it
    /// takes in parts.
    waiting: Vec<u8>,
    scratch: Vec<u8>,
}

/// From so much on what waits goes into the hash, in bytes. Where that happens depends on the conversation
/// alone, as it has to.
const MAX_WAITING: usize = 64 << 10;

impl Conversation {
    fn begin(scope: Scope<'_>) -> Self {
        // Not secret: keys have to outlive a rotation of the seal keys, and entries are sealed anyway.
        let mut key = Hasher::new_derive_key("interlingua 2026-11 conversations of a tenant");
        key.update(scope.tenant.as_bytes()).update(END);
        if let Some(session) = scope.session {
            key.update(session.as_bytes()).update(END);
        }
        // An agent's rules alone take much of that; to grow step by step copies them again and again.
        let waiting = Vec::with_capacity(MAX_WAITING / 2);
        Self { before: key.finalize().into(), waiting, scratch: Vec::new() }
    }

    fn prefix(&mut self) -> Prefix {
        let len = self.waiting.len();
        self.waiting.resize(padded(len), PADDING);
        let hash = blake3::keyed_hash(&self.before, &self.waiting);
        self.waiting.truncate(len);
        Prefix(hash.into())
    }

    /// Puts what waits into the hash, which is `prefix` then.
    fn settle(&mut self, prefix: Prefix) {
        self.before = prefix.0;
        self.waiting.clear();
    }

    fn add(&mut self, bytes: &[u8]) -> &mut Self {
        self.waiting.extend_from_slice(bytes);
        self
    }

    /// Adds a step, and gives its key if the client can see something of it.
    fn step(&mut self, items: &[Item<'_>]) -> Option<Key> {
        let before = self.prefix();
        let calls = || items.iter().filter_map(as_call);
        let has_calls = calls().next().is_some();
        let mut words = KeyOfWords::new(before);
        for item in items {
            let Item::Message(message) = item else { continue };
            for part in &message.parts {
                if let Part::Text(text) | Part::Refusal(text) = part {
                    words.add(&text.to_plain());
                }
            }
        }
        let said = words.key();
        let key = match has_calls {
            true => before.key_of_calls(calls().map(|it| it.head.id.as_ref())),
            // What clients may leave out by themselves is no place where hashes are joined.
            false => said?,
        };
        self.settle(before);
        self.add(STEP);
        if let Some(said) = said {
            self.add(said.as_bytes());
        }
        for call in calls() {
            self.call(call);
        }
        self.add(END);
        Some(key)
    }

    fn call(&mut self, call: &Call<'_>) {
        let namespace = call.head.namespace.as_deref().unwrap_or_default();
        self.add(CALL).add(namespace.as_bytes()).add(END);
        self.add(call.head.name.as_bytes()).add(END);
        let input = call.input.to_plain();
        self.scratch.clear();
        match call.head.form {
            Form::Function | Form::ToolSearch => canonical(&input, &mut self.scratch),
            Form::Custom => self.scratch.extend_from_slice(input.trim().as_bytes()),
        }
        self.waiting.extend_from_slice(&self.scratch.len().to_le_bytes());
        self.waiting.extend_from_slice(&self.scratch);
    }

    /// Adds what is not the model's.
    fn item(&mut self, item: &Item<'_>) {
        match item {
            Item::Message(message) => match message.role {
                Role::System | Role::Developer => {
                    self.parts(RULES, &message.parts, without_billing);
                }
                Role::User | Role::Assistant => self.parts(USER, &message.parts, |it| it),
            },
            Item::Output(output) => self.parts(OUTPUT, &output.parts, |it| it),
            Item::Summary(summary) => {
                let text = summary.text.as_deref().unwrap_or_default();
                self.add(SUMMARY).add(text.as_bytes()).add(END);
            }
            Item::Reasoning(_) | Item::Call(_) | Item::Other { .. } => {}
        }
        if self.waiting.len() > MAX_WAITING {
            let prefix = self.prefix();
            self.settle(prefix);
        }
    }

    /// Adds the parts of a message or an output. A message of which nothing is left without what comes
    /// and goes is none; an output that is empty is one.
    fn parts(&mut self, who: &[u8], parts: &[Part<'_>], cut: fn(&str) -> &str) {
        let start = self.waiting.len();
        self.add(who);
        let mut words = Words::default();
        let mut others = false;
        for part in parts {
            match part {
                Part::Text(text) | Part::Refusal(text) => {
                    let text = text.to_plain();
                    for piece in without_reminders(cut(&text)) {
                        words.push(&mut self.waiting, piece);
                    }
                }
                Part::Image { url: it, .. }
                | Part::File { url: it, .. }
                | Part::Audio { data: it, .. } => {
                    others = true;
                    self.add(PART).add(it.to_plain().as_bytes()).add(END);
                }
                Part::Other { kind, .. } => {
                    others = true;
                    self.add(PART).add(kind.as_bytes()).add(END);
                }
            }
        }
        if words.begun || others || who == OUTPUT {
            self.add(END);
        } else {
            self.waiting.truncate(start);
        }
    }
}

fn is_of_model(item: &Item<'_>) -> bool {
    match item {
        Item::Message(message) => message.role == Role::Assistant,
        Item::Reasoning(_) | Item::Call(_) | Item::Other { .. } => true,
        Item::Output(_) | Item::Summary(_) => false,
    }
}

fn as_call<'t, 'a>(item: &'t Item<'a>) -> Option<&'t Call<'a>> {
    match item {
        Item::Call(call) => Some(call),
        _ => None,
    }
}

/// Where the step ends that begins at `start`: at what is not the model's, or at a thought that is known
/// to belong to another answer.
fn step_end(items: &[Item<'_>], start: usize) -> usize {
    let mut answer = None;
    for (at, item) in items.iter().enumerate().skip(start) {
        if !is_of_model(item) {
            return at;
        }
        let Item::Reasoning(Reasoning { thought: Some(thought), .. }) = item else { continue };
        match answer {
            _ if thought.answer.is_empty() => {}
            None => answer = Some(&thought.answer),
            Some(first) if *first != thought.answer => return at,
            Some(_) => {}
        }
    }
    items.len()
}
