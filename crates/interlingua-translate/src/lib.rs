//! Reads and writes turns, decodes and encodes streams, between agent protocols.
//!
//! One module per protocol; none of them knows another. What they share is the waist,
//! [`interlingua_ir`]: a request is read into a [`Turn`](interlingua_ir::Turn) and written from it, an
//! answer is decoded into [`Event`](interlingua_ir::Event)s and encoded from them. Nothing here reads
//! a socket or a clock.
//!
//! # Examples
//!
//! The request of a Responses client, written for a Chat Completions server:
//!
//! ```
//! use interlingua_dialect::Dialects;
//! use interlingua_translate::{Repairs, Target, chat, json::Limits, responses};
//!
//! let dialect = Dialects::builtin().resolve("mimo", "mimo-v2.5-pro")?;
//! let (turn, _) = responses::read(
//!     br#"{"model":"mimo/mimo-v2.5-pro","stream":true,"input":[
//!         {"role":"developer","content":"Be brief."},
//!         {"role":"user","content":[{"type":"input_text","text":"Hello"}]}]}"#,
//!     Limits::default(),
//! )?;
//! let target = Target {
//!     dialect: &dialect,
//!     provider: "mimo",
//!     model: "mimo-v2.5-pro",
//!     max_output_tokens: None,
//!     conversation: None,
//!     stream: turn.stream,
//!     repairs: &Repairs::default(),
//! };
//! let written = chat::write(&turn, &target)?;
//! let body = String::from_utf8(written.body.to_vec())?;
//! assert!(body.ends_with(
//!     r#""messages":[{"role":"system","content":"Be brief."},{"role":"user","content":"Hello"}]}"#
//! ));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! The way back is a [`Pipe`]: a decoder, an encoder, and between them, for tools that had to be changed,
//! a [`tools::Bridge`].

mod alike;
mod body;
mod broken;
mod check;
mod document;
mod effort;
mod fields;
mod form;
mod history;
mod incoming;
mod lane;
mod opaque;
mod pipe;
mod render;
mod size;
mod spans;
mod splices;
mod stops;
mod surrogates;
mod target;

pub mod chat;
pub mod client;
pub mod compaction;
pub mod faults;
pub mod messages;
pub mod responses;
pub mod tools;
pub mod upstream;
pub mod verbatim;

pub use body::Body;
pub use check::Check;
pub use document::Document;
pub use interlingua_protocol::json;
pub use pipe::{Decode, Encode, Kept, Pipe, ReadLimits, Reader, Started};
pub use target::{Repairs, Target, Written, wants_conversation};
