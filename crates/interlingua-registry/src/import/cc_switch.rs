//! What cc-switch keeps: a record per client and provider, whose settings are those of the client. It
//! comes as `config.json` (older versions), as an SQL export of its database, or as deep links.

use interlingua_dialect::Wire;
use serde_json::{Map, Value};
use toml_edit::DocumentMut;

use super::gather::{Gather, Raw, RawKey};
use super::words::{Client, Words};
use super::{Tool, Unreadable, deep_link, parse, sql};
use crate::edit::{ModelDraft, ProviderDraft};

/// The client whose settings hold another configuration file as text.
const WITH_TOML: &str = "codex";

pub(super) fn read(text: &str, gather: &mut Gather<'_>) -> Result<(), Unreadable> {
    if deep_link::are_links(text) {
        for link in text.lines().filter(|line| !line.trim().is_empty()) {
            if let Some((app, record)) = deep_link::record(link, gather) {
                one(&app, &record, gather);
            }
        }
        return Ok(());
    }
    if sql::is_dump(text.trim_start()) {
        for row in sql::rows(text, "providers") {
            let (app, record) = of_row(row);
            one(&app, &record, gather);
        }
        gather.note("the export", NOT_PROVIDERS);
        return Ok(());
    }
    let value = parse(text)?;
    // Before its second version the file was about one client only.
    if value["providers"].is_object() {
        all("claude", &value, gather);
        return Ok(());
    }
    let apps =
        value.as_object().into_iter().flatten().filter(|(_, it)| it["providers"].is_object());
    let mut apps = apps.peekable();
    if apps.peek().is_none() {
        let wanted = "an object `providers` of a client";
        return Err(Unreadable::Shape { tool: Tool::CcSwitch, wanted });
    }
    apps.for_each(|(app, manager)| all(app, manager, gather));
    if value["mcp"].is_object() || value["prompts"].is_object() || value["skills"].is_object() {
        gather.note("the file", NOT_PROVIDERS);
    }
    Ok(())
}

const NOT_PROVIDERS: &str =
    "tool servers, prompts, skills and which provider was in use are not taken";

fn all(app: &str, manager: &Value, gather: &mut Gather<'_>) {
    for (_, record) in manager["providers"].as_object().into_iter().flatten() {
        one(app, record, gather);
    }
}

/// A row of the database as the record that it was made of.
fn of_row(mut row: Map<String, Value>) -> (String, Value) {
    let mut text = |column: &str| row.remove(column).and_then(|it| it.as_str().map(str::to_owned));
    let app = text("app_type").unwrap_or_default();
    let settings = text("settings_config").and_then(|it| serde_json::from_str::<Value>(&it).ok());
    let record = serde_json::json!({
        "name": text("name"),
        "websiteUrl": text("website_url"),
        "settingsConfig": settings,
    });
    (app, record)
}

fn one(app: &str, record: &Value, gather: &mut Gather<'_>) {
    let Some(name) = record["name"].as_str().filter(|it| !it.trim().is_empty()) else {
        return gather.note(app, "a provider is not taken: it has no name");
    };
    let about = format!("{name} ({app})");
    let settings = &record["settingsConfig"];
    let found = if app == WITH_TOML {
        of_toml(settings)
    } else if let Some(client) = Words::get().client(app) {
        of_client(settings, client)
    } else {
        return gather.note(&about, format!("not taken: settings of `{app}` are not read"));
    };
    // What a link says itself counts more than the settings in it.
    let said = |key: &str| record[key].as_str().filter(|it| !it.is_empty()).map(str::to_owned);
    let suffix = Words::get().client(app).map_or("", |client| client.suffix.as_str());
    let base_url = said("endpoint").map(|it| with_suffix(&it, suffix)).or(found.base_url);
    let Some(base_url) = base_url else {
        return gather.note(
            &about,
            "not taken: it has no address of its own, so it is the client's own login",
        );
    };
    let mut draft = ProviderDraft::new(name);
    draft.name = Some(name.trim().to_owned());
    draft.wire = found.wire;
    draft.docs = said("websiteUrl");
    draft.models = found.models;
    draft.default_model = said("model").or(found.model);
    let key = said("apiKey").map_or(found.key, RawKey::Literal);
    gather.add(Raw { name: about, id: name.to_owned(), shortcut: None, base_url, key, draft });
}

/// What a client's settings say.
#[derive(Default)]
struct Found {
    base_url: Option<String>,
    key: RawKey,
    wire: Option<Wire>,
    model: Option<String>,
    models: Vec<ModelDraft>,
}

fn of_client(settings: &Value, client: &Client) -> Found {
    let text = |pointer: &String| {
        let text = settings.pointer(pointer)?.as_str()?.trim();
        (!text.is_empty()).then(|| text.to_owned())
    };
    let listed = settings["models"].as_object().into_iter().flatten();
    let models = listed.map(|(id, model)| {
        let mut draft = ModelDraft::new(id);
        draft.name = model["name"].as_str().filter(|it| it != id).map(str::to_owned);
        draft.context_window = model["limit"]["context"].as_u64();
        draft.max_output_tokens = model["limit"]["output"].as_u64();
        draft
    });
    Found {
        base_url: text(&client.base_url).map(|it| with_suffix(&it, &client.suffix)),
        key: client.keys.iter().find_map(text).map_or(RawKey::Unsaid, RawKey::Literal),
        wire: client.wire(),
        model: client.models.iter().find_map(text),
        models: models.collect(),
    }
}

/// Settings with a file in TOML: its active provider, a key beside it, and perhaps a list of models.
fn of_toml(settings: &Value) -> Found {
    let text = settings["config"].as_str().unwrap_or_default();
    let Ok(document) = text.parse::<DocumentMut>() else { return Found::default() };
    let active = document.get("model_provider").and_then(|it| it.as_str());
    let provider = active.and_then(|id| document.get("model_providers")?.get(id));
    let of_provider = |key: &str| {
        let text = provider?.get(key)?.as_str()?;
        (!text.is_empty()).then(|| text.to_owned())
    };
    let token = of_provider("experimental_bearer_token");
    let stored = settings["auth"]["OPENAI_API_KEY"].as_str().map(str::to_owned);
    let key = match (of_provider("env_key"), token.or(stored)) {
        (_, Some(key)) => RawKey::Literal(key),
        (Some(variable), None) => RawKey::Variable(variable),
        (None, None) => RawKey::Unsaid,
    };
    let listed = settings["modelCatalog"]["models"].as_array().into_iter().flatten();
    let models = listed.filter_map(|model| {
        let mut draft = ModelDraft::new(model["model"].as_str()?);
        draft.name = model["displayName"].as_str().map(str::to_owned);
        draft.context_window = model["contextWindow"].as_u64();
        let kinds = model["inputModalities"].as_array();
        draft.images = kinds.map(|kinds| kinds.iter().any(|kind| kind == "image"));
        draft.parallel_calls = model["supportsParallelToolCalls"].as_bool().filter(|on| *on);
        Some(draft)
    });
    Found {
        base_url: of_provider("base_url"),
        key,
        wire: of_provider("wire_api").as_deref().and_then(Wire::named),
        model: document.get("model").and_then(|it| it.as_str()).map(str::to_owned),
        models: models.collect(),
    }
}

fn with_suffix(base_url: &str, suffix: &str) -> String {
    let base_url = base_url.trim().trim_end_matches('/');
    if base_url.ends_with(suffix) { base_url.to_owned() } else { format!("{base_url}{suffix}") }
}
