use std::time::{Duration, Instant};

use interlingua_ir::{Class, Fault};

/// The first pause of a candidate that failed for no stated time; it doubles.
const FIRST_PAUSE: Duration = Duration::from_secs(5);

/// The longest pause of a candidate that failed for no stated time.
const LONGEST_PAUSE: Duration = Duration::from_mins(2);

/// The pause of an account that has no money, no rights or not the model: people mend that, and not soon.
const ACCOUNT_PAUSE: Duration = Duration::from_mins(10);

/// The longest pause that an upstream can ask for.
const LONGEST_ASKED: Duration = Duration::from_hours(24);

/// How long one request may try whether a candidate is well again, before another may.
const PROBE: Duration = Duration::from_secs(30);

/// The health of one candidate, that is of one model behind one key: a circuit breaker.
///
/// It is well until it fails, then it cools down; when that time is over, one request tries it while
/// the others still pass it by. Success heals it. Faults of the request itself say nothing about it.
/// Who uses it decides what cooling means: here it means that others are asked first.
#[derive(Clone, Debug, Default)]
pub struct Health {
    /// Trials that have not made it well.
    trials: u32,
    until: Option<Instant>,
}

impl Health {
    /// Whether it should be passed by.
    pub fn is_cooling(&self, now: Instant) -> bool {
        self.until.is_some_and(|until| until > now)
    }

    /// Takes notice that it is asked. Where its pause is over, this is the one that tries.
    pub fn asked(&mut self, now: Instant) {
        if self.until.is_some_and(|until| until <= now) {
            self.trials = self.trials.saturating_add(1);
            self.until = Some(now + PROBE);
        }
    }

    /// When its pause is over, if it has one.
    pub fn until(&self) -> Option<Instant> {
        self.until
    }

    /// Takes notice of a fault; tells whether it is one of the candidate. Requests that were at work
    /// together fail together, which counts once.
    pub fn failed(&mut self, fault: &Fault, now: Instant) -> bool {
        let Some(pause) = pause(fault, self.trials) else { return false };
        self.until = Some(now + pause);
        true
    }
}

/// How long a candidate is left alone after a fault; none where the fault is not its own.
fn pause(fault: &Fault, trials: u32) -> Option<Duration> {
    let growing = || (FIRST_PAUSE * 2_u32.saturating_pow(trials.min(8))).min(LONGEST_PAUSE);
    let asked = fault.retry_after.map(|wait| wait.min(LONGEST_ASKED));
    match fault.class {
        Class::Auth | Class::Quota | Class::FeatureDisabled | Class::ModelNotFound => {
            Some(asked.unwrap_or(ACCOUNT_PAUSE))
        }
        Class::RateLimit | Class::Overloaded => Some(asked.unwrap_or_else(growing)),
        Class::Upstream | Class::Interrupted | Class::Unreachable | Class::Timeout => {
            Some(growing())
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fault(class: Class) -> Fault {
        Fault::new(class, "")
    }

    #[test]
    fn it_cools_longer_each_time_and_one_request_tries_it() {
        let (mut health, start) = (Health::default(), Instant::now());
        assert!(!health.is_cooling(start));
        for seconds in [5, 10, 20, 40, 80, 120, 120] {
            for _ in 0..3 {
                assert!(health.failed(&fault(Class::Overloaded), start), "all at once");
            }
            let after = |millis| start + Duration::from_millis(millis);
            let end = after(seconds * 1000);
            assert!(health.is_cooling(after(seconds * 1000 - 1)), "{seconds}");
            assert!(!health.is_cooling(end) && !health.is_cooling(end), "to look is not to try");
            health.asked(end);
            assert!(health.is_cooling(end), "the others pass it by");
            assert!(!health.is_cooling(end + PROBE), "whoever tried may have gone");
        }
    }

    #[test]
    fn an_account_is_left_alone_for_as_long_as_it_says() {
        let (mut health, start) = (Health::default(), Instant::now());
        let mut quota = fault(Class::Quota);
        quota.retry_after = Some(Duration::from_hours(3));
        health.failed(&quota, start);
        assert_eq!(health.until(), Some(start + Duration::from_hours(3)));
        for class in [Class::Auth, Class::ModelNotFound] {
            health.failed(&fault(class), start);
            assert_eq!(health.until(), Some(start + ACCOUNT_PAUSE));
        }
    }

    #[test]
    fn what_the_request_did_wrong_is_nobody_elses_fault() {
        let mut health = Health::default();
        for class in [Class::InvalidRequest, Class::ContextLength, Class::BadParam] {
            assert!(!health.failed(&fault(class), Instant::now()));
        }
        assert_eq!(health.until(), None);
    }
}
