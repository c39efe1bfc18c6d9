use std::fmt;

/// What a turn cost, in tokens.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Usage {
    /// All tokens of the prompt, cached ones included.
    pub input: u64,
    /// The part of [`Usage::input`] that came from the upstream's prompt cache.
    pub cached: Option<u64>,
    /// The part of [`Usage::input`] that was written into the upstream's prompt cache.
    pub cache_write: Option<u64>,
    /// All tokens of the answer, reasoning included.
    pub output: u64,
    /// The part of [`Usage::output`] that was reasoning.
    pub reasoning: Option<u64>,
}

impl Usage {
    /// All tokens of the turn.
    pub fn total(&self) -> u64 {
        self.input.saturating_add(self.output)
    }
}

impl fmt::Display for Usage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { input, cached, cache_write, output, reasoning } = self;
        write!(f, "in={input}")?;
        for (name, part) in [("cached", cached), ("written", cache_write)] {
            if let Some(part) = part {
                write!(f, " {name}={part}")?;
            }
        }
        write!(f, " out={output}")?;
        match reasoning {
            Some(reasoning) => write!(f, " reasoning={reasoning}"),
            None => Ok(()),
        }
    }
}
