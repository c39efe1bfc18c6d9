use interlingua_ir::{Attachment, Event, Index, Kind, Sink, Stop, Text, Usage};

/// A sink that keeps what the model says, and nothing of what it thinks or calls.
#[derive(Debug, Default)]
pub struct Gathered {
    id: String,
    model: String,
    /// JSON-escaped.
    text: Vec<u8>,
    open: Vec<Index>,
    end: Option<(Stop, Option<Usage>)>,
}

impl Gathered {
    /// What the model said.
    pub fn text(&self) -> String {
        Text::Json(interlingua_protocol::lossy(&self.text)).into_plain().into_owned()
    }

    /// Why it stopped, once it has.
    pub fn stop(&self) -> Option<Stop> {
        self.end.map(|(stop, _)| stop)
    }

    /// The answer that the client gets: the sealed summary, and what it cost.
    pub fn into_answer(self, sealed: String) -> Vec<Event<'static>> {
        let index = Index(0);
        let usage = self.end.and_then(|(_, usage)| usage);
        vec![
            Event::Begin { id: self.id.into(), model: self.model.into() },
            Event::Open { index, kind: Kind::Summary },
            Event::Attach { index, attachment: Attachment::Sealed(sealed.into()) },
            Event::Close { index },
            Event::End { stop: Stop::Complete, usage },
        ]
    }
}

impl Sink for Gathered {
    fn event(&mut self, event: Event<'_>) {
        match event {
            Event::Begin { id, model } => {
                (self.id, self.model) = (id.into_owned(), model.into_owned());
            }
            Event::Open { index, kind: Kind::Text } => self.open.push(index),
            Event::Delta { index, text } if self.open.contains(&index) => {
                text.write_json(&mut self.text);
            }
            Event::End { stop, usage } => self.end = Some((stop, usage)),
            _ => {}
        }
    }
}
