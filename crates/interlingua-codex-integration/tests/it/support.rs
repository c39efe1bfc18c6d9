//! A home of Codex, and what is done to it.

use std::path::Path;

use interlingua_codex_integration::apply::CatalogFile;
use interlingua_codex_integration::{Access, CatalogSource, Codex, ConfigOptions};

use crate::foreign;

/// Codex's home and our state, in a folder of their own.
pub(crate) type Place = foreign::Place<Codex>;

impl foreign::Options<Codex> for ConfigOptions {
    fn beside(&self) -> Option<CatalogFile<'_>> {
        match &self.catalog {
            CatalogSource::Gateway => None,
            CatalogSource::File(path) => Some(CatalogFile { path: Path::new(path), text: CATALOG }),
        }
    }
}

/// The block that every user gets.
pub(crate) fn options() -> ConfigOptions {
    ConfigOptions {
        base_url: "http://127.0.0.1:8787/v1".to_owned(),
        model: "house/coder".to_owned(),
        access: Access::local(),
        catalog: CatalogSource::Gateway,
        search: false,
    }
}

/// Those that differ from it in every key that may.
pub(crate) fn other_options(catalog: &Path) -> ConfigOptions {
    ConfigOptions {
        base_url: "https://gateway.test/v1".to_owned(),
        model: "mimo/mimo-v2.5-pro".to_owned(),
        access: Access::EnvKey("INTERLINGUA_KEY".to_owned()),
        catalog: CatalogSource::File(catalog.to_str().unwrap().to_owned()),
        search: true,
    }
}

pub(crate) const CATALOG: &str = r#"{"models":[]}"#;

/// The files of the corpus, by their names.
pub(crate) fn corpus() -> Vec<(String, Vec<u8>)> {
    foreign::corpus("codex/configs", 40)
}

/// Checks that a text says what `options` want, and that all that is not ours is as it was.
#[track_caller]
pub(crate) fn check_result(before: &str, after: &str, options: &ConfigOptions) {
    let mut read: toml_edit::DocumentMut = after.parse().unwrap();
    let mut old: toml_edit::DocumentMut = before.parse().unwrap();
    let text = |item: Option<&toml_edit::Item>| item.and_then(|it| it.as_str()).map(str::to_owned);
    let ours = |key: &str| text(read["model_providers"]["interlingua"].get(key));
    assert_eq!(text(read.get("model")), Some(options.model.clone()));
    assert_eq!(text(read.get("model_provider")).as_deref(), Some("interlingua"));
    assert_eq!(ours("name").as_deref(), Some("Interlingua"));
    assert_eq!(ours("base_url"), Some(options.base_url.clone()));
    assert_eq!(ours("wire_api").as_deref(), Some("responses"));
    let url = format!("{}/codex/models", options.base_url);
    let (catalog_url, catalog_file) = match &options.catalog {
        CatalogSource::Gateway => (Some(url), None),
        CatalogSource::File(path) => (None, Some(path.clone())),
    };
    assert_eq!(ours("model_catalog_url"), catalog_url);
    assert_eq!(text(read.get("model_catalog_json")), catalog_file);
    let (token, variable) = match &options.access {
        Access::Token(token) => (Some(token.expose().to_owned()), None),
        Access::EnvKey(name) => (None, Some(name.clone())),
    };
    assert_eq!(ours("experimental_bearer_token"), token);
    assert_eq!(ours("env_key"), variable);
    let search = if options.search { text(old.get("web_search")) } else { Some("disabled".into()) };
    assert_eq!(text(read.get("web_search")), search);
    for document in [&mut read, &mut old] {
        strip(document);
    }
    assert_eq!(meaning(&read), meaning(&old));
}

fn meaning(document: &toml_edit::DocumentMut) -> serde_json::Value {
    toml_edit::de::from_document(document.clone()).unwrap()
}

/// Takes out what is ours, by the words of the decision and not by those of the product.
fn strip(document: &mut toml_edit::DocumentMut) {
    for key in ["model", "model_provider", "web_search", "model_catalog_json"] {
        document.remove(key);
    }
    let Some(providers) = document.get_mut("model_providers") else { return };
    let providers = providers.as_table_like_mut().unwrap();
    if let Some(ours) = providers.get_mut("interlingua").and_then(|it| it.as_table_like_mut()) {
        for key in [
            "name",
            "base_url",
            "wire_api",
            "model_catalog_url",
            "experimental_bearer_token",
            "env_key",
            "auth",
            "requires_openai_auth",
            "aws",
        ] {
            ours.remove(key);
        }
        if ours.is_empty() {
            providers.remove("interlingua");
        }
    }
    if providers.is_empty() {
        document.remove("model_providers");
    }
}
