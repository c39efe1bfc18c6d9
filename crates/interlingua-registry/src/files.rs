//! Changes files whole or not at all, and nothing about them but their text.
//!
//! Whoever reads such a file sees the old text or the new one, also if this process is killed or the
//! machine loses power in between. Links to a file stay links, its mode and owner stay, and a new
//! file belongs to its owner alone.

use std::fs::{self, DirBuilder, File, Metadata, OpenOptions, TryLockError};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use tempfile::{Builder, NamedTempFile};

/// Links that are followed before a circle is assumed.
const MOST_LINKS: usize = 40;

/// The text of a file; nothing if there is none.
///
/// # Errors
///
/// When it is there and cannot be read, or is not UTF-8.
pub fn read(path: &Path) -> io::Result<String> {
    let bytes = Files::new().read(path)?.unwrap_or_default();
    String::from_utf8(bytes)
        .map_err(|_| io::Error::new(io::ErrorKind::InvalidData, "it is not UTF-8"))
}

/// Replaces the text of a file, as [`Files::write`] does.
///
/// # Errors
///
/// When the file or its folder cannot be written. The old text is untouched then.
pub fn write(path: &Path, text: &str) -> io::Result<()> {
    Files::new().write(path, text.as_bytes())
}

/// A file as it was when it was looked at; nothing if it was not there.
///
/// Look before you read: what changes in between is noticed by the next look.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Look(Option<(SystemTime, u64, Identity)>);

/// Looks at a file or a folder without reading it.
pub fn look(path: &Path) -> Look {
    let data = fs::metadata(path).ok();
    Look(data.and_then(|data| Some((data.modified().ok()?, data.len(), identity(&data)))))
}

/// Tells a file from another one that was put in its place, and from itself with another owner or mode:
/// its number, and when anything about it last changed.
type Identity = (u64, i64, i64);

#[cfg(unix)]
fn identity(data: &Metadata) -> Identity {
    use std::os::unix::fs::MetadataExt as _;

    (data.ino(), data.ctime(), data.ctime_nsec())
}

#[cfg(not(unix))]
fn identity(_: &Metadata) -> Identity {
    (0, 0, 0)
}

/// Is told before each single call that touches the disk.
///
/// Where a process can be killed, a test has to kill it; products use `()`, which does nothing and
/// leaves no trace in the machine code.
pub trait Watch {
    /// The named call comes next.
    fn before(&self, call: &'static str);
}

impl Watch for () {
    fn before(&self, _: &'static str) {}
}

/// The careful writer.
#[derive(Clone, Copy, Debug)]
pub struct Files<W = ()> {
    watch: W,
}

/// Keeps others of us out until it is dropped, or its process ends in whatever way.
#[derive(Debug)]
pub struct Lock {
    _file: File,
}

impl Files {
    /// The writer of products.
    pub const fn new() -> Self {
        Self { watch: () }
    }
}

impl Default for Files {
    fn default() -> Self {
        Self::new()
    }
}

impl<W: Watch> Files<W> {
    /// With an eye on each call.
    pub fn watched(watch: W) -> Self {
        Self { watch }
    }

    /// The bytes of a file; none if there is no file.
    ///
    /// # Errors
    ///
    /// When it is there and cannot be read.
    pub fn read(&self, path: &Path) -> io::Result<Option<Vec<u8>>> {
        self.watch.before("read");
        unless_missing(fs::read(path))
    }

    /// Replaces the bytes of a file. Folders that are missing are made for their owner alone.
    ///
    /// What a killed run of ours left beside the file is swept away first.
    ///
    /// # Errors
    ///
    /// When the file is read-only, or it or its folder cannot be written. The old bytes are untouched
    /// then.
    pub fn write(&self, path: &Path, bytes: &[u8]) -> io::Result<()> {
        let path = self.follow(path);
        let old = self.writable(&path)?;
        let folder = folder_of(&path);
        self.make_folder(folder)?;
        self.sweep(&path)?;

        self.watch.before("create");
        // A temporary file belongs to its owner alone, and so does what it becomes.
        let mut file = Builder::new().prefix(&prefix(&path)).tempfile_in(folder)?;
        self.watch.before("lock");
        // Tells a sweeper that somebody is at work. Not every file system can, and then none sweeps.
        drop(file.as_file().try_lock());
        self.watch.before("write");
        file.write_all(bytes)?;
        if let Some(old) = old {
            self.keep_owner(&file, &old)?;
            self.watch.before("chmod");
            file.as_file().set_permissions(old.permissions())?;
        }
        self.watch.before("sync");
        file.as_file().sync_all()?;
        self.watch.before("rename");
        file.persist(&path)?;
        self.sync_folder(folder)
    }

    /// Makes sure that a file could be replaced, before anything else is done for it.
    ///
    /// # Errors
    ///
    /// When it is read-only, or no file.
    pub fn check(&self, path: &Path) -> io::Result<()> {
        self.writable(&self.follow(path)).map(drop)
    }

