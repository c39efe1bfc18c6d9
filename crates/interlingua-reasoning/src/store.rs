//! What a store has to do; those that do it live where sockets and files are allowed.

use std::fmt;
use std::pin::Pin;
use std::time::Duration;

use bytes::Bytes;

/// Keeps entries for a while, within bounds of bytes, age and number.
///
/// Two spaces are kept apart, each a store of its own: thoughts, and responses that a client refers to
/// later. What is kept may be gone at any time, and whoever asks goes on without it.
///
/// # Two entries of one key
///
/// A key that is put twice with different [`Mark`]s is *spoilt*: nobody can tell which of the two was
/// meant, so neither is given any more, for as long as an entry would have been kept. The same mark
/// again changes nothing but the age. A store decides this in one step, also among several processes.
pub trait Store: fmt::Debug + Send + Sync {
    /// Looks for entries, all at once; gives one answer per key, in their order.
    ///
    /// An entry that is found counts as used now.
    fn get<'s>(&'s self, keys: &'s [Key]) -> Pending<'s, Vec<Option<Bytes>>>;

    /// Keeps an entry; ready once a crash of this process does not lose it any more. Where nothing
    /// outlives the process, as in memory, it is ready at once.
    fn put(&self, key: Key, entry: Entry) -> Pending<'static, ()>;

    /// Forgets an entry, and tells whether there was one.
    fn remove(&self, key: Key) -> Pending<'static, bool>;

    /// How the store fares.
    fn stats(&self) -> Stats;
}

/// An answer that a store is about to give.
pub type Pending<'p, T> = Pin<Box<dyn Future<Output = Result<T, StoreError>> + Send + 'p>>;

/// Under what an entry is kept: a hash of everything that has to be the same.
#[derive(Clone, Copy, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct Key([u8; 32]);

impl Key {
    /// Takes a hash for a key.
    pub fn new(hash: [u8; 32]) -> Self {
        Self(hash)
    }

    /// The key of what `tenant` calls `name`, such as a stored response. Other tenants have other keys
    /// for the same name.
    pub fn named(tenant: &str, name: &str) -> Self {
        let mut hasher = blake3::Hasher::new_derive_key("interlingua 2026-11 names of a tenant");
        // No text holds this byte, so no two pairs read the same.
        hasher.update(tenant.as_bytes()).update(&[0xff]).update(name.as_bytes());
        Self(hasher.finalize().into())
    }

    /// Its bytes.
    pub fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

/// In hex.
impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

/// Enough to tell keys apart in a log.
impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [first, .., last] = self.0;
        write!(f, "Key({first:02x}…{last:02x})")
    }
}

/// What is kept under a key.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Entry {
    /// Tells it from other entries of the same key.
    pub mark: Mark,
    /// The entry itself. A store does not look into it.
    pub bytes: Bytes,
}

/// Tells entries of the same key apart: equal for entries that say the same.
///
/// The bytes of an entry cannot do that, because they are sealed anew each time.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Mark([u8; 16]);

impl Mark {
    /// How many bytes a mark has.
    pub const LEN: usize = 16;

    /// What stands in the place of the mark of a spoilt entry.
    pub const SPOILT: Self = Self([0; Self::LEN]);

    /// Takes a hash for a mark.
    pub fn new(hash: [u8; Self::LEN]) -> Self {
        Self(hash)
    }

    /// The mark of an entry that says the same only if its bytes are the same.
    pub fn of(bytes: &[u8]) -> Self {
        let mut mark = [0; Self::LEN];
        blake3::Hasher::new().update(bytes).finalize_xof().fill(&mut mark);
        Self(mark)
    }

    /// Its bytes.
    pub fn as_bytes(&self) -> &[u8; Self::LEN] {
        &self.0
    }
}

/// How a store fares.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Stats {
    /// Entries that are kept; of a store that others share, those that this process has a copy of.
    pub entries: u64,
    /// What these take, in bytes.
    pub bytes: u64,
    /// Keys that were looked for and found.
    pub hits: u64,
    /// Keys that were looked for and not found.
    pub misses: u64,
    /// Entries that were not known to be safe when they had to be: a crash loses them.
    pub losses: u64,
    /// For how long the store has been without what makes entries outlive the process.
    pub degraded: Option<Duration>,
}

/// Why a store did not do what it was asked.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum StoreError {
    /// What it keeps entries in does not answer in time, or did not lately.
    #[error("the store does not answer")]
    Away,
    /// The entry is larger than all that may be kept.
    #[error("the entry is too large for the store")]
    TooLarge,
    /// What it keeps entries in answers with an error, in its words.
    #[error("the store fails: {0}")]
    Failed(String),
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_belongs_to_its_tenant() {
        assert_eq!(Key::named("a", "resp_1"), Key::named("a", "resp_1"));
        assert_ne!(Key::named("a", "resp_1"), Key::named("b", "resp_1"));
        assert_ne!(Key::named("a", "bc"), Key::named("ab", "c"));
    }

    #[test]
    fn no_entry_has_the_mark_of_a_spoilt_one_by_its_bytes() {
        assert_ne!(Mark::of(b""), Mark::SPOILT);
        assert_eq!(Mark::of(b"a"), Mark::of(b"a"));
        assert_ne!(Mark::of(b"a"), Mark::of(b"b"));
    }
}
