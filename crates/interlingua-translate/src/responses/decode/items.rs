//! The items of an answer, from their first sign to their end.

use interlingua_ir::{Class, NoteKind, Sink, Text};
use interlingua_protocol::responses::{self as wire, OutputItem};
use serde_json::value::RawValue;

use super::call::Call;
use super::heard::{Channel, Heard, Place, Rest};
use super::leaves::{annotations, kind, number, texts};
use super::out::{Out, Trouble};
use super::prose::Prose;
use super::thought::Thought;
use crate::lane::inside;

/// The most items of one answer.
const MAX_ITEMS: usize = 4096;

/// The items of an answer.
///
/// The upstream names an item by its id and by its position; servers leave out either, and some give
/// other ids at the end than at the beginning.
#[derive(Debug)]
pub(super) struct Items {
    slots: Vec<Slot>,
    pub(super) out: Out,
}

/// Where in an answer an event belongs.
#[derive(Clone, Copy, Debug)]
pub(super) struct Spot<'e> {
    /// The position of its item.
    at: Option<u64>,
    /// The id of its item, JSON-escaped.
    id: Option<&'e str>,
    /// The part of its item.
    part: u64,
}

/// A text that goes on.
#[derive(Clone, Copy, Debug)]
pub(super) struct Going {
    at: usize,
    place: Place,
}

#[derive(Debug)]
struct Slot {
    at: Option<u64>,
    id: Option<String>,
    kind: String,
    body: Body,
    heard: Heard,
    done: bool,
}

#[derive(Debug)]
enum Body {
    Prose(Prose),
    Thought(Thought),
    Call(Call),
    /// What only this protocol has a word for.
    Other,
}

impl<'e> Spot<'e> {
    pub(super) fn of(event: &wire::Event<'e>, channel: Channel) -> Self {
        let part = match channel {
            Channel::Summary => event.summary_index,
            Channel::Text | Channel::Refusal | Channel::Raw => event.content_index,
            Channel::Input => None,
        };
        Self {
            at: event.output_index.and_then(number),
            id: event.item_id.and_then(inside),
            part: part.and_then(number).unwrap_or(0),
        }
    }
}

impl Items {
    pub(super) fn new(seed: &str) -> Self {
        Self { slots: Vec::new(), out: Out::new(seed) }
    }

    /// Whether the model has said, thought or called something.
    pub(super) fn any(&self) -> bool {
        self.out.has_any()
    }

    /// Whether the event is about an item that only this protocol has a word for.
    pub(super) fn is_other(&self, spot: &Spot<'_>) -> bool {
        self.find(spot, |_| true).is_some_and(|at| matches!(self.slots[at].body, Body::Other))
    }

    /// An item begins.
    pub(super) fn added(
        &mut self,
        spot: &Spot<'_>,
        item: &OutputItem<'_>,
        sink: &mut dyn Sink,
    ) -> Result<(), Trouble> {
        let known = self.slots.iter().rposition(|it| !it.done && it.is_named(item));
        let at = known.map_or_else(|| self.make(spot, item, sink), Ok)?;
        match &mut self.slots[at].body {
            Body::Call(call) => call.named(item, &mut self.out, sink),
            Body::Thought(thought) => thought.keep(item),
            Body::Prose(_) | Body::Other => {}
        }
        Ok(())
    }

    /// The next piece of an item.
    pub(super) fn piece(
        &mut self,
        spot: &Spot<'_>,
        channel: Channel,
        text: Text<'_>,
        sink: &mut dyn Sink,
    ) -> Result<(), Trouble> {
        // Servers pad with empty strings; they mean nothing and must not open an item.
        if text.is_empty() {
            return Ok(());
        }
        let at = self.find_or_make(spot, channel)?;
        self.next(Going { at, place: (channel, spot.part) }, text, sink)
    }

    /// Where the pieces of a text go, as long as nothing but such pieces comes.
    pub(super) fn going(&self, spot: &Spot<'_>, channel: Channel) -> Option<Going> {
        let at = self.find(spot, |slot| slot.takes(channel))?;
        Some(Going { at, place: (channel, spot.part) })
    }

