//! Who failed lately, and whom a conversation has moved to.

use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use interlingua_ir::Fault;
use interlingua_registry::Health;

/// How long a conversation stays with the target that it moved to. Prompt caches live about as long.
const STAY: Duration = Duration::from_mins(5);

/// More moved conversations than these are not worth the memory.
const MOST_MOVED: usize = 4_096;

/// Remembers who failed lately.
///
/// Only those who did have an entry, so a gateway whose providers are well pays one load for it.
#[derive(Debug, Default)]
pub(crate) struct Failures {
    count: AtomicUsize,
    by_candidate: Mutex<HashMap<u64, Health>>,
}

impl Failures {
    /// Whether anybody did.
    pub(crate) fn any(&self) -> bool {
        self.count.load(Ordering::Relaxed) > 0
    }

    /// Whether a candidate should be passed by; see [`Health::is_cooling`].
    pub(crate) fn is_cooling(&self, candidate: u64, now: Instant) -> bool {
        self.lock().get_mut(&candidate).is_some_and(|health| health.is_cooling(now))
    }

    /// When a candidate's pause is over.
    pub(crate) fn until(&self, candidate: u64) -> Option<Instant> {
        self.lock().get(&candidate)?.until()
    }

    pub(crate) fn failed(&self, candidate: u64, fault: &Fault, now: Instant) {
        let mut all = self.lock();
        let mut health = all.get(&candidate).cloned().unwrap_or_default();
        if health.failed(fault, now) {
            all.insert(candidate, health);
        }
        self.count.store(all.len(), Ordering::Relaxed);
    }

    pub(crate) fn succeeded(&self, candidate: u64) {
        if self.any() {
            let mut all = self.lock();
            all.remove(&candidate);
            self.count.store(all.len(), Ordering::Relaxed);
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<u64, Health>> {
        self.by_candidate.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Remembers which conversations are answered by another target than the one where they belong, so that
/// they do not go back and forth and lose both prompt caches.
#[derive(Debug, Default)]
pub(crate) struct Moved(Mutex<HashMap<u64, (Arc<str>, Instant)>>);

impl Moved {
    /// The slug that a conversation moved to, if that is not long ago.
    pub(crate) fn to(&self, seed: u64, now: Instant) -> Option<Arc<str>> {
        let all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        all.get(&seed)
            .filter(|(_, at)| now.duration_since(*at) < STAY)
            .map(|(slug, _)| slug.clone())
    }

    /// Remembers who answered. Where the conversation belongs needs no memory.
    pub(crate) fn answered(&self, seed: u64, slug: &Arc<str>, is_home: bool, now: Instant) {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if is_home {
            all.remove(&seed);
            return;
        }
        if all.len() >= MOST_MOVED && !all.contains_key(&seed) {
            all.retain(|_, (_, at)| now.duration_since(*at) < STAY);
            if all.len() >= MOST_MOVED {
                return;
            }
        }
        all.insert(seed, (slug.clone(), now));
    }
}

#[cfg(test)]
mod tests {
    use interlingua_ir::Class;

    use super::*;

    #[test]
    fn only_failures_are_remembered_and_success_forgets_them() {
        let (failures, now) = (Failures::default(), Instant::now());
        failures.failed(1, &Fault::new(Class::InvalidRequest, ""), now);
        assert!(!failures.is_cooling(1, now));
        failures.failed(1, &Fault::new(Class::Timeout, ""), now);
        assert!(failures.is_cooling(1, now) && !failures.is_cooling(2, now));
        failures.succeeded(1);
        assert!(!failures.is_cooling(1, now) && !failures.any());
    }

    #[test]
    fn a_conversation_stays_for_a_while() {
        let (moved, now) = (Moved::default(), Instant::now());
        let slug: Arc<str> = "b/y".into();
        moved.answered(7, &slug, false, now);
        assert_eq!(moved.to(7, now + STAY / 2), Some(slug.clone()));
        assert_eq!(moved.to(7, now + STAY), None);
        moved.answered(7, &slug, true, now);
        assert_eq!(moved.to(7, now), None);
    }

    #[test]
    fn memory_is_bounded() {
        let (moved, now) = (Moved::default(), Instant::now());
        let slug: Arc<str> = "b/y".into();
        for seed in 0..=MOST_MOVED as u64 {
            moved.answered(seed, &slug, false, now);
        }
        assert_eq!(moved.to(MOST_MOVED as u64, now), None);
        moved.answered(0, &slug, false, now + STAY / 2);
        assert_eq!(moved.to(0, now + STAY), Some(slug.clone()), "who is known stays so");
        moved.answered(9_999, &slug, false, now + STAY);
        assert_eq!(moved.to(9_999, now + STAY), Some(slug));
    }
}
