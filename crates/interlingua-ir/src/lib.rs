//! The narrow waist between agent protocols.
//!
//! Every request is read into a [`Turn`] and written from it; every answer is decoded into
//! [`Event`]s and encoded from them. A new protocol costs one reader, writer, decoder and encoder
//! instead of one translator per partner.
//!
//! ```text
//!  client ── read ──▶ Turn ── write ──▶ upstream
//!  client ◀─ encode ── Event (Sink) ◀── decode ── upstream
//! ```
//!
//! Nothing in this crate reads a socket, a file or a clock. Events are *pushed*: a decoder is handed
//! a [`Sink`] and calls it, so a whole stream flows through without an intermediate queue and without
//! copying text that the upstream already sent us. Texts stay JSON-escaped on their way, see [`Text`].
//!
//! # The shape of a stream
//!
//! [`Grammar`] is the executable form of these rules; tests and fuzz targets put it behind every
//! decoder.
//!
//! 1. [`Event::Begin`] comes first, exactly once.
//! 2. Items are bracketed: [`Event::Open`], any number of [`Event::Delta`] and [`Event::Attach`], then
//!    [`Event::Close`] for a whole item or [`Event::Drop`] for one that was cut. Several items may be
//!    open at once (parallel calls interleave); an index is never reused.
//! 3. [`Event::End`] comes last, exactly once, and only when no item is open.
//! 4. Where upstream and client speak the same protocol, an [`Event::Frame`] follows the events that
//!    the upstream's frame means, or [`Event::Frames`] those of several; the last one comes after
//!    [`Event::End`].
//! 5. A stream that breaks off has no end: whoever drives the decoder receives a [`Fault`] instead.
//!
//! # Examples
//!
//! ```
//! use interlingua_ir::{Event, Grammar, Index, Kind, Sink, Stop, Text};
//!
//! let mut sink = (Vec::new(), Grammar::default());
//! sink.event(Event::Begin { id: "c1".into(), model: "m".into() });
//! sink.event(Event::Open { index: Index(0), kind: Kind::Text });
//! sink.event(Event::Delta { index: Index(0), text: Text::plain("hi") });
//! sink.event(Event::Close { index: Index(0) });
//! sink.event(Event::End { stop: Stop::Complete, usage: None });
//!
//! let (events, grammar) = sink;
//! assert_eq!(grammar.finish(), Ok(()));
//! assert_eq!(events.len(), 5);
//! ```

mod event;
mod fault;
mod grammar;
mod note;
mod text;
mod turn;
mod usage;

pub use event::{
    Attachment, CallHead, Event, Form, Frame, FrameRun, Index, Kind, Piece, Sink, Stop,
};
pub use fault::{Blame, Class, Fault, Retry};
pub use grammar::{Grammar, Violation};
pub use note::{Note, NoteKind};
pub use text::{Text, escape};
pub use turn::{
    Call, Extra, Format, Function, Item, Message, Origin, Output, Param, Part, Place, Protocol,
    Reasoning, Role, SEALED_SUMMARY, SEALED_THOUGHT, Summary, Task, Thinking, Thought, Tool,
    ToolChoice, Turn,
};
pub use usage::Usage;
