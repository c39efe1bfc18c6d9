//! What a provider may be called.

use crate::pool::MAX_PROVIDER_ID;
use crate::problem::{Origin, Problem};
use crate::provider::DEMO;
use crate::section::{Found, Section};

/// Ids that would be mistaken for something of the gateway's own.
pub(crate) const RESERVED: &[&str] = &[
    DEMO,
    "admin",
    "api",
    "codex",
    "health",
    "healthz",
    "interlingua",
    "livez",
    "local",
    "metrics",
    "models",
    "readyz",
    "v1",
    "version",
];

/// The names of providers; each means one of them.
pub(super) struct Names<'a> {
    ids: &'a [&'a str],
    shortcuts: Vec<(String, Origin)>,
}

impl<'a> Names<'a> {
    pub(super) fn new(ids: &'a [&'a str]) -> Self {
        Self { ids, shortcuts: Vec::new() }
    }

    /// The short name that the section of a provider gives it.
    pub(super) fn shortcut(&mut self, section: &Section<'_>) -> Option<Found<String>> {
        let shortcut = section.text("shortcut")?;
        let Found { value, origin } = &shortcut;
        check(section, "shortcut", value, origin);
        let twin = self.shortcuts.iter().find(|(other, _)| other == value);
        let taken = match twin {
            Some((_, first)) => Some(format!("taken at {first}")),
            None if self.ids.contains(&value.as_str()) => Some("the id of a provider".to_owned()),
            None => None,
        };
        if let Some(taken) = taken {
            let problem = Problem::new(origin, format!("the shortcut `{value}` is {taken}"));
            section.problem(problem.remedy("choose another one"));
        }
        section.row("shortcut", value, origin);
        self.shortcuts.push((value.clone(), origin.clone()));
        Some(shortcut)
    }
}

/// Reports what cannot be the name of a provider.
pub(super) fn check(section: &Section<'_>, what: &str, id: &str, origin: &Origin) {
    let first = |c: u8| c.is_ascii_lowercase() || c.is_ascii_digit();
    let fits = id.bytes().all(|c| first(c) || c == b'_' || c == b'-');
    if !fits || id.len() > MAX_PROVIDER_ID || !id.bytes().next().is_some_and(first) {
        let remedy = format!(
            "write 1 to {MAX_PROVIDER_ID} of a-z, 0-9, `_` and `-`, a letter or digit first"
        );
        let problem = Problem::new(origin, format!("{id:?} is no {what}"));
        section.problem(problem.remedy(remedy));
    } else if RESERVED.contains(&id) {
        let problem = Problem::new(origin, format!("the {what} `{id}` is reserved"));
        section.problem(problem.remedy("choose another one"));
    }
}
