//! Frames for a client that speaks the upstream's protocol: as they came, but for a few marked places.

use std::borrow::Cow;
use std::ops::Range;

use interlingua_ir::{Event, Frame, FrameRun, Piece, Sink};
use serde_json::value::RawValue;

use crate::spans::unquoted;
use crate::splices::range_in;

/// The places in a document that do not go on as they came.
#[derive(Debug)]
pub(crate) struct Marks<'d> {
    document: &'d str,
    marks: Vec<Mark<'d>>,
}

#[derive(Debug)]
struct Mark<'d> {
    /// What it takes the place of.
    start: usize,
    end: usize,
    pieces: Vec<Piece<'d>>,
}

impl<'d> Marks<'d> {
    pub(crate) fn new(document: &'d str) -> Self {
        Self { document, marks: Vec::new() }
    }

    /// Marks the inside of the JSON string `raw`, a part of the document.
    pub(crate) fn mark(
        &mut self,
        raw: Option<&'d RawValue>,
        kind: impl FnOnce(Cow<'d, str>) -> Piece<'d>,
    ) {
        let Some(inside) = raw.and_then(inside) else { return };
        self.put(inside, vec![kind(inside.into())]);
    }

    /// Marks data that only the upstream can read, unless there is none.
    pub(crate) fn opaque(&mut self, raw: Option<&'d RawValue>) {
        let raw = raw.filter(|it| it.get() != "\"\"");
        self.mark(raw, Piece::Opaque);
    }

    /// Puts `id` in the place of a call's own id.
    pub(crate) fn call_id(&mut self, raw: Option<&'d RawValue>, id: &str) {
        let Some(inside) = raw.and_then(inside) else { return };
        let mut escaped = Vec::new();
        interlingua_ir::escape(id, &mut escaped);
        let id = interlingua_protocol::lossy(&escaped).into_owned();
        self.put(inside, vec![Piece::CallId(id.into())]);
    }

    /// Puts pieces in behind `part`, a part of the document.
    pub(crate) fn behind(&mut self, part: &str, pieces: Vec<Piece<'d>>) {
        if let Some(Range { end, .. }) = range_in(self.document, part) {
            self.marks.push(Mark { start: end, end, pieces });
        }
    }

    /// Sends the document on.
    pub(crate) fn pass(self, name: &str, sink: &mut dyn Sink) {
        let Self { document, mut marks } = self;
        marks.sort_by_key(|mark| mark.start);
        let mut pieces = Vec::with_capacity(1 + 2 * marks.len());
        let mut at = 0;
        let json = |range: Range<usize>, pieces: &mut Vec<Piece<'d>>| {
            if let Some(json) = document.get(range).filter(|it| !it.is_empty()) {
                pieces.push(Piece::Json(json.into()));
            }
        };
        for mark in marks {
            json(at..mark.start, &mut pieces);
            pieces.extend(mark.pieces);
            at = mark.end;
        }
        json(at..document.len(), &mut pieces);
        pass(name, &pieces, sink);
    }

    fn put(&mut self, part: &str, pieces: Vec<Piece<'d>>) {
        if let Some(range) = range_in(self.document, part) {
            self.marks.push(Mark { start: range.start, end: range.end, pieces });
        }
    }
}

/// Sends a frame of these pieces on.
pub(crate) fn pass(name: &str, pieces: &[Piece<'_>], sink: &mut dyn Sink) {
    let pieces = Cow::Borrowed(pieces);
    let name = Some(name).filter(|it| !it.is_empty()).map(Cow::Borrowed);
    sink.event(Event::Frame(Frame { name, pieces }));
}

/// Sends frames on that follow each other, as they stand in the stream.
pub(crate) fn pass_lines(count: u64, lines: &[Piece<'_>], sink: &mut dyn Sink) {
    if count > 0 {
        sink.event(Event::Frames(FrameRun { count, lines: Cow::Borrowed(lines) }));
    }
}

/// The inside of a JSON string.
pub(crate) fn inside(raw: &RawValue) -> Option<&str> {
    unquoted(raw.get())
}
