//! The arguments of a call, on their way to those who insist on an object.

use interlingua_ir::{Call, Form, Note, NoteKind};
use interlingua_protocol::json::has_endless_number;
use serde::de::IgnoredAny;

use super::ARGUMENT;
use crate::render::string;

/// Writes a call's arguments as the inside of a JSON string. With `repair`, they become an object.
pub(crate) fn quoted_arguments(
    call: &Call<'_>,
    repair: bool,
    out: &mut Vec<u8>,
    notes: &mut Vec<Note>,
) {
    let wrap = |key: &str, out: &mut Vec<u8>| {
        // The text is a string inside a document inside a string: what is escaped once for the inner
        // document is escaped again for the outer one.
        let mut inner = Vec::with_capacity(call.input.stored_len() + 16);
        wrapped(call, key, &mut inner);
        interlingua_ir::escape(&interlingua_protocol::lossy(&inner), out);
    };
    if call.head.form == Form::Custom {
        return wrap(ARGUMENT, out);
    }
    let plain = call.input.to_plain();
    if plain.trim().is_empty() {
        out.extend_from_slice(b"{}");
    } else if !repair || is_object(&plain) {
        call.input.write_json(out);
    } else {
        notes.push(Note::new(NoteKind::Changed, NO_OBJECT));
        wrap(RAW, out);
    }
}

/// Writes a call's arguments as an object, whatever they were.
pub(crate) fn arguments(call: &Call<'_>, out: &mut Vec<u8>, notes: &mut Vec<Note>) {
    if call.head.form == Form::Custom {
        return wrapped(call, ARGUMENT, out);
    }
    let plain = call.input.to_plain();
    if plain.trim().is_empty() {
        out.extend_from_slice(b"{}");
    } else if is_object(&plain) {
        out.extend_from_slice(plain.trim().as_bytes());
    } else {
        notes.push(Note::new(NoteKind::Changed, NO_OBJECT));
        wrapped(call, RAW, out);
    }
}

/// Writes an object that holds the arguments as a text.
fn wrapped(call: &Call<'_>, key: &str, out: &mut Vec<u8>) {
    out.extend_from_slice(b"{\"");
    out.extend_from_slice(key.as_bytes());
    out.extend_from_slice(b"\":");
    string(out, &call.input);
    out.push(b'}');
}

fn is_object(json: &str) -> bool {
    json.trim_start().starts_with('{')
        && serde_json::from_str::<IgnoredAny>(json).is_ok()
        && !has_endless_number(json)
}

/// Under what name arguments stand that are no object.
const RAW: &str = "_raw";

const NO_OBJECT: &str = "arguments that are no JSON object";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_no_reader_can_read_is_no_object() {
        for json in
            ["{}", " {\"a\":[1.5e300,\"1e999\"]}", r#"{"a":"the1e"}"#, r#"{"s":"4e","b":"\ud83d"}"#]
        {
            assert!(is_object(json), "{json}");
        }
        let long = format!("{{\"a\":{}}}", "1".repeat(400));
        let endless = ["{\"a\":1e999}", "{\"a\":[-4.3E+8229]}", &long];
        for json in ["", "[]", "{", "{} {}"].into_iter().chain(endless) {
            assert!(!is_object(json), "{json}");
        }
    }
}
