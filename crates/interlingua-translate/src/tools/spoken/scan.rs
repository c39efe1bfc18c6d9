//! Tells calls from prose while the text grows.

use std::mem;

use interlingua_dialect::TextCalls;
use interlingua_protocol::json::Completeness;

use super::forms::{FENCE, Shape, envelope, read, shape};
use crate::check::violation;
use crate::tools::ToolMap;

/// The largest text that is held back because it may become a call, in bytes.
const MAX_HELD: usize = 8 << 20;

/// A stretch of text that was told apart.
#[derive(Debug, PartialEq)]
pub(super) enum Found {
    Text(String),
    Call {
        name: String,
        arguments: String,
    },
    /// What follows as text began like a call.
    Unread,
}

/// Reads a text line by line and holds back no more than what may still become a call.
///
/// ```text
///            opener                 the JSON is whole, closer
/// LineStart ────────▶ Reading ───────────────────────────▶ LineStart     a call
///  │    ▲                │
///  │    └── newline ─┐   │ anything else
///  └──────────▶ Inside ◀─┘                                               text
/// ```
#[derive(Debug)]
pub(super) struct Scanner {
    shapes: Vec<Shape>,
    tools: ToolMap,
    /// What has come and was not told apart yet.
    held: String,
    place: Place,
    /// Inside of fenced code.
    fenced: bool,
    /// Nothing but blanks has come since the last call.
    after_call: bool,
}

#[derive(Debug)]
enum Place {
    LineStart,
    Inside,
    Reading(Reading),
}

/// A form whose opener has come.
#[derive(Debug)]
struct Reading {
    shape: Shape,
    /// Where in what is held its JSON begins, and how much of that was looked at.
    json: usize,
    seen: usize,
    whole: Completeness,
}

/// What the text at the start of a line is.
enum Look {
    Prose,
    Unclear,
    Opener { shape: Shape, end: usize },
}

/// How far a form has come.
enum Step {
    Wait,
    Broken,
    /// The form is whole, and ends there.
    Whole {
        json_end: usize,
        end: usize,
    },
}

impl Scanner {
    pub(super) fn new(forms: Vec<TextCalls>, tools: ToolMap) -> Self {
        let ours = tools.nonce().map(envelope);
        Self {
            shapes: forms.into_iter().map(shape).chain(ours).collect(),
            tools,
            held: String::new(),
            place: Place::LineStart,
            fenced: false,
            after_call: false,
        }
    }

    /// Takes the next piece of a text.
    pub(super) fn push(&mut self, text: &str) -> Vec<Found> {
        self.held.push_str(text);
        let mut found = Vec::new();
        self.run(&mut found, false);
        found
    }

    /// Takes the end of a text. The scanner is ready for another one.
    pub(super) fn finish(&mut self) -> Vec<Found> {
        let mut found = Vec::new();
        self.run(&mut found, true);
        self.place = Place::LineStart;
        (self.fenced, self.after_call) = (false, false);
        found
    }

    /// What in the arguments of a call does not follow the tool's schema.
    pub(super) fn violation(&self, name: &str, arguments: &str) -> Option<String> {
        violation(self.tools.schema(name)?, arguments)
    }

    fn run(&mut self, found: &mut Vec<Found>, is_end: bool) {
        while !self.held.is_empty() {
            let goes_on = match mem::replace(&mut self.place, Place::LineStart) {
                Place::LineStart => self.line_start(found, is_end),
                Place::Inside => {
                    let end = self.held.find('\n').map_or(self.held.len(), |at| at + 1);
                    self.place = if self.held.get(..end).is_some_and(|it| it.ends_with('\n')) {
                        Place::LineStart
                    } else {
                        Place::Inside
                    };
                    self.prose(end, found);
                    true
                }
                Place::Reading(reading) => self.reading(reading, found, is_end),
            };
            if !goes_on {
                return;
            }
        }
    }

