use std::collections::BTreeMap;
use std::sync::OnceLock;

use interlingua_dialect::Wire;
use serde::Deserialize;
use toml_edit::DocumentMut;

/// What the words of other tools mean here.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Words {
    wires: BTreeMap<String, String>,
    clients: BTreeMap<String, Client>,
}

/// Where a client's settings keep what is looked for.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Client {
    wire: String,
    /// What the client puts behind its address before an endpoint.
    pub(super) suffix: String,
    pub(super) base_url: String,
    pub(super) keys: Vec<String>,
    pub(super) models: Vec<String>,
}

/// What another tool's name of a protocol means.
pub(super) enum Meaning {
    Wire(Wire),
    /// Nobody here speaks it.
    Foreign,
    Unknown,
}

impl Words {
    pub(super) fn get() -> &'static Self {
        static WORDS: OnceLock<Words> = OnceLock::new();
        WORDS.get_or_init(|| {
            let text: DocumentMut =
                include_str!("../../imports.toml").parse().expect("a test reads the words");
            toml_edit::de::from_document(text).expect("a test reads the words")
        })
    }

    pub(super) fn wire(&self, word: &str) -> Meaning {
        match self.wires.get(&word.to_lowercase()).map(String::as_str) {
            None => Meaning::Unknown,
            Some(name) => Wire::named(name).map_or(Meaning::Foreign, Meaning::Wire),
        }
    }

    pub(super) fn client(&self, name: &str) -> Option<&Client> {
        self.clients.get(name)
    }
}

impl Client {
    pub(super) fn wire(&self) -> Option<Wire> {
        Wire::named(&self.wire)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_word_means_something() {
        let words = Words::get();
        for (word, name) in &words.wires {
            assert!(name.is_empty() || Wire::named(name).is_some(), "{word}");
        }
        for (name, client) in &words.clients {
            assert!(client.wire().is_some(), "{name}");
            let pointers = client.keys.iter().chain(&client.models).chain([&client.base_url]);
            assert!(pointers.into_iter().all(|it| it.starts_with('/')), "{name}");
        }
    }
}
