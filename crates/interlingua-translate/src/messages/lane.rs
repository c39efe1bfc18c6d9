//! Frames for a client that speaks the upstream's protocol.

use std::borrow::Cow;

use interlingua_ir::{Event, Frame, Piece, Sink};
use interlingua_protocol::messages::AnswerBlock;
use serde_json::value::RawValue;

use crate::splices::range_in;

/// The places in a document that do not go on as they came.
#[derive(Debug)]
pub(super) struct Marks<'d> {
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
    pub(super) fn new(document: &'d str) -> Self {
        Self { document, marks: Vec::new() }
    }

    /// Marks the inside of the JSON string `raw`, a part of the document.
    pub(super) fn mark(
        &mut self,
        raw: Option<&'d RawValue>,
        kind: impl FnOnce(Cow<'d, str>) -> Piece<'d>,
    ) {
        let Some(inside) = raw.and_then(inside) else { return };
        self.put(inside, vec![kind(inside.into())]);
    }

    /// Marks data that only the upstream can read, unless there is none.
    pub(super) fn opaque(&mut self, raw: Option<&'d RawValue>) {
        let raw = raw.filter(|it| it.get() != "\"\"");
        self.mark(raw, Piece::Opaque);
    }

    /// Puts `id` in the place of a call's own id.
    pub(super) fn call_id(&mut self, raw: Option<&'d RawValue>, id: &str) {
        let Some(inside) = raw.and_then(inside) else { return };
        let mut escaped = Vec::new();
        interlingua_ir::escape(id, &mut escaped);
        let id = String::from_utf8_lossy(&escaped).into_owned();
        self.put(inside, vec![Piece::CallId(id.into())]);
    }

    /// Gives a thought that came without a signature a place for one, behind its words.
    pub(super) fn room_for_signature(&mut self, block: &AnswerBlock<'d>) {
        if block.signature.and_then(inside) == Some("") {
            return self.mark(block.signature, Piece::Opaque);
        }
        let words = block.thinking.and_then(|it| range_in(self.document, it.get()));
        let Some(range) = words else { return };
        let pieces = vec![
            Piece::Json(",\"signature\":\"".into()),
            Piece::Opaque("".into()),
            Piece::Json("\"".into()),
        ];
        self.marks.push(Mark { start: range.end, end: range.end, pieces });
    }

    /// Sends the document on.
    pub(super) fn pass(self, name: &str, sink: &mut dyn Sink) {
        let Self { document, mut marks } = self;
        marks.sort_by_key(|mark| mark.start);
        let mut pieces = Vec::with_capacity(1 + 2 * marks.len());
        let mut at = 0;
        let json = |range: std::ops::Range<usize>, pieces: &mut Vec<Piece<'d>>| {
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
        pass(name, pieces, sink);
    }

    fn put(&mut self, part: &str, pieces: Vec<Piece<'d>>) {
        if let Some(range) = range_in(self.document, part) {
            self.marks.push(Mark { start: range.start, end: range.end, pieces });
        }
    }
}

/// Sends a frame of these pieces on.
pub(super) fn pass(name: &str, pieces: Vec<Piece<'_>>, sink: &mut dyn Sink) {
    let name = Some(name).filter(|it| !it.is_empty()).map(Cow::Borrowed);
    sink.event(Event::Frame(Frame { name, pieces }));
}

/// The inside of a JSON string.
fn inside(raw: &RawValue) -> Option<&str> {
    raw.get().strip_prefix('"')?.strip_suffix('"')
}
