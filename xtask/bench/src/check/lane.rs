//! An answer whose bytes are the upstream's, but for the model's name and the answer's id.

use memchr::memmem;

use crate::answer;
use crate::pair::{MODEL, Wire};

/// The upstream's bytes, cut where those two stand.
pub(crate) struct Pattern {
    /// Before each hole.
    pieces: Vec<(Vec<u8>, Hole)>,
    /// After the last one.
    rest: Vec<u8>,
}

#[derive(Clone, Copy)]
enum Hole {
    Model,
    Id,
}

impl Pattern {
    pub(crate) fn new(bytes: &[u8], wire: Wire) -> Self {
        let names = [
            (format!("\"{MODEL}\""), Hole::Model),
            (format!("\"{}\"", answer::id(wire)), Hole::Id),
        ];
        let mut pieces = Vec::new();
        let mut rest = bytes;
        loop {
            let places = names.iter().filter_map(|(name, hole)| {
                Some((memmem::find(rest, name.as_bytes())?, name.len(), *hole))
            });
            let Some((at, length, hole)) = places.min_by_key(|it| it.0) else { break };
            pieces.push((rest[..at].to_vec(), hole));
            rest = &rest[at + length..];
        }
        Self { pieces, rest: rest.to_vec() }
    }

    /// # Errors
    ///
    /// Where the bytes differ, or a hole is filled in two ways.
    pub(crate) fn check(&self, body: &[u8]) -> Result<(), String> {
        let mut rest = body;
        let (mut model, mut id) = (None, None);
        let place = |rest: &[u8]| body.len() - rest.len();
        for (piece, hole) in &self.pieces {
            rest = rest.strip_prefix(piece.as_slice()).ok_or_else(|| differs(place(rest), rest))?;
            let value = string(rest).ok_or_else(|| differs(place(rest), rest))?;
            let known = match hole {
                Hole::Model => &mut model,
                Hole::Id => &mut id,
            };
            if *known.get_or_insert(value) != value {
                return Err(format!("another name than before at byte {}", place(rest)));
            }
            rest = &rest[value.len()..];
        }
        if rest == self.rest { Ok(()) } else { Err(differs(place(rest), rest)) }
    }
}

/// The JSON string that begins here, with its quotes; neither name holds an escape.
fn string(bytes: &[u8]) -> Option<&[u8]> {
    let inside = bytes.strip_prefix(b"\"")?;
    let end = memchr::memchr(b'"', inside)?;
    (end > 0).then(|| &bytes[..end + 2])
}

fn differs(at: usize, rest: &[u8]) -> String {
    let found = String::from_utf8_lossy(&rest[..rest.len().min(160)]);
    format!("other bytes than the upstream's after byte {at}: {found}")
}
