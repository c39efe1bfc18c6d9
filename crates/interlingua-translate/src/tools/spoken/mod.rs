//! Calls that a model writes into its text.

mod fences;
mod forms;
mod scan;

use interlingua_dialect::TextCalls;
use interlingua_ir::{CallHead, Event, Fault, Form, Index, Kind, Note, NoteKind, Sink, Stop, Text};
use interlingua_protocol::sse::Frame;

use super::ToolMap;
use crate::pipe::Decode;
use scan::{Found, Scanner};

/// A decoder whose model writes its calls into the text, in forms that the record names.
///
/// Nothing is inferred from prose: a form counts only at the beginning of a line, outside of fenced
/// code, with the exact name of a tool that was offered and with arguments that parse. Everything else
/// stays the text that it is.
#[derive(Debug)]
pub(crate) struct Spoken<D> {
    decoder: D,
    heard: Heard,
}

impl<D: Decode> Spoken<D> {
    /// Looks for `forms` in the text that `decoder` reads. `seed` makes the ids of the calls unique.
    pub(crate) fn new(decoder: D, forms: Vec<TextCalls>, tools: ToolMap, seed: &str) -> Self {
        let heard = Heard {
            scanner: Scanner::new(forms, tools),
            seed: seed.to_owned(),
            text: None,
            open: Vec::new(),
            next: 0,
            calls: 0,
        };
        Self { decoder, heard }
    }
}

impl<D: Decode> Decode for Spoken<D> {
    fn frame(&mut self, frame: Frame<'_>, sink: &mut dyn Sink) -> Result<(), Fault> {
        self.decoder.frame(frame, &mut Listener { heard: &mut self.heard, sink })
    }

    fn run(&mut self, stream: &[u8], sink: &mut dyn Sink) -> Result<usize, Fault> {
        self.decoder.run(stream, &mut Listener { heard: &mut self.heard, sink })
    }

    fn whole(&mut self, body: &str, sink: &mut dyn Sink) -> Result<(), Fault> {
        self.decoder.whole(body, &mut Listener { heard: &mut self.heard, sink })
    }

    fn finish(&mut self, sink: &mut dyn Sink) -> Result<(), Fault> {
        self.decoder.finish(&mut Listener { heard: &mut self.heard, sink })
    }

    fn is_over(&self) -> bool {
        self.decoder.is_over()
    }
}

/// What was heard of an answer so far.
#[derive(Debug)]
struct Heard {
    scanner: Scanner,
    seed: String,
    text: Option<Prose>,
    /// The other items that are open: the decoder's index and ours.
    open: Vec<(Index, Index)>,
    next: u32,
    calls: usize,
}

/// The text that is being read.
#[derive(Clone, Copy, Debug)]
struct Prose {
    index: Index,
    /// Where it is shown, once there is something to show. Each call ends it.
    shown: Option<Index>,
}

/// Stands before a sink and turns text into calls.
struct Listener<'h, 's> {
    heard: &'h mut Heard,
    sink: &'s mut dyn Sink,
}

impl Sink for Listener<'_, '_> {
    fn event(&mut self, event: Event<'_>) {
        let prose = self.heard.text.map(|it| it.index);
        match event {
            Event::Open { index, kind: Kind::Text } => {
                self.heard.text = Some(Prose { index, shown: None });
            }
            Event::Delta { index, text } if prose == Some(index) => {
                let found = self.heard.scanner.push(&text.to_plain());
                self.tell(found);
            }
            Event::Attach { index, attachment } if prose == Some(index) => {
                let index = self.shown();
                self.sink.event(Event::Attach { index, attachment });
            }
            Event::Close { index } if prose == Some(index) => {
                let found = self.heard.scanner.finish();
                self.tell(found);
                self.end_prose();
                self.heard.text = None;
            }
            Event::Open { index, kind } => {
                let ours = self.index();
                self.heard.open.push((index, ours));
                self.sink.event(Event::Open { index: ours, kind });
            }
            Event::Delta { index, text } => {
                let index = self.ours(index);
                self.sink.event(Event::Delta { index, text });
            }
            Event::Attach { index, attachment } => {
                let index = self.ours(index);
                self.sink.event(Event::Attach { index, attachment });
            }
            Event::Close { index } => {
                let ours = self.ours(index);
                self.heard.open.retain(|(open, _)| *open != index);
                self.sink.event(Event::Close { index: ours });
            }
            Event::Drop { index } => {
                let ours = self.ours(index);
                self.heard.open.retain(|(open, _)| *open != index);
                self.sink.event(Event::Drop { index: ours });
            }
            Event::End { stop: Stop::Complete, usage } if self.heard.calls > 0 => {
                self.sink.event(Event::End { stop: Stop::ToolUse, usage });
            }
            other => self.sink.event(other),
        }
    }
}

impl Listener<'_, '_> {
    fn tell(&mut self, found: Vec<Found>) {
        for found in found {
            match found {
                Found::Text(text) => {
                    let index = self.shown();
                    self.sink.event(Event::Delta { index, text: Text::from(text) });
                }
                Found::Call { name, arguments } => {
                    self.end_prose();
                    let index = self.index();
                    let id = format!("call_{}_t{}", self.heard.seed, self.heard.calls);
                    self.heard.calls += 1;
                    if let Some(wrong) = self.heard.scanner.violation(&name, &arguments) {
                        let what = format!("call of {name}: {wrong}");
                        self.sink.event(Event::Note(Note::new(NoteKind::SchemaMismatch, what)));
                    }
                    let (id, name) = (id.into(), name.into());
                    let head = CallHead { id, name, namespace: None, form: Form::Function };
                    self.sink.event(Event::Open { index, kind: Kind::Call(head) });
                    self.sink.event(Event::Delta { index, text: Text::from(arguments) });
                    self.sink.event(Event::Close { index });
                }
                Found::Unread => {
                    let what = "text that looks like a call and is none";
                    self.sink.event(Event::Note(Note::new(NoteKind::Unknown, what)));
                }
            }
        }
    }

    /// Where the text is shown.
    fn shown(&mut self) -> Index {
        if let Some(index) = self.heard.text.and_then(|it| it.shown) {
            return index;
        }
        let index = self.index();
        if let Some(text) = &mut self.heard.text {
            text.shown = Some(index);
        }
        self.sink.event(Event::Open { index, kind: Kind::Text });
        index
    }

    fn end_prose(&mut self) {
        if let Some(index) = self.heard.text.as_mut().and_then(|it| it.shown.take()) {
            self.sink.event(Event::Close { index });
        }
    }

    fn index(&mut self) -> Index {
        let index = Index(self.heard.next);
        self.heard.next += 1;
        index
    }

    /// Our index of an item of the decoder's; it has opened all that it speaks of.
    fn ours(&self, index: Index) -> Index {
        let found = self.heard.open.iter().find(|(open, _)| *open == index);
        found.map_or(index, |(_, ours)| *ours)
    }
}

#[cfg(test)]
mod tests;
