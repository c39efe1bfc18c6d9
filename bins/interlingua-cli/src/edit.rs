//! Changing a file that somebody else owns: whole or not at all, and nothing but its text.

use std::fs;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use tempfile::NamedTempFile;

/// Links that are followed before a circle is assumed.
const MOST_LINKS: usize = 40;

/// The text of a file; nothing if there is none.
///
/// # Errors
///
/// When it is there and cannot be read.
pub(crate) fn read(path: &Path) -> io::Result<String> {
    match fs::read_to_string(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(String::new()),
        result => result,
    }
}

/// Replaces the text of a file. Links to it stay, and so do its permissions; a new file can be read
/// by its owner only.
///
/// # Errors
///
/// When the file or its folder cannot be written. The old text is untouched then.
pub(crate) fn write(path: &Path, text: &str) -> io::Result<()> {
    let path = follow(path);
    let folder = match path.parent() {
        Some(folder) if folder != Path::new("") => folder,
        _ => Path::new("."),
    };
    fs::create_dir_all(folder)?;
    // A temporary file belongs to its owner alone, and so does what it becomes.
    let mut file = NamedTempFile::new_in(folder)?;
    file.write_all(text.as_bytes())?;
    if let Ok(old) = fs::metadata(&path) {
        file.as_file().set_permissions(old.permissions())?;
    }
    file.as_file().sync_all()?;
    file.persist(&path)?;
    Ok(())
}

/// The file behind symbolic links, which need not exist yet.
fn follow(path: &Path) -> PathBuf {
    let mut path = path.to_owned();
    for _ in 0..MOST_LINKS {
        let Ok(target) = fs::read_link(&path) else { break };
        path = path.parent().map_or(target.clone(), |folder| folder.join(target));
    }
    path
}

#[cfg(test)]
#[cfg(unix)]
mod tests {
    use std::os::unix::fs::{PermissionsExt as _, symlink};

    use super::*;

    fn mode(path: &Path) -> u32 {
        fs::metadata(path).unwrap().permissions().mode() & 0o777
    }

    #[test]
    fn a_new_file_is_private_and_an_old_one_keeps_its_mode() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("deep/er/config.toml");
        assert_eq!(read(&file).unwrap(), "");
        write(&file, "a").unwrap();
        assert_eq!((read(&file).unwrap().as_str(), mode(&file)), ("a", 0o600));
        fs::set_permissions(&file, fs::Permissions::from_mode(0o640)).unwrap();
        write(&file, "b").unwrap();
        assert_eq!((read(&file).unwrap().as_str(), mode(&file)), ("b", 0o640));
    }

    #[test]
    fn links_stay_links() {
        let folder = tempfile::tempdir().unwrap();
        let [outer, inner, file] = ["outer", "inner", "file"].map(|it| folder.path().join(it));
        symlink("inner", &outer).unwrap();
        symlink(&file, &inner).unwrap();
        for text in ["new", "changed"] {
            write(&outer, text).unwrap();
            assert_eq!(fs::read_to_string(&file).unwrap(), text);
        }
        assert!(outer.is_symlink() && inner.is_symlink() && !file.is_symlink());
    }

    #[test]
    fn nothing_is_left_behind_when_it_fails() {
        let folder = tempfile::tempdir().unwrap();
        let taken = folder.path().join("taken");
        fs::create_dir(&taken).unwrap();
        assert!(write(&taken, "text").is_err());
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }
}
