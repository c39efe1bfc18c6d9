//! Carries plans out, so that whatever happens in between can be put back.
//!
//! The order is what counts: first the bytes that a restore needs, then the journal that knows them,
//! then the user's files. A run that is killed leaves old files and a journal that has nothing to put
//! back, or new ones and a journal that can.

use std::error::Error;
use std::fmt;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use super::journal::{FileEntry, Home, Journal, digest};
use super::plan::{Applied, Changes, Plan, Undo, plan, undo};
use super::program::{Program, Wishes};
use crate::files::{Files, Lock, Watch};

/// Why a program's files stay as they are; `E` says why its settings cannot be edited.
#[non_exhaustive]
#[derive(Debug, thiserror::Error)]
pub enum ApplyError<E: Error + 'static> {
    /// Another of us is at work.
    #[error("another `interlingua` is at work on these files; try again when it has ended")]
    Busy,
    /// A file has changed since it was read.
    #[error("{}: another program has just changed it; run this again", path.display())]
    Meanwhile {
        /// The file.
        path: PathBuf,
    },
    /// A file cannot be read or written.
    #[error("{}: {source}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// The settings cannot be edited.
    #[error("{}: {source}", path.display())]
    Edit {
        /// The file.
        path: PathBuf,
        /// Why not.
        source: E,
    },
    /// What we have noted cannot be used.
    #[error("{}: {what}; what was there before lies beside it, in files that end in `.base`", path.display())]
    Journal {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        what: String,
    },
    /// A path cannot be written down.
    #[error("{}: this path is not Unicode, as the journal wants it", path.display())]
    Path {
        /// The path.
        path: PathBuf,
    },
}

/// One of a program's folders as it is now.
pub struct View<P: Program, W = ()> {
    files: Files<W>,
    /// Our folder in the state directory.
    folder: PathBuf,
    config: PathBuf,
    name: String,
    current: Option<String>,
    journal: Journal<P::Key>,
}

impl<P: Program, W> fmt::Debug for View<P, W> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The text of the file may hold secrets.
        f.debug_struct("View").field("config", &self.config).finish_non_exhaustive()
    }
}

/// The same, while nobody else of us may change it.
pub struct Session<P: Program, W = ()> {
    view: View<P, W>,
    _lock: Lock,
}

impl<P: Program, W> fmt::Debug for Session<P, W> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Session").field("view", &self.view).finish_non_exhaustive()
    }
}

/// A file of ours that the settings speak of.
#[derive(Clone, Copy, Debug)]
pub struct Beside<'a> {
    /// The absolute path.
    pub path: &'a Path,
    /// What is to stand in it.
    pub text: &'a str,
}

type Done<T, P> = Result<T, ApplyError<<P as Program>::Error>>;

impl<P: Program, W: Watch> View<P, W> {
    /// Reads a folder of the program and what we have changed in it. Nothing need be there.
    ///
    /// # Errors
    ///
    /// [`ApplyError`] when something is there and cannot be read.
    pub fn read(files: Files<W>, home: &Path, state: &Path) -> Done<Self, P> {
        let config = home.join(P::FILE);
        let config = std::path::absolute(&config)
            .map_err(|source| ApplyError::File { path: config, source })?;
        let name = unicode(&config)?;
        let folder = state.join(P::FOLDER);
        let bytes = read(&files, &config)?;
        let current = bytes.map(|bytes| text::<P>(&config, bytes)).transpose()?;
        let journal = read_journal::<P, _>(&files, &folder)?;
        Ok(Self { files, folder, config, name, current, journal })
    }

    /// Whether we have ever changed anything, here or in another folder.
    pub fn has_traces(&self) -> bool {
        self.folder.is_dir()
    }

    /// The path of the program's settings.
    pub fn config(&self) -> &Path {
        &self.config
    }

    /// Their text; nothing if there are none.
    pub fn text(&self) -> Option<&str> {
        self.current.as_deref()
    }

    /// What we have changed in this folder.
    pub fn applied(&self) -> Option<&Home<P::Key>> {
        self.journal.home(&self.name)
    }

    /// The other settings of the program that we have changed.
    pub fn elsewhere(&self) -> impl Iterator<Item = &str> {
        let paths = self.journal.homes.iter().map(|home| home.config.path.as_str());
        paths.filter(|path| *path != self.name)
    }

