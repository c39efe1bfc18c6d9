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

/// Reads and checks the configuration as it would be if the file at `path` held `text`.
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
    let dialects = Arc::new(dialects(config, files)?);
    let keys = SystemKeys::new(&environment);
    let checked = check(&raw, &dialects, &keys);
    files.extend(keys.into_files());
    let snapshot = Arc::new(checked.map_err(StartError::Config)?);
    Ok(Loaded { snapshot, paths, files: files.clone(), environment })
}

/// The built-in dialects, and the user's own from the folder `dialects.d` beside the configuration.
fn dialects(config: &Path, read: &mut Files) -> Result<Dialects, StartError> {
    let folder = config.with_file_name("dialects.d");
    read.push((folder.clone(), look(&folder)));
    let Ok(entries) = fs::read_dir(&folder) else { return Ok(Dialects::builtin()) };
    let mut files: Vec<PathBuf> = entries.flatten().map(|entry| entry.path()).collect();
    files.retain(|path| path.extension().is_some_and(|it| it == "toml"));
    // The order of a folder is an accident; that of names is not.
    files.sort();
    read.extend(files.iter().map(|path| (path.clone(), look(path))));
    let mut records = Vec::new();
    let mut problems = Vec::new();
    for path in files {
        match fs::read_to_string(&path) {
            Ok(text) => records.push((path.display().to_string(), text)),
            Err(error) => problems.push(format!("{}: {error}", path.display())),
        }
    }
    let records = records.iter().map(|(name, text)| (name.as_str(), text.as_str()));
    match Dialects::builtin().with(records) {
        Ok(dialects) if problems.is_empty() => Ok(dialects),
        Ok(_) => Err(StartError::Dialects(problems)),
        Err(found) => {
            problems.extend(found.iter().map(Problem::to_string));
            Err(StartError::Dialects(problems))
        }
    }
}
