use std::borrow::Cow;

use interlingua_dialect::{
    Effort, Fix, JsonObjectRule, JsonSchemaRule, MaxTokensField, StreamUsage, ThinkingDefault,
};
use interlingua_ir::{Fault, Format, Note, NoteKind, Place, Text, Turn};
use interlingua_protocol::chat::StreamOptions;
use interlingua_protocol::json::compact;

use super::extras::Extras;
use super::messages::{self, Replay};
use super::offer;
use crate::effort::{Asked, effort};
pub(super) use crate::render::{field, joined, string};
use crate::size::capacity;
use crate::target::{HOUSEKEEPING, Target, Written};
use crate::tools::Names;

/// Writes a turn as a Chat Completions request.
///
/// Messages come last, so that the requests of two consecutive turns share their beginning and the
/// upstream's prompt cache stays warm. What a Chat client said in words of its own stands again where it
/// stood, unless the record knows better.
///
/// # Errors
///
/// [`BadParam`](interlingua_ir::Class::BadParam) when the dialect's record wants an effort level refused that it does not know.
pub fn write(turn: &Turn<'_>, target: &Target<'_>) -> Result<Written, Fault> {
    let dialect = target.dialect;
    let mut notes = Vec::new();
    let names = Names::of(turn, dialect.tools.name_max as usize, &mut notes);
    let extras = Extras::of(turn);
    let mut effort = effort(turn, target, &mut notes)?;
    let refused = turn.thinking.effort.is_some() && effort.level.is_none();
    if !refused && !target.repairs.has(Fix::DisableThinking) {
        effort.thinks = spelled_out(target, &extras).unwrap_or(effort.thinks);
    }

    let mut out = Vec::with_capacity(capacity(turn));
    out.extend_from_slice(b"{\"model\":");
    string(&mut out, &Text::plain(target.model));
    stream(target, &extras, &mut out, &mut notes);
    max_tokens(turn, target, &mut out, &mut notes);
    let fields = fields(target, &effort, &extras);
    params(turn, target, &extras, &effort, &fields, &mut out, &mut notes);
    format(turn, target, &extras, &mut out, &mut notes);
    for (name, json) in fields {
        if !target.repairs.drops(name, &mut notes) {
            field(&mut out, name, &json);
        }
    }
    let offer =
        offer::Offer { turn, target, names: &names, extras: &extras, thinks: effort.thinks };
    offer.write(&mut out, &mut notes);
    out.extend_from_slice(b",\"messages\":");
    let replay = Replay::of(target, effort.thinks);
    messages::write(turn, target, &names, &replay, &extras, &mut out, &mut notes);
    out.push(b'}');
    Ok(Written { body: out, tools: names.map(), notes })
}

/// Whether the model thinks, as the client says it in the upstream's own fields.
fn spelled_out(target: &Target<'_>, extras: &Extras<'_>) -> Option<bool> {
    let dialect = target.dialect;
    let said = |level: Effort| {
        let fields = dialect.effort(level).filter(|it| !it.is_empty())?;
        let is_said = |(name, json): &(String, String)| {
            extras.find(Place::Top, name).is_some_and(|said| compact(said) == *json)
        };
        fields.iter().all(is_said).then_some(level != Effort::None)
    };
    let thinks = Effort::ALL.into_iter().find_map(said)?;
    Some(thinks || dialect.thinking.default == ThinkingDefault::Forced)
}

fn stream(target: &Target<'_>, extras: &Extras<'_>, out: &mut Vec<u8>, notes: &mut Vec<Note>) {
    if !target.stream {
        if extras.find(Place::Top, "stream").is_some() {
            out.extend_from_slice(b",\"stream\":false");
        }
        return;
    }
    out.extend_from_slice(b",\"stream\":true");
    let options = extras.find(Place::Top, "stream_options");
    let options = options.and_then(|json| serde_json::from_str::<StreamOptions<'_>>(json).ok());
    let others = options.iter().flat_map(|it| &it.extra);
    if target.dialect.request.stream_usage != StreamUsage::StreamOptions {
        let what = others.map(|it| format!("stream_options.{}", it.name.as_str()));
        notes.extend(what.map(|it| Note::new(NoteKind::Dropped, it)));
    } else if !target.repairs.drops("stream_options", notes) {
        out.extend_from_slice(b",\"stream_options\":{\"include_usage\":true");
        for option in others {
            field(out, option.name.as_str(), option.json.get());
        }
        out.push(b'}');
    }
}

/// The fields that the record wants to be sent: always, and for the level of thought.
fn fields<'t>(
    target: &Target<'t>,
    effort: &Asked<'t>,
    extras: &Extras<'_>,
) -> Vec<(&'t str, Cow<'t, str>)> {
    let mut fields: Vec<(&'t str, Cow<'t, str>)> = Vec::new();
    fields.extend(target.dialect.request.set.iter().map(|(name, json)| (&**name, json.into())));
    for (name, json) in effort.fields {
        // The client may have said more in the upstream's own words.
        let said = extras.find(Place::Top, name).is_some();
        if !said || target.repairs.has(Fix::DisableThinking) {
            fields.retain(|(known, _)| known != name);
            fields.push((name, json.into()));
        }
    }
    if let Some((_, json)) = fields.iter_mut().find(|(name, _)| *name == "reasoning") {
        // The client's wish came in such an object, and the rest of it has its place there.
        for (name, said) in extras.inner(Place::Top, "reasoning") {
            if let Some(inside) = json.strip_suffix('}') {
                *json = format!("{inside},\"{name}\":{said}}}").into();
            }
        }
    }
    fields
}

