use std::borrow::Cow;

use interlingua_ir::{Extra, Fault, Format, Note, NoteKind, Param, Place, Protocol, Text, Turn};
use interlingua_protocol::{Field, Name, json, messages as wire};
use serde::Deserialize;
use serde_json::value::RawValue;

use crate::document::Document;
use crate::incoming::{self, Lists, invalid};

mod blocks;
mod conversation;
mod raw;
mod thinking;
mod tools;

/// Reads a Messages request.
///
/// The turn borrows from `body`. Nothing of the request is lost: what no other protocol has a word
/// for stands in [`Turn::extras`]. What is not known is never an error, because clients of this
/// protocol try each refused request again in up to five other forms.
///
/// # Errors
///
/// [`Class::InvalidRequest`](interlingua_ir::Class::InvalidRequest) with the path of what is wrong,
/// when `body` is no Messages request or is more complex than `limits` allow.
///
/// # Examples
///
/// ```
/// use interlingua_translate::{json::Limits, messages};
///
/// let body = br#"{"model":"mimo/mimo-v2.5-pro","max_tokens":1024,"system":"Be brief.",
///     "messages":[{"role":"user","content":"Hello"}]}"#;
/// let (turn, notes) = messages::read(body, Limits::default())?;
/// assert_eq!(turn.model, "mimo/mimo-v2.5-pro");
/// assert_eq!(turn.items.len(), 2);
/// assert!(notes.is_empty());
/// # Ok::<(), interlingua_ir::Fault>(())
/// ```
pub fn read(body: &[u8], limits: json::Limits) -> Result<(Turn<'_>, Vec<Note>), Fault> {
    read_document(&Document::of(body, limits)?)
}

/// As [`read`], what somebody has looked through already.
pub(crate) fn read_document<'b>(document: &Document<'b>) -> Result<(Turn<'b>, Vec<Note>), Fault> {
    let body = document.bytes();
    let request: wire::Request<'_> = incoming::request(document, "Messages")?;
    let turn = Turn { protocol: Protocol::Messages, ..Turn::default() };
    let mut reader =
        Reader { body, lists: Lists::default(), turn, notes: Vec::new(), found: Vec::new() };
    reader.request(request)?;
    Ok((reader.turn, reader.notes))
}

/// Reads the body of `POST /messages/count_tokens`: a request without what steers the answer.
///
/// # Errors
///
/// As [`read`].
pub fn count_tokens_read<'b>(document: &Document<'b>) -> Result<(Turn<'b>, Vec<Note>), Fault> {
    let (mut turn, notes) = read_document(document)?;
    // A count is one document, whatever the body says.
    turn.stream = false;
    Ok((turn, notes))
}

struct Reader<'a> {
    body: &'a [u8],
    lists: Lists<'a>,
    turn: Turn<'a>,
    notes: Vec<Note>,
    /// The tools that the conversation has referred to, in this order.
    found: Vec<Cow<'a, str>>,
}

impl<'a> Reader<'a> {
    fn request(&mut self, request: wire::Request<'a>) -> Result<(), Fault> {
        let turn = &mut self.turn;
        turn.model = request.model.map(Cow::from).unwrap_or_default();
        turn.max_output_tokens = request.max_tokens;
        turn.stream = request.stream.unwrap_or(false);
        self.top(request.extra);
        if let Some(json) = request.stop_sequences.filter(|it| it.get() != "[]") {
            self.turn.params.push(Param { name: "stop", json });
        }
        let says_more = |extra: &[Field<'_>]| extra.iter().any(is_meant);
        let thinking = self
            .option("thinking", request.thinking, |it: &wire::Thinking<'a>| says_more(&it.extra))?;
        let idle = thinking.kind.as_ref().is_none_or(|it| it.as_str() == "disabled");
        let mut output =
            self.option("output_config", request.output_config, |it: &wire::OutputConfig<'a>| {
                let format = it.format.as_ref();
                let unused = idle && it.effort.is_some();
                unused || says_more(&it.extra) || format.is_some_and(|it| says_more(&it.extra))
            })?;
        self.thinking(thinking, output.effort.take());
        let format = self.option("output_format", request.output_format, |_| false)?;
        self.format("output_format", format);
        self.format("output_config.format", output.format.take().unwrap_or_default());
        let choice = self.tool_choice(request.tool_choice)?;

        let tools = request.tools.unwrap_or_default();
        let names: Vec<Option<Name<'a>>> = tools.iter().map(|tool| tool.name.clone()).collect();
        if let Some(system) = request.system {
            self.system(system)?;
        }
        let Some(messages) = request.messages else {
            let is_responses = self.turn.extras.iter().any(|it| it.name == "input");
            let hint =
                if is_responses { "; with `input` it belongs to `/v1/responses`" } else { "" };
            return Err(incoming::missing("messages", hint));
        };
        self.turn.items.reserve(messages.len());
        for (at, message) in messages.into_iter().enumerate() {
            self.message(at, message, &names)?;
        }
        self.tools(tools, choice.as_deref())
    }

    /// Sorts top-level fields into parameters that Chat Completions knows too and all others.
    fn top(&mut self, fields: Vec<Field<'a>>) {
        for field in fields {
            let shared = SHARED_PARAMS.iter().find(|known| **known == field.name.as_str());
            match shared {
                Some(_) if field.json.get() == "null" => {}
                Some(name) => self.turn.params.push(Param { name, json: field.json }),
                None => self.extras(Place::Top, [field]),
            }
        }
    }

    /// Reads an object at the top. One that says more than is understood is kept whole, too.
    fn option<T: Default + Deserialize<'a>>(
        &mut self,
        name: &'static str,
        json: Option<&'a RawValue>,
        says_more: impl Fn(&T) -> bool,
    ) -> Result<T, Fault> {
        let Some(json) = json else { return Ok(T::default()) };
        let read: T =
            serde_json::from_str(json.get()).map_err(|error| invalid(name, error.to_string()))?;
        if says_more(&read) {
            self.turn.extras.push(Extra { place: Place::Top, name: name.into(), json });
        }
        Ok(read)
    }

    fn format(&mut self, path: &str, mut format: wire::Format<'a>) {
        let kind = format.kind.take();
        match (kind.as_ref().map(Name::as_str), format.schema.take()) {
            (None, None) => {}
            (Some("json_schema"), Some(schema)) => {
                self.turn.format = Format::JsonSchema {
                    name: Text::plain("answer"),
                    description: None,
                    schema,
                    // What this protocol asks of a schema is less than what others call strict.
                    strict: None,
                };
            }
            _ => self.notes.push(Note::new(NoteKind::Unknown, path)),
        }
    }

    fn extras(&mut self, place: Place, fields: impl IntoIterator<Item = Field<'a>>) {
        let extras = fields.into_iter().filter(is_meant);
        self.turn.extras.extend(extras.map(|field| Extra {
            place,
            name: field.name.into(),
            json: field.json,
        }));
    }
}

fn is_meant(field: &Field<'_>) -> bool {
    field.json.get() != "null"
}

/// Top-level fields that mean the same in Chat Completions, or would if it knew them.
const SHARED_PARAMS: [&str; 3] = ["temperature", "top_k", "top_p"];
