use std::fmt;
use std::str::FromStr;

use subtle::{Choice, ConstantTimeEq};
use toml_edit::{ArrayOfTables, InlineTable, Item, Table, Value, value};

use crate::edit::edit;
use crate::secret::Secret;

/// The name under which the keyless callers of an open gateway are kept together.
pub const LOCAL_TENANT: &str = "local";

/// The token that clients are set up with while the gateway asks for no key. Some of them want one, and
/// the gateway then takes any.
pub const LOCAL_TOKEN: &str = "interlingua-local";

/// Stands where the key of a client goes, which only its owner knows.
pub const KEY_PLACEHOLDER: &str = "PUT-YOUR-CLIENT-KEY-HERE";

/// The keys that clients of the gateway may show.
///
/// Only hashes are kept. A key is 256 random bits, so a fast hash is as good as a slow one.
#[derive(Clone, Debug, Default)]
pub struct ClientKeys(Vec<ClientKey>);

impl ClientKeys {
    pub(crate) fn new(keys: Vec<ClientKey>) -> Self {
        Self(keys)
    }

    /// Whether everybody is let in, because no key is configured.
    pub fn is_open(&self) -> bool {
        self.0.is_empty()
    }

    /// Goes through the keys in the order of the configuration.
    pub fn iter(&self) -> impl Iterator<Item = &ClientKey> {
        self.0.iter()
    }

    /// Tells who shows this key. Takes equally long for every key, right or wrong.
    pub fn authenticate(&self, presented: &str) -> Option<&KeyId> {
        let presented = KeyHash::of(presented);
        let mut found = None;
        for key in &self.0 {
            if bool::from(key.hash.same(&presented)) {
                found = Some(&key.id);
            }
        }
        found
    }

    /// Tells which tenant a caller is: the owner of the key, or [`LOCAL_TENANT`] where the gateway
    /// is open. Nobody, if a key is needed and this is none.
    pub fn admit(&self, presented: Option<&str>) -> Option<&str> {
        if self.is_open() {
            return Some(LOCAL_TENANT);
        }
        self.authenticate(presented?).map(KeyId::as_str)
    }
}

/// A key that lets a client in.
#[derive(Clone, Debug)]
pub struct ClientKey {
    /// Whose it is.
    pub id: KeyId,
    /// What the key hashes to.
    pub hash: KeyHash,
}

/// The name of a client key; also the tenant of those who show it.
#[derive(Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct KeyId(String);

impl KeyId {
    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for KeyId {
    type Err = BadKey;

    fn from_str(id: &str) -> Result<Self, BadKey> {
        let fits = |c: u8| c.is_ascii_alphanumeric() || matches!(c, b'-' | b'_' | b'.');
        let shape = !id.is_empty() && id.len() <= 64 && id.bytes().all(fits);
        if shape && id != LOCAL_TENANT { Ok(Self(id.to_owned())) } else { Err(BadKey::Id) }
    }
}

impl fmt::Display for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// What a client key hashes to, written `blake3:<64 hexadecimal digits>`.
#[derive(Clone, Debug)]
pub struct KeyHash(blake3::Hash);

impl KeyHash {
    /// The hash of a key.
    pub fn of(key: &str) -> Self {
        Self(blake3::hash(key.as_bytes()))
    }

    pub(crate) fn same(&self, other: &Self) -> Choice {
        self.0.as_bytes().ct_eq(other.0.as_bytes())
    }
}

impl FromStr for KeyHash {
    type Err = BadKey;

    fn from_str(text: &str) -> Result<Self, BadKey> {
        let hex = text.strip_prefix("blake3:").ok_or(BadKey::Hash)?;
        blake3::Hash::from_hex(hex).map(Self).map_err(|_| BadKey::Hash)
    }
}

impl fmt::Display for KeyHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "blake3:{}", self.0.to_hex())
    }
}

/// How client keys begin.
const PREFIX: &str = "il_";

