use std::sync::OnceLock;

use interlingua_dialect::{Plan, Wire};
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
    /// What its address looks like, where a part of it, in braces, is the user's own.
    pub base_url_form: Option<String>,
    /// Where it speaks Messages besides.
    #[serde(default)]
    pub messages_urls: Vec<PresetUrl>,
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
    /// What one pays for there.
    pub plan: Option<Plan>,
    /// Where it stands, such as `cn` or `intl`.
    pub region: Option<String>,
    /// How keys for this address begin.
    pub key_prefix: Option<String>,
    /// The variables that hold keys for this address rather than for another.
    #[serde(default)]
    pub key_env: Vec<String>,
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

    /// The addresses for a protocol, if one was asked for.
    pub fn urls(&self, wire: Option<Wire>) -> &[PresetUrl] {
        if self.has_apart(wire) { &self.messages_urls } else { &self.base_urls }
    }

    /// Whether a protocol is spoken elsewhere than the usual one.
    pub(crate) fn has_apart(&self, wire: Option<Wire>) -> bool {
        wire == Some(Wire::Messages) && !self.messages_urls.is_empty()
    }

    /// Those of them that a key fits, by the variable that holds it and by the way it begins; all of them
    /// if neither tells anything.
    pub(crate) fn urls_for(
        &self,
        wire: Option<Wire>,
        key: Option<&str>,
        variable: Option<&str>,
    ) -> Vec<&PresetUrl> {
        let named = |url: &&PresetUrl| url.key_env.iter().any(|it| Some(&**it) == variable);
        let urls = some_or_all(self.urls(wire).iter().collect(), named);
        // Keys of one plan may begin as those of another do, and go on: `sk-` and `sk-kimi-`.
        let fit = |url: &PresetUrl| {
            let prefix = url.key_prefix.as_deref()?;
            key?.starts_with(prefix).then_some(prefix.len())
        };
        let best = urls.iter().filter_map(|url| fit(url)).max();
        some_or_all(urls, |url| best.is_some() && fit(url) == best)
    }
}

impl PresetUrl {
    /// Which of a vendor's addresses it is, in two words at the most.
    pub fn label(&self) -> String {
        let words = [self.plan.map(Plan::name), self.region.as_deref()];
        words.into_iter().flatten().collect::<Vec<_>>().join(" ")
    }
}

