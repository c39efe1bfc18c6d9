use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as BASE64;
use interlingua_ir::{Origin, SEALED_SUMMARY, SEALED_THOUGHT, Thought};
use ring::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use ring::digest::{SHA256, digest};
use ring::hmac::{self, HMAC_SHA256};
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

/// The beginnings of sealed thoughts and summaries. They are authenticated with the rest, so that
/// neither passes for the other.
const THOUGHT: &str = SEALED_THOUGHT;
const SUMMARY: &str = SEALED_SUMMARY;

/// The same of responses, which nobody but a store ever has.
const RESPONSE: &str = "ilr1.";

/// The keys under which thoughts and summaries are sealed.
///
/// The first one seals; all of them open. Two keys at once are what a rotation needs.
///
/// # The form of a sealed thought
///
/// ```text
/// "il1." base64url( key id: 4 bytes │ length of origin: 2 │ origin │ nonce: 12 │ AES-256-GCM of the thought )
/// ```
///
/// The origin, provider and family, can be read without the key; it is authenticated together with
/// the key id and the tenant. A summary has the same form behind `ilc1.`, with an empty origin: it is
/// prose that any model may read.
#[derive(Debug)]
pub struct SealKeys {
    current: SealKey,
    previous: Vec<SealKey>,
}

/// One key.
pub struct SealKey {
    id: [u8; 4],
    key: LessSafeKey,
    names: hmac::Key,
}

impl SealKey {
    /// Makes a key of 32 secret random bytes.
    #[expect(clippy::missing_panics_doc, reason = "the lengths are right by their types")]
    pub fn new(secret: &[u8; 32]) -> Self {
        let unbound = UnboundKey::new(&AES_256_GCM, secret).expect("the length is the algorithm's");
        // A hash tells nothing about the key, neither as its name nor as another one.
        let hash = |what: &[u8]| digest(&SHA256, &Zeroizing::new([what, secret].concat()));
        let name = hash(b"interlingua seal key");
        let mut id = [0; 4];
        id.copy_from_slice(name.as_ref().get(..4).expect("a hash is longer than four bytes"));
        let names = hmac::Key::new(HMAC_SHA256, hash(b"interlingua names").as_ref());
        Self { id, key: LessSafeKey::new(unbound), names }
    }
}

impl std::fmt::Debug for SealKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("SealKey(…)")
    }
}

impl SealKeys {
    /// Seals and opens with one key.
    pub fn new(current: SealKey) -> Self {
        Self { current, previous: Vec::new() }
    }

    /// Opens with one more key, which no longer seals.
    #[must_use]
    pub fn with_previous(mut self, key: SealKey) -> Self {
        self.previous.push(key);
        self
    }

    /// Seals `thought` for `tenant`.
    ///
    /// `nonce` must never be used twice with the same key; twelve random bytes are right.
    ///
    /// # Panics
    ///
    /// If the provider's id and family take more than 64 KiB together.
    pub fn seal(&self, thought: &Thought, tenant: &str, nonce: [u8; NONCE_LEN]) -> String {
        let origin = thought.origin.as_ref();
        let origin = OriginHeader {
            provider: origin.map_or("", |it| &it.provider).into(),
            family: origin.map_or("", |it| &it.family).into(),
        };
        let payload = Payload::of(thought);
        let secret = serde_json::to_vec(&payload).expect("strings can be written as JSON");
        self.close(THOUGHT, &origin, secret, tenant, nonce)
    }

    /// Opens what was sealed for `tenant`.
    ///
    /// # Errors
    ///
    /// [`SealError`], which says what to do with the readable copy beside it.
    pub fn open(&self, blob: &str, tenant: &str) -> Result<Thought, SealError> {
        let (origin, plain) = self.reveal(THOUGHT, blob, tenant)?;
        let payload: Payload = serde_json::from_slice(&plain).map_err(|_| SealError::Refused)?;
        Ok(Thought {
            origin: Some(origin).filter(|it| !it.family.is_empty()),
            answer: payload.answer,
            text: payload.text,
            provenance: payload.provenance,
            calls: payload.calls,
        })
    }

    /// Seals the summary of a conversation for `tenant`; `nonce` as in [`seal`](Self::seal).
    pub fn seal_summary(&self, summary: &str, tenant: &str, nonce: [u8; NONCE_LEN]) -> String {
        let origin = OriginHeader { provider: String::new(), family: String::new() };
        self.close(SUMMARY, &origin, summary.as_bytes().to_vec(), tenant, nonce)
    }

    /// Seals a response, as it is kept for `tenant`. `nonce` is as for [`seal`](Self::seal).
    pub fn seal_response(&self, response: &str, tenant: &str, nonce: [u8; NONCE_LEN]) -> String {
        let origin = OriginHeader { provider: String::new(), family: String::new() };
        self.close(RESPONSE, &origin, response.as_bytes().to_vec(), tenant, nonce)
    }

