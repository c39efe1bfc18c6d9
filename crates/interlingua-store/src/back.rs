//! What stands behind the copy in memory.

use std::fmt;

use interlingua_reasoning::{Entry, Key, Mark, Pending};

/// Which of the two kinds of entries.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Space {
    Thoughts,
    Responses,
}

impl Space {
    pub(crate) const ALL: [Self; 2] = [Self::Thoughts, Self::Responses];
}

/// A place that outlives the process, and may be away.
///
/// Its futures do what they do when they are polled, and may be dropped at any point.
pub(crate) trait Back: fmt::Debug + Send + Sync + 'static {
    /// What messages call it.
    fn name(&self) -> String;

    /// Gives one answer per key, in their order. What is found counts as used now.
    fn look(&self, space: Space, asked: Vec<Asked>) -> Pending<'static, Vec<Seen>>;

    /// Keeps an entry, or spoils the one that is there.
    fn put(&self, space: Space, key: Key, entry: Entry) -> Pending<'static, Kept>;

    /// Spoils an entry, so that the copies of others are void too; tells whether there was one.
    fn remove(&self, space: Space, key: Key) -> Pending<'static, bool>;

    /// Gets ready to be asked, in its own time: nobody waits for this.
    fn reach(&self) -> Pending<'static, ()>;

    /// Does the least that shows that entries can be kept.
    fn probe(&self) -> Pending<'static, ()>;

    /// Gives up what has failed.
    fn let_go(&self);

    /// How many entries there are and what they take, if it is ours to know.
    fn size(&self, space: Space) -> Option<(u64, u64)>;
}

/// A key that is looked for, and what we have under it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Asked {
    pub(crate) key: Key,
    pub(crate) known: Option<Mark>,
}

/// What stands under a key.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) enum Seen {
    Nothing,
    /// What we know.
    Known,
    /// What we did not know.
    Entry(Entry),
    /// Something else than what we know.
    Other,
    /// One of several, and nobody can tell which.
    Spoilt,
}

/// What became of an entry that was put.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Kept {
    /// It can be found.
    Kept,
    /// There was another one; neither can be found.
    Spoilt,
}

impl Kept {
    /// What it means that a key has this mark now.
    pub(crate) fn of(mark: Mark) -> Self {
        if mark == Mark::SPOILT { Self::Spoilt } else { Self::Kept }
    }
}

/// What stands in the place of an entry that is spoilt.
pub(crate) fn spoilt() -> Entry {
    Entry { mark: Mark::SPOILT, bytes: bytes::Bytes::new() }
}
