//! Files that only their owner can look into.

use std::path::Path;
use std::sync::{Mutex, PoisonError};
use std::{fs, io};

/// Makes a file and its folder, unless they are there. What `SQLite` puts beside a database takes over
/// its mode.
pub(super) fn make(path: &Path) -> io::Result<()> {
    static MAKING: Mutex<()> = Mutex::new(());

    folder(path)?;
    // A file that is there is not opened: on Unix, closing it would take away the locks that SQLite
    // holds on it anywhere in this process. Hence also one at a time: the next one finds it made.
    let _making = MAKING.lock().unwrap_or_else(PoisonError::into_inner);
    match fs::metadata(path) {
        Ok(metadata) => restrict(path, &metadata),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            options().create(true).open(path).map(drop)
        }
        Err(error) => Err(error),
    }
}

/// Opens a file that is there to be locked, and makes it if there is none.
pub(super) fn open(path: &Path) -> io::Result<fs::File> {
    make(path)?;
    options().open(path)
}

#[cfg(unix)]
fn folder(path: &Path) -> io::Result<()> {
    use std::os::unix::fs::DirBuilderExt as _;

    let make = |folder| fs::DirBuilder::new().recursive(true).mode(0o700).create(folder);
    path.parent().map_or(Ok(()), make)
}

#[cfg(unix)]
fn options() -> fs::OpenOptions {
    use std::os::unix::fs::OpenOptionsExt as _;

    let mut options = fs::OpenOptions::new();
    options.read(true).append(true).mode(0o600);
    options
}

#[cfg(unix)]
fn restrict(path: &Path, metadata: &fs::Metadata) -> io::Result<()> {
    use std::os::unix::fs::PermissionsExt as _;

    if metadata.permissions().mode() & 0o077 != 0 {
        fs::set_permissions(path, fs::Permissions::from_mode(0o600))?;
    }
    Ok(())
}

#[cfg(not(unix))]
fn folder(path: &Path) -> io::Result<()> {
    path.parent().map_or(Ok(()), fs::create_dir_all)
}

#[cfg(not(unix))]
fn options() -> fs::OpenOptions {
    let mut options = fs::OpenOptions::new();
    options.read(true).append(true);
    options
}

#[cfg(not(unix))]
fn restrict(_: &Path, _: &fs::Metadata) -> io::Result<()> {
    Ok(())
}