    /// Removes a file. A link to it stays, and leads nowhere. That it is not there is no failure.
    ///
    /// # Errors
    ///
    /// When it cannot be removed.
    pub fn remove(&self, path: &Path) -> io::Result<()> {
        let path = self.follow(path);
        self.watch.before("remove");
        match unless_missing(fs::remove_file(&path))? {
            Some(()) => self.sync_folder(folder_of(&path)),
            None => Ok(()),
        }
    }

    /// Removes what killed runs of ours left beside a file, but not what another is about to finish.
    ///
    /// # Errors
    ///
    /// When the folder is there and cannot be listed.
    pub fn sweep(&self, path: &Path) -> io::Result<()> {
        let path = self.follow(path);
        let prefix = prefix(&path);
        self.watch.before("list");
        let Some(entries) = unless_missing(fs::read_dir(folder_of(&path)))? else { return Ok(()) };
        for entry in entries {
            let entry = entry?;
            if !entry.file_name().to_str().is_some_and(|name| name.starts_with(&prefix)) {
                continue;
            }
            self.watch.before("open");
            let Ok(file) = File::open(entry.path()) else { continue };
            if file.try_lock().is_ok() {
                self.watch.before("sweep");
                // It does no harm where it is, and the next run tries again.
                drop(fs::remove_file(entry.path()));
            }
        }
        Ok(())
    }

    /// Locks a file, which is made for it and stays; nothing if another process has it.
    ///
    /// # Errors
    ///
    /// When it can neither be made nor locked.
    pub fn lock(&self, path: &Path) -> io::Result<Option<Lock>> {
        self.make_folder(folder_of(path))?;
        self.watch.before("open");
        let mut options = OpenOptions::new();
        options.write(true).create(true).truncate(false);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let file = options.open(path)?;
        self.watch.before("lock");
        match file.try_lock() {
            Ok(()) => Ok(Some(Lock { _file: file })),
            Err(TryLockError::WouldBlock) => Ok(None),
            Err(TryLockError::Error(error)) => Err(error),
        }
    }

    /// The file behind symbolic links, which need not exist yet.
    fn follow(&self, path: &Path) -> PathBuf {
        let mut path = path.to_owned();
        for _ in 0..MOST_LINKS {
            self.watch.before("readlink");
            let Ok(target) = fs::read_link(&path) else { break };
            path = path.parent().map_or(target.clone(), |folder| folder.join(target));
        }
        path
    }

    /// What is known of a file that is to be replaced. A rename asks only whether the folder can be
    /// written; whoever made the file read-only meant the file.
    fn writable(&self, path: &Path) -> io::Result<Option<Metadata>> {
        self.watch.before("stat");
        let Some(old) = unless_missing(fs::metadata(path))? else { return Ok(None) };
        if !old.is_file() {
            return Err(io::Error::new(io::ErrorKind::InvalidInput, "it is not a regular file"));
        }
        self.watch.before("open");
        let opened = OpenOptions::new().write(true).open(path);
        match opened {
            Ok(_) if !old.permissions().readonly() => Ok(Some(old)),
            Err(error) if error.kind() != io::ErrorKind::PermissionDenied => Err(error),
            _ => Err(io::Error::new(
                io::ErrorKind::PermissionDenied,
                "it is read-only and stays as it is; make it writable first",
            )),
        }
    }

    /// Makes a folder and those above it, for their owner alone.
    fn make_folder(&self, folder: &Path) -> io::Result<()> {
        self.watch.before("stat");
        if folder.is_dir() {
            return Ok(());
        }
        self.make_folder(folder_of(folder))?;
        let mut builder = DirBuilder::new();
        #[cfg(unix)]
        std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
        self.watch.before("mkdir");
        match builder.create(folder) {
            // Another was faster, or something that is no folder is in the way.
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists && folder.is_dir() => Ok(()),
            Err(error) => Err(error),
            Ok(()) => self.sync_folder(folder_of(folder)),
        }
    }

    #[cfg(unix)]
    fn keep_owner(&self, file: &NamedTempFile, old: &Metadata) -> io::Result<()> {
        use std::os::unix::fs::{MetadataExt as _, fchown};

        let new = file.as_file().metadata()?;
        if (new.uid(), new.gid()) == (old.uid(), old.gid()) {
            return Ok(());
        }
        self.watch.before("chown");
        fchown(file.as_file(), Some(old.uid()), Some(old.gid())).map_err(|error| {
            io::Error::new(error.kind(), format!("it belongs to somebody else: {error}"))
        })
    }

    #[cfg(not(unix))]
    #[expect(clippy::unused_self, clippy::unnecessary_wraps, reason = "elsewhere it can fail")]
    fn keep_owner(&self, _: &NamedTempFile, _: &Metadata) -> io::Result<()> {
        Ok(())
    }

