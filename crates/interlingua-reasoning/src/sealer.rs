use std::borrow::Cow;
use std::sync::Arc;

use interlingua_ir::{Attachment, Event, Frame, FrameRun, Kind, Origin, Piece, Sink};

use crate::SealKeys;
use crate::growing::Growing;

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
    /// Whether the open thought is whole, and its close waits.
    closing: bool,
    /// What upstreams know their thoughts by, as it stands in their frames, and the seals in its place.
    sealed: Vec<(String, String)>,
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
            closing: false,
            sealed: Vec::new(),
        }
    }

    fn seal(&mut self, growing: Growing, call: Option<&str>) -> String {
        let calls = call.map(str::to_owned).into_iter().collect();
        let thought = growing.finish(self.origin.clone(), self.answer.clone(), calls);
        let seal = self.keys.seal(&thought, &self.tenant, (self.nonce)());
        for (_, json) in thought.provenance {
            let inside = json.strip_prefix('"').and_then(|it| it.strip_suffix('"'));
            if let Some(inside) = inside.filter(|it| self.seal_of(it).is_none()) {
                self.sealed.push((inside.to_owned(), seal.clone()));
            }
        }
        seal
    }

    fn seal_of(&self, opaque: &str) -> Option<&str> {
        let known = self.sealed.iter().find(|(known, _)| known == opaque);
        known.map(|(_, seal)| seal.as_str())
    }

    /// Puts seals in the place of what the upstream knows its thoughts by. An empty one stands where the
    /// upstream signs nothing and the seal belongs all the same; what is not known yet is left out, as
    /// it comes again at the end of its thought.
    fn seal_pieces(&mut self, pieces: &mut Cow<'_, [Piece<'_>]>) {
        if !pieces.iter().any(|it| matches!(it, Piece::Opaque(_))) {
            return;
        }
        for piece in pieces.to_mut() {
            let Piece::Opaque(opaque) = piece else { continue };
            let open = self.open.as_ref().filter(|it| opaque.is_empty() || it.is_known_by(opaque));
            let seal = match self.seal_of(opaque).map(str::to_owned) {
                Some(seal) => seal,
                // The thought may still grow.
                None => open.cloned().map(|open| self.seal(open, None)).unwrap_or_default(),
            };
            *opaque = seal.into();
        }
    }
}

impl<'s, S: Sink> Sealer<'s, S> {
    /// Puts a sealer before `sink`.
    pub fn new(state: &'s mut Sealing, sink: S) -> Self {
        Self { state, sink }
    }

    /// Lets a close go that has waited, now that `next` is known.
    fn release(&mut self, next: &Event<'_>) {
        if !std::mem::take(&mut self.state.closing) {
            return;
        }
        let Some(growing) = self.state.open.take() else { return };
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
    fn event(&mut self, mut event: Event<'_>) {
        // What goes on as it came tells nothing new, so it lets no close go.
        if let Event::Frame(Frame { pieces, .. }) | Event::Frames(FrameRun { lines: pieces, .. }) =
            &mut event
        {
            self.state.seal_pieces(pieces);
            return self.sink.event(event);
        }
        self.release(&event);
        match &event {
            Event::Open { index, kind: Kind::Reasoning } => {
                self.state.open = Some(Growing::new(*index));
            }
            Event::Delta { .. } | Event::Attach { .. } => {
                if let Some(growing) = &mut self.state.open {
                    growing.take(&event);
                }
            }
            Event::Close { index } => {
                if self.state.open.as_ref().is_some_and(|it| it.index == *index) {
                    self.state.closing = true;
                    return;
                }
            }
            Event::Drop { index } => {
                self.state.open.take_if(|it| it.index == *index);
            }
            Event::Begin { .. }
            | Event::Open { .. }
            | Event::Frame(_)
            | Event::Frames(_)
            | Event::Note(_)
            | Event::End { .. } => {}
        }
        self.sink.event(event);
    }
}

#[cfg(test)]
mod tests {
    use interlingua_ir::{CallHead, Form, Grammar, Index, Stop, Text};

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

    #[test]
    fn frames_show_seals_in_the_place_of_what_upstreams_know_their_thoughts_by() {
        let keys = Arc::new(SealKeys::new(SealKey::new(&[1; 32])));
        let mut state = sealing(&keys);
        let mut sink: Vec<Event<'static>> = Vec::new();
        let frame = || {
            Event::Frame(Frame {
                name: None,
                pieces: vec![
                    Piece::Json("{".into()),
                    Piece::Opaque("sig/1".into()),
                    Piece::Opaque("not yet".into()),
                ]
                .into(),
            })
        };
        let index = Index(0);
        let provenance =
            Attachment::Provenance { field: "signature".into(), json: "\"sig/1\"".into() };
        for event in [
            Event::Begin { id: "c".into(), model: "m".into() },
            Event::Open { index, kind: Kind::Reasoning },
            Event::Delta { index, text: Text::plain("hm") },
            Event::Attach { index, attachment: provenance },
            frame(),
            Event::Close { index },
            Event::End { stop: Stop::Complete, usage: None },
            frame(),
        ] {
            Sealer::new(&mut state, &mut sink).event(event);
        }
        let seals: Vec<&str> = sink
            .iter()
            .filter_map(|event| match event {
                Event::Frame(frame) => match &*frame.pieces {
                    [_, Piece::Opaque(seal), Piece::Opaque(other)] if other.is_empty() => {
                        Some(&**seal)
                    }
                    _ => None,
                },
                _ => None,
            })
            .collect();
        assert_eq!(seals.len(), 2);
        for seal in seals {
            let thought = keys.open(seal, "t").unwrap();
            assert_eq!(thought.text, "hm");
            assert_eq!(thought.provenance, [("signature".to_owned(), "\"sig/1\"".to_owned())]);
        }
    }

    #[test]
    fn frames_that_come_together_show_seals_too() {
        let keys = Arc::new(SealKeys::new(SealKey::new(&[1; 32])));
        let mut state = sealing(&keys);
        let mut sink: Vec<Event<'static>> = Vec::new();
        let lines = vec![Piece::Json("data: \"".into()), Piece::Opaque("sig/1".into())];
        let run = FrameRun { count: 1, lines: lines.into() };
        Sealer::new(&mut state, &mut sink).event(Event::Frames(run));
        let [Event::Frames(run)] = &*sink else { panic!("{sink:?}") };
        // The thought is not known, and what the upstream calls it is not shown.
        assert_eq!(run.lines[1], Piece::Opaque("".into()));
    }
}
