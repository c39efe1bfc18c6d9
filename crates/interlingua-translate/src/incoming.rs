//! What all readers of requests share.

use std::collections::HashMap;

use interlingua_ir::{Class, Extra, Fault, Place, Text};
use interlingua_protocol::ReadError;
use interlingua_protocol::json::TooComplex;
use serde::Deserialize;
use serde_json::value::RawValue;

use crate::document::Document;

/// A request with more structure than anybody needs.
pub(crate) fn too_complex(error: TooComplex) -> Fault {
    let mut fault = Fault::new(Class::InvalidRequest, format!("{error}; the gateway refuses it"));
    fault.code = Some(
        match error {
            TooComplex::Depth { .. } => "json_too_deep",
            TooComplex::Nodes { .. } => "json_too_complex",
        }
        .to_owned(),
    );
    fault
}

/// Reads a request of `protocol`.
pub(crate) fn request<'b, T: Deserialize<'b>>(
    document: &Document<'b>,
    protocol: &str,
) -> Result<T, Fault> {
    let read = match document.spans() {
        Some(spans) => interlingua_protocol::read_str(spans.document()),
        None => interlingua_protocol::read(document.bytes()),
    };
    read.map_err(|error| unreadable(protocol, &error))
}

/// A request that says something wrong at a certain place.
pub(crate) fn invalid(path: impl Into<String>, reason: impl AsRef<str>) -> Fault {
    let path = path.into();
    let message = format!("the request is invalid at `{path}`: {}", reason.as_ref());
    let mut fault = Fault::new(Class::InvalidRequest, message);
    fault.param = Some(path);
    fault
}

/// A request without a field that it cannot do without; `hint` is what may be meant.
pub(crate) fn missing(field: &str, hint: &str) -> Fault {
    let message = format!("the request has no `{field}`{hint}");
    let mut fault = Fault::new(Class::InvalidRequest, message);
    fault.param = Some(field.to_owned());
    fault
}

/// A document that is no JSON, or none of `protocol`'s requests.
fn unreadable(protocol: &str, error: &ReadError) -> Fault {
    let ReadError { path, reason, is_json } = error;
    // A body that was cut says nothing about the field in which it was.
    if *is_json && path != "." {
        return invalid(path, reason);
    }
    let message = format!("the body is no {protocol} request in JSON: {reason}");
    let mut fault = Fault::new(Class::InvalidRequest, message);
    fault.code = Some("invalid_json".to_owned());
    fault
}

/// A JSON string as text.
pub(crate) fn text(path: impl FnOnce() -> String, json: &RawValue) -> Result<Text<'_>, Fault> {
    Text::from_json(json.get()).ok_or_else(|| invalid(path(), "a string is expected here"))
}

/// Like [`text`], where there may be none.
pub(crate) fn optional_text(
    path: impl FnOnce() -> String,
    json: Option<&RawValue>,
) -> Result<Option<Text<'_>>, Fault> {
    json.map(|json| text(path, json)).transpose()
}

/// The lists of a request with every entry as it arrived, each read once, and only when an entry of it is
/// needed.
#[derive(Default)]
pub(crate) struct Lists<'a>(HashMap<(usize, &'static str), Vec<&'a RawValue>>);

impl<'a> Lists<'a> {
    /// What stands at a path: in each step the entry of a list, which is a field of the object before it.
    ///
    /// The document was parsed once already, so that this fails only where it holds something else.
    pub(crate) fn at(
        &mut self,
        document: &'a [u8],
        path: &[(&'static str, usize)],
    ) -> Option<&'a RawValue> {
        let (&(name, nth), before) = path.split_last()?;
        let object = match before {
            [] => document,
            before => self.at(document, before)?.get().as_bytes(),
        };
        self.nth(object, name, nth, |object| {
            let mut fields: HashMap<String, &'a RawValue> = serde_json::from_slice(object).ok()?;
            serde_json::from_str(fields.remove(name)?.get()).ok()
        })
    }

    /// An entry of a list.
    pub(crate) fn inner(&mut self, list: &'a RawValue, nth: usize) -> Option<&'a RawValue> {
        self.nth(list.get().as_bytes(), "", nth, |list| serde_json::from_slice(list).ok())
    }

    fn nth(
        &mut self,
        json: &'a [u8],
        name: &'static str,
        nth: usize,
        read: impl FnOnce(&'a [u8]) -> Option<Vec<&'a RawValue>>,
    ) -> Option<&'a RawValue> {
        // No two values of a document begin at one place.
        let list = self.0.entry((json.as_ptr().addr(), name));
        list.or_insert_with(|| read(json).unwrap_or_default()).get(nth).copied()
    }
}

/// The fields of `object` that are known elsewhere but mean nothing where they stand.
pub(crate) fn misplaced<'a>(
    place: Place,
    object: &'a RawValue,
    fields: impl Iterator<Item = &'static str>,
) -> impl Iterator<Item = Extra<'a>> {
    let raw = serde_json::from_str(object.get());
    let mut raw: HashMap<String, &'a RawValue> = raw.unwrap_or_default();
    let kept = fields.filter_map(move |name| Some((name, raw.remove(name)?)));
    kept.map(move |(name, json)| Extra { place, name: name.into(), json })
}
