//! Tells calls from prose while the text grows.

use std::mem;

use interlingua_dialect::TextCalls;
use interlingua_protocol::json::Completeness;

use super::fences::Fences;
use super::forms::{Shape, envelope, read, shape};
use crate::check::violation;
use crate::tools::ToolMap;

/// The largest text that is held back because it may become a call, in bytes.
const MAX_HELD: usize = 8 << 20;

/// The most blanks in a row that are held back, in bytes: no form has more in it, and they are looked through
/// with each piece.
const MAX_BLANKS: usize = 1 << 10;

/// How much of an answer may turn out to be no call after all, in bytes. Each try may read to the end of
/// what is held; whoever writes more of them writes nothing else.
const MAX_VAIN: usize = 8 << 20;

/// The most calls of one answer.
pub(super) const MAX_CALLS: usize = 1024;

/// A stretch of text that was told apart.
#[derive(Debug, PartialEq)]
pub(super) enum Found {
    Text(String),
    Call {
        name: String,
        arguments: String,
    },
    /// What follows as text began like a call; told once.
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
    /// Empty once the answer has used up what it may try.
    shapes: Vec<Shape>,
    tools: ToolMap,
    /// What has come and was not told apart yet, from `at` on.
    held: String,
    at: usize,
    place: Place,
    fences: Fences,
    /// Nothing but blanks has come since the last call.
    after_call: bool,
    calls: usize,
    /// How much was read in vain, in bytes.
    vain: usize,
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
    /// Where in what is not told apart its JSON begins, and how much of that was looked at.
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
            at: 0,
            place: Place::LineStart,
            fences: Fences::default(),
            after_call: false,
            calls: 0,
            vain: 0,
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
        self.fences = Fences::default();
        self.after_call = false;
        found
    }

    /// What in the arguments of a call does not follow the tool's schema.
    pub(super) fn violation(&self, name: &str, arguments: &str) -> Option<String> {
        violation(self.tools.schema(name)?, arguments)
    }

    fn rest(&self) -> &str {
        self.held.get(self.at..).unwrap_or_default()
    }

    fn run(&mut self, found: &mut Vec<Found>, is_end: bool) {
        let mut goes_on = true;
        while goes_on && self.at < self.held.len() {
            goes_on = match mem::replace(&mut self.place, Place::LineStart) {
                Place::LineStart => self.line_start(found, is_end),
                Place::Inside => {
                    let end = self.rest().find('\n').map(|at| at + 1);
                    if end.is_none() {
                        self.place = Place::Inside;
                    }
                    self.prose(end.unwrap_or(self.rest().len()), found);
                    true
                }
                Place::Reading(reading) => self.reading(reading, found, is_end),
            };
        }
        self.held.drain(..self.at);
        self.at = 0;
    }

    /// Decides what a line begins with; `false` if more has to come.
    fn line_start(&mut self, found: &mut Vec<Found>, is_end: bool) -> bool {
        let rest = self.rest();
        let blanks = rest.len() - rest.trim_start().len();
        match self.look(blanks) {
            Look::Unclear if !is_end && blanks <= MAX_BLANKS => return false,
            Look::Unclear | Look::Prose if blanks == rest.len() => {
                // Blanks between calls and after the last one say nothing.
                match self.after_call {
                    true => self.at += blanks,
                    false => self.prose(blanks, found),
                }
            }
            Look::Unclear | Look::Prose => {
                self.place = Place::Inside;
                if blanks > 0 {
                    self.prose(blanks, found);
                }
            }
            Look::Opener { shape, end } => {
                let whole = Completeness::default();
                self.place = Place::Reading(Reading { shape, json: end, seen: end, whole });
            }
        }
        true
    }

    /// Looks at what stands behind the blanks of a line.
    fn look(&self, blanks: usize) -> Look {
        let line = self.rest().get(blanks..).unwrap_or_default();
        if self.fences.is_open() {
            return Look::Prose;
        }
        for shape in &self.shapes {
            if line.starts_with(&*shape.opener) {
                return Look::Opener { shape: shape.clone(), end: blanks + shape.opener.len() };
            }
        }
        match self.shapes.iter().any(|shape| shape.opener.starts_with(line)) {
            true => Look::Unclear,
            false => Look::Prose,
        }
    }

    /// Goes on with a form; `false` if more has to come.
    fn reading(&mut self, mut reading: Reading, found: &mut Vec<Found>, is_end: bool) -> bool {
        match self.step(&mut reading) {
            Step::Wait if !is_end && self.rest().len() <= MAX_HELD => {
                self.place = Place::Reading(reading);
                return false;
            }
            Step::Wait | Step::Broken => self.unread(&reading, found),
            Step::Whole { json_end, end } => {
                let json = self.rest().get(reading.json..json_end).unwrap_or_default();
                let calls = read(reading.shape.form, json);
                match calls.filter(|it| it.iter().all(|call| self.tools.offers(&call.name))) {
                    Some(calls) if self.calls + calls.len() <= MAX_CALLS => {
                        self.calls += calls.len();
                        let calls = calls.into_iter();
                        found.extend(
                            calls.map(|it| Found::Call { name: it.name, arguments: it.arguments }),
                        );
                        self.at += end;
                        self.after_call = true;
                    }
                    Some(_) => {
                        self.shapes.clear();
                        self.unread(&reading, found);
                    }
                    None => self.unread(&reading, found),
                }
            }
        }
        true
    }

    fn step(&self, reading: &mut Reading) -> Step {
        let shape = &reading.shape;
        let json = self.rest().get(reading.json..).unwrap_or_default();
        match json.trim_start().chars().next() {
            None if json.len() > MAX_BLANKS => return Step::Broken,
            None => return Step::Wait,
            Some(first) if first != shape.bracket => return Step::Broken,
            Some(_) => {}
        }
        while !reading.whole.is_whole() {
            let rest = self.rest().get(reading.seen..).unwrap_or_default();
            let Some(letter) = rest.chars().next() else { return Step::Wait };
            let end = reading.seen + letter.len_utf8();
            reading.whole.push(self.rest().get(reading.seen..end).unwrap_or_default());
            reading.seen = end;
        }
        let json_end = reading.seen;
        let after = self.rest().get(json_end..).unwrap_or_default();
        let rest = after.trim_start();
        if rest.starts_with(shape.closer) {
            let blanks = if shape.closer.is_empty() { 0 } else { after.len() - rest.len() };
            Step::Whole { json_end, end: json_end + blanks + shape.closer.len() }
        } else if shape.closer.starts_with(rest) && after.len() <= MAX_BLANKS {
            Step::Wait
        } else {
            Step::Broken
        }
    }

    /// What began like a call is text, at least as far as its opener goes.
    fn unread(&mut self, reading: &Reading, found: &mut Vec<Found>) {
        if self.vain == 0 {
            found.push(Found::Unread);
        }
        self.vain += reading.seen;
        if self.vain > MAX_VAIN {
            self.shapes.clear();
        }
        self.place = Place::Inside;
        self.prose(reading.json, found);
    }

    /// Tells the next `length` bytes apart as text.
    fn prose(&mut self, length: usize, found: &mut Vec<Found>) {
        let end = self.at + length;
        let text = self.held.get(self.at..end).unwrap_or_default();
        self.fences.see(text);
        match found.last_mut() {
            Some(Found::Text(before)) => before.push_str(text),
            _ => found.push(Found::Text(text.to_owned())),
        }
        self.at = end;
        self.after_call = false;
    }
}
