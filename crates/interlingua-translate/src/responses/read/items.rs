//! The conversation of a request.

use std::borrow::Cow;

use interlingua_ir::{
    Call, CallHead, Fault, Form, Item, Message, Note, NoteKind, Output, Part, Place, Reasoning,
    Role, Summary, Task, Text, Tool,
};
use interlingua_protocol::{Name, responses as wire};
use serde_json::value::RawValue;

use super::raw::Spot;
use super::tools::TOOL_SEARCH;
use super::{Reader, invalid, optional_text, text};
use crate::tools::plain_name;

impl<'a> Reader<'a> {
    pub(super) fn item(&mut self, at: usize, mut item: wire::Item<'a>) -> Result<(), Fault> {
        let kind = item.kind.take().map_or("message".into(), Cow::from);
        let place = Place::Item(self.turn.items.len());
        let read = match &*kind {
            "message" => self.said(at, &mut item)?,
            "reasoning" => self.thought(at, &mut item)?,
            "function_call" => called(at, &mut item, Form::Function)?,
            "custom_tool_call" => called(at, &mut item, Form::Custom)?,
            "tool_search_call" => called(at, &mut item, Form::ToolSearch)?,
            "function_call_output" | "custom_tool_call_output" => self.answered(at, &mut item)?,
            "compaction" => {
                let path = || path(at, "encrypted_content");
                let sealed = optional_text(path, item.encrypted_content.take())?;
                Item::Summary(Summary { sealed, text: None })
            }
            "compaction_trigger" => {
                self.turn.task = Task::Compact;
                self.misplaced(Place::Top, Spot::Item(at), item.fields())?;
                self.extras(Place::Top, item.extra);
                return Ok(());
            }
            "tool_search_output" => {
                let call_id = call_id(at, &mut item)?;
                let tools = item.tools.take().unwrap_or_default();
                let before = self.turn.tools.len();
                self.found_tools(at, tools)?;
                let found = found(&self.turn.tools[before..]);
                Item::Output(Output {
                    call_id,
                    parts: vec![Part::Text(found.into())],
                    is_error: false,
                })
            }
            "additional_tools" => {
                let tools = item.tools.take().unwrap_or_default();
                self.found_tools(at, tools)?;
                self.misplaced(Place::Top, Spot::Item(at), item.fields())?;
                self.extras(Place::Top, item.extra);
                return Ok(());
            }
            _ => {
                let json = self.raw(Spot::Item(at))?;
                self.notes.push(Note::new(NoteKind::Unknown, format!("input.{kind}")));
                self.turn.items.push(Item::Other { kind, json });
                return Ok(());
            }
        };
        self.misplaced(place, Spot::Item(at), item.fields())?;
        self.extras(place, item.extra);
        self.turn.items.push(read);
        Ok(())
    }

