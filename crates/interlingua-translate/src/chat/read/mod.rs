use std::borrow::Cow;

use interlingua_ir::{
    Class, Extra, Fault, Format, Note, NoteKind, Param, Place, Protocol, Text, Thinking, Turn,
};
use interlingua_protocol::{Field, Name, chat as wire, json};
use serde::Deserialize;
use serde_json::value::RawValue;

use super::extras::is_inner;
use crate::document::Document;
use crate::incoming::{self, Lists, invalid, optional_text, text};

mod messages;
mod parts;
mod tools;

/// Reads a Chat Completions request.
///
/// The turn borrows from `body`. Nothing of the request is lost: what no other protocol has a word
/// for stands in [`Turn::extras`], at the place where it stood. Fields of an inner object have names
/// such as `function.x`. Content that is no string leaves itself there as `content`, so that it can
/// be written in the form in which it came.
///
/// Every message of the assistant gives an [`Item::Message`](interlingua_ir::Item::Message), if need
/// be one without parts, after what it thought and before what it called.
///
/// # Errors
///
/// [`Class::InvalidRequest`] with the path of what is wrong, when `body` is no Chat Completions request,
/// is more complex than `limits` allow, or asks for several answers.
///
/// # Examples
///
/// ```
/// use interlingua_translate::{chat, json::Limits};
///
/// let body = br#"{"model":"mimo/mimo-v2.5-pro","messages":[{"role":"user","content":"hello"}]}"#;
/// let (turn, notes) = chat::read(body, Limits::default())?;
/// assert_eq!(turn.model, "mimo/mimo-v2.5-pro");
/// assert_eq!(turn.items.len(), 1);
/// assert!(notes.is_empty());
/// # Ok::<(), interlingua_ir::Fault>(())
/// ```
pub fn read(body: &[u8], limits: json::Limits) -> Result<(Turn<'_>, Vec<Note>), Fault> {
    read_document(&Document::of(body, limits)?)
}

/// As [`read`], what somebody has looked through already.
pub(crate) fn read_document<'b>(document: &Document<'b>) -> Result<(Turn<'b>, Vec<Note>), Fault> {
    let body = document.bytes();
    let request: wire::Request<'_> = incoming::request(document, "Chat Completions")?;
    only_one(request.n)?;
    let turn = Turn { protocol: Protocol::Chat, ..Turn::default() };
    let (lists, notes) = (Lists::default(), Vec::new());
    let mut reader = Reader { body, lists, turn, notes, legacy_calls: Vec::new() };
    reader.request(request)?;
    Ok((reader.turn, reader.notes))
}

struct Reader<'a> {
    body: &'a [u8],
    lists: Lists<'a>,
    turn: Turn<'a>,
    notes: Vec<Note>,
    /// Calls of the API's first version, which had names and no ids: both, the latest last.
    legacy_calls: Vec<(Cow<'a, str>, String)>,
}

/// Refuses a wish for several answers: agents need one, and no other protocol can give more.
fn only_one(n: Option<&RawValue>) -> Result<(), Fault> {
    let Some(n) = n else { return Ok(()) };
    let mut fault = match n.get().parse::<u64>() {
        Ok(1) => return Ok(()),
        Ok(0) | Err(_) => return Err(invalid("n", "a whole number from 1 up is expected here")),
        Ok(_) => Fault::new(
            Class::InvalidRequest,
            "this gateway gives one answer to a request; leave `n` out, or ask several times",
        ),
    };
    fault.param = Some("n".to_owned());
    fault.code = Some("unsupported_parameter".to_owned());
    Err(fault)
}

impl<'a> Reader<'a> {
    fn request(&mut self, mut request: wire::Request<'a>) -> Result<(), Fault> {
        let Some(wire::Messages(messages)) = request.messages.take() else {
            let is_responses = request.extra.iter().any(|it| it.name.as_str() == "input");
            let hint =
                if is_responses { "; with `input` it belongs to `/v1/responses`" } else { "" };
            return Err(incoming::missing("messages", hint));
        };
        if messages.is_empty() {
            return Err(invalid("messages", "the list is empty"));
        }
        self.turn.model = request.model.take().map(Cow::from).unwrap_or_default();
        self.turn.parallel_calls = request.parallel_tool_calls;
        self.max_tokens(&request);
        self.thinking(&request)?;
        if let Some(stream) = request.stream {
            self.turn.stream = match stream.get() {
                "true" => true,
                "false" => false,
                _ => return Err(invalid("stream", "true or false is expected here")),
            };
        }
        if let Some(options) = request.stream_options {
            nested::<wire::StreamOptions<'_>>(|| "stream_options".to_owned(), options)?;
        }
        // An answer in one piece is what nobody has to ask for; who did is seen to have.
        let whole = request.stream.filter(|it| it.get() == "false");
        let kept =
            [("stream", whole), ("stream_options", request.stream_options), ("n", request.n)];
        for (name, json) in kept {
            self.extra(Place::Top, name, json);
        }
        if let Some(format) = request.response_format {
            self.format(format)?;
        }
        self.tools(&mut request)?;
        self.top(request.extra);
        self.turn.items.reserve(messages.len());
        for (at, message) in messages.into_iter().enumerate() {
            self.message(at, message)?;
        }
        Ok(())
    }

