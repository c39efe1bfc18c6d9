//! The one thread that writes.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread;
use std::time::{Duration, Instant};

use interlingua_reasoning::{Entry, Key, Mark, StoreError};
use rusqlite::{Connection, OptionalExtension as _, Transaction, TransactionBehavior, params};
use tokio::sync::oneshot;

use super::file::{Error, File, now, totals};
use super::rows::{Change, Row, Tag};
use super::{Answer, failed, spawn};
use crate::Bounds;
use crate::back::{Kept, Space};

/// The most that waits to be written: in number, and in bytes.
const MAX_WAITING: usize = 10_000;
const MAX_WAITING_BYTES: usize = 64 << 20;

/// Transactions end at least so far apart: a transaction costs more than what is put in it, so many at once
/// share one. Who comes alone does not wait.
pub(super) const APART: Duration = Duration::from_millis(2);

/// The most that one transaction holds.
const MAX_BATCH: usize = 256;

/// The most entries that make room in one transaction, besides one for each that comes. What is left is
/// the keeper's work.
const MAX_EVICTED: usize = 64;

/// The size of the log at which it is copied into the file, in bytes.
const LOG: usize = 4 << 20;

/// About what a transaction adds to the log besides what it is told to write: pages of indexes.
const TRANSACTION: usize = 32 << 10;

/// The way to the writing thread.
#[derive(Clone, Debug)]
pub(super) struct Writer {
    jobs: SyncSender<Job>,
    waiting: Arc<AtomicUsize>,
}

/// Something to write.
#[derive(Debug)]
pub(super) enum Op {
    Put {
        space: Space,
        key: Key,
        entry: Entry,
    },
    Remove {
        space: Space,
        key: Key,
    },
    /// These were used just now.
    Touch {
        space: Space,
        keys: Vec<Key>,
    },
    /// Write something, to see whether it can be done.
    Probe,
}

/// What came of it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Outcome {
    pub(super) kept: Kept,
    pub(super) was_there: bool,
}

#[derive(Debug)]
struct Job {
    op: Op,
    answer: oneshot::Sender<Result<Outcome, StoreError>>,
}

impl Writer {
    /// Starts the thread; it asks `checkpoints` to copy the log when that has grown.
    pub(super) fn start(file: &Arc<File>, checkpoints: SyncSender<()>) -> io::Result<Self> {
        let (jobs, queue) = sync_channel(MAX_WAITING);
        let waiting = Arc::new(AtomicUsize::new(0));
        let thread = Thread { file: Arc::clone(file), waiting: waiting.clone(), checkpoints };
        spawn("writer", move || thread.run(&queue))?;
        Ok(Self { jobs, waiting })
    }

    /// Has something written; the answer comes when it is committed.
    pub(super) fn send(&self, op: Op) -> Result<Answer<Outcome>, StoreError> {
        let size = op.size();
        if self.waiting.load(Relaxed) + size > MAX_WAITING_BYTES {
            return Err(failed(&"too much waits to be written"));
        }
        let (answer, receiver) = oneshot::channel();
        self.waiting.fetch_add(size, Relaxed);
        self.jobs.try_send(Job { op, answer }).map_err(|error| {
            self.waiting.fetch_sub(size, Relaxed);
            failed(&error)
        })?;
        Ok(receiver)
    }
}

impl Op {
    fn size(&self) -> usize {
        match self {
            Self::Put { entry, .. } => entry.bytes.len() + Bounds::OVERHEAD,
            Self::Touch { keys, .. } => keys.len() * size_of::<Key>(),
            Self::Remove { .. } | Self::Probe => Bounds::OVERHEAD,
        }
    }

    /// Whether there may be more in a space afterwards.
    fn adds_to(&self, to: Space) -> bool {
        match self {
            Self::Put { space, .. } | Self::Remove { space, .. } => *space == to,
            Self::Touch { .. } | Self::Probe => false,
        }
    }
}

/// What a transaction has written.
#[derive(Debug)]
struct Written {
    outcomes: Vec<Outcome>,
    changes: Vec<(Space, Tag, Change)>,
}

