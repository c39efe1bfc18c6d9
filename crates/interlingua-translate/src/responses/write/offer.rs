//! The tools of a request, and whether one must be called.

use std::borrow::Cow;

use interlingua_dialect::{
    ChoiceNamedAs, ChoiceRequiredAs, Fix, ForcedWithThinking, ParallelRule, StrictRule,
    ToolChoiceKind,
};
use interlingua_ir::{Function, Note, NoteKind, Place, Protocol, Text, Tool, ToolChoice, Turn};
use serde_json::value::RawValue;

use crate::effort::Asked;
use crate::render::{field, joined, string};
use crate::responses::rules::{bars, takes_tool};
use crate::target::Target;
use crate::tools::{Lost, Names, description, freeform_description, freeform_schema, shaped};

/// Writes `tools`, `tool_choice` and `parallel_tool_calls`; nothing at all when no tool is left.
pub(super) fn write(
    turn: &Turn<'_>,
    target: &Target<'_>,
    names: &Names<'_>,
    asked: &Asked<'_>,
    out: &mut Vec<u8>,
    notes: &mut Vec<Note>,
) {
    let rules = &target.dialect.tools;
    let choice = choose(turn, target, names, asked.thinks, notes);
    if matches!(choice, Choice::Withhold) {
        return;
    }
    let start = out.len();
    out.extend_from_slice(b",\"tools\":[");
    let mut count = 0;
    let mut lost = Lost::default();
    let mut wires = names.iter().peekable();
    for (at, tool) in turn.tools.iter().enumerate() {
        let wire = wires.next_if(|(tool, _)| *tool == at).map(|(_, wire)| wire);
        if matches!(&choice, Choice::Only(only) if wire != Some(only.as_ref())) {
            continue;
        }
        if count == rules.max {
            notes.push(Note::new(NoteKind::Dropped, format!("tools beyond {}", rules.max)));
            break;
        }
        let comma = out.len();
        if count > 0 {
            out.push(b',');
        }
        let written = match (tool, wire) {
            (Tool::Function(it) | Tool::ToolSearch(it), Some(wire)) => {
                function(it, wire, target, &mut lost, out);
                true
            }
            (Tool::Custom { description, format, .. }, Some(wire)) => {
                custom(wire, description.as_ref(), *format, target, out);
                true
            }
            (Tool::WebSearch, _) => search(turn, at, target, out, notes),
            (Tool::Other { kind, json }, _) => {
                let known = turn.protocol == Protocol::Responses && takes_tool(target, kind);
                match known {
                    true => out.extend_from_slice(json.get().as_bytes()),
                    false => notes.push(Note::new(NoteKind::Dropped, format!("tool {kind}"))),
                }
                known
            }
            // A duplicate, which the names have told about.
            (_, None) => false,
        };
        match written {
            true => count += 1,
            false => out.truncate(comma),
        }
    }
    lost.note(notes);
    if count == 0 {
        out.truncate(start);
        return;
    }
    out.push(b']');
    let choice = match &choice {
        Choice::Say(json) => Some(json.as_ref()),
        Choice::Only(_) => Some("\"required\""),
        Choice::Silent | Choice::Withhold => None,
    };
    if let Some(json) = choice.filter(|_| !bars("tool_choice", asked, target, notes)) {
        field(out, "tool_choice", json);
    }
    let parallel = match rules.parallel {
        ParallelRule::Pass | ParallelRule::Drop => turn.parallel_calls,
        ParallelRule::Always => Some(true),
        ParallelRule::Never => Some(false),
    };
    if let Some(parallel) = parallel.filter(|_| !bars("parallel_tool_calls", asked, target, notes))
    {
        field(out, "parallel_tool_calls", if parallel { "true" } else { "false" });
    }
}

