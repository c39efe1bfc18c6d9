//! The laws of translation, tested against recordings of real clients and upstreams.

#![expect(clippy::unwrap_used, reason = "clippy knows test functions, not their helpers")]

mod asked;
mod chat_answers;
mod chat_frames;
mod chat_requests;
mod compaction;
mod encode;
mod envelope;
mod forwarded;
mod hostile;
mod kept;
mod knobs;
mod large;
mod messages_decode;
mod messages_forward;
mod messages_in;
mod messages_out;
mod messages_write;
mod native;
mod order;
mod properties;
mod requests;
mod runs;
mod spoken;
mod streams;
mod support;
mod tool_search;
mod wrong_records;
