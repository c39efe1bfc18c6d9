//! A turn as a request of the Messages protocol.

use std::borrow::Cow;

use interlingua_ir::{Fault, Format, Note, NoteKind, Protocol, Text, Turn};

use crate::form::AnswerForm;
use crate::history::History;
use crate::render::{field, string};
use crate::size::capacity;
use crate::spans::member;
use crate::target::{HOUSEKEEPING, Target, Written};
use crate::tools::Names;

mod conversation;
mod extras;
mod offer;
mod parts;
pub(super) mod replay;
mod step;
pub(super) mod thinking;

use extras::Extras;
pub(super) use offer::takes;
use replay::Replay;
use thinking::{Plan, THINKING, kind};

/// Writes a turn as a request of the Messages protocol.
///
/// Messages come last, so that the requests of two consecutive turns share their beginning and the
/// upstream's prompt cache stays warm. Clients whose protocol has no words for it get cache marks.
///
/// # Errors
///
/// [`BadParam`](interlingua_ir::Class::BadParam) when the dialect's record wants an effort level
/// refused that it does not know.
pub fn write(turn: &Turn<'_>, target: &Target<'_>) -> Result<Written, Fault> {
    let mut notes = Vec::new();
    let names = Names::of(turn, &target.dialect.tools, &mut notes);
    let history = History::of(turn);
    let extras = Extras::of(turn, target, &mut notes);
    let plan = Plan::of(turn, target, &history, &mut notes)?;
    let replay = Replay::of(target, plan.thinks);

    let mut out = Vec::with_capacity(capacity(turn));
    out.extend_from_slice(b"{\"model\":");
    string(&mut out, &Text::plain(target.model));
    field(&mut out, "max_tokens", itoa::Buffer::new().format(plan.max_tokens));
    if target.stream {
        field(&mut out, "stream", "true");
    }
    params(turn, target, plan.thinks, &mut out, &mut notes);
    fields(turn, target, &extras, &plan, &mut out, &mut notes);
    extras.top(target, &mut out, &mut notes);
    let marks = Marks::of(turn, target);
    offer::write(turn, target, &names, &extras, &plan, marks, &mut out, &mut notes);
    conversation::Writer::new(
        turn, target, &names, &replay, &history, &extras, &mut out, &mut notes,
    )
    .write(marks);
    out.push(b'}');
    let unheld = AnswerForm::of(turn, target).unheld(turn);
    Ok(Written { body: out.into(), tools: names.map(), unheld, notes })
}

/// Sampling parameters, under this protocol's names.
fn params(
    turn: &Turn<'_>,
    target: &Target<'_>,
    thinks: bool,
    out: &mut Vec<u8>,
    notes: &mut Vec<Note>,
) {
    let rules = &target.dialect.request;
    let on = &target.dialect.thinking.drop_when_on;
    for param in &turn.params {
        let name = rules.rename.get(param.name).map_or(param.name, String::as_str);
        if target.repairs.drops(name, notes) {
            continue;
        }
        let listed = |names: &[String]| names.iter().any(|it| it == param.name || it == name);
        let known = turn.protocol == Protocol::Messages || KNOWN_PARAMS.contains(&name);
        if !known || listed(&rules.drop) || (thinks && listed(on)) {
            if !HOUSEKEEPING.contains(&param.name) {
                notes.push(Note::new(NoteKind::Dropped, param.name));
            }
            continue;
        }
        let json = param.json.get();
        match target.clamped(param.name, json) {
            Some(allowed) => {
                notes.push(Note::new(NoteKind::Changed, param.name));
                field(out, name, &allowed);
            }
            // One word to stop at may stand alone elsewhere.
            None if name == "stop_sequences" && json.starts_with('"') => {
                field(out, name, &format!("[{json}]"));
            }
            None => field(out, name, json),
        }
    }
}

