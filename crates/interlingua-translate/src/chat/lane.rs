//! Frames for a client that speaks Chat too, as the upstream sent them.

use std::ops::Range;

use interlingua_ir::{Piece, Sink};
use interlingua_protocol::chat::Chunk;
use serde_json::value::RawValue;

use crate::lane::{inside, pass};
use crate::splices::range_in;

/// Passes frames on, and marks in them what the client is not to see as it is.
#[derive(Debug)]
pub(super) struct Lane {
    /// The client wants to know the cost of a stream; the upstream is asked for it in any case.
    include_usage: bool,
    /// In the frame that was parsed last, in order.
    marks: Vec<Mark>,
    /// The length of that frame.
    len: usize,
}

/// The inside of a JSON string, from its start to its end.
#[derive(Clone, Copy, Debug)]
pub(super) struct Mark {
    start: usize,
    end: usize,
    what: What,
}

#[derive(Clone, Copy, Debug)]
enum What {
    Answer,
    Model,
    Call,
}

impl Lane {
    pub(super) fn new(include_usage: bool) -> Self {
        Self { include_usage, marks: Vec::new(), len: 0 }
    }

    /// Passes on a frame that was parsed.
    pub(super) fn parsed(
        &mut self,
        name: &str,
        json: &str,
        chunk: &Chunk<'_>,
        sink: &mut dyn Sink,
    ) {
        self.marks.clear();
        self.len = json.len();
        self.mark(json, chunk.id, What::Answer);
        self.mark(json, chunk.model, What::Model);
        let delta = chunk.choice.as_ref().and_then(|it| it.delta.as_ref());
        for call in delta.and_then(|it| it.tool_calls.as_ref()).into_iter().flatten() {
            self.mark(json, call.id, What::Call);
        }
        self.marks.sort_by_key(|mark| mark.start);
        let only_usage = chunk.choice.is_none() && chunk.usage.is_some();
        if self.include_usage || !only_usage {
            self.pass(name, json, 0, 0, sink);
        }
    }

    /// Passes on a frame that differs from the one before in nothing but a text, which begins at `text`.
    pub(super) fn alike(&self, name: &str, json: &str, text: usize, sink: &mut dyn Sink) {
        self.pass(name, json, text, json.len().wrapping_sub(self.len), sink);
    }

    /// What is marked in such a frame, which stands at `json` in a stream; not the answer's id, which the frame
    /// before has told.
    pub(super) fn marks(&self, json: Range<usize>, text: usize) -> impl Iterator<Item = Mark> {
        let by = json.len().wrapping_sub(self.len);
        let new = self.marks.iter().filter(|mark| !matches!(mark.what, What::Answer));
        new.map(move |mark| mark.moved(text, by).behind(json.start))
    }

    /// Passes on a frame in which nothing is marked.
    pub(super) fn plain(name: &str, json: &str, sink: &mut dyn Sink) {
        pass(name, &[Piece::Json(json.into())], sink);
    }

    fn mark(&mut self, json: &str, raw: Option<&RawValue>, what: What) {
        let place = raw.and_then(inside).and_then(|it| range_in(json, it));
        self.marks.extend(place.map(|Range { start, end }| Mark { start, end, what }));
    }

    /// Cuts a frame at its marks; those behind `text` have moved by `by`.
    fn pass(&self, name: &str, json: &str, text: usize, by: usize, sink: &mut dyn Sink) {
        let marks = self.marks.iter().map(|mark| mark.moved(text, by));
        pass(name, &pieces(json, marks), sink);
    }
}

/// Cuts a text at its marks.
pub(super) fn pieces(text: &str, marks: impl ExactSizeIterator<Item = Mark>) -> Vec<Piece<'_>> {
    let mut pieces = Vec::with_capacity(marks.len() * 2 + 1);
    let mut at = 0;
    for Mark { start, end, what } in marks {
        let (Some(before), Some(marked)) = (text.get(at..start), text.get(start..end)) else {
            continue;
        };
        pieces.push(Piece::Json(before.into()));
        pieces.push(match what {
            What::Answer => Piece::AnswerId(marked.into()),
            What::Model => Piece::Model(marked.into()),
            What::Call => Piece::CallId(marked.into()),
        });
        at = end;
    }
    pieces.push(Piece::Json(text.get(at..).unwrap_or_default().into()));
    pieces
}

impl Mark {
    /// Where it is once what is behind `text` has moved by `by`.
    fn moved(self, text: usize, by: usize) -> Self {
        if self.start >= text { self.behind(by) } else { self }
    }

    fn behind(self, by: usize) -> Self {
        let Self { start, end, what } = self;
        Self { start: start.wrapping_add(by), end: end.wrapping_add(by), what }
    }
}
