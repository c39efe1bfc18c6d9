//! Conversations that the gateway keeps for its clients.
//!
//! What is kept is a JSON list of items: what the client sent, and what it was answered. The next
//! request of the conversation becomes one that sends all of it, so that nobody behind this point has
//! to know that anything is kept.

use std::borrow::Cow;

use interlingua_ir::{Class, Fault, Text};
use serde_json::value::RawValue;

use crate::document::Document;
use crate::fields::Fields;
use crate::incoming;
use crate::spans::{Member, elements, member, members};
use crate::splices::Splices;

/// Puts a kept conversation before the input of a request and takes the mention of it away.
///
/// `stored` is a JSON list of items. Everything else in the request stays as it came.
///
/// # Errors
///
/// [`Class::InvalidRequest`] when `document` is no request.
///
/// # Examples
///
/// ```
/// use interlingua_translate::{Document, json::Limits, responses};
///
/// let body = br#"{"model":"m","previous_response_id":"resp_1","input":"and now?"}"#;
/// let document = Document::of(body, Limits::default())?;
/// let stored = r#"[{"role":"user","content":"hello"},{"role":"assistant","content":"hi"}]"#;
/// let whole = responses::expand(&document, stored)?;
/// assert_eq!(
///     String::from_utf8_lossy(&whole),
///     r#"{"model":"m","input":[{"role":"user","content":"hello"},{"role":"assistant","content":"hi"},{"type":"message","role":"user","content":"and now?"}]}"#,
/// );
/// # Ok::<(), interlingua_ir::Fault>(())
/// ```
pub fn expand(document: &Document<'_>, stored: &str) -> Result<Vec<u8>, Fault> {
    let (text, members) = members_of(document)?;
    // Nobody has read it yet.
    let read: serde_json::Result<&RawValue> = serde_json::from_str(text);
    read.map_err(|error| invalid(&error.to_string()))?;
    let mut fields = Fields::of(text, members);
    let whole = match member(&fields.members, "input") {
        Some(input) => join(stored, &as_list(input)),
        // All of the request but the link may be missing.
        None => stored.to_owned(),
    };
    fields.drop(LINK);
    fields.set("input", whole);
    let mut splices = Splices::new(text);
    fields.apply(&mut splices);
    Ok(splices.apply())
}

/// The field that names the answer that a request continues.
const LINK: &str = "previous_response_id";

/// The id of the answer that a request continues from.
///
/// # Errors
///
/// [`Class::InvalidRequest`] when it is no id.
pub fn previous(document: &Document<'_>) -> Result<Option<String>, Fault> {
    // What is no request is told by whoever reads it whole.
    let Some(spans) = document.spans() else { return Ok(None) };
    let members = spans.members(spans.document());
    let Some(id) = member(&members, LINK).filter(|it| *it != "null") else { return Ok(None) };
    let Some(text) = Text::from_json(id) else {
        return Err(incoming::invalid(LINK, "a string is expected here"));
    };
    Ok(Some(text.into_plain().into_owned()))
}

/// The input of a request that can be read, as a JSON list of items, as it is kept.
///
/// # Errors
///
/// [`Class::InvalidRequest`] when `document` is no object.
pub fn items<'b>(document: &Document<'b>) -> Result<Cow<'b, str>, Fault> {
    /// Asks for something once; it is no part of the conversation.
    const TRIGGER: &str = "compaction_trigger";
    let (_, fields) = members_of(document)?;
    let list = member(&fields, "input").map_or(Cow::Borrowed("[]"), as_list);
    if memchr::memmem::find(list.as_bytes(), TRIGGER.as_bytes()).is_none() {
        return Ok(list);
    }
    let is_trigger = |item: &&str| {
        let kind = members(item).into_iter().find(|it| it.name == "type");
        kind.and_then(|it| Text::from_json(it.value)).is_some_and(|it| it.to_plain() == TRIGGER)
    };
    let mut splices = Splices::new(&list);
    let items = elements(&list);
    let ranges: Vec<_> = items.iter().map(|it| splices.range(it).unwrap_or_default()).collect();
    let gone: Vec<_> = items.iter().map(is_trigger).collect();
    splices.remove(list.trim(), &ranges, &gone);
    Ok(String::from_utf8(splices.apply()).unwrap_or_default().into())
}

/// Joins two JSON lists.
pub fn join(first: &str, second: &str) -> String {
    let inside = |list: &str| -> Option<String> {
        let inside = list.trim().strip_prefix('[')?.strip_suffix(']')?.trim();
        (!inside.is_empty()).then(|| inside.to_owned())
    };
    let parts: Vec<String> = [first, second].into_iter().filter_map(inside).collect();
    format!("[{}]", parts.join(","))
}

/// A request's text, and its members.
fn members_of<'b>(document: &Document<'b>) -> Result<(&'b str, Vec<Member<'b>>), Fault> {
    let Some(spans) = document.spans() else { return Err(invalid("it is no UTF-8")) };
    let text = spans.document();
    if !text.trim_start().starts_with('{') {
        return Err(invalid("it is no object"));
    }
    Ok((text, spans.members(text)))
}

fn invalid(reason: &str) -> Fault {
    let message = format!("the body is no Responses request in JSON: {reason}");
    let mut fault = Fault::new(Class::InvalidRequest, message);
    fault.code = Some("invalid_json".to_owned());
    fault
}

/// An input as a list: a string is what the user says.
fn as_list(input: &str) -> Cow<'_, str> {
    match input {
        list if list.starts_with('[') => list.into(),
        text if text.starts_with('"') => {
            format!("[{{\"type\":\"message\",\"role\":\"user\",\"content\":{text}}}]").into()
        }
        _ => "[]".into(),
    }
}
