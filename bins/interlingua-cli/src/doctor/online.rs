//! Whether a provider's model does what an agent needs: call a tool, and go on with its result while
//! its thoughts are given back.

use std::path::Path;
use std::time::{Duration, Instant};

use bytes::Bytes;
use http::Method;
use interlingua_registry::{KeyState, Provider, Snapshot};
use serde_json::{Value, json};

use super::Check;
use crate::local;
use crate::output::count;
use crate::own::Own;
use crate::reach;

/// How long one answer may take; models think before they write.
const PATIENCE: Duration = Duration::from_mins(2);

/// Enough for a model that thinks, and little enough to pay for.
const MOST_TOKENS: u64 = 2_048;

/// The tool's only answer.
const RESULT: &str = "the word is heron";

pub(super) fn check(snapshot: &Snapshot, config: Option<&Path>) -> Vec<Check> {
    let usable: Vec<_> = snapshot.providers().iter().filter(|it| it.usable().is_ok()).collect();
    let configured = local::address(snapshot).map(|address| address.to_string());
    let running = configured.filter(|host| matches!(local::version(host, PATIENCE), Ok(Some(_))));
    let (host, _own) = match running {
        Some(host) => (host, None),
        None => match Own::start(config) {
            Ok(own) => (reach::host(&own.base_url()).unwrap_or_default(), Some(own)),
            Err(error) => return vec![Check::fail("online", error.to_string())],
        },
    };
    usable.into_iter().filter(|it| !it.is_demo()).map(|it| provider(&host, it)).collect()
}

fn provider(host: &str, provider: &Provider) -> Check {
    let id = format!("provider.{}.online", provider.id);
    if provider.key_state == KeyState::OfClient {
        return Check::skip(id, "it is asked with the caller's own key");
    }
    let Some(slug) = provider.default_slug() else {
        let check = Check::skip(id, "none of its models is known");
        let fix = format!("interlingua providers edit {} --set default_model=…", provider.id);
        return check.fix(fix);
    };
    let begun = Instant::now();
    match tool_loop(host, &slug) {
        Ok(Loop { calls: 0, .. }) => {
            Check::warn(id, format!("{slug} answered in words instead of calling the tool"))
                .fix("choose a model that can call tools for an agent")
        }
        Ok(Loop { calls, thoughts, tokens }) => {
            let thoughts = match thoughts {
                0 => "no thoughts".to_owned(),
                thoughts => format!("{} given back", count(thoughts, "thought")),
            };
            let calls = count(calls, "call");
            let took = begun.elapsed().as_millis();
            Check::ok(id, format!("{slug}: {calls}, {thoughts}, {tokens} tokens, {took} ms"))
        }
        Err(why) => Check::fail(id, format!("{slug}: {why}")).fix("interlingua up -v shows more"),
    }
}

/// What a loop came to.
struct Loop {
    calls: usize,
    thoughts: usize,
    tokens: u64,
}

fn tool_loop(host: &str, slug: &str) -> Result<Loop, String> {
    let question = json!({
        "role": "user",
        "content": "Call the tool `ask` once with the topic \"word\", then say the word that it gives you.",
    });
    let first = turn(host, slug, std::slice::from_ref(&question))?;
    let of_kind =
        |kind: &str| first.output.iter().filter(|it| it["type"] == kind).collect::<Vec<_>>();
    let (calls, thoughts) = (of_kind("function_call"), of_kind("reasoning").len());
    let Some(call) = calls.first() else {
        return Ok(Loop { calls: 0, thoughts, tokens: first.tokens });
    };
    let arguments = call["arguments"].as_str().unwrap_or_default();
    if serde_json::from_str::<Value>(arguments).is_err() {
        return Err(format!("it called the tool with what is no JSON: {arguments}"));
    }
    let results = calls.iter().map(|call| {
        json!({ "type": "function_call_output", "call_id": call["call_id"], "output": RESULT })
    });
    let history: Vec<Value> = [question].into_iter().chain(first.output.clone()).collect();
    let history: Vec<Value> = history.into_iter().chain(results).collect();
    let second = turn(host, slug, &history)?;
    match second.output.iter().any(|it| it["type"] == "message" || it["type"] == "function_call") {
        true => Ok(Loop { calls: calls.len(), thoughts, tokens: first.tokens + second.tokens }),
        false => Err("it had nothing to say about the tool's result".to_owned()),
    }
}

/// What a turn gave.
struct Turn {
    output: Vec<Value>,
    tokens: u64,
}

fn turn(host: &str, slug: &str, input: &[Value]) -> Result<Turn, String> {
    let body = json!({
        "model": slug,
        "stream": true,
        "store": false,
        "include": ["reasoning.encrypted_content"],
        "max_output_tokens": MOST_TOKENS,
        "input": input,
        "tools": [{
            "type": "function",
            "name": "ask",
            "description": "Gives what it knows about a topic.",
            "parameters": {
                "type": "object",
                "properties": { "topic": { "type": "string" } },
                "required": ["topic"],
                "additionalProperties": false,
            },
        }],
    });
    let body = Bytes::from(body.to_string());
    let answer = local::exchange(host, Method::POST, "/v1/responses", body, PATIENCE)
        .map_err(|error| error.to_string())?;
    let text = String::from_utf8_lossy(&answer.body);
    if !answer.status.is_success() {
        let error: Option<Value> = serde_json::from_str(&text).ok();
        let why = error.as_ref().and_then(|it| it["error"]["message"].as_str());
        return Err(why.map_or_else(|| answer.status.to_string(), str::to_owned));
    }
    let mut events = text.lines().rev().filter_map(|line| line.strip_prefix("data:"));
    let last = events.find_map(|data| serde_json::from_str::<Value>(data).ok());
    let last = last.ok_or("the answer is empty")?;
    let response = &last["response"];
    match last["type"].as_str() {
        Some("response.completed") => Ok(Turn {
            output: response["output"].as_array().cloned().unwrap_or_default(),
            tokens: response["usage"]["total_tokens"].as_u64().unwrap_or_default(),
        }),
        Some("response.incomplete") => {
            Err(format!("its answer was cut: {}", response["incomplete_details"]["reason"]))
        }
        _ => {
            Err(response["error"]["message"].as_str().unwrap_or("the answer broke off").to_owned())
        }
    }
}
