use std::borrow::Cow;

use interlingua_ir::{
    Call, CallHead, Class, Extra, Fault, Form, Format, Function, Item, Message, Note, NoteKind,
    Output, Param, Part, Place, Reasoning, Role, Text, Thinking, Tool, ToolChoice, Turn,
};
use interlingua_protocol::{Field, Name, json, responses as wire};
use serde::Deserialize;
use serde_json::value::RawValue;

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
    json::check(body, limits).map_err(|error| {
        let mut fault =
            Fault::new(Class::InvalidRequest, format!("{error}; the gateway refuses it"));
        fault.code = Some(
            match error {
                json::TooComplex::Depth { .. } => "json_too_deep",
                json::TooComplex::Nodes { .. } => "json_too_complex",
            }
            .to_owned(),
        );
        fault
    })?;
    let request: wire::Request<'_> =
        wire::read(body).map_err(|error| invalid(error.path, error.reason))?;
    refuse_state(&request)?;
    let mut reader = Reader { body, raw: None, turn: Turn::default(), notes: Vec::new() };
    reader.request(request)?;
    Ok((reader.turn, reader.notes))
}

struct Reader<'a> {
    body: &'a [u8],
    raw: Option<RawLists<'a>>,
    turn: Turn<'a>,
    notes: Vec<Note>,
}

