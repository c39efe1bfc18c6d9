//! A folder of Claude Code's, and what is done to it.

use interlingua_clients::claude::{ClaudeCode, Options, Tiers};
use interlingua_registry::{LOCAL_TOKEN, Secret};
use jsonc_parser::ParseOptions;
use serde_json::{Map, Value};

use crate::foreign;

/// Claude Code's folder and our state, in a folder of their own.
pub(crate) type Place = foreign::Place<ClaudeCode>;

impl foreign::Options<ClaudeCode> for Options {}

/// What every user gets.
pub(crate) fn options() -> Options {
    Options {
        base_url: "http://127.0.0.1:8787/v1".to_owned(),
        token: Secret::new(LOCAL_TOKEN.to_owned()),
        model: "house/coder".to_owned(),
        tiers: Tiers::default(),
        context_window: Some(262_144),
        max_output_tokens: None,
    }
}

/// What differs from it in every key that may.
pub(crate) fn other_options() -> Options {
    Options {
        base_url: "https://gateway.test".to_owned(),
        token: Secret::new("il_canary".to_owned()),
        model: "mimo/\"a\\b\u{1f980}".to_owned(),
        tiers: Tiers {
            opus: Some("a/o".to_owned()),
            sonnet: Some("a/s".to_owned()),
            haiku: Some("a/h".to_owned()),
            fable: Some("a/f".to_owned()),
        },
        context_window: None,
        max_output_tokens: Some(16_000),
    }
}

/// The files of the corpus, by their names.
pub(crate) fn corpus() -> Vec<(String, Vec<u8>)> {
    foreign::corpus("claude/settings", 35)
}

/// Checks that a text says what `options` want, and that all that is not ours is as it was.
#[track_caller]
pub(crate) fn check_result(before: &str, after: &str, options: &Options) {
    let (mut old, mut new) = (meaning(before), meaning(after));
    let before = env(&old);
    let after = env(&new);
    let is_set = |name: &str, value: &str| {
        assert_eq!(after.get(name), Some(&Value::from(value)), "{name}");
    };
    let model = &options.model;
    let tiers = &options.tiers;
    is_set("ANTHROPIC_BASE_URL", options.base_url.trim_end_matches("/v1"));
    is_set("ANTHROPIC_AUTH_TOKEN", options.token.expose());
    is_set("ANTHROPIC_MODEL", model);
    is_set("ANTHROPIC_DEFAULT_OPUS_MODEL", tiers.opus.as_ref().unwrap_or(model));
    is_set("ANTHROPIC_DEFAULT_SONNET_MODEL", tiers.sonnet.as_ref().unwrap_or(model));
    is_set("ANTHROPIC_DEFAULT_HAIKU_MODEL", tiers.haiku.as_ref().unwrap_or(model));
    is_set("ANTHROPIC_DEFAULT_FABLE_MODEL", tiers.fable.as_ref().unwrap_or(model));
    is_set("CLAUDE_CODE_ENABLE_GATEWAY_MODEL_DISCOVERY", "1");
    is_set("CLAUDE_CODE_ATTRIBUTION_HEADER", "0");
    for (name, wanted) in [
        ("CLAUDE_CODE_MAX_CONTEXT_TOKENS", options.context_window),
        ("CLAUDE_CODE_MAX_OUTPUT_TOKENS", options.max_output_tokens),
    ] {
        match wanted {
            Some(wanted) => {
                // A number that says the same is left as it is written.
                let found = after[name].to_string();
                assert_eq!(found.trim_matches('"'), wanted.to_string(), "{name}");
            }
            None => assert_eq!(after.get(name), before.get(name), "{name}"),
        }
    }
    strip(&mut old);
    strip(&mut new);
    assert_eq!(new, old);
}

/// What a text means, comments and trailing commas allowed; an object where there is nothing.
pub(crate) fn meaning(text: &str) -> Value {
    let text = text.trim_start_matches('\u{feff}');
    let value: Value = jsonc_parser::parse_to_serde_value(text, &ParseOptions::default()).unwrap();
    if value.is_null() { Value::Object(Map::new()) } else { value }
}

fn env(settings: &Value) -> Map<String, Value> {
    settings["env"].as_object().cloned().unwrap_or_default()
}

/// Takes out what is ours, by the words of the design and not by those of the product.
fn strip(settings: &mut Value) {
    let root = settings.as_object_mut().unwrap();
    let Some(env) = root.get_mut("env").and_then(Value::as_object_mut) else { return };
    for name in [
        "ANTHROPIC_BASE_URL",
        "ANTHROPIC_AUTH_TOKEN",
        "ANTHROPIC_MODEL",
        "ANTHROPIC_DEFAULT_OPUS_MODEL",
        "ANTHROPIC_DEFAULT_SONNET_MODEL",
        "ANTHROPIC_DEFAULT_HAIKU_MODEL",
        "ANTHROPIC_DEFAULT_FABLE_MODEL",
        "CLAUDE_CODE_MAX_CONTEXT_TOKENS",
        "CLAUDE_CODE_MAX_OUTPUT_TOKENS",
        "CLAUDE_CODE_ENABLE_GATEWAY_MODEL_DISCOVERY",
        "CLAUDE_CODE_ATTRIBUTION_HEADER",
    ] {
        env.remove(name);
    }
    if env.is_empty() {
        root.remove("env");
    }
}