/// Writes the fields that the record sets always, those of the effort, and the form of the answer.
fn fields(
    turn: &Turn<'_>,
    target: &Target<'_>,
    extras: &Extras<'_>,
    plan: &Plan,
    out: &mut Vec<u8>,
    notes: &mut Vec<Note>,
) {
    let mut fields: Vec<(&str, Cow<'_, str>)> = Vec::new();
    let planned = plan.fields.iter();
    for (name, json) in target.dialect.request.set.iter().chain(planned) {
        fields.retain(|(known, _)| known != name);
        fields.push((name, json.into()));
    }
    let mut output = Vec::new();
    for more in extras.beside(OUTPUT_CONFIG) {
        match &*more.name {
            // It is the client's own level, which here steers its words only.
            "effort" if !plan.thinks && thinking::has_levels(target.dialect) => {
                output.push(more.whole.to_owned());
            }
            "effort" if plan.thinks => {}
            "effort" => notes.push(Note::new(NoteKind::Dropped, "output_config.effort")),
            "format" => {}
            _ => output.push(more.whole.to_owned()),
        }
    }
    if let Some(format) = format(turn, AnswerForm::of(turn, target), notes) {
        output.push(format!("\"format\":{format}"));
    }
    extend(&mut fields, OUTPUT_CONFIG, &output);
    let form = fields.iter().find(|(name, _)| *name == THINKING).map(|(_, json)| kind(json));
    let beside = extras.beside(THINKING);
    let asked = member(&beside, "type").and_then(Text::from_json);
    let same = asked.zip(form).is_some_and(|(asked, form)| asked.to_plain() == form);
    let mut more = Vec::new();
    for own in beside.iter().filter(|it| !matches!(&*it.name, "type" | "budget_tokens")) {
        match same {
            true => more.push(own.whole.to_owned()),
            false => notes.push(Note::new(NoteKind::Dropped, format!("thinking.{}", own.name))),
        }
    }
    extend(&mut fields, THINKING, &more);
    for (name, json) in fields {
        if !target.repairs.drops(name, notes) {
            field(out, name, &json);
        }
    }
}

/// Puts members into an object among `fields`, which is made if it is not there.
fn extend<'f>(fields: &mut Vec<(&'f str, Cow<'_, str>)>, name: &'f str, members: &[String]) {
    if members.is_empty() {
        return;
    }
    let more = members.join(",");
    match fields.iter_mut().find(|(known, _)| *known == name) {
        Some((_, json)) => {
            let start = json.trim_end().strip_suffix('}').unwrap_or_default();
            let comma = if start.trim_end().ends_with('{') { "" } else { "," };
            *json = format!("{start}{comma}{more}}}").into();
        }
        None => fields.push((name, format!("{{{more}}}").into())),
    }
}

/// The form of the answer, if the upstream can be held to it.
fn format(turn: &Turn<'_>, form: AnswerForm, notes: &mut Vec<Note>) -> Option<String> {
    form.note(turn, notes);
    match (form, &turn.format) {
        (AnswerForm::Object | AnswerForm::ObjectAndWords, _) => {
            Some(r#"{"type":"json_object"}"#.to_owned())
        }
        (AnswerForm::Schema, Format::JsonSchema { name, schema, .. }) => {
            if turn.protocol != Protocol::Messages {
                notes.push(Note::new(NoteKind::Dropped, format!("name of the schema {name}")));
            }
            Some(format!(r#"{{"type":"json_schema","schema":{}}}"#, schema.get()))
        }
        (AnswerForm::Free | AnswerForm::Schema | AnswerForm::Words, _) => None,
    }
}

/// How many cache marks may be set for a client that cannot set them itself.
#[derive(Clone, Copy, Debug, Default)]
struct Marks {
    tools: bool,
    system: bool,
    messages: usize,
}

impl Marks {
    /// The last tool, the last rule, and the last block of the user's last two messages: what the next
    /// turn repeats for sure.
    fn of(turn: &Turn<'_>, target: &Target<'_>) -> Self {
        let rules = &target.dialect.cache;
        let by_mark = rules.mode == interlingua_dialect::CacheMode::CacheControl;
        if turn.protocol == Protocol::Messages || !by_mark {
            return Self::default();
        }
        let most = rules.max_breakpoints as usize;
        Self { messages: most.min(2), system: most > 2, tools: most > 3 }
    }
}

/// The field that holds effort and form of the answer.
pub(super) const OUTPUT_CONFIG: &str = "output_config";

/// What this protocol knows of the parameters of others, by its own names.
const KNOWN_PARAMS: [&str; 4] = ["stop_sequences", "temperature", "top_k", "top_p"];
