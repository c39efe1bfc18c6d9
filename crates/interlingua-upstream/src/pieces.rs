//! A request's body that was put together of pieces, for a connection that writes them as they are.

use std::collections::VecDeque;
use std::io::IoSlice;

use bytes::{Buf, Bytes};

/// Pieces of bytes that are read like one.
#[derive(Clone, Debug, Default)]
pub(crate) struct Pieces {
    pieces: VecDeque<Bytes>,
    /// All their bytes, which are asked for again and again.
    left: usize,
}

impl Pieces {
    pub(crate) fn of(pieces: &[Bytes]) -> Self {
        let left = pieces.iter().map(Bytes::len).sum();
        Self { pieces: pieces.iter().filter(|it| !it.is_empty()).cloned().collect(), left }
    }
}

impl Buf for Pieces {
    fn remaining(&self) -> usize {
        self.left
    }

    fn chunk(&self) -> &[u8] {
        self.pieces.front().map_or(&[], |first| first)
    }

    fn chunks_vectored<'a>(&'a self, slices: &mut [IoSlice<'a>]) -> usize {
        for (slice, piece) in slices.iter_mut().zip(&self.pieces) {
            *slice = IoSlice::new(piece);
        }
        slices.len().min(self.pieces.len())
    }

    fn advance(&mut self, mut count: usize) {
        self.left -= count;
        while count > 0 {
            let Some(first) = self.pieces.front_mut() else { panic!("advanced beyond the end") };
            let step = count.min(first.len());
            first.advance(step);
            count -= step;
            if first.is_empty() {
                self.pieces.pop_front();
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_are_read_like_one() {
        let whole = b"abcdefgh";
        for step in 1..=whole.len() {
            let mut pieces = Pieces::of(&["ab", "", "c", "defgh"].map(Bytes::from));
            let mut read = Vec::new();
            while pieces.has_remaining() {
                assert!(!pieces.chunk().is_empty(), "there is more");
                let before = pieces.remaining();
                let mut slices = [IoSlice::new(&[]); 2];
                let filled = pieces.chunks_vectored(&mut slices);
                let seen = slices[..filled].iter().flat_map(|it| it.to_vec()).collect::<Vec<u8>>();
                assert!(seen.starts_with(pieces.chunk()) && whole[read.len()..].starts_with(&seen));
                let taken = step.min(before).min(seen.len());
                read.extend_from_slice(&seen[..taken]);
                pieces.advance(taken);
                assert_eq!(pieces.remaining(), before - taken);
            }
            assert_eq!(read, whole);
        }
    }
}
