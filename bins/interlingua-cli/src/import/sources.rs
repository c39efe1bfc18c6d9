//! Where the files of other tools are.

use std::io::{self, Read as _};
use std::path::{Path, PathBuf};

use interlingua_registry::Environment;
use interlingua_registry::import::{Import, Imported, Note, Tool, generic_variables, read};

use crate::failure::Failure;

/// Nothing that is larger holds a list of providers.
const LARGEST: u64 = 64 << 20;

/// What all files together hold.
#[derive(Default)]
pub(super) struct Found {
    pub(super) providers: Vec<Imported>,
    pub(super) notes: Vec<Note>,
    /// What was read.
    pub(super) places: Vec<String>,
}

/// Reads the file that was named, or those in the usual places.
pub(super) fn find(word: &str, from: Option<Tool>, taken: &[String]) -> Result<Found, Failure> {
    let mut found = Found::default();
    match word {
        "auto" => usual(from, taken, &mut found)?,
        "-" => {
            let text =
                text_of(io::stdin().lock()).map_err(|it| Failure::file(Path::new("-"), &it))?;
            found.take("-", one(&text, from, taken, "what was piped in")?);
        }
        link if link.starts_with("ccswitch:") => {
            let what = "a deep link may hold a key, which every program on this machine can read in an \
                        argument; pipe it in: `interlingua import -`";
            return Err(Failure::argument(what));
        }
        path => {
            let import = file(Path::new(path), from, taken)?;
            found.take(path, import);
        }
    }
    Ok(found)
}

impl Found {
    fn take(&mut self, place: &str, import: Import) {
        self.places.push(place.to_owned());
        self.providers.extend(import.providers);
        self.notes.extend(import.notes);
    }
}

fn file(path: &Path, from: Option<Tool>, taken: &[String]) -> Result<Import, Failure> {
    let opened = std::fs::File::open(path).and_then(text_of);
    let text = opened.map_err(|error| match error.kind() {
        io::ErrorKind::InvalidData => Failure::argument(format!(
            "{} is not text; a database of cc-switch is exported as SQL by its own settings first",
            path.display()
        )),
        _ => Failure::file(path, &error),
    })?;
    one(&text, from, taken, &path.display().to_string())
}

fn one(text: &str, from: Option<Tool>, taken: &[String], place: &str) -> Result<Import, Failure> {
    let tool = from.or_else(|| Tool::of(text)).ok_or_else(|| {
        Failure::argument(format!("{place}: its text does not tell whose file it is; say `--from`"))
    })?;
    read(tool, text, taken).map_err(|it| Failure::argument(format!("{place}: {it}")))
}

fn text_of(from: impl io::Read) -> io::Result<String> {
    let mut text = String::new();
    from.take(LARGEST).read_to_string(&mut text)?;
    Ok(text)
}

/// Looks where each tool keeps its file. Ids that one file has are taken for the next.
fn usual(from: Option<Tool>, taken: &[String], found: &mut Found) -> Result<(), Failure> {
    let environment = Environment::of_process();
    let home = environment.get("HOME").map(PathBuf::from).or_else(std::env::home_dir);
    let below = |path: &str| home.as_ref().map(|home| home.join(path));
    let named = environment.get("MIMO2CODEX_PROVIDERS_FILE").map(PathBuf::from);
    let places = [
        (Tool::Mimo2codex, named.or_else(|| below(".mimo2codex/providers.json"))),
        (Tool::ClaudeCodeRouter, below(".claude-code-router/config.json")),
        (Tool::CcSwitch, below(".cc-switch/config.json")),
    ];
    let mut taken = taken.to_vec();
    for (tool, path) in places {
        if from.is_some_and(|from| from != tool) {
            continue;
        }
        let path = path.filter(|path| path.exists());
        let import = match &path {
            Some(path) => Some(file(path, Some(tool), &taken)?),
            // The variables count only where there is no file, as they do there.
            None if tool == Tool::Mimo2codex => {
                generic_variables(|name| environment.get(name).map(str::to_owned), &taken)
            }
            None => None,
        };
        if let Some(import) = import {
            taken.extend(import.providers.iter().flat_map(|it| {
                [Some(it.draft.id.clone()), it.draft.shortcut.clone()].into_iter().flatten()
            }));
            let place = path.map_or("GENERIC_*".to_owned(), |it| it.display().to_string());
            found.take(&place, import);
        }
    }
    let database = below(".cc-switch/cc-switch.db").filter(|it| it.exists());
    if let Some(database) = database.filter(|_| from.is_none_or(|it| it == Tool::CcSwitch)) {
        let what = "a database is not read; export it as SQL in the settings of cc-switch, and import that";
        let about = database.display().to_string();
        found.notes.push(Note { about, what: what.to_owned() });
    }
    Ok(())
}
