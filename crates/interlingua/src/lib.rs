//! Everything that translates, in one crate, for those who build a gateway of their own.
//!
//! | module | what it holds |
//! |---|---|
//! | [`protocol`] | the protocols exactly as they travel |
//! | [`ir`] | the waist: turns, events, faults, notes |
//! | [`dialect`] | what is peculiar about each upstream, as data |
//! | [`translate`] | readers, writers, decoders and encoders of all three protocols |
//! | [`reasoning`] | thoughts that survive the client's history |
//! | [`registry`] | providers, models, keys, slugs and routes |
//!
//! Nothing here reads a socket, a file, a clock or the environment.
//!
//! # Examples
//!
//! Any client's request for any upstream; [`translate::client`] and [`translate::upstream`] take the protocols as
//! values:
//!
//! ```
//! use interlingua::dialect::{Dialects, Wire};
//! use interlingua::ir::Protocol;
//! use interlingua::translate::{Document, Repairs, Target, client, json::Limits, upstream};
//!
//! let dialect = Dialects::builtin().resolve("anthropic_compat", "some-model")?;
//! let body = br#"{"model":"lab/some-model","messages":[{"role":"user","content":"Say hi"}]}"#;
//! let document = Document::of(body, Limits::default())?;
//! let (turn, _notes) = client::read(Protocol::Chat, &document)?;
//! let request = upstream::write(Wire::Messages, Some(&document), &turn, &Target {
//!     dialect: &dialect,
//!     provider: "lab",
//!     model: "some-model",
//!     max_output_tokens: Some(4096),
//!     conversation: None,
//!     stream: false,
//!     repairs: &Repairs::default(),
//! })?;
//! let body = String::from_utf8(request.written.body.to_vec())?;
//! assert!(body.starts_with(r#"{"model":"some-model","max_tokens":4096"#), "{body}");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! A Responses request, answered by a Chat Completions server:
//!
//! ```
//! use std::sync::Arc;
//!
//! use interlingua::dialect::Dialects;
//! use interlingua::translate::{Pipe, Repairs, Target, chat, json::Limits, responses};
//!
//! let dialect = Arc::new(Dialects::builtin().resolve("deepseek", "deepseek-v4")?);
//! let body = br#"{"model":"deepseek/deepseek-v4","input":"Say hi","stream":true}"#;
//! let (turn, _notes) = responses::read(body, Limits::default())?;
//! let written = chat::write(&turn, &Target {
//!     dialect: &dialect,
//!     provider: "deepseek",
//!     model: "deepseek-v4",
//!     max_output_tokens: None,
//!     conversation: None,
//!     stream: true,
//!     repairs: &Repairs::default(),
//! })?;
//! // `written.body` goes to the upstream; what comes back goes through a pipe.
//! # assert!(written.tools.is_empty());
//! let head = responses::Head::of(&turn, "resp_1", 1_700_000_000, || 1_700_000_001);
//! let decoder = chat::Decoder::new(dialect, "deepseek", "1");
//! let mut pipe = Pipe::new(decoder, responses::Encoder::stream(head));
//! pipe.push(b"data: {\"choices\":[{\"delta\":{\"content\":\"hi\"},\"finish_reason\":\"stop\"}]}\n\n")?;
//! pipe.push(b"data: [DONE]\n\n")?;
//! pipe.finish()?;
//! let mut out = Vec::new();
//! pipe.take(&mut out);
//! assert!(String::from_utf8(out)?.contains("\"delta\":\"hi\""));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

pub use interlingua_dialect as dialect;
pub use interlingua_ir as ir;
pub use interlingua_protocol as protocol;
pub use interlingua_reasoning as reasoning;
pub use interlingua_registry as registry;
pub use interlingua_translate as translate;
