//! What the tests of this crate share.

use std::sync::Arc;

use interlingua_dialect::Dialects;
use interlingua_registry::{Environment, RawConfig, Snapshot, check};

use crate::select::Offer;

/// The snapshot that a configuration makes, with these variables set.
pub(crate) fn snapshot(config: &str, variables: &[&str]) -> Snapshot {
    let environment: Environment = variables.iter().map(|name| (*name, "sk-test")).collect();
    let raw = RawConfig::new().file("config.toml", config).environment(&environment);
    check(&raw, &Arc::new(Dialects::builtin()), &environment).unwrap()
}

pub(crate) fn offer(snapshot: &Snapshot) -> Offer<'_> {
    Offer {
        pool: snapshot.pool(),
        providers: snapshot.providers(),
        default_model: snapshot.default_model(),
    }
}

/// Two providers that can be used and one whose key is not there.
pub(crate) const HOUSE: &str = r#"
[providers.house]
name = "In-house vLLM"
shortcut = "h"
base_url = "http://127.0.0.1:8000/v1"
dialect = "vllm"
default_model = "qwen3-coder"
models = [
    { id = "llama-4", images = true },
    { id = "qwen3-coder", name = "Qwen3 Coder", aliases = ["coder"], context_window = 262144, images = false, reasoning = true },
]

[providers.mimo]

[providers.deepseek]
"#;
