//! The tools of a request, and whether one must be called.

use std::borrow::Cow;

use interlingua_ir::{Fault, Function, Note, NoteKind, Place, Tool, ToolChoice};
use interlingua_protocol::{Name, chat as wire};
use serde::Deserialize;
use serde_json::value::RawValue;

use super::{Reader, invalid, nested, optional_text};

impl<'a> Reader<'a> {
    pub(super) fn tools(&mut self, request: &mut wire::Request<'a>) -> Result<(), Fault> {
        for (at, tool) in request.tools.take().unwrap_or_default().into_iter().enumerate() {
            self.tool(at, tool)?;
        }
        if let Some(functions) = request.functions {
            self.functions(functions)?;
        }
        if let Some(options) = request.web_search_options {
            let place = Place::Tool(self.turn.tools.len());
            self.turn.tools.push(Tool::WebSearch);
            self.extra(place, "web_search_options", Some(options));
        }
        let choice = request.tool_choice.map(|it| ("tool_choice", it));
        if let Some((name, json)) = choice.or(request.function_call.map(|it| ("function_call", it)))
        {
            self.turn.tool_choice = tool_choice(name, json)?;
        }
        Ok(())
    }

    fn tool(&mut self, at: usize, tool: wire::Tool<'a>) -> Result<(), Fault> {
        let kind = tool.kind.map_or("function".into(), Cow::from);
        let place = Place::Tool(self.turn.tools.len());
        let mut outer = tool.extra;
        let read = match (&*kind, tool.function, tool.custom) {
            ("function", Some(read), None) => {
                self.function(|| format!("tools[{at}].function"), place, read)?
            }
            // Some write a function in the form of the Responses API.
            ("function", None, None) if outer.iter().any(|it| it.name.as_str() == "name") => {
                outer.clear();
                let mut flat: wire::Function<'a> =
                    nested(|| format!("tools[{at}]"), self.raw_tool(at)?)?;
                flat.extra.retain(|it| it.name.as_str() != "type");
                self.notes.push(Note::new(NoteKind::Changed, "form of a tool"));
                self.function(|| format!("tools[{at}]"), place, flat)?
            }
            ("function" | "custom", None, None) => {
                return Err(invalid(format!("tools[{at}].{kind}"), "it is missing"));
            }
            ("custom", None, Some(custom)) => {
                let path = |field: &str| format!("tools[{at}].custom.{field}");
                let name =
                    custom.name.ok_or_else(|| invalid(path("name"), "the tool has no name"))?;
                self.inner(place, "custom", custom.extra);
                Tool::Custom {
                    name: name.into(),
                    description: optional_text(|| path("description"), custom.description)?,
                    format: custom.format,
                }
            }
            ("web_search" | "web_search_preview", None, None) => Tool::WebSearch,
            _ => {
                outer.clear();
                Tool::Other { kind, json: self.raw_tool(at)? }
            }
        };
        self.outer(place, outer);
        self.turn.tools.push(read);
        Ok(())
    }

    /// The tools of the API's first version.
    fn functions(&mut self, json: &'a RawValue) -> Result<(), Fault> {
        let functions: Vec<wire::Function<'a>> = nested(|| "functions".to_owned(), json)?;
        for (at, function) in functions.into_iter().enumerate() {
            let place = Place::Tool(self.turn.tools.len());
            let tool = self.function(|| format!("functions[{at}]"), place, function)?;
            self.turn.tools.push(tool);
        }
        // Whoever writes the answer has to know in which words it is expected.
        self.extra(Place::Top, "functions", Some(json));
        self.turn.parallel_calls.get_or_insert(false);
        Ok(())
    }

    fn function(
        &mut self,
        path: impl Fn() -> String,
        place: Place,
        function: wire::Function<'a>,
    ) -> Result<Tool<'a>, Fault> {
        let path = |field: &str| format!("{}.{field}", path());
        let name = function.name.ok_or_else(|| invalid(path("name"), "the tool has no name"))?;
        self.inner(place, "function", function.extra);
        Ok(Tool::Function(Function {
            name: name.into(),
            namespace: None,
            namespace_description: None,
            description: optional_text(|| path("description"), function.description)?,
            parameters: function.parameters,
            strict: function.strict,
        }))
    }

    /// A tool as it arrived; only looked for when it is of no known form.
    fn raw_tool(&mut self, at: usize) -> Result<&'a RawValue, Fault> {
        let found = self.lists.at(self.body, &[("tools", at)]);
        found.ok_or_else(|| invalid(format!("tools[{at}]"), "it cannot be read"))
    }
}

/// Reads `tool_choice`, or `function_call` of the API's first version.
fn tool_choice<'a>(field: &str, json: &'a RawValue) -> Result<ToolChoice<'a>, Fault> {
    #[derive(Deserialize)]
    struct Choice<'a> {
        #[serde(borrow, default)]
        function: Named<'a>,
        #[serde(borrow, default)]
        custom: Named<'a>,
        #[serde(borrow, default)]
        name: Name<'a>,
    }
    #[derive(Default, Deserialize)]
    struct Named<'a> {
        #[serde(borrow, default)]
        name: Name<'a>,
    }
    Ok(match json.get() {
        "\"auto\"" => ToolChoice::Auto,
        "\"none\"" => ToolChoice::None,
        // The second is Mistral's word.
        "\"required\"" | "\"any\"" => ToolChoice::Required,
        text if text.starts_with('"') => {
            let reason = format!("{text} is none of \"auto\", \"none\", \"required\"");
            return Err(invalid(field, reason));
        }
        text => {
            let names = serde_json::from_str::<Choice<'a>>(text).ok();
            let names = names.map(|it| [it.function.name, it.custom.name, it.name]);
            let said = names.into_iter().flatten().find(|it| !it.as_str().is_empty());
            match said {
                Some(name) => ToolChoice::Named { name: name.into(), namespace: None },
                None => ToolChoice::Other(json),
            }
        }
    })
}
