use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use interlingua_dialect::{Dialects, Problem};
use interlingua_registry::files::{Look, look};
use interlingua_registry::load::{
    Paths, SystemKeys, discovered, load as load_layers, load_edited as load_layers_edited,
};
use interlingua_registry::{Discovered, Environment, Snapshot, check};

use crate::process::StartError;

/// What the command line says about the start.
#[derive(Clone, Debug, Default)]
pub struct Start {
    /// A configuration file, laid over the usual ones.
    pub config: Option<PathBuf>,
    /// Where to listen instead of the configured address.
    pub listen: Option<String>,
    /// A vendor preset that counts as a provider though neither a file nor a variable names it.
    pub preset: Option<String>,
}

/// A checked configuration, and where everything is kept.
#[derive(Clone, Debug)]
pub struct Loaded {
    /// The configuration.
    pub snapshot: Arc<Snapshot>,
    /// Where files are kept.
    pub paths: Paths,
    /// The folder of the user's own dialect records; it need not exist.
    pub records: PathBuf,
    pub(crate) files: Files,
    pub(crate) environment: Environment,
}

/// The files and folders that a configuration was made from, and those that were looked for, as they
/// were before they were read.
pub(crate) type Files = Vec<(PathBuf, Look)>;

/// Reads and checks the configuration.
///
/// # Errors
///
/// All problems of the configuration at once.
pub fn load(start: &Start) -> Result<Loaded, StartError> {
    load_with(start, None, None, &mut Files::new()).inspect(warn)
}

/// Reads and checks the configuration again, with what is known about providers' models by now. Tells
/// which files that depends on, also where it fails: one of them has to change before it succeeds.
pub(crate) fn reload(start: &Start, discovered: Discovered) -> (Files, Result<Loaded, StartError>) {
    let mut files = Files::new();
    let result = load_with(start, None, Some(discovered), &mut files);
    (files, result)
}

/// Reads and checks the configuration as it would be if the file at `path`, perhaps a dialect record, held
/// `text`.
///
/// # Errors
///
/// All problems of that configuration at once.
pub fn load_edited(start: &Start, path: &Path, text: &str) -> Result<Loaded, StartError> {
    load_with(start, Some((path, text)), None, &mut Files::new()).inspect(warn)
}

fn warn(loaded: &Loaded) {
    for warning in loaded.snapshot.warnings() {
        tracing::warn!("{warning}");
    }
}

fn load_with(
    start: &Start,
    edited: Option<(&Path, &str)>,
    known: Option<Discovered>,
    files: &mut Files,
) -> Result<Loaded, StartError> {
    let environment = Environment::of_process();
    let paths = Paths::find(&environment).ok_or(StartError::NoHome)?;
    let named = start.config.as_deref();
    let config = named.unwrap_or(&paths.config);
    let layers = [Some(paths.config.as_path()), Some(config), paths.system_config.as_deref()];
    files.extend(layers.into_iter().flatten().map(|path| (path.to_owned(), look(path))));
    let mut raw = match edited {
        Some((path, text)) => load_layers_edited(&paths, named, &environment, path, text),
        None => load_layers(&paths, named, &environment),
    };
    raw = raw.discovered(known.unwrap_or_else(|| discovered(&paths)));
    if let Some(listen) = &start.listen {
        raw = raw.flag("--listen", "listen", listen);
    }
    if let Some(id) = &start.preset {
        raw = raw.flag("--model", &format!("providers.{id}.preset"), id);
    }
    let records = config.with_file_name("dialects.d");
    let dialects = match dialects(&records, edited, files) {
        Ok(dialects) => dialects,
        Err(problems) => {
            raw = raw.wrong_dialects(problems);
            Dialects::builtin()
        }
    };
    let keys = SystemKeys::new(&environment);
    let checked = check(&raw, &Arc::new(dialects), &keys);
    files.extend(keys.into_files());
    let snapshot = Arc::new(checked.map_err(StartError::Config)?);
    Ok(Loaded { snapshot, paths, records, files: files.clone(), environment })
}

/// The built-in dialects, and the user's own from a folder; or all that is wrong with those.
fn dialects(
    folder: &Path,
    edited: Option<(&Path, &str)>,
    read: &mut Files,
) -> Result<Dialects, Vec<Problem>> {
    read.push((folder.to_owned(), look(folder)));
    let there = fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path());
    let edited = edited.filter(|(path, _)| path.parent() == Some(folder));
    let files = there.chain(edited.map(|(path, _)| path.to_owned()));
    // The order of a folder is an accident; that of names is not.
    let files: BTreeSet<PathBuf> =
        files.filter(|path| path.extension().is_some_and(|it| it == "toml")).collect();
    read.extend(files.iter().map(|path| (path.clone(), look(path))));
    let (mut records, mut problems) = (Vec::new(), Vec::new());
    for path in files {
        let file = path.display().to_string();
        let text = match edited.filter(|(edited, _)| *edited == path) {
            Some((_, text)) => Ok(text.to_owned()),
            None => fs::read_to_string(&path),
        };
        match text {
            Ok(text) => records.push((file, text)),
            Err(error) => {
                let message = format!("cannot be read: {error}");
                problems.push(Problem { file, line: 1, column: 1, message });
            }
        }
    }
    match Dialects::builtin().with(records) {
        Ok(dialects) if problems.is_empty() => Ok(dialects),
        Ok(_) => Err(problems),
        Err(found) => Err([problems, found].concat()),
    }
}
