//! What the configuration says about Codex.

use crate::problem::{Problem, did_you_mean};
use crate::section::Section;
use crate::settings::{CatalogMode, CodexSettings};

const MODES: [CatalogMode; 2] = [CatalogMode::Slug, CatalogMode::Slots];

/// Reads the table but for its slots, which are names of models.
pub(super) fn read(section: Option<&Section<'_>>) -> CodexSettings {
    let mut settings = CodexSettings::default();
    let Some(section) = section else { return settings };
    if let Some(found) = section.text("catalog") {
        match MODES.into_iter().find(|mode| mode.name() == found.value) {
            Some(mode) => settings.catalog = mode,
            None => {
                let what = format!("unknown catalog mode `{}`", found.value);
                let remedy = did_you_mean(&found.value, &MODES.map(CatalogMode::name));
                section.problem(Problem::new(&found.origin, what).remedy(remedy));
            }
        }
        section.row("catalog", settings.catalog.name(), &found.origin);
    }
    if let Some(found) = section.boolean("tool_search") {
        settings.tool_search = found.value;
        section.row("tool_search", &found.value, &found.origin);
    }
    settings
}
