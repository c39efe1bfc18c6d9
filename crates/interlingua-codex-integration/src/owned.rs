use std::fmt;
use std::ops::Range;

use interlingua_registry::foreign::OwnKey;
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use toml_edit::{Array, Document, Formatted, InlineTable, Item, TableLike, Value};

use crate::config::PROVIDER_ID;

/// The table of all providers.
pub(crate) const PROVIDERS: &str = "model_providers";

/// A key of Codex's `config.toml` that is ours to set, to remove and to put back. No other is touched.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct OwnedKey(&'static str, Place);

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Place {
    /// At the top of the file.
    Root,
    /// In our provider's table.
    Provider,
}

/// All of them, in the order in which they are written. The last three are never written: Codex does
/// not start if they stand beside what we write.
pub(crate) const OWNED: [OwnedKey; 13] = [
    OwnedKey("model", Place::Root),
    OwnedKey("model_provider", Place::Root),
    OwnedKey("model_catalog_json", Place::Root),
    OwnedKey("web_search", Place::Root),
    OwnedKey("name", Place::Provider),
    OwnedKey("base_url", Place::Provider),
    OwnedKey("wire_api", Place::Provider),
    OwnedKey("model_catalog_url", Place::Provider),
    OwnedKey("experimental_bearer_token", Place::Provider),
    OwnedKey("env_key", Place::Provider),
    OwnedKey("auth", Place::Provider),
    OwnedKey("requires_openai_auth", Place::Provider),
    OwnedKey("aws", Place::Provider),
];

/// The key that names the model to start with.
pub(crate) const MODEL: OwnedKey = OWNED[0];

impl OwnedKey {
    pub(crate) fn name(self) -> &'static str {
        self.0
    }

    pub(crate) fn place(self) -> Place {
        self.1
    }

    /// What stands under it in a document.
    pub(crate) fn find<'d>(self, document: &'d Document<&str>) -> Option<&'d Item> {
        match self.1 {
            Place::Root => document.get(self.0),
            Place::Provider => document.get(PROVIDERS)?.get(PROVIDER_ID)?.get(self.0),
        }
    }

    /// The source of its value. A table becomes one line.
    pub(crate) fn source(self, text: &str, document: &Document<&str>) -> Option<String> {
        let item = self.find(document)?;
        match (item, item.span()) {
            (Item::Value(value), Some(span)) if !is_dotted(value) => {
                Some(slice(text, span).to_owned())
            }
            _ => Some(plain(item)?.to_string().trim().to_owned()),
        }
    }
}

impl OwnKey for OwnedKey {
    fn is_secret(self) -> bool {
        matches!(self.0, "experimental_bearer_token" | "auth")
    }
}

impl fmt::Display for OwnedKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.1 {
            Place::Root => f.write_str(self.0),
            Place::Provider => write!(f, "{PROVIDERS}.{PROVIDER_ID}.{}", self.0),
        }
    }
}

impl Serialize for OwnedKey {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for OwnedKey {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let found = OWNED.into_iter().find(|key| key.to_string() == text);
        found.ok_or_else(|| D::Error::custom(format!("`{text}` is no key of ours")))
    }
}

/// A piece of a text, where a parsed document says that something stands.
pub(crate) fn slice(text: &str, span: Range<usize>) -> &str {
    text.get(span).expect("a span of this text begins and ends between characters")
}

/// Whether a value is but the beginning of a dotted key.
pub(crate) fn is_dotted(value: &Value) -> bool {
    value.as_inline_table().is_some_and(InlineTable::is_dotted)
}

/// The value without anything of how it was written.
fn plain(item: &Item) -> Option<Value> {
    match item {
        Item::None => None,
        Item::Value(value) => Some(plain_value(value)),
        Item::Table(table) => Some(plain_table(table).into()),
        Item::ArrayOfTables(tables) => {
            let tables: Array = tables.iter().map(|table| plain_table(table)).collect();
            Some(tables.into())
        }
    }
}

fn plain_table(table: &dyn TableLike) -> InlineTable {
    table.iter().filter_map(|(key, item)| Some((key, plain(item)?))).collect()
}

fn plain_value(value: &Value) -> Value {
    match value {
        Value::String(it) => Value::String(Formatted::new(it.value().clone())),
        Value::Integer(it) => Value::Integer(Formatted::new(*it.value())),
        Value::Float(it) => Value::Float(Formatted::new(*it.value())),
        Value::Boolean(it) => Value::Boolean(Formatted::new(*it.value())),
        Value::Datetime(it) => Value::Datetime(Formatted::new(*it.value())),
        Value::Array(array) => array.iter().map(plain_value).collect::<Array>().into(),
        Value::InlineTable(table) => plain_table(table).into(),
    }
}
