use std::borrow::Cow;

use interlingua_dialect::Fix;
use interlingua_ir::{
    Fault, Item, Note, NoteKind, Protocol, Reasoning, SEALED_SUMMARY, SEALED_THOUGHT, Summary,
    Task, Text, Turn,
};

use super::rules::{self, INCLUDE, bars, call_id, takes_tool};
use super::write::{Reply, reply, summary};
use crate::document::Document;
use crate::effort::{Asked, effort};
use crate::fields::Fields;
use crate::render::quoted;
use crate::spans::{Member, Spans, elements, member, members};
use crate::splices::Splices;
use crate::target::{Target, Written};
use crate::tools::ToolMap;

/// Prepares a Responses client's own request for an upstream that speaks Responses.
///
/// `turn` is what [`read`](super::read) made of `document`, with its seals opened. What has to be changed
/// is changed in its place: the model's name, fields that the record bars, and thoughts, which the
/// client has sealed and their upstream wants back as it gave them. Everything else, known or not,
/// stays as it came to the byte.
///
/// `None` where the upstream cannot take the request as it is; [`write`](super::write()) says it in
/// other words then.
///
/// # Errors
///
/// As [`write`](super::write()).
pub fn forward(
    document: &Document<'_>,
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
    let Some(spans) = document.spans() else { return Ok(None) };
    let text = spans.document();
    let mut fields = Fields::of(text, spans.members(text));
    let Some(conversation) = fields.get("input") else { return Ok(None) };
    let is_elsewhere = ["previous_response_id", "conversation"];
    if is_elsewhere.iter().any(|it| fields.get(it).is_some())
        || !takes_tools(spans, fields.get("tools"), target)
    {
        return Ok(None);
    }
    let mut notes = Vec::new();
    let asked = effort(turn, target, &mut notes)?;
    let mut splices = Splices::new(text);
    // `instructions` were read as the first message.
    let skipped = usize::from(fields.get("instructions").is_some());
    let items = turn.items.get(skipped..).unwrap_or_default();
    if !input(spans, conversation, items, target, &mut splices, &mut notes) {
        return Ok(None);
    }
    top(&mut fields, &asked, target, &mut notes);
    fields.apply(&mut splices);
    let body = splices.body(document.shared());
    Ok(Some(Written { body, tools: ToolMap::default(), unheld: None, notes }))
}

/// Whether the upstream knows every tool of a list.
fn takes_tools<'t>(spans: &Spans<'t>, tools: Option<&'t str>, target: &Target<'_>) -> bool {
    tools.is_none_or(|tools| {
        spans.elements(tools).into_iter().all(|tool| {
            let kind = member(&spans.members(tool), "type").and_then(Text::from_json);
            let kind = kind.map_or("function".into(), Text::into_plain);
            takes_tool(target, &kind)
        })
    })
}

/// Changes the fields at the top.
fn top(fields: &mut Fields<'_>, asked: &Asked<'_>, target: &Target<'_>, notes: &mut Vec<Note>) {
    for Member { name, value, .. } in fields.members.clone() {
        match &*name {
            // They are set below, or make up the request.
            "model" | "input" | "stream" | "store" | "include" | "tools" => {}
            "reasoning" | "text" => nested(fields, &name, value, asked, target, notes),
            _ if value == "null" => {}
            _ if bars(&name, asked, target, notes) => fields.drop(&name),
            _ => {
                let mut allowed = target.clamped(&name, value);
                if allowed.is_some() {
                    notes.push(Note::new(NoteKind::Changed, name.as_ref()));
                }
                if name == "max_output_tokens"
                    && let Ok(asked) = allowed.as_deref().unwrap_or(value).parse()
                {
                    let limit = target.repairs.shortened(&name, asked, notes);
                    allowed = if limit < asked { Some(limit.to_string()) } else { allowed };
                }
                if let Some(allowed) = allowed {
                    fields.set(&name, allowed);
                }
            }
        }
    }
    let may_store = !bars_field("store", fields, asked, target, notes);
    let may_include = !bars_field("include", fields, asked, target, notes);

    if fields.get("reasoning").is_none()
        && let Some(effort) = rules::effort(asked)
        && !bars("reasoning.effort", asked, target, notes)
    {
        fields.set("reasoning", format!("{{\"effort\":{effort}}}"));
    }
    fields.set("model", quoted(target.model));
    let stream = fields.get("stream") == Some("true");
    if stream != target.stream {
        fields.set("stream", if target.stream { "true" } else { "false" });
    }
    if may_store {
        fields.set("store", "false");
    }
    if may_include {
        include(fields, target, notes);
    }
}