/// The request's lists with every entry as it arrived; only read when an entry is of no known kind.
#[derive(Default, Deserialize)]
struct RawLists<'a> {
    #[serde(borrow, default)]
    input: Vec<&'a RawValue>,
    #[serde(borrow, default)]
    tools: Vec<&'a RawValue>,
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
            let text = text("instructions", instructions)?;
            self.message(Role::Developer, vec![Part::Text(text)]);
        }
        for (at, tool) in request.tools.unwrap_or_default().into_iter().enumerate() {
            self.tool(tool, None, ToolPlace::Request(at))?;
        }
        self.turn.tool_choice = tool_choice(request.tool_choice)?;
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
            None => return Err(invalid("input", "the request has no `input`")),
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
        let Some(format) = options.format else { return Ok(()) };
        self.turn.format = match format.kind.as_ref().map_or("text", Name::as_str) {
            "text" => Format::Text,
            "json_object" => Format::JsonObject,
            "json_schema" => Format::JsonSchema {
                name: optional_text("text.format.name", format.name)?
                    .unwrap_or(Text::plain("answer")),
                description: optional_text("text.format.description", format.description)?,
                schema: format
                    .schema
                    .ok_or_else(|| invalid("text.format.schema", "the schema is missing"))?,
                strict: format.strict,
            },
            other => {
                let reason = format!("the format `{other}` is not known");
                return Err(invalid("text.format.type", reason));
            }
        };
        self.extras(Place::Top, format.extra);
        Ok(())
    }

    fn item(&mut self, at: usize, item: wire::Item<'a>) -> Result<(), Fault> {
        let path = |field: &str| format!("input[{at}].{field}");
        let kind = item.kind.as_ref().map_or("message", Name::as_str);
        let read = match kind {
            "message" => {
                let role = match item.role.as_ref().map(Name::as_str) {
                    Some("user") => Role::User,
                    Some("assistant") => Role::Assistant,
                    Some("developer") => Role::Developer,
                    Some("system") => Role::System,
                    Some(other) => {
                        return Err(invalid(
                            path("role"),
                            format!("the role `{other}` is not known"),
                        ));
                    }
                    None => return Err(invalid(path("role"), "the message has no role")),
                };
                let content = item.content.unwrap_or(wire::Content::Parts(Vec::new()));
                let parts = self.content(at, "content", content)?;
                Item::Message(Message { role, parts })
            }
            "reasoning" => {
                let mut readable = Vec::new();
                for pieces in [item.content, item.summary].into_iter().flatten() {
                    // The raw thought says at least as much as its summary.
                    if readable.is_empty() {
                        readable = texts(pieces);
                    }
                }
                let sealed = optional_text(&path("encrypted_content"), item.encrypted_content)?;
                Item::Reasoning(Reasoning { readable, sealed, thought: None })
            }
            "function_call" | "custom_tool_call" | "tool_search_call" => {
                let (form, input) = match kind {
                    "custom_tool_call" => (Form::Custom, item.input),
                    "tool_search_call" => (Form::ToolSearch, item.arguments),
                    _ => (Form::Function, item.arguments),
                };
                let name = match (item.name, form) {
                    (Some(name), _) => name.into(),
                    (None, Form::ToolSearch) => TOOL_SEARCH.into(),
                    (None, _) => return Err(invalid(path("name"), "the call names no tool")),
                };
                let input = input.map_or(Text::EMPTY, |json| {
                    Text::from_json(json.get()).unwrap_or(Text::plain(json.get()))
                });
                let head = CallHead {
                    id: call_id(item.call_id, &path)?,
                    name,
                    // Codex writes tools without a namespace in any of these ways.
                    namespace: item
                        .namespace
                        .map(Cow::from)
                        .filter(|it| !it.is_empty() && it != "functions"),
                    form,
                };
                Item::Call(Call { head, input })
            }
            "function_call_output" | "custom_tool_call_output" => {
                let output = item.output.ok_or_else(|| invalid(path("output"), "it is missing"))?;
                let parts = match Text::from_json(output.get()) {
                    Some(text) => vec![Part::Text(text)],
                    None => {
                        let content = serde_json::from_str(output.get())
                            .map_err(|error| invalid(path("output"), error.to_string()))?;
                        self.content(at, "output", content)?
                    }
                };
                Item::Output(Output { call_id: call_id(item.call_id, &path)?, parts })
            }
            "tool_search_output" => {
                let call_id = call_id(item.call_id, &path)?;
                let found = format!("{} tools found", item.tools.as_ref().map_or(0, Vec::len));
                self.found_tools(at, item.tools.unwrap_or_default())?;
                Item::Output(Output { call_id, parts: vec![Part::Text(found.into())] })
            }
            "additional_tools" => {
                self.found_tools(at, item.tools.unwrap_or_default())?;
                return Ok(());
            }
            other => {
                let json = self.raw_item(at)?;
                self.notes.push(Note::new(NoteKind::Unknown, format!("input.{other}")));
                self.turn.items.push(Item::Other { kind: other.to_owned().into(), json });
                return Ok(());
            }
        };
        self.extras(Place::Item(self.turn.items.len()), item.extra);
        self.turn.items.push(read);
        Ok(())
    }

    fn content(
        &mut self,
        at: usize,
        field: &'static str,
        content: wire::Content<'a>,
    ) -> Result<Vec<Part<'a>>, Fault> {
        let parts = match content {
            wire::Content::Text(text) => return Ok(vec![Part::Text(Text::Plain(text))]),
            wire::Content::Parts(parts) => parts,
        };
        let mut read = Vec::with_capacity(parts.len());
        for (nth, part) in parts.into_iter().enumerate() {
            let kind = part.kind.as_ref().map_or("", Name::as_str);
            let path = |name: &str| format!("input[{at}].{field}[{nth}].{name}");
            let missing = |name: &str| invalid(path(name), "it is missing");
            let value = match kind {
                "input_text" | "output_text" | "text" | "summary_text" | "reasoning_text" => {
                    Part::Text(text(&path("text"), part.text.ok_or_else(|| missing("text"))?)?)
                }
                "refusal" => {
                    let refusal = part.refusal.ok_or_else(|| missing("refusal"))?;
                    Part::Refusal(text(&path("refusal"), refusal)?)
                }
                "input_image" if part.image_url.is_some() => Part::Image {
                    url: text(
                        &path("image_url"),
                        part.image_url.ok_or_else(|| missing("image_url"))?,
                    )?,
                    detail: optional_text(&path("detail"), part.detail)?,
                },
                other => {
                    let kind = Cow::Owned(other.to_owned());
                    Part::Other { kind, json: self.raw_entry(at, field, nth)? }
                }
            };
            self.extras(Place::Item(self.turn.items.len()), part.extra);
            read.push(value);
        }
        Ok(read)
    }

    /// Tools that the conversation itself brings along.
    fn found_tools(&mut self, at: usize, tools: Vec<wire::Tool<'a>>) -> Result<(), Fault> {
        for (nth, tool) in tools.into_iter().enumerate() {
            self.tool(tool, None, ToolPlace::Item(at, nth))?;
        }
        Ok(())
    }

    fn tool(
        &mut self,
        tool: wire::Tool<'a>,
        namespace: Option<(&Cow<'a, str>, Option<Text<'a>>)>,
        found: ToolPlace,
    ) -> Result<(), Fault> {
        let missing = || invalid(format!("{}.name", found.path()), "the tool has no name");
        let kind = tool.kind.as_ref().map_or("function", Name::as_str);
        let place = Place::Tool(self.turn.tools.len());
        let read = match kind {
            "function" | "tool_search" => {
                let (namespace, namespace_description) = match namespace {
                    Some((name, description)) => (Some(name.clone()), description),
                    None => (None, None),
                };
                let function = |name| -> Result<Function<'a>, Fault> {
                    Ok(Function {
                        name,
                        namespace,
                        namespace_description,
                        description: optional_text("description", tool.description)?,
                        parameters: tool.parameters,
                        strict: tool.strict,
                    })
                };
                match (kind, tool.name) {
                    ("tool_search", name) => {
                        let name = name.map_or(TOOL_SEARCH.into(), Cow::from);
                        Tool::ToolSearch(function(name)?)
                    }
                    (_, Some(name)) => Tool::Function(function(name.into())?),
                    (_, None) => return Err(missing()),
                }
            }
            "custom" => Tool::Custom {
                name: tool.name.ok_or_else(missing)?.into(),
                description: optional_text("description", tool.description)?,
                format: tool.format,
            },
            "namespace" => {
                let name = Cow::from(tool.name.ok_or_else(missing)?);
                let mut description = optional_text("description", tool.description)?;
                for (nth, inner) in tool.tools.unwrap_or_default().into_iter().enumerate() {
                    let inner_place = found.inner(nth);
                    let kind = inner.kind.as_ref().map_or("function", Name::as_str);
                    if kind != "function" {
                        let what = format!("{}:{kind}", inner_place.path());
                        self.notes.push(Note::new(NoteKind::Dropped, what));
                        continue;
                    }
                    let outer = Some((&name, description.take()));
                    self.tool(inner, outer, inner_place)?;
                }
                self.extras(Place::Top, tool.extra);
                return Ok(());
            }
            "web_search" | "web_search_preview" => {
                let json = self.raw_tool(found)?;
                self.turn.tools.push(Tool::WebSearch(json));
                return Ok(());
            }
            other => {
                let kind = Cow::Owned(other.to_owned());
                let json = self.raw_tool(found)?;
                self.turn.tools.push(Tool::Other { kind, json });
                return Ok(());
            }
        };
        self.extras(place, tool.extra);
        self.turn.tools.push(read);
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

    fn raw(&mut self) -> &RawLists<'a> {
        let body = self.body;
        // The document was parsed once already, so this cannot fail on what matters here.
        self.raw.get_or_insert_with(|| serde_json::from_slice(body).unwrap_or_default())
    }

    fn raw_item(&mut self, at: usize) -> Result<&'a RawValue, Fault> {
        let found = self.raw().input.get(at).copied();
        found.ok_or_else(|| invalid(format!("input[{at}]"), "the item cannot be read"))
    }

    fn raw_tool(&mut self, place: ToolPlace) -> Result<&'a RawValue, Fault> {
        let found = match place {
            ToolPlace::Request(at) => self.raw().tools.get(at).copied(),
            ToolPlace::Item(at, nth) => return self.raw_entry(at, "tools", nth),
            ToolPlace::Namespace { .. } => None,
        };
        found.ok_or_else(|| invalid(place.path(), "the tool cannot be read"))
    }

    /// The entry `nth` of the list `field` of an item.
    fn raw_entry(&mut self, at: usize, field: &str, nth: usize) -> Result<&'a RawValue, Fault> {
        let item = self.raw_item(at)?;
        let mut entries = RawEntries::default();
        if let Ok(read) = serde_json::from_str::<RawEntries<'a>>(item.get()) {
            entries = read;
        }
        let list = match field {
            "content" => entries.content,
            "output" => entries.output,
            _ => entries.tools,
        };
        let list: Vec<&'a RawValue> =
            list.and_then(|list| serde_json::from_str(list.get()).ok()).unwrap_or_default();
        let found = list.get(nth).copied();
        found.ok_or_else(|| invalid(format!("input[{at}].{field}[{nth}]"), "it cannot be read"))
    }
}