/// Whether a text looks like a client key, of this gateway or of another one. Such a key is nobody
/// else's business.
pub fn is_client_key(text: &str) -> bool {
    text.strip_prefix(PREFIX).is_some_and(|hex| blake3::Hash::from_hex(hex).is_ok())
}

/// Makes a client key from 32 random bytes: the key to hand out, once, and the hash to keep.
pub fn generate(random: [u8; 32]) -> (Secret, KeyHash) {
    let key = format!("{PREFIX}{}", blake3::Hash::from_bytes(random).to_hex());
    let hash = KeyHash::of(&key);
    (Secret::new(key), hash)
}

/// Adds a client key to the text of a configuration file; everything else stays as it is.
///
/// # Errors
///
/// The text is not TOML, `client_keys` is no list of tables, or the id is taken.
pub fn edit_add(text: &str, id: &KeyId, hash: &KeyHash) -> Result<String, EditError> {
    edit(text, |document| {
        let keys = document
            .entry("client_keys")
            .or_insert_with(|| Item::ArrayOfTables(ArrayOfTables::new()));
        if position(keys, id)?.is_some() {
            return Err(EditError::Taken(id.clone()));
        }
        let (id, hash) = (id.as_str(), hash.to_string());
        match keys {
            Item::ArrayOfTables(tables) => {
                let mut table = Table::new();
                table.insert("id", value(id));
                table.insert("hash", value(hash));
                tables.push(table);
            }
            Item::Value(Value::Array(list)) => {
                let mut table = InlineTable::new();
                table.insert("id", id.into());
                table.insert("hash", hash.into());
                list.push(table);
            }
            _ => return Err(EditError::Shape),
        }
        Ok(())
    })
}

/// Takes a client key out of the text of a configuration file; everything else stays as it is.
///
/// # Errors
///
/// The text is not TOML, `client_keys` is no list of tables, or there is no such id.
pub fn edit_remove(text: &str, id: &KeyId) -> Result<String, EditError> {
    edit(text, |document| {
        let unknown = || EditError::Unknown(id.clone());
        let keys = document.get_mut("client_keys").ok_or_else(unknown)?;
        let at = position(keys, id)?.ok_or_else(unknown)?;
        match keys {
            Item::ArrayOfTables(tables) => {
                tables.remove(at);
            }
            Item::Value(Value::Array(list)) => {
                list.remove(at);
            }
            _ => return Err(EditError::Shape),
        }
        Ok(())
    })
}

/// Why a client key's id or hash is none.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub enum BadKey {
    /// The id has the wrong shape.
    #[error("an id is 1 to 64 letters, digits, `-`, `_` or `.`, and not `local`")]
    Id,
    /// The hash has the wrong shape.
    #[error("a hash is written `blake3:` and 64 hexadecimal digits")]
    Hash,
}

