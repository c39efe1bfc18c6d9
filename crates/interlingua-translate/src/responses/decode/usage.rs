use interlingua_ir::Usage;
use serde_json::Value;

/// Reads what an answer cost; `None` where the upstream does not say it.
pub(super) fn read(json: &str) -> Option<Usage> {
    let tree: Value = serde_json::from_str(json).ok()?;
    let count = |path: &str| tree.pointer(path).and_then(Value::as_u64);
    Some(Usage {
        input: count("/input_tokens")?,
        cached: count("/input_tokens_details/cached_tokens"),
        cache_write: count("/input_tokens_details/cache_write_tokens").filter(|it| *it > 0),
        output: count("/output_tokens").unwrap_or(0),
        reasoning: count("/output_tokens_details/reasoning_tokens"),
    })
}