/// Where a tool was declared.
#[derive(Clone, Copy)]
enum ToolPlace {
    /// In the request's list.
    Request(usize),
    /// In the list of an item.
    Item(usize, usize),
    /// In a namespace of the request's list, or of an item's.
    Namespace { item: Option<usize>, outer: usize, nth: usize },
}

impl ToolPlace {
    fn inner(self, nth: usize) -> Self {
        match self {
            Self::Request(outer) => Self::Namespace { item: None, outer, nth },
            Self::Item(item, outer) => Self::Namespace { item: Some(item), outer, nth },
            Self::Namespace { .. } => self,
        }
    }

    fn path(self) -> String {
        match self {
            Self::Request(at) => format!("tools[{at}]"),
            Self::Item(at, nth) => format!("input[{at}].tools[{nth}]"),
            Self::Namespace { item: None, outer, nth } => format!("tools[{outer}].tools[{nth}]"),
            Self::Namespace { item: Some(at), outer, nth } => {
                format!("input[{at}].tools[{outer}].tools[{nth}]")
            }
        }
    }
}

#[derive(Default, Deserialize)]
struct RawEntries<'a> {
    #[serde(borrow, default)]
    content: Option<&'a RawValue>,
    #[serde(borrow, default)]
    output: Option<&'a RawValue>,
    #[serde(borrow, default)]
    tools: Option<&'a RawValue>,
}