    /// Opens a response that was sealed for `tenant`.
    ///
    /// # Errors
    ///
    /// As [`open`](Self::open).
    pub fn open_response(&self, blob: &str, tenant: &str) -> Result<String, SealError> {
        let (_, plain) = self.reveal(RESPONSE, blob, tenant)?;
        String::from_utf8(plain).map_err(|_| SealError::Refused)
    }

    /// Opens a summary that was sealed for `tenant`.
    ///
    /// # Errors
    ///
    /// [`SealError`]; there is no readable copy of a summary.
    pub fn open_summary(&self, blob: &str, tenant: &str) -> Result<String, SealError> {
        let (_, plain) = self.reveal(SUMMARY, blob, tenant)?;
        String::from_utf8(plain).map_err(|_| SealError::Refused)
    }

    /// A name for something, in sixteen hexadecimal digits. It stays the same as long as the key does; whoever does not
    /// have that can neither guess it nor tell from it what it stands for.
    pub fn name(&self, what: &[u8]) -> String {
        let tag = hmac::sign(&self.current.names, what);
        tag.as_ref().iter().take(8).fold(String::new(), |name, byte| name + &format!("{byte:02x}"))
    }

    fn close(
        &self,
        prefix: &str,
        origin: &OriginHeader,
        mut secret: Vec<u8>,
        tenant: &str,
        nonce: [u8; NONCE_LEN],
    ) -> String {
        let origin = serde_json::to_vec(origin).expect("strings can be written as JSON");
        let mut header = self.current.id.to_vec();
        let length = u16::try_from(origin.len()).expect("ids are short");
        header.extend_from_slice(&length.to_be_bytes());
        header.extend_from_slice(&origin);

        let aad = aad(prefix, &header, tenant);
        self.current
            .key
            .seal_in_place_append_tag(
                Nonce::assume_unique_for_key(nonce),
                Aad::from(&aad),
                &mut secret,
            )
            .expect("a text is shorter than the algorithm's limit");
        header.extend_from_slice(&nonce);
        header.extend_from_slice(&secret);

        let mut blob = String::with_capacity(prefix.len() + header.len() * 4 / 3 + 4);
        blob.push_str(prefix);
        BASE64.encode_string(header, &mut blob);
        blob
    }

    fn reveal(
        &self,
        prefix: &str,
        blob: &str,
        tenant: &str,
    ) -> Result<(Origin, Vec<u8>), SealError> {
        let encoded = blob.strip_prefix(prefix).ok_or(SealError::NotOurs)?;
        let mut bytes = BASE64.decode(encoded).map_err(|_| SealError::Refused)?;
        let (key_id, rest) = bytes.split_first_chunk::<4>().ok_or(SealError::Refused)?;
        let key_id = *key_id;
        let (length, rest) = rest.split_first_chunk::<2>().ok_or(SealError::Refused)?;
        let length = usize::from(u16::from_be_bytes(*length));
        let origin = rest.get(..length).ok_or(SealError::Refused)?;
        let origin: OriginHeader =
            serde_json::from_slice(origin).map_err(|_| SealError::Refused)?;
        let origin = Origin { provider: origin.provider, family: origin.family };
        let Some(key) = self.keys().find(|key| key.id == key_id) else {
            return Err(SealError::KeyGone(origin));
        };
        let header_len = 6 + length;
        let header = bytes.get(..header_len).ok_or(SealError::Refused)?;
        let aad = aad(prefix, header, tenant);
        let body = bytes.get_mut(header_len..).ok_or(SealError::Refused)?;
        let (nonce, secret) =
            body.split_first_chunk_mut::<NONCE_LEN>().ok_or(SealError::Refused)?;
        let nonce = Nonce::assume_unique_for_key(*nonce);
        let plain = key
            .key
            .open_in_place(nonce, Aad::from(&aad), secret)
            .map_err(|_| SealError::Refused)?;
        Ok((origin, plain.to_vec()))
    }

    fn keys(&self) -> impl Iterator<Item = &SealKey> {
        std::iter::once(&self.current).chain(&self.previous)
    }
}

/// Why a sealed thought cannot be opened.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum SealError {
    /// Somebody else sealed it; nothing is known about the copy beside it.
    #[error("the reasoning was not sealed by this gateway")]
    NotOurs,
    /// It is ours, but its key is gone; the copy beside it may be used. Its origin is what the blob
    /// claims.
    #[error("the key that sealed the reasoning is gone")]
    KeyGone(Origin),
    /// It was changed, or belongs to another tenant; the copy beside it is not to be believed either.
    #[error("the sealed reasoning is not authentic")]
    Refused,
}

/// Whether a blob claims to be a thought that we have sealed.
pub(crate) fn is_ours(blob: &str) -> bool {
    blob.starts_with(THOUGHT)
}

fn aad(prefix: &str, header: &[u8], tenant: &str) -> Vec<u8> {
    [prefix.as_bytes(), header, b"\0", tenant.as_bytes()].concat()
}

