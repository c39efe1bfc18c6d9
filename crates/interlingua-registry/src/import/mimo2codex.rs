//! `providers.json` of mimo2codex: `{"providers": [{"id", "baseUrl", "envKey", …}]}`, as its loader
//! reads it; and the variables that stand for one such provider.

use interlingua_dialect::Wire;
use serde_json::Value;

use super::gather::{Gather, Raw, RawKey};
use super::{Import, Tool, Unreadable, parse};
use crate::edit::{ModelDraft, ProviderDraft};

/// The keys of a provider and of a model that are taken.
const OF_PROVIDER: &[&str] = &[
    "id",
    "shortcut",
    "displayName",
    "baseUrl",
    "envKey",
    "defaultModel",
    "wireApi",
    "models",
    "features",
    "docsUrl",
    "forceDefaultModel",
];
const OF_MODEL: &[&str] = &[
    "id",
    "aliases",
    "displayName",
    "supportsImages",
    "supportsReasoning",
    "supportsWebSearch",
    "contextWindow",
    "maxOutputTokens",
];

pub(super) fn read(text: &str, gather: &mut Gather<'_>) -> Result<(), Unreadable> {
    let value = parse(text)?;
    let wanted = "the list `providers`";
    let providers = value["providers"].as_array();
    let providers = providers.ok_or(Unreadable::Shape { tool: Tool::Mimo2codex, wanted })?;
    for (n, provider) in providers.iter().enumerate() {
        let Some(id) = provider["id"].as_str() else {
            gather.note(&format!("providers[{n}]"), "not taken: it has no `id`");
            continue;
        };
        one(id, provider, gather);
    }
    Ok(())
}

/// The provider that `GENERIC_BASE_URL` and its like stand for, looked up in whatever `variable` reads.
pub fn generic_variables(
    variable: impl Fn(&str) -> Option<String>,
    taken: &[String],
) -> Option<Import> {
    let mut gather = Gather::new(taken);
    let (base_url, model) = (variable("GENERIC_BASE_URL")?, variable("GENERIC_DEFAULT_MODEL")?);
    let mut draft = ProviderDraft::new("generic");
    draft.name = variable("GENERIC_DISPLAY_NAME");
    draft.default_model = Some(model);
    draft.wire = variable("GENERIC_WIRE_API").as_deref().and_then(Wire::named);
    let name = "GENERIC_*".to_owned();
    if variable("GENERIC_FORCE_DEFAULT_MODEL").is_some_and(|it| it == "1" || it == "true") {
        gather.note(&name, NEVER_REWRITTEN);
    }
    gather.add(Raw {
        name,
        id: "generic".to_owned(),
        shortcut: variable("GENERIC_SHORTCUT"),
        base_url,
        key: RawKey::Variable("GENERIC_API_KEY".to_owned()),
        draft,
    });
    Some(gather.done())
}

const NEVER_REWRITTEN: &str = "`forceDefaultModel` is not taken: no name is ever answered by another \
                               model; give the names that you use an alias instead";

fn one(id: &str, provider: &Value, gather: &mut Gather<'_>) {
    let text = |key: &str| provider[key].as_str().filter(|it| !it.is_empty()).map(str::to_owned);
    let features = &provider["features"];
    let mut draft = ProviderDraft::new(id);
    draft.name = text("displayName");
    draft.wire = provider["wireApi"].as_str().and_then(Wire::named);
    draft.default_model = text("defaultModel");
    draft.docs = text("docsUrl");
    draft.models = models(id, provider, gather);
    let key = text("envKey").map_or(RawKey::Unsaid, RawKey::Variable);
    if provider["forceDefaultModel"] == true {
        gather.note(id, NEVER_REWRITTEN);
    }
    let dropped: Vec<_> = features
        .as_object()
        .into_iter()
        .flatten()
        .filter(|(name, on)| {
            *on != false && !["webSearch", "forceParallelToolCalls"].contains(&name.as_str())
        })
        .map(|(name, _)| name.as_str())
        .collect();
    if !dropped.is_empty() {
        gather.note(
            id,
            format!(
                "features are not taken, the dialect knows what a server wants: {}",
                dropped.join(", ")
            ),
        );
    }
    for (feature, own) in [("webSearch", "search"), ("forceParallelToolCalls", "parallel_calls")] {
        if features[feature] == true && draft.models.is_empty() {
            gather.note(
                id,
                format!("`{feature}` is one of a model here: list one with `{own} = true`"),
            );
        }
    }
    unknown(id, provider, OF_PROVIDER, gather);
    let base_url = text("baseUrl").unwrap_or_default();
    gather.add(Raw {
        name: id.to_owned(),
        id: id.to_owned(),
        shortcut: text("shortcut"),
        base_url,
        key,
        draft,
    });
}

fn models(id: &str, provider: &Value, gather: &mut Gather<'_>) -> Vec<ModelDraft> {
    let features = &provider["features"];
    let on = |feature: &str| features[feature].as_bool().filter(|on| *on);
    let mut models = Vec::new();
    for model in provider["models"].as_array().into_iter().flatten() {
        let Some(name) = model["id"].as_str().filter(|it| !it.is_empty()) else {
            gather.note(id, "one of its models is not taken: it has no `id`");
            continue;
        };
        let aliases = model["aliases"].as_array().into_iter().flatten();
        let mut draft = ModelDraft::new(name);
        draft.name = model["displayName"].as_str().map(str::to_owned);
        draft.aliases = aliases.filter_map(|it| it.as_str().map(str::to_owned)).collect();
        draft.context_window = model["contextWindow"].as_u64().filter(|it| *it > 0);
        draft.max_output_tokens = model["maxOutputTokens"].as_u64().filter(|it| *it > 0);
        draft.images = model["supportsImages"].as_bool();
        draft.reasoning = model["supportsReasoning"].as_bool();
        draft.search = model["supportsWebSearch"].as_bool().or(on("webSearch"));
        draft.parallel_calls = on("forceParallelToolCalls");
        unknown(&format!("{id}/{name}"), model, OF_MODEL, gather);
        models.push(draft);
    }
    models
}

/// Reports the keys that have no meaning here.
fn unknown(about: &str, value: &Value, known: &[&str], gather: &mut Gather<'_>) {
    let keys = value.as_object().into_iter().flatten().map(|(key, _)| key.as_str());
    let unknown: Vec<_> = keys.filter(|key| !known.contains(key)).collect();
    if !unknown.is_empty() {
        gather.note(about, format!("has no counterpart here: {}", unknown.join(", ")));
    }
}
