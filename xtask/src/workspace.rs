//! Where things are, and how cargo is called.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::Command;

/// The root folder.
pub(crate) fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("xtask lies in the workspace")
}

/// The folder for build products, as cargo itself sees it.
pub(crate) fn target() -> PathBuf {
    match std::env::var_os("CARGO_TARGET_DIR") {
        Some(folder) => root().join(folder),
        None => root().join("target"),
    }
}

/// Cargo, in the root folder.
pub(crate) fn cargo() -> Command {
    let mut command = Command::new(std::env::var_os("CARGO").unwrap_or("cargo".into()));
    command.current_dir(root());
    // A nested cargo must not think that it builds for this program's profile or package.
    for (name, _) in std::env::vars_os() {
        let text = name.to_string_lossy();
        if text.starts_with("CARGO_PKG_") || text.starts_with("CARGO_MANIFEST_") {
            command.env_remove(&name);
        }
    }
    command
}

/// Builds the binary of a package in release mode, and tells where it is. Both have the same name.
pub(crate) fn release(package: &str) -> crate::Result<PathBuf> {
    must(cargo().args(["build", "--release", "--package", package]))?;
    Ok(target().join("release").join(package))
}

/// Runs a command and fails unless it succeeds.
pub(crate) fn must(command: &mut Command) -> crate::Result {
    let status = command.status().map_err(|error| format!("{command:?}: {error}"))?;
    if status.success() { Ok(()) } else { Err(format!("{command:?}: {status}").into()) }
}

/// All files below a folder, sorted; folders for which `skip` is true are left out.
pub(crate) fn files(folder: &Path, skip: &dyn Fn(&Path) -> bool) -> io::Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let path = entry.path();
        if skip(&path) {
            continue;
        }
        if entry.file_type()?.is_dir() {
            found.extend(files(&path, skip)?);
        } else {
            found.push(path);
        }
    }
    found.sort();
    Ok(found)
}
