//! Documents whose errors name the place.

use serde::de::Deserialize;

/// Reads a document; an error names the place by its path.
///
/// # Errors
///
/// Where `json` is not what `T` describes, as `path: reason`.
pub fn read<'a, T: Deserialize<'a>>(json: &'a [u8]) -> Result<T, ReadError> {
    // A text is checked for UTF-8 at once instead of leaf by leaf.
    std::str::from_utf8(json).map_or_else(|_| read_with_path(json), read_str)
}

/// As [`read`].
///
/// # Errors
///
/// As [`read`].
pub fn read_str<'a, T: Deserialize<'a>>(json: &'a str) -> Result<T, ReadError> {
    // The path costs time on every field, so it is only looked for once something is wrong.
    serde_json::from_str(json).or_else(|_| read_with_path(json.as_bytes()))
}

fn read_with_path<'a, T: Deserialize<'a>>(json: &'a [u8]) -> Result<T, ReadError> {
    let mut deserializer = serde_json::Deserializer::from_slice(json);
    let value = serde_path_to_error::deserialize(&mut deserializer).map_err(|error| {
        let path = error.path().to_string();
        ReadError::new(path, &error.into_inner())
    })?;
    deserializer.end().map_err(|error| ReadError::new(".".to_owned(), &error))?;
    Ok(value)
}

/// A document that is not what it should be.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error("at `{path}`: {reason}")]
pub struct ReadError {
    /// Where, as a JSON path; `.` for the document itself.
    pub path: String,
    /// What is wrong there.
    pub reason: String,
    /// Whether it is JSON, as far as it was read.
    pub is_json: bool,
}

impl ReadError {
    fn new(path: String, error: &serde_json::Error) -> Self {
        Self { path, reason: error.to_string(), is_json: error.is_data() }
    }
}
