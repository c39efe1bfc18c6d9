//! Rules about everything but tools and the conversation.

use serde_json::Value;

use super::super::{Found, Rule};
use crate::upstream::record::{Record, holds};

/// What Chat Completions documents. What a record adds to it is known, too.
const STANDARD: [&str; 31] = [
    "audio",
    "frequency_penalty",
    "logit_bias",
    "logprobs",
    "max_completion_tokens",
    "max_tokens",
    "messages",
    "metadata",
    "modalities",
    "model",
    "n",
    "parallel_tool_calls",
    "prediction",
    "presence_penalty",
    "prompt_cache_key",
    "prompt_cache_retention",
    "response_format",
    "safety_identifier",
    "seed",
    "service_tier",
    "stop",
    "store",
    "stream",
    "stream_options",
    "temperature",
    "tool_choice",
    "tools",
    "top_logprobs",
    "top_p",
    "user",
    "verbosity",
];

pub(super) fn check(record: &Record, body: &Value, found: &mut Found) {
    let Some(fields) = body.as_object() else {
        found.add(Rule::UnknownParameter, "", "the body is not a JSON object");
        return;
    };
    for (name, value) in fields {
        if !is_known(record, name) || is_barred(record, body, name) {
            found.add(Rule::UnknownParameter, format!("/{name}"), name.as_str());
        }
        check_clamp(record, name, value, found);
    }
    if record.at("request.drop_nulls") == true {
        check_nulls(record, body, "", found);
    }
    check_limit(record, body, found);
    check_format(record, body, found);
    check_effort(record, body, found);
    let marks = body.to_string().matches("\"cache_control\"").count();
    let most = match record.word("cache.mode") {
        "cache_control" => record.at("cache.max_breakpoints").as_u64().unwrap_or(0),
        _ => 0,
    };
    if u64::try_from(marks).unwrap_or(u64::MAX) > most {
        found.add(Rule::CacheMarks, "", format!("{marks} marks, and {most} are known"));
    }
}

fn is_known(record: &Record, name: &str) -> bool {
    let top = |path: &str| record.word(path).split('.').next() == Some(name);
    let holds = |path: &str| record.at(path).get(name).is_some();
    let renamed = record.at("request.rename").as_object();
    let renamed = renamed.is_some_and(|it| it.values().any(|it| it == name));
    let plugin = name == "plugins" && record.word("tools.builtin_web_search") == "plugin";
    STANDARD.contains(&name)
        || record.levels().iter().any(|(_, fields)| fields.contains_key(name))
        || holds("request.set")
        || holds("thinking.preserve")
        || top("thinking.budget.path")
        || top("cache.key_field")
        || renamed
        || plugin
}

fn is_barred(record: &Record, body: &Value, name: &str) -> bool {
    let other_limit = match record.word("request.max_tokens_field") {
        "max_tokens" => "max_completion_tokens",
        _ => "max_tokens",
    };
    let no_usage = record.word("request.stream_usage") == "omit" && name == "stream_options";
    let no_parallel = record.word("tools.parallel") == "drop" && name == "parallel_tool_calls";
    record.lists("request.drop", name)
        || record.at("request.rename").get(name).is_some()
        || (record.thinks(body) && record.lists("thinking.drop_when_on", name))
        || name == other_limit
        || no_usage
        || no_parallel
}

fn check_clamp(record: &Record, name: &str, value: &Value, found: &mut Found) {
    let clamp = &record.at("request.clamp")[name];
    let Some(value) = value.as_f64() else { return };
    let wrong = clamp["min"].as_f64().is_some_and(|least| value < least)
        || clamp["max"].as_f64().is_some_and(|most| value > most)
        || clamp["fixed"].as_f64().is_some_and(|only| value.to_bits() != only.to_bits());
    if wrong {
        found.add(Rule::BadParameter, format!("/{name}"), format!("{name} may not be {value}"));
    }
}