    /// Makes a rename survive a loss of power, where a folder can be opened.
    fn sync_folder(&self, folder: &Path) -> io::Result<()> {
        if cfg!(not(unix)) {
            return Ok(());
        }
        self.watch.before("sync folder");
        match File::open(folder)?.sync_all() {
            // What the file system cannot do, nobody expects of it.
            Err(error) if error.kind() == io::ErrorKind::InvalidInput => Ok(()),
            result => result,
        }
    }
}

/// The beginning of the names of our temporary files beside a file.
fn prefix(path: &Path) -> String {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    format!(".{name}.interlingua-")
}

fn folder_of(path: &Path) -> &Path {
    match path.parent() {
        Some(folder) if folder != Path::new("") => folder,
        Some(_) => Path::new("."),
        None => path,
    }
}

fn unless_missing<T>(result: io::Result<T>) -> io::Result<Option<T>> {
    match result {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        result => result.map(Some),
    }
}

#[cfg(test)]
#[cfg(unix)]
mod tests {
    use std::cell::RefCell;
    use std::os::unix::fs::{PermissionsExt as _, symlink};

    use super::*;

    fn mode(path: &Path) -> u32 {
        fs::metadata(path).unwrap().permissions().mode() & 0o777
    }

    fn names(folder: &Path) -> Vec<String> {
        let entries = fs::read_dir(folder).unwrap();
        let mut names: Vec<_> =
            entries.map(|it| it.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    #[test]
    fn a_new_file_is_private_and_an_old_one_keeps_its_mode() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("deep/er/config.toml");
        assert_eq!(read(&file).unwrap(), "");
        write(&file, "a").unwrap();
        assert_eq!((read(&file).unwrap().as_str(), mode(&file)), ("a", 0o600));
        assert_eq!(mode(&folder.path().join("deep")), 0o700);
        assert_eq!(mode(&folder.path().join("deep/er")), 0o700);
        fs::set_permissions(&file, fs::Permissions::from_mode(0o640)).unwrap();
        write(&file, "b").unwrap();
        assert_eq!((read(&file).unwrap().as_str(), mode(&file)), ("b", 0o640));
    }

    #[test]
    fn a_look_sees_that_a_file_may_be_read_now() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("key");
        assert_eq!(look(&file), Look::default());
        fs::write(&file, "sk").unwrap();
        fs::set_permissions(&file, fs::Permissions::from_mode(0o000)).unwrap();
        let before = look(&file);
        assert_eq!(look(&file), before);
        // The clock of a file system has a coarse grain.
        std::thread::sleep(std::time::Duration::from_millis(20));
        fs::set_permissions(&file, fs::Permissions::from_mode(0o600)).unwrap();
        assert_ne!(look(&file), before);
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
        Files::new().remove(&outer).unwrap();
        assert!(outer.is_symlink() && inner.is_symlink() && !file.exists());
        Files::new().remove(&outer).unwrap();
    }

    #[test]
    fn nothing_is_left_behind_when_it_fails() {
        let folder = tempfile::tempdir().unwrap();
        let taken = folder.path().join("taken");
        fs::create_dir(&taken).unwrap();
        assert!(write(&taken, "text").is_err());
        assert_eq!(names(folder.path()), ["taken"]);
    }

    #[test]
    fn a_read_only_file_stays_as_it_is() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("file");
        fs::write(&file, "old").unwrap();
        fs::set_permissions(&file, fs::Permissions::from_mode(0o444)).unwrap();
        assert!(Files::new().check(&file).is_err());
        assert!(Files::new().check(&folder.path().join("new")).is_ok());
        let error = write(&file, "new").unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::PermissionDenied);
        assert!(error.to_string().contains("read-only"), "{error}");
        assert_eq!((read(&file).unwrap().as_str(), mode(&file)), ("old", 0o444));
        assert_eq!(names(folder.path()), ["file"]);
    }

    #[test]
    fn what_a_killed_run_left_is_swept_unless_somebody_is_at_it() {
        let folder = tempfile::tempdir().unwrap();
        let [stale, busy, other] = [".file.interlingua-1", ".file.interlingua-2", ".file.other"]
            .map(|name| folder.path().join(name));
        for path in [&stale, &busy, &other] {
            fs::write(path, "").unwrap();
        }
        let at_work = File::open(&busy).unwrap();
        at_work.try_lock().unwrap();
        write(&folder.path().join("file"), "text").unwrap();
        assert_eq!(names(folder.path()), [".file.interlingua-2", ".file.other", "file"]);
    }

    #[test]
    fn a_lock_has_one_holder() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("state/lock");
        let held = Files::new().lock(&path).unwrap();
        assert!(held.is_some());
        assert!(Files::new().lock(&path).unwrap().is_none());
        drop(held);
        assert!(Files::new().lock(&path).unwrap().is_some());
        assert_eq!(mode(&path), 0o600);
    }

    struct Noted(RefCell<Vec<&'static str>>);

    impl Watch for &Noted {
        fn before(&self, call: &'static str) {
            self.0.borrow_mut().push(call);
        }
    }

    /// The order is the promise: nothing is renamed that is not on the disk yet.
    #[test]
    fn each_call_is_seen_in_its_order() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("file");
        let noted = Noted(RefCell::default());
        fs::write(&file, "old").unwrap();
        Files::watched(&noted).write(&file, b"new").unwrap();
        let expected = [
            "readlink",
            "stat",
            "open",
            "stat",
            "readlink",
            "list",
            "create",
            "lock",
            "write",
            "chmod",
            "sync",
            "rename",
            "sync folder",
        ];
        assert_eq!(noted.0.take(), expected);
    }
}
