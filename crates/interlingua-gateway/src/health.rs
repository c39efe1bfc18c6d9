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

/// More candidates than these are not worth the memory: names of models and keys come from clients.
const MOST_FAILED: usize = 4_096;

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

    /// When the pause of a candidate is over that should be passed by; nothing where it need not.
    pub(crate) fn pause(&self, candidate: u64, now: Instant) -> Option<Instant> {
        self.lock().get(&candidate).filter(|health| health.is_cooling(now))?.until()
    }

    /// Takes notice that a candidate is asked.
    pub(crate) fn asked(&self, candidate: impl FnOnce() -> u64, now: Instant) {
        if self.any()
            && let Some(health) = self.lock().get_mut(&candidate())
        {
            health.asked(now);
        }
    }

    pub(crate) fn failed(&self, candidate: u64, fault: &Fault, now: Instant) {
        let mut all = self.lock();
        let mut health = all.get(&candidate).cloned().unwrap_or_default();
        if health.failed(fault, now) {
            if all.len() >= MOST_FAILED {
                all.retain(|_, health| health.is_cooling(now));
            }
            if all.len() < MOST_FAILED || all.contains_key(&candidate) {
                all.insert(candidate, health);
            }
        }
        self.count.store(all.len(), Ordering::Relaxed);
    }

    pub(crate) fn succeeded(&self, candidate: impl FnOnce() -> u64) {
        if self.any() {
            let mut all = self.lock();
            all.remove(&candidate());
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
        assert!(failures.pause(1, now).is_none() && !failures.any());
        failures.failed(1, &Fault::new(Class::Timeout, ""), now);
        assert!(failures.pause(1, now).is_some() && failures.pause(2, now).is_none());
        failures.succeeded(|| 1);
        assert!(failures.pause(1, now).is_none() && !failures.any());
    }

    #[test]
    fn one_who_is_asked_after_a_pause_is_passed_by_meanwhile() {
        let (failures, now) = (Failures::default(), Instant::now());
        failures.failed(1, &Fault::new(Class::Timeout, ""), now);
        let over = failures.pause(1, now).unwrap();
        assert_eq!(failures.pause(1, over), None);
        failures.asked(|| 1, over);
        assert!(failures.pause(1, over).is_some());
    }

    #[test]
    fn failures_are_bounded() {
        let (failures, now) = (Failures::default(), Instant::now());
        let fault = Fault::new(Class::Timeout, "");
        for candidate in 0..=MOST_FAILED as u64 {
            failures.failed(candidate, &fault, now);
        }
        assert_eq!(failures.pause(MOST_FAILED as u64, now), None);
        let later = failures.pause(0, now).unwrap();
        failures.failed(9_999, &fault, later);
        assert!(failures.pause(9_999, later).is_some());
        assert_eq!(failures.count.load(Ordering::Relaxed), 1, "what is over goes");
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
