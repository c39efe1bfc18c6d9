use interlingua_registry::{LOCAL_TOKEN, Secret};
use toml_edit::{DocumentMut, Item, Table, value};

/// The id of our table under `[model_providers]`.
pub const PROVIDER_ID: &str = "interlingua";

/// What Codex's `config.toml` is to say.
#[derive(Clone, Debug)]
pub struct ConfigOptions {
    /// Where the gateway's API begins, such as `http://127.0.0.1:8787/v1`.
    pub base_url: String,
    /// The slug of the model to start with.
    pub model: String,
    /// How Codex proves that it may call.
    pub access: Access,
    /// Where Codex finds the catalog.
    pub catalog: CatalogSource,
    /// Whether the model can search the web; Codex's own search tool is switched off otherwise.
    pub search: bool,
}

/// How Codex proves that it may call.
#[derive(Clone, Debug)]
pub enum Access {
    /// By a client key that stands in the file.
    Token(Secret),
    /// By a client key in the environment variable of this name.
    EnvKey(String),
}

impl Access {
    /// Access to a gateway that asks for no key. Codex fetches a catalog only with some token.
    pub fn local() -> Self {
        Self::Token(Secret::new(LOCAL_TOKEN.to_owned()))
    }
}

/// Where Codex finds the catalog.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum CatalogSource {
    /// At the gateway, which needs Codex 0.159 or later. Changes reach a running Codex.
    Gateway,
    /// In the file of this absolute path.
    File(String),
}

/// Writes a complete `config.toml` that sends Codex to the gateway.
///
/// Only what Codex would not do by itself is written: the gateway repeats what is worth repeating
/// and keeps quiet streams alive, so the client's own limits are left as they are.
pub fn config_toml(options: &ConfigOptions) -> String {
    let mut document = DocumentMut::new();
    document["model"] = value(&options.model);
    document["model_provider"] = value(PROVIDER_ID);
    if let CatalogSource::File(path) = &options.catalog {
        document["model_catalog_json"] = value(path);
    }
    if !options.search {
        document["web_search"] = value("disabled");
    }
    let mut providers = Table::new();
    providers.set_implicit(true);
    providers[PROVIDER_ID] = Item::Table(provider(options));
    document["model_providers"] = Item::Table(providers);
    document.to_string()
}

fn provider(options: &ConfigOptions) -> Table {
    let base_url = options.base_url.trim_end_matches('/');
    let mut table = Table::new();
    table["name"] = value("Interlingua");
    table["base_url"] = value(base_url);
    table["wire_api"] = value("responses");
    if options.catalog == CatalogSource::Gateway {
        table["model_catalog_url"] = value(format!("{base_url}/codex/models"));
    }
    match &options.access {
        Access::Token(token) => table["experimental_bearer_token"] = value(token.expose()),
        Access::EnvKey(name) => table["env_key"] = value(name),
    }
    table
}

#[cfg(test)]
mod tests {
    use super::*;

    fn options() -> ConfigOptions {
        ConfigOptions {
            base_url: "http://127.0.0.1:8787/v1".to_owned(),
            model: "mimo/mimo-v2.5-pro".to_owned(),
            access: Access::local(),
            catalog: CatalogSource::Gateway,
            search: false,
        }
    }

    /// Checks the dotted keys of the text, which is parsed anew, and their values.
    #[track_caller]
    fn check(options: &ConfigOptions, expected: &[(&str, &str)]) {
        let document: DocumentMut = config_toml(options).parse().unwrap();
        let mut found = Vec::new();
        for (key, item) in document.iter() {
            match item.as_str() {
                Some(text) => found.push((key.to_owned(), text)),
                None => {
                    assert_eq!(key, "model_providers");
                    let providers = item.as_table().unwrap();
                    assert_eq!(providers.len(), 1);
                    for (key, item) in providers["interlingua"].as_table().unwrap() {
                        found.push((format!(".{key}"), item.as_str().unwrap()));
                    }
                }
            }
        }
        let found: Vec<_> = found.iter().map(|(key, text)| (key.as_str(), *text)).collect();
        assert_eq!(found, expected);
    }

    #[test]
    fn the_default_is_the_block_that_every_user_gets() {
        check(
            &options(),
            &[
                ("model", "mimo/mimo-v2.5-pro"),
                ("model_provider", "interlingua"),
                ("web_search", "disabled"),
                (".name", "Interlingua"),
                (".base_url", "http://127.0.0.1:8787/v1"),
                (".wire_api", "responses"),
                (".model_catalog_url", "http://127.0.0.1:8787/v1/codex/models"),
                (".experimental_bearer_token", "interlingua-local"),
            ],
        );
    }

    #[test]
    fn a_catalog_file_stands_instead_of_the_address() {
        let path = r"C:\Users\o'neil\models.json".to_owned();
        let options = ConfigOptions {
            base_url: "http://127.0.0.1:8787/v1/".to_owned(),
            access: Access::EnvKey("INTERLINGUA_KEY".to_owned()),
            catalog: CatalogSource::File(path.clone()),
            search: true,
            ..options()
        };
        check(
            &options,
            &[
                ("model", "mimo/mimo-v2.5-pro"),
                ("model_provider", "interlingua"),
                ("model_catalog_json", &path),
                (".name", "Interlingua"),
                (".base_url", "http://127.0.0.1:8787/v1"),
                (".wire_api", "responses"),
                (".env_key", "INTERLINGUA_KEY"),
            ],
        );
    }

    #[test]
    fn nasty_texts_are_quoted() {
        let model = "house/a\"b'''\\c\n[x]\ty = 'ü'";
        let text = config_toml(&ConfigOptions { model: model.to_owned(), ..options() });
        let document: DocumentMut = text.parse().unwrap();
        assert_eq!(document["model"].as_str(), Some(model));
        assert_eq!(document.len(), 4);
    }

    #[test]
    fn options_do_not_print_the_token() {
        let access = Access::Token(Secret::new("il-secret".to_owned()));
        let options = ConfigOptions { access, ..options() };
        assert!(!format!("{options:?}").contains("il-secret"));
        assert!(config_toml(&options).contains("experimental_bearer_token = \"il-secret\""));
    }
}
