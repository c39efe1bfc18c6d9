//! What else Claude Code reads, and what it calls our models.

use std::path::{Path, PathBuf};

use interlingua_clients::claude::Layer;
use interlingua_registry::{DISCOVERY_PREFIX, Snapshot, files};

use crate::choice::offer;

/// The settings that beat those of the user: of the project in which this runs, and managed ones.
pub(super) fn layers(settings: &Path) -> Vec<Layer> {
    let project = std::env::current_dir().ok().map(|it| it.join(".claude"));
    let project = project
        .into_iter()
        .flat_map(|folder| ["settings.json", "settings.local.json"].map(|name| folder.join(name)));
    let found = project.chain([managed()]).filter(|path| path != settings);
    let layers = found.filter_map(|path| {
        // What cannot be read here, Claude Code cannot read either.
        let text = files::read(&path).ok().filter(|text| !text.is_empty())?;
        Some(Layer { path: path.display().to_string(), text })
    });
    layers.collect()
}

fn managed() -> PathBuf {
    let folder = match std::env::consts::OS {
        "macos" => "/Library/Application Support/ClaudeCode",
        "windows" => r"C:\Program Files\ClaudeCode",
        _ => "/etc/claude-code",
    };
    Path::new(folder).join("managed-settings.json")
}

/// Whether the gateway answers for a name that Claude Code may use. What is missing here, such as a key,
/// may be there where the gateway runs.
pub(crate) fn has_model(snapshot: &Snapshot, name: &str) -> bool {
    let has = |name: &str| offer(snapshot).has(name) || snapshot.route(Some(name)).is_ok();
    has(name) || name.strip_prefix(DISCOVERY_PREFIX).is_some_and(has)
}
