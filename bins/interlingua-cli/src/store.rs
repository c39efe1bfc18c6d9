//! What a running gateway says of its store.

use std::time::Duration;

use serde_json::Value;

use crate::output;

/// The two kinds of entries: what `/status` calls them, and what people do.
const SPACES: [(&str, &str); 2] = [("reasoning", "thought"), ("responses", "response")];

/// One row for each kind of entries.
pub(crate) fn rows(status: &Value) -> impl Iterator<Item = [String; 2]> {
    SPACES.into_iter().filter_map(|(name, thing)| {
        let store = status["store"].get(name)?;
        let number = |field: &str| store[field].as_u64().unwrap_or_default();
        let kept = output::count(usize::try_from(number("entries")).unwrap_or(usize::MAX), thing);
        let size = number("bytes").div_ceil(1024);
        let (hits, misses) = (number("hits"), number("misses"));
        let asked = hits + misses;
        let losses = match number("losses") {
            0 => String::new(),
            losses => format!("; {losses} would not have survived a crash"),
        };
        let text = format!("{kept} in {size} KiB; {hits} of {asked} found{losses}");
        Some([format!("store {name}"), text])
    })
}

/// For how long nothing that is kept has outlived the gateway.
pub(crate) fn away(status: &Value) -> Option<Duration> {
    let seconds = SPACES.iter().filter_map(|(name, _)| status["store"][name]["degraded"].as_u64());
    seconds.max().map(Duration::from_secs)
}
