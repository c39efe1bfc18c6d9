use std::sync::OnceLock;

use serde::Deserialize;
use toml_edit::DocumentMut;

/// What is known about a vendor.
#[non_exhaustive]
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Preset {
    /// By which configuration refers to it; also the id of the provider that a variable makes.
    #[serde(skip)]
    pub id: String,
    /// The vendor, for humans.
    pub name: String,
    /// The dialect that it speaks.
    pub dialect: String,
    /// Whether it answers without a key.
    pub key: KeyNeed,
    /// The variables that may hold the key, the best known first.
    pub key_env: Vec<String>,
    /// The variable that replaces the base URL.
    pub url_env: String,
    /// The variable that names the default model.
    pub model_env: Option<String>,
    /// The vendor's documentation.
    pub docs: Option<String>,
    /// Where keys are made.
    pub console: Option<String>,
    /// The model to offer first.
    pub default_model: Option<String>,
    /// Its addresses, the default one first. Empty where only the user knows it.
    #[serde(default)]
    pub base_urls: Vec<PresetUrl>,
    /// The models that are known; there may be more.
    #[serde(default)]
    pub models: Vec<PresetModel>,
}

/// One of a vendor's addresses.
#[non_exhaustive]
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PresetUrl {
    /// The base URL.
    pub url: String,
    /// How keys for this address begin.
    pub key_prefix: Option<String>,
    /// Which of several equal addresses it is.
    pub region: Option<String>,
}

/// What is known about a model.
#[non_exhaustive]
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PresetModel {
    /// The vendor's spelling.
    pub id: String,
    /// In tokens; unknown where no document tells it.
    pub context_window: Option<u64>,
    /// In tokens.
    pub max_output_tokens: Option<u64>,
    /// Whether it sees images.
    pub images: Option<bool>,
    /// Whether it thinks before it answers.
    pub reasoning: Option<bool>,
}

/// Whether a vendor answers without a key.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq)]
#[serde(rename_all = "snake_case")]
pub enum KeyNeed {
    /// It does not.
    Required,
    /// It may.
    Optional,
}

impl Preset {
    /// All presets, in the order in which the variables make providers.
    ///
    /// # Panics
    ///
    /// Never in a released build: a test reads the embedded file.
    pub fn all() -> &'static [Self] {
        static ALL: OnceLock<Vec<Preset>> = OnceLock::new();
        ALL.get_or_init(|| read(include_str!("../presets.toml")))
    }

    /// The preset of that id.
    pub fn find(id: &str) -> Option<&'static Self> {
        Self::all().iter().find(|preset| preset.id == id)
    }

    pub(crate) fn model(&self, id: &str) -> Option<&PresetModel> {
        self.models.iter().find(|model| model.id == id)
    }

    /// The addresses that a key fits, by the way it begins; all of them if that tells nothing.
    pub(crate) fn urls_for(&self, key: Option<&str>) -> Vec<&PresetUrl> {
        let fits = |url: &&PresetUrl| {
            key.zip(url.key_prefix.as_deref()).is_some_and(|(key, prefix)| key.starts_with(prefix))
        };
        let fitting: Vec<_> = self.base_urls.iter().filter(fits).collect();
        if fitting.is_empty() { self.base_urls.iter().collect() } else { fitting }
    }
}

fn read(text: &str) -> Vec<Preset> {
    let document: DocumentMut = text.parse().expect("a test reads the presets");
    let presets = document.iter().map(|(id, item)| {
        let table = item.as_table().cloned().expect("presets are tables");
        let preset: Preset = toml_edit::de::from_document(DocumentMut::from(table))
            .expect("a test reads the presets");
        Preset { id: id.to_owned(), ..preset }
    });
    presets.collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::address::BaseUrl;

    #[test]
    fn every_preset_is_complete() {
        let ids: Vec<_> = Preset::all().iter().map(|preset| preset.id.as_str()).collect();
        assert_eq!(ids, ["mimo", "deepseek", "openai", "anthropic", "ollama", "vllm", "generic"]);
        for preset in Preset::all() {
            for url in &preset.base_urls {
                let base = BaseUrl::parse(&url.url).unwrap();
                assert_eq!(base.to_string(), url.url, "{}", preset.id);
                assert_eq!(base.is_local(), preset.key == KeyNeed::Optional, "{}", preset.id);
            }
            if let Some(model) = &preset.default_model {
                assert!(preset.model(model).is_some(), "{model}");
            }
            assert!(!preset.key_env.is_empty());
        }
    }

    #[test]
    fn every_address_is_one_of_the_dialects() {
        let dialects = interlingua_dialect::Dialects::builtin();
        for preset in Preset::all() {
            let dialect = dialects.resolve(&preset.dialect, "").unwrap();
            let known: Vec<_> = dialect.endpoint.base_urls.iter().map(|it| &it.url).collect();
            for url in &preset.base_urls {
                assert!(known.contains(&&url.url), "{} is not among {known:?}", url.url);
            }
        }
    }

    #[test]
    fn a_key_chooses_its_address() {
        let mimo = Preset::find("mimo").unwrap();
        let hosts =
            |key| mimo.urls_for(key).iter().map(|it| it.region.as_deref()).collect::<Vec<_>>();
        assert_eq!(hosts(Some("sk-1")), [None]);
        assert_eq!(hosts(Some("tp-1")), [Some("cn"), Some("sgp"), Some("ams")]);
        assert_eq!(hosts(Some("??")).len(), 4);
    }
}
