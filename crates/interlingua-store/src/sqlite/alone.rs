//! The thread that knows whether this process is alone with the file.
//!
//! While it is, nobody has to look into the file for a key that is not there, or for one that has not
//! changed: [`Rows`](super::rows::Rows) can tell. Most of what is asked for is of that kind.

use std::convert::Infallible;
use std::sync::Arc;
use std::sync::mpsc::{RecvTimeoutError, SyncSender, sync_channel};
use std::time::{Duration, Instant};
use std::{io, mem};

use super::file::{Error, File};
use super::rows::Tag;
use super::spawn;
use super::users::Standing;
use crate::back::Space;

/// How often it looks whether somebody is at the door, who waits for that long.
const LOOK_EVERY: Duration = Duration::from_millis(200);

/// How often it looks whether the others are gone, and how soon again after something failed.
const TRY_EVERY: Duration = Duration::from_secs(5);

/// How many keys are added at a time: nobody can ask meanwhile.
const CHUNK: usize = 500;

/// Starts the thread. When what it gives is dropped, the thread ends.
pub(super) fn start(file: &Arc<File>) -> io::Result<SyncSender<Infallible>> {
    let (end, ended) = sync_channel(0);
    let mut watch = Watch { file: Arc::clone(file), next_try: Instant::now() };
    spawn("watch", move || {
        while ended.recv_timeout(LOOK_EVERY) == Err(RecvTimeoutError::Timeout) {
            watch.look();
        }
    })?;
    Ok(end)
}

#[derive(Debug)]
struct Watch {
    file: Arc<File>,
    next_try: Instant,
}

impl Watch {
    fn look(&mut self) {
        let Watch { file, next_try } = self;
        let standing = file.users().standing();
        let done = match standing {
            Standing::Awaited => {
                // In this order: nothing may be said any more when the others are in.
                file.rows().forget();
                file.users().let_in();
                Ok(false)
            }
            _ if Instant::now() < *next_try => return,
            Standing::Alone if !file.rows().are_of(file.generation()) => load(file),
            Standing::Among => file.users().look_around().map_err(Error::from),
            Standing::Alone | Standing::Unknown => return,
        };
        if !matches!(done, Ok(true)) {
            *next_try = Instant::now() + TRY_EVERY;
        }
        if let Err(error) = done {
            let file = file.path().display();
            tracing::debug!(%file, %error, "nothing is known of the others, or of the file");
        }
    }
}

/// Has all keys added that are in the file.
fn load(file: &File) -> Result<bool, Error> {
    let Some(epoch) = file.rows().begin(file.generation()) else {
        // Right after what is being written now.
        return Ok(true);
    };
    let loaded = file.with(&mut None, |connection| {
        let transaction = connection.transaction()?;
        let mut statement = transaction.prepare("SELECT space, key FROM entry")?;
        let mut found = statement.query([])?;
        let mut chunk = Vec::new();
        while let Some(row) = found.next()? {
            let space: i64 = row.get(0)?;
            let space = Space::ALL.into_iter().find(|it| *it as i64 == space);
            chunk.extend(space.zip(Tag::of(row.get_ref(1)?.as_blob()?)));
            if chunk.len() == CHUNK && !file.rows().add(epoch, &mem::take(&mut chunk)) {
                return Ok(());
            }
        }
        file.rows().add(epoch, &chunk);
        file.rows().complete(epoch);
        Ok(())
    });
    if loaded.is_err() {
        file.rows().forget();
    }
    loaded.map(|()| true)
}
