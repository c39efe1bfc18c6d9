//! Chat Completions as a record describes it, judged so that whoever does not keep to it is refused.

use serde_json::Value;

use super::super::record::Record;
use super::{Found, Strict};

mod history;
mod refusal;
mod request;
mod schema;
mod thought;
mod tools;

pub(super) use refusal::refuse;

pub(super) fn check(strict: &Strict, record: &Record, body: &Value, found: &mut Found) {
    request::check(record, body, found);
    tools::check(record, body, found);
    history::check(strict, record, body, found);
}