    /// Plans how the program is sent to the gateway.
    ///
    /// # Errors
    ///
    /// [`ApplyError::Edit`] when the file cannot be read as settings or not be edited safely.
    pub fn plan(&self, wishes: &impl Wishes<P::Key>) -> Done<Plan<P::Key>, P> {
        let base = self.base()?;
        let applied = self.applied().map(|home| self.as_applied(home, base.as_deref()));
        plan::<P>(self.text(), applied, wishes).map_err(|source| self.cannot_edit(source))
    }

    /// What a restore would give; nothing if nothing was applied.
    ///
    /// # Errors
    ///
    /// [`ApplyError::Edit`] when the file has been changed and cannot be read as settings any more.
    pub fn undo(&self) -> Done<Option<Undo<P::Key>>, P> {
        let Some(home) = self.applied() else { return Ok(None) };
        let base = self.base()?;
        let result = undo::<P>(self.text(), self.as_applied(home, base.as_deref()));
        result.map(Some).map_err(|source| self.cannot_edit(source))
    }

    /// What has become of the file.
    ///
    /// # Errors
    ///
    /// [`ApplyError::Edit`] when the file cannot be read as settings.
    pub fn setup(&self) -> Done<P::Setup, P> {
        let none = Changes::default();
        let changes = self.applied().map_or(&none, |home| &home.changes);
        let result = P::setup(self.text().unwrap_or_default(), changes);
        result.map_err(|source| self.cannot_edit(source))
    }

    fn as_applied<'a>(&self, home: &'a Home<P::Key>, base: Option<&'a str>) -> Applied<'a, P::Key> {
        let untouched = home.config.knows(self.text().map(str::as_bytes));
        Applied { changes: &home.changes, base, untouched }
    }

    fn cannot_edit(&self, source: P::Error) -> ApplyError<P::Error> {
        ApplyError::Edit { path: self.config.clone(), source }
    }

    /// The text that was in the settings before us.
    fn base(&self) -> Done<Option<String>, P> {
        let Some(home) = self.applied() else { return Ok(None) };
        let bytes = self.kept(&home.config)?;
        bytes.map(|bytes| text::<P>(&self.config, bytes)).transpose()
    }

    /// The bytes that were in a file before us.
    fn kept(&self, entry: &FileEntry) -> Done<Option<Vec<u8>>, P> {
        let Some(name) = &entry.base else { return Ok(None) };
        let path = base_path(&self.folder, name);
        match read(&self.files, &path)? {
            Some(bytes) if digest(&bytes) == *name => Ok(Some(bytes)),
            _ => Err(ApplyError::Journal {
                path,
                what: format!("the copy of `{}` is missing or damaged", entry.path),
            }),
        }
    }
}

impl<P: Program, W: Watch> Session<P, W> {
    /// Reads a folder of the program and keeps others of us away from it.
    ///
    /// # Errors
    ///
    /// [`ApplyError::Busy`] when another has it.
    pub fn begin(files: Files<W>, home: &Path, state: &Path) -> Done<Self, P> {
        let lock = lock(&files, &state.join(P::FOLDER))?;
        Ok(Self { view: View::read(files, home, state)?, _lock: lock })
    }

    /// The folder as it was when the session began.
    pub fn view(&self) -> &View<P, W> {
        &self.view
    }

    /// Carries a plan out, and writes the file that it speaks of.
    ///
    /// # Errors
    ///
    /// [`ApplyError`] when a file cannot be written. What was done until then can be restored.
    pub fn apply(self, plan: &Plan<P::Key>, beside: Option<Beside<'_>>) -> Done<(), P> {
        let view = &self.view;
        view.check(&view.config)?;
        beside.map_or(Ok(()), |beside| view.check(beside.path))?;
        let old = view.applied();
        let beside = beside.map(|it| Ok((it, view.beside_entry(&it)?))).transpose()?;
        let home = Home {
            config: view.config_entry(plan),
            changes: plan.changes.clone(),
            beside: beside.iter().map(|(_, entry)| entry.clone()).collect(),
        };
        // Who had all this already needs no restore.
        if home.changes.keys.is_empty() && home.beside.is_empty() && old.is_none() {
            return Ok(());
        }
        let stays = |it: &&FileEntry| !home.beside.iter().any(|new| new.path == it.path);
        let leaving: Vec<_> = old.iter().flat_map(|it| &it.beside).filter(stays).cloned().collect();
        let mut both = home.clone();
        both.beside.extend(leaving.iter().cloned());
        if old != Some(&both) {
            view.keep(plan.base.as_deref().map(str::as_bytes))?;
            view.note(Some(both))?;
        }
        if let Some((beside, _)) = &beside {
            view.put(beside.path, Some(beside.text.as_bytes()))?;
        }
        view.put_config(Some(&plan.after))?;
        if !leaving.is_empty() {
            for entry in &leaving {
                view.put(Path::new(&entry.path), view.kept(entry)?.as_deref())?;
            }
            view.note(Some(home.clone()))?;
        }
        view.forget(&view.journal.with(&view.name, Some(home)))
    }

