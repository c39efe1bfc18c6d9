use std::borrow::Cow;

use interlingua_dialect::Fix;
use interlingua_ir::{
    Class, Fault, Item, Note, NoteKind, Protocol, Reasoning, SEALED_SUMMARY, SEALED_THOUGHT,
    Summary, Task, Text, Turn,
};
use interlingua_protocol::Name;
use serde::Deserialize;
use serde_json::value::RawValue;

use super::rules::{self, INCLUDE, bars, call_id, takes_tool};
use super::write::{Reply, reply, summary};
use crate::edit::{Edits, Entries};
use crate::effort::{Asked, effort};
use crate::render::string;
use crate::target::{Target, Written};
use crate::tools::ToolMap;

/// Prepares a Responses client's own request for an upstream that speaks Responses.
///
/// `turn` is what [`read`](super::read) made of `body`, with its seals opened. What has to be changed
/// is changed in its place: the model's name, fields that the record bars, and thoughts, which the
/// client has sealed and their upstream wants back as it gave them. Everything else, known or not,
/// stays as it came to the byte.
///
/// `None` where the upstream cannot take the request as it is; [`write`](super::write()) says it in
/// other words then.
///
/// # Errors
///
/// [`BadParam`](Class::BadParam) as [`write`](super::write()); [`Class::InvalidRequest`] when `body` is
/// no request.
pub fn forward(
    body: &[u8],
    turn: &Turn<'_>,
    target: &Target<'_>,
) -> Result<Option<Written>, Fault> {
    let rewrites = [
        Fix::DropStrict,
        Fix::DropWebSearch,
        Fix::LiftImages,
        Fix::ToJsonObject,
        Fix::AddPlaceholder,
    ];
    if turn.protocol != Protocol::Responses
        || turn.task != Task::Answer
        || rewrites.iter().any(|fix| target.repairs.has(*fix))
    {
        return Ok(None);
    }
    let Ok(document) = std::str::from_utf8(body) else { return Ok(None) };
    let fields = Entries::of_object(document, document).map_err(|error| unreadable(&error))?;
    let kept = |name: &str| fields.get(name).is_some_and(|it| it.get() != "null");
    if kept("previous_response_id") || kept("conversation") || !takes_tools(&fields, target) {
        return Ok(None);
    }
    let mut notes = Vec::new();
    let asked = effort(turn, target, &mut notes)?;
    let mut edits = Edits::new(document);
    if !input(document, &fields, turn, target, &mut edits, &mut notes)? {
        return Ok(None);
    }
    top(document, &fields, &asked, target, &mut edits, &mut notes);
    Ok(Some(Written { body: edits.apply(), tools: ToolMap::default(), notes }))
}

/// Whether the upstream knows every tool that the request offers.
fn takes_tools(fields: &Entries<'_>, target: &Target<'_>) -> bool {
    fields.get("tools").is_none_or(|tools| knows_tools(tools, target))
}

fn knows_tools(tools: &RawValue, target: &Target<'_>) -> bool {
    #[derive(Deserialize)]
    struct Tool<'a> {
        #[serde(borrow, default, rename = "type")]
        kind: Option<Name<'a>>,
    }
    if tools.get() == "null" {
        return true;
    }
    let tools: Vec<Tool<'_>> = serde_json::from_str(tools.get()).unwrap_or_default();
    tools.iter().all(|it| takes_tool(target, it.kind.as_ref().map_or("function", Name::as_str)))
}

/// Changes the fields at the top.
fn top(
    document: &str,
    fields: &Entries<'_>,
    asked: &Asked<'_>,
    target: &Target<'_>,
    edits: &mut Edits<'_>,
    notes: &mut Vec<Note>,
) {
    let mut gone = Vec::new();
    for entry in &fields.list {
        let (name, json) = (entry.name.as_str(), entry.json.get());
        let nothing = json == "null";
        let bare = match name {
            // They are set below, or make up the request.
            "model" | "input" | "stream" | "store" | "include" | "tools" => false,
            "reasoning" => !nested(document, json, name, asked, target, edits, notes),
            "text" => !nested(document, json, name, asked, target, edits, notes),
            _ => !nothing && bars(name, asked, target, notes),
        };
        gone.push(bare);
        if bare || nothing {
            continue;
        }
        if let Some(clamped) = rules::clamped(name, json, target) {
            notes.push(Note::new(NoteKind::Changed, name));
            edits.replace(edits.span(json), clamped);
        }
    }
    for (entry, gone) in fields.list.iter().zip(&mut gone) {
        let name = entry.name.as_str();
        *gone |= matches!(name, "store" | "include") && bars(name, asked, target, notes);
    }
    fields.remove(|nth| gone.get(nth).copied().unwrap_or_default(), edits);

    if fields.get("reasoning").is_none_or(|it| it.get() == "null")
        && let Some(effort) = rules::effort(asked)
        && !bars("reasoning.effort", asked, target, notes)
    {
        fields.set("reasoning", &format!("{{\"effort\":{effort}}}"), edits);
    }
    let mut model = Vec::new();
    string(&mut model, &Text::plain(target.model));
    fields.set("model", &String::from_utf8_lossy(&model), edits);
    let stream = fields.get("stream").is_some_and(|it| it.get() == "true");
    if stream != target.stream {
        fields.set("stream", if target.stream { "true" } else { "false" }, edits);
    }
    if !bars("store", asked, target, &mut Vec::new()) {
        fields.set("store", "false", edits);
    }
    if !bars("include", asked, target, &mut Vec::new()) {
        include(fields, target, edits, notes);
    }
}

