//! Frames for clients of the same protocol: as they came, but for a few marked places.

use std::borrow::Cow;
use std::ops::Range;

use interlingua_ir::{Frame, Piece};
use interlingua_protocol::responses::{self as wire, Answer, OutputItem};
use serde_json::value::RawValue;

use super::leaves::inside;

/// A place in a document, and what stands there.
struct Mark {
    span: Range<usize>,
    piece: fn(&str) -> Piece<'_>,
}

/// Collects the places of one document.
struct Marks<'d> {
    document: &'d str,
    found: Vec<Mark>,
}

/// An event in which nothing has to be marked.
pub(super) fn plain<'d>(name: &'d str, data: &'d str) -> Frame<'d> {
    Frame { name: named(name), pieces: vec![Piece::Json(data.into())] }
}

/// Cuts an event into pieces.
pub(super) fn event<'d>(name: &'d str, data: &'d str, event: &wire::Event<'d>) -> Frame<'d> {
    let mut marks = Marks { document: data, found: Vec::new() };
    if let Some(answer) = event.response.and_then(|it| wire::read_answer(it.get()).ok()) {
        marks.answer(&answer);
    }
    if let Some(item) = event.item {
        marks.item(item);
    }
    Frame { name: named(name), pieces: marks.pieces() }
}

/// Cuts a whole answer into pieces.
pub(super) fn whole<'d>(body: &'d str, answer: &Answer<'d>) -> Frame<'d> {
    let mut marks = Marks { document: body, found: Vec::new() };
    marks.answer(answer);
    Frame { name: None, pieces: marks.pieces() }
}

fn named(name: &str) -> Option<Cow<'_, str>> {
    Some(name).filter(|it| !it.is_empty()).map(Cow::Borrowed)
}

impl<'d> Marks<'d> {
    fn answer(&mut self, answer: &Answer<'d>) {
        self.mark(answer.id, |it| Piece::AnswerId(it.into()));
        self.mark(answer.model, |it| Piece::Model(it.into()));
        for item in answer.output.iter().flatten() {
            self.item(item);
        }
    }

    fn item(&mut self, item: &'d RawValue) {
        let Ok(item): Result<OutputItem<'d>, _> = wire::read_item(item.get()) else { return };
        self.mark(item.call_id, |it| Piece::CallId(it.into()));
        // A summary of the upstream's own is no thought: it means nothing to anybody else anyway.
        if item.kind.as_ref().is_some_and(|it| it.as_str() == "reasoning") {
            self.mark(item.encrypted_content, |it| Piece::Opaque(it.into()));
        }
    }

    fn mark(&mut self, json: Option<&'d RawValue>, piece: fn(&str) -> Piece<'_>) {
        let Some(inside) = json.and_then(inside) else { return };
        let start = inside.as_ptr().addr().wrapping_sub(self.document.as_ptr().addr());
        self.found.push(Mark { span: start..start.wrapping_add(inside.len()), piece });
    }

    fn pieces(mut self) -> Vec<Piece<'d>> {
        self.found.sort_by_key(|mark| mark.span.start);
        let mut pieces = Vec::with_capacity(2 * self.found.len() + 1);
        let mut at = 0;
        for Mark { span, piece } in self.found {
            let parts = (self.document.get(at..span.start), self.document.get(span.clone()));
            let (Some(before), Some(marked)) = parts else { continue };
            pieces.push(Piece::Json(before.into()));
            pieces.push(piece(marked));
            at = span.end;
        }
        pieces.push(Piece::Json(self.document.get(at..).unwrap_or_default().into()));
        pieces
    }
}
