use std::fmt;
use std::time::Duration;

use zeroize::Zeroizing;

use crate::WAIT;

/// The name of the database in the state directory.
pub const DATABASE: &str = "interlingua.db";

/// Where entries are kept, and how many.
#[derive(Clone, Debug)]
pub struct Settings {
    /// What makes them outlive the process.
    pub place: Place,
    /// The bounds of thoughts.
    pub thoughts: Bounds,
    /// The bounds of responses.
    pub responses: Bounds,
    /// The longest that anybody waits for the place.
    pub wait: Duration,
}

impl Default for Settings {
    fn default() -> Self {
        const DAY: Duration = Duration::from_hours(24);
        Self {
            place: Place::Sqlite,
            thoughts: Bounds { bytes: 256 << 20, age: 7 * DAY, entries: 1_000_000 },
            responses: Bounds { bytes: 64 << 20, age: DAY, entries: 100_000 },
            wait: WAIT,
        }
    }
}

/// What makes entries outlive the process.
#[derive(Clone, Debug)]
pub enum Place {
    /// Nothing.
    Memory,
    /// One file of the state directory.
    Sqlite,
    /// Redis or Valkey.
    Redis(Address),
}

/// How much is kept. In Redis only the age is ours to decide; the rest is its own `maxmemory`.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Bounds {
    /// All entries together, in bytes; each counts with [`OVERHEAD`](Bounds::OVERHEAD) more.
    pub bytes: usize,
    /// How long an entry is kept after it was last used.
    pub age: Duration,
    /// Entries.
    pub entries: usize,
}

impl Bounds {
    /// What an entry costs besides its bytes: its key, its mark and its place in an index.
    pub const OVERHEAD: usize = 128;

    /// Those of the copy in memory.
    pub(crate) fn of_copy(self) -> Self {
        Self { bytes: self.bytes / 8, entries: (self.entries / 8).max(1), ..self }
    }

    /// Whether an entry of that many bytes can be kept at all.
    pub(crate) fn take(self, len: usize) -> bool {
        len + Self::OVERHEAD <= self.bytes
    }

    /// The age in milliseconds, as files and servers count it.
    pub(crate) fn age_ms(self) -> i64 {
        i64::try_from(self.age.as_millis()).unwrap_or(i64::MAX)
    }
}

/// The address of a server, which may hold a password. It cannot be printed but for what may be shown.
#[derive(Clone)]
pub struct Address {
    url: Zeroizing<String>,
    shown: String,
}

impl Address {
    /// Takes a URL, and the same without what must not be seen.
    pub fn new(url: &str, shown: &str) -> Self {
        Self { url: Zeroizing::new(url.to_owned()), shown: shown.to_owned() }
    }

    /// The URL with everything in it.
    pub fn expose(&self) -> &str {
        &self.url
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.shown)
    }
}

impl fmt::Debug for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Address({self})")
    }
}
