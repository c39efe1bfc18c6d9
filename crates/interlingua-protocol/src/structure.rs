//! Where a JSON document has its structure: brackets and commas that stand in no string.
//!
//! A document is looked at in blocks, each byte of it a bit: which bytes are quotes, which of those are
//! escaped, and so which bytes stand inside of strings. Most blocks of a conversation are text and have
//! nothing to show.

use std::iter;

use wide::u8x16;

/// So many bytes are looked at together.
const BLOCK: usize = 64;

/// The structure of a block of a document, a bit for each byte.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Block {
    /// Where the block begins.
    pub(crate) at: usize,
    /// `[` and `{`
    pub(crate) opening: u64,
    /// `]` and `}`
    pub(crate) closing: u64,
    /// `,`
    pub(crate) commas: u64,
}

impl Block {
    /// The brackets in their order: where they stand, and whether they open.
    pub(crate) fn brackets(self) -> impl Iterator<Item = (usize, bool)> {
        let mut left = self.opening | self.closing;
        iter::from_fn(move || {
            let nth = left.trailing_zeros();
            let bracket = left & left.wrapping_neg();
            left ^= bracket;
            (bracket != 0).then(|| (self.at + nth as usize, self.opening & bracket != 0))
        })
    }
}

/// The blocks of a document that have some structure.
pub(crate) fn blocks(document: &[u8]) -> impl Iterator<Item = Block> {
    let (blocks, rest) = document.as_chunks::<BLOCK>();
    let mut last = [b' '; BLOCK];
    last[..rest.len()].copy_from_slice(rest);
    let mut before = Before::default();
    let starts = (0..).step_by(BLOCK);
    blocks.iter().copied().chain(iter::once(last)).zip(starts).filter_map(move |(bytes, at)| {
        let lanes = bytes.as_chunks::<16>().0;
        let lanes = [0, 1, 2, 3].map(|nth| u8x16::new(lanes[nth]));
        let outside = !before.strings(equal(lanes, b'"'), equal(lanes, b'\\'));
        if outside == 0 {
            return None;
        }
        // Of both kinds of brackets those that open differ in this bit only, and so do those that close.
        let folded = lanes.map(|it| it | u8x16::splat(b'[' ^ b'{'));
        let opening = equal(folded, b'{') & outside;
        let closing = equal(folded, b'}') & outside;
        let commas = equal(lanes, b',') & outside;
        (opening | closing | commas != 0).then_some(Block { at, opening, closing, commas })
    })
}

fn equal(lanes: [u8x16; 4], byte: u8) -> u64 {
    let byte = u8x16::splat(byte);
    let [a, b, c, d] = lanes.map(|it| u64::from(it.simd_eq(byte).to_bitmask()));
    a | b << 16 | c << 32 | d << 48
}

/// What the blocks before mean for the next one.
#[derive(Default)]
struct Before {
    /// Whether its first byte is escaped: 0 or 1.
    escaped: u64,
    /// Whether it begins inside of a string: no bit, or all.
    inside: u64,
}

impl Before {
    /// The bytes of a block that stand in strings, a bit for each; of the quotes those before, not those
    /// behind.
    fn strings(&mut self, quotes: u64, backslashes: u64) -> u64 {
        let quotes = quotes & !self.escaped(backslashes);
        if quotes == 0 {
            return self.inside;
        }
        // Each bit becomes the parity of the quotes up to it.
        let mut inside = quotes;
        for distance in [1, 2, 4, 8, 16, 32] {
            inside ^= inside << distance;
        }
        inside ^= self.inside;
        self.inside = (inside >> 63).wrapping_neg();
        inside
    }

    /// The bytes that a backslash stands before which is not escaped itself.
    fn escaped(&mut self, backslashes: u64) -> u64 {
        if backslashes == 0 {
            return std::mem::take(&mut self.escaped);
        }
        let backslashes = backslashes & !self.escaped;
        let follow = backslashes << 1 | self.escaped;
        // Adding a run of bits to its first one carries to the bit behind the run: an escaped byte lies an
        // even way from the run's first one if that is at an odd place, and the other way round.
        let odd_starts = backslashes & !EVEN & !follow;
        let (sum, carry) = odd_starts.overflowing_add(backslashes);
        self.escaped = u64::from(carry);
        (EVEN ^ (sum << 1)) & follow
    }
}

/// The bits at even places.
const EVEN: u64 = 0x5555_5555_5555_5555;

/// Where the array or object ends that a text begins with; `None` if it does not.
pub fn container_end(text: &[u8]) -> Option<usize> {
    let mut depth = 0usize;
    for (at, opens) in blocks(text).flat_map(Block::brackets) {
        depth = if opens { depth + 1 } else { depth.saturating_sub(1) };
        if depth == 0 {
            return Some(at + 1);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// The same, byte for byte.
    fn slowly(document: &[u8]) -> Vec<(usize, u8)> {
        let (mut inside, mut escaped, mut found) = (false, false, Vec::new());
        for (at, byte) in document.iter().enumerate() {
            let is_escaped = std::mem::take(&mut escaped);
            match byte {
                b'\\' => escaped = !is_escaped,
                b'"' if is_escaped => {}
                b'"' => inside = !inside,
                b'[' | b'{' | b']' | b'}' | b',' if !inside => found.push((at, *byte)),
                _ => {}
            }
        }
        found
    }

    fn quickly(document: &[u8]) -> Vec<(usize, u8)> {
        let mut found = Vec::new();
        for block in blocks(document) {
            for nth in 0..BLOCK {
                if (block.opening | block.closing | block.commas) >> nth & 1 == 1 {
                    found.push((block.at + nth, document[block.at + nth]));
                }
            }
        }
        found
    }

    #[test]
    fn a_container_knows_its_end() {
        let document = r#"{"a":["]",{"b\"}":1}],"c":{"#;
        for (begin, end) in [(0, 0), (5, 21), (10, 20), (26, 0)] {
            let found = container_end(&document.as_bytes()[begin..]);
            assert_eq!(found.map_or(0, |it| begin + it), end);
        }
    }

    proptest! {
        #[test]
        fn structure_is_what_a_plain_reader_finds(document in r#"[\\"\[\]{},a]{0,400}"#) {
            // Outside of strings a backslash means nothing in JSON; both take it for one that escapes quotes.
            prop_assert_eq!(quickly(document.as_bytes()), slowly(document.as_bytes()));
        }
    }
}
