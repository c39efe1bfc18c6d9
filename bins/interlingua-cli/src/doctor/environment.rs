//! Variables that say something else than the files do.

use std::path::Path;

use interlingua_registry::{Origin, Snapshot, files};
use toml_edit::{DocumentMut, Item};

use super::Check;

/// How variables begin that are laid over our configuration.
const OURS: &str = "INTERLINGUA_";

pub(super) fn check(snapshot: &Snapshot, config: &Path) -> Vec<Check> {
    const ID: &str = "environment";
    let text = files::read(config).unwrap_or_default();
    let file: DocumentMut = text.trim_start_matches('\u{feff}').parse().unwrap_or_default();
    let mut checks = Vec::new();
    for row in snapshot.rows() {
        let Origin::Variable(name) = &row.origin else { continue };
        if !name.starts_with(OURS) {
            continue;
        }
        let place = format!("`{name}` sets `{}`", row.path);
        checks.push(match stands(&file, &row.path) {
            true => Check::warn(ID, format!("{place}, and overrules {}", config.display()))
                .fix(format!("unset {name}")),
            false => Check::ok(ID, place),
        });
    }
    if checks.is_empty() {
        checks.push(Check::ok(ID, "no variable overrules a file"));
    }
    checks
}

/// Whether the file says something at a dotted path.
fn stands(file: &DocumentMut, path: &str) -> bool {
    let mut at = file.as_item();
    path.split('.').all(|key| match at.get(key) {
        Some(inner) if !matches!(inner, Item::None) => {
            at = inner;
            true
        }
        _ => false,
    })
}
