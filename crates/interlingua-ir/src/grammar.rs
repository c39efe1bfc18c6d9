use std::collections::BTreeSet;

use crate::{Event, Index, Sink};

/// A sink that checks the [shape of a stream](crate#the-shape-of-a-stream).
///
/// Only the first violation is kept: everything after it is noise.
///
/// # Examples
///
/// ```
/// use interlingua_ir::{Event, Grammar, Sink, Stop, Violation};
///
/// let mut grammar = Grammar::default();
/// grammar.event(Event::End { stop: Stop::Complete, usage: None });
/// assert_eq!(grammar.finish(), Err(Violation::BeforeBegin));
/// ```
#[derive(Clone, Debug, Default)]
pub struct Grammar {
    begun: bool,
    ended: bool,
    open: BTreeSet<Index>,
    /// The smallest index that has never been opened.
    fresh: u32,
    violation: Option<Violation>,
}

impl Grammar {
    /// Ends the check of a stream that is over.
    ///
    /// # Errors
    ///
    /// The first [`Violation`] of the stream, or [`Violation::Unfinished`] when it did not end.
    pub fn finish(self) -> Result<(), Violation> {
        let ended = self.ended;
        match self.interrupt() {
            Ok(()) if !ended => Err(Violation::Unfinished),
            result => result,
        }
    }

    /// Ends the check of a stream that broke off.
    ///
    /// # Errors
    ///
    /// The first [`Violation`] of what came before.
    pub fn interrupt(self) -> Result<(), Violation> {
        self.violation.map_or(Ok(()), Err)
    }

    fn check(&mut self, event: &Event<'_>) -> Result<(), Violation> {
        match event {
            Event::Frame(_) | Event::Frames(_) => {}
            _ if self.ended => return Err(Violation::AfterEnd),
            Event::Begin { .. } if self.begun => return Err(Violation::SecondBegin),
            Event::Begin { .. } => self.begun = true,
            _ if !self.begun => return Err(Violation::BeforeBegin),
            Event::Open { index, .. } if index.0 < self.fresh => {
                return Err(Violation::IndexReused(*index));
            }
            Event::Open { index, .. } => {
                self.open.insert(*index);
                self.fresh = index.0 + 1;
            }
            Event::Delta { index, .. } | Event::Attach { index, .. }
                if !self.open.contains(index) =>
            {
                return Err(Violation::NotOpen(*index));
            }
            Event::Close { index } | Event::Drop { index } if !self.open.remove(index) => {
                return Err(Violation::NotOpen(*index));
            }
            Event::End { .. } if !self.open.is_empty() => return Err(Violation::LeftOpen),
            Event::End { .. } => self.ended = true,
            Event::Delta { .. }
            | Event::Attach { .. }
            | Event::Close { .. }
            | Event::Drop { .. }
            | Event::Note(_) => {}
        }
        Ok(())
    }
}

impl Sink for Grammar {
    fn event(&mut self, event: Event<'_>) {
        if self.violation.is_none() {
            self.violation = self.check(&event).err();
        }
    }
}

/// How a stream broke the rules. Always a bug on our side, never the upstream's.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub enum Violation {
    /// Something followed the end.
    #[error("an event follows the end")]
    AfterEnd,
    /// Something preceded the beginning.
    #[error("an event precedes the beginning")]
    BeforeBegin,
    /// An index was opened twice.
    #[error("item {0} was opened before")]
    IndexReused(Index),
    /// The stream ended around an open item.
    #[error("the stream ended while an item was open")]
    LeftOpen,
    /// A piece or an end of an item that is not open.
    #[error("item {0} is not open")]
    NotOpen(Index),
    /// The stream began twice.
    #[error("the stream began twice")]
    SecondBegin,
    /// The stream never ended.
    #[error("the stream did not end")]
    Unfinished,
}
