//! What our tests share: scripted strict upstreams, fixtures, and harnesses for the gateway's binary
//! and for real clients.
//!
//! ```
//! use interlingua_testkit::upstream::{Answer, Script, Scripted, Strict};
//!
//! let script = Script::new().strict(Strict::mimo()).then(Answer::text("Hello."));
//! let upstream = Scripted::start(script)?;
//! // … run something against `upstream.base_url()` …
//! for body in upstream.bodies() {
//!     assert_eq!(body["stream"], true);
//! }
//! # Ok::<(), std::io::Error>(())
//! ```

pub mod claude;
pub mod codex;
pub mod fixtures;
pub mod gateway;
pub mod http;
pub mod opencode;
mod process;
mod program;
pub mod redis;
pub mod schema;
pub mod sdk;
pub mod server;
pub mod talk;
pub mod upstream;
