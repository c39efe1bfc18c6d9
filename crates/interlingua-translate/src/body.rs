//! The body of a request, in pieces: most of one that goes on as it came need not be copied.

use bytes::Bytes;

/// A body that is made of pieces.
#[derive(Clone, Debug, Default)]
pub struct Body(Vec<Bytes>);

impl Body {
    /// The pieces, in their order.
    pub fn into_pieces(self) -> Vec<Bytes> {
        self.0
    }

    /// All of it in one piece.
    pub fn to_vec(&self) -> Vec<u8> {
        self.0.concat()
    }
}

impl From<Vec<u8>> for Body {
    fn from(whole: Vec<u8>) -> Self {
        Self(vec![whole.into()])
    }
}

/// Puts a body together.
#[derive(Debug)]
pub(crate) struct Builder<'b> {
    /// What may be held on to.
    shared: Option<&'b Bytes>,
    pieces: Vec<Bytes>,
    /// What was copied since the last piece.
    copied: Vec<u8>,
}

/// What is shorter is copied, in bytes: each piece has a price of its own.
const SHORT: usize = 4 << 10;

impl<'b> Builder<'b> {
    pub(crate) fn new(shared: Option<&'b Bytes>) -> Self {
        Self { shared, pieces: Vec::new(), copied: Vec::new() }
    }

    /// Adds a part of what is shared, if anything is.
    pub(crate) fn keep(&mut self, part: &[u8]) {
        match self.shared.filter(|_| part.len() >= SHORT) {
            Some(shared) => {
                self.end_piece();
                self.pieces.push(shared.slice_ref(part));
            }
            None => self.copy(part),
        }
    }

    pub(crate) fn copy(&mut self, part: &[u8]) {
        self.copied.extend_from_slice(part);
    }

    pub(crate) fn finish(mut self) -> Body {
        self.end_piece();
        Body(self.pieces)
    }

    fn end_piece(&mut self) {
        if !self.copied.is_empty() {
            self.pieces.push(std::mem::take(&mut self.copied).into());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_long_is_not_copied() {
        let shared = Bytes::from("x".repeat(2 * SHORT) + "end");
        let (long, end) = shared.split_at(2 * SHORT);
        for (bytes, copied) in [(Some(&shared), [false, true]), (None, [true, true])] {
            let mut builder = Builder::new(bytes);
            builder.copy(b"<");
            builder.keep(long);
            builder.copy(b"|");
            builder.keep(end);
            let body = builder.finish();
            assert_eq!(body.to_vec(), [b"<", long, b"|", end].concat());
            let pieces = body.into_pieces();
            let is_copied =
                |part: &[u8]| !pieces.iter().any(|it| it.as_ptr_range().contains(&part.as_ptr()));
            assert_eq!([is_copied(long), is_copied(end)], copied);
        }
    }
}