    /// The next piece of a text that goes on.
    pub(super) fn next(
        &mut self,
        going: Going,
        text: Text<'_>,
        sink: &mut dyn Sink,
    ) -> Result<(), Trouble> {
        let Going { at, place } = going;
        if text.is_empty() {
            return Ok(());
        }
        if self.slots[at].done {
            self.out.note(NoteKind::Dropped, "a piece of an item that had ended", sink);
            return Ok(());
        }
        self.slots[at].heard.piece(place, &text);
        self.say(at, place, text, sink)
    }

    /// All of a text that came in pieces.
    pub(super) fn whole(
        &mut self,
        spot: &Spot<'_>,
        channel: Channel,
        text: &Text<'_>,
        sink: &mut dyn Sink,
    ) -> Result<(), Trouble> {
        if text.is_empty() && channel != Channel::Input {
            return Ok(());
        }
        let at = self.find_or_make(spot, channel)?;
        if self.slots[at].done {
            return Ok(());
        }
        if let Body::Call(call) = &mut self.slots[at].body {
            call.input_is_whole();
        }
        self.rest(at, (channel, spot.part), text, sink)
    }

    /// A part of an item is complete.
    pub(super) fn part(
        &mut self,
        event: &wire::Event<'_>,
        channel: Channel,
        sink: &mut dyn Sink,
    ) -> Result<(), Trouble> {
        let Some(part) = event.part.and_then(|it| wire::read_part(it.get()).ok()) else {
            return Ok(());
        };
        let (channel, text) = match (part.kind.as_ref().map_or("", |it| it.as_str()), channel) {
            ("refusal", _) => (Channel::Refusal, part.refusal),
            ("reasoning_text", _) => (Channel::Raw, part.text),
            (_, channel) => (channel, part.text),
        };
        match text.and_then(|it| Text::from_json(it.get())) {
            Some(text) => self.whole(&Spot::of(event, channel), channel, &text, sink),
            None => Ok(()),
        }
    }

    /// A source of what is said.
    pub(super) fn cite(&mut self, event: &wire::Event<'_>, sink: &mut dyn Sink) {
        let spot = Spot::of(event, Channel::Text);
        let found = self.find(&spot, |slot| slot.takes(Channel::Text));
        if let (Some(at), Some(annotation)) = (found, event.annotation)
            && let Body::Prose(prose) = &mut self.slots[at].body
        {
            prose.cite(annotation, &mut self.out, sink);
        }
    }

    /// An item is complete.
    pub(super) fn done(
        &mut self,
        spot: &Spot<'_>,
        item: &OutputItem<'_>,
        sink: &mut dyn Sink,
    ) -> Result<(), Trouble> {
        match self.locate(spot, item) {
            Some(at) if self.slots[at].done => Ok(()),
            Some(at) => self.finish(at, item, sink),
            None => {
                let at = self.make(spot, item, sink)?;
                self.finish(at, item, sink)
            }
        }
    }

    /// The answer is over, and lists its items once more: those that never came otherwise are in it.
    pub(super) fn listed(
        &mut self,
        output: &[&RawValue],
        sink: &mut dyn Sink,
    ) -> Result<(), Trouble> {
        let items: Vec<OutputItem<'_>> =
            output.iter().filter_map(|it| wire::read_item(it.get()).ok()).collect();
        let mut claimed = vec![false; self.slots.len()];
        let mut slot_of: Vec<Option<usize>> = vec![None; items.len()];
        for (item, slot_of) in items.iter().zip(&mut slot_of) {
            let named = self.slots.iter().zip(&claimed);
            let named = named.into_iter().position(|(it, claimed)| !claimed && it.is_named(item));
            if let Some(at) = named {
                claimed[at] = true;
                *slot_of = named;
            }
        }
        for (nth, (item, slot_of)) in items.iter().zip(slot_of).enumerate() {
            // Under another name than before, the first of a kind is still the first.
            let at = slot_of.or_else(|| {
                let mut same = self.slots.iter().zip(&claimed);
                same.position(|(it, claimed)| !claimed && it.is_of_kind(item))
            });
            let at = match at {
                Some(at) => at,
                None => {
                    claimed.push(true);
                    let at = Some(nth as u64)
                        .filter(|at| self.slots.iter().all(|it| it.at != Some(*at)));
                    self.make(&Spot { at, id: None, part: 0 }, item, sink)?
                }
            };
            claimed[at] = true;
            if !self.slots[at].done {
                self.finish(at, item, sink)?;
            }
        }
        Ok(())
    }

