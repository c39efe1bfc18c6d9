use interlingua_dialect::{MaxTokensField, StreamUsage};
use interlingua_ir::{Fault, Format, Note, NoteKind, Place, Text, Turn};
use interlingua_protocol::chat::StreamOptions;
use interlingua_protocol::json::compact;

use super::extras::Extras;
use super::messages::{self, Replay};
use super::offer;
use super::thinking::Plan;
use crate::form::AnswerForm;
pub(super) use crate::render::{field, joined, string};
use crate::size::capacity;
use crate::target::{DEFAULT_MAX_TOKENS, HOUSEKEEPING, Target, Written};
use crate::tools::{Envelope, Names};

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
    let names = Names::of(turn, &dialect.tools, &mut notes);
    let extras = Extras::of(turn);
    let envelope = Envelope::of(turn, target);
    let plan = Plan::of(turn, target, &extras, &mut notes)?;

    let mut out = Vec::with_capacity(capacity(turn));
    out.extend_from_slice(b"{\"model\":");
    string(&mut out, &Text::plain(target.model));
    stream(target, &extras, &mut out, &mut notes);
    max_tokens(turn, target, &mut out, &mut notes);
    params(turn, target, &extras, &plan, &mut out, &mut notes);
    let form = AnswerForm::of(turn, target);
    format(turn, form, &extras, &mut out, &mut notes);
    for (name, json) in &plan.fields {
        if !target.repairs.drops(name, &mut notes) {
            field(&mut out, name, json);
        }
    }
    let offer = offer::Offer { turn, target, names: &names, extras: &extras, thinks: plan.thinks };
    match &envelope {
        Some(_) => Envelope::note(turn, &mut notes),
        None => offer.write(&mut out, &mut notes),
    }
    out.extend_from_slice(b",\"messages\":");
    let replay = Replay::of(target, plan.thinks);
    let envelope = envelope.as_ref();
    messages::write(turn, target, &names, &replay, &extras, envelope, &mut out, &mut notes);
    out.push(b'}');
    let tools = envelope.map_or_else(|| names.map(), |it| it.map(turn, &names));
    Ok(Written { body: out.into(), tools, unheld: form.unheld(turn), notes })
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

fn max_tokens(turn: &Turn<'_>, target: &Target<'_>, out: &mut Vec<u8>, notes: &mut Vec<Note>) {
    let rules = &target.dialect.request;
    let filled =
        rules.max_tokens_required.then(|| target.max_output_tokens.unwrap_or(DEFAULT_MAX_TOKENS));
    let Some(asked) = turn.max_output_tokens.or(filled) else { return };
    let name = match rules.max_tokens_field {
        MaxTokensField::MaxTokens => "max_tokens",
        MaxTokensField::MaxCompletionTokens => "max_completion_tokens",
    };
    if !target.repairs.drops(name, notes) {
        let asked = target.repairs.shortened(name, asked, notes);
        let least = u64::from(rules.min_max_tokens);
        field(out, name, itoa::Buffer::new().format(asked.max(least)));
    }
}

fn params(
    turn: &Turn<'_>,
    target: &Target<'_>,
    extras: &Extras<'_>,
    plan: &Plan<'_>,
    out: &mut Vec<u8>,
    notes: &mut Vec<Note>,
) {
    let rules = &target.dialect.request;
    let barred = |name: &str| {
        rules.drop.iter().any(|it| it == name)
            || (plan.thinks && target.dialect.thinking.drop_when_on.iter().any(|it| it == name))
    };
    let shared = turn.params.iter().map(|param| (param.name, param.json.get()));
    let own = extras.outer(Place::Top).filter(|(name, _)| !SAID_ELSEWHERE.contains(name));
    for (asked, json) in shared.chain(own) {
        let name = rules.rename.get(asked).map_or(asked, String::as_str);
        if target.repairs.drops(name, notes) {
            continue;
        }
        // The record knows better.
        if let Some((_, said)) = plan.fields.iter().find(|(known, _)| *known == name) {
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
    if let Some((name, key)) = target.cache_key(turn)
        && !barred(name)
        && !target.repairs.bars(name)
        && !plan.fields.iter().any(|(known, _)| *known == name)
    {
        field(out, name, &key);
    }
    if !plan.fields.iter().any(|(name, _)| *name == "reasoning") {
        let lost =
            extras.inner(Place::Top, "reasoning").map(|(name, _)| format!("reasoning.{name}"));
        notes.extend(lost.map(|it| Note::new(NoteKind::Dropped, it)));
    }
}

fn format(
    turn: &Turn<'_>,
    form: AnswerForm,
    extras: &Extras<'_>,
    out: &mut Vec<u8>,
    notes: &mut Vec<Note>,
) {
    form.note(turn, notes);
    match (form, &turn.format) {
        (AnswerForm::Object | AnswerForm::ObjectAndWords, _) => {
            field(out, "response_format", r#"{"type":"json_object"}"#);
        }
        (AnswerForm::Schema, Format::JsonSchema { name, description, schema, strict }) => {
            out.extend_from_slice(
                b",\"response_format\":{\"type\":\"json_schema\",\"json_schema\":{\"name\":",
            );
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
        (AnswerForm::Free | AnswerForm::Schema | AnswerForm::Words, _) => {}
    }
}

/// What is written where it belongs, and not among the parameters.
const SAID_ELSEWHERE: [&str; 3] = ["functions", "stream", "stream_options"];
