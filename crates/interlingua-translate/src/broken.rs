//! Answers that are none.

use interlingua_dialect::Dialect;
use interlingua_ir::{Class, Fault};

/// An error that came with a status that says otherwise.
pub(crate) fn refusal(dialect: &Dialect, provider: &str, json: &str) -> Fault {
    dialect.classify(200, None, json.as_bytes()).into_fault(provider, None)
}

/// An answer that stops before its end.
pub(crate) fn interrupted(provider: &str, begun: bool) -> Fault {
    let when = if begun { "in the middle of" } else { "before" };
    let what = format!("{provider} closed the connection {when} its answer");
    Fault::new(Class::Interrupted, what).by(provider)
}

/// An answer that came whole and does not parse.
pub(crate) fn unreadable(
    dialect: &Dialect,
    provider: &str,
    body: &str,
    error: &serde_json::Error,
) -> Fault {
    if body.starts_with('<') {
        let mut fault = refusal(dialect, provider, body);
        fault.message.push_str(" (a web page instead of an answer; is the base URL right?)");
        return fault;
    }
    // A list is what some upstreams wrap their errors in.
    if body.starts_with('[') {
        return refusal(dialect, provider, body);
    }
    if error.is_eof() {
        return interrupted(provider, false);
    }
    let what = format!("{provider}'s answer does not parse: {error}");
    Fault::new(Class::Upstream, what).by(provider)
}
