//! Ids of tool calls that name one call each, for clients whose upstream counts them anew.

use std::borrow::Cow;
use std::collections::{HashMap, HashSet};

use interlingua_ir::{CallHead, Event, Index, Item, Kind, Sink, Turn};

/// A sink that makes the ids of calls unique.
///
/// Some upstreams call the first call of each answer `call_0`. An id that ends in fewer than
/// [`RANDOM`] letters and digits gets a suffix that is made of the answer's own id and the call's place;
/// others are taken for unique. What the client sees has no other letters than `A–Z a–z 0–9 _ -` and no
/// more than [`MAX_LEN`] of them, since that is what the strictest clients and servers take.
///
/// ```text
/// call_0               → call_0_il4qzk7w3b5xv2m
/// functions.ls:0       → functions-2els-3a0_ie4qzk7w3b5xv2m     odd bytes as `-` and two hex digits
/// one that is too long → call_4qzk7w3b5xv2m                     for good
/// ```
///
/// [`restore`] gives the upstream its own ids back, but for the last kind: there it sees ours, in the
/// call and in its result.
#[derive(Debug)]
pub struct Unique<'s, S> {
    answer: Option<&'s str>,
    sink: S,
}

/// How many letters and digits an id ends in that is taken for unique: as many as 64 random bits in hex.
pub const RANDOM: usize = 16;

/// The most bytes of an id that a client sees.
pub const MAX_LEN: usize = 64;

/// Stands before a suffix.
const SUFFIX: &str = "_il";

/// Stands before a suffix where the id is escaped, too.
const ESCAPED: &str = "_ie";

/// How many characters of base32 tell calls apart: 65 bits.
const DIGITS: usize = 13;

impl<'s, S: Sink> Unique<'s, S> {
    /// Puts unique ids before `sink`; `answer` is the gateway's own unique id of the answer. Without it all
    /// ids stay, as in an answer that is handed on as it came.
    pub fn new(answer: Option<&'s str>, sink: S) -> Self {
        Self { answer, sink }
    }
}

impl<S: Sink> Sink for Unique<'_, S> {
    fn event(&mut self, event: Event<'_>) {
        match event {
            Event::Open { index, kind: Kind::Call(head) } => {
                let id = self.answer.and_then(|answer| unique(&head.id, answer, index));
                let id = id.map_or(head.id, Cow::Owned);
                let kind = Kind::Call(CallHead { id, ..head });
                self.sink.event(Event::Open { index, kind });
            }
            event => self.sink.event(event),
        }
    }
}

/// Gives calls, their results and the thoughts that led to them the upstream's own ids.
///
/// Keys are made of the ids that the client knows: do this after them. Where a result would seem to
/// belong to another call, because it comes late and a later answer has counted anew, the id stays as it
/// is.
pub fn restore(turn: &mut Turn<'_>) {
    let ambiguous = ambiguous(&turn.items);
    let own = |id: &mut Cow<'_, str>| {
        if !ambiguous.contains(&**id)
            && let Some(own) = original(id)
        {
            *id = own.into();
        }
    };
    for item in &mut turn.items {
        match item {
            Item::Call(call) => own(&mut call.head.id),
            Item::Output(output) => own(&mut output.call_id),
            Item::Reasoning(reasoning) => {
                for id in reasoning.thought.iter_mut().flat_map(|it| &mut it.calls) {
                    let mut call = Cow::Owned(std::mem::take(id));
                    own(&mut call);
                    *id = call.into_owned();
                }
            }
            Item::Message(_) | Item::Summary(_) | Item::Other { .. } => {}
        }
    }
}

/// The ids that name a call whose result stands behind a later call of the same original id.
fn ambiguous(items: &[Item<'_>]) -> HashSet<String> {
    let mut latest: HashMap<String, &str> = HashMap::new();
    let mut ambiguous = HashSet::new();
    for item in items {
        match item {
            Item::Call(call) => {
                if let Some(own) = original(&call.head.id) {
                    latest.insert(own, &call.head.id);
                }
            }
            Item::Output(output) => {
                let id = &*output.call_id;
                let call = original(id).and_then(|own| latest.get(&own).copied());
                if call.is_some_and(|it| it != id) {
                    ambiguous.insert(id.to_owned());
                }
            }
            Item::Message(_) | Item::Reasoning(_) | Item::Summary(_) | Item::Other { .. } => {}
        }
    }
    ambiguous
}

/// The id that the client is to see, if the upstream's own will not do.
fn unique(id: &str, answer: &str, index: Index) -> Option<String> {
    let plain = id.bytes().all(is_safe);
    let run = id.bytes().rev().take_while(u8::is_ascii_alphanumeric).count();
    if plain && run >= RANDOM && id.len() <= MAX_LEN {
        return None;
    }
    let digits = digits(answer, index);
    let name = if plain { format!("{id}{SUFFIX}") } else { format!("{}{ESCAPED}", escape(id)) };
    let fits = !id.is_empty() && name.len() + DIGITS <= MAX_LEN;
    Some(if fits { name + &digits } else { format!("call_{digits}") })
}

/// What the upstream calls a call that the client knows as `id`, if that is another name.
fn original(id: &str) -> Option<String> {
    let (name, digits) = id.split_at_checked(id.len().checked_sub(DIGITS)?)?;
    if !digits.bytes().all(|it| BASE32.contains(&it)) {
        return None;
    }
    if let Some(name) = name.strip_suffix(SUFFIX) {
        return Some(name.to_owned());
    }
    unescape(name.strip_suffix(ESCAPED)?)
}

fn is_safe(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-'
}

fn escape(id: &str) -> String {
    let mut escaped = String::with_capacity(id.len() + 8);
    for byte in id.bytes() {
        if byte.is_ascii_alphanumeric() || byte == b'_' {
            escaped.push(char::from(byte));
        } else {
            escaped.push('-');
            for half in [byte >> 4, byte & 15] {
                escaped.push(char::from_digit(half.into(), 16).expect("half a byte is one digit"));
            }
        }
    }
    escaped
}

fn unescape(escaped: &str) -> Option<String> {
    let mut pieces = escaped.split('-');
    let mut bytes = pieces.next()?.as_bytes().to_vec();
    for piece in pieces {
        let (code, rest) = piece.split_at_checked(2)?;
        bytes.push(u8::from_str_radix(code, 16).ok()?);
        bytes.extend_from_slice(rest.as_bytes());
    }
    String::from_utf8(bytes).ok()
}

const BASE32: &[u8; 32] = b"abcdefghijklmnopqrstuvwxyz234567";

fn digits(answer: &str, index: Index) -> String {
    let mut hasher = blake3::Hasher::new();
    hasher.update(&index.0.to_le_bytes()).update(answer.as_bytes());
    let mut hash = [0; 16];
    hasher.finalize_xof().fill(&mut hash);
    let hash = u128::from_le_bytes(hash);
    let digit = |nth: usize| char::from(BASE32[(hash >> (5 * nth)) as usize & 31]);
    (0..DIGITS).map(digit).collect()
}
