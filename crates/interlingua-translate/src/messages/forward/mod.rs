//! A client's request that goes on as it is, but for what has to be changed.

use interlingua_dialect::{
    BuiltinWebSearch, Fix, ForcedWithThinking, Images, JsonSchemaRule, ToolChoiceKind,
};
use interlingua_ir::{
    Fault, Format, Item, Note, NoteKind, Part, Protocol, Task, Tool, ToolChoice, Turn,
};

use super::write::takes;
use crate::document::Document;
use crate::fields::Fields;
use crate::render::quoted;
use crate::splices::Splices;
use crate::target::{DEFAULT_MAX_TOKENS, Target, Written};
use crate::tools::{ToolMap, wire_id};

mod thinking;
mod thoughts;

use thinking::Wish;
use thoughts::Thoughts;

/// Takes a request of the Messages protocol to an upstream that speaks it too.
///
/// The client's own bytes are changed in place, so that all that we do not know survives, and two
/// turns in a row share their beginning. `turn` is what was read from `document`, with its seals opened.
/// `None` where the upstream cannot take the request as it is; [`write`](super::write) can say it then.
///
/// # Errors
///
/// As [`write`](super::write).
pub fn forward(
    document: &Document<'_>,
    turn: &Turn<'_>,
    target: &Target<'_>,
) -> Result<Option<Written>, Fault> {
    Ok(edit(document, turn, target, Use::Answer))
}

/// Takes a question for the size of a prompt to an upstream that counts.
///
/// `None` where it does not count, or cannot take the request as it is.
///
/// # Errors
///
/// As [`write`](super::write).
pub fn count_tokens(
    document: &Document<'_>,
    turn: &Turn<'_>,
    target: &Target<'_>,
) -> Result<Option<Written>, Fault> {
    if target.dialect.endpoint.count_tokens_path.is_none() {
        return Ok(None);
    }
    Ok(edit(document, turn, target, Use::Count))
}

/// What a body is for.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Use {
    Answer,
    /// A count takes neither a limit nor a stream.
    Count,
}

fn edit(
    document: &Document<'_>,
    turn: &Turn<'_>,
    target: &Target<'_>,
    purpose: Use,
) -> Option<Written> {
    let spans = document.spans()?;
    let text = spans.document();
    if !fits(text, turn, target) {
        return None;
    }
    let mut request = Fields::of(text, spans.members(text));
    let mut notes = Vec::new();
    let messages = request.get("messages")?;

    let mut thoughts = Thoughts::of(spans, messages, turn, target)?;
    let mut wish = Wish::of(&request, target);
    wish.adapt(turn, target, &mut notes);
    if wish.thinks && is_forced(turn) {
        match target.dialect.tools.forced_with_thinking {
            ForcedWithThinking::DisableThinking if wish.switch_off(target.dialect) => {
                notes.push(Note::new(NoteKind::Changed, "thinking off: a call is required"));
            }
            ForcedWithThinking::Ok => {}
            ForcedWithThinking::ToAuto | ForcedWithThinking::DisableThinking => {
                request.set("tool_choice", AUTO);
                notes.push(Note::new(NoteKind::Changed, "tool_choice to auto"));
            }
        }
    }
    thoughts.settle(&mut wish, target, &mut notes)?;
    let thinks = wish.thinks;
    wish.write(&mut request);

    request.set("model", quoted(target.model));
    if purpose == Use::Answer {
        length(&mut request, target, &mut notes);
        if turn.stream != target.stream {
            request.set("stream", if target.stream { "true" } else { "false" });
        }
    }
    if !can_choose(turn, target) {
        request.set("tool_choice", AUTO);
        notes.push(Note::new(NoteKind::Changed, "tool_choice to auto"));
    }
    params(&mut request, target, thinks, &mut notes);

    let mut splices = Splices::new(text);
    thoughts.apply(&mut splices);
    request.apply(&mut splices);
    let body = splices.body(document.shared());
    Some(Written { body, tools: ToolMap::default(), unheld: None, notes })
}

