use std::time::Duration;

use crate::address::HiddenUrl;

/// Where reasoning and responses are kept, and how much of them.
#[non_exhaustive]
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Store {
    /// Where.
    pub place: StorePlace,
    /// Thoughts, for clients that forget them.
    pub reasoning: StoreBounds,
    /// Responses, for clients that refer to one by its id.
    pub responses: StoreBounds,
}

/// Where reasoning and responses are kept.
#[non_exhaustive]
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub enum StorePlace {
    /// In this process, until it ends.
    Memory,
    /// In one file of the state directory.
    #[default]
    Sqlite,
    /// In Redis or Valkey.
    Redis(HiddenUrl),
}

/// How much is kept, and for how long. Redis keeps as much as it is configured to; only the age is ours.
#[non_exhaustive]
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct StoreBounds {
    /// The most of them together, in bytes.
    pub bytes: usize,
    /// How long one is kept after it was last used.
    pub age: Duration,
    /// The most of them.
    pub entries: usize,
}

const DAY: Duration = Duration::from_hours(24);

impl Default for Store {
    fn default() -> Self {
        Self {
            place: StorePlace::default(),
            reasoning: StoreBounds { bytes: 256 << 20, age: 7 * DAY, entries: 1_000_000 },
            responses: StoreBounds { bytes: 64 << 20, age: DAY, entries: 100_000 },
        }
    }
}
