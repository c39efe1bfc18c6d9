//! The thread that keeps house: it does what takes long while nobody waits.

use std::io;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::time::{Duration, Instant};

use rusqlite::{Connection, params};

use super::file::{Error, File, Opened, now, totals};
use super::spawn;
use super::writer::evict;
use crate::back::Space;

/// How often entries that are too old are looked for.
const SWEEP_EVERY: Duration = Duration::from_hours(1);

/// How soon after the start they are looked for first; the start itself has enough to do.
const FIRST_SWEEP: Duration = Duration::from_secs(10);

/// How many entries one transaction deletes: whoever writes beside us waits for no more than that.
const CHUNK: u32 = 500;

/// How many pages are given back to the system at a time.
const PAGES: i64 = 2_000;

/// Starts the thread. What it gives asks for the log to be copied into the file; when it is dropped, the
/// thread ends.
pub(super) fn start(file: &Arc<File>) -> io::Result<SyncSender<()>> {
    let (wishes, queue) = sync_channel(1);
    let file = Arc::clone(file);
    spawn("keeper", move || run(&file, &queue))?;
    Ok(wishes)
}

fn run(file: &File, queue: &Receiver<()>) {
    let mut slot = None;
    let mut next_sweep = Instant::now() + FIRST_SWEEP;
    loop {
        let wait = next_sweep.saturating_duration_since(Instant::now());
        let done = match queue.recv_timeout(wait) {
            Ok(()) => file.with(&mut slot, |connection| checkpoint(connection, "PASSIVE")),
            Err(RecvTimeoutError::Timeout) => {
                next_sweep = Instant::now() + SWEEP_EVERY;
                sweep(file, &mut slot)
            }
            Err(RecvTimeoutError::Disconnected) => return,
        };
        if let Err(error) = done {
            tracing::debug!(%error, "the database could not be tidied up; it will be tried again");
        }
    }
}

/// Deletes what is too old or too much, and gives back the space.
fn sweep(file: &File, slot: &mut Option<Opened>) -> Result<(), Error> {
    for space in Space::ALL {
        let bounds = file.bounds(space);
        let cutoff = now().saturating_sub(bounds.age_ms());
        let expire = |connection: &mut Connection| {
            let values = params![space as i64, cutoff, CHUNK];
            connection.prepare_cached(EXPIRE)?.execute(values)
        };
        while file.with(slot, expire)? == CHUNK as usize {}
        let shrink = |connection: &mut Connection| {
            let before = totals(connection, space)?.0;
            let transaction = connection.transaction()?;
            evict(&transaction, space, bounds, CHUNK as usize)?;
            transaction.commit()?;
            Ok(before - totals(connection, space)?.0)
        };
        while file.with(slot, shrink)? == u64::from(CHUNK) {}
    }
    file.with(slot, |connection| {
        let mut vacuum = connection.prepare(&format!("PRAGMA incremental_vacuum({PAGES})"))?;
        let mut rows = vacuum.query([])?;
        while rows.next()?.is_some() {}
        drop(rows);
        drop(vacuum);
        file.measure(connection)?;
        checkpoint(connection, "TRUNCATE")
    })
}

fn checkpoint(connection: &Connection, how: &str) -> rusqlite::Result<()> {
    connection.query_row(&format!("PRAGMA wal_checkpoint({how})"), [], |_| Ok(()))
}

const EXPIRE: &str = "
DELETE FROM entry WHERE id IN
    (SELECT id FROM entry WHERE space = ?1 AND used < ?2 ORDER BY used LIMIT ?3)";
