//! Deep links of cc-switch: `ccswitch://v1/import?resource=provider&app=…&name=…&endpoint=…&apiKey=…`.

use std::collections::HashMap;

use base64::Engine as _;
use base64::alphabet;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use serde_json::{Value, json};
use url::Url;

use super::gather::Gather;

const SCHEME: &str = "ccswitch://";

/// Whether a text begins with such a link.
pub(super) fn is_one(text: &str) -> bool {
    text.starts_with(SCHEME)
}

/// Whether a text holds such links, one on a line.
pub(super) fn are_links(text: &str) -> bool {
    let mut lines = text.lines().map(str::trim).filter(|line| !line.is_empty()).peekable();
    lines.peek().is_some() && lines.all(is_one)
}

/// A link as the provider record that cc-switch makes of it: app, and the record.
pub(super) fn record(link: &str, gather: &mut Gather<'_>) -> Option<(String, Value)> {
    let Ok(url) = Url::parse(link.trim()) else {
        gather.note("a deep link", "not taken: it is no URL");
        return None;
    };
    let mut values: HashMap<String, String> = url.query_pairs().into_owned().collect();
    let mut take = |key: &str| values.remove(key).filter(|it| !it.is_empty());
    let name = take("name").unwrap_or_else(|| "a deep link".to_owned());
    let resource = take("resource").unwrap_or_default();
    if resource != "provider" {
        gather.note(&name, format!("not taken: it holds a {resource}, not a provider"));
        return None;
    }
    if take("configUrl").is_some() {
        gather.note(&name, "`configUrl` is not followed");
    }
    let app = take("app").unwrap_or_default();
    let format = take("configFormat").unwrap_or_else(|| "json".to_owned());
    let config = take("config").and_then(|config| {
        let config = decode(&config).filter(|_| format == "json");
        let config = config.and_then(|bytes| serde_json::from_slice::<Value>(&bytes).ok());
        if config.is_none() {
            gather.note(&name, "its `config` is not taken: it is not JSON in Base64");
        }
        config
    });
    // Several addresses stand between commas; the first one is used.
    let endpoint = take("endpoint");
    let endpoint = endpoint.as_deref().and_then(|it| it.split(',').next()).map(str::trim);
    let record = json!({
        "name": name,
        "websiteUrl": take("homepage"),
        "settingsConfig": config.unwrap_or_default(),
        "endpoint": endpoint,
        "apiKey": take("apiKey"),
        "model": take("model"),
    });
    Some((app, record))
}

/// Base64 in either alphabet, with or without padding.
fn decode(text: &str) -> Option<Vec<u8>> {
    let config =
        GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent);
    let standard = GeneralPurpose::new(&alphabet::STANDARD, config);
    // A plus that nobody escaped arrives as a blank.
    let text = text.replace([' ', '-'], "+").replace('_', "/");
    standard.decode(text).ok()
}
