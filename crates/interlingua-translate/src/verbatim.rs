//! An upstream's own frames, on to a client of the same protocol.

use interlingua_ir::{Event, Fault, Frame, FrameRun, Note, Piece, Sink, Text};

use serde::Deserialize;
use serde_json::value::RawValue;

use crate::pipe::{Encode, Kept};

/// Hands on what the upstream sent, in its own words; only names and sealed data are put in their places.
///
/// What the upstream does not say itself is left to the protocol's own encoder: signs of life, the end of an
/// answer that fails, and all of an answer that comes in another form than the client wants, or that was
/// opened before the upstream had begun it.
#[derive(Debug)]
pub struct Encoder {
    own: Box<dyn Encode>,
    /// The model that the client asked for, JSON-escaped.
    model: Vec<u8>,
    form: Form,
    state: State,
    /// What was said before the first frame: an answer that comes whole has said all by then.
    early: Vec<Event<'static>>,
    out: Vec<u8>,
    /// The id that the upstream has given to its answer.
    answer: String,
    frames: u64,
    /// The last frame, if the answer is to be kept: it holds all of it.
    last: Option<Vec<u8>>,
    notes: Vec<Note>,
}

/// What the client wants.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Form {
    Events,
    Whole,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum State {
    /// Nothing has been written.
    Fresh,
    /// The upstream's frames are handed on.
    Frames,
    /// Its events are written anew.
    Events,
    /// The answer has ended, well or not.
    Over,
}

impl Encoder {
    /// Makes an encoder for a stream. `own` writes the client's protocol, `model` is what the client asked
    /// for.
    pub fn stream(own: Box<dyn Encode>, model: &str) -> Self {
        Self::new(own, model, Form::Events)
    }

    /// Makes an encoder for an answer that is wanted whole.
    pub fn whole(own: Box<dyn Encode>, model: &str) -> Self {
        Self::new(own, model, Form::Whole)
    }

    fn new(own: Box<dyn Encode>, model: &str, form: Form) -> Self {
        let mut escaped = Vec::new();
        Text::plain(model).write_json(&mut escaped);
        Self {
            own,
            model: escaped,
            form,
            state: State::Fresh,
            early: Vec::new(),
            out: Vec::new(),
            answer: String::new(),
            frames: 0,
            last: None,
            notes: Vec::new(),
        }
    }

    /// Keeps the answer, to be [had](Encode::kept) once it has ended.
    #[must_use]
    pub fn keep(mut self, keep: bool) -> Self {
        self.last = keep.then(Vec::new);
        self
    }

    /// Decides by the first frame whether frames can be handed on.
    fn begin(&mut self) {
        let came_whole = self.early.iter().any(|event| matches!(event, Event::End { .. }));
        let early = std::mem::take(&mut self.early);
        if came_whole == (self.form == Form::Whole) {
            self.state = State::Frames;
            let notes = early.into_iter().filter_map(|event| match event {
                Event::Note(note) => Some(note),
                _ => None,
            });
            self.notes.extend(notes);
        } else {
            self.state = State::Events;
            for event in early {
                self.own.event(event);
            }
        }
    }

    fn frame(&mut self, frame: &Frame<'_>) {
        self.frames += 1;
        if self.form == Form::Events {
            if let Some(name) = &frame.name {
                self.out.extend_from_slice(b"event: ");
                self.out.extend_from_slice(name.as_bytes());
                self.out.push(b'\n');
            }
            self.out.extend_from_slice(b"data: ");
        }
        let start = self.out.len();
        for piece in frame.pieces.iter() {
            match piece {
                Piece::Json(json) => self.json(json),
                marked => self.marked(marked),
            }
        }
        if let Some(last) = &mut self.last {
            last.clear();
            last.extend_from_slice(&self.out[start..]);
        }
        if self.form == Form::Events {
            self.out.extend_from_slice(b"\n\n");
        }
    }

