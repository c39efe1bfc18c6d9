//! Listeners, inbound routes, the request pipeline, limits and shutdown.
//!
//! The binary owns the process (arguments, files, logging, signals, exit code); this crate owns
//! everything that another program could want to embed. It never reads the environment and never
//! exits. `docs/ARCHITECTURE.md` follows a request through it, file by file.

mod admission;
mod answer;
mod attempt;
mod body;
mod catch;
mod chain;
mod gateway;
mod guard;
mod inbound;
mod record;
mod reply;
mod scrub;
mod socket;
mod state;

pub use gateway::{BindError, Gateway};
pub use state::{State, Tools};
