//! The request as it arrived, for what no other protocol has a word for.

use interlingua_ir::{Fault, Place};
use serde_json::value::RawValue;

use super::Reader;
use crate::incoming::{invalid, misplaced};

/// Where in a request an object stands.
#[derive(Clone, Copy)]
pub(super) enum Spot<'a> {
    /// In the rules.
    System(usize),
    /// In the conversation.
    Message(usize),
    /// In a message.
    Block(usize, usize),
    /// In a list of blocks, such as the result of a tool, inside the block of a message.
    Inner {
        /// The message, and its block.
        outer: (usize, usize),
        /// The list.
        list: &'a RawValue,
        /// The position in it.
        nth: usize,
    },
    /// In the request's tools.
    Tool(usize),
}

impl<'a> Spot<'a> {
    /// An entry of a list that belongs to the block that stands here.
    pub(super) fn inner(self, list: &'a RawValue, nth: usize) -> Self {
        let outer = match self {
            Self::Block(at, block) => (at, block),
            Self::Inner { outer, .. } => outer,
            Self::System(at) | Self::Message(at) | Self::Tool(at) => (at, 0),
        };
        Self::Inner { outer, list, nth }
    }

    pub(super) fn path(self) -> String {
        match self {
            Self::System(nth) => format!("system[{nth}]"),
            Self::Message(at) => format!("messages[{at}]"),
            Self::Block(at, nth) => format!("messages[{at}].content[{nth}]"),
            Self::Inner { outer: (at, block), nth, .. } => {
                format!("messages[{at}].content[{block}].content[{nth}]")
            }
            Self::Tool(at) => format!("tools[{at}]"),
        }
    }

    pub(super) fn field(self, name: &str) -> String {
        format!("{}.{name}", self.path())
    }
}

impl<'a> Reader<'a> {
    /// The object at `spot` as it arrived.
    pub(super) fn raw(&mut self, spot: Spot<'a>) -> Result<&'a RawValue, Fault> {
        let Self { body, lists, .. } = self;
        let found = match spot {
            Spot::System(nth) => lists.at(body, &[("system", nth)]),
            Spot::Message(at) => lists.at(body, &[("messages", at)]),
            Spot::Block(at, nth) => lists.at(body, &[("messages", at), ("content", nth)]),
            Spot::Inner { list, nth, .. } => lists.inner(list, nth),
            Spot::Tool(at) => lists.at(body, &[("tools", at)]),
        };
        found.ok_or_else(|| invalid(spot.path(), "it cannot be read"))
    }

    /// Keeps fields that are known elsewhere but mean nothing where they stand.
    pub(super) fn misplaced(
        &mut self,
        place: Place,
        spot: Spot<'a>,
        fields: impl Iterator<Item = &'static str>,
    ) -> Result<(), Fault> {
        let mut fields = fields.peekable();
        if fields.peek().is_none() {
            return Ok(());
        }
        let raw = self.raw(spot)?;
        self.turn.extras.extend(misplaced(place, raw, fields));
        Ok(())
    }
}
