//! The key under which thoughts travel, kept in the state directory.

use std::fs;
use std::io::{self, Write as _};
use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use interlingua_reasoning::{SealKey, SealKeys};
use zeroize::Zeroizing;

/// The file in the state directory.
const FILE: &str = "seal.key";

/// Takes the keys from `variable`, else from the state directory, where one is made at first start.
///
/// Both hold one base64 key of 32 bytes per line or comma; the first seals, the others only open, as a
/// rotation needs.
///
/// # Errors
///
/// When a key is no key, or the file can be neither read nor made.
pub(crate) fn load(variable: Option<&str>, state: &Path) -> io::Result<SealKeys> {
    if let Some(text) = variable {
        return parse(text).ok_or_else(|| bad("the variable `INTERLINGUA_SEAL_KEY`"));
    }
    let path = state.join(FILE);
    let text = match fs::read_to_string(&path) {
        Ok(text) => Zeroizing::new(text),
        Err(error) if error.kind() == io::ErrorKind::NotFound => make(state, &path)?,
        Err(error) => return Err(error),
    };
    parse(&text).ok_or_else(|| bad(&format!("the file {}", path.display())))
}

fn parse(text: &str) -> Option<SealKeys> {
    let lines = text.split([',', '\n']).map(str::trim).filter(|it| !it.is_empty());
    let mut keys: Option<SealKeys> = None;
    for line in lines {
        let bytes = Zeroizing::new(BASE64.decode(line).ok()?);
        let secret: Zeroizing<[u8; 32]> = Zeroizing::new(bytes.as_slice().try_into().ok()?);
        let key = SealKey::new(&secret);
        keys = Some(match keys {
            None => SealKeys::new(key),
            Some(keys) => keys.with_previous(key),
        });
    }
    keys
}

/// Makes a key that only its owner can read, whole or not at all.
fn make(state: &Path, path: &Path) -> io::Result<Zeroizing<String>> {
    private_folder(state)?;
    let mut secret = Zeroizing::new([0; 32]);
    getrandom::fill(&mut *secret).map_err(|error| io::Error::other(error.to_string()))?;
    let text = Zeroizing::new(BASE64.encode(*secret) + "\n");
    // A temporary file is readable by its owner only, and so is what it becomes.
    let mut file = tempfile::NamedTempFile::new_in(state)?;
    file.write_all(text.as_bytes())?;
    file.as_file().sync_all()?;
    match file.persist_noclobber(path) {
        Ok(_) => Ok(text),
        // Another gateway was faster; its key is as good as ours.
        Err(error) if error.error.kind() == io::ErrorKind::AlreadyExists => {
            fs::read_to_string(path).map(Zeroizing::new)
        }
        Err(error) => Err(error.error),
    }
}

/// Makes a folder that only its owner can look into.
#[cfg(unix)]
fn private_folder(path: &Path) -> io::Result<()> {
    use std::os::unix::fs::DirBuilderExt as _;

    fs::DirBuilder::new().recursive(true).mode(0o700).create(path)
}

#[cfg(not(unix))]
fn private_folder(path: &Path) -> io::Result<()> {
    fs::create_dir_all(path)
}

fn bad(what: &str) -> io::Error {
    let remedy = "32 random bytes in base64 are wanted, for example from `openssl rand -base64 32`";
    io::Error::new(io::ErrorKind::InvalidData, format!("{what} holds no seal key: {remedy}"))
}

#[cfg(test)]
mod tests {
    use interlingua_ir::Thought;

    use super::*;

    #[test]
    fn a_key_is_made_once_and_kept() {
        let state = tempfile::tempdir().unwrap();
        let first = load(None, state.path()).unwrap();
        let again = load(None, state.path()).unwrap();
        let thought = Thought { text: "t".into(), ..Thought::default() };
        let blob = first.seal(&thought, "local", [0; 12]);
        assert_eq!(again.open(&blob, "local"), Ok(thought));
    }

    #[cfg(unix)]
    #[test]
    fn nobody_else_reads_the_key() {
        use std::os::unix::fs::PermissionsExt as _;

        let state = tempfile::tempdir().unwrap();
        let state = state.path().join("made");
        load(None, &state).unwrap();
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!((mode(&state.join(FILE)), mode(&state)), (0o600, 0o700));
    }

    #[test]
    fn several_machines_share_a_variable() {
        let text = format!("{}, {}", BASE64.encode([1; 32]), BASE64.encode([2; 32]));
        let nowhere = Path::new("/nonexistent");
        let keys = load(Some(&text), nowhere).unwrap();
        let old = load(Some(&BASE64.encode([2; 32])), nowhere).unwrap();
        let thought = Thought { text: "t".into(), ..Thought::default() };
        assert_eq!(keys.open(&old.seal(&thought, "local", [0; 12]), "local"), Ok(thought));
        assert!(load(Some("short"), nowhere).is_err());
    }
}
