use interlingua_ir::{Attachment, Event, Index, Origin, Text, Thought};

/// A thought that is being written.
#[derive(Clone, Debug)]
pub(crate) struct Growing {
    pub(crate) index: Index,
    /// JSON-escaped.
    text: Vec<u8>,
    provenance: Vec<(String, String)>,
}

impl Growing {
    pub(crate) fn new(index: Index) -> Self {
        Self { index, text: Vec::new(), provenance: Vec::new() }
    }

    /// Takes what belongs to the thought.
    pub(crate) fn take(&mut self, event: &Event<'_>) {
        match event {
            Event::Delta { index, text } if *index == self.index => {
                text.write_json(&mut self.text);
            }
            Event::Attach { index, attachment: Attachment::Provenance { field, json } }
                if *index == self.index =>
            {
                self.provenance.push((field.to_string(), json.to_string()));
            }
            _ => {}
        }
    }

    /// Whether its upstream knows it by this text, which is escaped as in a JSON string.
    pub(crate) fn is_known_by(&self, opaque: &str) -> bool {
        let is_it =
            |json: &str| json.strip_prefix('"').and_then(|it| it.strip_suffix('"')) == Some(opaque);
        self.provenance.iter().any(|(_, json)| is_it(json))
    }

    /// How many bytes it takes by now.
    pub(crate) fn size(&self) -> usize {
        let provenance = self.provenance.iter().map(|(field, json)| field.len() + json.len());
        self.text.len() + provenance.sum::<usize>()
    }

    /// The whole thought.
    pub(crate) fn finish(self, origin: Origin, answer: String, calls: Vec<String>) -> Thought {
        // What is text, as it always is, need not be copied.
        let text = String::from_utf8(self.text)
            .unwrap_or_else(|error| String::from_utf8_lossy(error.as_bytes()).into_owned());
        let text = Text::Json(text.into()).into_plain().into_owned();
        Thought { origin: Some(origin), answer, text, provenance: self.provenance, calls }
    }
}
