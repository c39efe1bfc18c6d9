//! What our tests share: scripted strict upstreams, fixtures, and harnesses for the gateway's binary
//! and for the real Codex.
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

pub mod codex;
pub mod fixtures;
pub mod gateway;
pub mod http;
mod process;
pub mod schema;
pub mod upstream;
