//! Finds out how a server departs from Chat Completions, and proposes a record of it.
//!
//! A [`Probe`] asks a few dozen small questions, each in the words that a record would choose, and
//! watches what is refused and what comes back. It knows no vendor: what a server may want instead is
//! what some known record says. It does no I/O either; whoever runs it brings a [`Server`].
//!
//! What was asked, what came and what it means is a [`Finding`]. What an answer does not tell stays
//! unknown. What was found out is a [`Proposal`]: a record that says only what is different.
//!
//! # Examples
//!
//! ```
//! use interlingua_dialect::Dialects;
//! use interlingua_ir::{Class, Fault};
//! use interlingua_probe::{Ask, Probe, Reply, Server};
//!
//! /// Takes no `max_tokens`, and has an answer for everything else.
//! struct Picky;
//!
//! impl Server for Picky {
//!     fn ask(&mut self, ask: Ask<'_>) -> Reply {
//!         match String::from_utf8_lossy(&ask.body).contains("\"max_tokens\"") {
//!             true => Reply::Refused(Fault::new(Class::BadParam, "unknown: max_tokens")),
//!             false => Reply::Answer(
//!                 br#"{"choices":[{"message":{"content":"hi"},"finish_reason":"stop"}]}"#.into(),
//!             ),
//!         }
//!     }
//! }
//!
//! let dialects = Dialects::builtin();
//! let probe = Probe::new(&dialects, "generic", "house", "some-model")?;
//! let report = probe.run(&mut Picky).expect("it answers");
//! let record = report.proposal.expect("it differs");
//! assert!(record.toml.contains("max_tokens_field = \"max_completion_tokens\""));
//! # Ok::<(), interlingua_dialect::UnknownDialect>(())
//! ```

mod answer;
mod draft;
mod inquiry;
mod probe;
mod proposal;
mod questions;
mod turns;
mod words;

pub use probe::{Ask, Finding, MOST, Probe, Reply, Report, Server, USUAL};
pub use proposal::Proposal;
