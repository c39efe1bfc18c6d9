//! The file itself: made, opened, and replaced when it is damaged.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use rusqlite::{Connection, ErrorCode, OptionalExtension as _, TransactionBehavior};

use super::private;
use super::rows::Rows;
use super::users::Users;
use crate::Bounds;
use crate::back::Space;

/// How long a connection waits for another process before it says that the file is busy.
const BUSY: Duration = Duration::from_secs(2);

/// What the file holds; another number is another program's.
const VERSION: i64 = 1;

/// The most that is left of the log after it was copied into the file, in bytes.
const JOURNAL: i64 = 16 << 20;

/// Into how many parts the age of an entry is cut: it is written down that an entry was used only if it
/// was not in the same part before.
const PARTS: i64 = 32;

/// A database file.
#[derive(Debug)]
pub(super) struct File {
    path: PathBuf,
    bounds: [Bounds; 2],
    users: Users,
    rows: Rows,
    /// Goes up when the file is replaced: who has an older one opens it anew.
    generation: AtomicU64,
    repair: Mutex<()>,
    sizes: [(AtomicU64, AtomicU64); 2],
}

/// An open file.
#[derive(Debug)]
pub(super) struct Opened {
    pub(super) connection: Connection,
    generation: u64,
    identity: Option<Identity>,
}

impl File {
    pub(super) fn new(path: &Path, bounds: [Bounds; 2]) -> Self {
        Self {
            path: path.to_owned(),
            bounds,
            users: Users::new(path),
            rows: Rows::default(),
            generation: AtomicU64::new(0),
            repair: Mutex::new(()),
            sizes: Default::default(),
        }
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    pub(super) fn bounds(&self, space: Space) -> Bounds {
        self.bounds[space as usize]
    }

    /// Since when an entry has to be used for it not to be written down again.
    pub(super) fn recently(&self, space: Space, now: i64) -> i64 {
        now.saturating_sub(self.bounds(space).age_ms() / PARTS)
    }

    pub(super) fn users(&self) -> &Users {
        &self.users
    }

    pub(super) fn rows(&self) -> &Rows {
        &self.rows
    }

    /// Goes up when the file is replaced.
    pub(super) fn generation(&self) -> u64 {
        self.generation.load(Relaxed)
    }

    /// Opens the file, makes it if there is none, and replaces it if it is damaged.
    pub(super) fn open(&self) -> Result<Opened, Error> {
        self.users.come()?;
        let generation = self.generation.load(Relaxed);
        let mut identity = None;
        match self.open_as_it_is(generation, &mut identity) {
            Err(error) if error.is_damage() => {
                self.replace(generation, identity.as_ref(), &error)?;
                self.open_as_it_is(self.generation.load(Relaxed), &mut None)
            }
            opened => opened,
        }
    }

    /// Works with the file; a slot keeps it open from one time to the next.
    ///
    /// A file that turns out to be damaged is replaced, and the work begins anew.
    pub(super) fn with<T>(
        &self,
        slot: &mut Option<Opened>,
        mut work: impl FnMut(&mut Connection) -> rusqlite::Result<T>,
    ) -> Result<T, Error> {
        let generation = self.generation.load(Relaxed);
        slot.take_if(|it| it.generation != generation);
        let opened = match slot {
            Some(opened) => opened,
            None => slot.insert(self.open()?),
        };
        let error = match work(&mut opened.connection) {
            Ok(done) => return Ok(done),
            Err(error) => Error::from(error),
        };
        if !error.is_damage() {
            // What is wrong with a connection may be right with the next.
            slot.take_if(|_| !error.is_busy());
            return Err(error);
        }
        let (generation, identity) = (opened.generation, opened.identity.clone());
        *slot = None;
        self.replace(generation, identity.as_ref(), &error)?;
        Ok(work(&mut slot.insert(self.open()?).connection)?)
    }

    /// How many entries there were and what they took when somebody last looked.
    pub(super) fn size(&self, space: Space) -> (u64, u64) {
        let (entries, bytes) = &self.sizes[space as usize];
        (entries.load(Relaxed), bytes.load(Relaxed))
    }

    /// Looks how many entries there are and what they take.
    pub(super) fn measure(&self, connection: &Connection) -> rusqlite::Result<()> {
        for space in Space::ALL {
            self.measured(space, totals(connection, space)?);
        }
        Ok(())
    }

    pub(super) fn measured(&self, space: Space, (entries, bytes): (u64, u64)) {
        let (known_entries, known_bytes) = &self.sizes[space as usize];
        known_entries.store(entries, Relaxed);
        known_bytes.store(bytes, Relaxed);
    }

    fn open_as_it_is(
        &self,
        generation: u64,
        identity: &mut Option<Identity>,
    ) -> Result<Opened, Error> {
        private::make(&self.path)?;
        *identity = Identity::of(&self.path);
        let mut connection = Connection::open(&self.path)?;
        connection.busy_timeout(BUSY)?;
        // Before the first table, or never.
        connection.pragma_update(None, "auto_vacuum", "INCREMENTAL")?;
        connection.pragma_update(None, "journal_mode", "WAL")?;
        connection.pragma_update(None, "synchronous", "NORMAL")?;
        connection.pragma_update(None, "journal_size_limit", JOURNAL)?;
        // The keeper does that, while nobody waits.
        connection.pragma_update(None, "wal_autocheckpoint", 0)?;
        let version: i64 = connection.query_row("PRAGMA user_version", [], |row| row.get(0))?;
        match version {
            0 => make(&mut connection)?,
            VERSION => {}
            other => return Err(Error::Version(other)),
        }
        self.measure(&connection)?;
        Ok(Opened { connection, generation, identity: identity.clone() })
    }

    /// Moves a damaged file aside, unless somebody else has done it since it was opened.
    fn replace(
        &self,
        generation: u64,
        identity: Option<&Identity>,
        why: &Error,
    ) -> Result<(), Error> {
        let _alone = self.repair.lock().unwrap_or_else(PoisonError::into_inner);
        if self.generation.load(Relaxed) != generation {
            return Ok(());
        }
        let door = private::open(&with_suffix(&self.path, ".lock"))?;
        door.lock()?;
        if identity == Identity::of(&self.path).as_ref() {
            let suffix = format!(".corrupt-{}", now() / 1000);
            let aside = with_suffix(&self.path, &suffix);
            // The log first: a new file must not find the log of the old one.
            for part in ["-wal", "-shm", ""] {
                match fs::rename(with_suffix(&self.path, part), with_suffix(&aside, part)) {
                    Err(error) if error.kind() != io::ErrorKind::NotFound => {
                        return Err(error.into());
                    }
                    _ => {}
                }
            }
            let (file, aside) = (self.path.display(), aside.display());
            tracing::error!(%file, %aside, %why, "the database is damaged; it was moved aside");
        }
        self.generation.fetch_add(1, Relaxed);
        Ok(())
    }
}

/// How many entries there are and what they take.
pub(super) fn totals(connection: &Connection, space: Space) -> rusqlite::Result<(u64, u64)> {
    let query = "SELECT entries, bytes FROM total WHERE space = ?1";
    let mut statement = connection.prepare_cached(query)?;
    let number = |row: &rusqlite::Row<'_>, at| row.get(at).map(i64::unsigned_abs);
    statement.query_row([space as i64], |row| Ok((number(row, 0)?, number(row, 1)?)))
}

/// Milliseconds since 1970. Only the age of entries depends on it.
pub(super) fn now() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
}

