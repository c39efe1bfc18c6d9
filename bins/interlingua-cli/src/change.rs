//! Changing our own configuration file: checked whole, shown, and then written whole or not at all.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use clap::Args;
use interlingua_proxy::{Loaded, Start, StartError, load, load_edited};
use interlingua_registry::Snapshot;
use interlingua_registry::edit::Refused;
use interlingua_registry::files;

use crate::failure::Failure;
use crate::{diff, output, paths};

/// The file that a command changes, and whether it does.
#[derive(Clone, Debug, Args)]
pub(crate) struct Target {
    /// The configuration file to change instead of the usual one
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Show what would change, and change nothing
    #[arg(long)]
    pub(crate) dry_run: bool,
}

/// A configuration file that is about to be changed.
#[derive(Debug)]
pub(crate) struct ConfigFile {
    path: PathBuf,
    start: Start,
    text: String,
    dry_run: bool,
}

impl Target {
    /// Reads the file; one that is not there is empty.
    pub(crate) fn open(&self) -> Result<ConfigFile, Failure> {
        let path = match &self.config {
            Some(path) => path.clone(),
            None => paths::find()?.config,
        };
        let text = files::read(&path).map_err(|it| Failure::file(&path, &it))?;
        let start = Start { config: self.config.clone(), ..Start::default() };
        Ok(ConfigFile { path, start, text, dry_run: self.dry_run })
    }
}

impl ConfigFile {
    /// Where it is.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// What it holds.
    pub(crate) fn text(&self) -> &str {
        &self.text
    }

    /// The configuration as it is.
    pub(crate) fn now(&self) -> Result<Loaded, StartError> {
        load(&self.start)
    }

    /// The configuration as it would be with another text.
    ///
    /// # Errors
    ///
    /// All problems that it would have.
    pub(crate) fn check(&self, text: String) -> Result<Checked, StartError> {
        let snapshot = load_edited(&self.start, &self.path, &text)?.snapshot;
        Ok(Checked { text, snapshot })
    }

    /// The same, for those who cannot go on with problems.
    pub(crate) fn with(&self, text: String) -> Result<Checked, Failure> {
        self.check(text).map_err(not_written)
    }

    /// Shows the change and writes it, unless it is only to be shown. Tells whether it was written.
    ///
    /// # Errors
    ///
    /// The file was changed by somebody else meanwhile, or it cannot be written.
    pub(crate) fn commit(&self, Checked { text, .. }: &Checked) -> Result<bool, Failure> {
        let diff = diff::of(&self.path, &self.text, text);
        if self.dry_run {
            output::print(&diff)?;
            return Ok(false);
        }
        if *text == self.text {
            output::say("nothing to change");
            return Ok(false);
        }
        let now = files::read(&self.path).map_err(|it| Failure::file(&self.path, &it))?;
        if now != self.text {
            let path = self.path.display();
            return Err(Failure::config(format!(
                "{path} was changed by somebody else meanwhile; nothing was written, try again"
            )));
        }
        output::say(diff.trim_end());
        files::write(&self.path, text).map_err(|it| Failure::file(&self.path, &it))?;
        output::hint("a running gateway takes this up by itself");
        Ok(true)
    }
}

/// What a command says that would have made the configuration wrong.
pub(crate) fn not_written(error: StartError) -> Failure {
    match error {
        StartError::Config(problems) => Failure::config(format!(
            "nothing was written, because the configuration would be wrong:\n{problems}"
        )),
        error => error.into(),
    }
}

/// A text that makes a configuration without problems; no other is written.
#[derive(Debug)]
pub(crate) struct Checked {
    text: String,
    /// What it means.
    pub(crate) snapshot: Arc<Snapshot>,
}

impl Checked {
    /// The text itself.
    pub(crate) fn text(&self) -> &str {
        &self.text
    }
}

impl From<Refused> for Failure {
    fn from(error: Refused) -> Self {
        match error {
            Refused::Taken(_) | Refused::Unknown { .. } => Self::argument(error),
            error => Self::config(error),
        }
    }
}