#[derive(Deserialize, Serialize)]
struct OriginHeader {
    #[serde(rename = "p")]
    provider: String,
    #[serde(rename = "f")]
    family: String,
}

#[derive(Deserialize, Serialize)]
struct Payload {
    #[serde(rename = "a", default, skip_serializing_if = "String::is_empty")]
    answer: String,
    #[serde(rename = "t")]
    text: String,
    #[serde(rename = "v", default, skip_serializing_if = "Vec::is_empty")]
    provenance: Vec<(String, String)>,
    #[serde(rename = "c", default, skip_serializing_if = "Vec::is_empty")]
    calls: Vec<String>,
}

impl Payload {
    fn of(thought: &Thought) -> Self {
        let Thought { origin: _, answer, text, provenance, calls } = thought.clone();
        Self { answer, text, provenance, calls }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn thought() -> Thought {
        Thought {
            origin: Some(Origin { provider: "p".into(), family: "f".into() }),
            answer: "a1".into(),
            text: "thought with \"quotes\" and 你好".into(),
            provenance: vec![("signature".into(), "\"s\"".into())],
            calls: vec!["call_1".into()],
        }
    }

    fn keys(secret: u8) -> SealKeys {
        SealKeys::new(SealKey::new(&[secret; 32]))
    }

    #[test]
    fn a_name_is_known_to_whoever_has_the_key() {
        let name = keys(1).name(b"a");
        assert_eq!(name, keys(1).with_previous(SealKey::new(&[2; 32])).name(b"a"));
        assert_eq!(name.len(), 16);
        assert_ne!(name, keys(1).name(b"b"));
        assert_ne!(name, keys(2).name(b"a"));
    }

    #[test]
    fn every_bit_counts() {
        let keys = keys(1);
        let blob = keys.seal(&thought(), "t", [0; 12]);
        let bytes = BASE64.decode(blob.strip_prefix(THOUGHT).unwrap()).unwrap();
        for at in 0..bytes.len() {
            let mut changed = bytes.clone();
            changed[at] ^= 1;
            let changed = format!("{THOUGHT}{}", BASE64.encode(changed));
            assert!(keys.open(&changed, "t").is_err(), "byte {at}");
        }
    }

    #[test]
    fn a_tenant_opens_only_what_is_its_own() {
        let blob = keys(1).seal(&thought(), "t", [0; 12]);
        assert_eq!(keys(1).open(&blob, "t"), Ok(thought()));
        assert_eq!(keys(1).open(&blob, "u"), Err(SealError::Refused));
    }

    #[test]
    fn a_rotated_key_still_opens() {
        let blob = keys(1).seal(&thought(), "t", [0; 12]);
        let rotated = keys(2).with_previous(SealKey::new(&[1; 32]));
        assert_eq!(rotated.open(&blob, "t"), Ok(thought()));
        let origin = thought().origin.unwrap();
        assert_eq!(keys(3).open(&blob, "t"), Err(SealError::KeyGone(origin)));
    }

    #[test]
    fn a_summary_opens_for_its_tenant_and_never_as_a_thought() {
        let blob = keys(1).seal_summary("so far \"this\"", "t", [0; 12]);
        assert!(blob.starts_with("ilc1."), "{blob}");
        assert_eq!(keys(1).open_summary(&blob, "t").as_deref(), Ok("so far \"this\""));
        assert_eq!(keys(1).open_summary(&blob, "u"), Err(SealError::Refused));
        assert!(matches!(keys(2).open_summary(&blob, "t"), Err(SealError::KeyGone(_))));
        let disguised = blob.replace(SUMMARY, THOUGHT);
        assert_eq!(keys(1).open(&disguised, "t"), Err(SealError::Refused));
        let thought = keys(1).seal(&thought(), "t", [0; 12]).replace(THOUGHT, SUMMARY);
        assert_eq!(keys(1).open_summary(&thought, "t"), Err(SealError::Refused));
    }

    #[test]
    fn what_others_sealed_is_left_alone() {
        assert_eq!(keys(1).open("gAAAAA", "t"), Err(SealError::NotOurs));
        assert_eq!(keys(1).open("il1.", "t"), Err(SealError::Refused));
        assert_eq!(keys(1).open("il1.!!", "t"), Err(SealError::Refused));
    }

    #[test]
    fn the_text_is_not_in_the_blob_and_keys_are_not_printed() {
        let blob = keys(1).seal(&thought(), "t", [0; 12]);
        let bytes = BASE64.decode(blob.strip_prefix(THOUGHT).unwrap()).unwrap();
        assert!(!String::from_utf8_lossy(&bytes).contains("thought"));
        assert!(
            !format!("{:?}", keys(1)).contains('['.to_string().as_str())
                || format!("{:?}", keys(1)).contains("SealKey(…)")
        );
    }
}
