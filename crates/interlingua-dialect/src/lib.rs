//! What is peculiar about each upstream, as data.
//!
//! A dialect is a TOML record, not a code path. Translators never ask *who* they talk to, only
//! *what* the dialect says, so an upstream that differs in known ways is a record and a fixture.
//! A record is a patch over the defaults, or over another record that it `extends`; its `families`
//! patch it further for some models. Every departure says how we know it.
//!
//! ```
//! use interlingua_dialect::{Dialects, Effort, EffortChoice, ReplayRule};
//!
//! let dialects = Dialects::builtin();
//! assert_eq!(dialects.guess("https://api.xiaomimimo.com/v1", ""), Some("mimo"));
//!
//! let mimo = dialects.resolve("mimo", "mimo-v2.5-pro")?;
//! assert_eq!(mimo.replay.rule, ReplayRule::RequiredToolCalls);
//! assert_eq!(mimo.replay.placeholder.as_deref(), Some(""));
//!
//! // Request fields are stored as they are spliced into a body.
//! let off = mimo.effort(Effort::None).expect("MiMo has a switch");
//! assert_eq!(off, [("thinking".to_owned(), r#"{"type":"disabled"}"#.to_owned())]);
//!
//! // A level that the upstream lacks becomes what its record says.
//! let deepseek = dialects.resolve("deepseek", "deepseek-v4-flash")?;
//! let EffortChoice::Set { level, exact, .. } = deepseek.effort_or_policy("medium") else {
//!     panic!("an alias");
//! };
//! assert_eq!((level, exact), (Effort::High, false));
//!
//! // A refusal is classified by the record's rules, wherever the upstream hides its reason.
//! let body = br#"{"error": {"code": "400", "message": "Param Incorrect",
//!     "param": "The reasoning_content in the thinking mode must be passed back to the API."}}"#;
//! let refusal = mimo.classify(400, None, body);
//! assert_eq!(refusal.class.name(), "replay_missing");
//! # Ok::<(), interlingua_dialect::UnknownDialect>(())
//! ```
//!
//! Users describe a provider of their own in the same form:
//!
//! ```
//! # use interlingua_dialect::{Dialects, Carrier};
//! let relay = r#"
//!     id = "relay"
//!     title = "Our relay in front of DeepSeek"
//!     extends = "deepseek"
//!
//!     [replay]
//!     carrier = "reasoning"
//!     remove = ["placeholder"]      # TOML has no null
//! "#;
//! let dialects = Dialects::builtin().with([("relay.toml", relay)]).expect("no problems");
//! assert_eq!(dialects.resolve("relay", "")?.replay.carrier, Carrier::Reasoning);
//!
//! let problems = Dialects::builtin().with([("x.toml", relay.replace("carrier", "carier"))]);
//! let problem = &problems.expect_err("a misspelt field")[0];
//! assert_eq!(
//!     problem.to_string(),
//!     "x.toml:7:5: unknown field `replay.carier`; did you mean `carrier`?",
//! );
//! # Ok::<(), interlingua_dialect::UnknownDialect>(())
//! ```

mod blocks;
mod builtin;
mod defaults;
mod dialect;
mod dialects;
mod errors;
mod guess;
mod problem;
mod read;
mod record;
mod resolve;
mod schema;
mod shape;

pub use blocks::*;
pub use dialect::{Dialect, EffortChoice, Wire};
pub use dialects::{Dialects, UnknownDialect};
pub use errors::{AnswerLimit, ErrorRule, Errors, Fix, Pattern, Refusal};
pub use problem::Problem;
pub use record::{Confidence, Evidence};
pub use resolve::glob_matches;
pub use schema::record_schema;
