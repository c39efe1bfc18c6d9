use interlingua_ir::{Event, Form, Index, Kind, Sink, Text};

use super::freeform::Freeform;
use super::names::ToolMap;

/// A sink that turns the model's calls back into those that the client expects.
///
/// It stands between a decoder and an encoder: names are restored, and the input of a custom tool is
/// taken out of the arguments in which the model had to write it.
#[derive(Debug)]
pub struct Bridge<'m, S> {
    map: &'m ToolMap,
    open: &'m mut Unwrapping,
    sink: S,
}

/// The custom calls that are open; what a [`Bridge`] remembers from one piece to the next.
#[derive(Debug, Default)]
pub struct Unwrapping(Vec<(Index, Freeform)>);

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
                if wrapped && head.form == Form::Custom {
                    self.open.0.push((index, Freeform::new()));
                }
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
                if let Some(at) = self.position(index)
                    && let Some(inside) = self.open.0.swap_remove(at).1.finish()
                {
                    self.sink.event(Event::Delta { index, text: Text::from(inside) });
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
