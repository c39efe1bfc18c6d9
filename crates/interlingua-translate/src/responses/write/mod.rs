use std::borrow::Cow;

use interlingua_ir::{Extra, Fault, Format, Note, NoteKind, Place, Protocol, Text, Turn};

use super::rules::{self, INCLUDE, bars};
use crate::effort::{Asked, effort};
use crate::form::AnswerForm;
use crate::render::{field, string};
use crate::size::capacity;
use crate::target::{Target, Written};
use crate::tools::Names;

mod input;
mod offer;
mod parts;
mod thoughts;

pub(super) use input::summary;
pub(super) use thoughts::{Reply, reply};

/// Writes a turn as a Responses request.
///
/// The gateway keeps what has to be kept, so that the upstream is asked to store nothing and to give
/// its thoughts encrypted. The conversation comes last, so that the requests of two consecutive turns
/// share their beginning and the upstream's prompt cache stays warm.
///
/// # Errors
///
/// [`BadParam`](interlingua_ir::Class::BadParam) when the dialect's record wants an effort level
/// refused that it does not know.
pub fn write(turn: &Turn<'_>, target: &Target<'_>) -> Result<Written, Fault> {
    let mut notes = Vec::new();
    let names = Names::of(turn, &target.dialect.tools, &mut notes);
    let asked = effort(turn, target, &mut notes)?;

    let mut out = Vec::with_capacity(capacity(turn));
    out.extend_from_slice(b"{\"model\":");
    string(&mut out, &Text::plain(target.model));
    if target.stream {
        field(&mut out, "stream", "true");
    }
    if !bars("store", &asked, target, &mut notes) {
        field(&mut out, "store", "false");
    }
    let own = own_extras(turn);
    include(&own, &asked, target, &mut out, &mut notes);
    reasoning(&own, &asked, target, &mut out, &mut notes);
    text(turn, &asked, target, &mut out, &mut notes);
    max_tokens(turn, &asked, target, &mut out, &mut notes);
    params(turn, &own, &asked, target, &mut out, &mut notes);
    offer::write(turn, target, &names, &asked, &mut out, &mut notes);
    out.extend_from_slice(b",\"input\":");
    input::write(turn, target, &names, &mut out, &mut notes);
    out.push(b'}');
    let unheld = AnswerForm::of(turn, target).unheld(turn);
    Ok(Written { body: out.into(), tools: names.map(), unheld, notes })
}

/// What only this protocol has a word for, if the client speaks it.
fn own_extras<'x, 'a>(turn: &'x Turn<'a>) -> Vec<&'x Extra<'a>> {
    match turn.protocol {
        Protocol::Responses => turn.extras.iter().filter(|it| it.place == Place::Top).collect(),
        Protocol::Chat | Protocol::Messages => Vec::new(),
    }
}

