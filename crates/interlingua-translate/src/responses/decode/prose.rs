//! What the model says.

use std::mem;

use interlingua_ir::{Attachment, Event, Index, Kind, NoteKind, Sink, Text};
use interlingua_protocol::Name;
use serde::Deserialize;
use serde_json::value::RawValue;

use super::heard::Channel;
use super::out::Out;
use crate::surrogates::Halves;

/// A message: prose, and perhaps a refusal, which the waist keeps apart.
#[derive(Debug, Default)]
pub(super) struct Prose {
    open: Option<(Index, Channel)>,
    halves: Halves,
    cited: usize,
    /// Sources that came before any word.
    early: Vec<(String, String)>,
}

impl Prose {
    pub(super) fn say(
        &mut self,
        channel: Channel,
        text: Text<'_>,
        out: &mut Out,
        sink: &mut dyn Sink,
    ) {
        let index = match self.open {
            Some((index, open)) if open == channel => index,
            _ => {
                self.close_open(sink);
                let index = out.index();
                let kind = if channel == Channel::Refusal { Kind::Refusal } else { Kind::Text };
                sink.event(Event::Open { index, kind });
                self.open = Some((index, channel));
                index
            }
        };
        if let Some(text) = self.halves.join(text) {
            sink.event(Event::Delta { index, text });
        }
        self.attach(sink);
    }

    /// How many sources have been told.
    pub(super) fn cited(&self) -> usize {
        self.cited
    }

    pub(super) fn cite(&mut self, json: &RawValue, out: &mut Out, sink: &mut dyn Sink) {
        #[derive(Deserialize)]
        struct Annotation<'a> {
            #[serde(borrow, default, rename = "type")]
            kind: Name<'a>,
            #[serde(borrow, default)]
            url: Option<Name<'a>>,
            #[serde(borrow, default)]
            title: Option<Name<'a>>,
        }
        self.cited += 1;
        let read: Option<Annotation<'_>> = serde_json::from_str(json.get()).ok();
        match read {
            Some(Annotation { url: Some(url), title, .. }) => {
                let title = title.map_or(String::new(), |it| it.as_str().to_owned());
                self.early.push((url.as_str().to_owned(), title));
                self.attach(sink);
            }
            read => {
                let kind = read.as_ref().map_or("?", |it| it.kind.as_str());
                out.note_once(NoteKind::Dropped, &format!("annotation {kind}"), sink);
            }
        }
    }

    pub(super) fn close(&mut self, out: &mut Out, sink: &mut dyn Sink) {
        self.attach(sink);
        self.close_open(sink);
        for _ in mem::take(&mut self.early) {
            out.note(NoteKind::Dropped, "citation without text", sink);
        }
    }

    fn attach(&mut self, sink: &mut dyn Sink) {
        let Some((index, Channel::Text)) = self.open else { return };
        for (url, title) in self.early.drain(..) {
            let attachment = Attachment::Citation { url: url.into(), title: title.into() };
            sink.event(Event::Attach { index, attachment });
        }
    }

    fn close_open(&mut self, sink: &mut dyn Sink) {
        if let Some((index, _)) = self.open.take() {
            if let Some(text) = self.halves.rest() {
                sink.event(Event::Delta { index, text });
            }
            sink.event(Event::Close { index });
        }
    }
}
