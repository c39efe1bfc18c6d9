//! `config.json` of claude-code-router: `Providers` with an address, a key and models, and a `Router`
//! that sends kinds of requests to `provider,model`. Keys may be `$VARIABLE` or `${VARIABLE}`.

use interlingua_dialect::Wire;
use serde_json::Value;

use super::gather::{Gather, Raw, RawKey};
use super::words::{Meaning, Words};
use super::{Tool, Unreadable, parse};
use crate::edit::{ModelDraft, ProviderDraft};

/// The keys of a provider that are taken, or mean nothing to anybody but that tool.
const OF_PROVIDER: &[&str] = &[
    "name",
    "api_base_url",
    "baseUrl",
    "baseurl",
    "api_key",
    "apiKey",
    "apikey",
    "models",
    "modelDisplayNames",
    "transformer",
    "type",
    "enabled",
    "icon",
    "id",
    "provider",
];

/// The keys of the file that are about that tool itself.
const OF_TOOL: &[&str] = &["Providers", "Router", "LOG", "LOG_LEVEL", "NON_INTERACTIVE_MODE"];

pub(super) fn read(text: &str, gather: &mut Gather<'_>) -> Result<(), Unreadable> {
    let value = parse(text)?;
    let wanted = "the list `Providers`";
    let providers = value["Providers"].as_array();
    let providers = providers.ok_or(Unreadable::Shape { tool: Tool::ClaudeCodeRouter, wanted })?;
    let proxy = value["PROXY_URL"].as_str().filter(|it| !it.is_empty());
    for (n, provider) in providers.iter().enumerate() {
        match provider["name"].as_str().filter(|it| !it.is_empty()) {
            Some(name) => one(name, provider, proxy, gather),
            None => gather.note(&format!("Providers[{n}]"), "not taken: it has no `name`"),
        }
    }
    router(&value["Router"], gather);
    for (key, setting) in value.as_object().into_iter().flatten() {
        let is_set = !setting.is_null() && setting != "" && setting != false;
        if OF_TOOL.contains(&key.as_str()) || key == "PROXY_URL" || !is_set {
            continue;
        }
        gather.note(
            key,
            match key.as_str() {
                "APIKEY" | "APIKEYS" => "not taken: make a client key with `interlingua keys add`",
                "HOST" | "PORT" => "not taken: write `listen` if the usual address is not right",
                "API_TIMEOUT_MS" => {
                    "not taken: write `timeouts.first_byte` if the usual one is not right"
                }
                _ => "has no counterpart here",
            },
        );
    }
    Ok(())
}

fn one(name: &str, provider: &Value, proxy: Option<&str>, gather: &mut Gather<'_>) {
    let first = |keys: &[&str]| {
        let found = keys.iter().filter_map(|key| provider[*key].as_str());
        found.map(str::trim).find(|it| !it.is_empty()).map(str::to_owned)
    };
    let wire = match wire(name, provider, gather) {
        Ok(wire) => wire,
        Err(word) => {
            return gather.note(name, format!("not taken: nobody here speaks `{word}`"));
        }
    };
    let mut draft = ProviderDraft::new(name);
    draft.name = Some(name.to_owned());
    draft.wire = wire;
    draft.proxy = proxy.map(str::to_owned);
    draft.enabled = provider["enabled"].as_bool().filter(|enabled| !enabled);
    let names = &provider["modelDisplayNames"];
    let models = provider["models"].as_array().into_iter().flatten();
    let models = models.filter_map(|it| it.as_str().or_else(|| it["id"].as_str()));
    draft.models = models
        .filter(|id| !id.is_empty())
        .map(|id| {
            let mut model = ModelDraft::new(id);
            model.name = names[id].as_str().map(str::to_owned);
            model
        })
        .collect();
    let key = first(&["api_key", "apiKey", "apikey"]);
    let key = key.map_or(RawKey::Unsaid, |key| match variable(&key) {
        Some(variable) => RawKey::Variable(variable.to_owned()),
        None => RawKey::Literal(key),
    });
    let unknown: Vec<_> = provider
        .as_object()
        .into_iter()
        .flatten()
        .filter(|(key, value)| !OF_PROVIDER.contains(&key.as_str()) && !value.is_null())
        .map(|(key, _)| key.as_str())
        .collect();
    if !unknown.is_empty() {
        gather.note(name, format!("has no counterpart here: {}", unknown.join(", ")));
    }
    let base_url = first(&["api_base_url", "baseUrl", "baseurl"]).unwrap_or_default();
    gather.add(Raw {
        name: name.to_owned(),
        id: name.to_owned(),
        shortcut: None,
        base_url,
        key,
        draft,
    });
}

/// What is spoken to a provider, as its type or its transformers tell; the word that nobody knows.
fn wire(name: &str, provider: &Value, gather: &mut Gather<'_>) -> Result<Option<Wire>, String> {
    let words = Words::get();
    let mut wire = None;
    if let Some(word) = provider["type"].as_str() {
        match words.wire(word) {
            Meaning::Wire(found) => wire = Some(found),
            Meaning::Foreign | Meaning::Unknown => return Err(word.to_owned()),
        }
    }
    let mut dropped = Vec::new();
    for word in transformers(&provider["transformer"]["use"]) {
        match words.wire(word) {
            Meaning::Wire(found) => wire = Some(found),
            Meaning::Foreign => return Err(word.to_owned()),
            Meaning::Unknown => dropped.push(word.to_owned()),
        }
    }
    for (model, inner) in provider["transformer"].as_object().into_iter().flatten() {
        let of_model = transformers(&inner["use"]).into_iter();
        dropped.extend(of_model.map(|word| format!("{word} of {model}")));
    }
    if !dropped.is_empty() {
        gather.note(
            name,
            format!(
                "transformers are not taken, the dialect knows what a server wants: {}",
                dropped.join(", ")
            ),
        );
    }
    Ok(wire)
}

/// The names in a list of transformers; each may stand alone, or before its options.
fn transformers(list: &Value) -> Vec<&str> {
    let list = list.as_array().into_iter().flatten();
    list.filter_map(|it| it.as_str().or_else(|| it[0].as_str())).collect()
}

/// The variable that a text stands for.
fn variable(text: &str) -> Option<&str> {
    let name = text.strip_prefix('$')?;
    let name = name.strip_prefix('{').map_or(Some(name), |name| name.strip_suffix('}'))?;
    let fits = |c: u8| c.is_ascii_alphanumeric() || c == b'_';
    (!name.is_empty() && name.bytes().all(fits)).then_some(name)
}

/// Requests are not sorted by their kind here, so a rule is told and left to the reader.
fn router(router: &Value, gather: &mut Gather<'_>) {
    for (rule, target) in router.as_object().into_iter().flatten() {
        let about = format!("Router.{rule}");
        match target.as_str().and_then(|it| it.split_once(',')) {
            Some((provider, model)) => {
                let how = match rule.as_str() {
                    "default" => {
                        "write it as `default_model` if requests without a model are to go there"
                    }
                    _ => "give the name that your client asks for an alias to it",
                };
                let id = provider.trim().to_lowercase();
                gather.note(&about, format!("not taken: it names {id}/{}; {how}", model.trim()));
            }
            None if is_empty(target) => {}
            None => gather.note(&about, "has no counterpart here"),
        }
    }
}

fn is_empty(value: &Value) -> bool {
    match value {
        Value::Array(list) => list.is_empty(),
        Value::Object(entries) => entries.is_empty(),
        Value::String(text) => text.is_empty(),
        Value::Null => true,
        Value::Bool(_) | Value::Number(_) => false,
    }
}
