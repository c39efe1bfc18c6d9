//! The laws of translation, tested against recordings of real clients and upstreams.

mod encode;
mod hostile;
mod order;
mod properties;
mod requests;
mod streams;
mod support;