/// What to say about calling tools.
enum Choice<'t> {
    /// This JSON.
    Say(Cow<'t, str>),
    /// Nothing.
    Silent,
    /// Offer this tool alone, and require a call.
    Only(Cow<'t, str>),
    /// Offer no tool.
    Withhold,
}

fn choose<'t>(
    turn: &'t Turn<'_>,
    target: &Target<'_>,
    names: &'t Names<'_>,
    thinks: bool,
    notes: &mut Vec<Note>,
) -> Choice<'t> {
    let rules = &target.dialect.tools;
    let mut weakened = |what: &str| {
        notes.push(Note::new(NoteKind::Changed, format!("tool_choice {what} to auto")));
        Choice::Say("\"auto\"".into())
    };
    let unforced = thinks && rules.forced_with_thinking == ForcedWithThinking::ToAuto;
    match &turn.tool_choice {
        ToolChoice::Unset => Choice::Silent,
        ToolChoice::Auto => Choice::Say("\"auto\"".into()),
        ToolChoice::None if rules.choice.contains(&ToolChoiceKind::None) => {
            Choice::Say("\"none\"".into())
        }
        ToolChoice::None => Choice::Withhold,
        ToolChoice::Required if unforced => weakened("required"),
        ToolChoice::Required => match rules.choice_required_as {
            ChoiceRequiredAs::Auto => weakened("required"),
            ChoiceRequiredAs::Required | ChoiceRequiredAs::Any => {
                Choice::Say("\"required\"".into())
            }
        },
        ToolChoice::Named { name, .. } if unforced => weakened(name),
        ToolChoice::Named { name, namespace } => {
            let Some(wire) = names.offered(name, namespace.as_deref()) else {
                return weakened(name);
            };
            match rules.choice_named_as {
                ChoiceNamedAs::Auto => weakened(name),
                ChoiceNamedAs::FilterRequired => Choice::Only(wire.into()),
                ChoiceNamedAs::Named => {
                    let is_custom = |tool: &Tool<'_>| matches!(tool, Tool::Custom { name: custom, .. } if custom == name);
                    let custom = takes_tool(target, "custom") && turn.tools.iter().any(is_custom);
                    let kind = if custom { "custom" } else { "function" };
                    Choice::Say(format!(r#"{{"type":"{kind}","name":"{wire}"}}"#).into())
                }
            }
        }
        // It names tools of the upstream's own; no other tool travels under another name for them.
        ToolChoice::Other(json)
            if turn.protocol == Protocol::Responses && names.map().is_empty() =>
        {
            Choice::Say(json.get().into())
        }
        ToolChoice::Other(_) => weakened("of an unknown kind"),
    }
}

fn function(
    function: &Function<'_>,
    wire: &str,
    target: &Target<'_>,
    lost: &mut Lost,
    out: &mut Vec<u8>,
) {
    open(out, "function", wire);
    let description = description(function);
    if !description.is_empty() {
        out.extend_from_slice(b",\"description\":");
        joined(out, description, "\n\n");
    }
    // Where nothing is said, the API makes every parameter a required one.
    let passes =
        target.dialect.tools.strict != StrictRule::Drop && !target.repairs.has(Fix::DropStrict);
    let strict = passes && function.strict == Some(true);
    field(out, "strict", if strict { "true" } else { "false" });
    let parameters = match function.parameters {
        Some(schema) => shaped(schema, &target.dialect.tools.schema, lost),
        None => r#"{"type":"object","properties":{}}"#.into(),
    };
    field(out, "parameters", &parameters);
    out.push(b'}');
}

fn custom(
    wire: &str,
    description: Option<&Text<'_>>,
    format: Option<&RawValue>,
    target: &Target<'_>,
    out: &mut Vec<u8>,
) {
    if !takes_tool(target, "custom") {
        open(out, "function", wire);
        out.extend_from_slice(b",\"description\":");
        joined(out, freeform_description(description, format), "\n\n");
        field(out, "strict", "false");
        field(out, "parameters", &freeform_schema());
        out.push(b'}');
        return;
    }
    open(out, "custom", wire);
    if let Some(description) = description {
        out.extend_from_slice(b",\"description\":");
        string(out, description);
    }
    if let Some(format) = format {
        field(out, "format", format.get());
    }
    out.push(b'}');
}

fn search(
    turn: &Turn<'_>,
    at: usize,
    target: &Target<'_>,
    out: &mut Vec<u8>,
    notes: &mut Vec<Note>,
) -> bool {
    if !takes_tool(target, "web_search") || target.repairs.has(Fix::DropWebSearch) {
        notes.push(Note::new(NoteKind::Dropped, "tool web_search"));
        return false;
    }
    out.extend_from_slice(b"{\"type\":\"web_search\"");
    if turn.protocol == Protocol::Responses {
        for extra in turn.extras.iter().filter(|it| it.place == Place::Tool(at)) {
            field(out, &extra.name, extra.json.get());
        }
    }
    out.push(b'}');
    true
}

fn open(out: &mut Vec<u8>, kind: &str, name: &str) {
    out.extend_from_slice(b"{\"type\":\"");
    out.extend_from_slice(kind.as_bytes());
    out.extend_from_slice(b"\",\"name\":\"");
    out.extend_from_slice(name.as_bytes());
    out.push(b'"');
}
