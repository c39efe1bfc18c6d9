//! Claude Code's settings, and what other clients are set up with, made from the pool.
//!
//! [`claude`] puts what sends Claude Code to the gateway into its `settings.json`, whatever that looks
//! like, takes it out again, and finds what else keeps it away. Everything is text in and text out:
//! nothing here touches a file, a socket or the environment. The feature `fs` adds the module that
//! carries plans out, with a journal. [`snippet`] writes down what other clients are set up with.
//!
//! ```
//! use interlingua_clients::claude::{Applied, Options, Tiers, plan, undo};
//! use interlingua_registry::{LOCAL_TOKEN, Secret};
//!
//! let options = Options {
//!     base_url: "http://127.0.0.1:8787/v1".to_owned(),
//!     token: Secret::new(LOCAL_TOKEN.to_owned()),
//!     model: "mimo/mimo-v2.5-pro".to_owned(),
//!     tiers: Tiers { haiku: Some("mimo/mimo-v2.5".to_owned()), ..Tiers::default() },
//!     context_window: Some(262_144),
//!     max_output_tokens: None,
//! };
//! let current = "{\n  \"model\": \"opus\", // mine\n  \"env\": { \"FOO\": \"1\" }\n}\n";
//! let planned = plan(Some(current), None, &options)?;
//! assert!(planned.after.starts_with(
//!     "{\n  \"model\": \"opus\", // mine\n  \"env\": { \"FOO\": \"1\", \
//!      \"ANTHROPIC_BASE_URL\": \"http://127.0.0.1:8787\","
//! ));
//!
//! // Whatever the user changes meanwhile stays.
//! let edited = planned.after.replace("\"FOO\": \"1\"", "\"FOO\": \"2\"");
//! let applied = Applied { changes: &planned.changes, base: Some(current), untouched: false };
//! assert_eq!(undo(Some(&edited), applied)?.text.unwrap(), current.replace("\"1\"", "\"2\""));
//! # Ok::<(), interlingua_clients::EditError>(())
//! ```

#[cfg(feature = "fs")]
pub mod apply;
pub mod claude;
mod diff;
mod json;
pub mod snippet;

#[cfg(test)]
mod testing;

pub use diff::diff;
pub use json::EditError;
