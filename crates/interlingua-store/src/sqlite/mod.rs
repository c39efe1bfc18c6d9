//! Entries in one file, which several processes may share.
//!
//! ```text
//!   look ──▶ reader threads ─┐
//!   put ───▶ writer thread ──┼──▶ file ◀── keeper thread: checkpoints, hourly sweep
//!            one transaction ┘
//!            for all that waits
//! ```
//!
//! While this process is alone with the file, most of what is looked for is answered at once, by what is
//! known of the file: see [`alone`].
//!
//! A commit is in the hands of the system when it is acknowledged: it survives this process, and what a
//! power failure can take is the last moments, never the file.

mod alone;
mod file;
mod keeper;
mod private;
mod reader;
mod rows;
mod users;
mod writer;

#[cfg(test)]
mod tests;

use std::convert::Infallible;
use std::future::ready;
use std::io;
use std::path::Path;
use std::sync::Arc;
use std::sync::mpsc::SyncSender;
use std::thread;

use interlingua_reasoning::{Entry, Key, Pending, StoreError};
use tokio::sync::oneshot;

use crate::Bounds;
use crate::back::{Asked, Back, Kept, Seen, Space};
use file::{File, now};
use reader::Readers;
use writer::{Op, Outcome, Writer};

/// A database in a file.
#[derive(Debug)]
pub(crate) struct Sqlite {
    file: Arc<File>,
    readers: Readers,
    writer: Writer,
    _watch: SyncSender<Infallible>,
}

impl Sqlite {
    /// Starts the threads. The file is opened, and made, by [`reach`](Back::reach).
    pub(crate) fn new(path: &Path, bounds: [Bounds; 2]) -> io::Result<Self> {
        let file = Arc::new(File::new(path, bounds));
        let checkpoints = keeper::start(&file)?;
        let writer = Writer::start(&file, checkpoints)?;
        let readers = Readers::start(&file, &writer)?;
        let watch = alone::start(&file)?;
        Ok(Self { file, readers, writer, _watch: watch })
    }

    fn write(&self, op: Op) -> Pending<'static, Outcome> {
        let answer = self.writer.send(op);
        Box::pin(async { received(answer?).await })
    }
}

impl Back for Sqlite {
    fn name(&self) -> String {
        self.file.path().display().to_string()
    }

    fn look(&self, space: Space, asked: Vec<Asked>) -> Pending<'static, Vec<Seen>> {
        let recently = self.file.recently(space, now());
        let said = self.file.rows().look(self.file.generation(), space, recently, &asked);
        let open = asked.iter().zip(&said).filter(|(_, said)| said.is_none());
        let open: Vec<_> = open.map(|(asked, _)| *asked).collect();
        if open.is_empty() {
            return Box::pin(ready(Ok(said.into_iter().flatten().collect())));
        }
        let answer = self.readers.send(space, open);
        Box::pin(async {
            let mut read = received(answer?).await?.into_iter();
            Ok(said.into_iter().filter_map(|said| said.or_else(|| read.next())).collect())
        })
    }

    fn put(&self, space: Space, key: Key, entry: Entry) -> Pending<'static, Kept> {
        let written = self.write(Op::Put { space, key, entry });
        Box::pin(async { Ok(written.await?.kept) })
    }

    fn remove(&self, space: Space, key: Key) -> Pending<'static, bool> {
        let written = self.write(Op::Remove { space, key });
        Box::pin(async { Ok(written.await?.was_there) })
    }

    fn reach(&self) -> Pending<'static, ()> {
        let file = Arc::clone(&self.file);
        Box::pin(async move {
            let opened = tokio::task::spawn_blocking(move || file.open().map(drop)).await;
            opened
                .map_err(|error| StoreError::Failed(error.to_string()))?
                .map_err(|error| failed(&error))
        })
    }

    fn probe(&self) -> Pending<'static, ()> {
        let written = self.write(Op::Probe);
        Box::pin(async { written.await.map(drop) })
    }

    fn let_go(&self) {}

    fn size(&self, space: Space) -> Option<(u64, u64)> {
        Some(self.file.size(space))
    }
}

type Answer<T> = oneshot::Receiver<Result<T, StoreError>>;

async fn received<T>(answer: Answer<T>) -> Result<T, StoreError> {
    answer.await.unwrap_or_else(|_| Err(StoreError::Failed("its thread has ended".to_owned())))
}

fn failed(error: &impl ToString) -> StoreError {
    StoreError::Failed(error.to_string())
}

fn spawn(name: &str, work: impl FnOnce() + Send + 'static) -> io::Result<()> {
    thread::Builder::new().name(format!("store-{name}")).spawn(work).map(drop)
}
