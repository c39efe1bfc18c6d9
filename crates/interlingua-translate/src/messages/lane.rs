//! What does not go on as it came to a client of the same protocol.

use interlingua_ir::Piece;
use interlingua_protocol::messages::{Answer, AnswerBlock, StreamEvent};

use super::blocks::{BlockKind, Blocks};
use crate::lane::{Marks, inside};

/// Marks it in an event of a stream.
pub(super) fn event<'d>(event: &StreamEvent<'d>, blocks: &Blocks, marks: &mut Marks<'d>) {
    if let Some(read) = &event.message {
        answer(read, marks);
    }
    if let Some(block) = &event.content_block {
        mark_block(block, blocks.find(event.index), blocks, marks);
        // By the book a thought begins with the place of its signature.
        if let (Some(words), None) = (block.thinking, block.signature) {
            marks.behind(words.get(), vec![Piece::Json(",\"signature\":\"\"".into())]);
        }
    }
    marks.opaque(event.delta.as_ref().and_then(|it| it.signature));
}

/// Marks it at the top of an answer.
pub(super) fn answer<'d>(answer: &Answer<'d>, marks: &mut Marks<'d>) {
    marks.mark(answer.id, Piece::AnswerId);
    marks.mark(answer.model, Piece::Model);
}

/// Marks it in a block that came whole.
pub(super) fn whole_block<'d>(
    block: &AnswerBlock<'d>,
    at: usize,
    blocks: &Blocks,
    marks: &mut Marks<'d>,
) {
    mark_block(block, Some(at), blocks, marks);
    if blocks.lacks_signature(at) {
        room_for_signature(block, marks);
    }
}

fn mark_block<'d>(
    block: &AnswerBlock<'d>,
    at: Option<usize>,
    blocks: &Blocks,
    marks: &mut Marks<'d>,
) {
    match at.map(|at| (at, blocks.kind(at))) {
        Some((at, BlockKind::Call)) => marks.call_id(block.id, blocks.call_id(at)),
        Some((_, BlockKind::Thinking)) => marks.opaque(block.signature),
        Some((_, BlockKind::Redacted)) => marks.opaque(block.data),
        Some((_, BlockKind::Text | BlockKind::Other)) | None => {}
    }
}

/// Gives a thought that came without a signature a place for one, behind its words.
fn room_for_signature<'d>(block: &AnswerBlock<'d>, marks: &mut Marks<'d>) {
    if block.signature.and_then(inside) == Some("") {
        return marks.mark(block.signature, Piece::Opaque);
    }
    let Some(words) = block.thinking else { return };
    let pieces = vec![
        Piece::Json(",\"signature\":\"".into()),
        Piece::Opaque("".into()),
        Piece::Json("\"".into()),
    ];
    marks.behind(words.get(), pieces);
}
