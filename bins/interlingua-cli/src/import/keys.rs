//! Files for keys that came with an import.

use std::io;
use std::path::{Path, PathBuf};

use interlingua_registry::{Secret, files};

use crate::failure::Failure;

/// A key, and the file that it goes into.
pub(super) struct KeyFile {
    path: PathBuf,
    secret: Secret,
}

impl KeyFile {
    /// The file for a provider's key, in the folder `keys` beside the configuration.
    ///
    /// # Errors
    ///
    /// There is such a file already, with another key in it.
    pub(super) fn beside(config: &Path, id: &str, secret: Secret) -> Result<Self, Failure> {
        let config = std::path::absolute(config).map_err(|it| Failure::file(config, &it))?;
        let path = config.with_file_name("keys").join(id);
        let there = files::read(&path).map_err(|it| Failure::file(&path, &it))?;
        if !there.is_empty() && there.trim() != secret.expose() {
            let path = path.display();
            return Err(Failure::argument(format!(
                "{path} holds another key already; move it away"
            )));
        }
        Ok(Self { path, secret })
    }

    /// How the configuration names it.
    pub(super) fn place(&self) -> Result<String, Failure> {
        let place = self.path.to_str().map(str::to_owned);
        place.ok_or_else(|| {
            Failure::argument("the key file's path is not Unicode, as TOML wants it")
        })
    }

    /// Writes the file, for its owner's eyes only.
    pub(super) fn write(&self) -> Result<(), Failure> {
        let failed = |it: io::Error| Failure::file(&self.path, &it);
        files::write(&self.path, &format!("{}\n", self.secret.expose())).map_err(failed)
    }
}
