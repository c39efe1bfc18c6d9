//! The threads that read.

use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::{io, iter};

use interlingua_reasoning::{Entry, Key, Mark, StoreError};
use rusqlite::{Connection, OptionalExtension as _, params};
use tokio::sync::oneshot;

use super::file::{File, now};
use super::rows::Row;
use super::writer::{Op, Writer};
use super::{Answer, failed, spawn};
use crate::back::{Asked, Seen, Space};

/// How many threads read: one that waits for the disk shall not hold up the others.
const READERS: usize = 2;

/// The most that waits to be read.
const MAX_WAITING: usize = 1_000;

/// The most that one transaction reads for; the other threads shall have something to do, too.
const MAX_BATCH: usize = 16;

/// The way to the reading threads.
#[derive(Debug)]
pub(super) struct Readers {
    jobs: SyncSender<Job>,
    /// How many keys were looked for.
    #[cfg(test)]
    pub(super) asked: std::sync::atomic::AtomicUsize,
}

#[derive(Debug)]
struct Job {
    space: Space,
    asked: Vec<Asked>,
    answer: oneshot::Sender<Result<Vec<Seen>, StoreError>>,
}

impl Readers {
    pub(super) fn start(file: &Arc<File>, writer: &Writer) -> io::Result<Self> {
        let (jobs, queue) = sync_channel(MAX_WAITING);
        let queue = Arc::new(Mutex::new(queue));
        for _ in 0..READERS {
            let (file, writer, queue) = (Arc::clone(file), writer.clone(), Arc::clone(&queue));
            spawn("reader", move || run(&file, &writer, &queue))?;
        }
        Ok(Self {
            jobs,
            #[cfg(test)]
            asked: std::sync::atomic::AtomicUsize::default(),
        })
    }

    /// Has keys looked for.
    pub(super) fn send(
        &self,
        space: Space,
        asked: Vec<Asked>,
    ) -> Result<Answer<Vec<Seen>>, StoreError> {
        #[cfg(test)]
        self.asked.fetch_add(asked.len(), std::sync::atomic::Ordering::Relaxed);
        let (answer, receiver) = oneshot::channel();
        self.jobs.try_send(Job { space, asked, answer }).map_err(|error| failed(&error))?;
        Ok(receiver)
    }
}

fn run(file: &File, writer: &Writer, queue: &Mutex<Receiver<Job>>) {
    let mut slot = None;
    while let Some(batch) = next(queue) {
        let epoch = file.rows().epoch();
        match file.with(&mut slot, |connection| read(connection, file, &batch)) {
            Ok(answers) => {
                for (job, Answers { seen, rows, stale }) in batch.into_iter().zip(answers) {
                    file.rows().found(epoch, job.space, &rows);
                    if !stale.is_empty() {
                        // What is not written down now is written down the next time.
                        drop(writer.send(Op::Touch { space: job.space, keys: stale }));
                    }
                    // Whoever waited may have gone on.
                    drop(job.answer.send(Ok(seen)));
                }
            }
            Err(error) => {
                for job in batch {
                    drop(job.answer.send(Err(failed(&error))));
                }
            }
        }
    }
}

/// Waits for something to do, and takes what else waits with it.
fn next(queue: &Mutex<Receiver<Job>>) -> Option<Vec<Job>> {
    let queue = queue.lock().unwrap_or_else(PoisonError::into_inner);
    let first = queue.recv().ok()?;
    Some(iter::once(first).chain(queue.try_iter().take(MAX_BATCH - 1)).collect())
}

/// What was found for a job.
#[derive(Debug, Default)]
struct Answers {
    seen: Vec<Seen>,
    rows: Vec<(Key, Row)>,
    /// Those whose use has to be written down.
    stale: Vec<Key>,
}

/// Reads in one transaction, since each one locks the file and lets it go.
fn read(connection: &mut Connection, file: &File, batch: &[Job]) -> rusqlite::Result<Vec<Answers>> {
    let transaction = connection.transaction()?;
    let answers = batch.iter().map(|Job { space, asked, .. }| {
        let mut answers = Answers::default();
        for asked in asked {
            let seen = look(&transaction, file, *space, *asked, &mut answers)?;
            answers.seen.push(seen);
        }
        Ok(answers)
    });
    answers.collect()
}

fn look(
    connection: &Connection,
    file: &File,
    space: Space,
    Asked { key, known }: Asked,
    answers: &mut Answers,
) -> rusqlite::Result<Seen> {
    let (age, now) = (file.bounds(space).age_ms(), now());
    let mut look = connection.prepare_cached(LOOK)?;
    let known = known.as_ref().map(|it| it.as_bytes().as_slice());
    let asked = params![space as i64, key.as_bytes(), now.saturating_sub(age), known];
    let row = look.query_row(asked, |row| {
        let mark: [u8; Mark::LEN] = row.get(0)?;
        Ok((Mark::new(mark), row.get::<_, i64>(1)?, row.get::<_, Option<Vec<u8>>>(2)?))
    });
    let Some((mark, used, value)) = row.optional()? else { return Ok(Seen::Nothing) };
    answers.rows.push((key, Row { mark, used }));
    if used < file.recently(space, now) {
        answers.stale.push(key);
    }
    let is_known = known == Some(mark.as_bytes());
    Ok(match value {
        _ if is_known => Seen::Known,
        _ if mark == Mark::SPOILT => Seen::Spoilt,
        Some(value) if known.is_none() => Seen::Entry(Entry { mark, bytes: value.into() }),
        _ => Seen::Other,
    })
}

/// The value stays where it is if something is known under the key: only the mark is wanted then.
const LOOK: &str = "
SELECT mark, used, CASE WHEN ?4 IS NULL THEN value END FROM entry
WHERE space = ?1 AND key = ?2 AND used >= ?3";
