//! What we have changed, so that it can be put back.

use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::plan::Changes;

const SCHEMA: &str = "interlingua.codex-journal/1";

/// All files that we have changed, by what belongs together.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Journal {
    /// One for each of Codex's homes.
    pub homes: Vec<Home>,
}

/// What we have changed for one of Codex's homes.
#[derive(Clone, Debug, Eq, PartialEq, Serialize, Deserialize)]
pub struct Home {
    /// Codex's `config.toml`.
    pub config: FileEntry,
    /// What became of our keys in it.
    pub changes: Changes,
    /// Catalog files; the first is the one that Codex reads. Another is there only while it is being
    /// put back.
    pub catalogs: Vec<FileEntry>,
}

/// What we have changed about one file.
#[derive(Clone, Debug, Eq, PartialEq, Serialize, Deserialize)]
pub struct FileEntry {
    /// Its absolute path.
    pub path: String,
    /// The [digest] of what a restore is to give; nothing if there was no file. The bytes are
    /// kept in a file of this name.
    pub base: Option<String>,
    /// The digest of what we replaced. A run that was killed may have left it there.
    pub replaced: Option<String>,
    /// The digest of what we wrote.
    pub after: String,
}

#[derive(Deserialize)]
struct Saved {
    schema: String,
    homes: Vec<Home>,
}

impl Journal {
    /// Reads what [`to_json`](Self::to_json) wrote.
    ///
    /// # Errors
    ///
    /// What is wrong with it.
    pub fn from_json(text: &[u8]) -> Result<Self, String> {
        let saved: Saved = serde_json::from_slice(text).map_err(|error| error.to_string())?;
        match saved.schema == SCHEMA {
            true => Ok(Self { homes: saved.homes }),
            false => Err(format!("it is of the schema `{}`, not `{SCHEMA}`", saved.schema)),
        }
    }

    /// For a file that only its owner reads: values of keys may be secrets.
    pub fn to_json(&self) -> String {
        format!("{:#}\n", json!({ "schema": SCHEMA, "homes": self.homes }))
    }

    /// What we have changed for the home whose configuration has this path.
    pub fn home(&self, config: &str) -> Option<&Home> {
        self.homes.iter().find(|home| home.config.path == config)
    }

    /// Takes note of what is to be changed; nothing is left to put back for `None`.
    #[must_use]
    pub fn with(&self, config: &str, home: Option<Home>) -> Self {
        let others = self.homes.iter().filter(|it| it.config.path != config);
        Self { homes: others.cloned().chain(home).collect() }
    }

    /// The digests whose bytes have to be kept.
    pub fn bases(&self) -> impl Iterator<Item = &str> {
        let entries = self.homes.iter().flat_map(|it| it.catalogs.iter().chain([&it.config]));
        entries.filter_map(|entry| entry.base.as_deref())
    }
}

impl FileEntry {
    /// Whether bytes are what we left in the file, or were about to replace when a run was killed.
    pub fn knows(&self, bytes: Option<&[u8]>) -> bool {
        let digest = bytes.map(digest);
        digest == self.replaced || digest.as_ref() == Some(&self.after)
    }
}

/// The name of some bytes.
pub fn digest(bytes: &[u8]) -> String {
    blake3::hash(bytes).to_hex().to_string()
}