    fn max_tokens(&mut self, request: &wire::Request<'a>) {
        let (newer, older) = (request.max_completion_tokens, request.max_tokens);
        self.turn.max_output_tokens = newer.or(older);
        if newer.is_some() && older.is_some() && newer != older {
            let what = "max_tokens beside max_completion_tokens";
            self.notes.push(Note::new(NoteKind::Dropped, what));
        }
    }

    fn thinking(&mut self, request: &wire::Request<'a>) -> Result<(), Fault> {
        let effort = request.reasoning_effort.clone().map(Cow::from);
        self.turn.thinking = Thinking { effort, budget: None };
        let Some(json) = request.reasoning else { return Ok(()) };
        if !json.get().starts_with('{') {
            self.extra(Place::Top, "reasoning", Some(json));
            return Ok(());
        }
        let reasoning: wire::Reasoning<'a> = nested(|| "reasoning".to_owned(), json)?;
        let thinking = &mut self.turn.thinking;
        thinking.budget = reasoning.max_tokens;
        match reasoning.effort {
            Some(effort) if thinking.effort.is_none() => {
                thinking.effort = Some(effort.into());
                self.inner(Place::Top, "reasoning", reasoning.extra);
            }
            _ => self.extra(Place::Top, "reasoning", Some(json)),
        }
        Ok(())
    }

    fn format(&mut self, json: &'a RawValue) -> Result<(), Fault> {
        let format: wire::ResponseFormat<'a> = nested(|| "response_format".to_owned(), json)?;
        let kind = format.kind.as_ref().map_or("", Name::as_str);
        self.turn.format = match (kind, format.json_schema) {
            ("json_object", None) => Format::JsonObject,
            (
                "json_schema",
                Some(wire::JsonSchema { schema: Some(schema), name, description, strict, extra }),
            ) => {
                let path = |field: &str| format!("response_format.json_schema.{field}");
                let name = optional_text(|| path("name"), name)?;
                self.inner(Place::Top, "response_format.json_schema", extra);
                Format::JsonSchema {
                    name: name.unwrap_or(Text::plain("answer")),
                    description: optional_text(|| path("description"), description)?,
                    schema,
                    strict,
                }
            }
            // Prose, which needs no word, or a form that only some servers know.
            _ => {
                self.extra(Place::Top, "response_format", Some(json));
                return Ok(());
            }
        };
        self.inner(Place::Top, "response_format", format.extra);
        Ok(())
    }

    /// Sorts top-level fields into parameters that have a meaning elsewhere too and all others.
    fn top(&mut self, fields: Vec<Field<'a>>) {
        for field in fields {
            match PARAMS.iter().find(|known| **known == field.name.as_str()) {
                Some(_) if field.json.get() == "null" => {}
                Some(name) => self.turn.params.push(Param { name, json: field.json }),
                None => self.outer(Place::Top, [field]),
            }
        }
    }

    /// Keeps a field that no other protocol has a word for.
    fn extra(&mut self, place: Place, name: impl Into<Cow<'a, str>>, json: Option<&'a RawValue>) {
        if let Some(json) = json.filter(|it| it.get() != "null") {
            self.turn.extras.push(Extra { place, name: name.into(), json });
        }
    }

    /// Keeps the fields of an object at a place.
    fn outer(&mut self, place: Place, fields: impl IntoIterator<Item = Field<'a>>) {
        for field in fields {
            // Such a name is taken for what stands inside.
            if is_inner(field.name.as_str()) {
                self.notes.push(Note::new(NoteKind::Dropped, field.name.as_str()));
            } else {
                self.extra(place, field.name, Some(field.json));
            }
        }
    }

    /// Keeps the fields of an object that stands in the field `object` of a place.
    fn inner(&mut self, place: Place, object: &str, fields: Vec<Field<'a>>) {
        for field in fields {
            self.extra(place, format!("{object}.{}", field.name.as_str()), Some(field.json));
        }
    }
}

/// Reads an object that was left raw; an error names the place in the request.
fn nested<'a, T: Deserialize<'a>>(
    path: impl FnOnce() -> String,
    json: &'a RawValue,
) -> Result<T, Fault> {
    interlingua_protocol::read(json.get().as_bytes()).map_err(|error| {
        let place = match error.path.as_str() {
            "." => path(),
            inner if inner.starts_with('[') => path() + inner,
            inner => format!("{}.{inner}", path()),
        };
        invalid(place, error.reason)
    })
}

/// Top-level fields that mean the same to whoever knows them.
const PARAMS: [&str; 20] = [
    "audio",
    "frequency_penalty",
    "logit_bias",
    "logprobs",
    "metadata",
    "modalities",
    "prediction",
    "presence_penalty",
    "prompt_cache_key",
    "prompt_cache_retention",
    "safety_identifier",
    "seed",
    "service_tier",
    "stop",
    "store",
    "temperature",
    "top_logprobs",
    "top_p",
    "user",
    "verbosity",
];
