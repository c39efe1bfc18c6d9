//! The client's side, whichever protocol it speaks.

use interlingua_ir::{Fault, Note, Protocol, Turn};

use crate::document::Document;
use crate::faults::{self, Caller, Refusal};
use crate::pipe::Encode;
use crate::{chat, messages, responses};

/// Reads a client's request.
///
/// # Errors
///
/// As the protocol's own `read`.
pub fn read<'b>(
    protocol: Protocol,
    document: &Document<'b>,
) -> Result<(Turn<'b>, Vec<Note>), Fault> {
    match protocol {
        Protocol::Responses => responses::read_document(document),
        Protocol::Chat => chat::read_document(document),
        Protocol::Messages => messages::read_document(document),
    }
}

/// Tells a client of a fault before its answer has begun.
pub fn refuse(
    protocol: Protocol,
    fault: &Fault,
    caller: Caller,
    streaming: bool,
    request_id: &str,
) -> Refusal {
    match protocol {
        Protocol::Responses => faults::refuse(fault, caller, streaming),
        Protocol::Chat => faults::refuse(fault, Caller::Other, streaming),
        Protocol::Messages => messages::faults::refuse(fault, request_id),
    }
}

/// What is known about an answer before it begins.
#[derive(Clone, Debug)]
pub enum Head {
    /// To a Responses client.
    Responses(Box<responses::Head>),
    /// To a Chat Completions client.
    Chat(Box<chat::Head>),
    /// To a Messages client.
    Messages(Box<messages::Head>),
}

impl Head {
    /// Names the answer to `turn` and takes from it what the answer shows. `clock` gives seconds since 1970.
    pub fn of(turn: &Turn<'_>, ids: Ids<'_>, clock: fn() -> u64) -> Self {
        let Ids { answer, request } = ids;
        match turn.protocol {
            Protocol::Responses => {
                let id = format!("resp_{answer}");
                Self::Responses(Box::new(responses::Head::of(turn, &id, clock(), clock)))
            }
            Protocol::Chat => {
                let id = format!("chatcmpl-{answer}");
                Self::Chat(Box::new(chat::Head::of(turn, &id, clock())))
            }
            Protocol::Messages => {
                let id = format!("msg_{answer}");
                Self::Messages(Box::new(messages::Head::of(turn, &id, request)))
            }
        }
    }

    /// Names an answer to a request that could not be read.
    pub fn unread(protocol: Protocol, ids: Ids<'_>) -> Self {
        Self::of(&Turn { protocol, ..Turn::default() }, ids, || 0)
    }

    /// Whether the client wants to know what the answer cost.
    pub fn shows_usage(&self) -> bool {
        match self {
            Self::Chat(head) => head.include_usage(),
            Self::Responses(_) | Self::Messages(_) => true,
        }
    }

    /// Tells a Responses client whether its answer is kept, and from which kept answer it continues.
    #[must_use]
    pub fn stored(self, store: bool, previous: Option<&str>) -> Self {
        match self {
            Self::Responses(head) => Self::Responses(Box::new(head.stored(store, previous))),
            other => other,
        }
    }

    /// Whether the answer is kept.
    pub fn is_stored(&self) -> bool {
        matches!(self, Self::Responses(head) if head.is_stored())
    }

    /// Makes an encoder that writes events.
    pub fn stream(self, caller: Caller) -> Box<dyn Encode> {
        match self {
            Self::Responses(head) => {
                let keeps = head.is_stored();
                let encoder = responses::Encoder::stream(*head).caller(caller);
                Box::new(if keeps { encoder.keep() } else { encoder })
            }
            Self::Chat(head) => Box::new(chat::Encoder::stream(*head)),
            Self::Messages(head) => Box::new(messages::Encoder::stream(*head)),
        }
    }

    /// Makes an encoder that writes the whole answer once it is complete.
    pub fn whole(self) -> Box<dyn Encode> {
        match self {
            Self::Responses(head) => {
                let keeps = head.is_stored();
                let encoder = responses::Encoder::whole(*head);
                Box::new(if keeps { encoder.keep() } else { encoder })
            }
            Self::Chat(head) => Box::new(chat::Encoder::whole(*head)),
            Self::Messages(head) => Box::new(messages::Encoder::whole(*head)),
        }
    }
}

/// What an answer is called.
#[derive(Clone, Copy, Debug)]
pub struct Ids<'i> {
    /// Without the protocol's prefix; unique.
    pub answer: &'i str,
    /// The request's own id, which some errors repeat.
    pub request: &'i str,
}