/// Those that fit, or all if none does.
fn some_or_all<'a>(
    urls: Vec<&'a PresetUrl>,
    fits: impl Fn(&&'a PresetUrl) -> bool,
) -> Vec<&'a PresetUrl> {
    let fitting: Vec<_> = urls.iter().copied().filter(|url| fits(url)).collect();
    if fitting.is_empty() { urls } else { fitting }
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
    use std::collections::BTreeSet;

    use interlingua_dialect::Dialects;

    use super::*;
    use crate::address::BaseUrl;

    #[test]
    fn every_preset_is_complete() {
        let mut variables = BTreeSet::new();
        for preset in Preset::all() {
            for url in preset.base_urls.iter().chain(&preset.messages_urls) {
                let base = BaseUrl::parse(&url.url).unwrap();
                assert_eq!(base.to_string(), url.url, "{}", preset.id);
                let known = url.key_env.iter().all(|it| preset.key_env.contains(it));
                assert!(known, "{}: {:?}", preset.id, url.key_env);
            }
            if let Some(url) = preset.base_urls.first() {
                let is_local = BaseUrl::parse(&url.url).unwrap().is_local();
                assert_eq!(is_local, preset.key == KeyNeed::Optional, "{}", preset.id);
                // What a machine of one's own has, nobody else knows.
                assert_eq!(is_local, preset.models.is_empty(), "{}", preset.id);
                assert_eq!(is_local, preset.default_model.is_none(), "{}", preset.id);
                assert_eq!(is_local, preset.console.is_none(), "{}", preset.id);
                assert!(preset.docs.is_some(), "{}", preset.id);
            }
            if let Some(model) = &preset.default_model {
                assert!(preset.model(model).is_some(), "{model}");
            }
            assert!(!preset.key_env.is_empty());
            for variable in preset.key_env.iter().chain([&preset.url_env]) {
                assert!(variables.insert(variable), "{variable} means two things");
            }
        }
    }

    /// A family of servers that many vendors have has no address and no key of its own.
    const FAMILY: &str = "anthropic_compat";

    #[test]
    fn every_dialect_of_a_vendor_has_a_preset_with_its_addresses() {
        let dialects = Dialects::builtin();
        for id in dialects.ids().filter(|id| *id != FAMILY) {
            let preset = Preset::find(id).unwrap_or_else(|| panic!("`{id}` has no preset"));
            assert_eq!(preset.dialect, id);
            let endpoint = dialects.resolve(id, "").unwrap().endpoint;
            let is_whole = |url: &&Known| !url.0.contains('{');
            let of_record: Vec<Known> = endpoint
                .base_urls
                .into_iter()
                .map(|it| (it.url, it.plan, it.region, it.key_prefix))
                .collect();
            let of_preset: Vec<Known> = preset.base_urls.iter().map(known).collect();
            assert_eq!(of_preset, of_record.iter().filter(is_whole).cloned().collect::<Vec<_>>());
            let form = of_record.iter().find(|url| !is_whole(url)).map(|url| &url.0);
            if of_preset.is_empty() {
                assert_eq!(preset.base_url_form.as_ref(), form, "{id}");
            }
        }
    }

    #[test]
    fn vendors_that_speak_messages_too_say_where() {
        let dialects = Dialects::builtin();
        for preset in Preset::all().iter().filter(|it| it.key == KeyNeed::Required) {
            let dialect = dialects.resolve(&preset.dialect, "").unwrap();
            let besides = dialect.endpoint.messages_url.filter(|_| dialect.wire != Wire::Messages);
            let urls: Vec<_> = preset.messages_urls.iter().map(|it| it.url.clone()).collect();
            match besides.as_deref().and_then(|url| url.strip_suffix("/v1/messages")) {
                Some(base) => assert!(urls.iter().any(|it| it == base), "{base} not in {urls:?}"),
                None => assert!(urls.is_empty(), "{}: {urls:?}", preset.id),
            }
        }
        let family = dialects.resolve(FAMILY, "").unwrap().endpoint.base_urls;
        let told = Preset::all().iter().flat_map(|it| &it.messages_urls);
        let told: Vec<_> = told.map(|it| (it.url.clone(), it.plan)).collect();
        for url in family {
            assert!(told.contains(&(url.url.clone(), url.plan)), "{url:?}");
        }
    }

    #[test]
    fn a_key_chooses_its_address() {
        let labels = |id, key, variable| {
            let urls = Preset::find(id).unwrap().urls_for(None, key, variable);
            urls.iter().map(|it| it.label()).collect::<Vec<_>>()
        };
        assert_eq!(labels("mimo", Some("sk-1"), None), ["payg"]);
        let plans = ["token_plan cn", "token_plan sgp", "token_plan ams"];
        assert_eq!(labels("mimo", Some("tp-1"), None), plans);
        assert_eq!(labels("mimo", Some("??"), None).len(), 4);
        assert_eq!(labels("kimi", Some("sk-kimi-1"), None), ["coding_plan"]);
        assert_eq!(labels("kimi", Some("sk-1"), None), ["payg intl", "payg cn"]);
        let glm = labels("glm", Some("1.2"), Some("ZAI_API_KEY"));
        assert_eq!(glm, ["payg intl", "coding_plan intl"]);
        assert_eq!(labels("glm", Some("1.2"), Some("GLM_API_KEY")).len(), 4);
    }

    type Known = (String, Option<Plan>, Option<String>, Option<String>);

    fn known(url: &PresetUrl) -> Known {
        (url.url.clone(), url.plan, url.region.clone(), url.key_prefix.clone())
    }
}
