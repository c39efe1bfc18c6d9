//! What a Messages client is told when a turn fails.
//!
//! Claude Code 2.1.329 reads errors in ways of its own, which were measured. It shows the text of a 402
//! or 403 at once, hides that of a 404, and tries a 401 again as it tries an overload. A 400 is asked
//! again in up to five other forms before its text is shown, unless it says that the prompt is too long:
//! then the client shortens its conversation.

use std::borrow::Cow;
use std::time::Duration;

use interlingua_ir::{Class, Fault, Text};

use crate::faults::{LONGEST_WAIT, Refusal};

/// Tells a Messages client of a fault before its answer has begun, whether it wants a stream or not.
///
/// It is always [`Refusal::Status`]. `request_id` is what the answer's headers call the request.
pub fn refuse(fault: &Fault, request_id: &str) -> Refusal {
    let retry_after: Option<Duration> = fault.retry_after.map(|it| it.min(LONGEST_WAIT));
    let (status, _) = status(fault.class);
    Refusal::Status { status, retry_after, body: body(fault, request_id) }
}

/// The status and the protocol's `type` for each class of fault.
///
/// An upstream that refuses our credentials is a 403: a 401 would be taken for the client's own key and
/// tried again ten times. An account without money is a 402, which is final and shown.
pub fn status(class: Class) -> (u16, &'static str) {
    match class {
        Class::InvalidRequest
        | Class::ContextLength
        | Class::ContentFilter
        | Class::ReplayMissing
        | Class::ToolHistoryInvalid
        | Class::BadParam
        | Class::FeatureDisabled => (400, "invalid_request_error"),
        Class::Unauthenticated => (401, "authentication_error"),
        Class::Quota => (402, "billing_error"),
        Class::Auth | Class::Forbidden => (403, "permission_error"),
        Class::ModelNotFound => (404, "not_found_error"),
        Class::TooLarge => (413, "request_too_large"),
        Class::RateLimit => (429, "rate_limit_error"),
        Class::Internal => (500, "api_error"),
        Class::Upstream | Class::Interrupted | Class::Unreachable | Class::ToolGenerationFailed => {
            (502, "api_error")
        }
        Class::Timeout => (504, "timeout_error"),
        Class::Busy | Class::Overloaded => (529, "overloaded_error"),
    }
}

/// Writes the body of an error: of a refusal, and of the event that ends a stream that has failed.
pub fn body(fault: &Fault, request_id: &str) -> Vec<u8> {
    let (_, kind) = status(fault.class);
    let mut out = b"{\"type\":\"error\",\"error\":{\"type\":\"".to_vec();
    out.extend_from_slice(kind.as_bytes());
    out.extend_from_slice(b"\",\"message\":\"");
    Text::plain(without_header(message(fault))).write_json(&mut out);
    out.extend_from_slice(b"\"},\"request_id\":");
    if request_id.is_empty() {
        out.extend_from_slice(b"null}");
        return out;
    }
    out.push(b'"');
    Text::plain(request_id).write_json(&mut out);
    out.extend_from_slice(b"\"}");
    out
}

/// What the person is told. A conversation that is too long is told in the words by which clients
/// recognise it, with its length and the window where the upstream gave them; the upstream's own words
/// follow.
fn message(fault: &Fault) -> Cow<'_, str> {
    let own = fault.message.as_str();
    if fault.class != Class::ContextLength || own.starts_with(TOO_LONG) {
        return own.into();
    }
    match lengths(own) {
        Some((tokens, window)) => {
            format!("{TOO_LONG}: {tokens} tokens > {window} maximum. {own}").into()
        }
        None => format!("{TOO_LONG}. {own}").into(),
    }
}