/// Why the text of a configuration file cannot be edited. The text is untouched then.
#[non_exhaustive]
#[derive(Debug, thiserror::Error)]
pub enum EditError {
    /// It is not TOML.
    #[error("the configuration is not TOML")]
    Toml(#[source] Box<toml_edit::TomlError>),
    /// `client_keys` is something else.
    #[error("`client_keys` is not a list of tables")]
    Shape,
    /// The id is there already.
    #[error("there is a client key `{0}` already; revoke it first or choose another id")]
    Taken(KeyId),
    /// There is no such id.
    #[error("there is no client key `{0}`")]
    Unknown(KeyId),
}

impl From<toml_edit::TomlError> for EditError {
    fn from(error: toml_edit::TomlError) -> Self {
        Self::Toml(Box::new(error))
    }
}

fn position(keys: &Item, id: &KeyId) -> Result<Option<usize>, EditError> {
    let is_it = |found: Option<&str>| found == Some(id.as_str());
    match keys {
        Item::ArrayOfTables(tables) => {
            Ok(tables.iter().position(|it| is_it(it.get("id").and_then(Item::as_str))))
        }
        Item::Value(Value::Array(list)) => Ok(list.iter().position(|it| {
            is_it(it.as_inline_table().and_then(|it| it.get("id")).and_then(Value::as_str))
        })),
        _ => Err(EditError::Shape),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(id: &str) -> KeyId {
        id.parse().unwrap()
    }

    fn keys(of: &[(&str, &str)]) -> ClientKeys {
        ClientKeys(
            of.iter().map(|(it, key)| ClientKey { id: id(it), hash: KeyHash::of(key) }).collect(),
        )
    }

    #[test]
    fn a_generated_key_lets_its_owner_in() {
        let (laptop, hash) = generate([7; 32]);
        assert!(laptop.expose().starts_with("il_") && laptop.expose().len() == 67);
        assert!(is_client_key(laptop.expose()) && !is_client_key("il_something"));
        let hash = hash.to_string().parse().unwrap();
        let keys = ClientKeys(vec![ClientKey { id: id("laptop"), hash }]);
        assert_eq!(keys.authenticate(laptop.expose()), Some(&id("laptop")));
        assert_eq!(keys.authenticate("il_something"), None);
        assert_eq!(keys.authenticate(""), None);
    }

    #[test]
    fn the_tenant_is_the_key_or_local_where_none_is_needed() {
        let open = ClientKeys::default();
        assert_eq!(open.admit(None), Some("local"));
        assert_eq!(open.admit(Some("anything")), Some("local"));
        let closed = keys(&[("a", "key a"), ("b", "key b")]);
        assert_eq!(closed.admit(None), None);
        assert_eq!(closed.admit(Some("key b")), Some("b"));
        assert_eq!(closed.admit(Some("key c")), None);
    }

    #[test]
    fn malformed_ids_and_hashes_are_refused() {
        for bad in ["", "local", "a b", &"x".repeat(65)] {
            assert_eq!(bad.parse::<KeyId>().unwrap_err(), BadKey::Id);
        }
        for bad in ["", "blake3:", "blake3:zz", &format!("sha256:{}", "0".repeat(64))] {
            assert_eq!(bad.parse::<KeyHash>().unwrap_err(), BadKey::Hash);
        }
    }

    #[test]
    fn adding_and_removing_gives_the_file_back() {
        let hash = KeyHash::of("il_1");
        for text in [
            "",
            "# mine\nlisten = \"127.0.0.1:1\" # here\n\n[providers.mimo]\nkey  =  { env = \"X\" }\n",
            "# mine\r\n[providers.mimo]\r\nkey = { env = \"X\" }\r\n",
            "\u{feff}listen = '127.0.0.1:1'\n",
            "client_keys = [ { id = \"a\", hash = \"h\" } ]\n",
            "[[client_keys]]\nid = \"a\"\nhash = \"h\"\n\n[store]\nurl = \"memory\"\n",
        ] {
            let added = edit_add(text, &id("laptop"), &hash).unwrap();
            assert!(added.contains("laptop") && added.contains(&hash.to_string()), "{added}");
            assert_eq!(added.contains("\r\n"), text.contains("\r\n"));
            assert!(matches!(edit_add(&added, &id("laptop"), &hash), Err(EditError::Taken(_))));
            assert_eq!(edit_remove(&added, &id("laptop")).unwrap(), text);
        }
    }

    #[test]
    fn what_cannot_be_edited_says_why() {
        let hash = KeyHash::of("il_1");
        assert!(matches!(edit_add("a = ", &id("x"), &hash), Err(EditError::Toml(_))));
        assert!(matches!(edit_add("client_keys = 1", &id("x"), &hash), Err(EditError::Shape)));
        assert!(matches!(edit_remove("", &id("x")), Err(EditError::Unknown(_))));
        assert!(matches!(
            edit_remove("[[client_keys]]\nid = 'y'", &id("x")),
            Err(EditError::Unknown(_))
        ));
    }
}
