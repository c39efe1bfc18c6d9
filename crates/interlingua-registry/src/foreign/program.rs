use std::error::Error;
use std::fmt::{Debug, Display};

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value as Json;

use super::Changes;

/// A program whose settings stand in one file, and which keys in it are ours.
///
/// Sources are values as they stand in a file, quotes included. Every function is given a whole text.
pub trait Program {
    /// The name of the file in the program's folder.
    const FILE: &'static str;

    /// The folder in our state that remembers what was changed.
    const FOLDER: &'static str;

    /// The schema of the journal in that folder.
    const SCHEMA: &'static str;

    /// A key that is ours.
    type Key: OwnKey;

    /// Why a text cannot be edited.
    type Error: Error + 'static;

    /// How a file stands to us.
    type Setup;

    /// All keys that are ours, in the order in which they are written.
    fn keys() -> &'static [Self::Key];

    /// Makes sure that the text can be read, and has a place for our keys or can get one.
    ///
    /// # Errors
    ///
    /// Where it cannot.
    fn check(text: &str) -> Result<(), Self::Error>;

    /// The source of a key's value.
    ///
    /// # Errors
    ///
    /// The text cannot be read.
    fn source(text: &str, key: Self::Key) -> Result<Option<String>, Self::Error>;

    /// Gives a key a value, or takes it out.
    ///
    /// # Errors
    ///
    /// The text cannot be read, or not be edited without touching more.
    fn set(
        text: &str,
        key: Self::Key,
        source: Option<&str>,
        gaps: Gaps,
    ) -> Result<String, Self::Error>;

    /// Whether there is a table for our keys in the text.
    ///
    /// # Errors
    ///
    /// The text cannot be read.
    fn has_table(text: &str) -> Result<bool, Self::Error>;

    /// Takes out the table for our keys if nothing stands in it.
    ///
    /// # Errors
    ///
    /// The text cannot be read.
    fn remove_empty_table(text: &str) -> Result<String, Self::Error>;

    /// What a source means, however it is written.
    fn meaning(source: &str) -> Option<Json>;

    /// Whether nothing stands in a text that is worth a file.
    fn is_blank(text: &str) -> bool {
        text.trim().is_empty()
    }

    /// All that is not ours.
    ///
    /// # Errors
    ///
    /// The text cannot be read.
    fn rest(text: &str) -> Result<Json, Self::Error>;

    /// Looks what has become of a file.
    ///
    /// # Errors
    ///
    /// The text cannot be read.
    fn setup(text: &str, changes: &Changes<Self::Key>) -> Result<Self::Setup, Self::Error>;

    /// The edit would change more than our keys.
    fn not_safe() -> Self::Error;

    /// The file is no text from this byte on.
    fn not_utf8(at: usize) -> Self::Error;
}

/// A key of ours. It is written down by the name that [`Display`] gives.
pub trait OwnKey: Copy + Debug + Display + Eq + Serialize + DeserializeOwned + 'static {
    /// Whether its value may be a secret.
    fn is_secret(self) -> bool;
}

/// What becomes of blank lines around something that is taken out.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Gaps {
    /// They are the user's.
    Keep,
    /// They are ours, and go with it.
    Close,
}

/// What is wanted of a key.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Wish {
    /// That it has this value.
    Source(String),
    /// That it is not there.
    Absent,
    /// That it is what it was before us.
    AsBefore,
}

/// What is wanted of all keys.
pub trait Wishes<K> {
    /// What is wanted of this one.
    fn wish(&self, key: K) -> Wish;
}

impl<K, F: Fn(K) -> Wish> Wishes<K> for F {
    fn wish(&self, key: K) -> Wish {
        self(key)
    }
}
