use std::fmt;

use zeroize::Zeroizing;

use crate::raw::Environment;

/// A text that must not leave by accident.
///
/// It cannot be printed or compared, is wiped from memory when it is dropped, and gives itself away
/// only to [`expose`](Secret::expose), which is easy to search for.
///
/// ```compile_fail,E0277
/// let key = interlingua_registry::Secret::new("sk-1".to_owned());
/// println!("{key}");
/// ```
///
/// ```compile_fail,E0369
/// let key = interlingua_registry::Secret::new("sk-1".to_owned());
/// let same = key == key.clone();
/// ```
#[derive(Clone)]
pub struct Secret(Zeroizing<String>);

impl Secret {
    /// Takes a text into custody.
    pub fn new(text: String) -> Self {
        Self(Zeroizing::new(text))
    }

    /// The text itself.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(…)")
    }
}

/// Where a key is kept. Printing it gives the name by which messages speak of the key.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum KeySource {
    /// In an environment variable, or in the file that the variable of that name plus `_FILE` names.
    Env(String),
    /// In a file that holds nothing else.
    File(String),
    /// In the first line that a program prints.
    Command(Vec<String>),
}

impl fmt::Display for KeySource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Env(name) => write!(f, "env {name}"),
            Self::File(path) => write!(f, "file {path}"),
            // The arguments may name what somebody wants to hide; the program is enough to find it.
            Self::Command(argv) => {
                write!(f, "command {}", argv.first().map_or("", String::as_str))
            }
        }
    }
}

/// Fetches keys from where they are kept. The feature `fs` has the real one.
pub trait ResolveKey {
    /// Fetches one key, without blanks around it.
    ///
    /// # Errors
    ///
    /// [`KeyError`] says why there is none.
    fn resolve(&self, source: &KeySource) -> Result<Secret, KeyError>;
}

/// Why a key is not there.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum KeyError {
    /// The variable is not set.
    #[error("is not set")]
    Unset,
    /// There is a place for it, but nothing in it.
    #[error("is empty")]
    Empty,
    /// It has characters that no HTTP header can carry.
    #[error("has blanks or control characters inside")]
    Malformed,
    /// The file or the program failed, in the words of the system.
    #[error("cannot be read: {0}")]
    Unreadable(String),
}

/// Turns what was found in some place into a key.
///
/// # Errors
///
/// [`KeyError::Empty`] and [`KeyError::Malformed`].
pub fn tidy_key(text: &str) -> Result<Secret, KeyError> {
    match text.trim() {
        "" => Err(KeyError::Empty),
        key if key.bytes().all(|c| c.is_ascii_graphic()) => Ok(Secret::new(key.to_owned())),
        _ => Err(KeyError::Malformed),
    }
}

/// Fetches keys from environment variables and from nowhere else.
impl ResolveKey for Environment {
    fn resolve(&self, source: &KeySource) -> Result<Secret, KeyError> {
        match source {
            KeySource::Env(name) => tidy_key(self.get(name).ok_or(KeyError::Unset)?),
            KeySource::File(_) | KeySource::Command(_) => {
                Err(KeyError::Unreadable("only environment variables are read here".to_owned()))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debug_shows_nothing() {
        let debug = format!("{:?}", Some(Secret::new("sk-canary".to_owned())));
        assert_eq!(debug, "Some(Secret(…))");
    }

    #[test]
    fn blanks_around_a_key_are_cut_and_blanks_inside_refused() {
        assert_eq!(tidy_key(" sk-1\r\n").unwrap().expose(), "sk-1");
        assert_eq!(tidy_key(" \n").unwrap_err(), KeyError::Empty);
        assert_eq!(tidy_key("sk-1\nsk-2").unwrap_err(), KeyError::Malformed);
    }

    #[test]
    fn a_command_is_named_without_its_arguments() {
        let source = KeySource::Command(vec!["pass".into(), "work/mimo".into()]);
        assert_eq!(source.to_string(), "command pass");
    }
}
