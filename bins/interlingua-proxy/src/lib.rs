//! The gateway as a process: configuration, log, seal key, signals, exit code.
//!
//! `interlingua-proxy` is nothing else; `interlingua up` adds a banner.

mod log;
mod process;
mod seal_key;

pub use log::{Verbosity, init as init_log};
pub use process::{Loaded, Start, StartError, exit_code, load, run};