    /// Ends what the upstream has not ended itself; what was `cut` and would be run is dropped.
    pub(super) fn settle(&mut self, cut: bool, sink: &mut dyn Sink) {
        for slot in self.slots.iter_mut().filter(|it| !it.done) {
            slot.done = true;
            match &mut slot.body {
                Body::Prose(prose) => prose.close(&mut self.out, sink),
                Body::Thought(thought) => thought.close(None, &mut self.out, sink),
                Body::Call(call) => call.settle(cut, &mut self.out, sink),
                Body::Other => {}
            }
        }
    }

    fn finish(
        &mut self,
        at: usize,
        item: &OutputItem<'_>,
        sink: &mut dyn Sink,
    ) -> Result<(), Trouble> {
        if let Body::Call(call) = &mut self.slots[at].body {
            call.named(item, &mut self.out, sink);
        }
        if !matches!(self.slots[at].body, Body::Other) {
            for (place, text) in texts(item, &mut self.out, sink) {
                self.rest(at, place, &text, sink)?;
            }
        }
        let Slot { body, done, .. } = &mut self.slots[at];
        *done = true;
        match body {
            Body::Prose(prose) => {
                for annotation in annotations(item).into_iter().skip(prose.cited()) {
                    prose.cite(annotation, &mut self.out, sink);
                }
                prose.close(&mut self.out, sink);
                Ok(())
            }
            Body::Thought(thought) => {
                thought.close(Some(item), &mut self.out, sink);
                Ok(())
            }
            Body::Call(call) => {
                let cut = item.status.is_some_and(|it| it.get() == "\"incomplete\"");
                call.close(cut, &mut self.out, sink)
            }
            Body::Other => Ok(()),
        }
    }

    /// Says what is new in a text that is told as a whole.
    fn rest(
        &mut self,
        at: usize,
        place: Place,
        whole: &Text<'_>,
        sink: &mut dyn Sink,
    ) -> Result<(), Trouble> {
        let Slot { heard, body, .. } = &mut self.slots[at];
        match heard.rest(place, whole) {
            Rest::Nothing => Ok(()),
            Rest::All(text) => self.say(at, place, text, sink),
            Rest::End(text) => {
                self.out.note(NoteKind::FilledIn, "pieces that were lost", sink);
                self.say(at, place, text, sink)
            }
            Rest::Other => {
                // Nobody may run what has a hole. A client that sees the frames has the whole text.
                if let Body::Call(call) = body
                    && !call.is_readable()
                    && !self.out.quiet
                {
                    let what = "the pieces of a call's input are not what it is said to be";
                    return Err((Class::Upstream, what));
                }
                self.out.note(NoteKind::Unknown, "pieces that are not their text", sink);
                Ok(())
            }
        }
    }

    fn say(
        &mut self,
        at: usize,
        place: Place,
        text: Text<'_>,
        sink: &mut dyn Sink,
    ) -> Result<(), Trouble> {
        match &mut self.slots[at].body {
            Body::Prose(prose) => prose.say(place.0, text, &mut self.out, sink),
            Body::Thought(thought) => thought.say(place, text, &mut self.out, sink),
            Body::Call(call) => return call.input(text, sink),
            Body::Other => {}
        }
        Ok(())
    }

    fn find_or_make(&mut self, spot: &Spot<'_>, channel: Channel) -> Result<usize, Trouble> {
        if let Some(at) = self.find(spot, |slot| slot.takes(channel)) {
            return Ok(at);
        }
        let (kind, body) = match channel {
            Channel::Text | Channel::Refusal => ("message", Body::Prose(Prose::default())),
            Channel::Summary | Channel::Raw => ("reasoning", Body::Thought(Thought::default())),
            Channel::Input => ("", Body::Call(Call::unnamed())),
        };
        self.push(spot, spot.id, kind, body)
    }

