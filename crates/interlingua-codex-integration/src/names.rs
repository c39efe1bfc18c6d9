//! Names of models that Codex brings along.

use std::sync::Arc;

/// The names that Codex's own catalog shows in a picker, in its order: what a picker that hides other
/// names can show. Measured with `codex debug models` of Codex 0.169.0 without any configuration.
pub const PICKER_NAMES: [&str; 9] = [
    "gpt-6.1-sol",
    "gpt-6-astra",
    "gpt-6-sol",
    "gpt-6-luna",
    "gpt-5.6-sol",
    "gpt-6.1-terra",
    "gpt-5.6-terra",
    "gpt-5.6-luna",
    "gpt-5.5",
];

/// The names that Codex asks for by itself, whatever catalog it was given, and what for. Seen in the
/// requests of Codex 0.169.0.
pub const HELPER_NAMES: [(&str, &str); 2] =
    [("codex-auto-review", "reviews of approvals"), ("gpt-6.1-terra", "memories")];

/// Which models go under which of the [`PICKER_NAMES`].
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Slots {
    /// Name and slug, in the order of the picker.
    pub assigned: Vec<(String, String)>,
    /// Slugs for which no name is left.
    pub left_out: Vec<String>,
}

impl Slots {
    /// Gives each of `slugs` a name. Names that were given before stay with their models, so that a
    /// session that was begun under a name goes on with the same model; one whose model is gone is
    /// free again.
    pub fn assign(slugs: &[Arc<str>], before: &[(String, String)]) -> Self {
        let is_there = |slug: &str| slugs.iter().any(|it| **it == *slug);
        let mut assigned: Vec<(String, String)> =
            before.iter().filter(|(_, slug)| is_there(slug)).cloned().collect();
        let mut left_out = Vec::new();
        for slug in slugs {
            if assigned.iter().any(|(_, it)| **it == **slug) {
                continue;
            }
            let is_free = |name: &&&str| assigned.iter().all(|(taken, _)| taken != **name);
            match PICKER_NAMES.iter().find(is_free) {
                Some(name) => assigned.push(((*name).to_owned(), slug.to_string())),
                None => left_out.push(slug.to_string()),
            }
        }
        let place = |name: &str| PICKER_NAMES.iter().position(|it| *it == name);
        assigned.sort_by_key(|(name, _)| place(name).unwrap_or(usize::MAX));
        Self { assigned, left_out }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn slugs(count: usize) -> Vec<Arc<str>> {
        (0..count).map(|at| format!("p/m{at}").into()).collect()
    }

    #[test]
    fn what_has_a_name_keeps_it() {
        let first = Slots::assign(&slugs(3), &[]);
        let names: Vec<_> = first.assigned.iter().map(|(name, _)| name.as_str()).collect();
        assert_eq!(names, PICKER_NAMES[..3]);
        // The first model is gone, and a new one stands before the others.
        let later = [&["q/new".into()], &slugs(3)[1..]].concat();
        let second = Slots::assign(&later, &first.assigned);
        assert_eq!(second.assigned[1..], first.assigned[1..]);
        assert_eq!(second.assigned[0], (PICKER_NAMES[0].to_owned(), "q/new".to_owned()));
    }

    #[test]
    fn what_finds_no_name_is_told() {
        let slots = Slots::assign(&slugs(11), &[]);
        assert_eq!(slots.assigned.len(), 9);
        assert_eq!(slots.left_out, ["p/m9", "p/m10"]);
    }
}
