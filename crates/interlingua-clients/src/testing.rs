use std::sync::Arc;

use interlingua_dialect::Dialects;
use interlingua_registry::{Environment, RawConfig, Snapshot, check};

/// A configuration with models of every kind.
pub(crate) fn snapshot() -> Snapshot {
    snapshot_of(
        r#"
        [providers.house]
        base_url = "http://127.0.0.1:9/v1"
        [[providers.house.models]]
        id = "big"
        name = "Big \"B\""
        context_window = 1000000
        max_output_tokens = 64000
        images = true
        reasoning = true
        [[providers.house.models]]
        id = "small"
        context_window = 200000
        max_output_tokens = 16000
        [[providers.house.models]]
        id = "plain"
    "#,
    )
}

/// A configuration.
pub(crate) fn snapshot_of(config: &str) -> Snapshot {
    let environment = Environment::default();
    let raw = RawConfig::new().file("config.toml", config).environment(&environment);
    check(&raw, &Arc::new(Dialects::builtin()), &environment).unwrap()
}
