//! What is known of the file while this process is alone with it.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use interlingua_reasoning::{Key, Mark};

use crate::back::{Asked, Seen, Space};

/// The most entries that are kept in mind: about 40 bytes are needed for each.
const MOST: usize = 200_000;

/// The keys that are in the file, and of some of them what stands there.
///
/// What a transaction finds counts only if all of it took place since [`begin`](Self::begin). So who
/// reads notes the [`epoch`](Self::epoch) before it; and while something is
/// [being written](Self::writing), nothing begins.
#[derive(Debug, Default)]
pub(super) struct Rows(Mutex<Known>);

#[derive(Debug, Default)]
struct Known {
    stage: Stage,
    epoch: u64,
    is_writing: bool,
    /// Which file it is.
    generation: u64,
    /// By a part of the key, which is a hash, in each space. Of what was there before nothing is known
    /// until somebody looks.
    spaces: [HashMap<u64, Option<Row>>; 2],
}

#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
enum Stage {
    /// Others may change the file, or have.
    #[default]
    Nothing,
    /// Keys may be missing.
    Part,
    All,
    /// There is more than is kept in mind.
    TooMuch,
}

/// What stands under a key.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct Row {
    pub(super) mark: Mark,
    /// When it was last written down that it was used.
    pub(super) used: i64,
}

/// What a transaction has done to a key.
#[derive(Clone, Copy, Debug)]
pub(super) enum Change {
    Set(Row),
    /// It was used then, if it is there.
    Used(i64),
    Gone,
}

/// The part of a key that keys are told apart by.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct Tag(u64);

impl Tag {
    /// `None` for what cannot be asked for.
    pub(super) fn of(key: &[u8]) -> Option<Self> {
        Some(Self(u64::from_ne_bytes(*key.first_chunk()?)))
    }
}

impl From<Key> for Tag {
    fn from(key: Key) -> Self {
        let [part, ..] = key.as_bytes().as_chunks().0 else { unreachable!("a key has 32 bytes") };
        Self(u64::from_ne_bytes(*part))
    }
}

impl Rows {
    /// What can be said without looking into the file: that nothing is there; or that it is what is
    /// known, and was used since `recently`. Nothing is said while this is being changed: whoever asks
    /// serves everybody, and large tables take a while.
    pub(super) fn look(
        &self,
        generation: u64,
        space: Space,
        recently: i64,
        asked: &[Asked],
    ) -> Vec<Option<Seen>> {
        let unknown = vec![None; asked.len()];
        let Ok(known) = self.0.try_lock() else { return unknown };
        if known.stage != Stage::All || known.generation != generation {
            return unknown;
        }
        let rows = &known.spaces[space as usize];
        let look = |asked: &Asked| match rows.get(&Tag::from(asked.key).0) {
            None => Some(Seen::Nothing),
            Some(Some(row)) if asked.known == Some(row.mark) && row.used >= recently => {
                Some(Seen::Known)
            }
            Some(_) => None,
        };
        asked.iter().map(look).collect()
    }

    pub(super) fn epoch(&self) -> u64 {
        self.known().epoch
    }

    /// Whether a beginning has been made for this file.
    pub(super) fn are_of(&self, generation: u64) -> bool {
        let known = self.known();
        known.stage != Stage::Nothing && known.generation == generation
    }

    /// Begins anew, now that nobody else changes the file, unless something is being written. Nothing is
    /// said until all keys were [added](Self::add) that a transaction finds which begins after this.
    pub(super) fn begin(&self, generation: u64) -> Option<u64> {
        let mut known = self.known();
        if known.is_writing {
            return None;
        }
        known.forget(Stage::Part);
        known.generation = generation;
        Some(known.epoch)
    }

    /// Adds keys that are in the file; tells whether more are wanted.
    pub(super) fn add(&self, epoch: u64, keys: &[(Space, Tag)]) -> bool {
        let mut known = self.known();
        if known.epoch != epoch || known.stage != Stage::Part {
            return false;
        }
        for (space, Tag(tag)) in keys {
            known.spaces[*space as usize].entry(*tag).or_insert(None);
        }
        known.stage_of_size() == Stage::Part
    }

    /// All keys were added.
    pub(super) fn complete(&self, epoch: u64) {
        let mut known = self.known();
        if known.epoch == epoch && known.stage == Stage::Part {
            known.stage = Stage::All;
        }
    }

    /// Knows nothing any more.
    pub(super) fn forget(&self) {
        self.known().forget(Stage::Nothing);
    }

    /// Learns what a transaction has found.
    pub(super) fn found(&self, epoch: u64, space: Space, rows: &[(Key, Row)]) {
        let mut known = self.known();
        if known.epoch != epoch {
            return;
        }
        for (key, row) in rows {
            // Of what is known already nothing is learnt: it may have changed since it was looked at.
            if let Some(unknown @ None) = known.spaces[space as usize].get_mut(&Tag::from(*key).0) {
                *unknown = Some(*row);
            }
        }
    }

    /// The only thread that writes begins a transaction.
    pub(super) fn writing(&self) {
        self.known().is_writing = true;
    }

