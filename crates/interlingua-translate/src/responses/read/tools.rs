//! The tools of a request, wherever it offers them.

use std::borrow::Cow;

use interlingua_ir::{Fault, Function, Note, NoteKind, Place, Text, Tool, ToolChoice};
use interlingua_protocol::{Name, responses as wire};
use serde::Deserialize;
use serde_json::value::RawValue;

use super::raw::Spot;
use super::{Reader, invalid, is_top_level, optional_text};

/// The name under which a client's tool search is called when it has none.
pub(super) const TOOL_SEARCH: &str = "tool_search";

/// The group that a tool is declared in.
struct Group<'g, 'a> {
    name: Option<&'g Cow<'a, str>>,
    /// Only the group's first tool carries it.
    description: Option<Text<'a>>,
}

impl<'a> Reader<'a> {
    /// Tools that the conversation itself brings along.
    pub(super) fn found_tools(
        &mut self,
        at: usize,
        tools: Vec<wire::Tool<'a>>,
    ) -> Result<(), Fault> {
        for (nth, tool) in tools.into_iter().enumerate() {
            self.tool(tool, Spot::Entry(at, "tools", nth))?;
        }
        Ok(())
    }

    pub(super) fn tool(&mut self, mut tool: wire::Tool<'a>, spot: Spot) -> Result<(), Fault> {
        if tool.kind.as_ref().map(Name::as_str) != Some("namespace") {
            return self.single(tool, spot, &mut Group { name: None, description: None });
        }
        tool.kind = None;
        let name = Cow::from(tool.name.take().ok_or_else(|| nameless(spot))?);
        let mut group = Group {
            name: Some(&name).filter(|it| !is_top_level(it)),
            description: optional_text(|| path(spot, "description"), tool.description.take())?,
        };
        for (nth, inner) in tool.tools.take().unwrap_or_default().into_iter().enumerate() {
            self.single(inner, spot.inner(nth), &mut group)?;
        }
        if group.name.is_some() && group.description.is_some_and(|it| !it.is_empty()) {
            let what = format!("description of the tools {name}");
            self.notes.push(Note::new(NoteKind::Dropped, what));
        }
        self.misplaced(Place::Top, spot, tool.fields())?;
        self.extras(Place::Top, tool.extra);
        Ok(())
    }

    fn single(
        &mut self,
        mut tool: wire::Tool<'a>,
        spot: Spot,
        group: &mut Group<'_, 'a>,
    ) -> Result<(), Fault> {
        let kind = tool.kind.take().map_or("function".into(), Cow::from);
        let place = Place::Tool(self.turn.tools.len());
        let name = tool.name.take().map(Cow::from);
        let name = name.or_else(|| (kind == TOOL_SEARCH).then_some(TOOL_SEARCH.into()));
        let read = match (&*kind, name) {
            ("function" | "tool_search" | "custom", None) => return Err(nameless(spot)),
            ("function" | "tool_search", Some(name)) => {
                let function = Function {
                    name,
                    namespace: group.name.cloned(),
                    namespace_description: group.name.and(group.description.take()),
                    description: description(&mut tool, spot)?,
                    parameters: tool.parameters.take(),
                    strict: tool.strict.take(),
                };
                if kind == "function" {
                    Tool::Function(function)
                } else {
                    Tool::ToolSearch(function)
                }
            }
            ("custom", Some(name)) if group.name.is_none() => Tool::Custom {
                name,
                description: description(&mut tool, spot)?,
                format: tool.format.take(),
            },
            ("web_search" | "web_search_preview", _) => Tool::WebSearch,
            _ => {
                let json = self.raw(spot)?;
                self.turn.tools.push(Tool::Other { kind, json });
                return Ok(());
            }
        };
        self.misplaced(place, spot, tool.fields())?;
        self.extras(place, tool.extra);
        self.turn.tools.push(read);
        Ok(())
    }
}

fn description<'a>(tool: &mut wire::Tool<'a>, spot: Spot) -> Result<Option<Text<'a>>, Fault> {
    optional_text(|| path(spot, "description"), tool.description.take())
}

fn nameless(spot: Spot) -> Fault {
    invalid(path(spot, "name"), "the tool has no name")
}

fn path(spot: Spot, field: &str) -> String {
    format!("{}.{field}", spot.path())
}

/// Reads `tool_choice`.
pub(super) fn tool_choice(json: Option<&RawValue>) -> Result<ToolChoice<'_>, Fault> {
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
