//! The request as it arrived, for what no other protocol has a word for.

use interlingua_ir::{Fault, Place};
use serde_json::value::RawValue;

use super::{Reader, invalid};
use crate::incoming::misplaced;

/// Where in a request an object stands.
#[derive(Clone, Copy)]
pub(super) enum Spot {
    /// In the input.
    Item(usize),
    /// In a list of an item: its content, its output, its tools.
    Entry(usize, &'static str, usize),
    /// In the request's tools.
    Tool(usize),
    /// In a namespace of the request's tools.
    Inner(usize, usize),
    /// In a namespace of an item's tools.
    EntryInner(usize, usize, usize),
}

impl Spot {
    /// A tool inside the namespace that stands here.
    pub(super) fn inner(self, nth: usize) -> Self {
        match self {
            Self::Tool(outer) => Self::Inner(outer, nth),
            Self::Entry(item, _, outer) => Self::EntryInner(item, outer, nth),
            Self::Item(_) | Self::Inner(..) | Self::EntryInner(..) => self,
        }
    }

    pub(super) fn path(self) -> String {
        match self {
            Self::Item(at) => format!("input[{at}]"),
            Self::Entry(at, list, nth) => format!("input[{at}].{list}[{nth}]"),
            Self::Tool(at) => format!("tools[{at}]"),
            Self::Inner(outer, nth) => format!("tools[{outer}].tools[{nth}]"),
            Self::EntryInner(at, outer, nth) => format!("input[{at}].tools[{outer}].tools[{nth}]"),
        }
    }
}

impl<'a> Reader<'a> {
    /// The object at `spot` as it arrived.
    pub(super) fn raw(&mut self, spot: Spot) -> Result<&'a RawValue, Fault> {
        let Self { body, lists, .. } = self;
        let found = match spot {
            Spot::Item(at) => lists.at(body, &[("input", at)]),
            Spot::Entry(at, list, nth) => lists.at(body, &[("input", at), (list, nth)]),
            Spot::Tool(at) => lists.at(body, &[("tools", at)]),
            Spot::Inner(outer, nth) => lists.at(body, &[("tools", outer), ("tools", nth)]),
            Spot::EntryInner(at, outer, nth) => {
                lists.at(body, &[("input", at), ("tools", outer), ("tools", nth)])
            }
        };
        found.ok_or_else(|| invalid(spot.path(), "it cannot be read"))
    }

    /// Keeps fields that are known elsewhere but mean nothing where they stand.
    pub(super) fn misplaced(
        &mut self,
        place: Place,
        spot: Spot,
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
