//! What a client is told when a turn fails.
//!
//! Clients react to errors in ways of their own: Codex retries a 401 six times, shows a 400 as raw
//! JSON, hides the text of a 500 and takes an `error` event for a lost connection. So the same fault
//! becomes another answer for Codex than for everybody else.

use std::borrow::Cow;
use std::time::Duration;

use interlingua_ir::{Class, Fault, Text};

/// Who asks.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Caller {
    /// The Codex CLI, its app or its editor extension.
    Codex,
    /// Anybody else.
    Other,
}

impl Caller {
    /// Recognises Codex by what it says about itself in `originator` or `user-agent`.
    pub fn of(originator: &str, user_agent: &str) -> Self {
        let codex = |it: &str| it.get(..5).is_some_and(|start| start.eq_ignore_ascii_case("codex"));
        if codex(originator) || codex(user_agent) { Self::Codex } else { Self::Other }
    }
}

/// How to tell a client that its turn failed, before anything was sent to it.
#[derive(Clone, Debug, PartialEq)]
pub enum Refusal {
    /// An HTTP status with a JSON body.
    Status {
        /// The status.
        status: u16,
        /// The value of `retry-after`.
        retry_after: Option<Duration>,
        /// The body, in the form of the client's protocol.
        body: Vec<u8>,
    },
    /// A stream that begins well and fails at once.
    Stream,
}

/// Tells a Responses client of a fault before its answer has begun.
pub fn refuse(fault: &Fault, caller: Caller, streaming: bool) -> Refusal {
    let retry_after = fault.retry_after.map(|it| it.min(LONGEST_WAIT));
    let by_status = match (caller, fault.class) {
        (Caller::Other, _) => true,
        (Caller::Codex, _) if !streaming => true,
        // A slug that nobody serves, and a wait of a known length, are the two statuses that Codex
        // reads as they are meant. A stranger gets no stream, whatever it calls itself.
        (Caller::Codex, Class::ModelNotFound | Class::Forbidden) => true,
        (Caller::Codex, Class::RateLimit) => retry_after.is_some(),
        (Caller::Codex, _) => false,
    };
    if !by_status {
        return Refusal::Stream;
    }
    let (status, kind) = status(fault.class);
    Refusal::Status { status, retry_after, body: body(fault, kind) }
}

/// The `error` of a response that failed.
#[derive(Clone, Debug, PartialEq)]
pub struct Failure<'f> {
    /// The code that makes the client do what is right.
    pub code: &'static str,
    /// What the person is told.
    pub message: Cow<'f, str>,
}

/// Tells a Responses client of a fault inside its stream.
pub fn failure(fault: &Fault) -> Failure<'_> {
    let code = match fault.class {
        Class::ContextLength => "context_length_exceeded",
        Class::RateLimit => "rate_limit_exceeded",
        Class::Overloaded => "server_is_overloaded",
        Class::ModelNotFound => "model_not_found",
        Class::Upstream
        | Class::Interrupted
        | Class::Unreachable
        | Class::Timeout
        | Class::ToolGenerationFailed
        | Class::Busy
        | Class::Internal => "server_error",
        Class::InvalidRequest
        | Class::Unauthenticated
        | Class::Forbidden
        | Class::TooLarge
        | Class::Auth
        | Class::Quota
        | Class::ContentFilter
        | Class::ReplayMissing
        | Class::ToolHistoryInvalid
        | Class::BadParam
        | Class::FeatureDisabled => "invalid_prompt",
    };
    let message = match (fault.class, fault.retry_after) {
        // Codex takes the length of its wait from these very words.
        (Class::RateLimit, Some(wait)) => {
            let seconds = wait.min(LONGEST_WAIT).as_secs_f64();
            format!("{}. Please try again in {seconds}s.", fault.message.trim_end_matches('.'))
                .into()
        }
        _ => Cow::Borrowed(fault.message.as_str()),
    };
    Failure { code, message }
}

