//! The gateway between real sockets: a scripted upstream behind it, a client that does what it likes
//! before it.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod busy;
mod chains;
mod compaction;
mod dialects;
mod discovery;
mod faults;
mod gone;
mod headers;
mod http1;
mod keys;
mod limits;
mod models;
mod origins;
mod pairs;
mod patience;
mod reload;
mod remembered;
mod retries;
mod secrets;
mod slow;
mod stage;
mod stored;
mod truncated;
