//! The tools of a request, and whether one must be called.

use std::borrow::Cow;

use interlingua_dialect::{
    BuiltinWebSearch, ChoiceNamedAs, ChoiceRequiredAs, Fix, ForcedWithThinking, ParallelRule,
    StrictRule, ToolChoiceKind,
};
use interlingua_ir::{Function, Note, NoteKind, Text, Tool, ToolChoice, Turn};
use serde::Deserialize;
use serde_json::Value;
use serde_json::value::RawValue;

use super::write::{field, joined, string};
use crate::target::Target;
use crate::tools::{ARGUMENT, Names};

/// Writes `tools`, `tool_choice` and `parallel_tool_calls`; nothing at all when no tool is left, because
/// some upstreams refuse an empty list.
pub(super) fn write(
    turn: &Turn<'_>,
    target: &Target<'_>,
    names: &Names<'_>,
    thinks: bool,
    out: &mut Vec<u8>,
    notes: &mut Vec<Note>,
) {
    let rules = &target.dialect.tools;
    let choice = choose(turn, target, names, thinks, notes);
    if matches!(choice, Choice::Withhold) {
        return;
    }
    let strict = match rules.strict {
        _ if target.repairs.has(Fix::DropStrict) => false,
        StrictRule::Pass => true,
        StrictRule::Drop => false,
        StrictRule::AllOrNothing => turn
            .tools
            .iter()
            .all(|tool| matches!(tool, Tool::Function(it) if it.strict == Some(true))),
    };
    let start = out.len();
    out.extend_from_slice(b",\"tools\":[");
    let mut count = 0;
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
            (Tool::Function(function) | Tool::ToolSearch(function), Some(wire)) => {
                write_function(function, wire, strict, target, out);
                true
            }
            (Tool::Custom { description, format, .. }, Some(wire)) => {
                write_custom(wire, description.as_ref(), *format, takes_custom(target), out);
                true
            }
            (Tool::WebSearch, _) => write_search(target, out, notes),
            (Tool::Other { kind, .. }, _) => {
                notes.push(Note::new(NoteKind::Dropped, format!("tool {kind}")));
                false
            }
            // A duplicate, which the names have told about.
            (_, None) => false,
        };
        match written {
            true => count += 1,
            false => out.truncate(comma),
        }
    }
    if count == 0 {
        out.truncate(start);
        return;
    }
    out.push(b']');
    match &choice {
        Choice::Say(_) if target.repairs.drops("tool_choice", notes) => {}
        Choice::Say(json) => field(out, "tool_choice", json),
        Choice::Only(_) => field(out, "tool_choice", required(target)),
        Choice::Silent | Choice::Withhold => {}
    }
    let parallel = match rules.parallel {
        ParallelRule::Pass => turn.parallel_calls,
        ParallelRule::Always => Some(true),
        ParallelRule::Never => Some(false),
        ParallelRule::Drop => None,
    };
    match parallel {
        Some(_) if target.repairs.drops("parallel_tool_calls", notes) => {}
        Some(parallel) => {
            field(out, "parallel_tool_calls", if parallel { "true" } else { "false" });
        }
        None if turn.parallel_calls == Some(false) => {
            notes.push(Note::new(NoteKind::Dropped, "parallel_tool_calls=false"));
        }
        None => {}
    }
}