    /// The item that an event belongs to.
    fn find(&self, spot: &Spot<'_>, fits: impl Fn(&Slot) -> bool) -> Option<usize> {
        let last = |test: &dyn Fn(&Slot) -> bool| {
            self.slots.iter().rposition(|slot| test(slot) && fits(slot))
        };
        let same_id = |slot: &Slot| spot.id.is_some() && slot.id.as_deref() == spot.id;
        let same_at = |slot: &Slot| spot.at.is_some() && slot.at == spot.at;
        last(&|slot| same_id(slot) && same_at(slot))
            .or_else(|| last(&same_id))
            .or_else(|| last(&same_at))
            .or_else(|| match (spot.at, spot.id) {
                (None, None) => last(&|slot| !slot.done),
                (None, Some(_)) => last(&|slot| !slot.done && slot.id.is_none()),
                (Some(_), _) => last(&|slot| !slot.done && slot.at.is_none() && slot.id.is_none()),
            })
    }

    /// The item that is complete now.
    fn locate(&self, spot: &Spot<'_>, item: &OutputItem<'_>) -> Option<usize> {
        let named = self.slots.iter().rposition(|it| it.is_named(item));
        named.or_else(|| {
            let spot = Spot { id: item.id.and_then(inside), ..*spot };
            self.find(&spot, |slot| {
                // What is done already is only the same if nothing tells them apart.
                let told_apart = slot.id.is_some() && spot.id.is_some();
                slot.is_of_kind(item) && !(slot.done && told_apart)
            })
        })
    }

    fn make(
        &mut self,
        spot: &Spot<'_>,
        item: &OutputItem<'_>,
        sink: &mut dyn Sink,
    ) -> Result<usize, Trouble> {
        let kind = kind(item);
        let body = match kind {
            "message" => Body::Prose(Prose::default()),
            "reasoning" => Body::Thought(Thought::default()),
            _ => match Call::of(kind, item) {
                Some(call) => Body::Call(call),
                None => {
                    self.out.note_once(NoteKind::Dropped, &format!("output item {kind}"), sink);
                    Body::Other
                }
            },
        };
        self.push(spot, item.id.and_then(inside), kind, body)
    }

    fn push(
        &mut self,
        spot: &Spot<'_>,
        id: Option<&str>,
        kind: &str,
        body: Body,
    ) -> Result<usize, Trouble> {
        if self.slots.len() == MAX_ITEMS {
            return Err((Class::Upstream, "the answer holds more than 4096 items"));
        }
        self.slots.push(Slot {
            at: spot.at,
            id: id.map(str::to_owned),
            kind: kind.to_owned(),
            body,
            heard: Heard::default(),
            done: false,
        });
        Ok(self.slots.len() - 1)
    }
}

impl Slot {
    fn takes(&self, channel: Channel) -> bool {
        match (&self.body, channel) {
            (Body::Prose(_), Channel::Text | Channel::Refusal)
            | (Body::Thought(_), Channel::Summary | Channel::Raw)
            | (Body::Call(_), Channel::Input)
            | (Body::Other, _) => true,
            (Body::Prose(_) | Body::Thought(_) | Body::Call(_), _) => false,
        }
    }

    /// Whether the item is this one by its name: its id, or that of its call.
    fn is_named(&self, item: &OutputItem<'_>) -> bool {
        let id = item.id.and_then(inside);
        let by_id = id.is_some() && self.id.as_deref() == id;
        let by_call = match &self.body {
            Body::Call(call) => call.is_named(item),
            Body::Prose(_) | Body::Thought(_) | Body::Other => false,
        };
        self.is_of_kind(item) && (by_id || by_call)
    }

    fn is_of_kind(&self, item: &OutputItem<'_>) -> bool {
        match &self.body {
            // Pieces came before anything that said what they are pieces of.
            Body::Call(call) if self.kind.is_empty() => {
                Call::of(kind(item), item).is_some() && !call.is_other_than(item)
            }
            Body::Call(call) => self.kind == kind(item) && !call.is_other_than(item),
            Body::Prose(_) | Body::Thought(_) | Body::Other => self.kind == kind(item),
        }
    }
}
