//! Compactions that follow one another without end.
//!
//! When what is left after a compaction is already above the limit at which Codex compacts, it compacts
//! again, and again: hundreds of requests in half a minute, each of them paid for. Nothing but the
//! gateway sees that.

use std::collections::HashMap;
use std::hash::{BuildHasher, RandomState};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use interlingua_ir::{Class, Fault};

/// How many compactions of one session are let through within [`SPAN`].
const LIMIT: usize = 6;
const SPAN: Duration = Duration::from_mins(1);

/// How many sessions are remembered.
const SESSIONS: usize = 1024;

/// The sessions that compacted lately.
#[derive(Debug, Default)]
pub(crate) struct Storms {
    seen: Mutex<Seen>,
    hasher: RandomState,
}

impl Storms {
    /// Counts a compaction of a session.
    ///
    /// # Errors
    ///
    /// When it is one too many; for good, so that nobody tries again.
    pub(crate) fn admit(&self, tenant: &str, session: &str, now: Instant) -> Result<(), Fault> {
        // What the client calls its session may be long; its hash is not.
        let session = self.hasher.hash_one((tenant, session));
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        if seen.admit(session, now) {
            return Ok(());
        }
        let what = format!(
            "the client has asked {LIMIT} times within a minute to compact this conversation, and would \
             go on: what is left after a compaction is above the limit at which it compacts. Raise \
             `model_auto_compact_token_limit` or `model_context_window` in Codex's config.toml, or the \
             model's `context_window` in the gateway's configuration, if the model can take more; \
             else have fewer instructions and tools"
        );
        let mut fault = Fault::new(Class::InvalidRequest, what);
        fault.code = Some("compaction_storm".to_owned());
        Err(fault)
    }
}

/// When each session compacted lately, oldest first.
#[derive(Debug, Default)]
struct Seen(HashMap<u64, Vec<Instant>>);

impl Seen {
    fn admit(&mut self, session: u64, now: Instant) -> bool {
        let recent = |time: &Instant| now.saturating_duration_since(*time) < SPAN;
        if self.0.len() >= SESSIONS && !self.0.contains_key(&session) {
            self.0.retain(|_, times| times.last().is_some_and(recent));
            if self.0.len() >= SESSIONS {
                let quietest = self.0.iter().min_by_key(|(_, times)| times.last().copied());
                if let Some(quietest) = quietest.map(|(session, _)| *session) {
                    self.0.remove(&quietest);
                }
            }
        }
        let times = self.0.entry(session).or_default();
        times.retain(recent);
        let admitted = times.len() < LIMIT;
        if admitted {
            times.push(now);
        }
        admitted
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_seventh_within_a_minute_is_refused_until_the_minute_is_over() {
        let storms = Storms::default();
        let start = Instant::now();
        let admit = |session: &str, second| {
            storms.admit("t", session, start + Duration::from_secs(second)).is_ok()
        };
        assert!((0..6).all(|second| admit("a", second)));
        assert!(!admit("a", 6));
        assert!(admit("b", 6), "another session is none of its business");
        assert!(storms.admit("u", "a", start).is_ok(), "nor is another tenant");
        assert!(!admit("a", 59), "a refused one does not push an old one out");
        assert!(admit("a", 60), "the first is a minute old");
        assert!(!admit("a", 60));
        let fault = storms.admit("t", "a", start + SPAN).unwrap_err();
        assert_eq!(fault.retry(), interlingua_ir::Retry::Never);
        assert!(fault.message.contains("model_auto_compact_token_limit"), "{fault}");
    }

    #[test]
    fn memory_is_bounded_and_the_busy_stay() {
        let mut seen = Seen::default();
        let start = Instant::now();
        let later = |count: u64| start + Duration::from_millis(count);
        for session in 0..5000 {
            assert!(seen.admit(session, later(session)));
            assert!(seen.0.len() <= SESSIONS);
            if session < 5 {
                assert!(seen.admit(u64::MAX, later(session)));
            }
        }
        assert!(seen.admit(9999, later(5000)));
        assert!(!seen.0.contains_key(&4), "the quietest go");
        assert!(seen.0.contains_key(&4999));
        let mut seen = Seen::default();
        assert!((0..2000).all(|session| seen.admit(session, start)));
        assert!(seen.admit(u64::MAX, start + SPAN));
        assert_eq!(seen.0.len(), 1, "what is old goes first");
    }
}