/// Whether the upstream has tools that take free text.
pub(super) fn takes_custom(target: &Target<'_>) -> bool {
    target.dialect.tools.types.iter().any(|it| it == "custom")
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
    turn: &Turn<'_>,
    target: &Target<'_>,
    names: &'t Names<'_>,
    thinks: bool,
    notes: &mut Vec<Note>,
) -> Choice<'t> {
    let rules = &target.dialect.tools;
    let can = |kind| rules.choice.contains(&kind);
    let auto = || match can(ToolChoiceKind::Auto) {
        true => Choice::Say("\"auto\"".into()),
        false => Choice::Silent,
    };
    let mut weakened = |what: &str| {
        notes.push(Note::new(NoteKind::Changed, format!("tool_choice {what} to auto")));
        auto()
    };
    let unforced = thinks && rules.forced_with_thinking == ForcedWithThinking::ToAuto;
    match &turn.tool_choice {
        ToolChoice::Unset => Choice::Silent,
        ToolChoice::Auto => auto(),
        ToolChoice::None if can(ToolChoiceKind::None) => Choice::Say("\"none\"".into()),
        ToolChoice::None => Choice::Withhold,
        ToolChoice::Required if unforced => weakened("required"),
        ToolChoice::Required => match rules.choice_required_as {
            ChoiceRequiredAs::Auto => weakened("required"),
            ChoiceRequiredAs::Required | ChoiceRequiredAs::Any => {
                Choice::Say(required(target).into())
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
                    let custom = takes_custom(target) && turn.tools.iter().any(is_custom);
                    let kind = if custom { "custom" } else { "function" };
                    Choice::Say(
                        format!(r#"{{"type":"{kind}","{kind}":{{"name":"{wire}"}}}}"#).into(),
                    )
                }
            }
        }
        ToolChoice::Other(_) => weakened("of an unknown kind"),
    }
}

