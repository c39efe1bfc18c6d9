//! Providers, models, keys and pool slugs: configuration checked into one snapshot.
//!
//! What files, environment and flags say is laid in layers ([`RawConfig`]), checked whole
//! ([`check`]), and becomes either a [`Snapshot`] that cannot be wrong any more, or all
//! [`Problems`] at once. Nothing here touches a file, a socket, a clock or the environment; the
//! feature `fs` adds the modules that do.
//!
//! ```
//! use std::sync::Arc;
//! use interlingua_dialect::Dialects;
//! use interlingua_registry::{Environment, RawConfig, check};
//!
//! let environment = Environment::from_iter([("MIMO_API_KEY", "sk-secret")]);
//! let raw = RawConfig::new()
//!     .file("config.toml", r#"
//!         [providers.house]
//!         base_url = "http://10.0.0.5:8000/v1/"
//!         models = [{ id = "qwen3-coder", context_window = 262144 }]
//!
//!         [aliases]
//!         work = { targets = ["house/qwen3-coder", "mimo/mimo-v2.5-pro"], policy = "failover" }
//!     "#)
//!     .environment(&environment);
//! let snapshot = check(&raw, &Arc::new(Dialects::builtin()), &environment)?;
//!
//! // Slugs are `<provider>/<model>`; a vendor's own variable is enough to switch it on.
//! let slugs: Vec<_> = snapshot.pool().iter().map(|entry| &*entry.slug).collect();
//! assert_eq!(slugs[..2], ["house/qwen3-coder", "mimo/mimo-v2.5-pro"]);
//!
//! let route = snapshot.route(Some("work"))?;
//! assert_eq!(route.targets[0].provider.base_url.to_string(), "http://10.0.0.5:8000/v1");
//! assert_eq!(&*route.targets[1].slug, "mimo/mimo-v2.5-pro");
//!
//! // What does not exist is never answered by something else.
//! let error = snapshot.route(Some("house/qwen3-codr")).unwrap_err();
//! assert!(error.to_string().starts_with(
//!     "there is no model `house/qwen3-codr`: provider `house` does not list it. \
//!      Nearest: `house/qwen3-coder`"
//! ));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! Times are written `"300s"`, `"500ms"`, `"2m"`, `"1h"`, `"7d"`; sizes `"64KiB"`, `"16MiB"` or as a number
//! of bytes. Unknown keys are errors, except those that begin with `x-`.

mod address;
mod attempt;
mod check;
mod discovered;
pub mod edit;
pub mod foreign;
mod header;
mod health;
pub mod import;
mod keys;
mod model;
mod pool;
mod preset;
mod problem;
mod provider;
mod raw;
mod route;
mod scrub;
mod secret;
mod section;
mod settings;
mod snapshot;
mod store;
mod units;

#[cfg(feature = "fs")]
pub mod files;
#[cfg(feature = "fs")]
pub mod load;

pub use address::{BadUrl, BaseUrl, HiddenUrl};
pub use attempt::{Attempts, MAX_REPEATS, MAX_WAIT, Next, TARGET_BUDGET};
pub use check::check;
pub use discovered::{Discovered, ListedModel, Listing, MAX_ID, MAX_LISTED};
pub use header::Header;
pub use health::Health;
pub use keys::{
    BadKey, ClientKey, ClientKeys, EditError, KEY_PLACEHOLDER, KeyHash, KeyId, LOCAL_TENANT,
    LOCAL_TOKEN, edit_add, edit_remove, generate, is_client_key,
};
pub use model::{ASSUMED_WINDOW, Asked, Model, ModelSource, Models, Price};
pub use pool::{DISCOVERY_PREFIX, PoolEntry, PoolMap};
pub use preset::{KeyNeed, Preset, PresetModel, PresetUrl};
pub use problem::{Origin, Place, Problem, ProblemKind, Problems};
pub use provider::{
    DEMO, KeyState, MissingKey, Provider, ProviderKey, Proxy, Unusable, UpstreamTimeouts,
};
pub use raw::{Environment, RawConfig};
pub use route::{
    Alias, AliasTarget, Demand, Near, Policy, Route, RouteError, Rule, SkipReason, Skipped, Target,
    rank,
};
pub use scrub::Scrubber;
pub use secret::{KeyError, KeySource, ResolveKey, Secret, tidy_key};
pub use section::Row;
pub use settings::{CatalogMode, CodexSettings, Limits, Listener, Settings, Timeouts};
pub use snapshot::Snapshot;
pub use store::{Store, StoreBounds, StorePlace};
