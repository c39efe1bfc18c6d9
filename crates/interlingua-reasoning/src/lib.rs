//! Keeps a model's reasoning across turns.
//!
//! Thinking models want their own thoughts back: some refuse the next request without them. Clients
//! that speak Responses keep an opaque field of every reasoning item and send it back unchanged, over
//! tool loops, later turns and resumed sessions. A thought travels in that field, sealed: the gateway
//! keeps no state for it, so it survives restarts and works on any number of machines that share a
//! key; no other provider ever reads it by accident; and what was tampered with is not believed.
//!
//! ```text
//! upstream ─▶ decoder ─▶ Sealer ─▶ encoder ─▶ client's history
//!                                                    │
//! upstream ◀── writer ◀── carry::open ◀── reader ◀───┘
//! ```
//!
//! The summary that stands for a long conversation travels the same way, for the same reasons.
//!
//! Clients that speak Chat Completions have no such field, and most of them forget the thought. For
//! these it is kept on our side, in a [`Store`], as a second line:
//!
//! ```text
//! upstream ─▶ decoder ─▶ Unique ─▶ Capture ─▶ encoder ─▶ client, which forgets the thought
//!                                     │ entry()
//!                                   Store
//!                                     │ Wanted::keys()
//! upstream ◀── writer ◀── restore ◀── inject ◀── Fingerprints ◀── carry::open ◀── reader ◀── client
//! ```
//!
//! [`Unique`] makes the ids of calls unique where the upstream counts them anew in each answer, and
//! [`restore`] gives the upstream its own ids back.
//!
//! # Examples
//!
//! ```
//! use interlingua_ir::{Origin, Thought};
//! use interlingua_reasoning::{SealKey, SealKeys};
//!
//! let keys = SealKeys::new(SealKey::new(&[7; 32]));
//! let thought = Thought {
//!     origin: Some(Origin { provider: "mimo".into(), family: "mimo".into() }),
//!     text: "List the files first.".into(),
//!     ..Thought::default()
//! };
//! let blob = keys.seal(&thought, "laptop", [1; 12]);
//! assert_eq!(keys.open(&blob, "laptop"), Ok(thought));
//! assert!(keys.open(&blob, "somebody else").is_err());
//! ```

mod canonical;
mod capture;
mod carry;
mod fingerprint;
mod growing;
pub mod ids;
mod inject;
mod kept;
mod seal;
mod sealer;
pub mod store;
mod words;

pub use capture::{Capture, Capturing};
pub use carry::open;
pub use fingerprint::{Fingerprints, Prefix, Scope};
pub use ids::{Unique, restore};
pub use inject::{Injected, Wanted, inject};
pub use seal::{SealError, SealKey, SealKeys};
pub use sealer::{Sealer, Sealing};
pub use store::{Entry, Key, Mark, Pending, Stats, Store, StoreError};
