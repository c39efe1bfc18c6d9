//! How fast an answer comes.

use std::time::Duration;

use clap::ValueEnum;
use memchr::memmem;

use crate::answer::DELTAS;

/// When the parts of a streamed answer are sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Pace {
    /// All at once.
    Burst,
    /// The first delta alone and the others a little later, as a real model begins.
    Start,
    /// Five deltas in a second: a model at work for one user among many.
    Slow,
    /// Fifty deltas in a second.
    Quick,
}

impl Pace {
    pub(crate) const ALL: [Self; 4] = [Self::Burst, Self::Start, Self::Slow, Self::Quick];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Burst => "burst",
            Self::Start => "start",
            Self::Slow => "slow",
            Self::Quick => "quick",
        }
    }

    /// Deltas of one answer: a paced one takes four seconds.
    pub(crate) fn deltas(self) -> usize {
        match self {
            Self::Burst | Self::Start | Self::Quick => DELTAS,
            Self::Slow => 20,
        }
    }

    /// Before each delta, the first included; `None` where they do not come one by one.
    pub(crate) fn gap(self) -> Option<Duration> {
        match self {
            Self::Burst | Self::Start => None,
            Self::Slow => Some(Duration::from_millis(200)),
            Self::Quick => Some(Duration::from_millis(20)),
        }
    }

    /// What a prompt says to be answered at this pace. A prompt survives every translation.
    pub(crate) fn mark(self) -> String {
        format!("{MARK}{}", self.name())
    }

    /// The pace that a request asks for.
    pub(crate) fn asked(body: &[u8]) -> Self {
        let after = memmem::find(body, MARK.as_bytes()).map(|at| &body[at + MARK.len()..]);
        let named = |it: &Self| after.is_some_and(|after| after.starts_with(it.name().as_bytes()));
        Self::ALL.into_iter().find(named).unwrap_or(Self::Burst)
    }
}

const MARK: &str = "bench-pace-";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_pace_is_found_in_a_prompt() {
        for pace in Pace::ALL {
            assert_eq!(Pace::asked(format!("…{}\"}}", pace.mark()).as_bytes()), pace);
        }
        assert_eq!(Pace::asked(b"{}"), Pace::Burst);
    }
}
