//! One tool, in the upstream's words.

use interlingua_dialect::{BuiltinWebSearch, Fix};
use interlingua_ir::{Function, Note, NoteKind, Place, Protocol, Text, Tool};
use serde_json::value::RawValue;

use super::{Offer, takes_custom};
use crate::chat::write::{field, joined, string};
use crate::target::Target;
use crate::tools::{Grammar, Lost, description, freeform_description, freeform_schema, shaped};

impl Offer<'_, '_> {
    /// Writes the tool at `at`, which travels as `wire`; whether there was anything to write.
    pub(super) fn tool(
        &self,
        at: usize,
        wire: Option<&str>,
        strict: bool,
        lost: &mut Lost,
        out: &mut Vec<u8>,
        notes: &mut Vec<Note>,
    ) -> bool {
        let place = Place::Tool(at);
        match (&self.turn.tools[at], wire) {
            (Tool::Function(function) | Tool::ToolSearch(function), Some(wire)) => {
                self.function(function, wire, strict, place, lost, out);
            }
            (Tool::Custom { description, format, .. }, Some(wire)) => {
                if takes_custom(self.target) {
                    self.custom(wire, description.as_ref(), *format, place, out);
                } else {
                    write_wrapped(wire, description.as_ref(), *format, out);
                    let lost = self.extras.inner(place, "custom").map(|(name, _)| name);
                    notes.extend(lost.map(|name| Note::new(NoteKind::Dropped, name)));
                }
            }
            (Tool::WebSearch, _) if searches_by_plugin(self.target) => return false,
            (Tool::WebSearch, _) => {
                let Some(json) = native_search(self.target) else {
                    notes.push(Note::new(NoteKind::Dropped, "tool web_search"));
                    return false;
                };
                out.extend_from_slice(json.as_bytes());
            }
            (Tool::Other { kind, json }, _) => {
                let types = &self.target.dialect.tools.types;
                if self.turn.protocol != Protocol::Chat || !types.iter().any(|it| it == kind) {
                    notes.push(Note::new(NoteKind::Dropped, format!("tool {kind}")));
                    return false;
                }
                out.extend_from_slice(json.get().as_bytes());
                return true;
            }
            // A duplicate, which the names have told about.
            (_, None) => return false,
        }
        for (name, json) in self.extras.outer(place) {
            // It has a place of its own, or none.
            if name != "web_search_options" {
                field(out, name, json);
            }
        }
        out.push(b'}');
        true
    }

    fn function(
        &self,
        function: &Function<'_>,
        wire: &str,
        strict: bool,
        place: Place,
        lost: &mut Lost,
        out: &mut Vec<u8>,
    ) {
        open(out, "function", wire);
        let description = description(function);
        if !description.is_empty() {
            out.extend_from_slice(b",\"description\":");
            joined(out, description, "\n\n");
        }
        // Chat clients leave the schema out where there is nothing to fill in.
        let may_miss =
            self.turn.protocol == Protocol::Chat && !self.target.dialect.tools.schema.root_object;
        match function.parameters {
            Some(schema) => {
                let rules = &self.target.dialect.tools.schema;
                field(out, "parameters", &shaped(schema, rules, lost));
            }
            None if may_miss => {}
            None => field(out, "parameters", r#"{"type":"object","properties":{}}"#),
        }
        if strict && let Some(strict) = function.strict {
            field(out, "strict", if strict { "true" } else { "false" });
        }
        for (name, json) in self.extras.inner(place, "function") {
            field(out, name, json);
        }
        out.push(b'}');
    }

    /// Writes a custom tool for an upstream that knows such tools.
    fn custom(
        &self,
        wire: &str,
        description: Option<&Text<'_>>,
        format: Option<&RawValue>,
        place: Place,
        out: &mut Vec<u8>,
    ) {
        open(out, "custom", wire);
        if let Some(description) = description {
            out.extend_from_slice(b",\"description\":");
            string(out, description);
        }
        match (format.and_then(Grammar::read), format) {
            // Flat, as Responses has it.
            (Some(Grammar { syntax: Some(syntax), definition, nested: false }), _) => {
                out.extend_from_slice(
                    b",\"format\":{\"type\":\"grammar\",\"grammar\":{\"syntax\":",
                );
                out.extend_from_slice(syntax.get().as_bytes());
                field(out, "definition", definition.get());
                out.extend_from_slice(b"}}");
            }
            (_, Some(format)) => field(out, "format", format.get()),
            (_, None) => {}
        }
        for (name, json) in self.extras.inner(place, "custom") {
            field(out, name, json);
        }
        out.push(b'}');
    }
}

/// Writes a custom tool as a function of one argument.
fn write_wrapped(
    wire: &str,
    description: Option<&Text<'_>>,
    format: Option<&RawValue>,
    out: &mut Vec<u8>,
) {
    open(out, "function", wire);
    out.extend_from_slice(b",\"description\":");
    joined(out, freeform_description(description, format), "\n\n");
    field(out, "parameters", &freeform_schema());
    out.push(b'}');
}

/// How the upstream's own search is asked for, up to the closing brace.
fn native_search(target: &Target<'_>) -> Option<&'static str> {
    match target.dialect.tools.builtin_web_search {
        _ if target.repairs.has(Fix::DropWebSearch) => None,
        BuiltinWebSearch::WebSearch => Some(r#"{"type":"web_search""#),
        BuiltinWebSearch::BuiltinFunction => {
            Some(r#"{"type":"builtin_function","function":{"name":"$web_search"}"#)
        }
        BuiltinWebSearch::BrowserSearch => Some(r#"{"type":"browser_search""#),
        BuiltinWebSearch::None | BuiltinWebSearch::Plugin | BuiltinWebSearch::WebSearch20250305 => {
            None
        }
    }
}

/// Whether a call is one of the upstream's own search, which it answers itself once it has seen the call's
/// arguments in the place of a result.
pub(in crate::chat) fn is_builtin_search(target: &Target<'_>, name: &str) -> bool {
    target.dialect.tools.builtin_web_search == BuiltinWebSearch::BuiltinFunction
        && name == "$web_search"
}

/// Whether the upstream's own search is no tool.
pub(super) fn searches_by_plugin(target: &Target<'_>) -> bool {
    target.dialect.tools.builtin_web_search == BuiltinWebSearch::Plugin
        && !target.repairs.has(Fix::DropWebSearch)
}

fn open(out: &mut Vec<u8>, kind: &str, name: &str) {
    out.extend_from_slice(b"{\"type\":\"");
    out.extend_from_slice(kind.as_bytes());
    out.extend_from_slice(b"\",\"");
    out.extend_from_slice(kind.as_bytes());
    out.extend_from_slice(b"\":{\"name\":\"");
    out.extend_from_slice(name.as_bytes());
    out.push(b'"');
}
