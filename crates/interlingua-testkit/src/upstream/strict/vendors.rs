//! What some vendors are known to refuse, written by hand from what they document: a record that is
//! wrong about them is caught here, as nothing of it is read from the record.

use serde_json::{Map, Value};

use super::walk::each_schema;
use super::{Found, Rule};

mod deepseek;
mod gemini;
mod kimi;
mod mimo;
mod mistral;

pub(super) fn check(vendor: &str, body: &Value, found: &mut Found) {
    match vendor {
        "deepseek" => deepseek::check(body, found),
        "gemini" => gemini::check(body, found),
        "kimi" => kimi::check(body, found),
        "mimo" => mimo::check(body, found),
        "mistral" => mistral::check(body, found),
        _ => {}
    }
}

/// The messages of a body and where they stand.
fn messages(body: &Value) -> impl Iterator<Item = (String, &Value)> {
    let all = body["messages"].as_array().into_iter().flatten().enumerate();
    all.map(|(at, message)| (format!("/messages/{at}"), message))
}

fn calls(message: &Value) -> &[Value] {
    message["tool_calls"].as_array().map_or(&[], Vec::as_slice)
}

/// The names of all functions.
fn names(body: &Value) -> impl Iterator<Item = &str> {
    let tools = body["tools"].as_array().into_iter().flatten();
    tools.filter_map(|tool| tool["function"]["name"].as_str())
}

/// The parameters of all functions.
fn schemas(body: &Value) -> impl Iterator<Item = &Value> {
    let tools = body["tools"].as_array().into_iter().flatten();
    tools.filter_map(|tool| tool["function"].get("parameters"))
}

/// Refuses what is not on a list of documented names.
fn only(body: &Value, known: &[&str], found: &mut Found) {
    for (name, _) in body.as_object().into_iter().flatten() {
        if !known.contains(&name.as_str()) {
            found.add(Rule::UnknownParameter, format!("/{name}"), name.as_str());
        }
    }
}

/// Whether a test holds for a schema or one that stands in it.
fn any_schema(schema: &Value, test: &dyn Fn(&Map<String, Value>) -> bool) -> bool {
    let mut any = false;
    each_schema(schema, "", &mut |fields, _| any |= test(fields));
    any
}
