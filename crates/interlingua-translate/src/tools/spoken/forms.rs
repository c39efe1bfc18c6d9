//! What calls look like in text.

use std::borrow::Cow;

use interlingua_dialect::TextCalls;
use interlingua_protocol::json::compact;
use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::value::RawValue;

/// Whose form it is.
#[derive(Clone, Copy, Debug)]
pub(super) enum Form {
    /// The model's own.
    Native(TextCalls),
    /// Ours.
    Envelope,
}

/// How a call is told from prose.
#[derive(Clone, Debug)]
pub(super) struct Shape {
    pub(super) form: Form,
    /// What stands before the JSON.
    pub(super) opener: Cow<'static, str>,
    /// How the JSON begins.
    pub(super) bracket: char,
    /// What stands after the JSON; nothing if the JSON's own end is the end.
    pub(super) closer: &'static str,
}

pub(super) fn shape(form: TextCalls) -> Shape {
    let (opener, bracket, closer) = match form {
        TextCalls::ToolCallTags => ("<tool_call>", '{', "</tool_call>"),
        TextCalls::ToolCallsList => ("[TOOL_CALLS]", '[', ""),
        TextCalls::JsonActionFence => ("```json action", '{', "```"),
        TextCalls::ToolCallHeading => ("#Tool Call", '{', ""),
    };
    Shape { form: Form::Native(form), opener: opener.into(), bracket, closer }
}

/// The envelope that the prompt has asked for.
pub(super) fn envelope(nonce: &str) -> Shape {
    let opener = format!("<call id=\"{nonce}\">").into();
    Shape { form: Form::Envelope, opener, bracket: '{', closer: "</call>" }
}

/// A call as the model wrote it.
#[derive(Debug, PartialEq)]
pub(super) struct Written {
    pub(super) name: String,
    /// JSON without blanks between its tokens.
    pub(super) arguments: String,
}

/// Reads the JSON of a form; `None` if it is anything but calls.
pub(super) fn read(form: Form, json: &str) -> Option<Vec<Written>> {
    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Named<'a> {
        #[serde(borrow)]
        name: Cow<'a, str>,
        #[serde(borrow)]
        arguments: &'a RawValue,
        #[serde(default, rename = "id")]
        _id: IgnoredAny,
    }
    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Action<'a> {
        #[serde(borrow)]
        tool: Cow<'a, str>,
        #[serde(borrow)]
        parameters: &'a RawValue,
    }
    let json = with_escapes(json);
    let calls: Vec<(Cow<'_, str>, &RawValue)> = match form {
        Form::Envelope | Form::Native(TextCalls::ToolCallTags | TextCalls::ToolCallHeading) => {
            let call: Named<'_> = serde_json::from_str(&json).ok()?;
            vec![(call.name, call.arguments)]
        }
        Form::Native(TextCalls::ToolCallsList) => {
            let calls: Vec<Named<'_>> = serde_json::from_str(&json).ok()?;
            calls.into_iter().map(|it| (it.name, it.arguments)).collect()
        }
        Form::Native(TextCalls::JsonActionFence) => {
            let call: Action<'_> = serde_json::from_str(&json).ok()?;
            vec![(call.tool, call.parameters)]
        }
    };
    let written = calls.into_iter().map(|(name, arguments)| {
        let arguments = Some(arguments.get()).filter(|it| it.starts_with('{'))?;
        Some(Written { name: name.into_owned(), arguments: compact(arguments) })
    });
    written.collect::<Option<Vec<_>>>().filter(|it| !it.is_empty())
}

/// Escapes line breaks and tabs inside strings: models write them as they are.
fn with_escapes(json: &str) -> Cow<'_, str> {
    if !json.contains(['\n', '\r', '\t']) {
        return Cow::Borrowed(json);
    }
    let mut out = String::with_capacity(json.len() + 16);
    let (mut in_string, mut escaped) = (false, false);
    for letter in json.chars() {
        let meant = match letter {
            '\n' if in_string => Some("\\n"),
            '\r' if in_string => Some("\\r"),
            '\t' if in_string => Some("\\t"),
            _ => None,
        };
        if letter == '"' && !escaped {
            in_string = !in_string;
        }
        escaped = in_string && letter == '\\' && !escaped;
        match meant {
            Some(meant) => out.push_str(meant),
            None => out.push(letter),
        }
    }
    Cow::Owned(out)
}