/// Nulls are refused everywhere, but for the content of a message where the record allows it.
fn check_nulls(record: &Record, value: &Value, place: &str, found: &mut Found) {
    match value {
        Value::Null => {
            let content = place.ends_with("/content");
            if !(content && record.word("messages.assistant_null_content") == "ok") {
                found.add(Rule::UnknownParameter, place, format!("{place} is null"));
            }
        }
        Value::Object(fields) => {
            for (name, value) in fields {
                // Whatever a schema holds is data.
                if name != "parameters" && name != "schema" {
                    check_nulls(record, value, &format!("{place}/{name}"), found);
                }
            }
        }
        Value::Array(items) => {
            for (at, value) in items.iter().enumerate() {
                check_nulls(record, value, &format!("{place}/{at}"), found);
            }
        }
        _ => {}
    }
}

fn check_limit(record: &Record, body: &Value, found: &mut Found) {
    let name = record.word("request.max_tokens_field");
    let least = record.at("request.min_max_tokens").as_u64().unwrap_or(0);
    match body[name].as_u64() {
        Some(limit) if limit < least => {
            found.add(Rule::BadParameter, format!("/{name}"), format!("{name} is below {least}"));
        }
        None if record.at("request.max_tokens_required") == true => {
            found.add(Rule::MissingParameter, format!("/{name}"), format!("{name} is required"));
        }
        _ => {}
    }
}

fn check_format(record: &Record, body: &Value, found: &mut Found) {
    let kind = body["response_format"]["type"].as_str().unwrap_or("text");
    let bars = match kind {
        "json_schema" => record.word("request.json_schema") != "native",
        "json_object" => record.word("request.json_object") != "native",
        _ => false,
    };
    let beside_tools = record.at("request.format_with_tools") == false && body["tools"].is_array();
    let place = "/response_format";
    if bars || (kind != "text" && beside_tools) {
        found.add(Rule::BadParameter, place, "This response_format type is unavailable now");
    }
    let says_json = body["messages"].to_string().to_lowercase().contains("json");
    if kind == "json_object" && !says_json {
        let param = "'messages' must contain the word 'json' in some form, to use json_object";
        found.add(Rule::BadParameter, place, param);
    }
}

/// Fields that ask for a level say what some level of the record says, or a limit in its place.
fn check_effort(record: &Record, body: &Value, found: &mut Found) {
    let levels = record.levels();
    let asking = |name: &&str| levels.iter().any(|(_, fields)| fields.contains_key(*name));
    let budget = record.word("thinking.budget.path");
    let limit = budget.split('.').fold(body, |value, name| &value[name]);
    let mut names: Vec<&str> = body.as_object().into_iter().flatten().map(|it| &**it.0).collect();
    names.retain(asking);
    let fits = |fields: &serde_json::Map<String, Value>| {
        names.iter().all(|name| fields.get(*name).is_some_and(|value| holds(&body[*name], value)))
    };
    let only_kept = names.iter().all(|name| {
        let kept = &record.at("thinking.preserve")[*name];
        !kept.is_null() && holds(&body[*name], kept)
    });
    let by_limit = limit.is_number() && names.iter().all(|name| budget.starts_with(*name));
    if !names.is_empty() && !by_limit && !only_kept && !levels.iter().any(|(_, it)| fits(it)) {
        let param = format!("no level is asked for by {}", names.join(" and "));
        found.add(Rule::BadParameter, format!("/{}", names[0]), param);
    }
    let exclusive = record.at("thinking.budget.exclusive_with_effort") == true;
    if exclusive && limit.is_number() && !by_limit && !names.is_empty() {
        found.add(Rule::BadParameter, "", "a level and a limit exclude one another");
    }
    let [least, most] =
        ["thinking.budget.min", "thinking.budget.max"].map(|it| record.at(it).as_u64());
    let outside = |limit: u64| {
        least.is_some_and(|least| limit < least) || most.is_some_and(|most| limit > most)
    };
    if limit.as_u64().is_some_and(outside) {
        found.add(Rule::BadParameter, "", format!("{budget} is out of its range"));
    }
}
