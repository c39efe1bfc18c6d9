//! What a turn cost, wherever the upstream says so.

use interlingua_dialect::Usage as Rules;
use interlingua_ir::Usage;
use serde::Deserialize;
use serde_json::Value;
use serde_json::value::RawValue;

/// Whether `json` says something: some servers send zeros or nulls with every chunk.
pub(super) fn is_meant(json: &str) -> bool {
    #[derive(Deserialize)]
    struct Prompt {
        #[serde(default)]
        prompt_tokens: Option<u64>,
        #[serde(default)]
        completion_tokens: Option<u64>,
    }
    json.starts_with('{')
        && serde_json::from_str::<Prompt>(json).is_ok_and(|it| {
            it.prompt_tokens.is_some()
                && (it.prompt_tokens, it.completion_tokens) != (Some(0), Some(0))
        })
}

/// The usage inside another object, `x_groq` for one.
pub(super) fn wrapped(json: &str) -> Option<&str> {
    #[derive(Deserialize)]
    struct Wrapper<'a> {
        #[serde(borrow, default)]
        usage: Option<&'a RawValue>,
    }
    serde_json::from_str::<Wrapper<'_>>(json).ok()?.usage.map(RawValue::get)
}

/// Reads a usage object by the record's rules.
pub(super) fn read(json: &str, rules: &Rules) -> Option<Usage> {
    let tree: Value = serde_json::from_str(json).ok()?;
    let count = |name: &str| tree.get(name).and_then(Value::as_u64);
    let mut usage = Usage {
        input: count("prompt_tokens")?,
        cached: part(&tree, &rules.cached),
        cache_write: part(&tree, &rules.cache_write).filter(|it| *it > 0),
        output: count("completion_tokens").unwrap_or(0),
        reasoning: part(&tree, &rules.reasoning),
    };
    if !rules.input_includes_cached {
        usage.input += usage.cached.unwrap_or(0) + usage.cache_write.unwrap_or(0);
    }
    // Some count the thought in the total only.
    let gap = count("total_tokens").unwrap_or(0).saturating_sub(usage.total());
    if gap > 0 && usage.reasoning.is_none_or(|it| it == gap) {
        usage.reasoning = Some(gap);
        usage.output += gap;
    } else if !rules.output_includes_reasoning && gap == 0 {
        let counted = count("total_tokens").is_some();
        usage.output += if counted { 0 } else { usage.reasoning.unwrap_or(0) };
    }
    Some(usage)
}

/// The first of several places that says something. A place whose object is there but empty says
/// zero: nothing was cached.
fn part(tree: &Value, paths: &[String]) -> Option<u64> {
    let at = |path: &str| path.split('.').try_fold(tree, |tree, name| tree.get(name));
    let said = paths.iter().find_map(|path| at(path)?.as_u64());
    said.or_else(|| {
        let mut objects = paths.iter().filter_map(|path| at(path.rsplit_once('.')?.0)?.as_object());
        objects.any(serde_json::Map::is_empty).then_some(0)
    })
}
