//! Published schemas as judges of what we send.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use jsonschema::error::ValidationErrorKind;
use jsonschema::{ValidationError, Validator};
use serde_json::{Value, json};

use crate::fixtures;

/// One of the published descriptions under `fixtures/schemas`.
pub struct Oracle {
    document: Value,
    /// The component of the whole response object.
    response: &'static str,
    /// Event type → component.
    events: BTreeMap<String, String>,
    /// Type → components that have it as their only one; explains why a union matched nothing.
    typed: BTreeMap<String, Vec<String>>,
    compiled: Mutex<BTreeMap<String, Arc<Validator>>>,
}

/// `OpenAI`'s own description: judges everything that we send.
pub fn openai() -> &'static Oracle {
    static ORACLE: OnceLock<Oracle> = OnceLock::new();
    ORACLE.get_or_init(|| {
        let document = fixtures::json("schemas/openai-subset.json");
        let events = document.pointer("/components/schemas/ResponseStreamEvent/anyOf").cloned();
        Oracle::new(document, "Response", &events.unwrap_or_default())
    })
}

/// The Open Responses description: judges the types that it knows.
pub fn open_responses() -> &'static Oracle {
    static ORACLE: OnceLock<Oracle> = OnceLock::new();
    ORACLE.get_or_init(|| {
        let document = fixtures::json("schemas/openresponses-2026-04-24.json");
        let pointer =
            "/paths/~1responses/post/responses/200/content/text~1event-stream/schema/oneOf";
        let events = document.pointer(pointer).cloned();
        Oracle::new(document, "ResponseResource", &events.unwrap_or_default())
    })
}

impl Oracle {
    fn new(mut document: Value, response: &'static str, events: &Value) -> Self {
        allow_null(&mut document);
        let schemas = document["components"]["schemas"].as_object();
        let mut typed = BTreeMap::<_, Vec<_>>::new();
        for (name, schema) in schemas.into_iter().flatten() {
            if let Some(kind) = only_type(schema) {
                typed.entry(kind).or_default().push(name.clone());
            }
        }
        let references = events.as_array().into_iter().flatten();
        let names: BTreeSet<_> = references
            .filter_map(|it| it["$ref"].as_str()?.strip_prefix("#/components/schemas/"))
            .collect();
        assert!(!names.is_empty(), "the description has no list of events");
        let events = typed.iter().filter_map(|(kind, components)| {
            let component = components.iter().find(|it| names.contains(it.as_str()))?;
            Some((kind.clone(), component.clone()))
        });
        let events = events.collect();
        Self { events, typed, document, response, compiled: Mutex::default() }
    }

    /// Whether events of this type are described at all.
    pub fn knows_event(&self, kind: &str) -> bool {
        self.events.contains_key(kind)
    }

    /// Judges one event of a stream.
    ///
    /// # Errors
    ///
    /// Everything that is wrong, each with its place in the event.
    pub fn check_event(&self, event: &Value) -> Result<(), Vec<String>> {
        let kind = event["type"].as_str().unwrap_or_default();
        match self.events.get(kind) {
            Some(component) => self.check(component, event),
            None => Err(vec![format!("no event of type `{kind}` is described")]),
        }
    }

    /// Judges a whole response object.
    ///
    /// # Errors
    ///
    /// Everything that is wrong, each with its place in the object.
    pub fn check_response(&self, response: &Value) -> Result<(), Vec<String>> {
        self.check(self.response, response)
    }

    /// Judges a value by a component of the description, for example `OutputItem`.
    ///
    /// # Errors
    ///
    /// Everything that is wrong, each with its place in the value; or that there is no such component.
    pub fn check(&self, component: &str, value: &Value) -> Result<(), Vec<String>> {
        let validator = self.validator(component)?;
        let problems: Vec<_> =
            validator.iter_errors(value).map(|it| self.explain("", &it)).collect();
        if problems.is_empty() { Ok(()) } else { Err(problems) }
    }

    fn validator(&self, component: &str) -> Result<Arc<Validator>, Vec<String>> {
        let mut compiled = self.compiled.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(found) = compiled.get(component) {
            return Ok(Arc::clone(found));
        }
        let schema = json!({
            "$schema": "https://json-schema.org/draft/2020-12/schema",
            "$ref": format!("#/components/schemas/{component}"),
            "components": self.document["components"],
        });
        let validator = jsonschema::validator_for(&schema)
            .map_err(|error| vec![format!("component `{component}`: {error}")])?;
        let validator = Arc::new(validator);
        compiled.insert(component.to_owned(), Arc::clone(&validator));
        Ok(validator)
    }

    /// Says which field of which variant is wrong where a union says only that nothing matched.
    fn explain(&self, base: &str, error: &ValidationError<'_>) -> String {
        let place = format!("{base}{}", error.instance_path());
        let is_union = matches!(
            error.kind(),
            ValidationErrorKind::AnyOf { .. } | ValidationErrorKind::OneOfNotValid { .. }
        );
        let kind = error.instance()["type"].as_str().filter(|_| is_union);
        let candidates = kind.and_then(|kind| self.typed.get(kind)).into_iter().flatten();
        let explained = candidates.filter_map(|component| {
            let validator = self.validator(component).ok()?;
            let problems = validator.iter_errors(error.instance());
            let problems: Vec<_> = problems.map(|it| self.explain(&place, &it)).collect();
            (!problems.is_empty()).then(|| format!("{component}: {}", problems.join("; ")))
        });
        explained.min_by_key(String::len).unwrap_or_else(|| one_line(&place, error))
    }
}

