//! Codex's configuration and model catalog, made from the pool.
//!
//! Codex takes any model for a stranger without tools unless a catalog describes it. [`Catalog`]
//! describes the models of a [`PoolMap`](interlingua_registry::PoolMap) in Codex's own shape, with
//! the [`INSTRUCTIONS`] that make an open model a coding agent; [`config_toml`] writes the
//! configuration that points Codex to the gateway; [`Offer::choose`] finds the model to start with.
//! [`plan`] puts the same into a `config.toml` that is there already, whatever it looks like, and
//! [`undo`] takes it out again; [`inspect`] finds what else keeps Codex from the gateway. Everything is
//! text in and text out: nothing here touches a file, a socket or the environment. The feature `fs` adds
//! the module that carries plans out, with a journal.
//!
//! ```
//! use std::sync::Arc;
//! use interlingua_codex_integration::{
//!     Access, Applied, Catalog, CatalogOptions, CatalogSource, ConfigOptions, Offer, Shown,
//!     config_toml, plan, undo,
//! };
//! use interlingua_dialect::Dialects;
//! use interlingua_registry::{Environment, RawConfig, check};
//!
//! let environment = Environment::from_iter([("MIMO_API_KEY", "sk-secret")]);
//! let raw = RawConfig::new().environment(&environment);
//! let snapshot = check(&raw, &Arc::new(Dialects::builtin()), &environment)?;
//!
//! // What the gateway serves at `/v1/codex/models`, with its `ETag`.
//! let catalog = Catalog::of(snapshot.pool(), &CatalogOptions::new(Shown::All));
//! assert!(catalog.as_json().starts_with(r#"{"models":[{"slug":"mimo/mimo-v2.5-pro","#));
//! assert!(catalog.left_out().is_empty());
//!
//! // What the user puts into `~/.codex/config.toml`.
//! let offer = Offer {
//!     pool: snapshot.pool(),
//!     providers: snapshot.providers(),
//!     default_model: snapshot.default_model(),
//! };
//! let choice = offer.choose(Some("mimo"))?;
//! let options = ConfigOptions {
//!     base_url: "http://127.0.0.1:8787/v1".to_owned(),
//!     model: choice.slug.clone(),
//!     access: Access::local(),
//!     catalog: CatalogSource::Gateway,
//!     search: false,
//! };
//! let config = config_toml(&options);
//! assert_eq!(config, r#"model = "mimo/mimo-v2.5-pro"
//! model_provider = "interlingua"
//! web_search = "disabled"
//!
//! [model_providers.interlingua]
//! name = "Interlingua"
//! base_url = "http://127.0.0.1:8787/v1"
//! wire_api = "responses"
//! model_catalog_url = "http://127.0.0.1:8787/v1/codex/models"
//! experimental_bearer_token = "interlingua-local"
//! "#);
//!
//! // Or what becomes of the file that he has. Nothing but the keys above is touched.
//! let current = "# mine\r\nmodel = \"gpt-5.5\" # good\r\n[tui]\r\nnotifications = true";
//! let planned = plan(Some(current), None, &options)?;
//! assert!(planned.after.starts_with("# mine\r\nmodel = \"mimo/mimo-v2.5-pro\" # good\r\n"));
//!
//! // Without the bytes of before, as when somebody else has changed the file meanwhile, it is put back
//! // key by key; `applied` is what a journal remembers.
//! let edited = planned.after.replace("notifications = true", "notifications = false");
//! let applied = Applied { changes: &planned.changes, base: Some(current), untouched: false };
//! let undone = undo(Some(&edited), applied)?.text.unwrap();
//! assert_eq!(undone, current.replace("true", "false") + "\r\n");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

#[cfg(feature = "fs")]
pub mod apply;
mod catalog;
mod cc_switch;
mod config;
mod diff;
mod edit;
mod effort;
mod entry;
mod inspect;
mod names;
mod owned;
mod plan;
mod select;

#[cfg(test)]
mod testing;

pub use catalog::{Catalog, CatalogOptions, MAX_CATALOG, Shown};
pub use cc_switch::{CcSwitch, cc_switch};
pub use config::{Access, CatalogSource, ConfigOptions, PROVIDER_ID, config_toml};
pub use diff::diff;
pub use edit::EditError;
pub use entry::INSTRUCTIONS;
pub use inspect::{Facts, Finding, Severity, inspect};
pub use interlingua_registry::LOCAL_TOKEN;
pub use names::{HELPER_NAMES, PICKER_NAMES, Slots};
pub use owned::OwnedKey;
pub use plan::{
    Applied, Change, Changes, Codex, Plan, Setup, Undo, configured_model, plan, setup, undo,
};
pub use select::{Choice, ChooseError, Offer};
