//! What does not go on as it came to a client of the same protocol.

use interlingua_ir::Piece;
use interlingua_protocol::responses::{self as wire, Answer, OutputItem};

use super::Inner;
use crate::lane::Marks;

/// Marks it in an event.
pub(super) fn event<'d>(inner: &Inner<'d>, marks: &mut Marks<'d>) {
    if let Some(Ok(read)) = &inner.answer {
        answer(read, marks);
    }
    if let Some(Ok(read)) = &inner.item {
        item(read, marks);
    }
}

/// Marks it in a whole answer.
pub(super) fn answer<'d>(answer: &Answer<'d>, marks: &mut Marks<'d>) {
    marks.mark(answer.id, Piece::AnswerId);
    marks.mark(answer.model, Piece::Model);
    for json in answer.output.iter().flatten() {
        if let Ok(read) = wire::read_item(json.get()) {
            item(&read, marks);
        }
    }
}

fn item<'d>(item: &OutputItem<'d>, marks: &mut Marks<'d>) {
    marks.mark(item.call_id, Piece::CallId);
    // A summary of the upstream's own is no thought: it means nothing to anybody else anyway.
    if item.kind.as_ref().is_some_and(|it| it.as_str() == "reasoning") {
        marks.mark(item.encrypted_content, Piece::Opaque);
    }
}
