//! The HTTP client towards providers: pools, TLS, proxies and deadlines.
//!
//! One [`Upstream`] serves a whole gateway. [`Upstream::send`] carries one body to one provider and
//! gives back either the beginning of an answer or a [`Refusal`], already explained by the provider's
//! dialect. It never retries: what to do after a fault is decided by `interlingua_registry::Attempts`.
//!
//! Redirects are not followed, because a key must not travel to a host that it was not meant for.
//! Loopback addresses are never reached through a proxy.

mod body;
mod client;
mod connect;
mod demo;
mod proxy;

pub use body::{AnswerBody, linger};
pub use client::{Answer, Call, Refusal, Upstream, silent};
pub use demo::Replay;
pub use proxy::ProxySettings;
