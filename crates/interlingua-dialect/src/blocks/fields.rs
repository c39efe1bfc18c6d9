use std::ops::Deref;

use serde::{Deserialize, Deserializer};
use serde_json::{Map, Value};

use crate::shape::{Kind, Shape};

/// Request fields, ready to be spliced into a body: names and compact JSON, in the record's order.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Fields(Vec<(String, String)>);

impl Deref for Fields {
    type Target = [(String, String)];

    fn deref(&self) -> &Self::Target {
        &self.0
    }
}

impl From<&Map<String, Value>> for Fields {
    fn from(table: &Map<String, Value>) -> Self {
        Self(table.iter().map(|(name, value)| (name.clone(), value.to_string())).collect())
    }
}

impl<'de> Deserialize<'de> for Fields {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        Map::deserialize(from).map(|table| Self::from(&table))
    }
}

impl Shape for Fields {
    const KIND: Kind = Kind::Fields;
}
