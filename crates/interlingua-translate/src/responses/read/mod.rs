use std::borrow::Cow;

use interlingua_ir::{
    Class, Extra, Fault, Format, Item, Message, Note, NoteKind, Param, Part, Place, Role, Text,
    Thinking, Turn,
};
use interlingua_protocol::{Field, json, responses as wire};

mod items;
mod raw;
mod tools;

use crate::document::Document;
use crate::incoming::{self, Lists, invalid, optional_text, text};
use raw::Spot;

/// Reads a Responses request.
///
/// The turn borrows from `body`. Nothing of the request is lost: what no other protocol has a word
/// for stands in [`Turn::extras`].
///
/// # Errors
///
/// [`Class::InvalidRequest`] with the path of what is wrong, when `body` is no Responses request, is
/// more complex than `limits` allow, or asks for what this gateway cannot do.
///
/// # Examples
///
/// ```
/// use interlingua_translate::{json::Limits, responses};
///
/// let body = br#"{"model":"mimo/mimo-v2.5-pro","input":"hello","stream":true}"#;
/// let (turn, notes) = responses::read(body, Limits::default())?;
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
    let request: wire::Request<'_> = incoming::request(document, "Responses")?;
    refuse_state(&request)?;
    let mut reader =
        Reader { body, lists: Lists::default(), turn: Turn::default(), notes: Vec::new() };
    reader.request(request)?;
    Ok((reader.turn, reader.notes))
}

struct Reader<'a> {
    body: &'a [u8],
    lists: Lists<'a>,
    turn: Turn<'a>,
    notes: Vec<Note>,
}

/// What a request may not ask of a gateway that keeps no answers.
fn refuse_state(request: &wire::Request<'_>) -> Result<(), Fault> {
    let refuse = |param: &str, code: &str, what: &str| {
        let mut fault = Fault::new(Class::InvalidRequest, what);
        fault.param = Some(param.to_owned());
        fault.code = Some(code.to_owned());
        Err(fault)
    };
    if request.previous_response_id.is_some() {
        return refuse(
            "previous_response_id",
            "previous_response_not_found",
            "this gateway keeps no answers, so there is none to continue from; send the whole \
             conversation in `input` instead of `previous_response_id`",
        );
    }
    if request.conversation.is_some() {
        return refuse(
            "conversation",
            "unsupported_parameter",
            "this gateway keeps no conversations; send the whole conversation in `input`",
        );
    }
    if request.prompt.is_some() {
        return refuse(
            "prompt",
            "unsupported_parameter",
            "this gateway keeps no stored prompts; send its text in `instructions` or `input`",
        );
    }
    if request.background == Some(true) {
        return refuse(
            "background",
            "unsupported_parameter",
            "this gateway keeps no answers, so it cannot answer later; leave `background` out",
        );
    }
    Ok(())
}

impl<'a> Reader<'a> {
    fn request(&mut self, request: wire::Request<'a>) -> Result<(), Fault> {
        let turn = &mut self.turn;
        turn.model = request.model.map(Cow::from).unwrap_or_default();
        turn.parallel_calls = request.parallel_tool_calls;
        turn.max_output_tokens = request.max_output_tokens;
        turn.stream = request.stream.unwrap_or(false);
        if let Some(reasoning) = request.reasoning {
            turn.thinking = Thinking { effort: reasoning.effort.map(Cow::from), budget: None };
            self.extras(Place::Top, reasoning.extra);
        }
        self.top(request.extra);
        if let Some(text) = request.text {
            self.text_options(text)?;
        }
        if let Some(instructions) = request.instructions {
            let text = text(|| "instructions".to_owned(), instructions)?;
            self.message(Role::Developer, vec![Part::Text(text)]);
        }
        for (at, tool) in request.tools.unwrap_or_default().into_iter().enumerate() {
            self.tool(tool, Spot::Tool(at))?;
        }
        self.turn.tool_choice = tools::tool_choice(request.tool_choice)?;
        match request.input {
            Some(wire::Input::Text(text)) => {
                self.message(Role::User, vec![Part::Text(Text::Plain(text))]);
            }
            Some(wire::Input::Items(items)) => {
                self.turn.items.reserve(items.len());
                for (at, item) in items.into_iter().enumerate() {
                    self.item(at, item)?;
                }
            }
            None => {
                let is_other = self.turn.extras.iter().any(|it| it.name == "messages");
                let hint =
                    "; with `messages` it belongs to `/v1/chat/completions` or `/v1/messages`";
                return Err(incoming::missing("input", if is_other { hint } else { "" }));
            }
        }
        Ok(())
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

    fn text_options(&mut self, options: wire::TextOptions<'a>) -> Result<(), Fault> {
        if let Some(json) = options.verbosity {
            self.turn.params.push(Param { name: "verbosity", json });
        }
        self.extras(Place::Top, options.extra);
        let Some(mut format) = options.format else { return Ok(()) };
        let kind = format.kind.take().map_or("text".into(), Cow::from);
        self.turn.format = match &*kind {
            "text" => Format::Text,
            "json_object" => Format::JsonObject,
            "json_schema" => {
                let name = optional_text(|| "text.format.name".to_owned(), format.name.take())?;
                let description = format.description.take();
                Format::JsonSchema {
                    name: name.unwrap_or(Text::plain("answer")),
                    description: optional_text(
                        || "text.format.description".to_owned(),
                        description,
                    )?,
                    schema: format
                        .schema
                        .take()
                        .ok_or_else(|| invalid("text.format.schema", "the schema is missing"))?,
                    strict: format.strict.take(),
                }
            }
            other => {
                let reason = format!("the format `{other}` is not known");
                return Err(invalid("text.format.type", reason));
            }
        };
        for field in format.fields() {
            self.notes.push(Note::new(NoteKind::Dropped, format!("text.format.{field}")));
        }
        self.extras(Place::Top, format.extra);
        Ok(())
    }

    fn message(&mut self, role: Role, parts: Vec<Part<'a>>) {
        self.turn.items.push(Item::Message(Message { role, parts }));
    }

    fn extras(&mut self, place: Place, fields: impl IntoIterator<Item = Field<'a>>) {
        let extras = fields.into_iter().filter(|field| field.json.get() != "null");
        self.turn.extras.extend(extras.map(|field| Extra {
            place,
            name: field.name.into(),
            json: field.json,
        }));
    }
}

/// Top-level fields that mean the same in Chat Completions, under the same name.
const SHARED_PARAMS: [&str; 12] = [
    "frequency_penalty",
    "metadata",
    "presence_penalty",
    "prompt_cache_key",
    "prompt_cache_retention",
    "safety_identifier",
    "service_tier",
    "store",
    "temperature",
    "top_logprobs",
    "top_p",
    "user",
];

/// Whether a namespace is none: Codex writes tools without one in either way.
fn is_top_level(namespace: &str) -> bool {
    namespace.is_empty() || namespace == "functions"
}
