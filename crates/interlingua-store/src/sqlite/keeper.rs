//! The thread that keeps house: it does what takes long while nobody waits.

use std::io;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::time::{Duration, Instant};

use rusqlite::{Connection, params};

use super::file::{Error, File, Opened, now};
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
            Ok(()) => file.with(&mut slot, |it| checkpoint(it)),
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
    let mut deleted = 0;
    for space in Space::ALL {
        let bounds = file.bounds(space);
        let cutoff = now().saturating_sub(bounds.age_ms());
        let expire = |connection: &mut Connection| {
            let values = params![space as i64, cutoff, CHUNK];
            connection.prepare_cached(EXPIRE)?.execute(values)
        };
        deleted += in_chunks(|| file.with(slot, expire))?;
        let shrink = |connection: &mut Connection| {
            let transaction = connection.transaction()?;
            let evicted = evict(&transaction, space, bounds, CHUNK as usize)?;
            transaction.commit()?;
            Ok(evicted.tags.len())
        };
        deleted += in_chunks(|| file.with(slot, shrink))?;
    }
    if deleted > 0 {
        // What was deleted is still taken to be there.
        file.rows().forget();
    }
    file.with(slot, |connection| {
        let mut vacuum = connection.prepare(&format!("PRAGMA incremental_vacuum({PAGES})"))?;
        let mut rows = vacuum.query([])?;
        while rows.next()?.is_some() {}
        drop(rows);
        drop(vacuum);
        file.measure(connection)?;
        checkpoint(connection)
    })
}

/// Deletes one chunk after another, as long as they are full; gives how many entries that were.
fn in_chunks(mut delete: impl FnMut() -> Result<usize, Error>) -> Result<usize, Error> {
    let mut all = 0;
    loop {
        let deleted = delete()?;
        all += deleted;
        if deleted < CHUNK as usize {
            return Ok(all);
        }
    }
}

/// Copies the log into the file and begins a new one.
///
/// The first step takes as long as the disk does, and holds up nobody. What was written meanwhile is
/// little; only for that does the second step hold up who writes. Without it the log would have an end
/// only when nobody has written for a moment.
fn checkpoint(connection: &Connection) -> rusqlite::Result<()> {
    for how in ["PASSIVE", "TRUNCATE"] {
        connection.query_row(&format!("PRAGMA wal_checkpoint({how})"), [], |_| Ok(()))?;
    }
    Ok(())
}

const EXPIRE: &str = "
DELETE FROM entry WHERE id IN
    (SELECT id FROM entry WHERE space = ?1 AND used < ?2 ORDER BY used LIMIT ?3)";

#[cfg(test)]
mod tests {
    use std::fs;

    use crate::Bounds;

    use super::*;

    /// Fills a file with 1500 thoughts that were used at `used`, and sweeps it.
    #[track_caller]
    fn check(bounds: Bounds, used: i64, left: u64) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.db");
        let file = File::new(&path, [bounds; 2]);
        let mut slot = None;
        let filled = file.with(&mut slot, |connection| {
            let transaction = connection.transaction()?;
            for nth in 0..1500u32 {
                let insert = "INSERT INTO entry (space, key, mark, used, value) \
                              VALUES (0, ?1, zeroblob(16), ?2, zeroblob(3000))";
                let key = nth.to_be_bytes();
                transaction.prepare_cached(insert)?.execute(params![key, used + i64::from(nth)])?;
            }
            transaction.commit()?;
            checkpoint(connection)
        });
        filled.unwrap();
        let before = fs::metadata(&path).unwrap().len();
        sweep(&file, &mut slot).unwrap();
        assert_eq!(file.size(Space::Thoughts).0, left);
        let after = fs::metadata(&path).unwrap().len();
        assert!(after < before / 2, "{before} bytes became {after}");
    }

    #[test]
    fn what_is_too_old_or_too_much_is_swept_and_the_file_shrinks() {
        const HOUR: Duration = Duration::from_hours(1);
        let bounds = Bounds { bytes: 64 << 20, age: HOUR, entries: 10_000 };
        check(bounds, now() - 2 * bounds.age_ms(), 0);
        check(Bounds { entries: 20, ..bounds }, now(), 20);
        check(Bounds { bytes: 30 * (3000 + Bounds::OVERHEAD), ..bounds }, now(), 30);
    }
}