#[derive(Debug)]
struct Thread {
    file: Arc<File>,
    waiting: Arc<AtomicUsize>,
    checkpoints: SyncSender<()>,
}

impl Thread {
    fn run(self, queue: &Receiver<Job>) {
        let (mut slot, mut unmeasured) = (None, LOG);
        let mut written: Option<Instant> = None;
        while let Ok(first) = queue.recv() {
            if let Some(pause) = written.and_then(|it| APART.checked_sub(it.elapsed())) {
                thread::sleep(pause);
            }
            let mut batch = vec![first];
            batch.extend(queue.try_iter().take(MAX_BATCH - 1));
            let size: usize = batch.iter().map(|it| it.op.size()).sum();
            self.file.rows().writing();
            let done = loop {
                match self.file.with(&mut slot, |connection| self.write(connection, &batch)) {
                    // Another process writes, and for long. Whoever waits for us has gone on; what
                    // waits with us is kept all the same.
                    Err(error) if error.is_busy() => {}
                    done => break done,
                }
            };
            written = Some(Instant::now());
            self.file.rows().wrote(done.as_ref().ok().map(|it| &*it.changes));
            self.waiting.fetch_sub(size, Relaxed);
            answer(batch, done.map(|it| it.outcomes));
            unmeasured += size + TRANSACTION;
            if unmeasured > LOG / 8 {
                unmeasured = 0;
                self.checkpoint();
            }
        }
    }

    /// Writes all of it, or nothing.
    fn write(&self, connection: &mut Connection, batch: &[Job]) -> rusqlite::Result<Written> {
        let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let mut changes = Vec::new();
        let outcomes = batch.iter().map(|job| self.apply(&transaction, &job.op, &mut changes));
        let outcomes = outcomes.collect::<rusqlite::Result<Vec<_>>>()?;
        let mut sizes = Vec::new();
        for space in Space::ALL {
            if batch.iter().any(|job| job.op.adds_to(space)) {
                let most = MAX_EVICTED + batch.len();
                let evicted = evict(&transaction, space, self.file.bounds(space), most)?;
                let gone = evicted.tags.into_iter().flatten();
                changes.extend(gone.map(|tag| (space, tag, Change::Gone)));
                sizes.push((space, evicted.left));
            }
        }
        transaction.commit()?;
        for (space, size) in sizes {
            self.file.measured(space, size);
        }
        Ok(Written { outcomes, changes })
    }

    fn apply(
        &self,
        transaction: &Transaction<'_>,
        op: &Op,
        changes: &mut Vec<(Space, Tag, Change)>,
    ) -> rusqlite::Result<Outcome> {
        let now = now();
        let cutoff = |space| now.saturating_sub(self.file.bounds(space).age_ms());
        let mut outcome = Outcome { kept: Kept::Kept, was_there: false };
        match op {
            Op::Put { space, key, entry } => {
                let mut put = transaction.prepare_cached(PUT)?;
                let (tag, cutoff) = (Tag::from(*key), cutoff(*space));
                let (key, mark) = (key.as_bytes(), entry.mark.as_bytes());
                let values = params![*space as i64, key, mark, now, &entry.bytes[..], cutoff];
                let mark: [u8; Mark::LEN] = put.query_row(values, |row| row.get(0))?;
                let mark = Mark::new(mark);
                outcome.kept = Kept::of(mark);
                changes.push((*space, tag, Change::Set(Row { mark, used: now })));
            }
            Op::Remove { space, key } => {
                let mut old = transaction.prepare_cached(MARK)?;
                let there = params![*space as i64, key.as_bytes(), cutoff(*space)];
                let there =
                    old.query_row(there, |row| row.get::<_, [u8; Mark::LEN]>(0)).optional()?;
                outcome.was_there = there.is_some_and(|it| Mark::new(it) != Mark::SPOILT);
                let mut spoil = transaction.prepare_cached(SPOIL)?;
                spoil.execute(params![*space as i64, key.as_bytes(), now])?;
                let row = Row { mark: Mark::SPOILT, used: now };
                changes.push((*space, Tag::from(*key), Change::Set(row)));
            }
            Op::Touch { space, keys } => {
                let mut touch = transaction.prepare_cached(TOUCH)?;
                for key in keys {
                    touch.execute(params![*space as i64, key.as_bytes(), now])?;
                    changes.push((*space, Tag::from(*key), Change::Used(now)));
                }
            }
            Op::Probe => {
                transaction.execute("UPDATE total SET probes = probes + 1 WHERE space = 0", [])?;
            }
        }
        Ok(outcome)
    }

