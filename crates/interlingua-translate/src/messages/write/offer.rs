//! The tools of a request, and whether one must be called.

use std::borrow::Cow;

use interlingua_dialect::{
    BuiltinWebSearch, ChoiceNamedAs, Fix, ForcedWithThinking, ParallelRule, StrictRule,
    ToolChoiceKind, glob_matches,
};
use interlingua_ir::{Function, Note, NoteKind, Protocol, Text, Tool, ToolChoice, Turn};
use serde_json::value::RawValue;

use super::Marks;
use super::extras::Extras;
use super::thinking::Plan;
use crate::render::{cache_mark, field, string};
use crate::target::Target;
use crate::tools::{Lost, Names, description, freeform_description, freeform_schema, shaped};

/// Writes `tools` and `tool_choice`; nothing at all when no tool is left.
#[expect(clippy::too_many_arguments, reason = "a writer's state, which nobody else keeps")]
pub(super) fn write(
    turn: &Turn<'_>,
    target: &Target<'_>,
    names: &Names<'_>,
    extras: &Extras<'_>,
    plan: &Plan,
    marks: Marks,
    out: &mut Vec<u8>,
    notes: &mut Vec<Note>,
) {
    let choice = choose(turn, target, names, plan.thinks, notes);
    if matches!(choice, Choice::Withhold) {
        return;
    }
    let strict = strict(turn, target);
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
        if count == target.dialect.tools.max {
            notes.push(Note::new(
                NoteKind::Dropped,
                format!("tools beyond {}", target.dialect.tools.max),
            ));
            break;
        }
        let comma = out.len();
        if count > 0 {
            out.push(b',');
        }
        let written = match (tool, wire) {
            (Tool::Function(function) | Tool::ToolSearch(function), Some(wire)) => {
                write_function(function, wire, strict, target, &mut lost, out);
                true
            }
            (Tool::Custom { description, format, .. }, Some(wire)) => {
                write_custom(wire, description.as_ref(), *format, out);
                true
            }
            (Tool::WebSearch, _) => write_search(target, names, out, notes),
            (Tool::Other { kind, json }, _) => write_other(turn, target, kind, json, out, notes),
            // A duplicate, which the names have told about.
            (_, None) => false,
        };
        if !written {
            out.truncate(comma);
            continue;
        }
        count += 1;
        if !matches!(tool, Tool::Other { .. }) {
            out.pop();
            extras.tool(at, out);
            out.push(b'}');
        }
    }
    lost.note(notes);
    if count == 0 {
        out.truncate(start);
        return;
    }
    if marks.tools {
        cache_mark(out);
    }
    out.push(b']');
    write_choice(turn, target, choice, out, notes);
}

/// What to say about calling tools.
enum Choice<'t> {
    /// A call of this kind, and of this tool.
    Say(&'static str, Option<Cow<'t, str>>),
    /// Nothing.
    Silent,
    /// Offer this tool alone, and require a call.
    Only(Cow<'t, str>),
    /// Offer no tool.
    Withhold,
}

fn choose<'t>(
    turn: &Turn<'_>,
    target: &Target<'_>,
    names: &'t Names<'_>,
    thinks: bool,
    notes: &mut Vec<Note>,
) -> Choice<'t> {
    let rules = &target.dialect.tools;
    let can = |kind| rules.choice.contains(&kind);
    let auto = || match can(ToolChoiceKind::Auto) {
        true => Choice::Say("auto", None),
        false => Choice::Silent,
    };
    let mut weakened = |what: &str| {
        notes.push(Note::new(NoteKind::Changed, format!("tool_choice {what} to auto")));
        auto()
    };
    // A model that cannot be stopped thinking cannot be forced either.
    let unforced = thinks && rules.forced_with_thinking != ForcedWithThinking::Ok;
    match &turn.tool_choice {
        ToolChoice::Unset => Choice::Silent,
        ToolChoice::Auto => auto(),
        ToolChoice::None if can(ToolChoiceKind::None) => Choice::Say("none", None),
        ToolChoice::None => Choice::Withhold,
        ToolChoice::Required if unforced || !can(ToolChoiceKind::Any) => weakened("required"),
        ToolChoice::Required => Choice::Say("any", None),
        ToolChoice::Named { name, .. } if unforced => weakened(name),
        ToolChoice::Named { name, namespace } => {
            let Some(wire) = names.offered(name, namespace.as_deref()) else {
                return weakened(name);
            };
            match rules.choice_named_as {
                ChoiceNamedAs::Auto => weakened(name),
                ChoiceNamedAs::FilterRequired => Choice::Only(wire.into()),
                ChoiceNamedAs::Named => Choice::Say("tool", Some(wire.into())),
            }
        }
        ToolChoice::Other(_) => weakened("of an unknown kind"),
    }
}