/// Asks for encrypted thoughts, where the model thinks.
fn include(
    fields: &Entries<'_>,
    target: &Target<'_>,
    edits: &mut Edits<'_>,
    notes: &mut Vec<Note>,
) {
    let wished = fields.get("include").filter(|it| it.get() != "null");
    let list = wished.map(|it| serde_json::from_str::<Vec<&RawValue>>(it.get()));
    let mut list = list.and_then(Result::ok).unwrap_or_default();
    let before = list.len();
    list.retain(|it| it.get() != INCLUDE);
    let there = list.len() < before;
    let wanted = rules::can_think(target);
    if there == wanted {
        return;
    }
    if there {
        notes.push(Note::new(NoteKind::Dropped, "include reasoning.encrypted_content"));
    }
    let all: Vec<&str> = list.iter().map(|it| it.get()).chain(wanted.then_some(INCLUDE)).collect();
    fields.set("include", &format!("[{}]", all.join(",")), edits);
}

/// Changes the fields of `reasoning` or `text`; `false` if nothing is left of them.
fn nested(
    document: &str,
    json: &str,
    name: &str,
    asked: &Asked<'_>,
    target: &Target<'_>,
    edits: &mut Edits<'_>,
    notes: &mut Vec<Note>,
) -> bool {
    if target.dialect.responses.drop.iter().any(|it| it == name) {
        notes.push(Note::new(NoteKind::Dropped, name));
        return false;
    }
    let Ok(fields) = Entries::of_object(document, json) else { return true };
    let effort = rules::effort(asked).filter(|_| name == "reasoning");
    let mut changed = effort.is_some() && fields.get("effort").is_none();
    let mut left: Vec<(&str, &str)> = Vec::new();
    for entry in &fields.list {
        let (field, old) = (entry.name.as_str(), entry.json.get());
        let is_effort = name == "reasoning" && field == "effort" && old != "null";
        let new = if is_effort { effort.as_deref() } else { Some(old) };
        let barred = old != "null" && bars(&format!("{name}.{field}"), asked, target, notes);
        changed |= barred || new != Some(old);
        left.extend(new.filter(|_| !barred).map(|new| (field, new)));
    }
    if !changed {
        return true;
    }
    if let (None, Some(effort)) = (fields.get("effort"), &effort)
        && !bars("reasoning.effort", asked, target, notes)
    {
        left.push(("effort", effort));
    }
    let mut object = Vec::new();
    for (field, json) in &left {
        crate::render::field(&mut object, field, json);
    }
    let Some(first) = object.first_mut() else { return false };
    *first = b'{';
    object.push(b'}');
    edits.replace(edits.span(json), object);
    true
}

/// An item of the conversation, as far as it may have to be changed.
#[derive(Deserialize)]
struct Head<'a> {
    #[serde(borrow, default, rename = "type")]
    kind: Option<Name<'a>>,
    #[serde(borrow, default)]
    namespace: Option<&'a RawValue>,
    #[serde(borrow, default)]
    tools: Option<&'a RawValue>,
    #[serde(borrow, default)]
    id: Option<&'a RawValue>,
    #[serde(borrow, default)]
    call_id: Option<Name<'a>>,
    #[serde(borrow, default)]
    encrypted_content: Option<&'a RawValue>,
}