/// Claude Code shows "Not logged in" instead of any text that names this header, as Anthropic's own
/// refusal of a key does (measured with 2.1.329); nobody would look for the provider's key then.
fn without_header(words: Cow<'_, str>) -> Cow<'_, str> {
    let lower = words.to_ascii_lowercase();
    if !lower.contains(KEY_HEADER) {
        return words;
    }
    let mut shown = String::with_capacity(words.len());
    let mut end = 0;
    for (start, named) in lower.match_indices(KEY_HEADER) {
        shown.push_str(words.get(end..start).unwrap_or_default());
        shown.push_str("API key");
        end = start + named.len();
    }
    shown.push_str(words.get(end..).unwrap_or_default());
    shown.into()
}

/// The header in which a key comes that is no bearer token.
const KEY_HEADER: &str = "x-api-key";

/// The words by which clients recognise a conversation that does not fit.
const TOO_LONG: &str = "prompt is too long";

/// How many tokens a conversation has and how many its model takes, where the upstream's words leave no
/// doubt: `a > b`, `a + b > c`, or a limit by name and a larger number somewhere else.
fn lengths(words: &str) -> Option<(u64, u64)> {
    let numbers = numbers(words);
    let before = |at: usize| words.get(..at).unwrap_or_default().trim_end();
    let compared = numbers.iter().enumerate().find_map(|(nth, number)| {
        let left = before(number.start).strip_suffix('>')?;
        let (own, earlier) = numbers.get(..nth)?.split_last()?;
        let between = left.get(own.end..)?;
        // Only a unit may stand between: `213462 tokens > 200000`.
        if between.split_whitespace().count() > 1 {
            return None;
        }
        let added = before(own.start).ends_with('+').then(|| earlier.last()).flatten();
        let tokens = own.value.saturating_add(added.map_or(0, |it| it.value));
        Some((tokens, number.value))
    });
    let named = || {
        let lower = words.to_ascii_lowercase();
        let window = LIMITS.iter().find_map(|name| {
            let end = lower.find(name)? + name.len();
            numbers.iter().find(|number| number.start >= end)
        })?;
        let tokens = numbers.iter().find(|number| number.value > window.value)?;
        Some((tokens.value, window.value))
    };
    compared.or_else(named).filter(|(tokens, window)| tokens > window && *window >= LEAST_WINDOW)
}

/// By which names upstreams call a window, the clearest first.
const LIMITS: [&str; 5] =
    ["maximum context length", "context window", "context length", "context limit", "maximum"];

/// Smaller numbers are something else: a status, an index.
const LEAST_WINDOW: u64 = 1000;

struct Number {
    start: usize,
    end: usize,
    value: u64,
}

/// The numbers of a text; their digits may be grouped by commas or underscores.
fn numbers(words: &str) -> Vec<Number> {
    let bytes = words.as_bytes();
    let mut found = Vec::new();
    let mut at = 0;
    while let Some(start) = (at..bytes.len()).find(|at| bytes[*at].is_ascii_digit()) {
        let digit = |at: usize| bytes.get(at).is_some_and(u8::is_ascii_digit);
        let grouped = |at: usize| matches!(bytes.get(at), Some(b',' | b'_')) && digit(at + 1);
        let end =
            (start..bytes.len()).find(|at| !digit(*at) && !grouped(*at)).unwrap_or(bytes.len());
        let digits: String = words
            .get(start..end)
            .unwrap_or_default()
            .chars()
            .filter(char::is_ascii_digit)
            .collect();
        found.extend(digits.parse().ok().map(|value| Number { start, end, value }));
        at = end;
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(words: &str, expect: &str) {
        let fault = Fault::new(Class::ContextLength, words);
        assert_eq!(message(&fault), expect);
    }

    #[test]
    fn an_overflow_is_told_in_the_words_that_clients_know() {
        let openai = "up finds the conversation too long for the model's window (400): This model's \
                      maximum context length is 131,072 tokens. However, your messages resulted in \
                      140123 tokens.";
        check(openai, &format!("prompt is too long: 140123 tokens > 131072 maximum. {openai}"));
        let sum = "up: input length and `max_tokens` exceed context limit: 188240 + 21333 > 200000";
        check(sum, &format!("prompt is too long: 209573 tokens > 200000 maximum. {sum}"));
        let compared = "up (400): prompt is too long: 213462 tokens > 200000 maximum";
        check(compared, &format!("prompt is too long: 213462 tokens > 200000 maximum. {compared}"));
        check(
            "prompt is too long: 5 tokens > 4 maximum",
            "prompt is too long: 5 tokens > 4 maximum",
        );
    }

    #[test]
    fn a_refused_key_is_not_told_in_words_that_claude_code_hides() {
        let fault =
            Fault::new(Class::Auth, "up refuses `UP_KEY` (401): invalid X-Api-Key, no x-api-key");
        let told = String::from_utf8(body(&fault, "req_1")).unwrap();
        assert!(told.contains("up refuses `UP_KEY` (401): invalid API key, no API key"), "{told}");
    }

    #[test]
    fn numbers_that_say_something_else_are_left_alone() {
        for words in [
            "up finds the conversation too long for the model's window (400): context_length_exceeded",
            "maximum context length is 131072 tokens",
            "the maximum is 100 messages, you sent 120",
            "error 2013 > 12 of 40000: context window exceeds limit",
        ] {
            check(words, &format!("prompt is too long. {words}"));
        }
    }

    #[test]
    fn no_upstream_key_becomes_a_401() {
        let fault = Fault::new(Class::Auth, "mimo does not accept the key in `MIMO_API_KEY` (401)");
        let Refusal::Status { status: 403, body, .. } = refuse(&fault, "req_1") else {
            panic!("a 403")
        };
        let body: serde_json::Value = serde_json::from_slice(&body).unwrap();
        assert_eq!(body["type"], "error");
        assert_eq!(body["error"]["type"], "permission_error");
        assert_eq!(body["error"]["message"], fault.message);
        assert_eq!(body["request_id"], "req_1");
    }

    #[test]
    fn waits_are_passed_on_up_to_five_minutes() {
        let mut fault = Fault::new(Class::RateLimit, "slow down");
        fault.retry_after = Some(Duration::from_mins(15));
        let expected = Some(LONGEST_WAIT);
        assert!(matches!(
            refuse(&fault, ""),
            Refusal::Status { status: 429, retry_after, .. } if retry_after == expected
        ));
    }
}
