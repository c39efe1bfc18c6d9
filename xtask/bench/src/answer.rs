//! What the mock upstream answers, and so what everybody must deliver.

use crate::pair::Wire;

mod chat;
mod messages;
mod responses;

/// Deltas of a streamed answer, unless it is a slow one.
pub(crate) const DELTAS: usize = 200;

/// Tokens of the prompt, and how many of them were cached.
pub(crate) const PROMPT: usize = 15_000;
pub(crate) const CACHED: usize = 12_000;

/// The text of one delta. Every tenth has what JSON must escape, every seventh is not ASCII.
pub(crate) fn delta(index: usize) -> String {
    match index {
        _ if index.is_multiple_of(10) => format!("w{index:03} says \"so\"\n"),
        _ if index.is_multiple_of(7) => format!("w{index:03} größer als "),
        _ => format!("w{index:03} and more "),
    }
}

/// What a delta's text begins with, in every protocol, and no delta before it holds.
pub(crate) fn word(index: usize) -> [u8; 4] {
    let digit = |value: usize| b'0' + u8::try_from(value % 10).unwrap_or_default();
    [b'w', digit(index / 100), digit(index / 10), digit(index)]
}

/// The text of so many deltas.
pub(crate) fn text(deltas: usize) -> String {
    (0..deltas).map(delta).collect()
}

/// The body of a streamed answer, cut where one event ends and the next begins.
pub(crate) struct Stream {
    /// Before the first delta.
    pub(crate) opening: Vec<Vec<u8>>,
    pub(crate) deltas: Vec<Vec<u8>>,
    /// After the last delta.
    pub(crate) closing: Vec<Vec<u8>>,
}

impl Stream {
    pub(crate) fn new(wire: Wire, deltas: usize) -> Self {
        match wire {
            Wire::Chat => chat::stream(deltas),
            Wire::Responses => responses::stream(deltas),
            Wire::Messages => messages::stream(deltas),
        }
    }

    pub(crate) fn events(&self) -> impl Iterator<Item = &[u8]> {
        self.opening.iter().chain(&self.deltas).chain(&self.closing).map(Vec::as_slice)
    }

    pub(crate) fn bytes(&self) -> Vec<u8> {
        self.events().collect::<Vec<_>>().concat()
    }
}

/// The body of a whole answer.
pub(crate) fn whole(wire: Wire) -> Vec<u8> {
    match wire {
        Wire::Chat => chat::whole(),
        Wire::Responses => responses::whole(),
        Wire::Messages => messages::whole(),
    }
}

/// The answer's id.
pub(crate) fn id(wire: Wire) -> &'static str {
    match wire {
        Wire::Chat => chat::ID,
        Wire::Responses => responses::ID,
        Wire::Messages => messages::ID,
    }
}

/// An event with its name, as two of the protocols write it.
fn named(value: &serde_json::Value) -> Vec<u8> {
    let name = value["type"].as_str().unwrap_or_default();
    format!("event: {name}\ndata: {value}\n\n").into_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_stands_in_its_delta_only() {
        let text = text(DELTAS);
        for index in 0..DELTAS {
            assert!(delta(index).as_bytes().starts_with(&word(index)));
            assert_eq!(memchr::memmem::find_iter(text.as_bytes(), &word(index)).count(), 1);
        }
    }

    #[test]
    fn each_delta_is_one_event_in_every_protocol() {
        for wire in Wire::ALL {
            let stream = Stream::new(wire, 20);
            for (index, event) in stream.deltas.iter().enumerate() {
                assert!(memchr::memmem::find(event, &word(index)).is_some());
                assert!(event.ends_with(b"\n\n"));
            }
            assert_eq!(stream.deltas.len(), 20);
            assert!(memchr::memmem::find(&stream.opening.concat(), &word(0)).is_none());
        }
    }
}
