//! Rules about tools and about the choice among them.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::super::{Found, Rule, is_word};
use super::schema;
use crate::upstream::record::Record;

pub(super) fn check(record: &Record, body: &Value, found: &mut Found) {
    check_choice(record, body, found);
    let Some(tools) = body.get("tools") else { return };
    let Some(tools) = tools.as_array().filter(|tools| !tools.is_empty()) else {
        found.add(Rule::EmptyTools, "/tools", "tools must be a non-empty array");
        return;
    };
    let most = record.at("tools.max").as_u64().unwrap_or(u64::MAX);
    if u64::try_from(tools.len()).unwrap_or(u64::MAX) > most {
        found.add(Rule::BadTool, "/tools", format!("more than {most} tools"));
    }
    check_names(record, tools, found);
    let mut names = BTreeSet::new();
    for (at, tool) in tools.iter().enumerate() {
        check_tool(record, tool, &format!("/tools/{at}"), &mut names, found);
    }
    check_strict(record, tools, found);
}

fn check_tool<'t>(
    record: &Record,
    tool: &'t Value,
    place: &str,
    names: &mut BTreeSet<&'t str>,
    found: &mut Found,
) {
    let kind = tool["type"].as_str().unwrap_or_default();
    if kind == record.word("tools.builtin_web_search") {
        return;
    }
    let body = &tool[kind];
    let name = body["name"].as_str().unwrap_or_default();
    if !record.lists("tools.types", kind) {
        let param = format!("tool type `{kind}` of `{name}` is not supported");
        found.add(Rule::BadTool, place, param);
    }
    if record.at("tools.dedupe_names") == true && !names.insert(name) {
        found.add(Rule::DuplicateTool, place, format!("tools contains duplicate names: {name}"));
    }
    if kind == "function" {
        let place = format!("{place}/function/parameters");
        let root = record.at("tools.schema.root_object") == true;
        if root && body["parameters"]["type"] != "object" {
            found.add(Rule::BadTool, place.clone(), "the root of a schema must be an object");
        }
        schema::check(record, &body["parameters"], &place, found);
    }
}

fn check_names(record: &Record, tools: &[Value], found: &mut Found) {
    let rule = json!({ "pattern": record.at("tools.name_pattern") });
    let fits = jsonschema::validator_for(&rule).expect("a record's pattern is one");
    let most = record.at("tools.name_max").as_u64().and_then(|it| it.try_into().ok());
    let builtin = record.word("tools.builtin_web_search");
    for (at, tool) in tools.iter().enumerate() {
        let kind = tool["type"].as_str().unwrap_or_default();
        let name = &tool[kind]["name"];
        let word = name.as_str().unwrap_or_default();
        if kind != builtin && !(is_word(word, most.unwrap_or(64)) && fits.is_valid(name)) {
            found.add(
                Rule::ToolName,
                format!("/tools/{at}"),
                format!("tool name `{word}` is invalid"),
            );
        }
    }
}

fn check_strict(record: &Record, tools: &[Value], found: &mut Found) {
    let with = tools.iter().filter(|it| it["function"].get("strict").is_some()).count();
    let wrong = match record.word("tools.strict") {
        "drop" => with > 0,
        "all_or_nothing" => with > 0 && with < tools.len(),
        _ => false,
    };
    if wrong {
        found.add(Rule::NullStrict, "/tools", "`strict` is not supported on these tools");
    }
}

fn check_choice(record: &Record, body: &Value, found: &mut Found) {
    let choice = &body["tool_choice"];
    let kind = match choice {
        Value::Null => return,
        Value::String(kind) => kind.as_str(),
        choice if choice["type"] == "allowed_tools" => "allowed_tools",
        _ => "named",
    };
    let forced = matches!(kind, "required" | "any" | "named");
    let excluded = record.word("tools.forced_with_thinking") != "ok" && record.thinks(body);
    if !record.lists("tools.choice", kind) || (forced && excluded) {
        found.add(Rule::ToolChoice, "/tool_choice", format!("tool_choice {kind} is not supported"));
    }
    if body["tools"].is_null() {
        found.add(Rule::ToolChoice, "/tool_choice", "tool_choice without tools");
    }
}