    /// Frames that stand in a stream already.
    fn lines(&mut self, frames: &FrameRun<'_>) {
        self.frames += frames.count;
        let text = |piece: &Piece<'_>| match piece {
            Piece::Model(_) => self.model.len(),
            Piece::Json(text)
            | Piece::AnswerId(text)
            | Piece::CallId(text)
            | Piece::Opaque(text) => text.len(),
        };
        self.out.reserve(frames.lines.iter().map(text).sum());
        for piece in frames.lines.iter() {
            match piece {
                Piece::Json(lines) => self.out.extend_from_slice(lines.as_bytes()),
                marked => self.marked(marked),
            }
        }
    }

    fn marked(&mut self, piece: &Piece<'_>) {
        match piece {
            Piece::Model(_) => self.out.extend_from_slice(&self.model),
            Piece::AnswerId(id) => {
                if self.answer.is_empty() {
                    id.as_ref().clone_into(&mut self.answer);
                }
                self.out.extend_from_slice(id.as_bytes());
            }
            Piece::Json(text) | Piece::CallId(text) | Piece::Opaque(text) => {
                self.out.extend_from_slice(text.as_bytes());
            }
        }
    }

    /// Writes JSON on one line: a line break between its tokens would end the field of an event stream.
    fn json(&mut self, json: &str) {
        let start = self.out.len();
        self.out.extend_from_slice(json.as_bytes());
        if self.form == Form::Events && memchr::memchr2(b'\n', b'\r', json.as_bytes()).is_some() {
            for byte in &mut self.out[start..] {
                if matches!(byte, b'\n' | b'\r') {
                    *byte = b' ';
                }
            }
        }
    }

    /// Lets the protocol's own encoder go on where the frames have stopped.
    fn resume(&mut self) {
        if self.state == State::Frames {
            self.own.resume(&self.answer, self.frames);
        }
    }

    fn gather(&mut self) {
        self.own.take(&mut self.out);
    }
}

impl Sink for Encoder {
    fn event(&mut self, event: Event<'_>) {
        if self.state == State::Fresh {
            match event {
                Event::Frame(_) | Event::Frames(_) => self.begin(),
                event => return self.early.push(event.into_owned()),
            }
        }
        match (self.state, event) {
            (State::Frames, Event::Frame(frame)) => self.frame(&frame),
            (State::Frames, Event::Frames(frames)) => self.lines(&frames),
            (State::Frames, Event::Note(note)) => self.notes.push(note),
            (State::Events, event) => self.own.event(event),
            _ => {}
        }
    }
}

impl Encode for Encoder {
    fn open(&mut self) {
        if self.state == State::Fresh {
            self.state = State::Events;
            self.own.open();
            for event in std::mem::take(&mut self.early) {
                self.own.event(event);
            }
        }
    }

    fn keep_alive(&mut self) {
        self.resume();
        self.own.keep_alive();
        self.gather();
    }

    fn annotate(&mut self, pairs: &[(&str, String)]) {
        self.own.annotate(pairs);
    }

    fn kept(&mut self) -> Option<Kept> {
        #[derive(Deserialize)]
        struct Last<'a> {
            #[serde(borrow, default)]
            response: Option<&'a RawValue>,
            #[serde(borrow, default)]
            output: Option<&'a RawValue>,
        }
        if self.state == State::Events {
            return self.own.kept();
        }
        let last = String::from_utf8(self.last.take()?).ok()?;
        let read: Last<'_> = serde_json::from_str(&last).ok()?;
        let answer = read.response.map_or(last.as_str(), RawValue::get);
        let output = match read.response {
            Some(response) => serde_json::from_str::<Last<'_>>(response.get()).ok()?.output,
            None => read.output,
        };
        Some(Kept { answer: answer.to_owned(), output: output?.get().to_owned() })
    }

    fn notes(&self) -> &[Note] {
        if self.state == State::Events { self.own.notes() } else { &self.notes }
    }

    fn fail(&mut self, fault: &Fault) {
        self.resume();
        if std::mem::replace(&mut self.state, State::Over) != State::Over {
            self.own.fail(fault);
            self.gather();
        }
    }

    fn pending(&self) -> usize {
        self.out.len() + self.own.pending()
    }

    fn take(&mut self, out: &mut Vec<u8>) {
        if out.is_empty() {
            std::mem::swap(out, &mut self.out);
        } else {
            out.append(&mut self.out);
        }
        if self.own.pending() > 0 {
            self.own.take(out);
        }
    }
}
