use std::sync::Arc;

use interlingua_ir::{Attachment, Event, Index, Kind, Origin, Sink, Text, Thought};

use crate::SealKeys;

/// A sink that seals every thought before its item is closed.
///
/// It stands between a decoder and an encoder and changes nothing but this: an
/// [`Attachment::Sealed`] goes out before the [`Event::Close`] of a reasoning item. The close itself
/// waits for the event that follows it, because that event may tell which call the thought led to.
#[derive(Debug)]
pub struct Sealer<'s, S> {
    state: &'s mut Sealing,
    sink: S,
}

/// What a [`Sealer`] remembers from one event to the next.
#[derive(Debug)]
pub struct Sealing {
    keys: Arc<SealKeys>,
    tenant: String,
    origin: Origin,
    answer: String,
    nonce: fn() -> [u8; 12],
    open: Option<Growing>,
}

/// A thought that is being written.
#[derive(Debug)]
struct Growing {
    index: Index,
    /// JSON-escaped.
    text: Vec<u8>,
    provenance: Vec<(String, String)>,
    closing: bool,
}

impl Sealing {
    /// Prepares to seal the thoughts of one answer, for one tenant.
    ///
    /// `answer` tells the thoughts of this answer from those of others; `nonce` gives twelve fresh
    /// random bytes each time.
    pub fn new(
        keys: Arc<SealKeys>,
        tenant: &str,
        origin: Origin,
        answer: &str,
        nonce: fn() -> [u8; 12],
    ) -> Self {
        Self {
            keys,
            tenant: tenant.to_owned(),
            origin,
            answer: answer.to_owned(),
            nonce,
            open: None,
        }
    }

    fn seal(&self, growing: Growing, call: Option<&str>) -> String {
        let text = String::from_utf8_lossy(&growing.text);
        let thought = Thought {
            origin: Some(self.origin.clone()),
            answer: self.answer.clone(),
            text: Text::Json(text).into_plain().into_owned(),
            provenance: growing.provenance,
            calls: call.map(str::to_owned).into_iter().collect(),
        };
        self.keys.seal(&thought, &self.tenant, (self.nonce)())
    }
}

impl<'s, S: Sink> Sealer<'s, S> {
    /// Puts a sealer before `sink`.
    pub fn new(state: &'s mut Sealing, sink: S) -> Self {
        Self { state, sink }
    }

    /// Lets a close go that has waited, now that `next` is known.
    fn release(&mut self, next: &Event<'_>) {
        let Some(growing) = self.state.open.take_if(|it| it.closing) else { return };
        let call = match next {
            Event::Open { kind: Kind::Call(head), .. } => Some(head.id.as_ref()),
            _ => None,
        };
        let index = growing.index;
        let sealed = Attachment::Sealed(self.state.seal(growing, call).into());
        self.sink.event(Event::Attach { index, attachment: sealed });
        self.sink.event(Event::Close { index });
    }
}

impl<S: Sink> Sink for Sealer<'_, S> {
    fn event(&mut self, event: Event<'_>) {
        self.release(&event);
        match &event {
            Event::Open { index, kind: Kind::Reasoning } => {
                let growing = Growing {
                    index: *index,
                    text: Vec::new(),
                    provenance: Vec::new(),
                    closing: false,
                };
                self.state.open = Some(growing);
            }
            Event::Delta { index, text } => {
                if let Some(growing) = self.state.open.as_mut().filter(|it| it.index == *index) {
                    text.write_json(&mut growing.text);
                }
            }
            Event::Attach { index, attachment: Attachment::Provenance { field, json } } => {
                if let Some(growing) = self.state.open.as_mut().filter(|it| it.index == *index) {
                    growing.provenance.push((field.to_string(), json.to_string()));
                }
            }
            Event::Close { index } => {
                if let Some(growing) = self.state.open.as_mut().filter(|it| it.index == *index) {
                    growing.closing = true;
                    return;
                }
            }
            Event::Drop { index } => {
                self.state.open.take_if(|it| it.index == *index);
            }
            Event::Begin { .. }
            | Event::Open { .. }
            | Event::Attach { .. }
            | Event::Frame(_)
            | Event::Note(_)
            | Event::End { .. } => {}
        }
        self.sink.event(event);
    }
}

#[cfg(test)]
mod tests {
    use interlingua_ir::{CallHead, Form, Grammar, Stop};

    use super::*;
    use crate::SealKey;

    fn sealing(keys: &Arc<SealKeys>) -> Sealing {
        let origin = Origin { provider: "p".into(), family: "f".into() };
        Sealing::new(Arc::clone(keys), "t", origin, "a1", || [3; 12])
    }

    #[test]
    fn a_thought_knows_the_call_that_follows() {
        let keys = Arc::new(SealKeys::new(SealKey::new(&[1; 32])));
        let mut state = sealing(&keys);
        let mut sink = (Vec::new(), Grammar::default());
        let call = CallHead {
            id: "call_1".into(),
            name: "ls".into(),
            namespace: None,
            form: Form::Function,
        };
        let (thought, text) = (Index(0), Index(1));
        for event in [
            Event::Begin { id: "c".into(), model: "m".into() },
            Event::Open { index: thought, kind: Kind::Reasoning },
            Event::Delta { index: thought, text: Text::from_json(r#""a\n""#).unwrap() },
            Event::Delta { index: thought, text: Text::plain("\"b\"") },
            Event::Close { index: thought },
            Event::Open { index: text, kind: Kind::Call(call) },
            Event::Close { index: text },
            Event::End { stop: Stop::ToolUse, usage: None },
        ] {
            Sealer::new(&mut state, &mut sink).event(event);
        }
        let (events, grammar) = sink;
        assert_eq!(grammar.finish(), Ok(()));
        let sealed = events.iter().find_map(|event| match event {
            Event::Attach { attachment: Attachment::Sealed(blob), .. } => Some(blob),
            _ => None,
        });
        let thought = keys.open(sealed.unwrap(), "t").unwrap();
        assert_eq!((thought.text.as_str(), thought.calls), ("a\n\"b\"", vec!["call_1".to_owned()]));
        assert_eq!(thought.answer, "a1");
        assert!(
            matches!(events[5], Event::Close { index: Index(0) }),
            "closed before the call opens"
        );
    }
}
