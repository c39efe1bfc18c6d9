//! Reasons to stop that no record knows.

use interlingua_ir::Stop;

/// What a reason means that no record knows; `None` for a failure. A word too cautious costs a retry,
/// one too trusting passes half an answer off as whole.
pub(crate) fn unknown_stop(reason: &str) -> Option<Stop> {
    let reason = reason.to_ascii_lowercase();
    let says = |words: &[&str]| words.iter().any(|word| reason.contains(word));
    if says(&["error", "abort", "cancel", "fail", "insufficient", "timeout", "overload"]) {
        None
    } else if says(&["length", "max_tokens", "limit", "window"]) {
        Some(Stop::Length)
    } else if says(&["filter", "safety", "sensitive"]) {
        Some(Stop::Filtered)
    } else {
        Some(Stop::Complete)
    }
}