fn max_tokens(turn: &Turn<'_>, target: &Target<'_>, out: &mut Vec<u8>, notes: &mut Vec<Note>) {
    let Some(asked) = turn.max_output_tokens else { return };
    let rules = &target.dialect.request;
    let name = match rules.max_tokens_field {
        MaxTokensField::MaxTokens => "max_tokens",
        MaxTokensField::MaxCompletionTokens => "max_completion_tokens",
    };
    if !target.repairs.drops(name, notes) {
        let least = u64::from(rules.min_max_tokens);
        field(out, name, itoa::Buffer::new().format(asked.max(least)));
    }
}

fn params(
    turn: &Turn<'_>,
    target: &Target<'_>,
    extras: &Extras<'_>,
    effort: &Asked<'_>,
    fields: &[(&str, Cow<'_, str>)],
    out: &mut Vec<u8>,
    notes: &mut Vec<Note>,
) {
    let rules = &target.dialect.request;
    let barred = |name: &str| {
        rules.drop.iter().any(|it| it == name)
            || (effort.thinks && target.dialect.thinking.drop_when_on.iter().any(|it| it == name))
    };
    let shared = turn.params.iter().map(|param| (param.name, param.json.get()));
    let own = extras.outer(Place::Top).filter(|(name, _)| !SAID_ELSEWHERE.contains(name));
    for (asked, json) in shared.chain(own) {
        let name = rules.rename.get(asked).map_or(asked, String::as_str);
        if target.repairs.drops(name, notes) {
            continue;
        }
        // The record knows better.
        if let Some((_, said)) = fields.iter().find(|(known, _)| *known == name) {
            if compact(json) != **said {
                notes.push(Note::new(NoteKind::Changed, asked));
            }
            continue;
        }
        if barred(asked) {
            if !HOUSEKEEPING.contains(&asked) {
                notes.push(Note::new(NoteKind::Dropped, asked));
            }
            continue;
        }
        let clamped = target.clamped(asked, json);
        if clamped.is_some() {
            notes.push(Note::new(NoteKind::Changed, asked));
        }
        field(out, name, clamped.as_deref().unwrap_or(json));
    }
    if !fields.iter().any(|(name, _)| *name == "reasoning") {
        let lost =
            extras.inner(Place::Top, "reasoning").map(|(name, _)| format!("reasoning.{name}"));
        notes.extend(lost.map(|it| Note::new(NoteKind::Dropped, it)));
    }
}

fn format(
    turn: &Turn<'_>,
    target: &Target<'_>,
    extras: &Extras<'_>,
    out: &mut Vec<u8>,
    notes: &mut Vec<Note>,
) {
    let rules = &target.dialect.request;
    let has_tools = !turn.tools.is_empty();
    if !rules.format_with_tools && has_tools && !matches!(turn.format, Format::Text) {
        notes.push(Note::new(NoteKind::Dropped, "response format beside tools"));
        return;
    }
    if !matches!(turn.format, Format::Text) && target.repairs.drops("response_format", notes) {
        return;
    }
    match &turn.format {
        Format::Text => {}
        Format::JsonObject => match rules.json_object {
            JsonObjectRule::Native => field(out, "response_format", r#"{"type":"json_object"}"#),
            JsonObjectRule::Drop => notes.push(Note::new(NoteKind::Dropped, "json_object")),
        },
        Format::JsonSchema { name, description, schema, strict } => {
            match target.schema_rule() {
                JsonSchemaRule::Native => {
                    out.extend_from_slice(b",\"response_format\":{\"type\":\"json_schema\",\"json_schema\":{\"name\":");
                    string(out, name);
                    if let Some(description) = description {
                        out.extend_from_slice(b",\"description\":");
                        string(out, description);
                    }
                    if let Some(strict) = strict {
                        field(out, "strict", if *strict { "true" } else { "false" });
                    }
                    field(out, "schema", schema.get());
                    for (name, json) in extras.inner(Place::Top, "response_format.json_schema") {
                        field(out, name, json);
                    }
                    out.push(b'}');
                    for (name, json) in extras.inner(Place::Top, "response_format") {
                        if !name.starts_with("json_schema.") {
                            field(out, name, json);
                        }
                    }
                    out.push(b'}');
                }
                JsonSchemaRule::ToJsonObject => {
                    // The schema itself stands in the messages then, in words.
                    notes.push(Note::new(NoteKind::Changed, "json_schema to json_object"));
                    field(out, "response_format", r#"{"type":"json_object"}"#);
                }
                JsonSchemaRule::Drop => {
                    notes.push(Note::new(NoteKind::Changed, "json_schema to words"));
                }
            }
        }
    }
}

/// What is written where it belongs, and not among the parameters.
const SAID_ELSEWHERE: [&str; 3] = ["functions", "stream", "stream_options"];
