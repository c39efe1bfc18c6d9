//! A copy in memory before what outlives the process.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use bytes::Bytes;
use interlingua_reasoning::{Entry, Key, Pending, Stats, Store, StoreError};

use crate::Bounds;
use crate::back::{Asked, Kept, Seen, Space, spoilt};
use crate::guard::Guard;
use crate::memory::{Memory, usable};

#[cfg(test)]
mod tests;

/// A copy in memory before a back end that it goes on without, if it has to.
#[derive(Clone, Debug)]
pub(crate) struct Tiered(Arc<Tiers>);

#[derive(Debug)]
struct Tiers {
    space: Space,
    bounds: Bounds,
    copy: Memory,
    guard: Arc<Guard>,
    losses: AtomicU64,
}

impl Tiered {
    pub(crate) fn new(space: Space, bounds: Bounds, guard: Arc<Guard>) -> Self {
        let copy = Memory::new(bounds.of_copy());
        Self(Arc::new(Tiers { space, bounds, copy, guard, losses: AtomicU64::new(0) }))
    }
}

impl Store for Tiered {
    fn get<'s>(&'s self, keys: &'s [Key]) -> Pending<'s, Vec<Option<Bytes>>> {
        Box::pin(async {
            let found = if keys.is_empty() { Vec::new() } else { self.0.get(keys).await };
            self.0.copy.count(&found);
            Ok(found)
        })
    }

    fn put(&self, key: Key, entry: Entry) -> Pending<'static, ()> {
        let tiers = Arc::clone(&self.0);
        Box::pin(async move { tiers.put(key, entry).await })
    }

    fn remove(&self, key: Key) -> Pending<'static, bool> {
        let Tiers { space, .. } = *self.0;
        let tiers = Arc::clone(&self.0);
        Box::pin(async move {
            let here = tiers.copy.remove(key);
            let there = tiers.guard.call(|back| back.remove(space, key)).await?;
            Ok(here || there)
        })
    }

    fn stats(&self) -> Stats {
        let Tiers { space, copy, guard, losses, .. } = &*self.0;
        let (entries, bytes) = guard.back().size(*space).unwrap_or_else(|| copy.size());
        Stats {
            entries,
            bytes,
            hits: copy.hits.load(Relaxed),
            misses: copy.misses.load(Relaxed),
            losses: losses.load(Relaxed),
            degraded: guard.away_for(),
        }
    }
}

impl Tiers {
    async fn get(self: &Arc<Self>, keys: &[Key]) -> Vec<Option<Bytes>> {
        let copies = self.copy.look(keys);
        let known = copies.iter().map(|it| it.as_ref().map(|it| it.mark));
        let asked = keys.iter().zip(known).map(|(&key, known)| Asked { key, known }).collect();
        let Ok(seen) = self.guard.call(|back| back.look(self.space, asked)).await else {
            return copies.into_iter().map(|it| it.and_then(usable)).collect();
        };
        let mut behind = Vec::new();
        let answers = keys.iter().zip(copies).zip(seen);
        let found = answers.map(|((&key, copy), seen)| match (seen, copy) {
            (Seen::Known, Some(copy)) => usable(copy),
            (Seen::Entry(entry), _) => {
                self.copy.set(key, entry.clone());
                usable(entry)
            }
            (Seen::Nothing, Some(copy)) => {
                behind.push((key, copy.clone()));
                usable(copy)
            }
            // Two gateways, and one of them could not tell the back end: put again, ours spoils it.
            (Seen::Other, Some(copy)) => {
                self.copy.set(key, spoilt());
                behind.push((key, copy));
                None
            }
            (Seen::Spoilt, _) => {
                self.copy.set(key, spoilt());
                None
            }
            (Seen::Nothing | Seen::Known | Seen::Other, None) => None,
        });
        let found = found.collect();
        if !behind.is_empty() {
            tokio::spawn(Arc::clone(self).catch_up(behind));
        }
        found
    }

    /// Keeps again what the back end has missed or lost.
    async fn catch_up(self: Arc<Self>, behind: Vec<(Key, Entry)>) {
        for (key, entry) in behind {
            let put = self.guard.call(|back| back.put(self.space, key, entry)).await;
            match put {
                Ok(Kept::Spoilt) => self.copy.set(key, spoilt()),
                Ok(Kept::Kept) => {}
                Err(_) => return,
            }
        }
    }

    async fn put(&self, key: Key, entry: Entry) -> Result<(), StoreError> {
        if !self.bounds.take(entry.bytes.len()) {
            return Err(StoreError::TooLarge);
        }
        let entry = match self.copy.put(key, entry.clone()) {
            Kept::Kept => entry,
            Kept::Spoilt => spoilt(),
        };
        match self.guard.call(|back| back.put(self.space, key, entry)).await {
            Ok(Kept::Kept) => Ok(()),
            Ok(Kept::Spoilt) => {
                self.copy.set(key, spoilt());
                Ok(())
            }
            Err(error) => {
                self.losses.fetch_add(1, Relaxed);
                self.guard.lost();
                Err(error)
            }
        }
    }
}
