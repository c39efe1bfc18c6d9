//! What the configuration says about Codex.

use crate::problem::{Origin, Problem, did_you_mean};
use crate::section::Section;
use crate::settings::{CatalogMode, CodexSettings};

const MODES: [CatalogMode; 2] = [CatalogMode::Slug, CatalogMode::Slots];

/// Reads the table but for its slots, which are names of models.
pub(super) fn read(root: &Section<'_>, section: Option<&Section<'_>>) -> CodexSettings {
    let mut settings = CodexSettings::default();
    let (mut catalog, mut tool_search) = (Origin::Default, Origin::Default);
    if let Some(section) = section
        && let Some(found) = section.text("catalog")
    {
        match MODES.into_iter().find(|mode| mode.name() == found.value) {
            Some(mode) => settings.catalog = mode,
            None => {
                let what = format!("unknown catalog mode `{}`", found.value);
                let remedy = did_you_mean(&found.value, &MODES.map(CatalogMode::name));
                section.problem(Problem::new(&found.origin, what).remedy(remedy));
            }
        }
        catalog = found.origin;
    }
    if let Some(found) = section.and_then(|section| section.boolean("tool_search")) {
        settings.tool_search = found.value;
        tool_search = found.origin;
    }
    root.findings.row("codex.catalog".to_owned(), settings.catalog.name(), &catalog);
    root.findings.row("codex.tool_search".to_owned(), &settings.tool_search, &tool_search);
    settings
}
