use std::fs;
use std::marker::PhantomData;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use interlingua_registry::files::{Files, Watch};
use interlingua_registry::foreign::{ApplyError, Beside, Plan, Program, Session, View, Wishes};
use tempfile::TempDir;

/// What a program is set up with.
pub(crate) trait Options<P: Program>: Wishes<P::Key> {
    /// A file of ours that the settings speak of.
    fn beside(&self) -> Option<Beside<'_>> {
        None
    }
}

/// A folder of the program's and our state, in a folder of their own.
pub(crate) struct Place<P> {
    folder: TempDir,
    program: PhantomData<P>,
}

impl<P: Program> Place<P> {
    /// With these settings, if any.
    pub(crate) fn new(settings: Option<&[u8]>) -> Self {
        // Thousands of syncs take minutes on a disk and none of them is tested here: no machine loses
        // power.
        let memory = Path::new("/dev/shm");
        let folder = match memory.is_dir() {
            true => tempfile::tempdir_in(memory),
            false => tempfile::tempdir(),
        };
        let place = Self { folder: folder.unwrap(), program: PhantomData };
        fs::create_dir(place.home()).unwrap();
        if let Some(settings) = settings {
            fs::write(place.config(), settings).unwrap();
        }
        place
    }

    pub(crate) fn path(&self) -> &Path {
        self.folder.path()
    }

    /// The program's folder.
    pub(crate) fn home(&self) -> PathBuf {
        self.path().join(P::FOLDER)
    }

    /// Its settings.
    pub(crate) fn config(&self) -> PathBuf {
        self.home().join(P::FILE)
    }

    pub(crate) fn state(&self) -> PathBuf {
        self.path().join("state")
    }

    /// The bytes of the settings.
    pub(crate) fn bytes(&self) -> Option<Vec<u8>> {
        fs::read(self.config()).ok()
    }

    /// Their text.
    pub(crate) fn text(&self) -> String {
        String::from_utf8(self.bytes().unwrap()).unwrap()
    }

    pub(crate) fn view(&self) -> View<P> {
        View::read(Files::new(), &self.home(), &self.state()).unwrap()
    }

    pub(crate) fn apply(
        &self,
        options: &impl Options<P>,
    ) -> Result<Plan<P::Key>, ApplyError<P::Error>> {
        let session = begin::<P, _>(Files::new(), &self.home(), &self.state())?;
        let plan = session.view().plan(options)?;
        session.apply(&plan, options.beside())?;
        Ok(plan)
    }

    /// Restores, and gives the keys that stay.
    pub(crate) fn restore(&self) -> Result<Vec<P::Key>, ApplyError<P::Error>> {
        let session = begin::<P, _>(Files::new(), &self.home(), &self.state())?;
        let Some(undo) = session.view().undo()? else {
            session.tidy()?;
            return Ok(Vec::new());
        };
        session.restore(&undo)?;
        Ok(undo.kept)
    }

    /// The names of all files in a folder of it.
    pub(crate) fn names(&self, folder: &str) -> Vec<String> {
        let entries = fs::read_dir(self.path().join(folder)).into_iter().flatten();
        let mut names: Vec<_> =
            entries.map(|it| it.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }
}

/// Begins a session. Between fork and exec, the children that other tests start hold
/// what is locked here, so one who meets a lock asks again for a while.
pub(crate) fn begin<P: Program, W: Watch>(
    files: Files<W>,
    home: &Path,
    state: &Path,
) -> Result<Session<P, W>, ApplyError<P::Error>>
where
    Files<W>: Clone,
{
    let until = Instant::now() + Duration::from_secs(2);
    loop {
        match Session::begin(files.clone(), home, state) {
            Err(ApplyError::Busy) if Instant::now() < until => {
                std::thread::sleep(Duration::from_millis(1));
            }
            result => return result,
        }
    }
}

/// The files of a folder of fixtures, by their names.
pub(crate) fn corpus(folder: &str, least: usize) -> Vec<(String, Vec<u8>)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fixtures").join(folder);
    let entries = fs::read_dir(folder).unwrap().map(|it| it.unwrap().path());
    let mut files: Vec<_> = entries
        .map(|path| {
            (path.file_stem().unwrap().to_str().unwrap().to_owned(), fs::read(&path).unwrap())
        })
        .collect();
    files.sort();
    assert!(files.len() >= least, "the corpus is not whole: {}", files.len());
    files
}
