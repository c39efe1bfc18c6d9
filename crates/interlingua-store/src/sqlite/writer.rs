//! The one thread that writes.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};

use interlingua_reasoning::{Entry, Key, Mark, StoreError};
use rusqlite::{Connection, OptionalExtension as _, Transaction, TransactionBehavior, params};
use tokio::sync::oneshot;

use super::file::{Error, File, now, totals};
use super::{Answer, failed, spawn};
use crate::Bounds;
use crate::back::{Kept, Space};

/// The most that waits to be written: in number, and in bytes.
const MAX_WAITING: usize = 10_000;
const MAX_WAITING_BYTES: usize = 64 << 20;

/// The most that one transaction holds.
const MAX_BATCH: usize = 256;

/// The most entries that make room in one transaction, besides one for each that comes. What is left is
/// the keeper's work.
const MAX_EVICTED: usize = 64;

/// The size of the log at which it is copied into the file, in bytes.
const LOG: u64 = 4 << 20;

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
}

#[derive(Debug)]
struct Thread {
    file: Arc<File>,
    waiting: Arc<AtomicUsize>,
    checkpoints: SyncSender<()>,
}

impl Thread {
    fn run(self, queue: &Receiver<Job>) {
        let mut slot = None;
        while let Ok(first) = queue.recv() {
            let mut batch = vec![first];
            batch.extend(queue.try_iter().take(MAX_BATCH - 1));
            let size: usize = batch.iter().map(|it| it.op.size()).sum();
            let outcomes = loop {
                match self.file.with(&mut slot, |connection| self.write(connection, &batch)) {
                    // Another process writes, and for long. Whoever waits for us has gone on; what
                    // waits with us is kept all the same.
                    Err(error) if error.is_busy() => {}
                    outcomes => break outcomes,
                }
            };
            self.waiting.fetch_sub(size, Relaxed);
            answer(batch, outcomes);
            self.checkpoint();
        }
    }

    /// Writes all of it, or nothing.
    fn write(&self, connection: &mut Connection, batch: &[Job]) -> rusqlite::Result<Vec<Outcome>> {
        let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let outcomes = batch.iter().map(|job| self.apply(&transaction, &job.op));
        let outcomes = outcomes.collect::<rusqlite::Result<Vec<_>>>()?;
        for space in Space::ALL {
            evict(&transaction, space, self.file.bounds(space), MAX_EVICTED + batch.len())?;
        }
        transaction.commit()?;
        // What cannot be measured now is measured the next time.
        drop(self.file.measure(connection));
        Ok(outcomes)
    }

    fn apply(&self, transaction: &Transaction<'_>, op: &Op) -> rusqlite::Result<Outcome> {
        let now = now();
        let cutoff = |space| now.saturating_sub(self.file.bounds(space).age_ms());
        let mut outcome = Outcome { kept: Kept::Kept, was_there: false };
        match op {
            Op::Put { space, key, entry } => {
                let mut put = transaction.prepare_cached(PUT)?;
                let (key, mark) = (key.as_bytes(), entry.mark.as_bytes());
                let cutoff = cutoff(*space);
                let values = params![*space as i64, key, mark, now, &entry.bytes[..], cutoff];
                let mark: [u8; Mark::LEN] = put.query_row(values, |row| row.get(0))?;
                outcome.kept = Kept::of(Mark::new(mark));
            }
            Op::Remove { space, key } => {
                let mut old = transaction.prepare_cached(MARK)?;
                let there = params![*space as i64, key.as_bytes(), cutoff(*space)];
                let there =
                    old.query_row(there, |row| row.get::<_, [u8; Mark::LEN]>(0)).optional()?;
                outcome.was_there = there.is_some_and(|it| Mark::new(it) != Mark::SPOILT);
                let mut spoil = transaction.prepare_cached(SPOIL)?;
                spoil.execute(params![*space as i64, key.as_bytes(), now])?;
            }
            Op::Touch { space, keys } => {
                let mut touch = transaction.prepare_cached(TOUCH)?;
                for key in keys {
                    touch.execute(params![*space as i64, key.as_bytes(), now])?;
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
        if std::fs::metadata(log).is_ok_and(|it| it.len() > LOG) {
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

/// Makes room, the entries first that were not used for the longest time; at most `most` of them.
pub(super) fn evict(
    connection: &Connection,
    space: Space,
    bounds: Bounds,
    most: usize,
) -> rusqlite::Result<()> {
    for _ in 0..most {
        let (entries, bytes) = totals(connection, space)?;
        if entries <= bounds.entries as u64 && bytes <= bounds.bytes as u64 {
            break;
        }
        connection.prepare_cached(EVICT)?.execute([space as i64])?;
    }
    Ok(())
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
DELETE FROM entry WHERE id = (SELECT id FROM entry WHERE space = ?1 ORDER BY used, id LIMIT 1)";
