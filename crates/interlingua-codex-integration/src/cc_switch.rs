use std::fmt;

use interlingua_registry::{KEY_PLACEHOLDER, Secret};
use serde_json::json;
use url::form_urlencoded::Serializer;

use crate::config::{Access, ConfigOptions, config_toml};

/// What cc-switch takes for a Codex provider: two texts to paste, or one link to open.
#[derive(Clone, Eq, PartialEq)]
pub struct CcSwitch {
    /// The text of `auth.json`.
    pub auth_json: String,
    /// The text of `config.toml`.
    pub config_toml: String,
    /// A link that makes cc-switch import the provider. It carries the key, readable for whoever sees
    /// the link, and no catalog: cc-switch writes the configuration anew from what is in the link.
    pub link: String,
}

/// Writes down for cc-switch what `options` say. Desktop programs see no variables of a shell, so a key
/// stands in the texts themselves: the one that is taken by anybody, else a [placeholder](KEY_PLACEHOLDER).
pub fn cc_switch(options: &ConfigOptions) -> CcSwitch {
    let token = match &options.access {
        Access::Token(token) => token.clone(),
        Access::EnvKey(_) => Secret::new(KEY_PLACEHOLDER.to_owned()),
    };
    let options = ConfigOptions { access: Access::Token(token.clone()), ..options.clone() };
    let query = Serializer::new(String::new())
        .append_pair("resource", "provider")
        .append_pair("app", "codex")
        .append_pair("name", "Interlingua")
        .append_pair("endpoint", options.base_url.trim_end_matches('/'))
        .append_pair("apiKey", token.expose())
        .append_pair("model", &options.model)
        .finish();
    CcSwitch {
        auth_json: format!("{:#}\n", json!({ "OPENAI_API_KEY": token.expose() })),
        config_toml: config_toml(&options),
        // A plus is a space in forms only.
        link: format!("ccswitch://v1/import?{}", query.replace('+', "%20")),
    }
}

impl fmt::Debug for CcSwitch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Every part of it holds the key.
        f.debug_struct("CcSwitch").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use serde_json::Value;
    use toml_edit::DocumentMut;
    use url::Url;

    use super::*;
    use crate::config::CatalogSource;

    #[track_caller]
    fn check(access: Access, key: &str) {
        let made = cc_switch(&ConfigOptions {
            base_url: "http://127.0.0.1:8787/v1/".to_owned(),
            model: "house/größe +1:free".to_owned(),
            access,
            catalog: CatalogSource::Gateway,
            search: false,
        });
        assert!(!format!("{made:?}").contains(key));
        let auth: Value = serde_json::from_str(&made.auth_json).unwrap();
        assert_eq!(auth, json!({ "OPENAI_API_KEY": key }));
        let config: DocumentMut = made.config_toml.parse().unwrap();
        assert_eq!(config["model_provider"].as_str(), Some("interlingua"));
        let ours = &config["model_providers"]["interlingua"];
        assert_eq!(ours["experimental_bearer_token"].as_str(), Some(key));
        let link = Url::parse(&made.link).unwrap();
        assert_eq!(
            (link.scheme(), link.host_str(), link.path()),
            ("ccswitch", Some("v1"), "/import")
        );
        assert!(!made.link.contains('+'));
        let query: BTreeMap<_, _> = link.query_pairs().into_owned().collect();
        let expected = [
            ("resource", "provider"),
            ("app", "codex"),
            ("name", "Interlingua"),
            ("endpoint", "http://127.0.0.1:8787/v1"),
            ("apiKey", key),
            ("model", "house/größe +1:free"),
        ];
        let expected = expected.map(|(name, value)| (name.to_owned(), value.to_owned()));
        assert_eq!(query, BTreeMap::from(expected));
    }

    #[test]
    fn everything_can_be_read_back() {
        check(Access::local(), "interlingua-local");
        check(Access::EnvKey("INTERLINGUA_KEY".to_owned()), KEY_PLACEHOLDER);
    }
}
