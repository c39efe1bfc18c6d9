//! Tools as functions, in words and schemas.

use std::borrow::Cow;

use interlingua_ir::{Function, Text};
use serde::Deserialize;
use serde_json::value::RawValue;

use super::ARGUMENT;

/// What a function is described by, in paragraphs: what its group is about, and what it does.
pub(crate) fn description<'a>(function: &'a Function<'_>) -> Vec<Cow<'a, Text<'a>>> {
    let group = function.namespace.as_deref().zip(function.namespace_description.as_ref());
    let group = group.filter(|(_, about)| !about.is_empty()).map(|(name, about)| {
        let mut text = Vec::new();
        Text::plain(format!("Tools whose names begin with {name}: ")).write_json(&mut text);
        about.write_json(&mut text);
        Text::Json(interlingua_protocol::lossy(&text).into_owned().into())
    });
    let own = function.description.as_ref().map(Cow::Borrowed);
    group.map(Cow::Owned).into_iter().chain(own).collect()
}

/// What the function is described by that stands for a tool of free text, in paragraphs.
pub(crate) fn freeform_description<'a>(
    description: Option<&'a Text<'_>>,
    format: Option<&'a RawValue>,
) -> Vec<Cow<'a, Text<'a>>> {
    let how = format!(
        "This tool takes free text. Put all of it, exactly as it is, into the one argument `{ARGUMENT}`."
    );
    let mut texts: Vec<Cow<'_, Text<'_>>> = Vec::with_capacity(4);
    texts.extend(description.map(Cow::Borrowed));
    texts.push(Cow::Owned(how.into()));
    match (format.and_then(Grammar::read), format) {
        (Some(Grammar { syntax, definition, .. }), _) => {
            let syntax = syntax.and_then(|it| Text::from_json(it.get()));
            let syntax = syntax.unwrap_or(Text::EMPTY).to_plain().into_owned();
            let text = Text::from_json(definition.get()).unwrap_or(Text::plain(definition.get()));
            let label = format!("The text must follow this {syntax} grammar:");
            texts.push(Cow::Owned(label.into()));
            texts.push(Cow::Owned(text));
        }
        (_, Some(format)) => {
            let form = format!("The form of the text: {}", format.get());
            texts.push(Cow::Owned(form.into()));
        }
        (_, None) => {}
    }
    texts
}

/// The parameters of such a function.
pub(crate) fn freeform_schema() -> String {
    format!(
        r#"{{"type":"object","properties":{{"{ARGUMENT}":{{"type":"string","description":"The whole text."}}}},"required":["{ARGUMENT}"],"additionalProperties":false}}"#
    )
}

/// The grammar of a freeform tool's input.
pub(crate) struct Grammar<'a> {
    pub(crate) syntax: Option<&'a RawValue>,
    pub(crate) definition: &'a RawValue,
    /// It stands in an object of its own, as Chat has it.
    pub(crate) nested: bool,
}

impl<'a> Grammar<'a> {
    pub(crate) fn read(format: &'a RawValue) -> Option<Self> {
        #[derive(Deserialize)]
        struct Format<'a> {
            #[serde(borrow, default)]
            syntax: Option<&'a RawValue>,
            #[serde(borrow, default)]
            definition: Option<&'a RawValue>,
            #[serde(borrow, default)]
            grammar: Option<Box<Format<'a>>>,
        }
        let flat: Format<'a> = serde_json::from_str(format.get()).ok()?;
        let nested = flat.grammar.is_some();
        let inner =
            flat.grammar.map_or((flat.syntax, flat.definition), |it| (it.syntax, it.definition));
        Some(Self { syntax: inner.0, definition: inner.1?, nested })
    }
}