    /// Clears away what killed runs have left where nothing is to be put back.
    ///
    /// # Errors
    ///
    /// [`ApplyError`] when our folder cannot be cleared.
    pub fn tidy(self) -> Done<(), P> {
        let view = &self.view;
        let swept = view.files.sweep(&view.config);
        swept.map_err(|source| ApplyError::File { path: view.config.clone(), source })?;
        view.forget(&view.journal)
    }

    /// Puts back what was there before us. The journal forgets this home.
    ///
    /// # Errors
    ///
    /// [`ApplyError`] when a file cannot be written; a second run goes on where this one stopped.
    pub fn restore(self, undo: &Undo<P::Key>) -> Done<(), P> {
        let view = &self.view;
        view.put_config(undo.text.as_deref())?;
        for entry in view.applied().into_iter().flat_map(|home| &home.beside) {
            view.put(Path::new(&entry.path), view.kept(entry)?.as_deref())?;
        }
        view.note(None)?;
        view.forget(&view.journal.with(&view.name, None))
    }
}

impl<P: Program, W: Watch> View<P, W> {
    /// Refuses what could not be carried out, before anything is noted.
    fn check(&self, path: &Path) -> Done<(), P> {
        let failed = |source| ApplyError::File { path: path.to_owned(), source };
        self.files.check(path).map_err(failed)
    }

    fn config_entry(&self, plan: &Plan<P::Key>) -> FileEntry {
        let name = |text: &Option<String>| text.as_deref().map(|it| digest(it.as_bytes()));
        let base = name(&plan.base);
        let old = self.applied().map(|home| &home.config).filter(|old| old.base == base);
        let replaced = match old {
            Some(old) if plan.is_noop() => old.replaced.clone(),
            _ => name(&plan.current),
        };
        FileEntry { path: self.name.clone(), base, replaced, after: digest(plan.after.as_bytes()) }
    }

    fn beside_entry(&self, beside: &Beside<'_>) -> Done<FileEntry, P> {
        let path = unicode(beside.path)?;
        let current = read(&self.files, beside.path)?;
        let mut old = self.applied().into_iter().flat_map(|home| &home.beside);
        let (replaced, after) = (current.as_deref().map(digest), digest(beside.text.as_bytes()));
        match old.find(|entry| entry.path == path) {
            Some(entry) if replaced.as_ref() == Some(&after) => {
                Ok(FileEntry { path, after, ..entry.clone() })
            }
            Some(entry) => Ok(FileEntry { path, replaced, after, ..entry.clone() }),
            None => {
                self.keep(current.as_deref())?;
                Ok(FileEntry { path, base: replaced.clone(), replaced, after })
            }
        }
    }

    /// Keeps bytes under their digest, so that an older journal finds its own as long as it stands.
    fn keep(&self, bytes: Option<&[u8]>) -> Done<(), P> {
        bytes
            .map_or(Ok(()), |bytes| self.put(&base_path(&self.folder, &digest(bytes)), Some(bytes)))
    }

    fn note(&self, home: Option<Home<P::Key>>) -> Done<(), P> {
        let journal = self.journal.with(&self.name, home);
        let text = journal.to_json(P::SCHEMA);
        let text = (!journal.homes.is_empty()).then_some(text.as_bytes());
        self.put(&journal_path(&self.folder), text)
    }

    /// Removes the copies that a journal does not need, and what killed runs left in our folder.
    fn forget(&self, journal: &Journal<P::Key>) -> Done<(), P> {
        let failed = |source| ApplyError::File { path: self.folder.clone(), source };
        for entry in fs::read_dir(&self.folder).map_err(failed)? {
            let path = entry.map_err(failed)?.path();
            let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
            // What a killed run left of a copy begins with the name of the copy.
            let copy = name.trim_start_matches('.').split_once(BASE);
            if let Some((digest, _)) = copy
                && !journal.bases().any(|base| base == digest)
            {
                self.put(&base_path(&self.folder, digest), None)?;
            }
        }
        self.files.sweep(&journal_path(&self.folder)).map_err(failed)
    }

