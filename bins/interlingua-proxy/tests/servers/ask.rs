//! How the three protocols say the same thing, and how their answers end.

use interlingua_testkit::http::Reply;
use interlingua_testkit::upstream::Wire;
use serde_json::{Value, json};

/// Sets how many tokens an answer may have.
pub(crate) fn limit(wire: Wire, body: &mut Value, tokens: u32) {
    let field = match wire {
        Wire::Chat => "max_tokens",
        Wire::Responses => "max_output_tokens",
        Wire::Messages => "max_tokens",
    };
    body[field] = tokens.into();
    if wire == Wire::Chat && body["stream"] == true {
        body["stream_options"] = json!({ "include_usage": true });
    }
}

/// Demands a call: of this tool, or of any.
pub(crate) fn demand(wire: Wire, body: &mut Value, tool: Option<&str>) {
    body["tool_choice"] = match (wire, tool) {
        (Wire::Chat | Wire::Responses, None) => "required".into(),
        (Wire::Messages, None) => json!({ "type": "any" }),
        (Wire::Chat, Some(name)) => json!({ "type": "function", "function": { "name": name } }),
        (Wire::Responses, Some(name)) => json!({ "type": "function", "name": name }),
        (Wire::Messages, Some(name)) => json!({ "type": "tool", "name": name }),
    };
}

/// Leaves the tools out.
pub(crate) fn without_tools(body: &mut Value) {
    body.as_object_mut().and_then(|it| it.remove("tools"));
}

/// Why an answer ended, in the protocol's word, and how many tokens it had.
pub(crate) fn end(wire: Wire, stream: bool, reply: &Reply) -> Result<(String, u64), String> {
    let events = if stream { reply.events() } else { vec![reply.json()] };
    let found = |path: &str| {
        let values = events.iter().rev().filter_map(|it| it.pointer(path));
        values.into_iter().find(|it| !it.is_null()).cloned().unwrap_or_default()
    };
    let (stop, tokens) = match (wire, stream) {
        (Wire::Chat, _) => (found("/choices/0/finish_reason"), found("/usage/completion_tokens")),
        (Wire::Responses, true) => {
            let reason = found("/response/incomplete_details/reason");
            let status = found("/response/status");
            let stop = if reason.is_null() { status } else { reason };
            (stop, found("/response/usage/output_tokens"))
        }
        (Wire::Responses, false) => {
            let reason = found("/incomplete_details/reason");
            let stop = if reason.is_null() { found("/status") } else { reason };
            (stop, found("/usage/output_tokens"))
        }
        (Wire::Messages, true) => (found("/delta/stop_reason"), found("/usage/output_tokens")),
        (Wire::Messages, false) => (found("/stop_reason"), found("/usage/output_tokens")),
    };
    match (stop.as_str(), tokens.as_u64()) {
        (Some(stop), Some(tokens)) => Ok((stop.to_owned(), tokens)),
        _ => Err(format!("no end: {stop} {tokens}: status {}, {}", reply.status, reply.text())),
    }
}

/// The word for an answer that was cut at its limit.
pub(crate) fn cut(wire: Wire) -> &'static str {
    match wire {
        Wire::Chat => "length",
        Wire::Responses => "max_output_tokens",
        Wire::Messages => "max_tokens",
    }
}

/// The status and the whole text of an error, whether it came as one or in a stream.
pub(crate) fn error(wire: Wire, reply: &Reply) -> Option<(u16, String, String)> {
    let events = if reply.header("content-type").is_some_and(|it| it.contains("event-stream")) {
        reply.events()
    } else {
        vec![reply.json()]
    };
    let last = events.last()?;
    let error = [last.pointer("/response/error"), last.get("error")];
    let error = error.into_iter().flatten().find(|it| it.is_object())?;
    let word = if wire == Wire::Messages { &error["type"] } else { &error["code"] };
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    Some((reply.status, text(word), text(&error["message"])))
}
