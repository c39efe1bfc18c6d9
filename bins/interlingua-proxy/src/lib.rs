//! The gateway as a process: configuration, log, seal key, signals, exit code.
//!
//! `interlingua-proxy` is nothing else; `interlingua up` adds a banner.

mod catalogs;
mod discovery;
mod follow;
mod load;
mod log;
mod process;
mod seal_key;
mod store;

pub use load::{Loaded, Start, load, load_edited};
pub use log::{Verbosity, init as init_log};
pub use process::{StartError, exit_code, port_holder, run};

/// A request's body and what is made of it live for a moment and are large; this allocator takes and
/// gives such pieces back for about a tenth less of a whole answer's time than the system's.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;
