//! Messages, as strictly as Anthropic's own servers judge them.

use serde_json::json;

use super::super::answer::Answer;
use super::super::script::Request;
use super::{Found, Rule, Strict, Violation};

mod blocks;
mod history;
mod request;
mod thinking;

pub(super) fn check(strict: &Strict, request: &Request, found: &mut Found) {
    request::check(request, found);
    history::check(strict, &request.body, found);
}

pub(super) fn refuse(violation: &Violation) -> Answer {
    let (status, kind) = match violation.rule {
        Rule::MissingHeader => (401, "authentication_error"),
        _ => (400, "invalid_request_error"),
    };
    let error = json!({ "type": kind, "message": violation.param });
    Answer::json(status, json!({ "type": "error", "error": error, "request_id": "req_1" }))
}
