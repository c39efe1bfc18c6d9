//! Where Codex and we keep things.

use std::path::PathBuf;

use interlingua_codex_integration::apply::{Session, View};
use interlingua_registry::Environment;
use interlingua_registry::files::Files;

use crate::failure::Failure;
use crate::paths;

/// Codex's home: `CODEX_HOME`, else `~/.codex`.
pub(crate) fn codex_home() -> Result<PathBuf, Failure> {
    let environment = Environment::of_process();
    if let Some(home) = environment.get("CODEX_HOME").filter(|it| !it.is_empty()) {
        return Ok(home.into());
    }
    let home = std::env::home_dir().filter(|it| !it.as_os_str().is_empty());
    let home = home.ok_or_else(|| {
        Failure::config("no home directory is known; set `CODEX_HOME` to Codex's folder")
    })?;
    Ok(home.join(".codex"))
}

/// Looks at Codex's home.
pub(super) fn look() -> Result<View, Failure> {
    Ok(View::read(Files::new(), &codex_home()?, &paths::find()?.state)?)
}

/// Begins to change Codex's home.
pub(super) fn begin() -> Result<Session, Failure> {
    Ok(Session::begin(Files::new(), &codex_home()?, &paths::find()?.state)?)
}
