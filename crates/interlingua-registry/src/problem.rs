use std::fmt;
use std::sync::Arc;

/// Where a value of the configuration comes from.
#[non_exhaustive]
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Origin {
    /// Nobody said anything.
    Default,
    /// A vendor preset, by its id.
    Preset(Arc<str>),
    /// It follows from another value; the text names which.
    Derived(&'static str),
    /// A file.
    File(Place),
    /// An environment variable, by its name.
    Variable(Arc<str>),
    /// A flag of the command line, as it is written there.
    Flag(Arc<str>),
}

impl Origin {
    /// The file, if it was one.
    pub fn file(&self) -> Option<&Place> {
        match self {
            Self::File(place) => Some(place),
            _ => None,
        }
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Default => f.write_str("default"),
            Self::Preset(id) => write!(f, "preset {id}"),
            Self::Derived(from) => write!(f, "from {from}"),
            Self::File(place) => place.fmt(f),
            Self::Variable(name) => write!(f, "env {name}"),
            Self::Flag(flag) => write!(f, "flag {flag}"),
        }
    }
}

/// A place in a file.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub struct Place {
    /// The file, as its reader named it.
    pub file: Arc<str>,
    /// Counted from one.
    pub line: usize,
    /// Counted from one, in characters.
    pub column: usize,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}:{}", self.file, self.line, self.column)
    }
}

/// One thing that is wrong with the configuration, and what to write instead.
///
/// Its text never holds a secret.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Problem {
    /// What kind of problem it is, for those who answer with an exit code.
    pub kind: ProblemKind,
    /// Where it is.
    pub origin: Origin,
    /// What is wrong.
    pub what: String,
    /// What to do about it.
    pub remedy: Option<String>,
    /// Where the provider's own documentation is.
    pub docs: Option<String>,
}

impl Problem {
    pub(crate) fn new(origin: &Origin, what: impl Into<String>) -> Self {
        Self {
            kind: ProblemKind::Invalid,
            origin: origin.clone(),
            what: what.into(),
            remedy: None,
            docs: None,
        }
    }

    pub(crate) fn remedy(mut self, remedy: impl Into<String>) -> Self {
        self.remedy = Some(remedy.into());
        self
    }

    pub(crate) fn docs(mut self, docs: Option<&str>) -> Self {
        self.docs = docs.map(str::to_owned);
        self
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.origin, self.what)?;
        if let Some(remedy) = &self.remedy {
            write!(f, "; {remedy}")?;
        }
        if let Some(docs) = &self.docs {
            write!(f, " (see {docs})")?;
        }
        Ok(())
    }
}

/// What kind of problem it is.
#[non_exhaustive]
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum ProblemKind {
    /// A value cannot be used.
    Invalid,
    /// A file cannot be read.
    Unreadable,
    /// The gateway would listen beyond this machine and let everybody in.
    OpenListener,
}

/// Everything that is wrong with a configuration. Never empty.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Problems(Vec<Problem>);

impl Problems {
    /// Orders them as a reader meets them: by file and line, what has no line last.
    pub(crate) fn new(mut problems: Vec<Problem>) -> Self {
        problems.sort_by(|a, b| {
            let (a, b) = (a.origin.file(), b.origin.file());
            a.is_none().cmp(&b.is_none()).then_with(|| a.cmp(&b))
        });
        Self(problems)
    }

    /// Goes through them in the order of the files.
    pub fn iter(&self) -> impl Iterator<Item = &Problem> {
        self.0.iter()
    }
}

impl fmt::Display for Problems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (n, problem) in self.0.iter().enumerate() {
            if n > 0 {
                f.write_str("\n")?;
            }
            problem.fmt(f)?;
        }
        Ok(())
    }
}

impl std::error::Error for Problems {}

/// The candidate that a misspelt word most likely means.
pub(crate) fn suggest<'a>(
    word: &str,
    candidates: impl IntoIterator<Item = &'a str>,
) -> Option<&'a str> {
    candidates
        .into_iter()
        .map(|candidate| (strsim::jaro_winkler(word, candidate), candidate))
        .filter(|(likeness, _)| *likeness > 0.8)
        .max_by(|a, b| a.0.total_cmp(&b.0))
        .map(|(_, candidate)| candidate)
}

/// `` did you mean `x`? `` or else the whole list.
pub(crate) fn did_you_mean(word: &str, candidates: &[&str]) -> String {
    match suggest(word, candidates.iter().copied()) {
        Some(candidate) => format!("did you mean `{candidate}`?"),
        None => format!("known are: {}", candidates.join(", ")),
    }
}
