//! The HTTP client towards providers: pools, TLS, proxies and deadlines.
//!
//! One [`Upstream`] serves a whole gateway. [`Upstream::send`] carries one body to one provider and
//! gives back either the beginning of an answer or a [`Refusal`], already explained by the provider's
//! dialect. [`Upstream::models`] asks a provider what it offers. Neither retries: what to do after a
//! fault is decided by `interlingua_registry::Attempts`.
//!
//! Redirects are not followed, because a key must not travel to a host that it was not meant for.
//! Loopback addresses are never reached through a proxy.
//!
//! # Examples
//!
//! ```
//! use std::sync::Arc;
//! use std::time::Duration;
//!
//! use http_body_util::BodyExt as _;
//! use interlingua_dialect::Dialects;
//! use interlingua_registry::{Environment, RawConfig, check};
//! use interlingua_upstream::{Call, ProxySettings, Purpose, Upstream};
//!
//! let raw = RawConfig::new();
//! let snapshot = check(&raw, &Arc::new(Dialects::builtin()), &Environment::default())?;
//! let route = snapshot.route(Some("demo/assistant"))?;
//!
//! let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
//! runtime.block_on(async {
//!     let upstream = Upstream::new(&ProxySettings::default(), Duration::from_secs(10))?;
//!     let body = vec![br#"{"messages":[{"role":"user","content":"hi"}]}"#.as_slice().into()];
//!     let call = Call {
//!         target: &route.targets[0],
//!         key: None,
//!         session: None,
//!         body,
//!         stream: false,
//!         purpose: Purpose::Answer,
//!         forward: None,
//!         request_id: "req_1",
//!     };
//!     let answer = upstream.send(call).await.map_err(|refusal| refusal.fault)?;
//!     let bytes = answer.body.collect().await?.to_bytes();
//!     assert!(std::str::from_utf8(&bytes)?.contains("demo model"));
//!     Ok::<_, Box<dyn std::error::Error>>(())
//! })?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod body;
mod chunks;
mod client;
mod connect;
mod demo;
mod joined;
mod kinds;
mod models;
mod pieces;
mod proxy;

pub use body::{AnswerBody, linger};
pub use client::{Answer, Call, Purpose, Refusal, Upstream, silent};
pub use demo::Replay;
pub use proxy::ProxySettings;