/// Whether nothing in the request has to be said in another way.
fn fits(text: &str, turn: &Turn<'_>, target: &Target<'_>) -> bool {
    let rules = &target.dialect.tools;
    let repaired = REWRITING.iter().any(|fix| target.repairs.has(*fix));
    if repaired || turn.protocol != Protocol::Messages || turn.task != Task::Answer {
        return false;
    }
    let tools = turn.tools.iter().all(|tool| match tool {
        Tool::WebSearch => rules.builtin_web_search == BuiltinWebSearch::WebSearch20250305,
        Tool::Other { kind, .. } => takes(target, kind),
        Tool::Function(_) => true,
        Tool::Custom { .. } | Tool::ToolSearch(_) => false,
    });
    let mentions = |word: &str| memchr::memmem::find(text.as_bytes(), word.as_bytes()).is_some();
    let deferred =
        rules.deferred || !(mentions("\"defer_loading\"") || mentions("\"tool_reference\""));
    let withheld = matches!(turn.tool_choice, ToolChoice::None)
        && !rules.choice.contains(&ToolChoiceKind::None);
    let format = match turn.format {
        Format::Text => true,
        Format::JsonObject => false,
        Format::JsonSchema { .. } => target.dialect.request.json_schema == JsonSchemaRule::Native,
    };
    let vision = &target.dialect.vision;
    let sees = |parts: &[Part<'_>]| {
        parts.iter().all(|part| match part {
            Part::Image { .. } => vision.images != Images::No,
            Part::File { .. } => vision.documents,
            Part::Text(_) | Part::Refusal(_) | Part::Audio { .. } | Part::Other { .. } => true,
        })
    };
    let items = turn.items.iter().all(|item| match item {
        Item::Message(message) => sees(&message.parts),
        Item::Output(output) => sees(&output.parts),
        Item::Call(call) => wire_id(rules.id_rule, &call.head.id) == call.head.id,
        Item::Summary(_) => false,
        Item::Reasoning(_) | Item::Other { .. } => true,
    });
    tools && deferred && !withheld && format && items
}

/// Repairs that touch what is spread over the request.
const REWRITING: [Fix; 5] =
    [Fix::DropStrict, Fix::DropWebSearch, Fix::ToJsonObject, Fix::LiftImages, Fix::RewriteIds];

/// Whether the record lists the way in which the client wants tools to be called.
fn can_choose(turn: &Turn<'_>, target: &Target<'_>) -> bool {
    let choice = &target.dialect.tools.choice;
    match turn.tool_choice {
        ToolChoice::Required => choice.contains(&ToolChoiceKind::Any),
        ToolChoice::Named { .. } => choice.contains(&ToolChoiceKind::Named),
        ToolChoice::Unset | ToolChoice::Auto | ToolChoice::None | ToolChoice::Other(_) => true,
    }
}

fn is_forced(turn: &Turn<'_>) -> bool {
    matches!(turn.tool_choice, ToolChoice::Required | ToolChoice::Named { .. })
}

/// Keeps the limit of the answer within what the model can.
fn length(request: &mut Fields<'_>, target: &Target<'_>, notes: &mut Vec<Note>) {
    let most = target.most_output();
    match request.get("max_tokens").map(str::parse::<u64>) {
        None => request.set("max_tokens", target.output_or(DEFAULT_MAX_TOKENS).to_string()),
        Some(Ok(asked)) if most.is_some_and(|most| asked > most) => {
            request.set("max_tokens", most.unwrap_or(asked).to_string());
            notes.push(Note::new(NoteKind::Changed, "max_tokens"));
        }
        Some(_) => {}
    }
}

/// Leaves out what the record bars and the upstream has refused, and keeps numbers within limits.
fn params(request: &mut Fields<'_>, target: &Target<'_>, thinks: bool, notes: &mut Vec<Note>) {
    let rules = &target.dialect.request;
    let on = &target.dialect.thinking.drop_when_on;
    for at in 0..request.members.len() {
        let name = request.members[at].name.clone();
        if NEEDED.contains(&&*name) {
            continue;
        }
        let listed = |names: &[String]| names.iter().any(|it| *it == name);
        if target.repairs.drops(&name, notes) {
            request.drop(&name);
        } else if listed(&rules.drop) || (thinks && listed(on)) {
            notes.push(Note::new(NoteKind::Dropped, name.as_ref()));
            request.drop(&name);
        } else if let Some(allowed) = target.clamped(&name, request.members[at].value) {
            notes.push(Note::new(NoteKind::Changed, name.as_ref()));
            request.set(&name, allowed);
        }
    }
    for (name, json) in rules.set.iter() {
        request.set(name, json.clone());
    }
}

/// What a request cannot do without, whatever an upstream complains about.
const NEEDED: [&str; 6] = ["max_tokens", "messages", "model", "stream", "system", "tools"];

const AUTO: &str = r#"{"type":"auto"}"#;
