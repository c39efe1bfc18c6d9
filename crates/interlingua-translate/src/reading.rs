//! What the readers of requests share.

use interlingua_ir::{Class, Fault, Text};
use interlingua_protocol::{ReadError, json};
use serde_json::value::RawValue;

/// Refuses a document with more structure than allowed.
pub(crate) fn check(body: &[u8], limits: json::Limits) -> Result<(), Fault> {
    json::check(body, limits).map_err(|error| {
        let mut fault =
            Fault::new(Class::InvalidRequest, format!("{error}; the gateway refuses it"));
        fault.code = Some(
            match error {
                json::TooComplex::Depth { .. } => "json_too_deep",
                json::TooComplex::Nodes { .. } => "json_too_complex",
            }
            .to_owned(),
        );
        fault
    })
}

/// Reads a string, which stands at `path`.
pub(crate) fn text(path: impl FnOnce() -> String, json: &RawValue) -> Result<Text<'_>, Fault> {
    Text::from_json(json.get()).ok_or_else(|| invalid(path(), "a string is expected here"))
}

/// Reads a string that may be missing.
pub(crate) fn optional_text(
    path: impl FnOnce() -> String,
    json: Option<&RawValue>,
) -> Result<Option<Text<'_>>, Fault> {
    json.map(|json| text(path, json)).transpose()
}

/// Tells a document that is no JSON from one that says something wrong at a certain place.
pub(crate) fn unreadable(error: &ReadError, protocol: &str) -> Fault {
    if error.path != "." {
        return invalid(&error.path, &error.reason);
    }
    let message = format!("the body is no {protocol} request in JSON: {}", error.reason);
    let mut fault = Fault::new(Class::InvalidRequest, message);
    fault.code = Some("invalid_json".to_owned());
    fault
}

/// Refuses what stands at `path`.
pub(crate) fn invalid(path: impl Into<String>, reason: impl AsRef<str>) -> Fault {
    let path = path.into();
    let message = format!("the request is invalid at `{path}`: {}", reason.as_ref());
    let mut fault = Fault::new(Class::InvalidRequest, message);
    fault.param = Some(path);
    fault
}