/// Whether a field is barred that we would set otherwise; if so, and if the client sets it, it is left out.
fn bars_field(
    name: &str,
    fields: &mut Fields<'_>,
    asked: &Asked<'_>,
    target: &Target<'_>,
    notes: &mut Vec<Note>,
) -> bool {
    let is_there = fields.members.iter().any(|it| it.name == name);
    let mut told = Vec::new();
    let bars = bars(name, asked, target, &mut told);
    if bars && is_there {
        notes.append(&mut told);
        fields.drop(name);
    }
    bars
}

/// Asks for encrypted thoughts, where the model thinks.
fn include(fields: &mut Fields<'_>, target: &Target<'_>, notes: &mut Vec<Note>) {
    let mut list = fields.get("include").map(elements).unwrap_or_default();
    let before = list.len();
    list.retain(|it| *it != INCLUDE);
    let there = list.len() < before;
    let wanted = rules::can_think(target);
    if there == wanted {
        return;
    }
    if there {
        notes.push(Note::new(NoteKind::Dropped, "include reasoning.encrypted_content"));
    }
    list.extend(wanted.then_some(INCLUDE));
    fields.set("include", format!("[{}]", list.join(",")));
}

/// Changes the fields of `reasoning` or `text`.
fn nested(
    fields: &mut Fields<'_>,
    name: &str,
    value: &str,
    asked: &Asked<'_>,
    target: &Target<'_>,
    notes: &mut Vec<Note>,
) {
    if target.dialect.responses.drop.iter().any(|it| it == name) {
        notes.push(Note::new(NoteKind::Dropped, name));
        return fields.drop(name);
    }
    if !value.starts_with('{') {
        return;
    }
    let members = members(value);
    let given = member(&members, "effort");
    let effort = rules::effort(asked).filter(|_| name == "reasoning");
    let mut changed = effort.is_some() && given.is_none();
    let mut left: Vec<(&str, &str)> = Vec::new();
    for Member { name: field, value: old, .. } in &members {
        let is_effort = name == "reasoning" && field == "effort" && *old != "null";
        let new = if is_effort { effort.as_deref() } else { Some(*old) };
        let barred = *old != "null" && bars(&format!("{name}.{field}"), asked, target, notes);
        changed |= barred || new != Some(old);
        left.extend(new.filter(|_| !barred).map(|new| (field.as_ref(), new)));
    }
    if !changed {
        return;
    }
    if let (None, Some(effort)) = (given, &effort)
        && !bars("reasoning.effort", asked, target, notes)
    {
        left.push(("effort", effort));
    }
    let mut object = Vec::new();
    for (field, json) in &left {
        crate::render::field(&mut object, field, json);
    }
    let Some(first) = object.first_mut() else { return fields.drop(name) };
    *first = b'{';
    object.push(b'}');
    fields.set(name, json(object));
}

/// An item of the conversation, as far as it may have to be changed.
struct Entry<'t> {
    text: &'t str,
    members: Vec<Member<'t>>,
    kind: Cow<'t, str>,
}

impl<'t> Entry<'t> {
    fn of(spans: &Spans<'t>, text: &'t str) -> Self {
        let members = spans.members(text);
        let kind = member(&members, "type").and_then(Text::from_json);
        let kind = kind.map_or("message".into(), Text::into_plain);
        Self { text, members, kind }
    }

    /// The value of a field, unless it is null.
    fn get(&self, name: &str) -> Option<&'t str> {
        member(&self.members, name).filter(|it| *it != "null")
    }
}