fn include(
    own: &[&Extra<'_>],
    asked: &Asked<'_>,
    target: &Target<'_>,
    out: &mut Vec<u8>,
    notes: &mut Vec<Note>,
) {
    let wished = own.iter().filter(|it| it.name == "include");
    let wished = wished.flat_map(|it| {
        serde_json::from_str::<Vec<&serde_json::value::RawValue>>(it.json.get()).unwrap_or_default()
    });
    let wished = wished.map(serde_json::value::RawValue::get).filter(|it| *it != INCLUDE);
    let thoughts = rules::can_think(target).then_some(INCLUDE);
    let all: Vec<&str> = thoughts.into_iter().chain(wished).collect();
    if !all.is_empty() && !bars("include", asked, target, notes) {
        field(out, "include", &format!("[{}]", all.join(",")));
    }
}

/// Fields of `reasoning` that a client of this protocol may have set.
const REASONING: [&str; 4] = ["summary", "context", "mode", "generate_summary"];

fn reasoning(
    own: &[&Extra<'_>],
    asked: &Asked<'_>,
    target: &Target<'_>,
    out: &mut Vec<u8>,
    notes: &mut Vec<Note>,
) {
    let mut fields: Vec<(&str, Cow<'_, str>)> = Vec::new();
    fields.extend(rules::effort(asked).map(|word| ("effort", word.into())));
    if asked.thinks {
        let wished = own.iter().filter(|it| REASONING.contains(&&*it.name));
        fields.extend(wished.map(|it| (&*it.name, it.json.get().into())));
        if !fields.iter().any(|(name, _)| name.ends_with("summary")) {
            // Without it nobody sees that the model thinks.
            fields.push(("summary", "\"auto\"".into()));
        }
    }
    fields.retain(|(name, _)| !bars(&format!("reasoning.{name}"), asked, target, notes));
    object(out, "reasoning", &fields);
}

fn text(
    turn: &Turn<'_>,
    asked: &Asked<'_>,
    target: &Target<'_>,
    out: &mut Vec<u8>,
    notes: &mut Vec<Note>,
) {
    let mut fields: Vec<(&str, Cow<'_, str>)> = Vec::new();
    fields.extend(format(turn, target, notes).map(|it| ("format", it)));
    let verbosity = turn.params.iter().find(|it| it.name == "verbosity");
    fields.extend(verbosity.map(|it| ("verbosity", it.json.get().into())));
    fields.retain(|(name, _)| !bars(&format!("text.{name}"), asked, target, notes));
    object(out, "text", &fields);
}

fn format<'t>(turn: &Turn<'_>, target: &Target<'_>, notes: &mut Vec<Note>) -> Option<Cow<'t, str>> {
    let form = AnswerForm::of(turn, target);
    form.note(turn, notes);
    match (form, &turn.format) {
        (AnswerForm::Object | AnswerForm::ObjectAndWords, _) => {
            Some(r#"{"type":"json_object"}"#.into())
        }
        (AnswerForm::Schema, Format::JsonSchema { name, description, schema, strict }) => {
            let mut json = b"{\"type\":\"json_schema\",\"name\":".to_vec();
            string(&mut json, name);
            if let Some(description) = description {
                json.extend_from_slice(b",\"description\":");
                string(&mut json, description);
            }
            if let Some(strict) = strict {
                field(&mut json, "strict", if *strict { "true" } else { "false" });
            }
            field(&mut json, "schema", schema.get());
            json.push(b'}');
            Some(String::from_utf8(json).unwrap_or_default().into())
        }
        (AnswerForm::Free | AnswerForm::Schema | AnswerForm::Words, _) => None,
    }
}

/// The least that the API takes, in tokens.
const LEAST_OUTPUT: u64 = 16;

fn max_tokens(
    turn: &Turn<'_>,
    asked: &Asked<'_>,
    target: &Target<'_>,
    out: &mut Vec<u8>,
    notes: &mut Vec<Note>,
) {
    let Some(wished) = turn.max_output_tokens else { return };
    if bars("max_output_tokens", asked, target, notes) {
        return;
    }
    let wished = target.repairs.shortened("max_output_tokens", wished, notes);
    let least = LEAST_OUTPUT.max(target.dialect.request.min_max_tokens.into());
    if wished < least {
        notes.push(Note::new(NoteKind::Changed, format!("max_output_tokens to {least}")));
    }
    field(out, "max_output_tokens", itoa::Buffer::new().format(wished.max(least)));
}

/// Parameters of Chat Completions that Responses has under the same name.
const PARAMS: [&str; 8] = [
    "metadata",
    "prompt_cache_key",
    "prompt_cache_retention",
    "safety_identifier",
    "service_tier",
    "temperature",
    "top_p",
    "user",
];

/// Fields that only this protocol has, and that hold wherever it is spoken.
const OWN: [&str; 8] = [
    "client_metadata",
    "context_management",
    "max_tool_calls",
    "moderation",
    "prompt_cache_options",
    "stream_options",
    "top_logprobs",
    "truncation",
];

fn params(
    turn: &Turn<'_>,
    own: &[&Extra<'_>],
    asked: &Asked<'_>,
    target: &Target<'_>,
    out: &mut Vec<u8>,
    notes: &mut Vec<Note>,
) {
    for param in &turn.params {
        let (name, json) = (param.name, param.json.get());
        match name {
            // The one is said elsewhere, the other is not the client's to say.
            "verbosity" | "store" => continue,
            _ => {}
        }
        let own = turn.protocol == Protocol::Responses && OWN.contains(&name);
        if !own && !PARAMS.contains(&name) {
            notes.push(Note::new(NoteKind::Dropped, name));
            continue;
        }
        if bars(name, asked, target, notes) {
            continue;
        }
        let clamped = target.clamped(name, json);
        if clamped.is_some() {
            notes.push(Note::new(NoteKind::Changed, name));
        }
        field(out, name, clamped.as_deref().unwrap_or(json));
    }
    for extra in own {
        let name = &*extra.name;
        if name == "include" || REASONING.contains(&name) {
            continue;
        }
        if !OWN.contains(&name) {
            notes.push(Note::new(NoteKind::Dropped, name));
        } else if !bars(name, asked, target, notes) {
            field(out, name, extra.json.get());
        }
    }
    if let Some((name, key)) = target.cache_key(turn)
        && !bars(name, asked, target, notes)
    {
        field(out, name, &key);
    }
}

/// Writes a field that holds an object, unless that would be empty.
fn object(out: &mut Vec<u8>, name: &str, fields: &[(&str, Cow<'_, str>)]) {
    if fields.is_empty() {
        return;
    }
    let mut inside = Vec::new();
    for (name, json) in fields {
        field(&mut inside, name, json);
    }
    inside[0] = b'{';
    inside.push(b'}');
    field(out, name, &interlingua_protocol::lossy(&inside));
}
