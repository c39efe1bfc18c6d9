//! The tools of a request, and whether one must be called.

use std::borrow::Cow;

use interlingua_ir::{Fault, Function, Note, NoteKind, Place, Tool, ToolChoice};
use interlingua_protocol::{Name, messages as wire};
use serde_json::value::RawValue;

use super::raw::Spot;
use super::{Reader, is_meant};
use crate::incoming::{invalid, optional_text};

impl<'a> Reader<'a> {
    /// Reads the tools, of which a client may keep some from the model until they are needed.
    ///
    /// Such a tool is offered once the conversation refers to it. It comes after all others and in the
    /// order in which they were found, so that the list only grows at its end and the upstream's
    /// prompt cache stays warm. Where a search of the server's own was to find them, nobody else could,
    /// so all are offered.
    pub(super) fn tools(
        &mut self,
        tools: Vec<wire::Tool<'a>>,
        chosen: Option<&str>,
    ) -> Result<(), Fault> {
        let is_search = |tool: &wire::Tool<'_>| tool.kind().starts_with(SERVER_TOOL_SEARCH);
        let searched = tools.iter().any(is_search);
        let mut deferred: Vec<Option<(Spot<'a>, wire::Tool<'a>)>> = Vec::new();
        for (at, mut tool) in tools.into_iter().enumerate() {
            let waits = tool.defer_loading.take() == Some(true);
            if searched && waits {
                self.notes.push(Note::new(NoteKind::Changed, "deferred tools to offered ones"));
            }
            match waits && !searched {
                true => deferred.push(Some((Spot::Tool(at), tool))),
                false => self.tool(Spot::Tool(at), tool)?,
            }
        }
        let found = std::mem::take(&mut self.found);
        for name in found.iter().map(AsRef::as_ref).chain(chosen) {
            let named = |tool: &&mut Option<(Spot<'a>, wire::Tool<'a>)>| {
                tool.as_ref().is_some_and(|(_, tool)| {
                    tool.name.as_ref().is_some_and(|it| it.as_str() == name)
                })
            };
            if let Some((spot, tool)) = deferred.iter_mut().find(named).and_then(Option::take) {
                self.tool(spot, tool)?;
            }
        }
        let waiting = deferred.iter().flatten().count();
        if waiting > 0 {
            let what = format!("{waiting} deferred tools not offered yet");
            self.notes.push(Note::new(NoteKind::Housekeeping, what));
        }
        Ok(())
    }

    fn tool(&mut self, spot: Spot<'a>, mut tool: wire::Tool<'a>) -> Result<(), Fault> {
        let place = Place::Tool(self.turn.tools.len());
        let read = match tool.kind() {
            "" | "custom" => {
                tool.kind = None;
                let name = tool.name.take().map(Cow::from);
                let name =
                    name.ok_or_else(|| invalid(spot.field("name"), "the tool has no name"))?;
                let description = tool.description.take();
                Tool::Function(Function {
                    name,
                    namespace: None,
                    namespace_description: None,
                    description: optional_text(|| spot.field("description"), description)?,
                    parameters: tool.input_schema.take(),
                    strict: tool.strict.take(),
                })
            }
            // Its version is a word of this protocol; a record knows which one its server has.
            kind if kind.starts_with("web_search") => {
                (tool.kind, tool.name) = (None, None);
                Tool::WebSearch
            }
            _ => {
                let kind = tool.kind.take().map_or("".into(), Cow::from);
                Tool::Other { kind, json: self.raw(spot)? }
            }
        };
        if !matches!(read, Tool::Other { .. }) {
            self.misplaced(place, spot, tool.fields())?;
            self.extras(place, tool.extra);
        }
        self.turn.tools.push(read);
        Ok(())
    }

    /// Reads `tool_choice`; gives the tool that it names.
    pub(super) fn tool_choice(
        &mut self,
        json: Option<&'a RawValue>,
    ) -> Result<Option<String>, Fault> {
        let Some(json) = json else { return Ok(None) };
        let mut choice = self.option("tool_choice", Some(json), |it: &wire::ToolChoice<'a>| {
            it.extra.iter().any(is_meant)
        })?;
        self.turn.parallel_calls = choice.disable_parallel_tool_use.map(|one| !one);
        let name = choice.name.take().map(Cow::from);
        let chosen = name.as_deref().map(str::to_owned);
        self.turn.tool_choice = match (choice.kind.as_ref().map(Name::as_str), name) {
            (Some("auto"), _) => ToolChoice::Auto,
            (Some("any"), _) => ToolChoice::Required,
            (Some("none"), _) => ToolChoice::None,
            (Some("tool"), Some(name)) => ToolChoice::Named { name, namespace: None },
            (Some("tool"), None) => {
                return Err(invalid("tool_choice.name", "it names no tool"));
            }
            _ => ToolChoice::Other(json),
        };
        Ok(chosen.filter(|_| matches!(self.turn.tool_choice, ToolChoice::Named { .. })))
    }
}

/// How the kinds of the server's own searches for tools begin.
const SERVER_TOOL_SEARCH: &str = "tool_search_tool";
