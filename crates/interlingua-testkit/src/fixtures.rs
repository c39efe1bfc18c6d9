//! The recordings and captures under `fixtures/`.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;

/// The workspace's root folder.
///
/// # Panics
///
/// Never inside the workspace.
pub fn workspace() -> &'static Path {
    let crates = Path::new(env!("CARGO_MANIFEST_DIR")).parent();
    crates.and_then(Path::parent).expect("this crate lies two folders below the root")
}

/// A path below `fixtures/`.
pub fn path(name: impl AsRef<Path>) -> PathBuf {
    workspace().join("fixtures").join(name)
}

/// A file's bytes.
///
/// # Panics
///
/// If it cannot be read; the message names it.
pub fn bytes(name: impl AsRef<Path>) -> Vec<u8> {
    let path = path(name);
    match fs::read(&path) {
        Ok(bytes) => bytes,
        Err(error) => panic!("fixture {}: {error}", path.display()),
    }
}

/// A file's text.
///
/// # Panics
///
/// If it cannot be read or is not UTF-8.
pub fn text(name: impl AsRef<Path>) -> String {
    let name = name.as_ref();
    match String::from_utf8(bytes(name)) {
        Ok(text) => text,
        Err(error) => panic!("fixture {}: {error}", name.display()),
    }
}

/// A file's JSON.
///
/// # Panics
///
/// If it cannot be read or is not JSON.
pub fn json(name: impl AsRef<Path>) -> Value {
    let name = name.as_ref();
    match serde_json::from_slice(&bytes(name)) {
        Ok(value) => value,
        Err(error) => panic!("fixture {}: {error}", name.display()),
    }
}

/// The names of a folder's files that end in `suffix`, sorted, without the folder.
///
/// # Panics
///
/// If there is no such file: a test over an empty list proves nothing.
pub fn list(folder: &str, suffix: &str) -> Vec<String> {
    let path = path(folder);
    let entries = match fs::read_dir(&path) {
        Ok(entries) => entries,
        Err(error) => panic!("fixtures {}: {error}", path.display()),
    };
    let names = entries.filter_map(|entry| entry.ok()?.file_name().into_string().ok());
    let mut names: Vec<_> = names.filter(|name| name.ends_with(suffix)).collect();
    assert!(!names.is_empty(), "no *{suffix} in {}", path.display());
    names.sort();
    names
}

/// A captured request of a real client.
#[derive(Clone, Debug)]
pub struct Captured {
    /// The file's name.
    pub name: String,
    /// The request's path and query.
    pub path: String,
    /// Header names and values.
    pub headers: Vec<(String, String)>,
    /// The body; null for requests without one.
    pub body: Value,
}

/// All captured `POST …/responses` of the real Codex, sorted by name.
///
/// # Panics
///
/// If a capture is not as it should be.
pub fn codex_requests() -> Vec<Captured> {
    let names = list("codex", ".json").into_iter().filter(|name| name.starts_with("req_"));
    let captured = names.map(|name| {
        let whole = json(Path::new("codex").join(&name));
        let headers = whole["headers"].as_object().into_iter().flatten();
        Captured {
            headers: headers
                .map(|(name, value)| (name.clone(), value.as_str().unwrap_or_default().to_owned()))
                .collect(),
            path: whole["path"].as_str().unwrap_or_default().to_owned(),
            body: whole["body"].clone(),
            name,
        }
    });
    let all: Vec<_> = captured.filter(|it| it.path.ends_with("/responses")).collect();
    assert!(!all.is_empty(), "no captured requests");
    all
}

/// An upstream stream with what it means.
#[derive(Clone, Debug)]
pub struct Stream {
    /// The file's name.
    pub name: String,
    /// Its bytes.
    pub bytes: Vec<u8>,
    /// The dialect that reads it.
    pub dialect: String,
    /// Reasoning, text, calls, finish, usage or error, as `streams.expected.json` has them.
    pub expected: Value,
}

/// The ids of the records that [`Strict::of`](crate::upstream::Strict::of) judges by.
///
/// # Panics
///
/// If none is there.
pub fn dialect_ids() -> Vec<String> {
    let all = json("dialects/dialects.json");
    let records = all["dialects"].as_array().into_iter().flatten();
    let ids: Vec<_> = records.filter_map(|it| it["id"].as_str().map(str::to_owned)).collect();
    assert!(!ids.is_empty(), "no records");
    ids
}

/// All upstream streams of a dialect, or of all dialects.
///
/// # Panics
///
/// If none is there.
pub fn dialect_streams(dialect: Option<&str>) -> Vec<Stream> {
    let all = json("dialects/streams.expected.json");
    let entries = all.as_object().into_iter().flatten();
    let wanted = entries.filter(|(_, it)| dialect.is_none_or(|dialect| it["dialect"] == dialect));
    let streams: Vec<_> = wanted
        .map(|(name, expected)| Stream {
            name: name.clone(),
            bytes: bytes(Path::new("dialects/streams").join(name)),
            dialect: expected["dialect"].as_str().unwrap_or_default().to_owned(),
            expected: expected.clone(),
        })
        .collect();
    assert!(!streams.is_empty(), "no streams of {dialect:?}");
    streams
}

/// The `data` of every event of a well-formed event stream. It is simple on purpose: an oracle shares
/// no code with what it judges.
pub fn sse_data(stream: &str) -> Vec<String> {
    let stream = stream.replace("\r\n", "\n");
    let frames = stream.split("\n\n");
    let data = frames.filter_map(|frame| {
        let lines = frame.lines().filter_map(|line| line.strip_prefix("data:"));
        let lines: Vec<_> = lines.map(|line| line.strip_prefix(' ').unwrap_or(line)).collect();
        (!lines.is_empty()).then(|| lines.join("\n"))
    });
    data.collect()
}

/// The JSON of every event, `[DONE]` left out.
///
/// # Panics
///
/// If an event is not JSON.
pub fn sse_json(stream: &str) -> Vec<Value> {
    let data = sse_data(stream).into_iter().filter(|data| data != "[DONE]");
    data.map(|data| match serde_json::from_str(&data) {
        Ok(value) => value,
        Err(error) => panic!("{error} in event {data}"),
    })
    .collect()
}

/// Cuts bytes into pieces of `length`, as a network might.
///
/// # Panics
///
/// If `length` is zero.
pub fn cut(bytes: &[u8], length: usize) -> impl Iterator<Item = &[u8]> {
    bytes.chunks(length)
}

/// The lengths at which every stream test cuts its input; the last one leaves it whole.
pub const CUTS: [usize; 4] = [1, 7, 1400, usize::MAX];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_captures_load() {
        assert!(codex_requests().len() >= 25);
        for request in codex_requests() {
            assert!(request.body["input"].is_array(), "{}", request.name);
            assert!(request.headers.iter().any(|(name, _)| name == "user-agent"));
        }
    }

    #[test]
    fn all_streams_load() {
        assert_eq!(dialect_streams(None).len(), list("dialects/streams", ".sse").len());
        assert!(dialect_streams(Some("mimo")).iter().all(|it| it.name.starts_with("mimo-")));
    }

    #[test]
    fn events_are_split_with_either_line_end() {
        let data = sse_data(": note\r\n\r\nevent: a\r\ndata: 1\r\n\r\ndata:2\ndata: 3\n\n");
        assert_eq!(data, ["1", "2\n3"]);
    }

    #[test]
    fn cuts_join_to_the_whole() {
        for length in CUTS {
            let joined: Vec<u8> = cut(b"abcdefghij", length).flatten().copied().collect();
            assert_eq!(joined, b"abcdefghij");
        }
    }
}
