//! Chat Completions, as strictly as the strictest servers judge it.

use serde_json::{Value, json};

use super::super::answer::Answer;
use super::{Found, Rule, Strict, Violation};

mod history;
mod request;

/// Whose manners are played.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(super) enum Kind {
    #[default]
    Mimo,
    DeepSeek,
    Kimi,
}

impl Kind {
    /// How it complains that thought is missing from the message at `index`.
    fn replay_text(self, index: usize) -> String {
        match self {
            Self::Mimo => {
                "The reasoning_content in the thinking mode must be passed back to the API.".into()
            }
            Self::DeepSeek => {
                "The `reasoning_content` in the thinking mode must be passed back to the API."
                    .into()
            }
            Self::Kimi => format!(
                "thinking is enabled but reasoning_content is missing in assistant tool call \
                 message at index {index}"
            ),
        }
    }
}

pub(super) fn check(strict: &Strict, body: &Value, found: &mut Found) {
    request::check(strict.chat, body, found);
    history::check(strict, body, found);
}

/// MiMo explains in `param`, and to `stream: true` by one event, status 400 all the same.
pub(super) fn refuse(kind: Kind, violation: &Violation, body: &Value) -> Answer {
    if violation.rule == Rule::ImageForBlindModel {
        return mimo(404, &violation.param, "", "");
    }
    match kind {
        Kind::Mimo if body["stream"] == true => {
            let error = mimo_error(400, "Param Incorrect", &violation.param, "");
            Answer::bytes(400, format!("data:{error}\n\n"))
        }
        Kind::Mimo => mimo(400, "Param Incorrect", &violation.param, ""),
        Kind::DeepSeek => Answer::json(
            400,
            json!({ "error": {
                "message": violation.param, "type": "invalid_request_error",
                "param": null, "code": "invalid_request_error",
            } }),
        ),
        Kind::Kimi => Answer::json(
            400,
            json!({ "error": { "message": violation.param, "type": "invalid_request_error" } }),
        ),
    }
}

/// An error with all of MiMo's fields.
pub(super) fn mimo(status: u16, message: &str, param: &str, kind: &str) -> Answer {
    Answer::json(status, mimo_error(status, message, param, kind))
}

fn mimo_error(status: u16, message: &str, param: &str, kind: &str) -> Value {
    let code = status.to_string();
    json!({ "error": { "code": code, "message": message, "param": param, "type": kind } })
}
