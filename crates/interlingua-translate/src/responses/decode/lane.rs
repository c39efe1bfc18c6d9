//! What does not go on as it came to a client of the same protocol.

use interlingua_ir::Piece;
use interlingua_protocol::responses::{self as wire, Answer, OutputItem};
use serde_json::value::RawValue;

use crate::lane::Marks;

/// Marks it in an event.
pub(super) fn event<'d>(event: &wire::Event<'d>, marks: &mut Marks<'d>) {
    if let Some(read) = event.response.and_then(|it| wire::read_answer(it.get()).ok()) {
        answer(&read, marks);
    }
    if let Some(read) = event.item {
        item(read, marks);
    }
}

/// Marks it in a whole answer.
pub(super) fn answer<'d>(answer: &Answer<'d>, marks: &mut Marks<'d>) {
    marks.mark(answer.id, Piece::AnswerId);
    marks.mark(answer.model, Piece::Model);
    for read in answer.output.iter().flatten() {
        item(read, marks);
    }
}

fn item<'d>(json: &'d RawValue, marks: &mut Marks<'d>) {
    let Ok(item): Result<OutputItem<'d>, _> = wire::read_item(json.get()) else { return };
    marks.mark(item.call_id, Piece::CallId);
    // A summary of the upstream's own is no thought: it means nothing to anybody else anyway.
    if item.kind.as_ref().is_some_and(|it| it.as_str() == "reasoning") {
        marks.mark(item.encrypted_content, Piece::Opaque);
    }
}