/// The status and OpenAI's `type` for each class of fault.
///
/// An upstream that refuses our credentials is never a 401: clients would take it for their own key
/// and try again and again.
pub fn status(class: Class) -> (u16, &'static str) {
    match class {
        Class::InvalidRequest
        | Class::ContextLength
        | Class::ContentFilter
        | Class::ReplayMissing
        | Class::ToolHistoryInvalid
        | Class::BadParam
        | Class::FeatureDisabled
        | Class::Auth => (400, "invalid_request_error"),
        Class::Unauthenticated => (401, "authentication_error"),
        Class::Quota => (402, "insufficient_quota"),
        Class::Forbidden => (403, "permission_error"),
        Class::ModelNotFound => (404, "invalid_request_error"),
        Class::TooLarge => (413, "invalid_request_error"),
        Class::RateLimit => (429, "rate_limit_error"),
        Class::Internal => (500, "server_error"),
        Class::Upstream | Class::Interrupted | Class::Unreachable | Class::ToolGenerationFailed => {
            (502, "server_error")
        }
        Class::Busy | Class::Overloaded => (503, "server_error"),
        Class::Timeout => (504, "server_error"),
    }
}

/// Writes the body of an error in the form of OpenAI's APIs.
pub fn body(fault: &Fault, kind: &str) -> Vec<u8> {
    let code = match fault.class {
        Class::InvalidRequest => fault.code.as_deref().unwrap_or("invalid_request"),
        Class::Forbidden => fault.code.as_deref().unwrap_or("forbidden"),
        Class::Unauthenticated => "invalid_api_key",
        Class::ContextLength => "context_length_exceeded",
        Class::Auth => "provider_key_rejected",
        Class::TooLarge => "body_too_large",
        Class::RateLimit => "rate_limit_exceeded",
        Class::Interrupted => "upstream_truncated",
        Class::Unreachable => "upstream_unreachable",
        Class::Timeout => "upstream_timeout",
        Class::Upstream => "upstream_error",
        other => other.name(),
    };
    let mut out = b"{\"error\":{\"message\":\"".to_vec();
    Text::plain(fault.message.as_str()).write_json(&mut out);
    for (name, value) in [("type", kind), ("code", code)] {
        out.extend_from_slice(b"\",\"");
        out.extend_from_slice(name.as_bytes());
        out.extend_from_slice(b"\":\"");
        Text::plain(value).write_json(&mut out);
    }
    out.extend_from_slice(b"\",\"param\":");
    match &fault.param {
        Some(param) => {
            out.push(b'"');
            Text::plain(param.as_str()).write_json(&mut out);
            out.push(b'"');
        }
        None => out.extend_from_slice(b"null"),
    }
    out.extend_from_slice(b"}}");
    out
}

/// The longest wait that is passed on; beyond it, a limit is a quota.
pub(crate) const LONGEST_WAIT: Duration = Duration::from_mins(5);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codex_is_recognised_by_either_name() {
        assert_eq!(Caller::of("codex_exec", ""), Caller::Codex);
        assert_eq!(Caller::of("", "Codex Desktop/1.0"), Caller::Codex);
        assert_eq!(Caller::of("", "OpenAI/Python 3.52"), Caller::Other);
    }

    #[test]
    fn a_rate_limit_tells_codex_how_long_to_wait() {
        let mut fault = Fault::new(Class::RateLimit, "slow down.");
        assert_eq!(refuse(&fault, Caller::Codex, true), Refusal::Stream);
        fault.retry_after = Some(Duration::from_millis(1500));
        assert_eq!(failure(&fault).message, "slow down. Please try again in 1.5s.");
        let Refusal::Status { status: 429, retry_after, .. } = refuse(&fault, Caller::Codex, true)
        else {
            panic!("a status")
        };
        assert_eq!(retry_after, fault.retry_after);
    }

    #[test]
    fn no_upstream_key_becomes_a_401() {
        let fault = Fault::new(Class::Auth, "mimo refused the key in `MIMO_API_KEY`");
        assert_eq!(refuse(&fault, Caller::Codex, true), Refusal::Stream);
        assert_eq!(failure(&fault).code, "invalid_prompt");
        assert_eq!(status(Class::Auth).0, 400);
    }

    #[test]
    fn bodies_are_json() {
        let mut fault = Fault::new(Class::BadParam, "no \"x\"\n");
        fault.param = Some("a\"b".to_owned());
        let body: serde_json::Value = serde_json::from_slice(&body(&fault, "t")).unwrap();
        assert_eq!(body["error"]["message"], "no \"x\"\n");
        assert_eq!(body["error"]["param"], "a\"b");
    }
}