    /// Writes the settings, unless somebody else was faster.
    fn put_config(&self, text: Option<&str>) -> Done<(), P> {
        let now = read(&self.files, &self.config)?;
        if now.as_deref() != self.text().map(str::as_bytes) {
            return Err(ApplyError::Meanwhile { path: self.config.clone() });
        }
        self.put(&self.config, text.map(str::as_bytes))
    }

    /// Gives a file these bytes, or removes it, if that is not so already. What a killed run left
    /// beside it goes in either case.
    fn put(&self, path: &Path, bytes: Option<&[u8]>) -> Done<(), P> {
        let failed = |source| ApplyError::File { path: path.to_owned(), source };
        self.files.sweep(path).map_err(failed)?;
        if read(&self.files, path)?.as_deref() == bytes {
            return Ok(());
        }
        match bytes {
            Some(bytes) => self.files.write(path, bytes).map_err(failed),
            None => self.files.remove(path).map_err(failed),
        }
    }
}

/// Keeps the files that settings speak of in step with a gateway, and says which there are. `make` is
/// given the settings, where they can be read. A restore that is at work is not disturbed.
///
/// # Errors
///
/// [`ApplyError::Busy`] when another of us is at work; whoever keeps the files in step tries again.
pub fn rewrite_beside<P: Program>(
    state: &Path,
    make: impl Fn(Option<&str>) -> String,
) -> Done<Vec<PathBuf>, P> {
    let (files, folder) = (Files::new(), state.join(P::FOLDER));
    // Who never had such a file gets no folder either.
    if read_journal::<P, _>(&files, &folder)?.homes.iter().all(|home| home.beside.is_empty()) {
        return Ok(Vec::new());
    }
    let _lock = lock(&files, &folder)?;
    let mut rewritten = Vec::new();
    for home in read_journal::<P, _>(&files, &folder)?.homes {
        let Some(entry) = home.beside.first() else { continue };
        let path = PathBuf::from(&entry.path);
        let config = read(&files, Path::new(&home.config.path))?.unwrap_or_default();
        // Settings that cannot be read are no reason to leave the file as it is.
        let text = make(String::from_utf8(config).ok().as_deref());
        if read(&files, &path)?.as_deref() != Some(text.as_bytes()) {
            let written = files.write(&path, text.as_bytes());
            written.map_err(|source| ApplyError::File { path: path.clone(), source })?;
        }
        rewritten.push(path);
    }
    Ok(rewritten)
}

/// What the names of kept bytes end in.
const BASE: &str = ".base";

fn base_path(folder: &Path, digest: &str) -> PathBuf {
    folder.join(format!("{digest}{BASE}"))
}

fn journal_path(folder: &Path) -> PathBuf {
    folder.join("journal.json")
}

fn read_journal<P: Program, W: Watch>(files: &Files<W>, folder: &Path) -> Done<Journal<P::Key>, P> {
    let path = journal_path(folder);
    let Some(bytes) = read(files, &path)? else { return Ok(Journal::default()) };
    Journal::from_json(&bytes, P::SCHEMA).map_err(|what| ApplyError::Journal { path, what })
}

fn lock<W: Watch, E: Error>(files: &Files<W>, folder: &Path) -> Result<Lock, ApplyError<E>> {
    let path = folder.join("lock");
    let lock = files.lock(&path).map_err(|source| ApplyError::File { path, source })?;
    lock.ok_or(ApplyError::Busy)
}

fn read<W: Watch, E: Error>(
    files: &Files<W>,
    path: &Path,
) -> Result<Option<Vec<u8>>, ApplyError<E>> {
    files.read(path).map_err(|source| ApplyError::File { path: path.to_owned(), source })
}

fn text<P: Program>(path: &Path, bytes: Vec<u8>) -> Done<String, P> {
    String::from_utf8(bytes).map_err(|error| ApplyError::Edit {
        path: path.to_owned(),
        source: P::not_utf8(error.utf8_error().valid_up_to()),
    })
}

fn unicode<E: Error>(path: &Path) -> Result<String, ApplyError<E>> {
    let text = path.to_str().map(str::to_owned);
    text.ok_or_else(|| ApplyError::Path { path: path.to_owned() })
}
