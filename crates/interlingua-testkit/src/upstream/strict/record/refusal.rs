//! Refusals in the upstream's own words, as they were recorded.

use serde_json::{Value, json};

use super::super::{Rule, Violation};
use crate::fixtures;
use crate::upstream::answer::Answer;
use crate::upstream::record::Record;

/// The recorded refusal that comes closest to a violation; where none was recorded, the standard one.
pub(in crate::upstream::strict) fn refuse(
    record: &Record,
    violation: &Violation,
    body: &Value,
) -> Answer {
    let recorded = recorded(record);
    let of_class = |class: &str| {
        let mut all = recorded.iter().filter(|(_, it)| it["class"] == class);
        // Some speak otherwise where a stream was wanted.
        let streams = body["stream"] == true;
        all.clone().find(|(name, _)| name.contains("streaming") == streams).or_else(|| all.next())
    };
    let by_name = words(violation.rule).iter().find_map(|word| {
        recorded.iter().find(|(name, it)| it["class"] == "bad_param" && name.contains(word))
    });
    let found = match class(violation.rule) {
        Some(class) => of_class(class),
        None => by_name,
    };
    let Some((_, fixture)) = found else { return standard(violation) };
    let status = fixture["http_status"].as_u64().and_then(|it| it.try_into().ok()).unwrap_or(400);
    match fixture["body_text"].as_str() {
        Some(text) => Answer::bytes(status, text.to_owned()),
        None => Answer::json(status, fixture["body"].clone()),
    }
}

/// The refusals of a vendor, by name.
fn recorded(record: &Record) -> Vec<(String, Value)> {
    let names = fixtures::list("dialects/errors", ".json").into_iter();
    let all = names.map(|name| (name.clone(), fixtures::json(format!("dialects/errors/{name}"))));
    all.filter(|(_, it)| it["dialect"] == record.id.as_str()).collect()
}

fn class(rule: Rule) -> Option<&'static str> {
    match rule {
        Rule::ThoughtMissing => Some("replay_missing"),
        Rule::OrphanResult
        | Rule::CallWithoutResult
        | Rule::RepeatedResult
        | Rule::MessageOrder => Some("tool_history_invalid"),
        _ => None,
    }
}

/// How recorded refusals are named that tell of a rule.
fn words(rule: Rule) -> &'static [&'static str] {
    match rule {
        Rule::UnknownRole => &["role"],
        Rule::ImageForBlindModel => &["image"],
        Rule::BadId => &["tool-id", "id-too-long"],
        Rule::ToolChoice => &["tool-choice"],
        Rule::BadTool => &["tool-schema", "tool-type", "custom-tool"],
        Rule::ToolName => &["tool-name"],
        Rule::DuplicateTool => &["duplicate"],
        Rule::BadParameter => &["effort", "response-format", "temperature"],
        Rule::ThoughtMisplaced => &["unsupported-field", "bad-param", "error"],
        Rule::UnknownContent | Rule::NullContent | Rule::EmptyText => &["text-not-set"],
        _ => &[],
    }
}

/// A refusal in the form of Chat Completions, which names what it does not know.
fn standard(violation: &Violation) -> Answer {
    let param = match violation.rule {
        Rule::UnknownParameter => violation.place.trim_start_matches('/'),
        _ => "messages",
    };
    let message = match violation.rule {
        Rule::UnknownParameter => format!("Unsupported parameter: '{param}' is not supported."),
        _ => violation.param.clone(),
    };
    Answer::json(
        400,
        json!({ "error": { "message": message, "type": "invalid_request_error", "param": param } }),
    )
}