    /// Decides what a line begins with; `false` if more has to come.
    fn line_start(&mut self, found: &mut Vec<Found>, is_end: bool) -> bool {
        let blanks = self.held.len() - self.held.trim_start().len();
        match self.look(blanks) {
            Look::Unclear if !is_end => false,
            Look::Unclear | Look::Prose => {
                let line = self.held.get(blanks..).unwrap_or_default();
                if line.is_empty() && self.after_call {
                    // Blanks between calls and after the last one say nothing.
                    self.held.clear();
                    return true;
                }
                if line.starts_with(FENCE) {
                    self.fenced = !self.fenced;
                }
                self.place = Place::Inside;
                if blanks > 0 {
                    self.prose(blanks, found);
                }
                true
            }
            Look::Opener { shape, end } => {
                let whole = Completeness::default();
                self.place = Place::Reading(Reading { shape, json: end, seen: end, whole });
                true
            }
        }
    }

    /// Looks at what stands behind the blanks of a line.
    fn look(&self, blanks: usize) -> Look {
        let line = self.held.get(blanks..).unwrap_or_default();
        if !self.fenced {
            // The longest opener first: a fence may be one of code or of a call.
            for shape in &self.shapes {
                if line.starts_with(&*shape.opener) {
                    return Look::Opener { shape: shape.clone(), end: blanks + shape.opener.len() };
                }
            }
            if self.shapes.iter().any(|shape| shape.opener.starts_with(line)) {
                return Look::Unclear;
            }
        }
        if FENCE.starts_with(line) && line != FENCE { Look::Unclear } else { Look::Prose }
    }

    /// Goes on with a form; `false` if more has to come.
    fn reading(&mut self, mut reading: Reading, found: &mut Vec<Found>, is_end: bool) -> bool {
        match self.step(&mut reading) {
            Step::Wait if !is_end && self.held.len() <= MAX_HELD => {
                self.place = Place::Reading(reading);
                return false;
            }
            Step::Wait | Step::Broken => self.unread(reading.json, found),
            Step::Whole { json_end, end } => {
                let json = self.held.get(reading.json..json_end).unwrap_or_default();
                let calls = read(reading.shape.form, json);
                match calls.filter(|it| it.iter().all(|call| self.tools.offers(&call.name))) {
                    Some(calls) => {
                        let calls = calls.into_iter();
                        found.extend(
                            calls.map(|it| Found::Call { name: it.name, arguments: it.arguments }),
                        );
                        self.held.drain(..end);
                        self.after_call = true;
                    }
                    None => self.unread(reading.json, found),
                }
            }
        }
        true
    }

    fn step(&self, reading: &mut Reading) -> Step {
        let shape = &reading.shape;
        let json = self.held.get(reading.json..).unwrap_or_default();
        match json.trim_start().chars().next() {
            None => return Step::Wait,
            Some(first) if first != shape.bracket => return Step::Broken,
            Some(_) => {}
        }
        while !reading.whole.is_whole() {
            let rest = self.held.get(reading.seen..).unwrap_or_default();
            let Some(letter) = rest.chars().next() else { return Step::Wait };
            let end = reading.seen + letter.len_utf8();
            reading.whole.push(self.held.get(reading.seen..end).unwrap_or_default());
            reading.seen = end;
        }
        let json_end = reading.seen;
        let after = self.held.get(json_end..).unwrap_or_default();
        let rest = after.trim_start();
        if rest.starts_with(shape.closer) {
            let blanks = if shape.closer.is_empty() { 0 } else { after.len() - rest.len() };
            Step::Whole { json_end, end: json_end + blanks + shape.closer.len() }
        } else if shape.closer.starts_with(rest) {
            Step::Wait
        } else {
            Step::Broken
        }
    }

    /// What began like a call is text, at least as far as its opener goes.
    fn unread(&mut self, opener_end: usize, found: &mut Vec<Found>) {
        found.push(Found::Unread);
        if self.held.trim_start().starts_with(FENCE) {
            self.fenced = true;
        }
        self.place = Place::Inside;
        self.prose(opener_end, found);
    }

    fn prose(&mut self, end: usize, found: &mut Vec<Found>) {
        let rest = self.held.split_off(end);
        let text = mem::replace(&mut self.held, rest);
        self.after_call = false;
        found.push(Found::Text(text));
    }
}
