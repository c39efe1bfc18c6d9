//! The thoughts of one answer as an entry of a store.

use bytes::Bytes;
use interlingua_ir::Thought;

use crate::{Entry, Key, Mark, SealError, SealKeys};

/// Seals the thoughts of one answer into the entry of `key`. The entry of an answer without thoughts has
/// no bytes.
pub(crate) fn seal(
    thoughts: &[Thought],
    key: &Key,
    keys: &SealKeys,
    tenant: &str,
    nonce: fn() -> [u8; 12],
) -> Entry {
    let reader = reader(tenant, key);
    let blobs: Vec<_> = thoughts.iter().map(|it| keys.seal(it, &reader, nonce())).collect();
    Entry { mark: mark(thoughts, key), bytes: Bytes::from(blobs.join("\n")) }
}

/// Opens the entry of `key`.
pub(crate) fn open(
    bytes: &[u8],
    key: &Key,
    keys: &SealKeys,
    tenant: &str,
) -> Result<Vec<Thought>, SealError> {
    if bytes.is_empty() {
        return Ok(Vec::new());
    }
    let reader = reader(tenant, key);
    let blobs = str::from_utf8(bytes).map_err(|_| SealError::NotOurs)?;
    blobs.split('\n').map(|blob| keys.open(blob, &reader)).collect()
}

/// For whom an entry is sealed: for its tenant under its key, so that whoever can write into the store
/// cannot put one conversation's thoughts under the key of another.
fn reader(tenant: &str, key: &Key) -> String {
    format!("{tenant}\0{key}")
}

/// What tells thoughts apart: who thought, what, and the upstream's own data. The id of the answer does
/// not count: the same thought again is no other thought.
fn mark(thoughts: &[Thought], key: &Key) -> Mark {
    let mut hasher = blake3::Hasher::new_keyed(key.as_bytes());
    let mut add = |text: &str| {
        hasher.update(&text.len().to_le_bytes()).update(text.as_bytes());
    };
    for thought in thoughts {
        let origin = thought.origin.as_ref();
        add(origin.map_or("", |it| &it.provider));
        add(origin.map_or("", |it| &it.family));
        add(&thought.text);
        for (field, json) in &thought.provenance {
            add(field);
            add(json);
        }
    }
    let mut mark = [0; Mark::LEN];
    hasher.finalize_xof().fill(&mut mark);
    Mark::new(mark)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::SealKey;

    fn thoughts() -> Vec<Thought> {
        let thought = |text: &str| Thought { text: text.into(), ..Thought::default() };
        vec![thought("first"), thought("second\nline")]
    }

    #[test]
    fn an_entry_opens_under_its_own_key_for_its_own_tenant() {
        let keys = SealKeys::new(SealKey::new(&[1; 32]));
        let (key, other) = (Key::new([1; 32]), Key::new([2; 32]));
        let entry = seal(&thoughts(), &key, &keys, "t", || [0; 12]);
        assert_eq!(open(&entry.bytes, &key, &keys, "t"), Ok(thoughts()));
        assert_eq!(open(&entry.bytes, &other, &keys, "t"), Err(SealError::Refused));
        assert_eq!(open(&entry.bytes, &key, &keys, "u"), Err(SealError::Refused));
        assert_eq!(open(b"\xff", &key, &keys, "t"), Err(SealError::NotOurs));
        assert_eq!(open(b"", &key, &keys, "t"), Ok(Vec::new()));
    }

    #[test]
    fn the_mark_is_that_of_the_thoughts_and_not_of_the_answer() {
        let key = Key::new([1; 32]);
        let again: Vec<_> =
            thoughts().into_iter().map(|it| Thought { answer: "a2".into(), ..it }).collect();
        assert_eq!(mark(&thoughts(), &key), mark(&again, &key));
        assert_ne!(mark(&thoughts(), &key), mark(&thoughts()[..1], &key));
        assert_ne!(mark(&thoughts(), &key), mark(&thoughts(), &Key::new([2; 32])));
    }
}