/// The errors of a union quote the whole value; a line is enough to find it.
fn one_line(place: &str, error: &ValidationError<'_>) -> String {
    const MOST: usize = 300;
    let mut text = format!("{place}: {error}");
    if text.len() > MOST {
        text.truncate(text.floor_char_boundary(MOST));
        text.push('…');
    }
    text
}

/// The one value that a component allows for `type`, also when it says so in a part of `allOf`.
fn only_type(schema: &Value) -> Option<String> {
    let kind = &schema["properties"]["type"];
    let own = match kind["enum"].as_array().map(Vec::as_slice) {
        Some([only]) => only.as_str(),
        _ => kind["const"].as_str(),
    };
    let mut parts = schema["allOf"].as_array().into_iter().flatten();
    own.map(str::to_owned).or_else(|| parts.find_map(only_type))
}

/// `nullable` is a word of `OpenAPI` that JSON Schema does not know.
fn allow_null(value: &mut Value) {
    match value {
        Value::Array(values) => values.iter_mut().for_each(allow_null),
        Value::Object(fields) => {
            fields.values_mut().for_each(allow_null);
            if fields.get("nullable") == Some(&Value::Bool(true)) {
                fields.remove("nullable");
                let inner = value.take();
                *value = json!({ "anyOf": [inner, { "type": "null" }] });
            }
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A whole response as both descriptions want it.
    fn response() -> Value {
        json!({
            "id": "resp_1",
            "object": "response",
            "created_at": 1_793_000_000,
            "completed_at": 1_793_000_001,
            "status": "completed",
            "background": false,
            "error": null,
            "incomplete_details": null,
            "instructions": null,
            "max_output_tokens": null,
            "max_tool_calls": null,
            "metadata": {},
            "model": "mimo/mimo-v2.5-pro",
            "output": [{
                "type": "message", "id": "msg_1", "role": "assistant", "status": "completed",
                "content": [{
                    "type": "output_text", "text": "Hi.", "annotations": [], "logprobs": [],
                }],
            }],
            "parallel_tool_calls": true,
            "presence_penalty": 0.0,
            "frequency_penalty": 0.0,
            "previous_response_id": null,
            "prompt_cache_key": null,
            "reasoning": { "effort": null, "summary": null },
            "safety_identifier": null,
            "service_tier": "default",
            "store": false,
            "temperature": 1.0,
            "text": { "format": { "type": "text" } },
            "tool_choice": "auto",
            "tools": [],
            "top_logprobs": 0,
            "top_p": 1.0,
            "truncation": "disabled",
            "usage": {
                "input_tokens": 12,
                "input_tokens_details": { "cached_tokens": 10, "cache_write_tokens": 0 },
                "output_tokens": 6, "output_tokens_details": { "reasoning_tokens": 4 },
                "total_tokens": 18,
            },
        })
    }

    #[test]
    fn one_object_satisfies_both() {
        assert_eq!(openai().check_response(&response()), Ok(()));
        assert_eq!(open_responses().check_response(&response()), Ok(()));
    }

    #[test]
    fn a_missing_or_wrong_field_is_named() {
        for oracle in [openai(), open_responses()] {
            let mut wrong = response();
            wrong["output"][0]["content"][0]["annotations"] = Value::Null;
            let problems = oracle.check_response(&wrong).unwrap_err().join("\n");
            assert!(
                problems.contains("/output/0/content/0/annotations: null is not"),
                "{problems}"
            );
            let mut short = response();
            short.as_object_mut().unwrap().remove("id");
            let problems = oracle.check_response(&short).unwrap_err().join("\n");
            assert!(problems.contains("\"id\""), "{problems}");
        }
    }

    #[test]
    fn a_completed_event_carries_a_whole_response() {
        let mut event = json!({ "type": "response.completed", "sequence_number": 9 });
        event["response"] = response();
        assert_eq!(openai().check_event(&event), Ok(()));
        assert_eq!(open_responses().check_event(&event), Ok(()));
        event["response"]["usage"]["total_tokens"] = "18".into();
        assert!(openai().check_event(&event).is_err());
        assert!(open_responses().check_event(&event).is_err());
    }

    #[test]
    fn unknown_events_are_not_waved_through() {
        let problems = openai().check_event(&json!({ "type": "response.happy" })).unwrap_err();
        assert_eq!(problems, ["no event of type `response.happy` is described"]);
        assert!(openai().knows_event("response.custom_tool_call_input.delta"));
        assert!(!open_responses().knows_event("response.custom_tool_call_input.delta"));
    }

    /// The captures are as short as the real client allows; these parts of them are complete.
    #[test]
    fn complete_events_of_the_captures_pass_both() {
        let stream = fixtures::text("codex/reasoning_all_then_shell_call.sse");
        let mut judged = 0;
        for event in fixtures::sse_json(&stream) {
            let kind = event["type"].as_str().unwrap_or_default();
            if kind.contains("summary") || kind.contains("output_item") {
                assert_eq!(openai().check_event(&event), Ok(()), "{event}");
                assert_eq!(open_responses().check_event(&event), Ok(()), "{event}");
                judged += 1;
            }
        }
        assert_eq!(judged, 8);
    }
}
