//! Listeners, inbound routes, the request pipeline, limits and shutdown.
//!
//! The binary owns the process (arguments, files, logging, signals, exit code); this crate owns
//! everything that another program could want to embed. It never reads the environment and never
//! exits. `docs/ARCHITECTURE.md` follows a request through it, file by file.
//!
//! # Examples
//!
//! A gateway on a free port, which answers with the demo model until it is told to stop:
//!
//! ```
//! use std::path::Path;
//! use std::sync::Arc;
//! use std::time::Duration;
//!
//! use interlingua_dialect::Dialects;
//! use interlingua_gateway::{Gateway, State, Tools};
//! use interlingua_reasoning::{SealKey, SealKeys};
//! use interlingua_registry::{Environment, RawConfig, check};
//! use interlingua_store::{Place, Settings};
//! use interlingua_upstream::{ProxySettings, Upstream};
//!
//! let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
//! runtime.block_on(async {
//!     let raw = RawConfig::new().file("config.toml", "listen = '127.0.0.1:0'");
//!     let dialects = Arc::new(Dialects::builtin());
//!     let snapshot = Arc::new(check(&raw, &dialects, &Environment::default())?);
//!     let memory = Settings { place: Place::Memory, ..Settings::default() };
//!     let stores = interlingua_store::open(&memory, Path::new("")).await?;
//!     let tools = Tools {
//!         upstream: Upstream::new(&ProxySettings::default(), Duration::from_secs(10))?,
//!         // Keep the key, or thoughts in clients' histories cannot be opened after a restart.
//!         seal: Arc::new(SealKeys::new(SealKey::new(&[7; 32]))),
//!         thoughts: stores.thoughts,
//!         responses: stores.responses,
//!     };
//!     let gateway = Gateway::bind(Arc::new(State::new(snapshot, tools)))?;
//!     assert_ne!(gateway.addresses()[0].port(), 0);
//!     let (stop, now) = (std::future::ready(()), std::future::pending());
//!     gateway.serve(stop, now).await;
//!     Ok::<_, Box<dyn std::error::Error>>(())
//! })?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod admission;
mod answer;
mod attempt;
mod body;
mod candidates;
mod catch;
mod chain;
mod compact;
mod errand;
mod fresh;
mod gateway;
mod guard;
mod health;
mod inbound;
mod learned;
mod mending;
mod reading;
mod recall;
mod record;
mod reply;
mod session;
mod socket;
mod state;
mod stored;
mod storm;

pub use gateway::{BindError, Gateway};
pub use state::{State, Tools};
