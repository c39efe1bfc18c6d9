//! Responses, as strictly as OpenAI's own servers judge it when nothing is stored.

use serde_json::{Value, json};

use super::super::answer::Answer;
use super::{Found, Rule, Strict, Violation};

mod input;
mod items;
mod request;

pub(super) fn check(strict: &Strict, body: &Value, found: &mut Found) {
    request::check(body, found);
    input::check(strict, body, found);
}

pub(super) fn refuse(violation: &Violation) -> Answer {
    let code = match violation.rule {
        Rule::UnknownParameter => json!("unknown_parameter"),
        Rule::MissingParameter => json!("missing_required_parameter"),
        Rule::ThoughtForged => json!("invalid_encrypted_content"),
        Rule::BadId | Rule::UnknownContent => json!("invalid_value"),
        _ => Value::Null,
    };
    let error = json!({
        "message": violation.param, "type": "invalid_request_error",
        "param": param(&violation.place), "code": code,
    });
    Answer::json(400, json!({ "error": error }))
}

/// A pointer as the server writes it: `input[2].id`.
fn param(pointer: &str) -> String {
    let parts =
        pointer.split('/').skip(1).enumerate().map(|(at, part)| match part.parse::<usize>() {
            Ok(index) => format!("[{index}]"),
            Err(_) if at == 0 => part.to_owned(),
            Err(_) => format!(".{part}"),
        });
    parts.collect()
}