fn required(target: &Target<'_>) -> &'static str {
    match target.dialect.tools.choice_required_as {
        ChoiceRequiredAs::Required => "\"required\"",
        ChoiceRequiredAs::Any => "\"any\"",
        ChoiceRequiredAs::Auto => "\"auto\"",
    }
}

fn write_function(
    function: &Function<'_>,
    wire: &str,
    strict: bool,
    target: &Target<'_>,
    out: &mut Vec<u8>,
) {
    open(out, "function", wire);
    let group = function.namespace.as_deref().zip(function.namespace_description.as_ref());
    let group = group.filter(|(_, about)| !about.is_empty()).map(|(name, about)| {
        let mut text = Vec::new();
        Text::plain(format!("Tools whose names begin with {name}: ")).write_json(&mut text);
        about.write_json(&mut text);
        Text::Json(String::from_utf8_lossy(&text).into_owned().into())
    });
    if group.is_some() || function.description.is_some() {
        out.extend_from_slice(b",\"description\":");
        let own = function.description.as_ref().map(Cow::Borrowed);
        joined(out, group.map(Cow::Owned).into_iter().chain(own), "\n\n");
    }
    let parameters = match function.parameters {
        Some(schema) => shaped(schema, target),
        None => r#"{"type":"object","properties":{}}"#.into(),
    };
    field(out, "parameters", &parameters);
    if strict && let Some(strict) = function.strict {
        field(out, "strict", if strict { "true" } else { "false" });
    }
    out.extend_from_slice(b"}}");
}

fn write_custom(
    wire: &str,
    description: Option<&Text<'_>>,
    format: Option<&RawValue>,
    native: bool,
    out: &mut Vec<u8>,
) {
    let grammar = format.and_then(|json| serde_json::from_str::<Grammar<'_>>(json.get()).ok());
    if native {
        open(out, "custom", wire);
        if let Some(description) = description {
            out.extend_from_slice(b",\"description\":");
            string(out, description);
        }
        match &grammar {
            Some(Grammar { syntax: Some(syntax), definition: Some(definition) }) => {
                out.extend_from_slice(
                    b",\"format\":{\"type\":\"grammar\",\"grammar\":{\"syntax\":",
                );
                out.extend_from_slice(syntax.get().as_bytes());
                field(out, "definition", definition.get());
                out.extend_from_slice(b"}}");
            }
            _ => {
                if let Some(format) = format {
                    field(out, "format", format.get());
                }
            }
        }
        out.extend_from_slice(b"}}");
        return;
    }
    open(out, "function", wire);
    let how = format!(
        "This tool takes free text. Put all of it, exactly as it is, into the one argument `{ARGUMENT}`."
    );
    let mut texts: Vec<Cow<'_, Text<'_>>> = Vec::with_capacity(3);
    texts.extend(description.map(Cow::Borrowed));
    texts.push(Cow::Owned(how.into()));
    let form = match (grammar, format) {
        (Some(Grammar { syntax, definition: Some(definition) }), _) => {
            let syntax = syntax.and_then(|it| Text::from_json(it.get()));
            let syntax = syntax.unwrap_or(Text::EMPTY).to_plain().into_owned();
            let text = Text::from_json(definition.get()).unwrap_or(Text::plain(definition.get()));
            vec![
                Text::from(format!("The text must follow this {syntax} grammar:")),
                text.into_owned(),
            ]
        }
        (_, Some(format)) => vec![Text::from(format!("The form of the text: {}", format.get()))],
        (_, None) => Vec::new(),
    };
    texts.extend(form.into_iter().map(Cow::Owned));
    out.extend_from_slice(b",\"description\":");
    joined(out, texts, "\n\n");
    field(
        out,
        "parameters",
        &format!(
            r#"{{"type":"object","properties":{{"{ARGUMENT}":{{"type":"string","description":"The whole text."}}}},"required":["{ARGUMENT}"],"additionalProperties":false}}"#
        ),
    );
    out.extend_from_slice(b"}}");
}

#[derive(Deserialize)]
struct Grammar<'a> {
    #[serde(borrow, default)]
    syntax: Option<&'a RawValue>,
    #[serde(borrow, default)]
    definition: Option<&'a RawValue>,
}

fn write_search(target: &Target<'_>, out: &mut Vec<u8>, notes: &mut Vec<Note>) -> bool {
    let native = match target.dialect.tools.builtin_web_search {
        _ if target.repairs.has(Fix::DropWebSearch) => None,
        BuiltinWebSearch::WebSearch => Some(r#"{"type":"web_search"}"#),
        BuiltinWebSearch::BuiltinFunction => {
            Some(r#"{"type":"builtin_function","function":{"name":"$web_search"}}"#)
        }
        BuiltinWebSearch::BrowserSearch => Some(r#"{"type":"browser_search"}"#),
        BuiltinWebSearch::None | BuiltinWebSearch::Plugin | BuiltinWebSearch::WebSearch20250305 => {
            None
        }
    };
    match native {
        Some(json) => out.extend_from_slice(json.as_bytes()),
        None => notes.push(Note::new(NoteKind::Dropped, "tool web_search")),
    }
    native.is_some()
}

/// A schema that the upstream takes: as it came, unless a rule touches it.
fn shaped<'a>(schema: &'a RawValue, target: &Target<'_>) -> Cow<'a, str> {
    let rules = &target.dialect.tools.schema;
    let text = schema.get();
    let mentions = |key: &String| memchr::memmem::find(text.as_bytes(), key.as_bytes()).is_some();
    let rootless = rules.root_object && !has_object_root(text);
    if !rootless && !rules.drop_keys.iter().any(mentions) {
        return text.into();
    }
    let Ok(mut tree) = serde_json::from_str::<Value>(text) else { return text.into() };
    if let Value::Object(root) = &mut tree {
        for key in &rules.drop_keys {
            root.shift_remove(key);
        }
        if rootless {
            root.shift_insert(0, "type".to_owned(), "object".into());
            root.entry("properties").or_insert_with(|| Value::Object(serde_json::Map::new()));
        }
    }
    tree.to_string().into()
}

fn has_object_root(schema: &str) -> bool {
    // Nearly every schema says so first, and a parser would read all of the rest to find out.
    if schema.starts_with(r#"{"type":"object""#) {
        return true;
    }
    #[derive(Deserialize)]
    struct Root<'a> {
        #[serde(borrow, default, rename = "type")]
        kind: Option<&'a RawValue>,
    }
    serde_json::from_str::<Root<'_>>(schema)
        .is_ok_and(|it| it.kind.is_some_and(|it| it.get() == "\"object\""))
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