    /// Has the log copied into the file if it has grown.
    fn checkpoint(&self) {
        let mut log = self.file.path().as_os_str().to_owned();
        log.push("-wal");
        if std::fs::metadata(log).is_ok_and(|it| it.len() > LOG as u64) {
            // One that is busy already will be asked again.
            self.checkpoints.try_send(()).unwrap_or_default();
        }
    }
}

fn answer(batch: Vec<Job>, outcomes: Result<Vec<Outcome>, Error>) {
    match outcomes {
        Ok(outcomes) => {
            for (job, outcome) in batch.into_iter().zip(outcomes) {
                // Whoever waited may have gone on.
                drop(job.answer.send(Ok(outcome)));
            }
        }
        Err(error) => {
            for job in batch {
                drop(job.answer.send(Err(failed(&error))));
            }
        }
    }
}

/// What has made room.
#[derive(Debug)]
pub(super) struct Evicted {
    /// One for each entry that had to go.
    pub(super) tags: Vec<Option<Tag>>,
    /// How many entries there are now, and what they take.
    pub(super) left: (u64, u64),
}

/// Makes room, the entries first that were not used for the longest time; at most `most` of them.
pub(super) fn evict(
    connection: &Connection,
    space: Space,
    bounds: Bounds,
    most: usize,
) -> rusqlite::Result<Evicted> {
    let (mut entries, mut bytes) = totals(connection, space)?;
    let mut tags = Vec::new();
    for _ in 0..most {
        if entries <= bounds.entries as u64 && bytes <= bounds.bytes as u64 {
            break;
        }
        let mut evict = connection.prepare_cached(EVICT)?;
        let evicted = evict.query_row([space as i64], |row| {
            Ok((Tag::of(row.get_ref(0)?.as_blob()?), row.get::<_, i64>(1)?.unsigned_abs()))
        });
        let Some((tag, size)) = evicted.optional()? else { break };
        tags.push(tag);
        entries = entries.saturating_sub(1);
        bytes = bytes.saturating_sub(size + Bounds::OVERHEAD as u64);
    }
    Ok(Evicted { tags, left: (entries, bytes) })
}

/// Keeps an entry, or spoils the one that is there unless it is too old.
const PUT: &str = "
INSERT INTO entry (space, key, mark, used, value) VALUES (?1, ?2, ?3, ?4, ?5)
ON CONFLICT (space, key) DO UPDATE SET
    used = excluded.used,
    value = CASE
        WHEN used < ?6 THEN excluded.value
        WHEN mark = excluded.mark THEN value
        ELSE x'' END,
    mark = CASE
        WHEN used < ?6 OR mark = excluded.mark THEN excluded.mark
        ELSE zeroblob(16) END
RETURNING mark";

const SPOIL: &str = "
INSERT INTO entry (space, key, mark, used, value) VALUES (?1, ?2, zeroblob(16), ?3, x'')
ON CONFLICT (space, key) DO UPDATE SET used = excluded.used, value = x'', mark = zeroblob(16)";

const MARK: &str = "SELECT mark FROM entry WHERE space = ?1 AND key = ?2 AND used >= ?3";

const TOUCH: &str = "UPDATE entry SET used = max(used, ?3) WHERE space = ?1 AND key = ?2";

const EVICT: &str = "
DELETE FROM entry WHERE id = (SELECT id FROM entry WHERE space = ?1 ORDER BY used, id LIMIT 1)
RETURNING key, length(value)";