/// Changes the conversation; `Ok(false)` if the upstream cannot take it as it is.
fn input(
    document: &str,
    fields: &Entries<'_>,
    turn: &Turn<'_>,
    target: &Target<'_>,
    edits: &mut Edits<'_>,
    notes: &mut Vec<Note>,
) -> Result<bool, Fault> {
    let Some(input) = fields.get("input").filter(|it| it.get().starts_with('[')) else {
        return Ok(true);
    };
    let items = Entries::of_list(document, input.get()).map_err(|error| unreadable(&error))?;
    // `instructions` were read as the first message.
    let instructed = fields.get("instructions").is_some_and(|it| it.get() != "null");
    let mut read = turn.items.iter().skip(usize::from(instructed));
    let mut gone = vec![false; items.list.len()];
    for (nth, entry) in items.list.iter().enumerate() {
        let Ok(head) = serde_json::from_str::<Head<'_>>(entry.json.get()) else { return Ok(false) };
        let kind = head.kind.as_ref().map_or("message", Name::as_str);
        if !takes_item(kind, &head, target) {
            return Ok(false);
        }
        if kind == "additional_tools" {
            continue;
        }
        let item = loop {
            match read.next() {
                // The gateway has put it there, because the client had forgotten it.
                Some(Item::Reasoning(thought)) if is_injected(thought) => {
                    let mut json = Vec::new();
                    reply(thought, target, notes).write(&mut json);
                    if !json.is_empty() {
                        json.push(b',');
                        edits.replace(entry.span.start..entry.span.start, json);
                    }
                }
                other => break other,
            }
        };
        gone[nth] = match (kind, item) {
            ("reasoning", Some(Item::Reasoning(it))) => {
                !thought(it, &head, entry.json, target, edits, notes)
            }
            ("compaction", Some(Item::Summary(it))) => {
                compacted(it, entry.json, edits, notes);
                false
            }
            ("reasoning" | "compaction", _)
            | (_, None | Some(Item::Reasoning(_) | Item::Summary(_))) => {
                return Ok(false);
            }
            _ => false,
        };
        if let Some(id) = &head.call_id
            && let Cow::Owned(short) = call_id(id.as_str())
            && let Ok(item) = Entries::of_object(document, entry.json.get())
        {
            item.set("call_id", &format!("\"{short}\""), edits);
        }
    }
    items.remove(|nth| gone.get(nth).copied().unwrap_or_default(), edits);
    Ok(true)
}

/// Whether the upstream takes an item as the client has it.
fn takes_item(kind: &str, head: &Head<'_>, target: &Target<'_>) -> bool {
    let namespaced = head.namespace.is_some_and(|it| !matches!(it.get(), "null" | "\"\""));
    match kind {
        // A summary is asked for in other words, and what is stored is not stored there.
        "compaction_trigger" | "item_reference" => false,
        "message" | "reasoning" | "compaction" => true,
        "function_call" | "function_call_output" => !namespaced || takes_tool(target, "namespace"),
        "additional_tools" => {
            takes_tool(target, "namespace") && head.tools.is_none_or(|it| knows_tools(it, target))
        }
        kind => rules::takes_item(target, kind),
    }
}

/// Whether a thought was put into the turn by the gateway: no client carries one that way.
fn is_injected(reasoning: &Reasoning<'_>) -> bool {
    reasoning.thought.is_some() && reasoning.sealed.is_none() && reasoning.readable.is_empty()
}

/// Puts a thought into its upstream's form; `false` if it has to go.
fn thought(
    reasoning: &Reasoning<'_>,
    head: &Head<'_>,
    json: &RawValue,
    target: &Target<'_>,
    edits: &mut Edits<'_>,
    notes: &mut Vec<Note>,
) -> bool {
    if !rules::can_think(target) {
        notes.push(Note::new(NoteKind::Dropped, "reasoning"));
        return false;
    }
    let Some(sealed) = &reasoning.sealed else { return true };
    if reasoning.thought.is_none() {
        // Ours, and not authentic: its copy has been taken away. Others' seals are not ours to judge.
        return !is_ours(sealed);
    }
    let reply = reply(reasoning, target, notes);
    match (&reply, head.encrypted_content) {
        (Reply::Nothing, _) => return false,
        // The client has its words, and perhaps more; they stay as they are.
        (Reply::Own { id, encrypted, .. }, Some(blob)) if id.is_none_or(|id| is(head.id, id)) => {
            edits.replace(edits.span(blob.get()), *encrypted);
        }
        _ => {
            let mut item = Vec::new();
            reply.write(&mut item);
            edits.replace(edits.span(json.get()), item);
        }
    }
    true
}

fn is(json: Option<&RawValue>, value: &str) -> bool {
    json.is_some_and(|it| it.get() == value)
}

/// Puts a summary of ours into words. One of the upstream's own stays as it is.
fn compacted(it: &Summary<'_>, json: &RawValue, edits: &mut Edits<'_>, notes: &mut Vec<Note>) {
    let foreign = it.sealed.as_ref().is_some_and(|it| !is_ours(it));
    if it.text.is_none() && foreign {
        return;
    }
    let mut message = Vec::new();
    summary(it, &mut message, notes);
    edits.replace(edits.span(json.get()), message);
}

/// Whether a seal was made by a gateway of this kind.
fn is_ours(sealed: &Text<'_>) -> bool {
    let plain = sealed.to_plain();
    [SEALED_THOUGHT, SEALED_SUMMARY].iter().any(|it| plain.starts_with(it))
}

fn unreadable(error: &serde_json::Error) -> Fault {
    let message = format!("the body is no Responses request in JSON: {error}");
    Fault::new(Class::InvalidRequest, message)
}
