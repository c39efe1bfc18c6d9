//! Conversations that the gateway keeps for its clients.
//!
//! What is kept is a JSON list of items: what the client sent, and what it was answered. The next
//! request of the conversation becomes one that sends all of it, so that nobody behind this point has
//! to know that anything is kept.

use std::borrow::Cow;

use interlingua_ir::{Class, Fault, Text};
use interlingua_protocol::Name;
use serde::Deserialize;

use crate::edit::{Edits, Entries};
use crate::incoming;

/// Puts a kept conversation before the input of a request and takes the mention of it away.
///
/// `stored` is a JSON list of items. Everything else in `body` stays as it came.
///
/// # Errors
///
/// [`Class::InvalidRequest`] when `body` is no request.
///
/// # Examples
///
/// ```
/// use interlingua_translate::responses;
///
/// let body = br#"{"model":"m","previous_response_id":"resp_1","input":"and now?"}"#;
/// let stored = r#"[{"role":"user","content":"hello"},{"role":"assistant","content":"hi"}]"#;
/// let whole = responses::expand(body, stored)?;
/// assert_eq!(
///     String::from_utf8_lossy(&whole),
///     r#"{"model":"m","input":[{"role":"user","content":"hello"},{"role":"assistant","content":"hi"},{"type":"message","role":"user","content":"and now?"}]}"#,
/// );
/// # Ok::<(), interlingua_ir::Fault>(())
/// ```
pub fn expand(body: &[u8], stored: &str) -> Result<Vec<u8>, Fault> {
    let (document, fields) = fields(body)?;
    let mut edits = Edits::new(document);
    let is_link = |nth: usize| fields.list[nth].name.as_str() == "previous_response_id";
    match fields.get("input") {
        Some(input) => {
            fields.remove(is_link, &mut edits);
            let whole = join(stored, &as_list(input.get()));
            fields.set("input", &whole, &mut edits);
        }
        // All of the request but the link may be missing.
        None => {
            let link = fields.list.iter().find(|it| it.name.as_str() == "previous_response_id");
            let field = format!("\"input\":{stored}");
            match link {
                Some(link) => edits.replace(link.span.clone(), field),
                None => fields.set("input", stored, &mut edits),
            }
        }
    }
    Ok(edits.apply())
}

/// The id of the answer that a request continues from.
///
/// # Errors
///
/// [`Class::InvalidRequest`] when it is no id.
pub fn previous(body: &[u8]) -> Result<Option<String>, Fault> {
    const FIELD: &str = "previous_response_id";
    // Nearly nobody says so, and a look costs less than a parser.
    if memchr::memmem::find(body, FIELD.as_bytes()).is_none() {
        return Ok(None);
    }
    // What is no request is told by whoever reads it whole.
    let Ok((_, fields)) = fields(body) else { return Ok(None) };
    let Some(id) = fields.get(FIELD).filter(|id| id.get() != "null") else { return Ok(None) };
    let Some(text) = Text::from_json(id.get()) else {
        return Err(incoming::invalid(FIELD, "a string is expected here"));
    };
    Ok(Some(text.into_plain().into_owned()))
}

/// The input of a request as a JSON list of items, as it is kept.
///
/// # Errors
///
/// [`Class::InvalidRequest`] when `body` is no request.
pub fn items(body: &[u8]) -> Result<Cow<'_, str>, Fault> {
    /// Asks for something once; it is no part of the conversation.
    const TRIGGER: &str = "compaction_trigger";
    let (_, fields) = fields(body)?;
    let list = fields.get("input").map_or(Cow::Borrowed("[]"), |input| as_list(input.get()));
    if memchr::memmem::find(list.as_bytes(), TRIGGER.as_bytes()).is_none() {
        return Ok(list);
    }
    #[derive(Deserialize)]
    struct Kind<'a> {
        #[serde(borrow, default, rename = "type")]
        kind: Name<'a>,
    }
    let entries = Entries::of_list(&list, &list).map_err(|error| invalid(&error.to_string()))?;
    let is_trigger = |nth: usize| {
        let json = entries.list[nth].json.get();
        serde_json::from_str::<Kind<'_>>(json).is_ok_and(|it| it.kind.as_str() == TRIGGER)
    };
    let mut edits = Edits::new(&list);
    entries.remove(is_trigger, &mut edits);
    Ok(String::from_utf8(edits.apply()).unwrap_or_default().into())
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

fn fields(body: &[u8]) -> Result<(&str, Entries<'_>), Fault> {
    let document = std::str::from_utf8(body).map_err(|error| invalid(&error.to_string()))?;
    let fields = Entries::of_object(document, document);
    Ok((document, fields.map_err(|error| invalid(&error.to_string()))?))
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
