//! Clients whose settings are JSON.

use serde_json::{Map, Value, json};

use super::client::{Client, Flavour};
use super::options::{Key, Model, Options};
use super::{Kind, Snippet};

/// How we are called in the settings of others.
const ID: &str = "interlingua";

fn config(file: &'static str, value: &Value, notes: Vec<String>) -> Snippet {
    Snippet { file, kind: Kind::Json, text: format!("{value:#}\n"), notes }
}

/// Read, and run with all three packages: opencode 1.18.33.
pub(super) fn opencode(options: &Options) -> Snippet {
    let package = match options.flavour(Client::Opencode) {
        Flavour::Chat => "@ai-sdk/openai-compatible",
        Flavour::Responses => "@ai-sdk/openai",
        Flavour::Messages => "@ai-sdk/anthropic",
    };
    let key = match &options.key {
        Key::Text(key) => key.expose().to_owned(),
        Key::Variable(name) => format!("{{env:{name}}}"),
    };
    let model = |model: &Model| {
        let mut inputs = vec!["text"];
        inputs.extend(model.images.then_some("image"));
        json!({
            "name": model.name,
            "reasoning": model.reasoning,
            "tool_call": true,
            "attachment": model.images,
            "modalities": { "input": inputs, "output": ["text"] },
            "limit": { "context": model.context_window, "output": model.output() },
        })
    };
    let models: Map<_, _> = options.models.iter().map(|it| (it.slug.clone(), model(it))).collect();
    let small = options.small.as_ref().unwrap_or(&options.model.slug);
    let value = json!({
        "$schema": "https://opencode.ai/config.json",
        "model": format!("{ID}/{}", options.model.slug),
        "small_model": format!("{ID}/{small}"),
        "provider": { ID: {
            "npm": package,
            "name": "Interlingua",
            "options": { "baseURL": options.base_url(), "apiKey": key },
            "models": models,
        }},
    });
    let notes = vec![
        "it goes into `opencode.json` of a project, or into `~/.config/opencode/opencode.json`"
            .to_owned(),
    ];
    config("opencode.json", &value, notes)
}

/// Read in Zed's documentation of August 2026; not tried.
pub(super) fn zed(options: &Options) -> Snippet {
    let flavour = options.flavour(Client::Zed);
    let (list, url) = match flavour {
        Flavour::Messages => ("anthropic_compatible", options.root_url().to_owned()),
        Flavour::Chat | Flavour::Responses => ("openai_compatible", options.base_url()),
    };
    let model = |model: &Model| {
        let mut capabilities = json!({ "tools": true, "images": model.images });
        match flavour {
            Flavour::Messages => capabilities["prompt_caching"] = true.into(),
            Flavour::Chat => {
                capabilities["chat_completions"] = true.into();
                // It then gives a model its thoughts back.
                capabilities["interleaved_reasoning"] = model.reasoning.into();
            }
            Flavour::Responses => capabilities["chat_completions"] = false.into(),
        }
        json!({
            "name": model.slug,
            "display_name": model.name,
            "max_tokens": model.context_window,
            "max_output_tokens": model.output(),
            "capabilities": capabilities,
        })
    };
    let models: Vec<_> = options.models.iter().map(model).collect();
    let value = json!({
        "language_models": { list: { ID: { "api_url": url, "available_models": models } } },
        "agent": { "default_model": { "provider": ID, "model": options.model.slug } },
    });
    let key = match &options.key {
        Key::Text(_) => "the client key".to_owned(),
        Key::Variable(name) => format!("what `{name}` holds"),
    };
    let notes = vec![
        "put it beside what is in Zed's `settings.json` (`zed: open settings`)".to_owned(),
        format!(
            "Zed takes the key from its own settings page or from `INTERLINGUA_API_KEY`: {key}; any \
             text will do while the gateway wants none"
        ),
        "read in Zed's documentation, not tried".to_owned(),
    ];
    config("settings.json", &value, notes)
}

/// Read in Roo Code's sources of 2026; not tried.
pub(super) fn roo(options: &Options) -> Snippet {
    let profile = |model: &Model| {
        json!({
            "apiProvider": "openai",
            "openAiBaseUrl": options.base_url(),
            "openAiApiKey": options.written_key(),
            "openAiModelId": model.slug,
            "openAiStreamingEnabled": true,
            "openAiCustomModelInfo": {
                "maxTokens": model.output(),
                "contextWindow": model.context_window,
                "supportsImages": model.images,
                "supportsPromptCache": false,
            },
        })
    };
    let name = |model: &Model| format!("{ID}: {}", model.slug);
    let profiles: Map<_, _> = options.models.iter().map(|it| (name(it), profile(it))).collect();
    let value = json!({ "providerProfiles": {
        "currentApiConfigName": name(&options.model),
        "apiConfigs": profiles,
    }});
    let notes = vec![
        "Roo Code: Settings, About, Import; profiles that are there stay".to_owned(),
        "Cline has fields of the same names under the provider `OpenAI Compatible`".to_owned(),
        "read in Roo Code's sources, not tried".to_owned(),
    ];
    config("roo-code-settings.json", &value, notes)
}