/// Makes the tables, unless another process was faster.
fn make(connection: &mut Connection) -> Result<(), Error> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let version: i64 = transaction.query_row("PRAGMA user_version", [], |row| row.get(0))?;
    if version == VERSION {
        return Ok(());
    }
    let query = "SELECT name FROM sqlite_schema LIMIT 1";
    if transaction.query_row(query, [], |_| Ok(())).optional()?.is_some() {
        return Err(Error::Version(version));
    }
    transaction.execute_batch(&SCHEMA.replace("OVERHEAD", &Bounds::OVERHEAD.to_string()))?;
    transaction.pragma_update(None, "user_version", VERSION)?;
    Ok(transaction.commit()?)
}

/// The totals are kept by the database itself, so that they are right for all processes that share it.
const SCHEMA: &str = "
CREATE TABLE entry (
    id    INTEGER PRIMARY KEY,
    space INTEGER NOT NULL,
    key   BLOB NOT NULL,
    mark  BLOB NOT NULL,
    used  INTEGER NOT NULL,
    value BLOB NOT NULL,
    UNIQUE (space, key)
) STRICT;
CREATE INDEX entry_used ON entry (space, used);
CREATE TABLE total (
    space   INTEGER PRIMARY KEY,
    entries INTEGER NOT NULL,
    bytes   INTEGER NOT NULL,
    probes  INTEGER NOT NULL DEFAULT 0
) STRICT;
INSERT INTO total (space, entries, bytes) VALUES (0, 0, 0), (1, 0, 0);
CREATE TRIGGER entry_comes AFTER INSERT ON entry BEGIN
    UPDATE total SET entries = entries + 1, bytes = bytes + length(new.value) + OVERHEAD
    WHERE space = new.space;
END;
CREATE TRIGGER entry_goes AFTER DELETE ON entry BEGIN
    UPDATE total SET entries = entries - 1, bytes = bytes - length(old.value) - OVERHEAD
    WHERE space = old.space;
END;
CREATE TRIGGER entry_changes AFTER UPDATE OF value ON entry BEGIN
    UPDATE total SET bytes = bytes + length(new.value) - length(old.value)
    WHERE space = new.space;
END;
";

/// Why the file cannot be used.
#[derive(Debug, thiserror::Error)]
pub(super) enum Error {
    #[error("{0}")]
    Sqlite(#[from] rusqlite::Error),
    #[error("{0}")]
    Io(#[from] io::Error),
    #[error("it holds something else: schema {0}, and this program knows {VERSION}")]
    Version(i64),
}

impl Error {
    fn is_damage(&self) -> bool {
        matches!(self.code(), Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase))
    }

    /// Whether another process holds the file.
    pub(super) fn is_busy(&self) -> bool {
        matches!(self.code(), Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked))
    }

    fn code(&self) -> Option<ErrorCode> {
        match self {
            Self::Sqlite(error) => error.sqlite_error_code(),
            Self::Io(_) | Self::Version(_) => None,
        }
    }
}

pub(super) fn with_suffix(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    name.into()
}

/// Which file stands under a name, where the system tells.
#[derive(Clone, Debug, Eq, PartialEq)]
struct Identity(u64, u64);

#[cfg(unix)]
impl Identity {
    fn of(path: &Path) -> Option<Self> {
        use std::os::unix::fs::MetadataExt as _;

        let metadata = fs::metadata(path).ok()?;
        Some(Self(metadata.dev(), metadata.ino()))
    }
}

#[cfg(not(unix))]
impl Identity {
    fn of(_: &Path) -> Option<Self> {
        None
    }
}
