//! What we have changed, so that it can be put back.

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::plan::Changes;
use super::program::OwnKey;

/// All files that we have changed for a program, by what belongs together.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Journal<K: OwnKey> {
    /// One for each of the program's folders.
    pub homes: Vec<Home<K>>,
}

/// What we have changed in one of the program's folders.
#[derive(Clone, Debug, Eq, PartialEq, Serialize, Deserialize)]
#[serde(bound(deserialize = "K: DeserializeOwned"))]
pub struct Home<K: OwnKey> {
    /// The program's settings.
    pub config: FileEntry,
    /// What became of our keys in it.
    pub changes: Changes<K>,
    /// Files of ours that the settings speak of; the first is the one that is read. Another is there
    /// only while it is being put back.
    #[serde(default, alias = "catalogs")]
    pub beside: Vec<FileEntry>,
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
#[serde(bound(deserialize = "K: DeserializeOwned"))]
struct Saved<K: OwnKey> {
    schema: String,
    homes: Vec<Home<K>>,
}

impl<K: OwnKey> Default for Journal<K> {
    fn default() -> Self {
        Self { homes: Vec::new() }
    }
}

impl<K: OwnKey> Journal<K> {
    /// Reads what [`to_json`](Self::to_json) wrote.
    ///
    /// # Errors
    ///
    /// What is wrong with it.
    pub fn from_json(text: &[u8], schema: &str) -> Result<Self, String> {
        let saved: Saved<K> = serde_json::from_slice(text).map_err(|error| error.to_string())?;
        match saved.schema == schema {
            true => Ok(Self { homes: saved.homes }),
            false => Err(format!("it is of the schema `{}`, not `{schema}`", saved.schema)),
        }
    }

    /// For a file that only its owner reads: values of keys may be secrets.
    pub fn to_json(&self, schema: &str) -> String {
        format!("{:#}\n", json!({ "schema": schema, "homes": self.homes }))
    }

    /// What we have changed for the folder whose settings have this path.
    pub fn home(&self, config: &str) -> Option<&Home<K>> {
        self.homes.iter().find(|home| home.config.path == config)
    }

    /// Takes note of what is to be changed; nothing is left to put back for `None`.
    #[must_use]
    pub fn with(&self, config: &str, home: Option<Home<K>>) -> Self {
        let others = self.homes.iter().filter(|it| it.config.path != config);
        Self { homes: others.cloned().chain(home).collect() }
    }

    /// The digests whose bytes have to be kept.
    pub fn bases(&self) -> impl Iterator<Item = &str> {
        let entries = self.homes.iter().flat_map(|it| it.beside.iter().chain([&it.config]));
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

#[cfg(test)]
mod tests {
    use std::fmt;

    use super::*;

    #[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize, Deserialize)]
    struct Key;

    impl fmt::Display for Key {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("key")
        }
    }

    impl OwnKey for Key {
        fn is_secret(self) -> bool {
            false
        }
    }

    fn entry(path: &str) -> FileEntry {
        let [base, replaced] = [Some("b".to_owned()), None];
        FileEntry { path: path.to_owned(), base, replaced, after: "a".to_owned() }
    }

    #[test]
    fn what_is_noted_is_read_again() {
        let home = Home {
            config: entry("/c"),
            changes: Changes::default(),
            beside: vec![entry("/catalog.json")],
        };
        let journal: Journal<Key> = Journal::default().with("/c", Some(home));
        let text = journal.to_json("s/1");
        assert_eq!(Journal::from_json(text.as_bytes(), "s/1"), Ok(journal.clone()));
        // Earlier ones had another word for files beside the settings.
        let older = text.replace("\"beside\"", "\"catalogs\"");
        assert_eq!(Journal::from_json(older.as_bytes(), "s/1"), Ok(journal));
        let other = Journal::<Key>::from_json(text.as_bytes(), "t/1").unwrap_err();
        assert_eq!(other, "it is of the schema `s/1`, not `t/1`");
    }
}
