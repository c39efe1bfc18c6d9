use std::time::Duration;

use interlingua_ir::{Fault, Retry};

/// How often one target may be asked again.
pub const MAX_REPEATS: u32 = 2;

/// How long all attempts at one target may take together. Who waits longer gets the fault.
pub const TARGET_BUDGET: Duration = Duration::from_secs(20);

/// The longest wait of our own. A longer one is the client's, which can show that it waits.
pub const MAX_WAIT: Duration = Duration::from_secs(5);

/// The first wait where the upstream names none; it doubles.
const FIRST_WAIT: Duration = Duration::from_millis(500);

/// Decides what to do after a [`Fault`] of one target, as long as the client has seen nothing.
///
/// Pure: the driver waits and knows the time. Make one per target, feed it each fault, do what
/// it says, and stop asking once a part of the answer has reached the client.
///
/// ```
/// use std::time::Duration;
/// use interlingua_ir::{Class, Fault};
/// use interlingua_registry::{Attempts, Next};
///
/// let mut attempts = Attempts::new();
/// let overloaded = Fault::new(Class::Overloaded, "too much to do");
/// let next = attempts.next(&overloaded, Duration::ZERO, 0.5);
/// assert_eq!(next, Next::Retry { wait: Duration::from_millis(250) });
/// ```
#[derive(Clone, Debug, Default)]
pub struct Attempts {
    repeats: u32,
}

impl Attempts {
    /// Begins with the first attempt at a target.
    pub fn new() -> Self {
        Self::default()
    }

    /// What to do next. `elapsed` counts from the first attempt at this target, `jitter` is a random
    /// number from 0 to 1 that spreads the waits of many clients.
    pub fn next(&mut self, fault: &Fault, elapsed: Duration, jitter: f64) -> Next {
        let wait = match fault.retry() {
            Retry::Never => return Next::GiveUp,
            Retry::Elsewhere => return Next::NextTarget,
            Retry::After(Some(asked)) => asked,
            Retry::After(None) => {
                (FIRST_WAIT * 2_u32.pow(self.repeats)).mul_f64(jitter.clamp(0.0, 1.0))
            }
        };
        let spent = elapsed.saturating_add(wait);
        if self.repeats >= MAX_REPEATS || wait > MAX_WAIT || spent > TARGET_BUDGET {
            return Next::NextTarget;
        }
        self.repeats += 1;
        Next::Retry { wait }
    }
}

/// What to do after a fault.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Next {
    /// Ask the same target again.
    Retry {
        /// How long to wait before.
        wait: Duration,
    },
    /// This target is done with. Without another one the client gets the fault, and with it the
    /// wait that the upstream asked for.
    NextTarget,
    /// No target will do better; the client gets the fault.
    GiveUp,
}

#[cfg(test)]
mod tests {
    use interlingua_ir::Class;

    use super::*;

    /// Feeds faults that come every `each` and shows what is decided.
    fn run(fault: &Fault, each: Duration) -> Vec<Next> {
        let mut attempts = Attempts::new();
        let mut elapsed = Duration::ZERO;
        let mut decided = Vec::new();
        loop {
            elapsed += each;
            let next = attempts.next(fault, elapsed, 1.0);
            decided.push(next);
            match next {
                Next::Retry { wait } => elapsed += wait,
                Next::NextTarget | Next::GiveUp => return decided,
            }
        }
    }

    fn waits(millis: &[u64], end: Next) -> Vec<Next> {
        let retry = |millis: &u64| Next::Retry { wait: Duration::from_millis(*millis) };
        millis.iter().map(retry).chain([end]).collect()
    }

    fn asking(seconds: u64) -> Fault {
        let mut fault = Fault::new(Class::RateLimit, "");
        fault.retry_after = Some(Duration::from_secs(seconds));
        fault
    }

    #[test]
    fn a_target_is_asked_three_times_at_most() {
        let fault = Fault::new(Class::Overloaded, "");
        assert_eq!(run(&fault, Duration::ZERO), waits(&[500, 1000], Next::NextTarget));
    }

    #[test]
    fn a_short_wait_is_kept_and_a_long_one_handed_on() {
        assert_eq!(run(&asking(5), Duration::ZERO), waits(&[5000, 5000], Next::NextTarget));
        assert_eq!(run(&asking(6), Duration::ZERO), waits(&[], Next::NextTarget));
    }

    #[test]
    fn the_budget_ends_it_whatever_the_count_says() {
        assert_eq!(run(&asking(5), Duration::from_secs(8)), waits(&[5000], Next::NextTarget));
        let fault = Fault::new(Class::Timeout, "");
        assert_eq!(run(&fault, Duration::from_mins(5)), waits(&[], Next::NextTarget));
    }

    #[test]
    fn what_is_permanent_is_not_repeated() {
        let run = |class| run(&Fault::new(class, ""), Duration::ZERO);
        assert_eq!(run(Class::ContextLength), [Next::GiveUp]);
        assert_eq!(run(Class::InvalidRequest), [Next::GiveUp]);
        assert_eq!(run(Class::Auth), [Next::NextTarget]);
        assert_eq!(run(Class::Quota), [Next::NextTarget]);
    }

    #[test]
    fn jitter_outside_its_range_does_no_harm() {
        let fault = Fault::new(Class::Overloaded, "");
        for jitter in [-1.0, 7.0, f64::INFINITY] {
            let Next::Retry { wait } = Attempts::new().next(&fault, Duration::ZERO, jitter) else {
                panic!("a first overload is worth a repeat");
            };
            assert!(wait <= MAX_WAIT);
        }
    }
}
