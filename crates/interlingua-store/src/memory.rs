//! Entries in this process.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use hashlink::LinkedHashMap;
use interlingua_reasoning::{Entry, Key, Mark, Pending, Stats, Store, StoreError};
use tokio::time::Instant;

use crate::Bounds;
use crate::back::{Kept, spoilt};

/// Entries in this process; the one that was not used for the longest time goes first.
#[derive(Debug)]
pub(crate) struct Memory {
    bounds: Bounds,
    slots: Mutex<Slots>,
    pub(crate) hits: AtomicU64,
    pub(crate) misses: AtomicU64,
}

#[derive(Debug, Default)]
struct Slots {
    /// From the one that was not used for the longest time to the one that was used last.
    by_key: LinkedHashMap<Key, Slot>,
    bytes: usize,
}

#[derive(Debug)]
struct Slot {
    entry: Entry,
    used: Instant,
}

impl Memory {
    pub(crate) fn new(bounds: Bounds) -> Self {
        Self { bounds, slots: Mutex::default(), hits: AtomicU64::new(0), misses: AtomicU64::new(0) }
    }

    /// What is known under each key, spoilt ones included. What is found counts as used now.
    pub(crate) fn look(&self, keys: &[Key]) -> Vec<Option<Entry>> {
        let (mut slots, now) = (self.slots(), Instant::now());
        slots.expire(self.bounds, now);
        keys.iter().map(|key| Some(slots.touch(key, now)?.entry.clone())).collect()
    }

    /// Keeps an entry, or spoils the one that is there.
    pub(crate) fn put(&self, key: Key, entry: Entry) -> Kept {
        let (mut slots, now) = (self.slots(), Instant::now());
        slots.expire(self.bounds, now);
        let entry = match slots.touch(&key, now) {
            Some(slot) if slot.entry.mark == entry.mark => return Kept::of(entry.mark),
            Some(_) => spoilt(),
            None => entry,
        };
        let mark = entry.mark;
        slots.set(self.bounds, key, entry, now);
        Kept::of(mark)
    }

    /// Keeps what somebody else knows to be right.
    pub(crate) fn set(&self, key: Key, entry: Entry) {
        self.slots().set(self.bounds, key, entry, Instant::now());
    }

    /// Spoils an entry, and tells whether there was one.
    pub(crate) fn remove(&self, key: Key) -> bool {
        let (mut slots, now) = (self.slots(), Instant::now());
        slots.expire(self.bounds, now);
        let there = slots.by_key.get(&key).is_some_and(|it| it.entry.mark != Mark::SPOILT);
        slots.set(self.bounds, key, spoilt(), now);
        there
    }

    /// How many entries there are and what they take.
    pub(crate) fn size(&self) -> (u64, u64) {
        let slots = self.slots();
        (slots.by_key.len() as u64, slots.bytes as u64)
    }

    /// Counts answers.
    pub(crate) fn count(&self, found: &[Option<Bytes>]) {
        let hits = found.iter().filter(|it| it.is_some()).count() as u64;
        self.hits.fetch_add(hits, Relaxed);
        self.misses.fetch_add(found.len() as u64 - hits, Relaxed);
    }

    fn slots(&self) -> MutexGuard<'_, Slots> {
        // Nothing that panics leaves it half changed.
        self.slots.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The bytes of an entry, unless it is spoilt.
pub(crate) fn usable(entry: Entry) -> Option<Bytes> {
    (entry.mark != Mark::SPOILT).then_some(entry.bytes)
}

fn cost(entry: &Entry) -> usize {
    entry.bytes.len() + Bounds::OVERHEAD
}

impl Slots {
    fn touch(&mut self, key: &Key, now: Instant) -> Option<&Slot> {
        self.by_key.to_back(key)?;
        let slot = self.by_key.get_mut(key)?;
        slot.used = now;
        Some(slot)
    }

    fn set(&mut self, bounds: Bounds, key: Key, entry: Entry, now: Instant) {
        self.forget(&key);
        if !bounds.take(entry.bytes.len()) {
            return;
        }
        self.bytes += cost(&entry);
        self.by_key.insert(key, Slot { entry, used: now });
        while self.bytes > bounds.bytes || self.by_key.len() > bounds.entries {
            self.drop_oldest();
        }
    }

    /// Drops what is too old; they stand in the order of their age.
    fn expire(&mut self, bounds: Bounds, now: Instant) {
        let too_old = |slot: &Slot| now.saturating_duration_since(slot.used) >= bounds.age;
        while self.by_key.front().is_some_and(|(_, slot)| too_old(slot)) {
            self.drop_oldest();
        }
    }

    fn drop_oldest(&mut self) {
        if let Some((_, slot)) = self.by_key.pop_front() {
            self.bytes -= cost(&slot.entry);
        }
    }

    fn forget(&mut self, key: &Key) {
        if let Some(slot) = self.by_key.remove(key) {
            self.bytes -= cost(&slot.entry);
        }
    }
}

/// A store that does not outlive the process.
#[derive(Clone, Debug)]
pub(crate) struct Alone(pub(crate) Arc<Memory>);

impl Store for Alone {
    fn get<'s>(&'s self, keys: &'s [Key]) -> Pending<'s, Vec<Option<Bytes>>> {
        let found: Vec<_> = self.0.look(keys).into_iter().map(|it| it.and_then(usable)).collect();
        self.0.count(&found);
        Box::pin(std::future::ready(Ok(found)))
    }

    fn put(&self, key: Key, entry: Entry) -> Pending<'static, ()> {
        let fits = self.0.bounds.take(entry.bytes.len());
        self.0.put(key, entry);
        Box::pin(std::future::ready(if fits { Ok(()) } else { Err(StoreError::TooLarge) }))
    }

    fn remove(&self, key: Key) -> Pending<'static, bool> {
        Box::pin(std::future::ready(Ok(self.0.remove(key))))
    }

    fn stats(&self) -> Stats {
        let (entries, bytes) = self.0.size();
        let (hits, misses) = (self.0.hits.load(Relaxed), self.0.misses.load(Relaxed));
        Stats { entries, bytes, hits, misses, losses: 0, degraded: None }
    }
}