fn write_choice(
    turn: &Turn<'_>,
    target: &Target<'_>,
    choice: Choice<'_>,
    out: &mut Vec<u8>,
    notes: &mut Vec<Note>,
) {
    let one_at_a_time = match target.dialect.tools.parallel {
        ParallelRule::Pass => turn.parallel_calls == Some(false),
        ParallelRule::Never => true,
        ParallelRule::Always | ParallelRule::Drop => {
            if turn.parallel_calls == Some(false) {
                notes.push(Note::new(NoteKind::Dropped, "parallel_tool_calls=false"));
            }
            false
        }
    };
    let (kind, name) = match choice {
        Choice::Say(kind, name) => (kind, name),
        Choice::Only(_) => ("any", None),
        Choice::Silent if one_at_a_time => ("auto", None),
        Choice::Silent | Choice::Withhold => return,
    };
    if target.repairs.drops("tool_choice", notes) {
        return;
    }
    out.extend_from_slice(b",\"tool_choice\":{\"type\":\"");
    out.extend_from_slice(kind.as_bytes());
    out.push(b'"');
    if let Some(name) = name {
        out.extend_from_slice(b",\"name\":");
        string(out, &Text::plain(name));
    }
    if one_at_a_time && kind != "none" {
        field(out, "disable_parallel_tool_use", "true");
    }
    out.push(b'}');
}

fn strict(turn: &Turn<'_>, target: &Target<'_>) -> bool {
    let all =
        || turn.tools.iter().all(|it| matches!(it, Tool::Function(it) if it.strict == Some(true)));
    match target.dialect.tools.strict {
        _ if target.repairs.has(Fix::DropStrict) => false,
        StrictRule::Pass => true,
        StrictRule::Drop => false,
        StrictRule::AllOrNothing => all(),
    }
}

fn write_function(
    function: &Function<'_>,
    wire: &str,
    strict: bool,
    target: &Target<'_>,
    lost: &mut Lost,
    out: &mut Vec<u8>,
) {
    open(out, wire);
    describe(description(function), out);
    let schema = match function.parameters {
        Some(schema) => shaped(schema, &target.dialect.tools.schema, lost),
        None => r#"{"type":"object","properties":{}}"#.into(),
    };
    field(out, "input_schema", &schema);
    // `false` is what an upstream does anyway.
    if strict && function.strict == Some(true) {
        field(out, "strict", "true");
    }
    out.push(b'}');
}

fn write_custom(
    wire: &str,
    about: Option<&Text<'_>>,
    format: Option<&RawValue>,
    out: &mut Vec<u8>,
) {
    open(out, wire);
    describe(freeform_description(about, format), out);
    field(out, "input_schema", &freeform_schema());
    out.push(b'}');
}

fn write_search(
    target: &Target<'_>,
    names: &Names<'_>,
    out: &mut Vec<u8>,
    notes: &mut Vec<Note>,
) -> bool {
    let native = target.dialect.tools.builtin_web_search == BuiltinWebSearch::WebSearch20250305
        && !target.repairs.has(Fix::DropWebSearch)
        && names.iter().all(|(_, wire)| wire != "web_search");
    if !native {
        notes.push(Note::new(NoteKind::Dropped, "tool web_search"));
        return false;
    }
    out.extend_from_slice(br#"{"type":"web_search_20250305","name":"web_search"}"#);
    true
}

/// Writes a tool that only this protocol has a word for.
fn write_other(
    turn: &Turn<'_>,
    target: &Target<'_>,
    kind: &str,
    json: &RawValue,
    out: &mut Vec<u8>,
    notes: &mut Vec<Note>,
) -> bool {
    if turn.protocol == Protocol::Messages && takes(target, kind) {
        out.extend_from_slice(json.get().as_bytes());
        return true;
    }
    notes.push(Note::new(NoteKind::Dropped, format!("tool {kind}")));
    false
}

/// Whether the upstream takes tools of a type that is not a function's.
pub(in crate::messages) fn takes(target: &Target<'_>, kind: &str) -> bool {
    target.dialect.tools.server_types.iter().any(|glob| glob_matches(glob, kind))
}

fn describe(mut texts: Vec<Cow<'_, Text<'_>>>, out: &mut Vec<u8>) {
    texts.retain(|it| !it.is_empty());
    if texts.is_empty() {
        return;
    }
    out.extend_from_slice(b",\"description\":\"");
    for (nth, text) in texts.iter().enumerate() {
        if nth > 0 {
            out.extend_from_slice(b"\\n\\n");
        }
        text.write_json(out);
    }
    out.push(b'"');
}

fn open(out: &mut Vec<u8>, wire: &str) {
    out.extend_from_slice(b"{\"name\":");
    string(out, &Text::plain(wire));
}