    /// Learns what it has changed, if anybody knows, before who waits for it is told.
    pub(super) fn wrote(&self, changes: Option<&[(Space, Tag, Change)]>) {
        let mut known = self.known();
        known.is_writing = false;
        if !matches!(known.stage, Stage::Part | Stage::All) {
            return;
        }
        let Some(changes) = changes else { return known.forget(Stage::Nothing) };
        for (space, Tag(tag), change) in changes {
            let rows = &mut known.spaces[*space as usize];
            match change {
                Change::Set(row) => {
                    rows.insert(*tag, Some(*row));
                }
                Change::Used(now) => {
                    if let Some(Some(row)) = rows.get_mut(tag) {
                        row.used = row.used.max(*now);
                    }
                }
                Change::Gone => {
                    rows.remove(tag);
                }
            }
        }
        known.stage_of_size();
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        // Nothing that panics leaves it half changed.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Known {
    fn forget(&mut self, stage: Stage) {
        self.stage = stage;
        self.epoch += 1;
        self.spaces = Default::default();
    }

    /// Gives up when there is too much.
    fn stage_of_size(&mut self) -> Stage {
        if self.spaces.iter().map(HashMap::len).sum::<usize>() > MOST {
            self.forget(Stage::TooMuch);
        }
        self.stage
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HERE: Space = Space::Thoughts;
    const A: Mark = Mark::SPOILT;

    fn b() -> Mark {
        Mark::of(b"b")
    }

    fn key(nth: u8) -> Key {
        Key::new([nth; 32])
    }

    fn tag(nth: u8) -> Tag {
        key(nth).into()
    }

    fn set(nth: u8, mark: Mark, used: i64) -> (Space, Tag, Change) {
        (HERE, tag(nth), Change::Set(Row { mark, used }))
    }

    /// What is said of a key under which `known` is known, and that was to be used since 100.
    fn say(rows: &Rows, nth: u8, known: Mark) -> Option<Seen> {
        let asked = [Asked { key: key(nth), known: Some(known) }];
        rows.look(0, HERE, 100, &asked).remove(0)
    }

    /// Those of a file with one key in it.
    fn of_one() -> (Rows, u64) {
        let rows = Rows::default();
        let epoch = rows.begin(0).unwrap();
        assert!(rows.add(epoch, &[(HERE, tag(1))]));
        assert_eq!(say(&rows, 2, A), None, "not all keys were added");
        rows.complete(epoch);
        (rows, epoch)
    }

    #[test]
    fn what_is_not_there_is_known_and_what_is_there_has_to_be_looked_at_once() {
        let (rows, epoch) = of_one();
        assert_eq!(say(&rows, 2, A), Some(Seen::Nothing));
        assert_eq!(say(&rows, 1, A), None);
        rows.found(epoch, HERE, &[(key(1), Row { mark: A, used: 100 })]);
        assert_eq!(say(&rows, 1, A), Some(Seen::Known));
        assert_eq!(say(&rows, 1, b()), None, "something else is known there");
        let there = Asked { key: key(1), known: Some(A) };
        assert_eq!(rows.look(0, Space::Responses, 100, &[there]), [Some(Seen::Nothing)]);
        assert_eq!(rows.look(0, HERE, 101, &[there]), [None], "it has to be written down");
        assert_eq!(rows.look(1, HERE, 100, &[there]), [None], "it is another file");
    }

    #[test]
    fn what_is_written_counts_and_what_was_read_before_does_not() {
        let (rows, epoch) = of_one();
        rows.writing();
        rows.wrote(Some(&[set(1, A, 100), set(2, b(), 100)]));
        rows.found(epoch, HERE, &[(key(1), Row { mark: b(), used: 100 })]);
        assert_eq!(say(&rows, 1, A), Some(Seen::Known));
        assert_eq!(say(&rows, 2, b()), Some(Seen::Known));
        rows.wrote(Some(&[set(2, b(), 0), (HERE, tag(2), Change::Used(100))]));
        assert_eq!(say(&rows, 2, b()), Some(Seen::Known));
        rows.wrote(Some(&[(HERE, tag(2), Change::Gone)]));
        assert_eq!(say(&rows, 2, b()), Some(Seen::Nothing));
        rows.found(epoch, HERE, &[(key(2), Row { mark: b(), used: 100 })]);
        assert_eq!(say(&rows, 2, b()), Some(Seen::Nothing), "it was read before it went");
    }

    #[test]
    fn what_began_before_or_was_lost_track_of_does_not_count() {
        let (rows, old) = of_one();
        rows.forget();
        assert_eq!(say(&rows, 2, A), None);
        assert!(!rows.are_of(0));
        rows.writing();
        assert_eq!(rows.begin(0), None, "what is being written may be in the file or not");
        rows.wrote(Some(&[set(3, A, 100)]));
        let epoch = rows.begin(0).unwrap();
        assert!(!rows.add(old, &[(HERE, tag(2))]));
        rows.complete(old);
        assert_eq!(say(&rows, 2, A), None);
        assert!(rows.add(epoch, &[(HERE, tag(1)), (HERE, tag(3))]));
        rows.complete(epoch);
        rows.found(old, HERE, &[(key(1), Row { mark: A, used: 100 })]);
        assert_eq!(say(&rows, 1, A), None);
        assert_eq!(say(&rows, 3, A), None);
        rows.wrote(None);
        assert_eq!(say(&rows, 2, A), None, "nobody knows what was written");
    }

    #[test]
    fn what_is_written_while_keys_are_added_is_not_forgotten() {
        let rows = Rows::default();
        let epoch = rows.begin(0).unwrap();
        rows.writing();
        rows.wrote(Some(&[set(1, A, 100)]));
        assert!(rows.add(epoch, &[(HERE, tag(1))]));
        rows.complete(epoch);
        assert_eq!(say(&rows, 1, A), Some(Seen::Known));
    }

    #[test]
    fn too_much_is_not_kept_in_mind() {
        let rows = Rows::default();
        let epoch = rows.begin(0).unwrap();
        let keys: Vec<_> = (0..=MOST as u64).map(|nth| (HERE, Tag(nth))).collect();
        assert!(rows.add(epoch, &keys[1..]));
        assert!(!rows.add(epoch, &keys));
        rows.complete(epoch);
        assert_eq!(say(&rows, 1, A), None);
        assert!(rows.are_of(0), "it is not tried over and over");
    }
}