/// The name under which a client's tool search is called when it has none.
const TOOL_SEARCH: &str = "tool_search";

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

fn tool_choice(json: Option<&RawValue>) -> Result<ToolChoice<'_>, Fault> {
    let Some(json) = json else { return Ok(ToolChoice::Unset) };
    Ok(match json.get() {
        "\"auto\"" => ToolChoice::Auto,
        "\"none\"" => ToolChoice::None,
        "\"required\"" => ToolChoice::Required,
        text if text.starts_with('"') => {
            let reason = format!("{text} is none of \"auto\", \"none\", \"required\"");
            return Err(invalid("tool_choice", reason));
        }
        text => {
            #[derive(Deserialize)]
            struct Named<'a> {
                #[serde(borrow, default)]
                name: Name<'a>,
                #[serde(borrow, default)]
                namespace: Name<'a>,
            }
            match serde_json::from_str::<Named<'_>>(text) {
                Ok(named) if !named.name.0.is_empty() => ToolChoice::Named {
                    name: named.name.into(),
                    namespace: Some(Cow::from(named.namespace)).filter(|it| !it.is_empty()),
                },
                _ => ToolChoice::Other(json),
            }
        }
    })
}

fn call_id<'a>(
    id: Option<Name<'a>>,
    path: &impl Fn(&str) -> String,
) -> Result<Cow<'a, str>, Fault> {
    id.map(Cow::from).ok_or_else(|| invalid(path("call_id"), "it is missing"))
}

fn texts(content: wire::Content<'_>) -> Vec<Text<'_>> {
    match content {
        wire::Content::Text(text) => vec![Text::Plain(text)],
        wire::Content::Parts(parts) => {
            parts.into_iter().filter_map(|part| Text::from_json(part.text?.get())).collect()
        }
    }
}

fn text<'a>(path: &str, json: &'a RawValue) -> Result<Text<'a>, Fault> {
    Text::from_json(json.get()).ok_or_else(|| invalid(path, "a string is expected here"))
}

fn optional_text<'a>(path: &str, json: Option<&'a RawValue>) -> Result<Option<Text<'a>>, Fault> {
    json.map(|json| text(path, json)).transpose()
}

fn invalid(path: impl Into<String>, reason: impl AsRef<str>) -> Fault {
    let path = path.into();
    let message = format!("the request is invalid at `{path}`: {}", reason.as_ref());
    let mut fault = Fault::new(Class::InvalidRequest, message);
    fault.param = Some(path);
    fault
}
