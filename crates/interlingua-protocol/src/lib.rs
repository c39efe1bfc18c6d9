//! The agent protocols, exactly as they travel.
//!
//! One module per protocol, plus [`sse`], the framing that all of them share, and [`json`], what has
//! to be known about a document before anybody parses it. The types here have no opinions: they
//! borrow from the document, leave texts and schemas as raw JSON, keep what they do not know, and
//! never rename a field. Meaning begins one floor up, in `interlingua-translate`.
//!
//! # Examples
//!
//! ```
//! use interlingua_protocol::{chat, sse::Framer};
//!
//! let mut framer = Framer::new(1 << 20);
//! let mut texts = Vec::new();
//! framer.push(b"data: {\"choices\":[{\"delta\":{\"content\":\"hi\"}}]}\n\n", |frame| {
//!     let chunk: chat::Chunk<'_> = chat::read(frame.data)?;
//!     let delta = chunk.choice.and_then(|choice| choice.delta).unwrap_or_default();
//!     texts.extend(delta.content.map(|raw| raw.get().to_owned()));
//!     Ok::<(), Box<dyn std::error::Error>>(())
//! })?;
//! assert_eq!(texts, ["\"hi\""]);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod document;
mod lossy;
mod object;
mod structure;

pub mod chat;
pub mod json;
pub mod messages;
pub mod responses;
pub mod sse;

pub use document::{ReadError, read, read_str};
pub use lossy::lossy;
pub use object::{Field, Name};