    fn said(&mut self, at: usize, item: &mut wire::Item<'a>) -> Result<Item<'a>, Fault> {
        let role = match item.role.take().as_ref().map(Name::as_str) {
            Some("user") => Role::User,
            Some("assistant") => Role::Assistant,
            Some("developer") => Role::Developer,
            Some("system") => Role::System,
            Some(other) => {
                let reason = format!("the role `{other}` is not known");
                return Err(invalid(path(at, "role"), reason));
            }
            None => return Err(invalid(path(at, "role"), "the message has no role")),
        };
        let content = item.content.take().unwrap_or(wire::Content::Parts(Vec::new()));
        let parts = self.content(at, "content", content)?;
        Ok(Item::Message(Message { role, parts }))
    }

    fn thought(&mut self, at: usize, item: &mut wire::Item<'a>) -> Result<Item<'a>, Fault> {
        // The raw thought says at least as much as its summary.
        let raw = item.content.take_if(|it| !is_empty(it));
        let mut readable = Vec::new();
        match raw.or_else(|| item.summary.take()) {
            Some(wire::Content::Text(text)) => readable.push(Text::Plain(text)),
            Some(wire::Content::Parts(parts)) => {
                for part in parts {
                    match part.text.and_then(|it| Text::from_json(it.get())) {
                        Some(text) => readable.push(text),
                        None => {
                            self.notes.push(Note::new(NoteKind::Unknown, "a part of a thought"));
                        }
                    }
                    self.extras(Place::Item(self.turn.items.len()), part.extra);
                }
            }
            None => {}
        }
        // What is left says nothing.
        item.content.take_if(|it| is_empty(it));
        item.summary.take_if(|it| is_empty(it));
        let path = || path(at, "encrypted_content");
        let sealed = optional_text(path, item.encrypted_content.take())?;
        Ok(Item::Reasoning(Reasoning { readable, sealed, thought: None }))
    }

    fn answered(&mut self, at: usize, item: &mut wire::Item<'a>) -> Result<Item<'a>, Fault> {
        let output =
            item.output.take().ok_or_else(|| invalid(path(at, "output"), "it is missing"))?;
        let parts = match Text::from_json(output.get()) {
            Some(text) => vec![Part::Text(text)],
            None => {
                let content = serde_json::from_str(output.get())
                    .map_err(|error| invalid(path(at, "output"), error.to_string()))?;
                self.content(at, "output", content)?
            }
        };
        Ok(Item::Output(Output { call_id: call_id(at, item)?, parts, is_error: false }))
    }

    fn content(
        &mut self,
        at: usize,
        list: &'static str,
        content: wire::Content<'a>,
    ) -> Result<Vec<Part<'a>>, Fault> {
        let parts = match content {
            wire::Content::Text(text) => return Ok(vec![Part::Text(Text::Plain(text))]),
            wire::Content::Parts(parts) => parts,
        };
        let place = Place::Item(self.turn.items.len());
        let mut read = Vec::with_capacity(parts.len());
        for (nth, mut part) in parts.into_iter().enumerate() {
            let spot = Spot::Entry(at, list, nth);
            let needed = |field: Option<&'a RawValue>, name: &str| {
                let path = || format!("{}.{name}", spot.path());
                let json = field.ok_or_else(|| invalid(path(), "it is missing"))?;
                text(path, json)
            };
            let kind = part.kind.take().map_or("".into(), Cow::from);
            read.push(match &*kind {
                "input_text" | "output_text" | "text" | "summary_text" | "reasoning_text" => {
                    Part::Text(needed(part.text.take(), "text")?)
                }
                "refusal" => Part::Refusal(needed(part.refusal.take(), "refusal")?),
                "input_image" if part.image_url.is_some() => {
                    let url = needed(part.image_url.take(), "image_url")?;
                    let path = || format!("{}.detail", spot.path());
                    Part::Image { url, detail: optional_text(path, part.detail.take())? }
                }
                _ => {
                    read.push(Part::Other { kind, json: self.raw(spot)? });
                    continue;
                }
            });
            self.misplaced(place, spot, part.fields())?;
            self.extras(place, part.extra);
        }
        Ok(read)
    }
}

/// What a search has found, in words: the tools themselves join those of the request.
fn found(tools: &[Tool<'_>]) -> String {
    let names = tools.iter().filter_map(|tool| match tool {
        Tool::Function(it) => plain_name(&it.name, it.namespace.as_deref()),
        Tool::Custom { name, .. } => plain_name(name, None),
        Tool::ToolSearch(_) | Tool::WebSearch | Tool::Other { .. } => None,
    });
    let names: Vec<Cow<'_, str>> = names.collect();
    match (tools.len(), names.len()) {
        (0, _) => "No tools were found.".to_owned(),
        (all, told) if all == told => {
            format!("These tools were found and can be called now: {}", names.join(", "))
        }
        (all, 0) => format!("{all} tools were found and can be called now."),
        (all, _) => format!(
            "{all} tools were found and can be called now, among them: {}",
            names.join(", ")
        ),
    }
}

fn is_empty(content: &wire::Content<'_>) -> bool {
    match content {
        wire::Content::Text(text) => text.is_empty(),
        wire::Content::Parts(parts) => parts.is_empty(),
    }
}

fn called<'a>(at: usize, item: &mut wire::Item<'a>, form: Form) -> Result<Item<'a>, Fault> {
    let input = match form {
        Form::Custom => item.input.take(),
        Form::Function | Form::ToolSearch => item.arguments.take(),
    };
    let name = match (item.name.take(), form) {
        (Some(name), _) => name.into(),
        (None, Form::ToolSearch) => TOOL_SEARCH.into(),
        (None, _) => return Err(invalid(path(at, "name"), "the call names no tool")),
    };
    let input = input
        .map_or(Text::EMPTY, |json| Text::from_json(json.get()).unwrap_or(Text::plain(json.get())));
    let namespace = item.namespace.take().map(Cow::from).filter(|it| !super::is_top_level(it));
    let head = CallHead { id: call_id(at, item)?, name, namespace, form };
    Ok(Item::Call(Call { head, input }))
}

fn call_id<'a>(at: usize, item: &mut wire::Item<'a>) -> Result<Cow<'a, str>, Fault> {
    let id = item.call_id.take().map(Cow::from);
    id.ok_or_else(|| invalid(path(at, "call_id"), "it is missing"))
}

fn path(at: usize, field: &str) -> String {
    format!("{}.{field}", Spot::Item(at).path())
}
