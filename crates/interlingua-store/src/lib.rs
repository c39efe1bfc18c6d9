//! Where thoughts and responses are kept: in memory, in a file, or in a server that machines share.
//!
//! ```text
//!              ┌─ Tiered ───────────────────────────────┐
//! gateway ───▶ │ Memory ──▶ Guard ──▶ SQLite or Redis   │    one for thoughts, one for responses
//!              │  a copy     50 ms     survives us      │
//!              └────────────────────────────────────────┘
//! ```
//!
//! Nobody waits for a disk or a network here: what has not answered after [`WAIT`] is left alone, the
//! request goes on with what this process remembers, and a probe looks once a second whether it is well
//! again. What was not known to be safe in time is counted as a loss.
//!
//! The copy in memory saves reading what is the same. It does not answer alone while the back end is
//! well: another gateway may have [spoilt](Store#two-entries-of-one-key) or removed an entry that we
//! still have, so the back end is asked for the marks of what is known and for the rest of the others.
//! Only a gateway that is alone with its file knows what that would say, mostly without looking into it.
//! While the back end is away, a gateway knows of such things only what it has seen itself.

mod back;
mod guard;
mod memory;
mod open;
#[cfg(feature = "redis")]
mod redis;
mod settings;
mod sqlite;
mod tiered;

pub use guard::{PROBE_EVERY, WAIT};
pub use interlingua_reasoning::Store;
pub use open::{OpenError, Stores, open};
pub use settings::{Address, Bounds, DATABASE, Place, Settings};
