//! Where Claude Code and we keep things.

use std::path::{Path, PathBuf};

use interlingua_clients::apply::{Session, View};
use interlingua_clients::claude::Layer;
use interlingua_registry::files::{self, Files};
use interlingua_registry::{Environment, Snapshot};

use crate::codex::offer;
use crate::failure::Failure;
use crate::paths;

/// The variable that names Claude Code's folder.
const FOLDER: &str = "CLAUDE_CONFIG_DIR";

/// How the gateway lists its models for this client, which shows no other names.
const LISTED: &str = "claude/";

/// Claude Code's folder: `CLAUDE_CONFIG_DIR`, else `~/.claude`.
fn folder() -> Result<PathBuf, Failure> {
    let environment = Environment::of_process();
    if let Some(folder) = environment.get(FOLDER).filter(|it| !it.is_empty()) {
        return Ok(folder.into());
    }
    let home = std::env::home_dir().filter(|it| !it.as_os_str().is_empty());
    let home = home.ok_or_else(|| {
        Failure::config(
            "no home directory is known; set `CLAUDE_CONFIG_DIR` to Claude Code's folder",
        )
    })?;
    Ok(home.join(".claude"))
}

/// Looks at Claude Code's folder.
pub(super) fn look() -> Result<View, Failure> {
    Ok(View::read(Files::new(), &folder()?, &paths::find()?.state)?)
}

/// Begins to change Claude Code's folder.
pub(super) fn begin() -> Result<Session, Failure> {
    Ok(Session::begin(Files::new(), &folder()?, &paths::find()?.state)?)
}

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
    has(name) || name.strip_prefix(LISTED).is_some_and(has)
}
