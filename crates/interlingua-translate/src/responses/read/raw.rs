//! The request as it arrived, for what no other protocol has a word for.

use std::collections::HashMap;

use interlingua_ir::{Fault, Place};
use serde::Deserialize;
use serde_json::value::RawValue;

use super::{Reader, invalid};
use crate::incoming::misplaced;

/// The request's lists with every entry as it arrived; only read when an entry is of no known kind.
#[derive(Default)]
pub(super) struct RawLists<'a> {
    input: Vec<&'a RawValue>,
    tools: Vec<&'a RawValue>,
}

impl<'a> RawLists<'a> {
    fn of(body: &'a [u8]) -> Self {
        #[derive(Default, Deserialize)]
        struct Fields<'a> {
            #[serde(borrow, default)]
            input: Option<&'a RawValue>,
            #[serde(borrow, default)]
            tools: Option<&'a RawValue>,
        }
        // The document was parsed once already, so this cannot fail on what matters here. An input may
        // be a string.
        let fields: Fields<'a> = serde_json::from_slice(body).unwrap_or_default();
        let list = |field: Option<&'a RawValue>| {
            let list = field.and_then(|it| serde_json::from_str(it.get()).ok());
            list.unwrap_or_default()
        };
        Self { input: list(fields.input), tools: list(fields.tools) }
    }
}

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
        let body = self.body;
        let lists = self.raw.get_or_insert_with(|| RawLists::of(body));
        let found = match spot {
            Spot::Item(at) => lists.input.get(at).copied(),
            Spot::Tool(at) => lists.tools.get(at).copied(),
            Spot::Entry(at, list, nth) => {
                lists.input.get(at).and_then(|item| entry(item, list, nth))
            }
            Spot::Inner(outer, nth) => {
                lists.tools.get(outer).and_then(|tool| entry(tool, "tools", nth))
            }
            Spot::EntryInner(at, outer, nth) => {
                let outer = lists.input.get(at).and_then(|item| entry(item, "tools", outer));
                outer.and_then(|tool| entry(tool, "tools", nth))
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

fn entry<'a>(object: &'a RawValue, list: &str, nth: usize) -> Option<&'a RawValue> {
    let mut fields: HashMap<String, &'a RawValue> = serde_json::from_str(object.get()).ok()?;
    let entries: Vec<&'a RawValue> = serde_json::from_str(fields.remove(list)?.get()).ok()?;
    entries.get(nth).copied()
}
