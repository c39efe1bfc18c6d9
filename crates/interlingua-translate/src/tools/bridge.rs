use interlingua_ir::{CallHead, Event, Form, Index, Kind, Note, NoteKind, Sink, Text};

use super::freeform::Freeform;
use super::names::ToolMap;
use super::patch::{APPLY_PATCH, Live};

/// A sink that turns the model's calls back into those that the client expects.
///
/// It stands between a decoder and an encoder: names are restored, the input of a custom tool is
/// taken out of the arguments in which the model had to write it, and a patch is
/// [mended](super::patch).
#[derive(Debug)]
pub struct Bridge<'m, S> {
    map: &'m ToolMap,
    open: &'m mut Unwrapping,
    sink: S,
}

/// The custom calls that are open; what a [`Bridge`] remembers from one piece to the next.
#[derive(Debug, Default)]
pub struct Unwrapping(Vec<(Index, Custom)>);

/// The input of a custom call, on its way to the client.
#[derive(Debug)]
struct Custom {
    /// Takes it out of arguments; `None` when it comes as it is.
    wrapped: Option<Freeform>,
    /// Mends it; `None` when it is no patch.
    patch: Option<Live>,
}

impl Custom {
    /// What has to be done to the input of a call; `None` when nothing has.
    fn of(head: &CallHead<'_>, wrapped: bool) -> Option<Self> {
        if head.form != Form::Custom {
            return None;
        }
        let is_patch = head.name == APPLY_PATCH && head.namespace.is_none();
        (wrapped || is_patch).then(|| Self {
            wrapped: wrapped.then(Freeform::new),
            patch: is_patch.then(Live::default),
        })
    }

    fn push(&mut self, piece: &str) -> Option<String> {
        let inside = match &mut self.wrapped {
            Some(freeform) => freeform.push(piece)?,
            None => piece.to_owned(),
        };
        match &mut self.patch {
            Some(live) => live.push(&inside),
            None => Some(inside),
        }
    }

    fn finish(self, sink: &mut impl Sink, index: Index) {
        let mut rest = String::new();
        let mut complete = true;
        if let Some(freeform) = self.wrapped {
            complete = !freeform.is_cut();
            rest.extend(freeform.finish());
        }
        if let Some(mut live) = self.patch {
            let mut out = live.push(&rest).unwrap_or_default();
            let (mended, edits) = live.finish(complete);
            out.extend(mended);
            rest = out;
            for edit in edits {
                sink.event(Event::Note(Note::new(NoteKind::PatchRepaired, edit.name())));
            }
        }
        if !rest.is_empty() {
            sink.event(Event::Delta { index, text: Text::from(rest) });
        }
    }
}

impl<'m, S: Sink> Bridge<'m, S> {
    /// Puts a bridge before `sink`.
    pub fn new(map: &'m ToolMap, open: &'m mut Unwrapping, sink: S) -> Self {
        Self { map, open, sink }
    }

    fn position(&self, index: Index) -> Option<usize> {
        self.open.0.iter().position(|(open, _)| *open == index)
    }
}

impl<S: Sink> Sink for Bridge<'_, S> {
    fn event(&mut self, event: Event<'_>) {
        match event {
            Event::Open { index, kind: Kind::Call(head) } => {
                let wrapped = head.form == Form::Function;
                let head = self.map.restore(head);
                self.open.0.extend(Custom::of(&head, wrapped).map(|custom| (index, custom)));
                self.sink.event(Event::Open { index, kind: Kind::Call(head) });
            }
            Event::Delta { index, text } if !self.open.0.is_empty() => match self.position(index) {
                Some(at) => {
                    if let Some(inside) = self.open.0[at].1.push(&text.to_plain()) {
                        self.sink.event(Event::Delta { index, text: Text::from(inside) });
                    }
                }
                None => self.sink.event(Event::Delta { index, text }),
            },
            Event::Close { index } => {
                if let Some(at) = self.position(index) {
                    self.open.0.swap_remove(at).1.finish(&mut self.sink, index);
                }
                self.sink.event(Event::Close { index });
            }
            Event::Drop { index } => {
                if let Some(at) = self.position(index) {
                    self.open.0.swap_remove(at);
                }
                self.sink.event(Event::Drop { index });
            }
            other => self.sink.event(other),
        }
    }
}