/// Changes the conversation, which was read as `read`; `false` if the upstream cannot take it as it is.
fn input<'t>(
    spans: &Spans<'t>,
    conversation: &'t str,
    read: &[Item<'_>],
    target: &Target<'_>,
    splices: &mut Splices<'t>,
    notes: &mut Vec<Note>,
) -> bool {
    let items = spans.elements(conversation);
    let mut read = read.iter();
    let mut gone = vec![false; items.len()];
    let mut injected = Vec::new();
    for (text, gone) in items.iter().zip(&mut gone) {
        let entry = Entry::of(spans, text);
        let kind = &*entry.kind;
        if !takes_item(spans, &entry, target) {
            return false;
        }
        if kind == "additional_tools" {
            continue;
        }
        let item = loop {
            match read.next() {
                // The gateway has put it there, because the client had forgotten it.
                Some(Item::Reasoning(thought)) if is_injected(thought) => {
                    let before = injected.len();
                    reply(thought, target, notes).write(&mut injected);
                    if injected.len() > before {
                        injected.push(b',');
                    }
                }
                other => break other,
            }
        };
        *gone = match (kind, item) {
            ("reasoning", Some(Item::Reasoning(it))) => {
                !thought(it, &entry, target, splices, notes)
            }
            ("compaction", Some(Item::Summary(it))) => {
                compacted(it, text, splices, notes);
                false
            }
            ("reasoning" | "compaction", _)
            | (_, None | Some(Item::Reasoning(_) | Item::Summary(_))) => {
                return false;
            }
            _ => false,
        };
        // What stands before something that goes comes before what follows it.
        if !*gone && !injected.is_empty() {
            let start = splices.range(text).unwrap_or_default().start;
            splices.put(start..start, json(std::mem::take(&mut injected)));
        }
        if let Some(long) = entry.get("call_id")
            && let Some(id) = Text::from_json(long)
            && let Cow::Owned(short) = call_id(&id.to_plain())
        {
            splices.replace(long, format!("\"{short}\""));
        }
    }
    let range = |entry: &&'t str| splices.range(entry).unwrap_or_default();
    let ranges: Vec<_> = items.iter().map(range).collect();
    splices.remove(conversation, &ranges, &gone);
    true
}

/// Whether the upstream takes an item as the client has it.
fn takes_item<'t>(spans: &Spans<'t>, entry: &Entry<'t>, target: &Target<'_>) -> bool {
    let namespaced = entry.get("namespace").is_some_and(|it| it != "\"\"");
    match &*entry.kind {
        // A summary is asked for in other words, and what is stored is not stored there.
        "compaction_trigger" | "item_reference" => false,
        "message" | "reasoning" | "compaction" => true,
        "function_call" | "function_call_output" => !namespaced || takes_tool(target, "namespace"),
        "additional_tools" => {
            takes_tool(target, "namespace") && takes_tools(spans, entry.get("tools"), target)
        }
        kind => rules::takes_item(target, kind),
    }
}

/// Whether a thought was put into the turn by the gateway: no client carries one that way.
fn is_injected(reasoning: &Reasoning<'_>) -> bool {
    reasoning.thought.is_some() && reasoning.sealed.is_none() && reasoning.readable.is_empty()
}

/// Puts a thought into its upstream's form; `false` if it has to go.
fn thought<'t>(
    reasoning: &Reasoning<'_>,
    entry: &Entry<'t>,
    target: &Target<'_>,
    splices: &mut Splices<'t>,
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
    match (&reply, entry.get("encrypted_content")) {
        (Reply::Nothing, _) => return false,
        // The client has its words, and perhaps more; they stay as they are.
        (Reply::Own { id, encrypted, .. }, Some(blob))
            if id.is_none_or(|id| entry.get("id") == Some(id)) =>
        {
            splices.replace(blob, (*encrypted).to_owned());
        }
        _ => {
            let mut item = Vec::new();
            reply.write(&mut item);
            splices.replace(entry.text, json(item));
        }
    }
    true
}

/// Puts a summary of ours into words. One of the upstream's own stays as it is.
fn compacted<'t>(
    it: &Summary<'_>,
    entry: &'t str,
    splices: &mut Splices<'t>,
    notes: &mut Vec<Note>,
) {
    let foreign = it.sealed.as_ref().is_some_and(|it| !is_ours(it));
    if it.text.is_none() && foreign {
        return;
    }
    let mut message = Vec::new();
    summary(it, &mut message, notes);
    splices.replace(entry, json(message));
}

/// Whether a seal was made by a gateway of this kind.
fn is_ours(sealed: &Text<'_>) -> bool {
    let plain = sealed.to_plain();
    [SEALED_THOUGHT, SEALED_SUMMARY].iter().any(|it| plain.starts_with(it))
}

/// What was written, which is JSON.
fn json(written: Vec<u8>) -> String {
    String::from_utf8(written).unwrap_or_default()
}
