//! What the model thinks.

use interlingua_ir::{Attachment, Event, Index, Kind, Sink, Text};
use interlingua_protocol::responses::OutputItem;
use serde_json::value::RawValue;

use super::heard::Place;
use super::out::Out;
use crate::surrogates::Halves;

/// A thought: its summary, its words, and what its upstream recognises it by.
#[derive(Debug, Default)]
pub(super) struct Thought {
    open: Option<Index>,
    /// The part that was spoken last.
    last: Option<Place>,
    halves: Halves,
    /// The encrypted thought as it was when the item began. It is another one when the item ends; this
    /// one counts if that never comes.
    early: Option<Box<RawValue>>,
}

/// What stands between two parts of a thought.
const BETWEEN: &str = "\n\n";

impl Thought {
    pub(super) fn say(&mut self, place: Place, text: Text<'_>, out: &mut Out, sink: &mut dyn Sink) {
        let index = self.opened(out, sink);
        if self.last.replace(place).is_some_and(|last| last != place) {
            if let Some(text) = self.halves.rest() {
                sink.event(Event::Delta { index, text });
            }
            sink.event(Event::Delta { index, text: Text::plain(BETWEEN) });
        }
        if let Some(text) = self.halves.join(text) {
            sink.event(Event::Delta { index, text });
        }
    }

    /// Keeps what the beginning of an item says.
    pub(super) fn keep(&mut self, item: &OutputItem<'_>) {
        self.early = item.encrypted_content.filter(|it| is_said(it)).map(ToOwned::to_owned);
    }

    /// Ends the thought; `item` is all of it, if the upstream said so.
    pub(super) fn close(
        &mut self,
        item: Option<&OutputItem<'_>>,
        out: &mut Out,
        sink: &mut dyn Sink,
    ) {
        let early = self.early.take();
        let sealed = item.and_then(|it| it.encrypted_content).filter(|it| is_said(it));
        let sealed = sealed.or(early.as_deref());
        if sealed.is_none() && self.open.is_none() {
            return;
        }
        let index = self.opened(out, sink);
        if let Some(text) = self.halves.rest() {
            sink.event(Event::Delta { index, text });
        }
        if let Some(sealed) = sealed {
            let id = item.and_then(|it| it.id).filter(|it| is_said(it));
            let fields = [("id", id), ("encrypted_content", Some(sealed))];
            for (field, json) in fields {
                let Some(json) = json else { continue };
                let (field, json) = (field.into(), json.get().into());
                sink.event(Event::Attach {
                    index,
                    attachment: Attachment::Provenance { field, json },
                });
            }
        }
        sink.event(Event::Close { index });
    }

    fn opened(&mut self, out: &mut Out, sink: &mut dyn Sink) -> Index {
        *self.open.get_or_insert_with(|| {
            let index = out.index();
            sink.event(Event::Open { index, kind: Kind::Reasoning });
            index
        })
    }
}

fn is_said(json: &RawValue) -> bool {
    json.get().starts_with('"') && json.get() != "\"\""
}
